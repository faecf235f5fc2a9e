//! A pack: one folder that declares a concern and brings its templates.

use std::collections::{BTreeMap, BTreeSet};

use globset::GlobMatcher;
use serde::Deserialize;
use sha2::{Digest, Sha256};
use toml::map::Map;

use crate::answer::{Condition, Question, SourceText, path_pattern};
use crate::audit::Control;
use crate::error::{Error, Result};

/// What is declared in `pack.toml`.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct Declaration {
    title: String,
    summary: String,
    order: i64,
    #[serde(default)]
    when: Condition,
    #[serde(default)]
    question: Vec<Question>,
    #[serde(default)]
    facts: Map<String, toml::Value>,
    #[serde(default)]
    require: Vec<Requirement>,
    #[serde(default)]
    rule: Vec<RuleDeclaration>,
    #[serde(default)]
    control: Vec<Control>,
}

/// Answers that must agree with each other.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Requirement {
    /// The expression that must be true.
    pub that: String,
    /// What is said if it is not; a template.
    pub message: String,
    /// What to do then; a template.
    pub hint: String,
}

/// Who owns a generated file after it is written.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Ownership {
    /// An update carries it along.
    #[default]
    Shared,
    /// It is written once, and then is the user's.
    Seed,
    /// A package manager's lockfile: an update makes it anew.
    Lockfile,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct RuleDeclaration {
    path: String,
    #[serde(default)]
    when: Condition,
    #[serde(default)]
    each: BTreeMap<String, String>,
    #[serde(default)]
    policy: Ownership,
}

/// An exception for some of a pack's files.
#[derive(Debug, Clone)]
pub struct Rule {
    /// The files, as it was written.
    pub path: String,
    glob: GlobMatcher,
    /// When they are emitted.
    pub when: Condition,
    /// The name that is bound to each element of a list question in turn.
    pub each: BTreeMap<String, String>,
    /// Who owns them.
    pub ownership: Ownership,
}

impl Rule {
    /// Whether the rule speaks of the file at `path`.
    pub fn covers(&self, path: &str) -> bool {
        self.glob.is_match(path)
    }
}

/// A pack.
#[derive(Debug, Clone)]
pub struct Pack {
    /// The folder's name.
    pub name: String,
    /// A short title.
    pub title: String,
    /// What it is for, in a sentence.
    pub summary: String,
    /// Its position among the packs.
    pub order: i64,
    /// When it takes part.
    pub when: Condition,
    /// Its questions. Their conditions hold only where the pack takes part.
    pub questions: Vec<Question>,
    /// Its facts: expressions by name, each of which may use those before it.
    pub facts: Vec<(String, String)>,
    /// What its answers must agree in.
    pub requirements: Vec<Requirement>,
    /// Exceptions for its files.
    pub rules: Vec<Rule>,
    /// What it is held against.
    pub controls: Vec<Control>,
    /// The paths of its files in a project, with placeholders; `.tera` is left out.
    pub files: Vec<String>,
    /// The slots that it adds to.
    pub slots: Vec<String>,
    /// The digest of all its files.
    pub digest: String,
    /// Where its declaration stands, as the user knows it.
    pub place: String,
}

impl Pack {
    /// Reads the pack `name`: its declaration, and its files by their paths in its folder.
    ///
    /// # Errors
    /// [`Kind::Usage`](crate::error::Kind::Usage): a malformed declaration.
    /// [`Kind::Template`](crate::error::Kind::Template): a file that is no template, in a folder
    /// that a pack does not have, or a rule that speaks of no file.
    pub fn parse(
        name: &str,
        declaration: &SourceText,
        texts: &BTreeMap<&str, &str>,
    ) -> Result<Self> {
        let declared: Declaration = declaration.parse()?;
        let place = declaration.name.clone();
        let (mut files, mut slots) = (Vec::new(), Vec::new());
        for path in texts.keys().filter(|path| **path != "pack.toml") {
            let Some(template) = path.strip_suffix(".tera") else {
                return Err(Error::template(format!(
                    "`{path}` of pack `{name}` does not end in `.tera`"
                ))
                .hint("every file of a pack but `pack.toml` is a template: add the suffix"));
            };
            if let Some(file) = template.strip_prefix("files/") {
                files.push(file.to_owned());
            } else if let Some(slot) = template.strip_prefix("slots/") {
                slots.push(slot.to_owned());
            } else if template.contains('/') {
                return Err(Error::template(format!("`{path}` of pack `{name}` is in no folder of a pack"))
                    .hint("templates stand in `files`, in `slots` or, as skeletons, in the pack's folder itself"));
            }
        }
        let mut questions = declared.question;
        for question in &mut questions {
            question.when = declared.when.and(&question.when);
        }
        let rules = declared
            .rule
            .into_iter()
            .map(|rule| compile(rule, &place, &files))
            .collect::<Result<_>>()?;
        let fact = |(fact, expression): (String, toml::Value)| match expression {
            toml::Value::String(expression) => Ok((fact, expression)),
            _ => Err(Error::usage(format!("fact `{fact}` of `{place}` is no expression"))
                .hint(format!("write it as text: {fact} = \"…\""))),
        };
        Ok(Self {
            name: name.to_owned(),
            title: declared.title,
            summary: declared.summary,
            order: declared.order,
            when: declared.when,
            questions,
            facts: declared.facts.into_iter().map(fact).collect::<Result<_>>()?,
            requirements: declared.require,
            rules,
            controls: declared.control,
            files,
            slots,
            digest: digest(texts),
            place,
        })
    }

    /// The rules that speak of the file at `path`.
    pub fn rules_of<'p>(&'p self, path: &'p str) -> impl Iterator<Item = &'p Rule> {
        self.rules.iter().filter(move |rule| rule.covers(path))
    }

    /// When the file at `path` is emitted, the pack's own condition included.
    pub fn condition_of(&self, path: &str) -> Condition {
        self.rules_of(path).fold(self.when.clone(), |all, rule| all.and(&rule.when))
    }

    /// The names that the rules bind in the file at `path`.
    pub fn bound_in<'p>(&'p self, path: &'p str) -> BTreeSet<&'p str> {
        self.rules_of(path).flat_map(|rule| rule.each.keys()).map(String::as_str).collect()
    }
}

/// The placeholders `%name%` of a path.
pub(super) fn placeholders(path: &str) -> BTreeSet<&str> {
    path.split('%').skip(1).step_by(2).collect()
}

fn compile(rule: RuleDeclaration, place: &str, files: &[String]) -> Result<Rule> {
    let fault =
        |what: String| Error::template(format!("the rule for `{}` in `{place}` {what}", rule.path));
    let glob = path_pattern(&rule.path)
        .map_err(|error| fault(format!("has a bad pattern: {error}")).hint("correct it"))?;
    if rule.each.len() > 1 {
        return Err(fault("binds more than one name".into())
            .hint("split it into two rules, or nest the folders"));
    }
    if !files.iter().any(|file| glob.is_match(file)) {
        return Err(fault("speaks of no file".into()).hint("correct its path, or delete it"));
    }
    Ok(Rule { path: rule.path, glob, when: rule.when, each: rule.each, ownership: rule.policy })
}

fn digest(texts: &BTreeMap<&str, &str>) -> String {
    let mut hash = Sha256::new();
    for (path, text) in texts {
        for part in [path, text] {
            hash.update((part.len() as u64).to_le_bytes());
            hash.update(part.as_bytes());
        }
    }
    let hex: String = hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect();
    format!("sha256:{hex}")
}
