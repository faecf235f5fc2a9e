//! An organisation's word on its projects: defaults, limits, labels, files, and what it leaves out.

use std::collections::BTreeMap;

use semver::{Version, VersionReq};
use serde::Deserialize;
use toml::Spanned;

use super::label::label_fault;
use super::layer::{Entry, Given, Layer, Source, Strength, Table};
use super::limit::Limit;
use super::question::Question;
use super::source_text::SourceText;
use super::value::Value;
use crate::error::{Error, Kind, Result};
use crate::tree::TreePath;

/// What `organisation.toml` says.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct Declaration {
    name: String,
    generator: Option<Spanned<VersionReq>>,
    #[serde(default)]
    defaults: Table,
    #[serde(default)]
    locked: BTreeMap<String, Spanned<Limit>>,
    #[serde(default)]
    labels: BTreeMap<String, Spanned<String>>,
    #[serde(default)]
    files: Vec<Spanned<String>>,
    #[serde(default)]
    remove: Vec<String>,
}

/// A limited question.
#[derive(Debug, Clone)]
struct Lock {
    key: String,
    limit: Limit,
    place: String,
}

/// An organisation's word. The default policy says nothing.
#[derive(Debug, Clone, Default)]
pub struct Policy {
    organisation: Option<String>,
    defaults: Vec<Entry>,
    locks: Vec<Lock>,
    /// The locks that leave one value, as what they give.
    locked: Vec<Entry>,
    labels: BTreeMap<String, String>,
    files: Vec<TreePath>,
    remove: Vec<String>,
}

impl Policy {
    /// Reads an `organisation.toml`.
    ///
    /// # Errors
    /// [`Kind::Usage`]: malformed text, with its place. [`Kind::Policy`]: it requires another
    /// version of seaworthy.
    pub fn parse(text: &SourceText) -> Result<Self> {
        let declared: Declaration = text.parse()?;
        let name = declared.name;
        if let Some(required) = declared.generator {
            let place = text.place(&required.span());
            admit_generator(&name, required.get_ref(), &place)?;
        }
        let mut policy = Self {
            defaults: declared.defaults.entries(text, &Source::Organisation(name.clone())),
            labels: labels(declared.labels, text)?,
            files: files(declared.files, text)?,
            remove: declared.remove,
            ..Self::default()
        };
        for (key, limit) in declared.locked {
            let place = text.place(&limit.span());
            let limit = limit.into_inner();
            if let Some(fault) = limit.fault() {
                return Err(Error::usage(format!("the limit of `{key}` {fault} (`{place}`)"))
                    .hint("correct it"));
            }
            if let Limit::Exactly(value) = &limit {
                let (given, source) = (Given::Value(value.clone()), Source::Locked(name.clone()));
                policy.locked.push(Entry { key: key.clone(), given, source, place: place.clone() });
            }
            policy.locks.push(Lock { key, limit, place });
        }
        policy.organisation = Some(name);
        Ok(policy)
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

    /// The labels that every object carries.
    pub fn labels(&self) -> &BTreeMap<String, String> {
        &self.labels
    }

    /// The files that every project has.
    pub fn files(&self) -> &[TreePath] {
        &self.files
    }

    /// The built-in templates that are left out, by their paths below `templates`.
    pub fn removed(&self) -> &[String] {
        &self.remove
    }

    /// The limited questions, each with the place of its limit.
    pub fn limited(&self) -> impl Iterator<Item = (&str, &str)> {
        self.locks.iter().map(|lock| (lock.key.as_str(), lock.place.as_str()))
    }

    /// Holds the limit of a question, if there is one, against what the question takes.
    ///
    /// # Errors
    /// [`Kind::Usage`]: no value keeps both.
    pub fn fit(&self, question: &Question) -> Result<()> {
        let starved = |lock: &&Lock| lock.key == question.key && lock.limit.starves(question);
        match self.locks.iter().find(starved) {
            None => Ok(()),
            Some(Lock { key, limit, place }) => {
                Err(Error::usage(format!("`{key}` can never be {limit} (`{place}`)"))
                    .hint(format!("it wants {}", question.wants())))
            }
        }
    }

    /// Lets an entry pass if its question is not locked to one other value.
    ///
    /// # Errors
    /// - [`Kind::Policy`]: it is; the message names both places.
    /// - [`Kind::Usage`]: one of the two values is not one of the question's.
    pub fn admit(&self, question: &Question, entry: &Entry) -> Result<()> {
        let Some(locked) = self.locked.iter().find(|locked| locked.key == entry.key) else {
            return Ok(());
        };
        match (locked.read(question)?, entry.read(question)?) {
            (locked, given) if locked == given => Ok(()),
            (_, given) => self.hold(&question.key, &given, &entry.source, Some(&entry.place)),
        }
    }

    /// Lets an answer stand if it keeps its limit.
    ///
    /// # Errors
    /// [`Kind::Policy`]: it does not; the message names the place of the limit, and that of the
    /// answer if somebody gave it.
    pub fn hold(
        &self,
        key: &str,
        value: &Value,
        source: &Source,
        place: Option<&str>,
    ) -> Result<()> {
        let Some(Lock { limit, place: at, .. }) = self.broken(key, value) else {
            return Ok(());
        };
        let name = self.organisation().unwrap_or_default();
        let given = match place {
            Some(place) => format!("the {source} asks for `{value}` (`{place}`)"),
            None => format!("its default is `{value}`"),
        };
        Err(Error::new(Kind::Policy, format!("`{key}` is locked to {limit} by `{name}` (`{at}`), and {given}")).hint(
            "give a value that it admits; to have the limit changed, speak to the owners of the organisation's folder",
        ))
    }

    /// What the organisation says against an answer, if anything, in words that follow "it wants".
    pub fn objection(&self, key: &str, value: &Value) -> Option<String> {
        let Lock { limit, place, .. } = self.broken(key, value)?;
        Some(format!("{limit}, says `{}` (`{place}`)", self.organisation().unwrap_or_default()))
    }

    fn broken(&self, key: &str, value: &Value) -> Option<&Lock> {
        self.locks.iter().find(|lock| lock.key == key && !lock.limit.admits(value))
    }
}

fn labels(
    declared: BTreeMap<String, Spanned<String>>,
    text: &SourceText,
) -> Result<BTreeMap<String, String>> {
    let label = |(key, value): (String, Spanned<String>)| {
        let place = text.place(&value.span());
        match label_fault(&key, value.get_ref()) {
            None => Ok((key, value.into_inner())),
            Some(fault) => Err(Error::usage(format!("the label `{key}` {fault} (`{place}`)"))
                .hint("Kubernetes would refuse every object that carries it: correct it")),
        }
    };
    declared.into_iter().map(label).collect()
}

fn files(declared: Vec<Spanned<String>>, text: &SourceText) -> Result<Vec<TreePath>> {
    let file = |path: Spanned<String>| {
        TreePath::new(path.get_ref()).map_err(|error| {
            Error::usage(format!("{error} (`{}`)", text.place(&path.span())))
                .hint("name a file as it stands in a generated project")
        })
    };
    declared.into_iter().map(file).collect()
}

fn admit_generator(name: &str, required: &VersionReq, place: &str) -> Result<()> {
    let ours = env!("CARGO_PKG_VERSION");
    match Version::parse(ours) {
        Ok(version) if required.matches(&version) => Ok(()),
        _ => Err(Error::new(
            Kind::Policy,
            format!("`{name}` requires seaworthy `{required}` (`{place}`), and this is {ours}"),
        )
        .hint("install a version that it admits")),
    }
}
