//! Layers of given values, each with the place it came from.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use serde::Deserialize;
use toml::Spanned;

use super::question::Question;
use super::source_text::SourceText;
use super::value::Value;
use crate::error::{Error, Result};

/// Who gave an answer, as the lock records it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Source {
    /// The question's own default.
    Default,
    /// A preset of this name.
    Preset(String),
    /// An organisation's default.
    Organisation(String),
    /// An answers file.
    File,
    /// A flag.
    Flag,
    /// The user, on a terminal.
    Prompt,
    /// An organisation's locked value.
    Locked(String),
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Source::Default => f.write_str("default"),
            Source::Preset(name) => write!(f, "preset {name}"),
            Source::Organisation(name) => write!(f, "organisation {name}"),
            Source::File => f.write_str("file"),
            Source::Flag => f.write_str("flag"),
            Source::Prompt => f.write_str("prompt"),
            Source::Locked(name) => write!(f, "locked {name}"),
        }
    }
}

impl FromStr for Source {
    type Err = ();

    fn from_str(text: &str) -> std::result::Result<Self, ()> {
        match text.split_once(' ') {
            Some(("preset", name)) => Ok(Source::Preset(name.to_owned())),
            Some(("organisation", name)) => Ok(Source::Organisation(name.to_owned())),
            Some(("locked", name)) => Ok(Source::Locked(name.to_owned())),
            None if text == "default" => Ok(Source::Default),
            None if text == "file" => Ok(Source::File),
            None if text == "flag" => Ok(Source::Flag),
            None if text == "prompt" => Ok(Source::Prompt),
            _ => Err(()),
        }
    }
}

/// The strength of a layer, weakest first. A question's own default is weaker than any, an
/// organisation's locked value stronger than any.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Strength {
    /// What follows from the rest of the command, such as the name from the path.
    Implied,
    /// Presets.
    Preset,
    /// An organisation's defaults.
    Organisation,
    /// A project's own lock.
    Lock,
    /// An answers file.
    File,
    /// Flags.
    Flag,
    /// What the user typed.
    Prompt,
}

/// A value that somebody gave.
#[derive(Debug, Clone)]
pub enum Given {
    /// A value with a type, from a document or a prompt.
    Value(Value),
    /// Text from a flag, which the question has yet to read.
    Text(String),
}

impl fmt::Display for Given {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Given::Value(value) => value.fmt(f),
            Given::Text(text) => text.fmt(f),
        }
    }
}

/// One given value.
#[derive(Debug, Clone)]
pub struct Entry {
    /// The question.
    pub key: String,
    /// The value.
    pub given: Given,
    /// Who gave it.
    pub source: Source,
    /// Where it stands, in the user's words: `answers.toml:3:8`, `--set port=1`.
    pub place: String,
}

impl Entry {
    /// The value, as `question` takes it.
    ///
    /// # Errors
    /// [`Kind::Usage`](crate::error::Kind::Usage) if it is not one of the question's.
    pub fn read(&self, question: &Question) -> Result<Value> {
        let (shown, value) = match &self.given {
            Given::Value(value) => (value.to_string(), question.accept(value.clone())),
            Given::Text(text) => (text.clone(), question.read(text)),
        };
        value.map_err(|refusal| {
            Error::usage(format!("`{}` cannot be `{shown}` (`{}`)", self.key, self.place))
                .hint(format!("it wants {}", refusal.wants))
                .hint_if(refusal.hint)
        })
    }
}

/// Values that were given together.
#[derive(Debug, Clone)]
pub struct Layer {
    /// How strong they are.
    pub strength: Strength,
    /// The values; of two for one key, the later stands.
    pub entries: Vec<Entry>,
}

/// A table of values by key, with their places where the format tells them.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(transparent)]
pub struct Table(BTreeMap<String, Spanned<Value>>);

impl Table {
    /// The table's values as entries from `source`.
    pub fn entries(&self, text: &SourceText, source: &Source) -> Vec<Entry> {
        let entry = |(key, value): (&String, &Spanned<Value>)| Entry {
            key: key.clone(),
            given: Given::Value(value.get_ref().clone()),
            source: source.clone(),
            place: text.place(&value.span()),
        };
        self.0.iter().map(entry).collect()
    }
}

impl Layer {
    /// The layer of an answers file, which has its answers at the top level or under `[answers]`.
    ///
    /// # Errors
    /// [`Kind::Usage`](crate::error::Kind::Usage): malformed text, with its place.
    pub fn file(text: &SourceText) -> Result<Self> {
        #[derive(Deserialize)]
        #[serde(deny_unknown_fields)]
        struct Under<T> {
            answers: T,
        }
        let entry = |(key, value): (String, Value)| Entry {
            key,
            given: Given::Value(value),
            source: Source::File,
            place: text.name.clone(),
        };
        let under = text
            .parse::<BTreeMap<String, toml::Value>>()?
            .get("answers")
            .is_some_and(toml::Value::is_table);
        let entries = match (text.is_json(), under) {
            (false, true) => text.parse::<Under<Table>>()?.answers.entries(text, &Source::File),
            (false, false) => text.parse::<Table>()?.entries(text, &Source::File),
            // JSON's reader tells no places
            (true, true) => {
                text.parse::<Under<BTreeMap<_, _>>>()?.answers.into_iter().map(entry).collect()
            }
            (true, false) => text.parse::<BTreeMap<_, _>>()?.into_iter().map(entry).collect(),
        };
        Ok(Self { strength: Strength::File, entries })
    }

    /// The layer of a project's name that follows from the rest of the command.
    pub fn implied_name(name: &str, place: impl Into<String>) -> Self {
        let given = Given::Text(name.to_owned());
        let entry = Entry { key: "name".into(), given, source: Source::Flag, place: place.into() };
        Self { strength: Strength::Implied, entries: vec![entry] }
    }

    /// The layer of `--set KEY=VALUE` flags.
    ///
    /// # Errors
    /// [`Kind::Usage`](crate::error::Kind::Usage) if a flag has no `=`.
    pub fn flags(flags: &[String]) -> Result<Self> {
        let entry = |flag: &String| match flag.split_once('=') {
            Some((key, value)) => Ok(Entry {
                key: key.trim().to_owned(),
                given: Given::Text(value.to_owned()),
                source: Source::Flag,
                place: format!("--set {flag}"),
            }),
            None => Err(Error::usage(format!("`--set {flag}` has no value"))
                .hint(format!("write `--set {flag}=VALUE`"))),
        };
        let entries = flags.iter().map(entry).collect::<Result<_>>()?;
        Ok(Self { strength: Strength::Flag, entries })
    }
}
