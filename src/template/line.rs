//! Where in a file a template has come to: what its line holds so far, and the block around it.

use super::expression::{Grade, Shape};
use super::sink::Sink;

/// A line of a file, up to where a value is put in.
pub struct Line {
    sink: Sink,
    text: String,
    /// The kind of text of the block that is open: fenced in Markdown, or indented deeper than
    /// so many columns in YAML.
    block: Option<(Sink, usize)>,
}

impl Line {
    /// The beginning of a file.
    pub fn new(sink: Sink) -> Self {
        Self { sink, text: String::new(), block: None }
    }

    /// Reads on.
    pub fn go_on(&mut self, text: &str) {
        let alone =
            matches!(self.sink, Sink::Json | Sink::Toml | Sink::Program | Sink::Env | Sink::Other);
        if let Some(end) = text.rfind('\n').filter(|_| alone) {
            // no line leaves anything to the next
            self.text.clear();
            return self.text.push_str(&text[end + 1..]);
        }
        for part in text.split_inclusive('\n') {
            self.text.push_str(part);
            if !part.ends_with('\n') {
                continue;
            }
            let goes_on = self.sink().continues() && self.text.trim_end().ends_with('\\');
            match self.sink {
                Sink::Markdown => self.fence(),
                Sink::Yaml => self.indent(),
                _ => {}
            }
            if !goes_on {
                self.text.clear();
            }
        }
    }

    /// The kind of text that a value here is put into.
    fn sink(&self) -> Sink {
        match self.block {
            Some((sink, _)) if self.sink == Sink::Markdown || self.is_within() => sink,
            _ => self.sink.within(&self.text),
        }
    }

    /// Opens or closes a fenced block of Markdown.
    fn fence(&mut self) {
        let line = self.text.trim();
        if let Some(named) = line.strip_prefix("```").or_else(|| line.strip_prefix("~~~")) {
            self.block = match self.block {
                None => Some((Sink::named(named.trim()), 0)),
                Some(_) => None,
            };
        }
    }

    /// Opens or closes a block scalar of YAML, in which nothing is quoted.
    fn indent(&mut self) {
        if self.is_within() || self.text.trim().is_empty() {
            return;
        }
        let line =
            self.text.trim_end().trim_end_matches(|c: char| "+-".contains(c) || c.is_ascii_digit());
        let key = line.strip_suffix(['|', '>']).and_then(|line| line.strip_suffix(' '));
        self.block = key.filter(|key| key.ends_with([':', '-'])).map(|key| {
            let runs = ["run:", "script:"].iter().any(|name| key.ends_with(name));
            (if runs { Sink::Shell } else { Sink::Other }, self.indentation())
        });
    }

    fn is_within(&self) -> bool {
        self.block.is_some_and(|(_, indentation)| self.indentation() > indentation)
    }

    fn indentation(&self) -> usize {
        self.text.len() - self.text.trim_start_matches([' ', '-']).len()
    }

    /// What is wrong with a value here, before `after`: it, and the next step.
    pub fn fault(&self, made: Shape, after: Option<char>) -> Option<(String, String)> {
        let sink = self.sink();
        // a list prints as one, with brackets and quotes
        let wild = made.list && made.grade != Grade::Fixed;
        let grade = if wild { Grade::Text } else { made.grade };
        if !sink.takes(grade) {
            let filters: Vec<String> =
                sink.filters().iter().map(|filter| format!("`| {filter}`")).collect();
            let hint = format!("end it with {}", filters.join(" or "));
            return Some((format!("into {} without its filter", sink.title()), hint));
        }
        let Grade::Quoted(filter) = grade else { return None };
        let crowded = sink.crowded(filter, &self.text, after)?;
        Some((
            format!("{crowded}, and `{filter}` brings its own quotes"),
            format!("join all of it before the filter: `(\"…\" ~ value) | {filter}`"),
        ))
    }
}
