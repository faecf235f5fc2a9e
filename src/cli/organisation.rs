//! The organisation's folder that a command lays over the built-in templates.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use clap::Args;
use serde::Deserialize;

use crate::answer::SourceText;
use crate::error::Result;
use crate::project;
use crate::template::Shelves;

/// The option `--org`, for every command that reads templates.
#[derive(Debug, Args)]
pub struct Organisation {
    /// Lay an organisation's folder over the built-in templates and presets; empty for none
    #[arg(long, value_name = "DIR", env = "SEAWORTHY_ORG", hide_env_values = true)]
    org: Option<OsString>,
}

/// What the user's configuration file says.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Configuration {
    org: Option<PathBuf>,
}

impl Organisation {
    /// Opens the shelves with the organisation's folder: that of the option, of `SEAWORTHY_ORG` or
    /// of the user's configuration file `configuration`, whichever comes first.
    ///
    /// # Errors
    /// What [`Shelves::open`] says, or
    /// [`Kind::Usage`](crate::error::Kind::Usage) for a malformed configuration file.
    pub fn open(&self, configuration: Option<&Path>) -> Result<Shelves> {
        Shelves::open(self.folder(configuration)?.as_deref())
    }

    /// The folder, if there is one.
    ///
    /// # Errors
    /// [`Kind::Usage`](crate::error::Kind::Usage): a malformed configuration file.
    pub fn folder(&self, configuration: Option<&Path>) -> Result<Option<PathBuf>> {
        let given = match (&self.org, configuration) {
            (Some(org), _) => Some(PathBuf::from(org)),
            (None, Some(file)) => configured(file)?,
            (None, None) => None,
        };
        Ok(given.filter(|org| !org.as_os_str().is_empty()))
    }
}

/// The folder that a configuration file names, relative to the file.
fn configured(file: &Path) -> Result<Option<PathBuf>> {
    if project::kind_of(file)?.is_none() {
        return Ok(None);
    }
    let text = SourceText::new(file.display().to_string(), project::read(file)?);
    let org = text.parse::<Configuration>()?.org;
    Ok(org.map(|org| file.parent().map(|folder| folder.join(&org)).unwrap_or(org)))
}
