//! `seaworthy presets`: what there is to start from.

use std::path::Path;

use clap::{Args, Subcommand};

use super::organisation::Organisation;
use crate::error::Result;
use crate::template::{TemplateSet, example};
use crate::ui::{self, Ui};

/// List presets, or show what one sets and makes
#[derive(Debug, Args)]
pub struct Presets {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// List the presets, one a line
    List {
        #[command(flatten)]
        organisation: Organisation,
    },
    /// Show what a preset sets, which preset each value comes from, and the files that it makes
    Show {
        /// The preset
        name: String,
        #[command(flatten)]
        organisation: Organisation,
    },
}

impl Presets {
    /// Runs the command.
    ///
    /// # Errors
    /// A preset that is unknown or malformed.
    pub fn run(&self, ui: &Ui, configuration: Option<&Path>) -> Result<()> {
        match &self.action {
            Action::List { organisation } => {
                let shelves = organisation.open(configuration)?;
                let presets = shelves.preset_names().into_iter().map(|name| shelves.preset(name));
                ui.print(&ui::presets_text(&presets.collect::<Result<Vec<_>>>()?))
            }
            Action::Show { name, organisation } => {
                let shelves = organisation.open(configuration)?;
                let preset = shelves.preset(name)?;
                let set = TemplateSet::load(&shelves)?;
                let answers = example(&shelves, &set, &preset, None)?;
                let tree = set.render(&answers)?.tree;
                ui.print(&ui::preset_text(&preset, tree.iter().map(|(path, _)| path)))
            }
        }
    }
}
