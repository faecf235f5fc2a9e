//! `seaworthy presets`: what there is to start from.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use crate::error::Result;
use crate::template::Shelves;
use crate::ui::{self, Ui};

/// List presets, or show what one sets
#[derive(Debug, Args)]
pub struct Presets {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// List the presets, one a line
    List {
        /// Lay an organisation's folder over the built-in presets
        #[arg(long, value_name = "DIR")]
        org: Option<PathBuf>,
    },
    /// Show what a preset sets, and which preset each value comes from
    Show {
        /// The preset
        name: String,
        /// Lay an organisation's folder over the built-in presets
        #[arg(long, value_name = "DIR")]
        org: Option<PathBuf>,
    },
}

impl Presets {
    /// Runs the command.
    ///
    /// # Errors
    /// A preset that is unknown or malformed.
    pub fn run(&self, ui: &Ui) -> Result<()> {
        match &self.action {
            Action::List { org } => {
                let shelves = Shelves::open(org.as_deref())?;
                let presets = shelves.preset_names().into_iter().map(|name| shelves.preset(name));
                ui.print(&ui::presets_text(&presets.collect::<Result<Vec<_>>>()?))
            }
            Action::Show { name, org } => {
                ui.print(&ui::preset_text(&Shelves::open(org.as_deref())?.preset(name)?))
            }
        }
    }
}
