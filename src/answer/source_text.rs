//! TOML text that remembers where it came from, so that every complaint names the place.

use std::ops::Range;

use serde::de::DeserializeOwned;

use crate::error::{Error, Kind, Result};

/// The longest declaration, in bytes. Ours take up to some 50,000.
const LONGEST: usize = 256 * 1024;

/// A text and the name of the file it came from, as the user would write it.
#[derive(Debug, Clone)]
pub struct SourceText {
    /// The file's name, or words such as `standard input`.
    pub name: String,
    /// The whole text.
    pub text: String,
}

impl SourceText {
    /// A text that came from `name`.
    pub fn new(name: impl Into<String>, text: impl Into<String>) -> Self {
        Self { name: name.into(), text: text.into() }
    }

    /// Whether the text is JSON: its name ends in `.json`, or it begins with `{`.
    pub fn is_json(&self) -> bool {
        self.name.ends_with(".json") || self.text.trim_start().starts_with('{')
    }

    /// Reads the text as TOML, or as JSON if it is.
    ///
    /// # Errors
    /// [`Kind::Usage`]: malformed text or an unexpected key, with file, line and column; or more
    /// text than anybody writes.
    pub fn parse<T: DeserializeOwned>(&self) -> Result<T> {
        if self.text.len() > LONGEST {
            return Err(Error::usage(format!("`{}` has more than {LONGEST} bytes", self.name))
                .hint("a declaration or a list of answers is not that long: correct the file"));
        }
        if self.is_json() {
            return serde_json::from_str(&self.text).map_err(|error| {
                let place = format!("{}:{}:{}", self.name, error.line(), error.column());
                let message = error.to_string();
                // serde_json ends its message with the place that stands in front already
                let cause = message.split(" at line ").next().unwrap_or(&message);
                Error::usage(format!("`{place}` cannot be read: {cause}"))
            });
        }
        toml::from_str(&self.text).map_err(|error| {
            let place = match error.span() {
                Some(span) => self.place(&span),
                None => self.name.clone(),
            };
            let cause = error.message().lines().collect::<Vec<_>>().join(", ");
            Error::new(Kind::Usage, format!("`{place}` cannot be read: {cause}"))
                .hint("correct the file at that line and column")
        })
    }

    /// The place of a span, as `FILE:LINE:COLUMN`, both counted from 1.
    pub fn place(&self, span: &Range<usize>) -> String {
        let before = &self.text[..span.start.min(self.text.len())];
        let line = before.matches('\n').count() + 1;
        let column = before.chars().rev().take_while(|c| *c != '\n').count() + 1;
        format!("{}:{line}:{column}", self.name)
    }
}
