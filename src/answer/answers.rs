//! Answers: the questions that apply, each with its value and who gave it.

use std::collections::BTreeMap;

use super::layer::{Entry, Layer, Source};
use super::policy::Policy;
use super::question::Question;
use super::suggest::{did_you_mean, listed};
use super::value::Value;
use crate::error::{Error, Result};

/// One answered question.
#[derive(Debug, Clone, PartialEq)]
pub struct Answer {
    /// The question's key.
    pub key: String,
    /// The value.
    pub value: Value,
    /// Who gave it.
    pub source: Source,
    /// Where it was given; nowhere, if it is the question's default.
    pub place: Option<String>,
}

/// The answers, in the order of their questions. Questions that do not apply have none.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Answers(Vec<Answer>);

impl Answers {
    /// The value of `key`, if the question applies.
    pub fn get(&self, key: &str) -> Option<&Value> {
        self.find(key).map(|answer| &answer.value)
    }

    /// The answer to `key`, if the question applies.
    pub fn find(&self, key: &str) -> Option<&Answer> {
        self.0.iter().find(|answer| answer.key == key)
    }

    /// All answers, in the order of their questions.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = &Answer> {
        self.0.iter()
    }

    /// Settles every question: the strongest layer that answers it decides, its default if none
    /// does. `questions` are in order: a condition or a default names only earlier ones.
    ///
    /// # Errors
    /// Those of [`draft`](Self::draft), [`Kind::Policy`](crate::error::Kind::Policy) if an answer
    /// breaks a limit, and [`Kind::Usage`](crate::error::Kind::Usage) if a question that applies
    /// has no answer.
    pub fn resolve(questions: &[Question], layers: &[Layer], policy: &Policy) -> Result<Self> {
        let answers = Self::draft(questions, layers, policy)?;
        for question in questions.iter().filter(|question| answers.applies(question)) {
            match answers.find(&question.key) {
                Some(answer) => policy.hold(
                    &question.key,
                    &answer.value,
                    &answer.source,
                    answer.place.as_deref(),
                )?,
                None => return Err(unanswered(question)),
            }
        }
        Ok(answers)
    }

    /// Settles what can be settled, and leaves questions that nobody answered open.
    ///
    /// # Errors
    /// - [`Kind::Usage`](crate::error::Kind::Usage): a key that no question has, a value that its
    ///   question does not take, or a flag or file that answers a question that does not apply.
    /// - [`Kind::Policy`](crate::error::Kind::Policy): a layer asks for another value than the
    ///   organisation's locked one.
    pub fn draft(questions: &[Question], layers: &[Layer], policy: &Policy) -> Result<Self> {
        let mut ordered: Vec<&Layer> = layers.iter().collect();
        ordered.sort_by_key(|layer| layer.strength);
        let mut given: BTreeMap<&str, &Entry> = BTreeMap::new();
        for entry in ordered.iter().flat_map(|layer| &layer.entries).chain(policy.locked()) {
            let Some(question) = questions.iter().find(|question| question.key == entry.key) else {
                return Err(no_question(&entry.key, &entry.place, questions));
            };
            policy.admit(question, entry)?;
            given.insert(&entry.key, entry);
        }
        if let Some((key, place)) =
            policy.limited().find(|(key, _)| questions.iter().all(|question| question.key != *key))
        {
            return Err(no_question(key, place, questions));
        }
        questions.iter().try_for_each(|question| policy.fit(question))?;
        let mut answers = Self::default();
        for question in questions {
            let entry = given.get(question.key.as_str()).copied();
            // a default that derives from another answer is derived anew, since that may differ now
            let derived = question.default_from.is_some();
            let entry = entry.filter(|entry| !derived || entry.source != Source::Default);
            if answers.applies(question) {
                let answer = answers.settle(question, entry)?;
                answers.0.extend(answer);
            } else if let Some(entry) =
                entry.filter(|entry| matches!(entry.source, Source::Flag | Source::File))
            {
                return Err(Error::usage(format!(
                    "`{}` does not apply here (`{}`)",
                    entry.key, entry.place
                ))
                .hint(format!("it needs {}", question.when)));
            }
        }
        Ok(answers)
    }

    /// Whether a question applies, as far as the answers go.
    pub fn applies(&self, question: &Question) -> bool {
        question.when.holds(|key| self.get(key))
    }

    fn settle(&self, question: &Question, entry: Option<&Entry>) -> Result<Option<Answer>> {
        let answer =
            |value, source, place| Some(Answer { key: question.key.clone(), value, source, place });
        if let Some(entry) = entry {
            return Ok(answer(
                entry.read(question)?,
                entry.source.clone(),
                Some(entry.place.clone()),
            ));
        }
        let copied = || question.default_from.as_ref().and_then(|from| self.get(from)).cloned();
        Ok(question
            .default
            .clone()
            .or_else(copied)
            .and_then(|value| answer(value, Source::Default, None)))
    }
}

fn unanswered(question: &Question) -> Error {
    match question.key.as_str() {
        "name" => Error::usage("the project has no name")
            .hint("give it a path, as in `seaworthy new PATH`, or a name with `--set name=NAME`"),
        key => Error::usage(format!("`{key}` has no value"))
            .hint(format!("give it with `--set {key}=VALUE`: {}", question.wants())),
    }
}

fn no_question(key: &str, place: &str, questions: &[Question]) -> Error {
    let known = || questions.iter().map(|question| question.key.as_str());
    Error::usage(format!("there is no question `{key}` (`{place}`)")).hint(
        did_you_mean(key, known())
            .unwrap_or_else(|| format!("the questions are {}", listed(known()))),
    )
}
