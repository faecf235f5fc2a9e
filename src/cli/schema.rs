//! `seaworthy schema`: JSON Schemas of what is read and printed.

use std::path::Path;

use clap::{Args, Subcommand};

use super::organisation::Organisation;
use crate::answer::answers_schema;
use crate::error::Result;
use crate::template::TemplateSet;
use crate::ui::{self, Ui};

/// Print the JSON Schema of a format
#[derive(Debug, Args)]
pub struct Schema {
    #[command(subcommand)]
    format: Format,
}

#[derive(Debug, Subcommand)]
enum Format {
    /// An answers file, as `new --answers` reads it
    Answers(Organisation),
    /// A plan, as `new --format json` prints it
    Plan,
}

impl Schema {
    /// Runs the command.
    ///
    /// # Errors
    /// An organisation's folder that cannot be read.
    pub fn run(&self, ui: &Ui, configuration: Option<&Path>) -> Result<()> {
        let schema = match &self.format {
            Format::Answers(organisation) => {
                answers_schema(TemplateSet::load(&organisation.open(configuration)?)?.questions())
            }
            Format::Plan => ui::plan_schema(),
        };
        ui.print(&format!("{schema:#}\n"))
    }
}
