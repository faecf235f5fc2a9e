//! The filters of templates: one for each kind of text that a value is put into, so that no value
//! breaks out of its place, and two that read quantities.

use tera::{Kwargs, State, Tera, TeraResult, Value};

/// Adds the filters to a template engine.
pub fn register(tera: &mut Tera) {
    tera.register_filter("json", |value: &Value, _: Kwargs, _: &State| json(value));
    tera.register_filter("yaml", |value: &Value, _: Kwargs, _: &State| yaml(value));
    tera.register_filter("toml", |value: &Value, _: Kwargs, _: &State| toml(value));
    tera.register_filter("sh", |text: &str, _: Kwargs, _: &State| sh(text));
    tera.register_filter("md", |text: &str, _: Kwargs, _: &State| md(text));
    tera.register_filter("mebibytes", |text: &str, _: Kwargs, _: &State| {
        scaled(text, 1.0 / (1024.0 * 1024.0))
    });
    tera.register_filter("millicores", |text: &str, _: Kwargs, _: &State| scaled(text, 1000.0));
}

/// A JSON value. JSON text is TypeScript's and YAML's as well.
fn json(value: &Value) -> TeraResult<String> {
    serde_json::to_string(value).map_err(tera::Error::message)
}

/// A YAML value: plain text where no reader takes it for anything else, quoted otherwise.
fn yaml(value: &Value) -> TeraResult<String> {
    match value.as_str() {
        Some(text) if is_plain(text) => Ok(text.to_owned()),
        _ => json(value),
    }
}

/// Whether YAML 1.1 and 1.2 both read a text as itself, wherever a value may stand.
fn is_plain(text: &str) -> bool {
    const WORDS: [&str; 10] = ["y", "n", "yes", "no", "on", "off", "true", "false", "null", "~"];
    text.starts_with(|c: char| c.is_ascii_alphabetic())
        && text.ends_with(|c: char| c.is_ascii_alphanumeric())
        && text.chars().all(|c| c.is_ascii_alphanumeric() || "-_./".contains(c))
        && !WORDS.contains(&text.to_ascii_lowercase().as_str())
}

/// A TOML value.
fn toml(value: &Value) -> TeraResult<String> {
    let value: toml::Value = serde_json::from_str(&json(value)?).map_err(tera::Error::message)?;
    Ok(value.to_string())
}

/// One word of a shell command, whatever it holds.
fn sh(text: &str) -> String {
    format!("'{}'", text.replace('\'', r"'\''"))
}

/// Words within a line of Markdown.
fn md(text: &str) -> String {
    let special = |c: char| r"\`*_{}[]<>#|!~&".contains(c);
    let escaped = |c: char| if special(c) { format!("\\{c}") } else { c.to_string() };
    text.chars().map(escaped).collect()
}

/// A Kubernetes quantity in some unit, rounded up.
fn scaled(text: &str, factor: f64) -> TeraResult<i64> {
    let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let unit = match &text[digits.len()..] {
        "" => 1.0,
        "m" => 1e-3,
        "k" => 1e3,
        "M" => 1e6,
        "G" => 1e9,
        "T" => 1e12,
        "Ki" => 1024.0,
        "Mi" => 1024f64.powi(2),
        "Gi" => 1024f64.powi(3),
        "Ti" => 1024f64.powi(4),
        other => {
            return Err(tera::Error::message(format!(
                "`{text}` is no quantity: it ends in `{other}`"
            )));
        }
    };
    let number: f64 =
        digits.parse().map_err(|_| tera::Error::message(format!("`{text}` is no quantity")))?;
    // 0.1 cores are 100 millicores, and not 101 for the sake of a last binary digit
    Ok(((number * unit * factor * 1e6).round() / 1e6).ceil() as i64)
}
