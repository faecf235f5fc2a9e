//! A question: what is asked, which values it takes, and what stands if nobody answers.

use std::collections::BTreeSet;
use std::net::IpAddr;

use heck::ToKebabCase;
use serde::Deserialize;

use super::condition::Condition;
use super::pattern::whole_pattern;
use super::suggest::{did_you_mean, listed};
use super::value::Value;

/// The types of answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Type {
    /// One line of text.
    Text,
    /// A DNS label that begins with a letter (RFC 1035), as names of Services must.
    Label,
    /// A whole number.
    Int,
    /// A number that may have a fraction.
    Decimal,
    /// Yes or no.
    Bool,
    /// One of the choices.
    Choice,
    /// Several of the choices or, without choices, several labels.
    List,
    /// A Kubernetes quantity, such as `500m` or `512Mi`.
    Quantity,
    /// Several ranges of addresses, such as `192.0.2.0/24`.
    Cidrs,
}

/// One of the values that a question offers.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Choice {
    /// The value.
    pub value: String,
    /// What it means, in a few words.
    pub help: String,
}

/// A question, as a pack declares it.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Question {
    /// The name by which flags, files and templates know the answer.
    pub key: String,
    /// The type of the answer.
    #[serde(rename = "type")]
    pub kind: Type,
    /// The words on the terminal.
    pub prompt: String,
    /// One or two sentences more.
    pub help: String,
    /// The answer if nobody gives one.
    pub default: Option<Value>,
    /// The earlier question whose answer is the default.
    pub default_from: Option<String>,
    /// The values on offer.
    #[serde(default)]
    pub choices: Vec<Choice>,
    /// The regular expression that the whole text must match.
    pub pattern: Option<String>,
    /// What the pattern stands for, in words that follow "wants".
    pub expected: Option<String>,
    /// The longest text, in characters.
    pub max_length: Option<usize>,
    /// The smallest number.
    pub min: Option<f64>,
    /// The largest number.
    pub max: Option<f64>,
    /// Whether an ordinary run asks it; the others are asked with `--all`.
    #[serde(default)]
    pub ask: bool,
    /// When the question applies.
    #[serde(default)]
    pub when: Condition,
}

/// Why a value was not taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// What the question wants, in words that follow "wants".
    pub wants: String,
    /// The next step, if there is a better one than to read what it wants.
    pub hint: Option<String>,
}

impl Question {
    /// Reads what a user typed.
    ///
    /// # Errors
    /// A [`Refusal`] if it is not a value of this question.
    pub fn read(&self, text: &str) -> Result<Value, Refusal> {
        let value = match self.kind {
            Type::Int => text.parse().ok().map(Value::Int),
            Type::Decimal => text.parse().ok().map(Value::Decimal),
            Type::Bool => match text {
                "true" | "yes" | "y" => Some(Value::Bool(true)),
                "false" | "no" | "n" => Some(Value::Bool(false)),
                _ => None,
            },
            Type::List | Type::Cidrs => Some(Value::List(
                text.split(',')
                    .map(str::trim)
                    .filter(|item| !item.is_empty())
                    .map(str::to_owned)
                    .collect(),
            )),
            Type::Text | Type::Label | Type::Choice | Type::Quantity => {
                Some(Value::Text(text.to_owned()))
            }
        };
        self.accept(value.ok_or_else(|| self.refusal(None))?)
    }

    /// Takes a value that came from a file or a prompt, if it is one of this question's.
    ///
    /// # Errors
    /// A [`Refusal`] if it is not.
    pub fn accept(&self, value: Value) -> Result<Value, Refusal> {
        let value = match (self.kind, value) {
            (Type::Decimal, Value::Int(whole)) => Value::Decimal(whole as f64),
            (_, value) => value,
        };
        let fits = match (self.kind, &value) {
            (Type::Bool, Value::Bool(_)) => true,
            (Type::Int, Value::Int(number)) => self.in_bounds(*number as f64),
            (Type::Decimal, Value::Decimal(number)) => self.in_bounds(*number),
            (Type::Label, Value::Text(text)) => is_label(text, self.max_length.unwrap_or(63)),
            (Type::Quantity, Value::Text(text)) => is_quantity(text),
            (Type::Choice, Value::Text(text)) => self.offers(text),
            (Type::Text, Value::Text(text)) => self.takes_text(text),
            (Type::Cidrs, Value::List(items)) => {
                single(items) && items.iter().all(|item| is_cidr(item))
            }
            (Type::List, Value::List(items)) => {
                let known = |item: &String| match self.choices.is_empty() {
                    true => is_label(item, self.max_length.unwrap_or(63)),
                    false => self.offers(item),
                };
                single(items)
                    && items.iter().all(known)
                    && (!items.is_empty() || !self.choices.is_empty())
            }
            _ => false,
        };
        if fits { Ok(value) } else { Err(self.refusal(Some(&value))) }
    }

    fn offers(&self, value: &str) -> bool {
        self.choices.iter().any(|choice| choice.value == value)
    }

    fn in_bounds(&self, number: f64) -> bool {
        number.is_finite()
            && self.min.is_none_or(|min| number >= min)
            && self.max.is_none_or(|max| number <= max)
    }

    fn takes_text(&self, text: &str) -> bool {
        let matches =
            |pattern: &String| whole_pattern(pattern).is_ok_and(|pattern| pattern.is_match(text));
        let empty_allowed = self.default.as_ref().and_then(Value::as_text) == Some("");
        (empty_allowed && text.is_empty())
            || (!text.trim().is_empty()
                && !text.chars().any(char::is_control)
                && text.chars().count() <= self.max_length.unwrap_or(200)
                && self.pattern.as_ref().is_none_or(matches))
    }

    fn refusal(&self, value: Option<&Value>) -> Refusal {
        let text = value.and_then(Value::as_text);
        let hint = match (self.kind, text) {
            (Type::Choice, Some(text)) => did_you_mean(text, self.choice_values()),
            (Type::Label, Some(text)) => {
                let label = as_label(text, self.max_length.unwrap_or(63));
                label.map(|label| format!("try `{label}`"))
            }
            _ => None,
        };
        Refusal { wants: self.wants(), hint }
    }

    /// The values on offer.
    pub fn choice_values(&self) -> impl Iterator<Item = &str> {
        self.choices.iter().map(|choice| choice.value.as_str())
    }

    /// What the question wants, in words that follow "wants".
    pub fn wants(&self) -> String {
        let bounds = match (self.min, self.max) {
            (Some(min), Some(max)) => format!(" from {min} to {max}"),
            (Some(min), None) => format!(" of at least {min}"),
            (None, Some(max)) => format!(" of at most {max}"),
            (None, None) => String::new(),
        };
        match self.kind {
            Type::Int => format!("a whole number{bounds}"),
            Type::Decimal => format!("a number{bounds}"),
            Type::Bool => "`true` or `false`".into(),
            Type::Choice => format!("one of {}", listed(self.choice_values())),
            Type::List if self.choices.is_empty() => {
                "names such as `staging`, each once, with commas between".into()
            }
            Type::List => format!("any of {}, each once", listed(self.choice_values())),
            Type::Quantity => "a Kubernetes quantity such as `500m` or `512Mi`".into(),
            Type::Cidrs => {
                "ranges of addresses such as `192.0.2.0/24`, each once and none of all addresses, with commas between"
                    .into()
            }
            Type::Label => format!(
                "a-z, 0-9 and `-`, a letter first, at most {}",
                self.max_length.unwrap_or(63)
            ),
            Type::Text => self.expected.clone().unwrap_or_else(|| {
                format!("one line of at most {} characters", self.max_length.unwrap_or(200))
            }),
        }
    }
}

/// What is wrong with a condition that names a question that is not among `questions`, or a value
/// that the question cannot have: it would be false for ever, in silence.
pub fn fault(condition: &Condition, questions: &[Question]) -> Option<String> {
    condition.named().find_map(|(key, value)| {
        let Some(question) = questions.iter().find(|question| question.key == key) else {
            let near = did_you_mean(key, questions.iter().map(|question| question.key.as_str()));
            let near = near.map(|near| format!("; {near}")).unwrap_or_default();
            return Some(format!("names `{key}`, which no question before it asks{near}"));
        };
        let value = match (question.kind, value) {
            (Type::List | Type::Cidrs, Value::Text(item)) => Value::List(vec![item.clone()]),
            (_, value) => value.clone(),
        };
        let shown = value.to_string();
        let refusal = question.accept(value).err()?;
        Some(format!("wants `{key}` to be `{shown}`, but `{key}` is {}", refusal.wants))
    })
}

fn single(items: &[String]) -> bool {
    items.iter().collect::<BTreeSet<_>>().len() == items.len()
}

/// A network in CIDR notation as Kubernetes takes it, with no bit set behind the prefix. The prefix
/// of no bits, which is every address, is none.
fn is_cidr(text: &str) -> bool {
    let Some((address, prefix)) = text.split_once('/') else { return false };
    let bits = prefix.parse::<u32>().ok().filter(|bits| bits.to_string() == prefix && *bits > 0);
    match (address.parse(), bits) {
        (Ok(IpAddr::V4(address)), Some(bits)) => {
            bits <= u32::BITS && address.to_bits().checked_shl(bits).unwrap_or(0) == 0
        }
        (Ok(IpAddr::V6(address)), Some(bits)) => {
            bits <= u128::BITS && address.to_bits().checked_shl(bits).unwrap_or(0) == 0
        }
        _ => false,
    }
}

fn is_label(text: &str, longest: usize) -> bool {
    text.len() <= longest
        && text.starts_with(|c: char| c.is_ascii_lowercase())
        && !text.ends_with('-')
        && text.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-')
}

/// The nearest label to a text, if anything is left of it.
fn as_label(text: &str, longest: usize) -> Option<String> {
    let ascii: String =
        text.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '-' }).collect();
    let kebab = ascii.to_kebab_case();
    let label: String =
        kebab.trim_start_matches(|c: char| !c.is_ascii_lowercase()).chars().take(longest).collect();
    let label = label.trim_end_matches('-');
    is_label(label, longest).then(|| label.to_owned())
}

/// Kubernetes' own grammar, without exponents: digits, an optional fraction, an optional suffix.
/// No zero leads other digits: YAML 1.1 would read the number in base 8.
fn is_quantity(text: &str) -> bool {
    let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let suffix = &text[digits.len()..];
    let number: Option<f64> = digits.parse().ok();
    digits.starts_with(|c: char| c.is_ascii_digit())
        && digits.ends_with(|c: char| c.is_ascii_digit())
        && digits.chars().all(|c| c.is_ascii_digit() || c == '.')
        && !digits
            .strip_prefix('0')
            .is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_digit()))
        && number.is_some_and(|number| number > 0.0)
        && ["", "m", "k", "M", "G", "T", "Ki", "Mi", "Gi", "Ti"].contains(&suffix)
}
