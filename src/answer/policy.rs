//! An organisation's word on the answers: its defaults, and the values that it locks.

use serde::Deserialize;

use super::layer::{Entry, Layer, Source, Strength, Table};
use super::question::Question;
use super::source_text::SourceText;
use crate::error::{Error, Kind, Result};

/// What `organisation.toml` says.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct Declaration {
    name: String,
    #[serde(default)]
    defaults: Table,
    #[serde(default)]
    locked: Table,
}

/// An organisation's defaults and locked values. The default policy says nothing.
#[derive(Debug, Clone, Default)]
pub struct Policy {
    organisation: Option<String>,
    defaults: Vec<Entry>,
    locked: Vec<Entry>,
}

impl Policy {
    /// Reads an `organisation.toml`.
    ///
    /// # Errors
    /// [`Kind::Usage`]: malformed text, with its place.
    pub fn parse(text: &SourceText) -> Result<Self> {
        let declared: Declaration = text.parse()?;
        let name = declared.name;
        Ok(Self {
            defaults: declared.defaults.entries(text, &Source::Organisation(name.clone())),
            locked: declared.locked.entries(text, &Source::Locked(name.clone())),
            organisation: Some(name),
        })
    }

    /// The organisation's name, if there is one.
    pub fn organisation(&self) -> Option<&str> {
        self.organisation.as_deref()
    }

    /// The organisation's defaults, as a layer.
    pub fn defaults(&self) -> Layer {
        Layer { strength: Strength::Organisation, entries: self.defaults.clone() }
    }

    /// The values that nobody may change.
    pub fn locked(&self) -> &[Entry] {
        &self.locked
    }

    /// Lets an entry pass if the policy does not lock its question to another value.
    ///
    /// # Errors
    /// - [`Kind::Policy`]: it does; the message names both places.
    /// - [`Kind::Usage`]: one of the two values is not one of the question's.
    pub fn admit(&self, question: &Question, entry: &Entry) -> Result<()> {
        let Some(lock) = self.locked.iter().find(|lock| lock.key == entry.key) else {
            return Ok(());
        };
        let (locked, given) = (lock.read(question)?, entry.read(question)?);
        if locked == given {
            return Ok(());
        }
        let message = format!(
            "`{}` is locked to `{locked}` by `{}` (`{}`), and {} asks for `{given}` (`{}`)",
            entry.key,
            self.organisation.as_deref().unwrap_or_default(),
            lock.place,
            entry.source,
            entry.place
        );
        Err(Error::new(Kind::Policy, message).hint(
            "leave it out; to have it changed, speak to the owners of the organisation's folder",
        ))
    }
}
