//! The lock: what a project was made from, so that the same bytes can be made again.

use std::str::FromStr;

use serde::{Deserialize, Serialize};
use toml::map::Map;

use crate::answer::{Answers, Entry, Given, Layer, Source, SourceText, Strength, Value};
use crate::error::{Error, Kind, Result};
use crate::tree::{File, Tree, TreePath};

/// The lock's path in a project.
pub const LOCK: &str = ".seaworthy/lock.toml";

/// The path of the archive of all files as they were generated, which an update compares with.
pub const BASE: &str = ".seaworthy/base.txtar";

/// The version of the lock's own format.
const SCHEMA: u32 = 1;

/// What a project was made from. Nothing in it depends on the clock or the machine.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Lock {
    schema: u32,
    /// The version of seaworthy that made it.
    pub generator: String,
    /// The preset that was chosen.
    pub preset: Option<String>,
    /// The organisation whose folder was laid over the built-in one.
    pub organisation: Option<String>,
    /// The digest of each pack that took part.
    pub packs: Map<String, toml::Value>,
    answers: Map<String, toml::Value>,
    sources: Map<String, toml::Value>,
}

impl Lock {
    /// The lock of a project.
    pub fn new(
        preset: Option<String>,
        organisation: Option<String>,
        packs: Vec<(String, String)>,
        answers: &Answers,
    ) -> Self {
        let text = |text: String| toml::Value::String(text);
        Self {
            schema: SCHEMA,
            generator: env!("CARGO_PKG_VERSION").to_owned(),
            preset,
            organisation,
            packs: packs.into_iter().map(|(pack, digest)| (pack, text(digest))).collect(),
            answers: answers
                .iter()
                .map(|answer| (answer.key.clone(), to_toml(&answer.value)))
                .collect(),
            sources: answers
                .iter()
                .map(|answer| (answer.key.clone(), text(answer.source.to_string())))
                .collect(),
        }
    }

    /// Reads a lock, if the text is one: it has both `[answers]` and `[sources]`.
    ///
    /// # Errors
    /// [`Kind::Usage`]: it is one, and malformed or of a later format.
    pub fn parse(text: &SourceText) -> Result<Option<Self>> {
        let looks =
            |table: &toml::Table| table.contains_key("answers") && table.contains_key("sources");
        if text.is_json() || !text.parse::<toml::Table>().is_ok_and(|table| looks(&table)) {
            return Ok(None);
        }
        let lock: Self = text.parse()?;
        if lock.schema != SCHEMA {
            return Err(Error::usage(format!(
                "`{}` has format {}, which this version cannot read",
                text.name, lock.schema
            ))
            .hint("install the version of seaworthy that made it, or a newer one"));
        }
        Ok(Some(lock))
    }

    /// The answers as a layer. They keep their sources.
    ///
    /// # Errors
    /// [`Kind::Usage`]: a source that is none, or a value that no question can have.
    pub fn layer(&self, place: &str) -> Result<Layer> {
        let entry = |(key, value): (&String, &toml::Value)| {
            let source = self.sources.get(key).and_then(toml::Value::as_str).unwrap_or_default();
            let broken = || {
                Error::usage(format!("`{place}` does not say who answered `{key}`"))
                    .hint("take the file as it was generated, or delete its `[sources]` to use it as an answers file")
            };
            let value: Value = value.clone().try_into().map_err(|_| broken())?;
            Ok(Entry {
                key: key.clone(),
                given: Given::Value(value),
                source: Source::from_str(source).map_err(|()| broken())?,
                place: place.to_owned(),
            })
        };
        Ok(Layer {
            strength: Strength::Lock,
            entries: self.answers.iter().map(entry).collect::<Result<_>>()?,
        })
    }

    /// Adds the lock to a project, and the archive of its files but for `left_out` (lockfiles of
    /// package managers, which are made anew rather than merged).
    ///
    /// # Errors
    /// [`Kind::Template`] if a template wrote to one of the two paths.
    pub fn seal(&self, tree: &mut Tree, left_out: &[TreePath]) -> Result<()> {
        let text = toml::to_string(self).map_err(|error| {
            Error::new(Kind::Internal, "the lock cannot be written").because(error)
        })?;
        let archive = tree.archive(|path| !left_out.contains(path));
        tree.insert_archive(TreePath::new(BASE)?, archive)?;
        tree.insert(
            TreePath::new(LOCK)?,
            File::new(format!("# Made by seaworthy, which reads it back: do not edit.\n{text}")),
        )
    }
}

fn to_toml(value: &Value) -> toml::Value {
    match value {
        Value::Bool(value) => (*value).into(),
        Value::Int(value) => (*value).into(),
        Value::Decimal(value) => (*value).into(),
        Value::Text(value) => value.clone().into(),
        Value::List(items) => items.clone().into(),
    }
}
