//! A probe: what a control looks at, and the one test that must hold there.

use regex::Regex;
use saphyr::{Scalar, YamlData};
use serde::Deserialize;
use toml::Value;

use super::document::{Document, Node, NodePath};
use crate::answer::{path_pattern, pattern};
use crate::error::{Error, Result};
use crate::tree::{Tree, TreePath};

/// A declared probe. It looks at objects (`select`, `path`) or at the text of files (`file`).
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Probe {
    select: Option<String>,
    name: Option<String>,
    #[serde(default)]
    any: bool,
    path: Option<String>,
    file: Option<String>,
    equals: Option<Value>,
    contains: Option<Value>,
    lacks: Option<Value>,
    at_least: Option<i64>,
    one_of: Option<Vec<Value>>,
    matches: Option<String>,
    present: Option<bool>,
}

/// A place at which the test does not hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Miss {
    /// The file, if there is one.
    pub path: Option<TreePath>,
    /// The line, from 1.
    pub line: usize,
    /// The column, from 1.
    pub column: usize,
    /// What was found, in words.
    pub message: String,
}

impl Probe {
    /// What is wrong with the declaration, if anything.
    pub fn fault(&self) -> Option<String> {
        let tests = [
            self.equals.is_some(),
            self.contains.is_some(),
            self.lacks.is_some(),
            self.at_least.is_some(),
            self.one_of.is_some(),
            self.matches.is_some(),
            self.present.is_some(),
        ];
        if tests.iter().filter(|there| **there).count() != 1 {
            return Some("has not exactly one test".into());
        }
        match (&self.select, &self.path, &self.file) {
            (Some(_), Some(path), None) if NodePath::parse(path).is_none() => {
                Some(format!("has a malformed path `{path}`"))
            }
            (Some(_), Some(_), None) | (None, None, Some(_)) => self.pattern().err(),
            _ => Some("has neither `select` and `path` nor `file`".into()),
        }
    }

    fn pattern(&self) -> std::result::Result<Option<Regex>, String> {
        let compile =
            |text: &String| pattern(text).map_err(|error| format!("has a bad pattern: {error}"));
        self.matches.as_ref().map(compile).transpose()
    }

    /// Where the test does not hold. Where there is nothing to look at, that is a miss.
    ///
    /// # Errors
    /// [`Kind::Template`](crate::error::Kind::Template) if the declaration has a
    /// [`fault`](Self::fault).
    pub fn misses(&self, tree: &Tree, documents: &[Document]) -> Result<Vec<Miss>> {
        let found = match &self.file {
            Some(glob) => self.files(tree, glob)?,
            None => self.objects(documents)?,
        };
        if found.is_empty() {
            let what = self.select.as_deref().or(self.file.as_deref()).unwrap_or_default();
            return Ok(vec![Miss {
                path: None,
                line: 1,
                column: 1,
                message: format!("there is no `{what}`"),
            }]);
        }
        if self.any && found.iter().any(Option::is_none) {
            return Ok(Vec::new());
        }
        Ok(found.into_iter().flatten().collect())
    }

    /// A miss or nothing for each file that the glob matches.
    fn files(&self, tree: &Tree, glob: &str) -> Result<Vec<Option<Miss>>> {
        let glob = path_pattern(glob)
            .map_err(|error| Error::template(format!("a probe has a bad pattern: {error}")))?;
        let pattern =
            self.pattern().map_err(|fault| Error::template(format!("a probe {fault}")))?;
        let files = tree.iter().filter(|(path, _)| glob.is_match(path.as_str()));
        let test = |(path, file): (&TreePath, &crate::tree::File)| {
            let has = |text: &Option<Value>| {
                text.as_ref().and_then(Value::as_str).map(|text| file.text.contains(text))
            };
            let holds = pattern
                .as_ref()
                .map(|pattern| pattern.is_match(&file.text))
                .or(has(&self.contains))
                .or(has(&self.lacks).map(|has| !has))
                .unwrap_or(false);
            let miss =
                || Miss { path: Some(path.clone()), line: 1, column: 1, message: self.wanted() };
            (!holds).then(miss)
        };
        Ok(files.map(test).collect())
    }

    /// A miss or nothing for each node at the path.
    fn objects(&self, documents: &[Document]) -> Result<Vec<Option<Miss>>> {
        let path = self.path.as_deref().and_then(NodePath::parse);
        let path = path.ok_or_else(|| Error::template("a probe has neither a path nor a file"))?;
        let named =
            |document: &&Document| self.name.is_none() || document.name() == self.name.as_deref();
        let mut found = Vec::new();
        for document in documents.iter().filter(named) {
            let roots = match self.select.as_deref() {
                Some("container") => document.containers(),
                Some("pod") => document.pod().into_iter().collect(),
                kind if kind == document.kind() => vec![&document.root],
                _ => Vec::new(),
            };
            for root in roots {
                for node in path.find(root) {
                    let at = node.unwrap_or(root).span.start;
                    let miss = || Miss {
                        path: Some(document.path.clone()),
                        line: at.line(),
                        column: at.col() + 1,
                        message: format!(
                            "`{}` {}",
                            self.path.as_deref().unwrap_or_default(),
                            self.wanted()
                        ),
                    };
                    found.push((!self.holds(node)).then(miss));
                }
            }
        }
        Ok(found)
    }

    fn holds(&self, node: Option<&Node>) -> bool {
        if let Some(present) = self.present {
            return node.is_some() == present;
        }
        let elements = |node: &Node, wanted: &Value| match node.data.as_sequence() {
            Some(elements) => elements.iter().any(|element| same(element, wanted)),
            None => node
                .data
                .as_str()
                .zip(wanted.as_str())
                .is_some_and(|(text, wanted)| text.contains(wanted)),
        };
        if let Some(unwanted) = &self.lacks {
            return node.is_none_or(|node| !elements(node, unwanted));
        }
        let Some(node) = node else { return false };
        if let Some(wanted) = &self.equals {
            same(node, wanted)
        } else if let Some(wanted) = &self.contains {
            elements(node, wanted)
        } else if let Some(least) = self.at_least {
            node.data.as_integer().is_some_and(|number| number >= least)
        } else if let Some(wanted) = &self.one_of {
            wanted.iter().any(|wanted| same(node, wanted))
        } else {
            let pattern = self.pattern().ok().flatten();
            node.data.as_str().zip(pattern).is_some_and(|(text, pattern)| pattern.is_match(text))
        }
    }

    /// What the test wants, in words that follow "must".
    fn wanted(&self) -> String {
        let either =
            |values: &[Value]| values.iter().map(Value::to_string).collect::<Vec<_>>().join(" or ");
        if let Some(wanted) = &self.equals {
            format!("must be {wanted}")
        } else if let Some(wanted) = &self.contains {
            format!("must contain {wanted}")
        } else if let Some(unwanted) = &self.lacks {
            format!("must not contain {unwanted}")
        } else if let Some(least) = self.at_least {
            format!("must be at least {least}")
        } else if let Some(wanted) = &self.one_of {
            format!("must be {}", either(wanted))
        } else if let Some(pattern) = &self.matches {
            format!("must match `{pattern}`")
        } else if self.present == Some(false) {
            "must be absent".into()
        } else {
            "must be present".into()
        }
    }
}

/// Whether a node is a value: its type and content, whatever the order of its keys.
fn same(node: &Node, value: &Value) -> bool {
    match (&node.data, value) {
        (YamlData::Value(Scalar::Boolean(a)), Value::Boolean(b)) => a == b,
        (YamlData::Value(Scalar::Integer(a)), Value::Integer(b)) => a == b,
        (YamlData::Value(Scalar::FloatingPoint(a)), Value::Float(b)) => a.0 == *b,
        (YamlData::Value(Scalar::String(a)), Value::String(b)) => a == b,
        (YamlData::Sequence(a), Value::Array(b)) => {
            a.len() == b.len() && a.iter().zip(b).all(|(a, b)| same(a, b))
        }
        (YamlData::Mapping(a), Value::Table(b)) => {
            a.len() == b.len()
                && b.iter()
                    .all(|(key, b)| node.data.as_mapping_get(key).is_some_and(|a| same(a, b)))
        }
        _ => false,
    }
}
