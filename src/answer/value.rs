//! The value of an answer.

use std::fmt;

use serde::{Deserialize, Serialize};

/// What a question can be answered with.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(untagged, expecting = "a value is text, a number, true or false, or a list of texts")]
pub enum Value {
    /// Yes or no.
    Bool(bool),
    /// A whole number.
    Int(i64),
    /// A number with a fraction, such as a percentage or an amount of money.
    Decimal(f64),
    /// Text of one line.
    Text(String),
    /// Names, in the order given.
    List(Vec<String>),
}

impl Value {
    /// The text, if it is one.
    pub fn as_text(&self) -> Option<&str> {
        match self {
            Value::Text(text) => Some(text),
            _ => None,
        }
    }

    /// The elements, if it is a list.
    pub fn as_list(&self) -> Option<&[String]> {
        match self {
            Value::List(items) => Some(items),
            _ => None,
        }
    }

    /// Whether this value is `other`, or a list that contains it.
    pub fn covers(&self, other: &Value) -> bool {
        match (self, other) {
            (Value::List(items), Value::Text(item)) => items.contains(item),
            _ => self == other,
        }
    }
}

/// As a user types it: a list with commas between its elements.
impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Value::Bool(value) => value.fmt(f),
            Value::Int(value) => value.fmt(f),
            Value::Decimal(value) => value.fmt(f),
            Value::Text(value) => value.fmt(f),
            Value::List(items) => items.join(",").fmt(f),
        }
    }
}
