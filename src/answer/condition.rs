//! When something applies: tables of wanted answers, as data.

use std::collections::BTreeMap;
use std::fmt;

use serde::Deserialize;

use super::value::Value;

/// Tables of wanted answers. One table holds if all its entries do; several hold if any of them
/// does; none at all always holds. A list is covered by each of its elements.
///
/// ```toml
/// when = { datastore = "postgres", cache = { not = "none" }, cloud = ["aws", "gcp"] }
/// ```
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(from = "Shape")]
pub struct Condition(Vec<Table>);

/// Wanted answers by key; a key may stand twice.
type Table = Vec<(String, Want)>;

/// One table, or several.
#[derive(Deserialize)]
#[serde(untagged)]
enum Shape {
    One(BTreeMap<String, Want>),
    Several(Vec<BTreeMap<String, Want>>),
}

impl From<Shape> for Condition {
    fn from(shape: Shape) -> Self {
        match shape {
            Shape::One(table) => Self(vec![table.into_iter().collect()]),
            Shape::Several(tables) => {
                Self(tables.into_iter().map(|table| table.into_iter().collect()).collect())
            }
        }
    }
}

#[derive(Debug, Clone, Deserialize)]
#[serde(untagged)]
enum Want {
    Not { not: Box<Want> },
    AnyOf(Vec<Value>),
    Is(Value),
}

impl Want {
    fn met_by(&self, answer: Option<&Value>) -> bool {
        match self {
            Want::Not { not } => !not.met_by(answer),
            Want::AnyOf(wanted) => {
                answer.is_some_and(|answer| wanted.iter().any(|one| answer.covers(one)))
            }
            Want::Is(wanted) => answer.is_some_and(|answer| answer.covers(wanted)),
        }
    }

    /// The values that are wanted; `None` if it is said which are not.
    fn wanted(&self) -> Option<&[Value]> {
        match self {
            Want::Not { .. } => None,
            Want::AnyOf(wanted) => Some(wanted),
            Want::Is(wanted) => Some(std::slice::from_ref(wanted)),
        }
    }

    fn named(&self) -> &[Value] {
        match self {
            Want::Not { not } => not.named(),
            Want::AnyOf(_) | Want::Is(_) => self.wanted().unwrap_or_default(),
        }
    }
}

impl Condition {
    /// Whether it holds; `answer` gives the answers, none for a question that does not apply.
    pub fn holds<'a>(&self, answer: impl Fn(&str) -> Option<&'a Value>) -> bool {
        let all = |table: &Table| table.iter().all(|(key, want)| want.met_by(answer(key)));
        self.0.is_empty() || self.0.iter().any(all)
    }

    /// Whether it can never hold together with `other`: some question would need two answers at
    /// once. `single` tells which questions have one value only.
    pub fn excludes(&self, other: &Condition, single: impl Fn(&str) -> bool) -> bool {
        let apart = |(key, want): &(String, Want), (other_key, other): &(String, Want)| {
            key == other_key
                && single(key)
                && want
                    .wanted()
                    .zip(other.wanted())
                    .is_some_and(|(a, b)| !a.iter().any(|value| b.contains(value)))
        };
        let disjoint =
            |a: &Table, b: &Table| a.iter().any(|ours| b.iter().any(|theirs| apart(ours, theirs)));
        !self.0.is_empty()
            && !other.0.is_empty()
            && self.0.iter().all(|a| other.0.iter().all(|b| disjoint(a, b)))
    }

    /// The condition that holds where both do.
    pub fn and(&self, other: &Condition) -> Condition {
        if self.0.is_empty() || other.0.is_empty() {
            return Self(self.0.iter().chain(&other.0).cloned().collect());
        }
        let joined = |a: &Table| {
            other.0.iter().map(|b| a.iter().chain(b).cloned().collect()).collect::<Vec<_>>()
        };
        Self(self.0.iter().flat_map(joined).collect())
    }

    /// Every question that it names, with each value that it names of it.
    pub fn named(&self) -> impl Iterator<Item = (&str, &Value)> {
        self.0
            .iter()
            .flatten()
            .flat_map(|(key, want)| want.named().iter().map(move |value| (key.as_str(), value)))
    }
}

/// In words, such as `datastore = postgres`.
impl fmt::Display for Condition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let values =
            |values: &[Value]| values.iter().map(Value::to_string).collect::<Vec<_>>().join(" or ");
        let entry = |(key, want): &(String, Want)| match want {
            Want::Not { not } => format!("{key} is not {}", values(not.named())),
            _ => format!("{key} = {}", values(want.named())),
        };
        let table = |table: &Table| table.iter().map(entry).collect::<Vec<_>>().join(" and ");
        f.write_str(&self.0.iter().map(table).collect::<Vec<_>>().join(", or "))
    }
}
