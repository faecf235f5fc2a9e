//! Carrying out a plan: all of it or nothing.
//!
//! Everything is written into a staging folder first. A target that does not exist appears by one
//! rename. In an existing target the files are moved in one by one under a journal, whose removal
//! is the moment at which the new state counts: until then, a failure here or the next run after a
//! kill puts everything back.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::disk::{self, Claim};
use super::plan::{Action, Change, Plan};
use crate::error::{Error, Kind, Result};
use crate::tree::{File, TreePath};

/// The staging folder's name in an existing target, and its prefix beside a new one.
const STAGING: &str = ".seaworthy-staging";

/// A step of the writing, told before it is taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step<'a> {
    /// The staging folder is made.
    Begin,
    /// A file is written into the staging folder.
    Stage(&'a TreePath),
    /// A file is moved to its place in an existing target.
    Move(&'a TreePath),
    /// The new state is made to count.
    Commit,
    /// A file is put back that another run left half moved.
    PutBack(&'a TreePath),
}

/// Is told every step before it is taken, and may stop the writing with an error.
pub type Watch<'a> = &'a mut dyn FnMut(&Step) -> Result<()>;

/// Carries out `plan` in the folder `target`, with `watch` looking on.
///
/// # Errors
/// [`Kind::Disk`] if the system refuses, [`Kind::Usage`] if another run is writing there, or what
/// `watch` says. The target is then as it was.
pub fn apply(plan: &Plan, target: &Path, watch: Watch) -> Result<()> {
    if plan.with(Action::writes).next().is_none() {
        return Ok(());
    }
    let fresh = disk::kind_of(target)?.is_none();
    let parents = if fresh { missing_parents(target)? } else { Vec::new() };
    let staging = staging_of(target, fresh);
    let written = watch(&Step::Begin).and_then(|()| {
        parents.iter().try_for_each(|parent| disk::make_folder(parent))?;
        let _claim = open(&staging)?;
        if fresh {
            write_fresh(plan, target, &staging, watch)
        } else {
            write_over(plan, target, &staging, watch)
        }
    });
    if let Err(error) = written {
        // what cannot be put back now is put back by the next run
        let _ = recover(&staging, target, &mut |_| Ok(()));
        parents.iter().rev().for_each(|parent| disk::remove_if_empty(parent));
        return Err(error);
    }
    disk::remove_folder(&staging)
}

/// Clears what a killed run left behind at `target`, and puts back what it had moved.
///
/// # Errors
/// [`Kind::Usage`] if that run is still going, [`Kind::Disk`] if the system refuses, or what `watch`
/// says. What is not put back then is put back by the next run.
pub fn recover_target(target: &Path, watch: Watch) -> Result<()> {
    [true, false].iter().try_for_each(|fresh| recover(&staging_of(target, *fresh), target, watch))
}

fn staging_of(target: &Path, fresh: bool) -> PathBuf {
    match target.file_name() {
        Some(name) if fresh => {
            target.with_file_name(format!("{STAGING}-{}", name.to_string_lossy()))
        }
        _ => target.join(STAGING),
    }
}

fn missing_parents(target: &Path) -> Result<Vec<PathBuf>> {
    let mut missing = Vec::new();
    for parent in target.ancestors().skip(1) {
        if disk::kind_of(parent)?.is_some() {
            break;
        }
        missing.insert(0, parent.to_path_buf());
    }
    Ok(missing)
}

fn open(staging: &Path) -> Result<Claim> {
    disk::make_folder(staging)?;
    disk::claim(&staging.join("claim"))?.ok_or_else(|| busy(staging))
}

fn busy(staging: &Path) -> Error {
    Error::usage(format!("another run is writing here (`{}`)", staging.display()))
        .hint("wait for it to end")
}

fn write_fresh(plan: &Plan, target: &Path, staging: &Path, watch: Watch) -> Result<()> {
    let root = staging.join("project");
    disk::make_folder(&root)?;
    let mut made = BTreeSet::new();
    for change in plan.changes() {
        watch(&Step::Stage(&change.path))?;
        for folder in change.path.ancestors().filter(|folder| made.insert(folder.clone())) {
            disk::make_folder(&root.join(folder.as_str()))?;
        }
        disk::write_new(&root.join(change.path.as_str()), &change.file)?;
    }
    watch(&Step::Commit)?;
    disk::rename(&root, target)
}

/// What a run is about to move, in order. Files stand in `new` and `old` under their numbers.
#[derive(Debug, Serialize, Deserialize)]
struct Journal {
    /// The folders that it makes, outermost first.
    folders: Vec<String>,
    /// The files.
    files: Vec<String>,
}

fn write_over(plan: &Plan, target: &Path, staging: &Path, watch: Watch) -> Result<()> {
    let changes: Vec<&Change> = plan.with(Action::writes).collect();
    for half in ["new", "old"] {
        disk::make_folder(&staging.join(half))?;
    }
    let mut journal = Journal { folders: Vec::new(), files: Vec::new() };
    for (number, change) in changes.iter().enumerate() {
        watch(&Step::Stage(&change.path))?;
        disk::write_new(&staging.join("new").join(number.to_string()), &change.file)?;
        journal.files.push(change.path.to_string());
        for folder in change.path.ancestors() {
            let name = folder.to_string();
            if disk::kind_of(&target.join(&name))?.is_none() && !journal.folders.contains(&name) {
                journal.folders.push(name);
            }
        }
    }
    let text = serde_json::to_string(&journal).map_err(|error| {
        Error::new(Kind::Internal, "the journal cannot be written").because(error)
    })?;
    disk::write_new(&staging.join("journal.part"), &File::new(text))?;
    disk::rename(&staging.join("journal.part"), &staging.join("journal"))?;
    for folder in &journal.folders {
        disk::make_folder(&target.join(folder))?;
    }
    for (number, change) in changes.iter().enumerate() {
        watch(&Step::Move(&change.path))?;
        let (place, number) = (target.join(change.path.as_str()), number.to_string());
        if change.action == Action::Replace {
            disk::rename(&place, &staging.join("old").join(&number))?;
        }
        disk::rename(&staging.join("new").join(&number), &place)?;
    }
    watch(&Step::Commit)?;
    disk::remove(&staging.join("journal"))
}

fn recover(staging: &Path, target: &Path, watch: Watch) -> Result<()> {
    if disk::kind_of(staging)?.is_none() {
        return Ok(());
    }
    let _claim = disk::claim(&staging.join("claim"))?.ok_or_else(|| busy(staging))?;
    if disk::kind_of(&staging.join("journal"))?.is_some() {
        put_back(staging, target, watch)?;
    }
    disk::remove_folder(staging)
}

/// Takes every file back to `new` before its forerunner leaves `old`, so that a run that is killed
/// here leaves nothing that the next could take for a file of ours.
fn put_back(staging: &Path, target: &Path, watch: Watch) -> Result<()> {
    let text = disk::read(&staging.join("journal"))?;
    let journal: Journal = serde_json::from_str(&text).map_err(|error| {
        Error::new(Kind::Disk, format!("`{}` is damaged", staging.join("journal").display()))
            .hint("the files that it replaced are in the folder `old` beside it")
            .because(error)
    })?;
    for (number, path) in journal.files.iter().enumerate().rev() {
        let path = TreePath::new(path)?;
        let place = target.join(path.as_str());
        let [new, old] = ["new", "old"].map(|half| staging.join(half).join(number.to_string()));
        watch(&Step::PutBack(&path))?;
        if disk::kind_of(&new)?.is_none() && disk::kind_of(&place)?.is_some() {
            disk::rename(&place, &new)?;
        }
        watch(&Step::PutBack(&path))?;
        if disk::kind_of(&old)?.is_some() {
            disk::rename(&old, &place)?;
        }
    }
    for folder in journal.folders.iter().rev() {
        disk::remove_if_empty(&target.join(TreePath::new(folder)?.as_str()));
    }
    disk::remove(&staging.join("journal"))
}
