//! The interview: the preset, the questions that matter, and a summary that can be changed.

use std::collections::BTreeSet;
use std::path::Path;

use super::ask::{Ask, Choices};
use crate::answer::{
    Answer, Answers, Entry, Given, Layer, Policy, Preset, Question, Source, Strength, Value,
};
use crate::error::{Error, Kind, Result};

/// An interview over some questions.
pub struct Interview<'a> {
    /// All questions, in order.
    pub questions: &'a [Question],
    /// What is given already.
    pub layers: &'a [Layer],
    /// What is locked.
    pub policy: &'a Policy,
    /// Where the project goes, if that is given; otherwise into the folder of its name.
    pub folder: Option<&'a Path>,
    /// Whether to ask every question that applies, or only those that matter.
    pub all: bool,
}

/// Is told the preset that was chosen and what was answered, and says whether that will do.
pub type Accept<'a> = &'a mut dyn FnMut(Option<&Preset>, &Layer) -> Result<()>;

impl Interview<'_> {
    /// Holds the interview. `presets` are offered first, if there are any, beginning with the one
    /// at `first`. What `accept` has against the answers is shown, and they can be changed.
    ///
    /// # Errors
    /// [`Kind::Interrupted`] if the user stops or cancels; what [`Answers::draft`] says of the
    /// layers; what `accept` says that no other answer would mend.
    pub fn hold(
        &self,
        ask: &mut dyn Ask,
        presets: &[Preset],
        first: usize,
        accept: Accept,
    ) -> Result<()> {
        let preset = self.choose_preset(ask, presets, first)?;
        let mut layers = self.layers.to_vec();
        layers.extend(preset.map(Preset::layer));
        let mut asked = BTreeSet::new();
        let prompts = layers.len();
        layers.push(Layer { strength: Strength::Prompt, entries: Vec::new() });
        loop {
            let answers = self.ask_open(ask, &mut layers, prompts, &mut asked)?;
            ask.show(&self.summary(preset, &answers));
            let items =
                ["Write the project", "Change an answer", "Cancel"].map(str::to_owned).to_vec();
            match ask.choose(&Choices { prompt: "All right?".into(), items, first: 0 })? {
                0 => match accept(preset, &layers[prompts]) {
                    Err(error) if matches!(error.kind(), Kind::Usage | Kind::Policy) => {
                        ask.object(&error)
                    }
                    settled => return settled,
                },
                1 => self.change(ask, &mut layers[prompts], &answers)?,
                _ => return Err(Error::cancelled()),
            }
        }
    }

    fn choose_preset<'p>(
        &self,
        ask: &mut dyn Ask,
        presets: &'p [Preset],
        first: usize,
    ) -> Result<Option<&'p Preset>> {
        if presets.is_empty() {
            return Ok(None);
        }
        let items =
            presets.iter().map(|preset| format!("{}: {}", preset.name, preset.summary)).collect();
        let at = ask.choose(&Choices { prompt: "Preset".into(), items, first })?;
        Ok(Some(&presets[at]))
    }

    /// Asks what is worth asking and was not `asked` yet. An answer may open further questions. A
    /// default that is taken stays one, so that it still follows what it derives from.
    fn ask_open(
        &self,
        ask: &mut dyn Ask,
        layers: &mut [Layer],
        prompts: usize,
        asked: &mut BTreeSet<String>,
    ) -> Result<Answers> {
        loop {
            let answers = Answers::draft(self.questions, layers, self.policy)?;
            let open = |question: &&Question| {
                self.worth_asking(question, &answers) && !asked.contains(&question.key)
            };
            let Some(question) = self.questions.iter().find(open) else {
                return Ok(answers);
            };
            let default = answers.get(&question.key);
            let value = self.put(ask, question, default)?;
            if default != Some(&value) {
                layers[prompts].entries.push(prompted(question, value));
            }
            asked.insert(question.key.clone());
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

    fn summary(&self, preset: Option<&Preset>, answers: &Answers) -> String {
        let name = answers.get("name").map(Value::to_string).unwrap_or_default();
        let folder = self.folder.map_or(name, |folder| folder.display().to_string());
        let mut lines = vec![("Folder", folder)];
        lines.extend(preset.map(|preset| ("Preset", preset.name.clone())));
        for question in self.questions {
            let Some(answer) = answers.find(&question.key) else { continue };
            if self.all || question.ask || answer.source != Source::Default {
                let source = match &answer.source {
                    Source::Prompt | Source::Default => String::new(),
                    source => format!("  ({source})"),
                };
                let value = match &answer.value {
                    Value::List(items) => items.join(", "),
                    one => one.to_string(),
                };
                lines.push((question.prompt.as_str(), format!("{value}{source}")));
            }
        }
        let wide = lines.iter().map(|(prompt, _)| prompt.chars().count()).max().unwrap_or(0);
        let line = |(prompt, value): &(&str, String)| format!("  {prompt:wide$}  {value}\n");
        format!("\n{}\n", lines.iter().map(line).collect::<String>())
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
