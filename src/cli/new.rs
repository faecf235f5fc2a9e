//! `seaworthy new`: from answers to a project on disk.

use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};

use super::organisation::Organisation;
use crate::answer::{Answers, Layer, Preset, Question, SourceText, Value, listed};
use crate::error::{Error, Result};
use crate::project::{self, Action, LOCK, Lock, Plan};
use crate::template::{Shelves, TemplateSet};
use crate::tree::TreePath;
use crate::ui::{self, Interview, Terminal, Ui};

/// The preset that stands if none is chosen.
const DEFAULT_PRESET: &str = "production";

/// Write a new project
///
/// Asks for what matters on a terminal. Without one, or with `--yes`, it takes what flags, files,
/// the preset and defaults say, in this order.
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

/// What the project is made from.
struct Decision {
    preset: Option<String>,
    answers: Answers,
}

impl New {
    /// Runs the command.
    ///
    /// # Errors
    /// Whatever keeps the project from being written; then nothing is.
    pub fn run(&self, ui: &Ui, configuration: Option<&Path>) -> Result<()> {
        let shelves = self.organisation.open(configuration)?;
        let set = TemplateSet::load(&shelves)?;
        let decision = self.decide(ui, &shelves, set.questions())?;
        let rendered = set.render(&decision.answers)?;
        let organisation = shelves.policy().organisation().map(str::to_owned);
        let mut tree = rendered.tree;
        Lock::new(decision.preset.clone(), organisation, rendered.packs, &decision.answers)
            .seal(&mut tree, &rendered.lockfiles)?;

        let named = decision.answers.get("name").and_then(Value::as_text).unwrap_or_default();
        let shown = self.path.clone().unwrap_or_else(|| PathBuf::from(named));
        let target = target(&shown)?;
        if !self.dry_run {
            project::recover_target(&target, &mut |_| ui.interrupted())?;
        }
        let plan = Plan::between(&target, tree, &TreePath::new(LOCK)?)?;
        self.refuse_what_is_in_the_way(&shown, &plan)?;
        if !self.dry_run {
            project::apply(&plan, &target, &mut |_| ui.interrupted())?;
            if self.git && !project::commit_all(&target)? {
                ui.say(&format!(
                    "`{}` is in a repository already: nothing was committed\n",
                    shown.display()
                ));
            }
        }
        match (self.format, self.dry_run) {
            (Format::Json, _) => {
                let preset = decision.preset.as_deref();
                ui.print(&ui::plan_json(&shown, preset, &decision.answers, &plan, !self.dry_run)?)
            }
            (Format::Text, true) if self.diff => ui.print(&ui::diff_text(&plan)),
            (Format::Text, true) => ui.print(&ui::plan_text(&plan)),
            (Format::Text, false) => {
                ui.say(&ui::made_text(&shown, &plan));
                Ok(())
            }
        }
    }

    /// Settles the preset and the answers, asking for them where there is somebody to ask.
    fn decide(&self, ui: &Ui, shelves: &Shelves, questions: &[Question]) -> Result<Decision> {
        let policy = shelves.policy();
        let mut layers = vec![policy.defaults(), Layer::flags(&self.set)?];
        layers.extend(self.implied()?);
        let lock = self.read_answers(ui, policy.organisation(), &mut layers)?;
        let mut preset = match (&self.preset, lock.as_ref().map(|lock| &lock.preset)) {
            (Some(given), _) => Some(given_preset(given, shelves)?),
            // a lock has every answer, and may come from a preset that is a file elsewhere
            (None, Some(name)) => known_preset(name.as_deref(), shelves)?,
            (None, None) if self.yes => Some(shelves.preset(DEFAULT_PRESET)?),
            (None, None) => None,
        };
        layers.extend(preset.as_ref().map(Preset::layer));
        if !self.yes {
            if !ui.has_terminal() {
                return Err(Error::usage("there is no terminal to ask on").hint(
                    "add `--yes` to take what flags, files, the preset and the defaults say",
                ));
            }
            let offered = match preset.is_none() && lock.is_none() {
                true => shelves
                    .preset_names()
                    .into_iter()
                    .map(|name| shelves.preset(name))
                    .collect::<Result<_>>()?,
                false => Vec::new(),
            };
            let first = offered
                .iter()
                .position(|preset: &Preset| preset.name == DEFAULT_PRESET)
                .unwrap_or(0);
            let interview = Interview { questions, layers: &layers, policy, all: self.all };
            let outcome = interview.hold(&mut Terminal::new(ui), &offered, first)?;
            layers.extend(outcome.preset.as_ref().map(Preset::layer));
            layers.push(outcome.layer);
            preset = preset.or(outcome.preset);
        }
        let name = preset.map(|preset| preset.name).or(lock.and_then(|lock| lock.preset));
        Ok(Decision { preset: name, answers: Answers::resolve(questions, &layers, policy)? })
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

    fn refuse_what_is_in_the_way(&self, shown: &Path, plan: &Plan) -> Result<()> {
        let shown = shown.display();
        if let Some(change) =
            plan.changes().iter().find(|change| matches!(change.action, Action::Blocked(_)))
        {
            let Action::Blocked(what) = change.action else { unreachable!("it was just found") };
            return Err(Error::usage(format!(
                "`{shown}/{}` is in the way: it is {what}",
                change.path
            ))
            .hint("move it away, or choose another path"));
        }
        let replaced: Vec<&str> = plan
            .with(|action| action == Action::Replace)
            .map(|change| change.path.as_str())
            .collect();
        if self.force || replaced.is_empty() {
            return Ok(());
        }
        let more = replaced.len().saturating_sub(3);
        let more = if more > 0 { format!(" and {more} more") } else { String::new() };
        let names = listed(replaced.iter().take(3).copied());
        Err(Error::usage(format!("files in `{shown}` are in the way: {names}{more}"))
            .hint("choose another path, or add `--force` to replace them"))
    }
}

/// The target as a path that names a folder, whether it exists or not.
fn target(shown: &Path) -> Result<PathBuf> {
    match project::kind_of(shown)? {
        None | Some("a folder") => project::absolute(shown),
        Some(what) => {
            Err(Error::usage(format!("`{}` is in the way: it is {what}", shown.display()))
                .hint("move it away, or choose another path"))
        }
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
