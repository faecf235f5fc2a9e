//! The interview: the preset, the questions that matter, and a summary that can be changed.

use std::collections::BTreeSet;

use super::ask::{Ask, Choices};
use crate::answer::{
    Answer, Answers, Entry, Given, Layer, Policy, Preset, Question, Source, Strength, Value,
};
use crate::error::{Error, Result};

/// An interview over some questions.
pub struct Interview<'a> {
    /// All questions, in order.
    pub questions: &'a [Question],
    /// What is given already.
    pub layers: &'a [Layer],
    /// What is locked.
    pub policy: &'a Policy,
    /// Whether to ask every question that applies, or only those that matter.
    pub all: bool,
}

/// What an interview came to.
#[derive(Debug, Clone)]
pub struct Outcome {
    /// The preset, if one was offered.
    pub preset: Option<Preset>,
    /// What the user answered.
    pub layer: Layer,
}

impl Interview<'_> {
    /// Holds the interview. `presets` are offered first, if there are any, beginning with the one
    /// at `first`.
    ///
    /// # Errors
    /// [`Kind::Interrupted`](crate::error::Kind::Interrupted) if the user stops or cancels;
    /// what [`Answers::draft`] says of the layers.
    pub fn hold(&self, ask: &mut dyn Ask, presets: &[Preset], first: usize) -> Result<Outcome> {
        let preset = match presets {
            [] => None,
            _ => {
                let items = presets
                    .iter()
                    .map(|preset| format!("{}: {}", preset.name, preset.summary))
                    .collect();
                let at = ask.choose(&Choices { prompt: "Preset".into(), items, first })?;
                Some(presets[at].clone())
            }
        };
        let mut layers = self.layers.to_vec();
        layers.extend(preset.as_ref().map(Preset::layer));
        let prompts = layers.len();
        layers.push(Layer { strength: Strength::Prompt, entries: Vec::new() });
        loop {
            let answers = self.ask_open(ask, &mut layers, prompts)?;
            ask.show(&self.summary(&answers));
            let items =
                ["Write the project", "Change an answer", "Cancel"].map(str::to_owned).to_vec();
            match ask.choose(&Choices { prompt: "All right?".into(), items, first: 0 })? {
                0 => return Ok(Outcome { preset, layer: layers.swap_remove(prompts) }),
                1 => self.change(ask, &mut layers[prompts], &answers)?,
                _ => return Err(Error::interrupted()),
            }
        }
    }

    /// Asks what is worth asking and not answered yet. An answer may open further questions.
    fn ask_open(&self, ask: &mut dyn Ask, layers: &mut [Layer], prompts: usize) -> Result<Answers> {
        loop {
            let answers = Answers::draft(self.questions, layers, self.policy)?;
            let asked: BTreeSet<&str> =
                layers[prompts].entries.iter().map(|entry| entry.key.as_str()).collect();
            let open = |question: &&Question| {
                self.worth_asking(question, &answers) && !asked.contains(question.key.as_str())
            };
            let Some(question) = self.questions.iter().find(open) else {
                return Ok(answers);
            };
            let value = self.put(ask, question, answers.get(&question.key))?;
            layers[prompts].entries.push(prompted(question, value));
        }
    }

    /// Puts a question until the organisation has nothing against the answer.
    fn put(
        &self,
        ask: &mut dyn Ask,
        question: &Question,
        default: Option<&Value>,
    ) -> Result<Value> {
        loop {
            let value = ask.ask(question, default)?;
            match self.policy.objection(&question.key, &value) {
                None => return Ok(value),
                Some(objection) => ask.show(&format!("it wants {objection}\n")),
            }
        }
    }

    /// Whether a question is asked: it applies, has more than one answer, and nobody stronger than
    /// a preset has given one.
    fn worth_asking(&self, question: &Question, answers: &Answers) -> bool {
        let settled =
            |source: &Source| matches!(source, Source::File | Source::Flag | Source::Locked(_));
        let matters = self.all || question.ask || answers.get(&question.key).is_none();
        let only_one = question.choices.len() == 1;
        let given = answers.find(&question.key).is_some_and(|answer| settled(&answer.source));
        answers.applies(question) && matters && !only_one && !given
    }

    fn change(&self, ask: &mut dyn Ask, layer: &mut Layer, answers: &Answers) -> Result<()> {
        let open: Vec<(&Question, &Answer)> = self
            .questions
            .iter()
            .filter(|question| question.choices.len() != 1)
            .filter_map(|question| Some((question, answers.find(&question.key)?)))
            .filter(|(_, answer)| !matches!(answer.source, Source::Locked(_)))
            .collect();
        let items = open
            .iter()
            .map(|(question, answer)| format!("{}: {}", question.prompt, answer.value))
            .collect();
        let at = ask.choose(&Choices { prompt: "Which one?".into(), items, first: 0 })?;
        let (question, answer) = open[at];
        let value = self.put(ask, question, Some(&answer.value))?;
        layer.entries.retain(|entry| entry.key != question.key);
        layer.entries.push(prompted(question, value));
        Ok(())
    }

    fn summary(&self, answers: &Answers) -> String {
        let answered: Vec<(&Question, &Answer)> = self
            .questions
            .iter()
            .filter_map(|question| Some((question, answers.find(&question.key)?)))
            .filter(|(question, answer)| {
                self.all || question.ask || answer.source != Source::Default
            })
            .collect();
        let wide =
            answered.iter().map(|(question, _)| question.prompt.chars().count()).max().unwrap_or(0);
        let line = |(question, answer): &(&Question, &Answer)| {
            let source = match &answer.source {
                Source::Prompt => String::new(),
                source => format!("  ({source})"),
            };
            format!("  {:wide$}  {}{source}\n", question.prompt, answer.value)
        };
        format!("\n{}\n", answered.iter().map(line).collect::<String>())
    }
}

fn prompted(question: &Question, value: Value) -> Entry {
    Entry {
        key: question.key.clone(),
        given: Given::Value(value),
        source: Source::Prompt,
        place: "your answer".into(),
    }
}
