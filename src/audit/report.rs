//! A report: the breaches of a project, and those that are waived.

use std::fmt;

use super::control::{Control, Severity};
use super::document::Document;
use super::waiver::{Waiver, waivers};
use crate::error::Result;
use crate::tree::{Tree, TreePath};

/// A breach of a control.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// The control's name.
    pub id: String,
    /// How bad it is.
    pub severity: Severity,
    /// The rule, in a sentence.
    pub title: String,
    /// The file, if there is one.
    pub path: Option<TreePath>,
    /// The line, from 1.
    pub line: usize,
    /// The column, from 1.
    pub column: usize,
    /// What was found.
    pub message: String,
    /// How to mend it.
    pub fix: String,
}

/// In words that follow "breaches".
impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({}): {}", self.id, self.title, self.message)?;
        match &self.path {
            Some(path) => write!(f, " (`{path}:{}:{}`)", self.line, self.column),
            None => Ok(()),
        }
    }
}

/// What an audit found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Report {
    /// Breaches, in the order of the catalogue.
    pub findings: Vec<Finding>,
    /// Breaches that their owner accepts.
    pub waived: Vec<(Finding, Waiver)>,
}

/// Holds a project against controls.
///
/// # Errors
/// [`Kind::Usage`](crate::error::Kind::Usage) if a manifest or the waivers cannot be read,
/// [`Kind::Template`](crate::error::Kind::Template) if a control is malformed.
pub fn audit<'c>(controls: impl IntoIterator<Item = &'c Control>, tree: &Tree) -> Result<Report> {
    let documents = Document::all(tree)?;
    let waivers = waivers(tree)?;
    let mut report = Report::default();
    for control in controls {
        for miss in control.probe.misses(tree, &documents)? {
            let finding = Finding {
                id: control.id.clone(),
                severity: control.severity,
                title: control.title.clone(),
                path: miss.path,
                line: miss.line,
                column: miss.column,
                message: miss.message,
                fix: control.fix.clone(),
            };
            let at = finding.path.as_ref().map(TreePath::as_str);
            match waivers
                .iter()
                .find(|waiver| waiver.id == finding.id && Some(waiver.path.as_str()) == at)
            {
                Some(waiver) => report.waived.push((finding, waiver.clone())),
                None => report.findings.push(finding),
            }
        }
    }
    Ok(report)
}
