//! `seaworthy templates`: what there is to change, and proof that it is sound.

use std::path::Path;

use clap::{Args, Subcommand};

use super::organisation::Organisation;
use crate::answer::listed;
use crate::error::{Error, Kind, Result};
use crate::project::{self, Action as FileAction, Plan};
use crate::template::{Proof, TemplateSet, example, lint, stub, try_all};
use crate::tree::{File, Tree, TreePath};
use crate::ui::{self, Ui};

/// List, show, eject or prove templates
#[derive(Debug, Args)]
pub struct Templates {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// List the templates, and who each comes from
    List {
        #[command(flatten)]
        organisation: Organisation,
    },
    /// Print a template
    Show {
        /// Its path, as `list` prints it
        path: String,
        #[command(flatten)]
        organisation: Organisation,
    },
    /// Write a stub into an organisation's folder that extends a built-in template
    Eject {
        /// The template's path, as `list` prints it
        path: String,
        #[command(flatten)]
        organisation: Organisation,
    },
    /// Check every pack, render every preset, hold it against every control, try every mutant, and
    /// run the organisation's own trials
    Lint {
        #[command(flatten)]
        organisation: Organisation,
    },
}

impl Templates {
    /// Runs the command.
    ///
    /// # Errors
    /// An unknown template, a target in the way, or the first thing that is not sound.
    pub fn run(&self, ui: &Ui, configuration: Option<&Path>) -> Result<()> {
        match &self.action {
            Action::List { organisation } => {
                ui.print(&ui::templates_text(&organisation.open(configuration)?.templates()))
            }
            Action::Show { path, organisation } => {
                ui.print(&organisation.open(configuration)?.template(path)?.text)
            }
            Action::Eject { path, organisation } => {
                let Some(folder) = organisation.folder(configuration)? else {
                    return Err(Error::usage("there is no organisation's folder to eject into")
                        .hint("name it with `--org DIR`"));
                };
                eject(ui, path, &folder, organisation, configuration)
            }
            Action::Lint { organisation } => prove(ui, organisation, configuration),
        }
    }
}

fn eject(
    ui: &Ui,
    path: &str,
    folder: &Path,
    organisation: &Organisation,
    configuration: Option<&Path>,
) -> Result<()> {
    let text = stub(&organisation.open(configuration)?, path)?;
    let place = TreePath::new(&format!("templates/{path}"))?;
    let mut tree = Tree::new();
    tree.insert(place.clone(), File::new(text))?;
    let target = project::absolute(folder)?;
    project::recover_target(&target, &mut |_| ui.interrupted())?;
    let plan = Plan::between(&target, tree, &place)?;
    let shown = folder.join(place.as_str());
    if plan.with(|action| action != FileAction::Create).next().is_some() {
        return Err(Error::usage(format!("`{}` is in the way", shown.display()))
            .hint("it is yours already: edit it, or move it away to begin anew"));
    }
    project::apply(&plan, &target, &mut |_| ui.interrupted())?;
    ui.print(&format!("{}\n", shown.display()))
}

fn prove(ui: &Ui, organisation: &Organisation, configuration: Option<&Path>) -> Result<()> {
    let shelves = organisation.open(configuration)?;
    let set = TemplateSet::load_checked(&shelves)?;
    let (mut projects, mut refused) = (Vec::new(), Vec::new());
    for name in shelves.preset_names() {
        let preset = shelves.preset(name)?;
        match example(&shelves, &set, &preset, None) {
            Ok(answers) => projects.push((preset.name, answers)),
            Err(error) if error.kind() == Kind::Policy => refused.push(name),
            Err(error) => return Err(error),
        }
    }
    let Proof { packs, presets, controls } = lint(&set, &projects)?;
    let trials = match try_all(&shelves, &set)? {
        0 => String::new(),
        count => format!(", and {count} trials pass"),
    };
    ui.print(&format!(
        "{packs} packs, {presets} presets and {controls} controls are sound{trials}\n"
    ))?;
    if !refused.is_empty() {
        ui.say(&format!("presets that the organisation refuses: {}\n", listed(refused)));
    }
    Ok(())
}
