//! A preset: a named set of answers that may extend another.

use serde::Deserialize;

use super::layer::{Entry, Layer, Source, Strength, Table};
use super::source_text::SourceText;
use crate::error::{Error, Result};

/// The preset that stands if none is chosen.
pub const DEFAULT_PRESET: &str = "production";

/// What a preset's file says.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct Declaration {
    summary: String,
    extends: Option<String>,
    #[serde(default)]
    answers: Table,
}

/// A preset and the presets below it.
#[derive(Debug, Clone)]
pub struct Preset {
    /// Its name.
    pub name: String,
    /// What it is for, in a sentence.
    pub summary: String,
    /// The presets it extends, nearest first.
    pub extends: Vec<String>,
    entries: Vec<Entry>,
}

impl Preset {
    /// Reads a preset and all that it extends; `find` gives the text of a preset by its name.
    ///
    /// # Errors
    /// [`Kind::Usage`](crate::error::Kind::Usage): malformed text, an unknown preset, or presets
    /// that extend each other in a circle.
    pub fn resolve(
        name: &str,
        text: &SourceText,
        find: &dyn Fn(&str) -> Result<SourceText>,
    ) -> Result<Self> {
        let mut declared: Declaration = text.parse()?;
        let mut preset = Self {
            name: name.to_owned(),
            summary: declared.summary,
            extends: Vec::new(),
            entries: declared.answers.entries(text, &Source::Preset(name.to_owned())),
        };
        while let Some(base) = declared.extends {
            if base == name || preset.extends.contains(&base) {
                return Err(Error::usage(format!(
                    "preset `{name}` extends itself through `{base}`"
                ))
                .hint("let one of the presets in the circle extend nothing"));
            }
            let text = find(&base)?;
            declared = text.parse()?;
            // what is extended is weaker, so it stands before
            preset
                .entries
                .splice(0..0, declared.answers.entries(&text, &Source::Preset(base.clone())));
            preset.extends.push(base);
        }
        Ok(preset)
    }

    /// The answers it gives; of two for one key, the later stands.
    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// The preset as a layer.
    pub fn layer(&self) -> Layer {
        Layer { strength: Strength::Preset, entries: self.entries.clone() }
    }
}
