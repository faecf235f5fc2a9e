//! Trials: an organisation's own tests of its folder, as data.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::example::example;
use super::set::TemplateSet;
use super::shelf::Shelves;
use crate::answer::{
    DEFAULT_PRESET, Entry, Given, Layer, Preset, Source, SourceText, Strength, Value,
};
use crate::audit::{Document, Probe};
use crate::error::{Error, Kind, Result};

/// A file of trials, in the folder `tests` of an organisation.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Trials {
    trial: Vec<Trial>,
}

/// Some answers, and what must come of them: a refusal, or a project that passes every probe.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Trial {
    title: String,
    #[serde(default = "default_preset")]
    preset: String,
    #[serde(default)]
    answers: BTreeMap<String, Value>,
    /// The exit code of the refusal.
    refused: Option<u8>,
    #[serde(default)]
    expect: Vec<Probe>,
}

fn default_preset() -> String {
    DEFAULT_PRESET.into()
}

/// Runs an organisation's trials, and returns how many there are.
///
/// # Errors
/// [`Kind::Control`] with the first trial that comes out otherwise than it says;
/// [`Kind::Usage`] for a malformed file.
pub fn try_all(shelves: &Shelves, set: &TemplateSet) -> Result<usize> {
    let mut count = 0;
    for text in shelves.trials() {
        for trial in text.parse::<Trials>()?.trial {
            trial.run(shelves, set, &text)?;
            count += 1;
        }
    }
    Ok(count)
}

impl Trial {
    fn run(&self, shelves: &Shelves, set: &TemplateSet, text: &SourceText) -> Result<()> {
        let failed = |what: String| {
            Err(Error::new(
                Kind::Control,
                format!("trial `{}` of `{}` fails: {what}", self.title, text.name),
            )
            .hint("mend the folder, or the trial if it asks for the wrong thing"))
        };
        if self.refused.is_none() == self.expect.is_empty() {
            return failed("it must say either `refused` or what to `expect`".into());
        }
        if let Some(fault) = self.expect.iter().find_map(Probe::fault) {
            return failed(format!("a probe {fault}"));
        }
        let preset = shelves.preset(&self.preset)?;
        match (self.render(&preset, shelves, set, &text.name), self.refused) {
            (Ok(_), Some(code)) => failed(format!("it is not refused with exit code {code}")),
            (Err(error), Some(code)) if error.kind().exit_code() == code => Ok(()),
            (Err(error), _) => failed(error.to_string()),
            (Ok(tree), None) => {
                let documents = Document::all(&tree)?;
                for probe in &self.expect {
                    if let Some(miss) = probe.misses(&tree, &documents)?.first() {
                        let place =
                            miss.path.as_ref().map(|path| format!("`{path}` ")).unwrap_or_default();
                        return failed(format!("{place}{}", miss.message));
                    }
                }
                Ok(())
            }
        }
    }

    fn render(
        &self,
        preset: &Preset,
        shelves: &Shelves,
        set: &TemplateSet,
        place: &str,
    ) -> Result<crate::tree::Tree> {
        let entry = |(key, value): (&String, &Value)| Entry {
            key: key.clone(),
            given: Given::Value(value.clone()),
            source: Source::File,
            place: place.to_owned(),
        };
        let given =
            Layer { strength: Strength::File, entries: self.answers.iter().map(entry).collect() };
        let answers = example(shelves, set, preset, Some(given))?;
        Ok(set.render(&answers)?.tree)
    }
}
