//! A limit that an organisation sets to an answer: one value, or bounds.

use std::fmt;

use serde::Deserialize;

use super::pattern::{pattern, whole_pattern};
use super::question::{Question, Type};
use super::value::Value;

/// What an answer may be.
#[derive(Debug, Clone, Deserialize)]
#[serde(
    untagged,
    expecting = "a limit is a value, or a table of `one_of`, `at_least`, `at_most` and `pattern`"
)]
pub enum Limit {
    /// This value, and no other is asked for.
    Exactly(Value),
    /// Any value within these bounds.
    Within(Bounds),
}

/// Bounds, all of which hold. Of a list every element keeps `one_of` and `pattern`.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Bounds {
    one_of: Option<Vec<Value>>,
    at_least: Option<f64>,
    at_most: Option<f64>,
    pattern: Option<String>,
}

impl Limit {
    /// Whether a value keeps the limit.
    pub fn admits(&self, value: &Value) -> bool {
        match self {
            Limit::Exactly(only) => value == only,
            Limit::Within(bounds) => bounds.admit(value),
        }
    }

    /// Whether the limit leaves nothing of what a question takes. Text can be told only where
    /// the limit names the values.
    pub fn starves(&self, question: &Question) -> bool {
        let takes = |value: &Value| {
            let value = match (question.kind, value) {
                (Type::List | Type::Cidrs, Value::Text(item)) => Value::List(vec![item.clone()]),
                _ => value.clone(),
            };
            question.accept(value).is_ok()
        };
        let Limit::Within(bounds) = self else { return false };
        let (least, most) = (bounds.at_least, bounds.at_most);
        let numbered = least.is_some() || most.is_some();
        let least = least.into_iter().chain(question.min).fold(f64::NEG_INFINITY, f64::max);
        let most = most.into_iter().chain(question.max).fold(f64::INFINITY, f64::min);
        (numbered && !matches!(question.kind, Type::Int | Type::Decimal))
            || least > most
            || bounds.one_of.as_ref().is_some_and(|values| !values.iter().any(takes))
    }

    /// What is wrong with the limit itself, if anything.
    pub fn fault(&self) -> Option<String> {
        let Limit::Within(bounds) = self else { return None };
        let pattern = bounds.pattern.as_ref().and_then(|pattern| self::pattern(pattern).err());
        match (pattern, bounds.to_string().is_empty()) {
            (Some(error), _) => Some(format!("has a bad pattern: {error}")),
            (None, true) => Some("bounds nothing".into()),
            (None, false) => None,
        }
    }
}

impl Bounds {
    fn admit(&self, value: &Value) -> bool {
        let elements = match value {
            Value::List(items) => items.iter().cloned().map(Value::Text).collect(),
            one => vec![one.clone()],
        };
        let number = match value {
            Value::Int(number) => Some(*number as f64),
            Value::Decimal(number) => Some(*number),
            _ => None,
        };
        let matches = |pattern: &String, element: &Value| {
            whole_pattern(pattern)
                .is_ok_and(|pattern| element.as_text().is_some_and(|text| pattern.is_match(text)))
        };
        self.one_of
            .as_ref()
            .is_none_or(|one_of| elements.iter().all(|element| one_of.contains(element)))
            && self.at_least.is_none_or(|least| number.is_some_and(|number| number >= least))
            && self.at_most.is_none_or(|most| number.is_some_and(|number| number <= most))
            && self
                .pattern
                .as_ref()
                .is_none_or(|pattern| elements.iter().all(|element| matches(pattern, element)))
    }
}

/// In words that follow "to": `at least 2`.
impl fmt::Display for Limit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Limit::Exactly(value) => write!(f, "`{value}`"),
            Limit::Within(bounds) => bounds.fmt(f),
        }
    }
}

impl fmt::Display for Bounds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let one_of = self.one_of.as_ref().map(|values| {
            let values: Vec<String> = values.iter().map(|value| format!("`{value}`")).collect();
            format!("one of {}", values.join(", "))
        });
        let bounds = [
            one_of,
            self.at_least.map(|least| format!("at least {least}")),
            self.at_most.map(|most| format!("at most {most}")),
            self.pattern.as_ref().map(|pattern| format!("what matches `{pattern}`")),
        ];
        f.write_str(&bounds.into_iter().flatten().collect::<Vec<_>>().join(" and "))
    }
}
