//! `seaworthy templates`: proof that the templates are sound.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use crate::answer::{Answers, Entry, Given, Layer, Source, Strength};
use crate::error::Result;
use crate::template::{Proof, Shelves, TemplateSet, lint};
use crate::ui::Ui;

/// Prove that the templates are sound
#[derive(Debug, Args)]
pub struct Templates {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Check every pack, render every preset, hold it against every control, and try every mutant
    Lint {
        /// Lay an organisation's folder over the built-in templates
        #[arg(long, value_name = "DIR")]
        org: Option<PathBuf>,
    },
}

impl Templates {
    /// Runs the command.
    ///
    /// # Errors
    /// The first thing that is not sound.
    pub fn run(&self, ui: &Ui) -> Result<()> {
        let Action::Lint { org } = &self.action;
        let shelves = Shelves::open(org.as_deref())?;
        let set = TemplateSet::load(&shelves)?;
        let mut projects = Vec::new();
        for name in shelves.preset_names() {
            let preset = shelves.preset(name)?;
            let layers = [example_name(), shelves.policy().defaults(), preset.layer()];
            projects
                .push((preset.name, Answers::resolve(set.questions(), &layers, shelves.policy())?));
        }
        let Proof { packs, presets, controls } = lint(&set, &projects)?;
        ui.print(&format!("{packs} packs, {presets} presets and {controls} controls are sound\n"))
    }
}

/// The one answer that no preset gives.
fn example_name() -> Layer {
    let entry = Entry {
        key: "name".into(),
        given: Given::Text("example".into()),
        source: Source::Default,
        place: "the example's name".into(),
    };
    Layer { strength: Strength::Implied, entries: vec![entry] }
}
