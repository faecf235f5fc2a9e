//! What a checker has to say against a file.

use std::fmt::{self, Display, Formatter};
use std::path::Path;
use std::process::Command;

use serde_json::Value;

use crate::toolbox::{output, transcript};

/// A tool that looks at the files of a folder.
pub struct Checker {
    /// The tool.
    pub name: &'static str,
    /// What its findings in the planted faults tell, among other things.
    pub proofs: &'static [&'static str],
    /// Runs it over a folder.
    pub check: fn(&Path) -> Vec<Finding>,
}

/// What a checker found.
#[derive(Debug, Clone)]
pub struct Finding {
    /// The file, below the folder that was looked at.
    pub file: String,
    /// The checker's name for what is wrong.
    pub rule: String,
    /// What is wrong, and where.
    pub message: String,
}

impl Finding {
    /// Made of a tool's words; it may name files by their whole path.
    pub fn new(folder: &Path, file: &str, rule: &str, message: &str) -> Self {
        let below = Path::new(file).strip_prefix(folder).unwrap_or(Path::new(file));
        let file = below.to_str().expect("a file named in UTF-8").trim_start_matches("./");
        let [rule, message] = [rule, message].map(str::to_owned);
        Self { file: file.to_owned(), rule, message }
    }
}

impl Display for Finding {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}: {}", self.file, self.rule, self.message)
    }
}

/// What a checker printed, which must have ended with one of the codes by which it tells that it did its work.
pub fn report(command: &mut Command, codes: &[i32]) -> String {
    let output = output(command);
    let known = output.status.code().is_some_and(|code| codes.contains(&code));
    assert!(known, "{}", transcript(command, &output));
    String::from_utf8(output.stdout).expect("tools print UTF-8")
}

/// The same, of a checker that prints JSON.
pub fn json(command: &mut Command, codes: &[i32]) -> Value {
    let text = report(command, codes);
    serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error} in {text}"))
}

/// A list in a report; what is not there or null is an empty one.
pub fn list(value: &Value) -> &[Value] {
    match value {
        Value::Null => &[],
        value => value.as_array().unwrap_or_else(|| panic!("no list: {value}")),
    }
}

/// A text in a report.
pub fn text<'v>(value: &'v Value, key: &str) -> &'v str {
    value[key].as_str().unwrap_or_else(|| panic!("no text `{key}` in {value}"))
}

/// A number in a report.
pub fn number(value: &Value, key: &str) -> i64 {
    value[key].as_i64().unwrap_or_else(|| panic!("no number `{key}` in {value}"))
}
