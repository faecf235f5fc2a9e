//! The filters of templates: one for each kind of text that a value is put into, so that no value
//! breaks out of its place, and two that read quantities.

use std::fmt::Write;

use tera::{Kwargs, State, Tera, TeraResult, Value};

/// The filters that make a value safe, each in its kind of text.
pub const QUOTING: [&str; 10] =
    ["json", "yaml", "toml", "sh", "md", "code", "make", "recipe", "docker", "env"];

/// Adds the filters to a template engine.
pub fn register(tera: &mut Tera) {
    tera.register_filter("json", |value: &Value, _: Kwargs, _: &State| json(value));
    tera.register_filter("yaml", |value: &Value, _: Kwargs, _: &State| yaml(value));
    tera.register_filter("toml", |value: &Value, _: Kwargs, _: &State| toml(value));
    tera.register_filter("sh", |text: &str, _: Kwargs, _: &State| sh(text));
    tera.register_filter("md", |text: &str, _: Kwargs, _: &State| md(text));
    tera.register_filter("code", |text: &str, _: Kwargs, _: &State| code(text));
    tera.register_filter("make", |text: &str, _: Kwargs, _: &State| make(text));
    tera.register_filter("recipe", |text: &str, _: Kwargs, _: &State| recipe(text));
    tera.register_filter("docker", |text: &str, _: Kwargs, _: &State| docker(text));
    tera.register_filter("env", |text: &str, _: Kwargs, _: &State| env(text));
    tera.register_filter("mebibytes", |text: &str, _: Kwargs, _: &State| {
        scaled(text, 1.0 / (1024.0 * 1024.0))
    });
    tera.register_filter("millicores", |text: &str, _: Kwargs, _: &State| scaled(text, 1000.0));
}

/// A JSON value, on one line. A text in it is one of YAML, TOML, TypeScript, Go and Python as well.
fn json(value: &Value) -> TeraResult<String> {
    let text = serde_json::to_string(value).map_err(tera::Error::message)?;
    Ok(if text.chars().any(is_unseen) { without_unseen(&text) } else { text })
}

/// Whether JSON takes a character as it is, but another reader does not: YAML wants DEL, C1 and
/// what is no character escaped, YAML 1.1 and old JavaScript end a line at U+0085, U+2028 and
/// U+2029, and marks of direction make a line read otherwise than it runs.
fn is_unseen(c: char) -> bool {
    matches!(c, '\u{7f}'..='\u{9f}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}'
        | '\u{2066}'..='\u{2069}' | '\u{feff}' | '\u{fffe}' | '\u{ffff}')
}

fn without_unseen(json: &str) -> String {
    let mut text = String::new();
    for c in json.chars() {
        match is_unseen(c) {
            // to a String, this cannot fail
            true => drop(write!(text, "\\u{:04x}", u32::from(c))),
            false => text.push(c),
        }
    }
    text
}

/// A YAML value: plain text where no reader takes it for anything else, quoted otherwise.
fn yaml(value: &Value) -> TeraResult<String> {
    match value.as_str() {
        Some(text) if is_plain(text) => Ok(text.to_owned()),
        _ => json(value),
    }
}

/// Whether YAML 1.1 and 1.2 both read a text as itself, as a key or a value, in a block or between
/// brackets. Numbers of all bases, dates, times, `.inf`, `=` and `<<` begin with no letter.
fn is_plain(text: &str) -> bool {
    const WORDS: [&str; 9] = ["y", "n", "yes", "no", "on", "off", "true", "false", "null"];
    text.starts_with(|c: char| c.is_ascii_alphabetic())
        && text.ends_with(|c: char| c.is_ascii_alphanumeric())
        && text.chars().all(|c| c.is_ascii_alphanumeric() || "-_./=".contains(c))
        && !WORDS.contains(&text.to_ascii_lowercase().as_str())
}

/// A TOML value. A JSON text is a basic string of TOML.
fn toml(value: &Value) -> TeraResult<String> {
    let text = json(value)?;
    match value.as_str() {
        Some(_) => Ok(text),
        None => {
            let value: toml::Value = serde_json::from_str(&text).map_err(tera::Error::message)?;
            Ok(value.to_string())
        }
    }
}

/// One word of a shell command, whatever it holds.
fn sh(text: &str) -> String {
    format!("'{}'", text.replace('\'', r"'\''"))
}

/// Words within a line of Markdown, or at its beginning. Blanks at the ends mean nothing there.
fn md(text: &str) -> String {
    let text = text.trim();
    let special = |c: char| r"\`*_{}[]<>#|!~&$".contains(c);
    // what begins a list, or underlines a heading
    let digits = text.len() - text.trim_start_matches(|c: char| c.is_ascii_digit()).len();
    let (_, rest) = text.split_at(digits);
    let marks =
        if digits > 0 { rest.starts_with(['.', ')']) } else { rest.starts_with(['-', '+', '=']) };
    let begins = marks && (digits == 0 || rest[1..].is_empty() || rest[1..].starts_with(' '));
    let mut escaped = String::new();
    for (at, c) in text.char_indices() {
        match c {
            '\n' | '\r' => escaped.push(' '),
            c => {
                if special(c) || (begins && at == digits) {
                    escaped.push('\\');
                }
                escaped.push(c);
            }
        }
    }
    escaped
}

/// A text in the type of code, within a line or a table of Markdown.
fn code(text: &str) -> String {
    let text = text.replace(['\n', '\r'], " ");
    if !text.trim().is_empty() && text.trim() == text && !text.contains(['`', '|']) {
        return format!("`{text}`");
    }
    // between backticks nothing can be escaped
    let escaped = |c: char| match c {
        c if c.is_ascii_punctuation() => format!("&#{};", u32::from(c)),
        c => c.to_string(),
    };
    format!("<code>{}</code>", text.chars().map(escaped).collect::<String>())
}

/// The value of a variable in a Makefile, on one line. The reference `$()` to no variable keeps
/// blanks at the beginning, and `\` at the end from joining the next line.
fn make(text: &str) -> TeraResult<String> {
    let mut escaped = String::new();
    if text.starts_with([' ', '\t']) {
        escaped.push_str("$()");
    }
    let mut backslashes = 0;
    for c in one_line(text, "a Makefile's variable")?.chars() {
        match c {
            '$' => escaped.push('$'),
            // before `#`, and only there, backslashes are escaped themselves
            '#' => escaped.push_str(&"\\".repeat(backslashes + 1)),
            _ => {}
        }
        backslashes = if c == '\\' { backslashes + 1 } else { 0 };
        escaped.push(c);
    }
    if backslashes > 0 {
        escaped.push_str("$()");
    }
    Ok(escaped)
}

/// One word of a shell command in a recipe of a Makefile.
fn recipe(text: &str) -> TeraResult<String> {
    Ok(sh(one_line(text, "a recipe")?).replace('$', "$$"))
}

/// A value of `LABEL`, `ENV` or `ARG` in a Dockerfile, in its quotes.
fn docker(text: &str) -> TeraResult<String> {
    let escaped = |c: char| match c {
        '\\' | '"' | '$' => format!("\\{c}"),
        c => c.to_string(),
    };
    let line = one_line(text, "an instruction of a Dockerfile")?;
    Ok(format!("\"{}\"", line.chars().map(escaped).collect::<String>()))
}

/// A value in a file of `NAME=value` lines. Its readers (kustomize, compose, docker, Node.js) agree
/// on no quotes, so that a text which would need them is refused.
fn env(text: &str) -> TeraResult<String> {
    let text = one_line(text, "a line of an env file")?;
    if text.trim() == text
        && !text.starts_with(['"', '\'', '`'])
        && !text.contains(['$', '\\', '#'])
    {
        return Ok(text.to_owned());
    }
    Err(tera::Error::message(format!(
        "`{text}` cannot stand in an env file, whose readers differ on quotes, blanks at the ends, `$`, `\\` and `#`"
    )))
}

/// The text, if it has no line break.
fn one_line<'t>(text: &'t str, place: &str) -> TeraResult<&'t str> {
    match text.contains(['\n', '\r', '\0']) {
        true => {
            Err(tera::Error::message(format!("{text:?} has a line break, and {place} has none")))
        }
        false => Ok(text),
    }
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
