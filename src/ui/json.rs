//! Plans as JSON, for programs.

use std::path::Path;

use schemars::JsonSchema;
use serde::Serialize;

use crate::answer::{Answers, Value};
use crate::error::{Error, Kind, Result};
use crate::project::Plan;

/// The version of the format.
const SCHEMA: u32 = 1;

/// What `seaworthy new --format json` prints.
#[derive(Serialize, JsonSchema)]
#[schemars(title = "Plan of seaworthy new", deny_unknown_fields)]
struct PlanDocument<'a> {
    /// The version of this format.
    schema: u32,
    /// The project's folder, as it was given.
    target: String,
    /// The preset that was chosen.
    preset: Option<&'a str>,
    /// Whether the plan was carried out.
    written: bool,
    /// The settled answers, in the order of their questions.
    answers: Vec<AnswerLine<'a>>,
    /// The files, in the order in which they are written.
    files: Vec<FileLine<'a>>,
}

/// A settled answer.
#[derive(Serialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
struct AnswerLine<'a> {
    /// The question.
    key: &'a str,
    /// The value.
    #[schemars(with = "serde_json::Value")]
    value: &'a Value,
    /// Who gave it: `default`, `preset NAME`, `organisation NAME`, `file`, `flag`, `prompt` or
    /// `locked NAME`.
    source: String,
}

/// A file.
#[derive(Serialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
struct FileLine<'a> {
    /// Its path in the project.
    path: &'a str,
    /// What happens to it: `create`, `replace`, `keep` or, in a dry run, `blocked`.
    action: &'static str,
    /// Its size.
    bytes: usize,
    /// Whether its owner may run it.
    executable: bool,
}

/// The schema of [`plan_json`].
pub fn plan_schema() -> serde_json::Value {
    schemars::schema_for!(PlanDocument).to_value()
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
