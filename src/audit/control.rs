//! A control: a rule that a project keeps, why, and how to mend a breach.

use serde::Deserialize;

use super::probe::Probe;
use crate::answer::Condition;

/// How bad a breach is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Worth mending in passing.
    Low,
    /// Worth mending in the next change.
    Medium,
    /// Worth a change of its own.
    High,
    /// Worth stopping a release.
    Critical,
}

/// A control, as a pack declares it.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Control {
    /// Its stable name, such as `NET-001`.
    pub id: String,
    /// The rule, in a sentence.
    pub title: String,
    /// How bad a breach is.
    pub severity: Severity,
    /// The harm that it prevents.
    pub why: String,
    /// How to mend a breach.
    pub fix: String,
    /// Where the rule comes from.
    pub refs: Vec<String>,
    /// When it applies.
    #[serde(default)]
    pub when: Condition,
    /// How it is tested.
    pub probe: Probe,
    /// What the project's owner does before the rule can be kept, where no preset keeps it: only
    /// so is it proved.
    pub cure: Option<Mutant>,
    /// A change that must be caught.
    pub mutant: Mutant,
}

/// A change of one generated file: the first `from` becomes `to`, in a cure each of them.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Mutant {
    /// The file.
    pub file: String,
    /// The text that is replaced.
    pub from: String,
    /// The text that replaces it.
    pub to: String,
}
