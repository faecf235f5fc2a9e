//! A kind of text that values are put into: which filters make a value safe there, and which
//! values are safe as they are.

use super::expression::Grade;
use super::filter::QUOTING;

/// A kind of text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Sink {
    /// Manifests, workflows.
    Yaml,
    /// Data.
    Json,
    /// Data.
    Toml,
    /// TypeScript and the languages that read a JSON string as their own.
    Program,
    /// A script, or a shell's line in a README or a Dockerfile.
    Shell,
    /// Words of a README.
    Markdown,
    /// A Makefile, but for its recipes.
    Makefile,
    /// A line that a Makefile hands to the shell.
    Recipe,
    /// A Dockerfile, but for what it hands to the shell.
    Dockerfile,
    /// Lines of `NAME=value`.
    Env,
    /// Lines without a grammar that is known here.
    Other,
}

impl Sink {
    /// The kind of text of the file at `path`.
    pub fn of(path: &str) -> Self {
        let name = path.rsplit('/').next().unwrap_or(path);
        match name {
            "Makefile" => return Sink::Makefile,
            "Dockerfile" | "Containerfile" => return Sink::Dockerfile,
            ".env" => return Sink::Env,
            _ if name.starts_with(".env.") => return Sink::Env,
            _ if name.starts_with("Dockerfile.") => return Sink::Dockerfile,
            _ => {}
        }
        match name.rsplit_once('.') {
            Some((_, suffix)) => Sink::named(suffix),
            None => Sink::Other,
        }
    }

    /// The kind of text that a suffix, or the first line of a fenced block in Markdown, names.
    pub fn named(name: &str) -> Self {
        match name {
            "yaml" | "yml" => Sink::Yaml,
            "json" => Sink::Json,
            "toml" => Sink::Toml,
            "ts" | "mts" | "cts" | "js" | "mjs" | "cjs" | "go" | "py" => Sink::Program,
            "sh" | "bash" | "console" => Sink::Shell,
            "md" => Sink::Markdown,
            "mk" => Sink::Makefile,
            "env" => Sink::Env,
            _ => Sink::Other,
        }
    }

    /// What it is, in words.
    pub fn title(self) -> &'static str {
        match self {
            Sink::Yaml => "YAML",
            Sink::Json => "JSON",
            Sink::Toml => "TOML",
            Sink::Program => "a program",
            Sink::Shell => "a shell's line",
            Sink::Markdown => "Markdown",
            Sink::Makefile => "a Makefile",
            Sink::Recipe => "a recipe of a Makefile",
            Sink::Dockerfile => "a Dockerfile",
            Sink::Env => "an env file",
            Sink::Other => "a file of no known kind",
        }
    }

    /// The filters that make any value safe in it, the usual one first.
    pub fn filters(self) -> &'static [&'static str] {
        match self {
            Sink::Yaml => &["yaml", "json"],
            Sink::Json | Sink::Program => &["json"],
            Sink::Toml => &["toml"],
            Sink::Shell => &["sh"],
            Sink::Markdown => &["md", "code"],
            Sink::Makefile => &["make"],
            Sink::Recipe => &["recipe"],
            Sink::Dockerfile => &["docker"],
            Sink::Env => &["env"],
            // whoever writes the template knows what reads the file
            Sink::Other => &QUOTING,
        }
    }

    /// Whether a text of this grade is safe in it.
    ///
    /// - A word is not safe in YAML, where `on` and `null` are none, nor in JSON, TOML and
    ///   programs, where a text stands between quotes. Elsewhere no word means anything.
    /// - A quantity is safe in YAML too: what is read as a number there is the same quantity.
    pub fn takes(self, grade: Grade) -> bool {
        match grade {
            Grade::Fixed => true,
            Grade::Quantity => !matches!(self, Sink::Json | Sink::Toml | Sink::Program),
            Grade::Word => !matches!(self, Sink::Yaml | Sink::Json | Sink::Toml | Sink::Program),
            Grade::Quoted(filter) => self.filters().contains(&filter),
            Grade::Text => false,
        }
    }

    /// Whether a line that ends in `\` goes on.
    pub fn continues(self) -> bool {
        matches!(self, Sink::Shell | Sink::Makefile | Sink::Dockerfile)
    }

    /// The kind of text that begins within a line: what a Makefile or a Dockerfile hands on.
    pub fn within(self, line: &str) -> Self {
        match self {
            Sink::Makefile if line.starts_with('\t') => Sink::Recipe,
            Sink::Dockerfile if line.trim_start().starts_with("RUN ") => Sink::Shell,
            _ => self,
        }
    }

    /// What is wrong with a quoted value after `before` on its line and before `after`, in words
    /// that follow "a value that stands": filters that bring quotes want no others around them.
    pub fn crowded(self, filter: &str, before: &str, after: Option<char>) -> Option<&'static str> {
        let quotes: &[char] = match self {
            Sink::Markdown => &['`'],
            Sink::Program => &['"', '\'', '`'],
            Sink::Json | Sink::Dockerfile => &['"'],
            Sink::Yaml | Sink::Toml | Sink::Shell | Sink::Recipe => &['"', '\''],
            Sink::Makefile | Sink::Env | Sink::Other => return None,
        };
        if is_open(before, quotes) {
            return Some("between quotes");
        }
        let whole = ["yaml", "json", "toml"].contains(&filter);
        let glue = |c: char| c.is_alphanumeric() || "\"'`-_./\\»«".contains(c);
        (whole && (before.ends_with(glue) || after.is_some_and(glue)))
            .then_some("beside other text")
    }
}

/// Whether one of `quotes` is open at the end of a line's beginning. An apostrophe within a word
/// opens nothing.
fn is_open(line: &str, quotes: &[char]) -> bool {
    let (mut open, mut escaped, mut previous) = (None, false, ' ');
    for c in line.chars() {
        let opens = c == '`' || !previous.is_alphanumeric();
        match open {
            _ if escaped => escaped = false,
            Some(_) | None if c == '\\' => escaped = true,
            Some(quote) if c == quote => open = None,
            None if quotes.contains(&c) && opens => open = Some(c),
            _ => {}
        }
        previous = c;
    }
    open.is_some()
}
