//! What would change on disk.

use std::path::Path;

use super::disk::{self, Standing};
use crate::error::Result;
use crate::tree::{File, Tree, TreePath};

/// What happens to one file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    /// There is nothing yet: it is made.
    Create,
    /// Other text stands there: it is replaced.
    Replace,
    /// The same text stands there: it is left alone.
    Keep,
    /// Something stands there that is never replaced, in words: `a folder`.
    Blocked(&'static str),
}

impl Action {
    /// Whether something is written.
    pub fn writes(self) -> bool {
        matches!(self, Action::Create | Action::Replace)
    }

    /// The action in one word.
    pub fn word(self) -> &'static str {
        match self {
            Action::Create => "create",
            Action::Replace => "replace",
            Action::Keep => "keep",
            Action::Blocked(_) => "blocked",
        }
    }
}

/// One file of a plan.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// Where.
    pub path: TreePath,
    /// What stands there now, if it is a file of text.
    pub found: Option<File>,
    /// What stands there afterwards.
    pub file: File,
    /// What it takes.
    pub action: Action,
}

/// What would change on disk, in the order in which it is written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plan(Vec<Change>);

impl Plan {
    /// The plan that brings the folder `root` to hold every file of `rendered`. Files of the
    /// folder that `rendered` does not name are none of its business. The file `last` is written
    /// last, so that its presence means that all others are there.
    ///
    /// # Errors
    /// [`Kind::Disk`](crate::error::Kind::Disk) if the folder cannot be read.
    pub fn between(root: &Path, rendered: Tree, last: &TreePath) -> Result<Self> {
        let fresh = disk::kind_of(root)?.is_none();
        let change = |(path, file): (TreePath, File)| {
            let standing = if fresh { Standing::Nothing } else { disk::standing(root, &path)? };
            let (action, found) = match standing {
                Standing::Nothing => (Action::Create, None),
                Standing::File(found) if found == file => (Action::Keep, Some(found)),
                Standing::File(found) => (Action::Replace, Some(found)),
                Standing::Other(what) => (Action::Blocked(what), None),
            };
            Ok(Change { path, found, file, action })
        };
        let mut changes = rendered.into_iter().map(change).collect::<Result<Vec<_>>>()?;
        changes.sort_by_key(|change| change.path == *last);
        Ok(Self(changes))
    }

    /// Every file, in the order in which it is written.
    pub fn changes(&self) -> &[Change] {
        &self.0
    }

    /// The files on which `wanted` is true of the action.
    pub fn with(&self, wanted: impl Fn(Action) -> bool) -> impl Iterator<Item = &Change> {
        self.0.iter().filter(move |change| wanted(change.action))
    }
}
