//! `seaworthy new`: from answers to a project on disk.

use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};

use super::organisation::Organisation;
use super::proposal::Proposal;
use crate::answer::{Answers, DEFAULT_PRESET, Layer, Preset, SourceText};
use crate::error::{Error, Result};
use crate::project::{self, Lock};
use crate::template::{Shelves, TemplateSet};
use crate::ui::{self, Interview, Progress, Terminal, Ui};

/// Write a new project
///
/// Asks for what matters on a terminal. With `--yes`, which it needs where there is none, it takes
/// what flags, files, the preset and defaults say, in this order.
#[derive(Debug, Args)]
pub struct New {
    /// The project's folder; its last part is the project's name
    path: Option<PathBuf>,
    /// Start from this preset, by name or as a file
    #[arg(long, value_name = "NAME|FILE")]
    preset: Option<String>,
    /// Take answers from a TOML or JSON file, or a project's lock; `-` is standard input
    #[arg(long, value_name = "FILE|-")]
    answers: Option<String>,
    /// Answer one question; may be given many times
    #[arg(long, value_name = "KEY=VALUE")]
    set: Vec<String>,
    #[command(flatten)]
    organisation: Organisation,
    /// Ask nothing: take defaults for what is not given
    #[arg(long, short)]
    yes: bool,
    /// Ask every question that applies, not only those that matter
    #[arg(long, conflicts_with = "yes")]
    all: bool,
    /// Print what would be written, and write nothing
    #[arg(long)]
    dry_run: bool,
    /// Print it as a diff
    #[arg(long, requires = "dry_run", conflicts_with = "format")]
    diff: bool,
    /// How to print what was, or would be, written
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
    /// Replace files that are in the way
    #[arg(long)]
    force: bool,
    /// Make a git repository of the project, with a first commit
    #[arg(long, conflicts_with = "dry_run")]
    git: bool,
    /// Say nothing but errors
    #[arg(long, short)]
    pub(super) quiet: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    Text,
    Json,
}

/// What was given on the command line, before anybody is asked.
struct Given {
    layers: Vec<Layer>,
    lock: Option<Lock>,
    preset: Option<Preset>,
}

impl New {
    /// Runs the command.
    ///
    /// # Errors
    /// Whatever keeps the project from being written; then nothing is.
    pub fn run(&self, ui: &Ui, configuration: Option<&Path>) -> Result<()> {
        let shelves = self.organisation.open(configuration)?;
        let set = TemplateSet::load(&shelves)?;
        let given = self.given(ui, &shelves)?;
        let proposal = if self.yes {
            self.propose(ui, &shelves, &set, &given, None, None)?
        } else if ui.has_terminal() {
            self.ask(ui, &shelves, &set, &given)?
        } else {
            return Err(Error::usage("there is no terminal to ask on")
                .hint("add `--yes` to take what flags, files, the preset and the defaults say"));
        };
        if self.dry_run {
            self.print(ui, &proposal)?;
            return proposal.refuse_what_is_in_the_way(self.force);
        }
        proposal.refuse_what_is_in_the_way(self.force)?;
        // every file is a step, or two in an existing target
        let mut progress = Progress::new(ui, proposal.plan.changes().len());
        project::apply(&proposal.plan, &proposal.target, &mut |_| {
            progress.step();
            ui.interrupted()
        })?;
        drop(progress);
        if self.git && !project::commit_all(&proposal.target)? {
            let shown = proposal.shown.display();
            ui.say(&format!("`{shown}` is in a repository already: nothing was committed\n"));
        }
        self.print(ui, &proposal)
    }

    /// Prints what was or would be written.
    fn print(
        &self,
        ui: &Ui,
        Proposal { preset, answers, shown, plan, .. }: &Proposal,
    ) -> Result<()> {
        match (self.format, self.dry_run) {
            (Format::Json, _) => {
                ui.print(&ui::plan_json(shown, preset.as_deref(), answers, plan, !self.dry_run)?)
            }
            (Format::Text, true) if self.diff => ui.print(&ui::diff_text(plan)),
            (Format::Text, true) => ui.print(&ui::plan_text(plan)),
            (Format::Text, false) => {
                ui.say(&ui::made_text(shown, plan));
                Ok(())
            }
        }
    }

    /// Reads flags, files and the preset.
    fn given(&self, ui: &Ui, shelves: &Shelves) -> Result<Given> {
        let mut layers = vec![shelves.policy().defaults(), Layer::flags(&self.set)?];
        layers.extend(self.implied()?);
        let lock = self.read_answers(ui, shelves.policy().organisation(), &mut layers)?;
        let preset = match (&self.preset, lock.as_ref().map(|lock| &lock.preset)) {
            (Some(given), _) => Some(given_preset(given, shelves)?),
            // a lock has every answer, and may come from a preset that is a file elsewhere
            (None, Some(name)) => known_preset(name.as_deref(), shelves)?,
            (None, None) if self.yes => Some(shelves.preset(DEFAULT_PRESET)?),
            (None, None) => None,
        };
        layers.extend(preset.as_ref().map(Preset::layer));
        Ok(Given { layers, lock, preset })
    }

    /// Renders what was given comes to, with the preset that was chosen and the prompts' answers.
    fn propose(
        &self,
        ui: &Ui,
        shelves: &Shelves,
        set: &TemplateSet,
        given: &Given,
        chosen: Option<&Preset>,
        prompts: Option<&Layer>,
    ) -> Result<Proposal> {
        let mut layers = given.layers.clone();
        layers.extend(chosen.map(Preset::layer));
        layers.extend(prompts.cloned());
        let answers = Answers::resolve(set.questions(), &layers, shelves.policy())?;
        let preset = given.preset.as_ref().or(chosen).map(|preset| preset.name.clone());
        let preset = preset.or_else(|| given.lock.as_ref().and_then(|lock| lock.preset.clone()));
        let recovery = (!self.dry_run).then_some(ui);
        Proposal::new(shelves, set, preset, answers, self.path.as_deref(), recovery)
    }

    /// Asks for the rest, until there is a proposal that can be carried out.
    fn ask(
        &self,
        ui: &Ui,
        shelves: &Shelves,
        set: &TemplateSet,
        given: &Given,
    ) -> Result<Proposal> {
        let mut offered = Vec::new();
        if given.preset.is_none() && given.lock.is_none() {
            for name in shelves.preset_names() {
                offered.push(shelves.preset(name)?);
            }
            offered.retain(|preset| set.admits(preset));
        }
        let first = offered.iter().position(|preset| preset.name == DEFAULT_PRESET).unwrap_or(0);
        // what is in the way whatever the answers is told before any is given
        if self.path.is_some()
            && let Ok(proposal) = self.propose(ui, shelves, set, given, offered.get(first), None)
        {
            proposal.refuse_what_is_in_the_way(self.force)?;
        }
        let interview = Interview {
            questions: set.questions(),
            layers: &given.layers,
            policy: shelves.policy(),
            folder: self.path.as_deref(),
            all: self.all,
        };
        let mut proposal = None;
        interview.hold(&mut Terminal::new(ui), &offered, first, &mut |preset, prompts| {
            let made = self.propose(ui, shelves, set, given, preset, Some(prompts))?;
            made.refuse_what_is_in_the_way(self.force)?;
            proposal = Some(made);
            Ok(())
        })?;
        proposal.ok_or_else(Error::interrupted)
    }

    /// The name that follows from the path.
    fn implied(&self) -> Result<Option<Layer>> {
        let Some(path) = &self.path else { return Ok(None) };
        let absolute = project::absolute(path)?;
        let name = absolute.file_name().unwrap_or_default().to_string_lossy();
        Ok(Some(Layer::implied_name(&name, format!("the last part of {}", path.display()))))
    }

    /// Adds what `--answers` gives to the layers. If it is a lock, returns it.
    fn read_answers(
        &self,
        ui: &Ui,
        organisation: Option<&str>,
        layers: &mut Vec<Layer>,
    ) -> Result<Option<Lock>> {
        let text = match self.answers.as_deref() {
            None => return Ok(None),
            Some("-") => SourceText::new("standard input", ui.read_input()?),
            Some(file) => SourceText::new(file, project::read(Path::new(file))?),
        };
        let lock = Lock::parse(&text)?;
        if let Some(made_with) = lock.as_ref().and_then(|lock| lock.organisation.as_deref())
            && organisation != Some(made_with)
        {
            return Err(Error::usage(format!(
                "`{}` was made with the folder of `{made_with}`",
                text.name
            ))
            .hint("lay that folder over the built-in templates with `--org DIR`"));
        }
        layers.push(match &lock {
            Some(lock) => lock.layer(&text.name)?,
            None => Layer::file(&text)?,
        });
        Ok(lock)
    }
}

/// A preset that was given by name or, with a `/` or the suffix `.toml`, as a file.
fn given_preset(given: &str, shelves: &Shelves) -> Result<Preset> {
    if given.contains(['/', '\\']) || given.ends_with(".toml") {
        return shelves.preset_from(&SourceText::new(given, project::read(Path::new(given))?));
    }
    shelves.preset(given)
}

fn known_preset(name: Option<&str>, shelves: &Shelves) -> Result<Option<Preset>> {
    name.filter(|name| shelves.preset_names().contains(name))
        .map(|name| shelves.preset(name))
        .transpose()
}
