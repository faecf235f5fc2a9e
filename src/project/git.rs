//! A repository for a new project, if the user asks for one.

#![expect(clippy::disallowed_methods, reason = "this is the file that runs git")]

use std::path::Path;
use std::process::{Command, Output};

use crate::error::{Error, Kind, Result};

/// Makes a repository in a project's folder and commits what is in it. A folder that is in a
/// repository already keeps that one, and nothing is committed.
///
/// Returns whether a repository was made.
///
/// # Errors
/// [`Kind::Usage`] if git is missing, has no identity, or refuses. The project stays as written.
pub fn commit_all(folder: &Path) -> Result<bool> {
    if git(folder, &["rev-parse", "--is-inside-work-tree"])?.status.success() {
        return Ok(false);
    }
    for arguments in [
        ["init", "--quiet", "--initial-branch=main"].as_slice(),
        ["add", "--all"].as_slice(),
        ["commit", "--quiet", "--message", "Generate the project with seaworthy"].as_slice(),
    ] {
        let output = git(folder, arguments)?;
        if !output.status.success() {
            let said = String::from_utf8_lossy(&output.stderr);
            let said =
                said.lines().map(str::trim).find(|line| !line.is_empty()).unwrap_or_default();
            return Err(Error::usage(format!("`git {}` failed: {said}", arguments[0]))
                .hint("the project is written: correct what git says, and commit it yourself"));
        }
    }
    Ok(true)
}

fn git(folder: &Path, arguments: &[&str]) -> Result<Output> {
    Command::new("git").arg("-C").arg(folder).args(arguments).output().map_err(|error| {
        Error::new(Kind::Usage, format!("cannot run git: {error}"))
            .hint("install git, or leave `--git` out; the project is written")
            .because(error)
    })
}
