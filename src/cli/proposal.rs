//! A proposal: a rendered project, and what it would take to have it on disk.

use std::path::{Path, PathBuf};

use crate::answer::{Answers, Value, listed};
use crate::error::{Error, Kind, Result};
use crate::project::{self, Action, LOCK, Lock, Plan};
use crate::template::{Shelves, TemplateSet};
use crate::tree::TreePath;
use crate::ui::Ui;

/// What a project is made from and where it goes, before anything is written.
pub struct Proposal {
    /// The preset's name.
    pub preset: Option<String>,
    /// The settled answers.
    pub answers: Answers,
    /// The target, as the user would name it.
    pub shown: PathBuf,
    /// The target.
    pub target: PathBuf,
    /// What would change there.
    pub plan: Plan,
}

impl Proposal {
    /// Renders a project for the folder `path` or, without one, for the folder of its name. With
    /// an organisation in play the project is held against all controls: its templates may have
    /// undone what ours keep. With `recovery`, what a killed run left at the target is put back
    /// first.
    ///
    /// # Errors
    /// What [`TemplateSet::render`] says; [`Kind::Control`]: a control is not kept;
    /// [`Kind::Usage`]: the target is no folder; [`Kind::Disk`]: it cannot be read.
    pub fn new(
        shelves: &Shelves,
        set: &TemplateSet,
        preset: Option<String>,
        answers: Answers,
        path: Option<&Path>,
        recovery: Option<&Ui>,
    ) -> Result<Self> {
        let rendered = set.render(&answers)?;
        if shelves.organisation().is_some()
            && let Some(finding) = set.audit(&answers, &rendered.tree)?.findings.first()
        {
            return Err(Error::new(Kind::Control, format!("the project would breach {finding}"))
                .hint(&finding.fix));
        }
        let organisation = shelves.policy().organisation().map(str::to_owned);
        let mut tree = rendered.tree;
        Lock::new(preset.clone(), organisation, rendered.packs, &answers)
            .seal(&mut tree, &rendered.lockfiles)?;
        let name = answers.get("name").and_then(Value::as_text).unwrap_or_default();
        let shown = path.map_or_else(|| PathBuf::from(name), Path::to_path_buf);
        let target = target(&shown)?;
        if let Some(ui) = recovery {
            project::recover_target(&target, &mut |_| ui.interrupted())?;
        }
        let plan = Plan::between(&target, tree, &TreePath::new(LOCK)?)?;
        Ok(Self { preset, answers, shown, target, plan })
    }

    /// Refuses what would replace something, unless that is what `force` asks for.
    ///
    /// # Errors
    /// [`Kind::Usage`]: files are in the way, or something that is never replaced.
    pub fn refuse_what_is_in_the_way(&self, force: bool) -> Result<()> {
        let shown = self.shown.display();
        for change in self.plan.changes() {
            if let Action::Blocked(what) = change.action {
                return Err(Error::usage(format!(
                    "`{shown}/{}` is in the way: it is {what}",
                    change.path
                ))
                .hint("move it away, or choose another path"));
            }
        }
        let replaced: Vec<&str> = self
            .plan
            .with(|action| action == Action::Replace)
            .map(|change| change.path.as_str())
            .collect();
        if force || replaced.is_empty() {
            return Ok(());
        }
        let more = replaced.len().saturating_sub(3);
        let more = if more > 0 { format!(" and {more} more") } else { String::new() };
        let names = listed(replaced.iter().take(3).copied());
        Err(Error::usage(format!("files in `{shown}` are in the way: {names}{more}"))
            .hint("choose another path, or add `--force` to replace them; `--dry-run --diff` shows how they differ"))
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
