//! Plans as JSON, for programs.

use std::path::Path;

use serde::Serialize;

use crate::answer::{Answers, Value};
use crate::error::{Error, Kind, Result};
use crate::project::Plan;

/// The version of the format.
const SCHEMA: u32 = 1;

#[derive(Serialize)]
struct PlanDocument<'a> {
    schema: u32,
    target: String,
    preset: Option<&'a str>,
    written: bool,
    answers: Vec<AnswerLine<'a>>,
    files: Vec<FileLine<'a>>,
}

#[derive(Serialize)]
struct AnswerLine<'a> {
    key: &'a str,
    value: &'a Value,
    source: String,
}

#[derive(Serialize)]
struct FileLine<'a> {
    path: &'a str,
    action: &'static str,
    bytes: usize,
    executable: bool,
}

/// A plan as JSON; `written` tells whether it was carried out.
///
/// # Errors
/// [`Kind::Internal`] if it cannot be put into JSON.
pub fn plan_json(
    target: &Path,
    preset: Option<&str>,
    answers: &Answers,
    plan: &Plan,
    written: bool,
) -> Result<String> {
    let document = PlanDocument {
        schema: SCHEMA,
        target: target.display().to_string(),
        preset,
        written,
        answers: answers
            .iter()
            .map(|answer| AnswerLine {
                key: &answer.key,
                value: &answer.value,
                source: answer.source.to_string(),
            })
            .collect(),
        files: plan
            .changes()
            .iter()
            .map(|change| FileLine {
                path: change.path.as_str(),
                action: change.action.word(),
                bytes: change.file.text.len(),
                executable: change.file.executable,
            })
            .collect(),
    };
    let text = serde_json::to_string_pretty(&document);
    text.map(|text| text + "\n")
        .map_err(|error| Error::new(Kind::Internal, "the plan cannot be printed").because(error))
}
