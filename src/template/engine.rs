//! The template engine: Tera with our delimiters and filters, and errors that name the place.

use std::collections::{BTreeMap, HashSet};
use std::io;

use tera::{Context, Delimiters, ErrorKind, Tera};

use super::filter;
use crate::error::{Error, Kind, Result};

/// The longest text that a template may make, in bytes.
const LONGEST: usize = 4 * 1024 * 1024;

/// Takes text until it is too long.
struct Bounded(Vec<u8>);

impl Bounded {
    fn is_full(&self) -> bool {
        self.0.len() > LONGEST
    }
}

impl io::Write for Bounded {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.extend_from_slice(&bytes[..bytes.len().min(LONGEST + 1 - self.0.len())]);
        if self.is_full() {
            Err(io::Error::from(io::ErrorKind::FileTooLarge))
        } else {
            Ok(bytes.len())
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// All templates, compiled.
pub struct Engine {
    tera: Tera,
    places: BTreeMap<String, String>,
    kind: Kind,
}

impl Engine {
    /// Compiles templates, given as name, place for messages and text. What goes wrong in them is
    /// an error of `kind`.
    ///
    /// # Errors
    /// `kind`: malformed text, an unknown filter, parent or block, or templates in a circle.
    pub fn compile<'t>(
        templates: impl IntoIterator<Item = (String, String, &'t str)>,
        kind: Kind,
    ) -> Result<Self> {
        let mut tera = Tera::new();
        tera.set_delimiters(Delimiters {
            block_start: "<%".into(),
            block_end: "%>".into(),
            variable_start: "«".into(),
            variable_end: "»".into(),
            comment_start: "<#".into(),
            comment_end: "#>".into(),
        })
        .map_err(|error| Error::new(Kind::Internal, error.to_string()))?;
        tera.autoescape_on(Vec::<&str>::new());
        filter::register(&mut tera);
        let (mut texts, mut places) = (Vec::new(), BTreeMap::new());
        for (name, place, text) in templates {
            places.insert(name.clone(), place);
            texts.push((name, text));
        }
        let mut engine = Self { tera: Tera::new(), places, kind };
        tera.add_raw_templates(texts).map_err(|error| engine.error(error))?;
        engine.tera = tera;
        Ok(engine)
    }

    /// Renders the template `name`.
    ///
    /// # Errors
    /// The engine's kind: an undefined name or a value of the wrong type, with its place.
    pub fn render(&self, name: &str, context: &Context) -> Result<String> {
        let mut text = Bounded(Vec::new());
        match self.tera.render_to(name, context, &mut text) {
            Ok(()) => String::from_utf8(text.0)
                .map_err(|error| self.fault(name, "is not UTF-8").because(error)),
            Err(_) if text.is_full() => {
                Err(self.fault(name, &format!("makes a text of more than {LONGEST} bytes")))
            }
            Err(error) => Err(self.error(error)),
        }
    }

    /// The names that a template takes from its context, those of its parents and of what it
    /// includes among them.
    ///
    /// # Errors
    /// The engine's kind if there is no such template.
    pub fn names(&self, name: &str) -> Result<HashSet<&str>> {
        self.tera.get_template_variables(name).map_err(|error| self.error(error))
    }

    fn fault(&self, name: &str, what: &str) -> Error {
        let place = self.places.get(name).map_or(name, String::as_str);
        Error::new(self.kind, format!("`{place}` {what}")).hint("correct the template")
    }

    fn error(&self, error: tera::Error) -> Error {
        let message = match error.kind() {
            ErrorKind::SyntaxError(report) | ErrorKind::RenderingError(report) => {
                let place =
                    self.places.get(report.filename()).map_or(report.filename(), String::as_str);
                let (line, column) = (report.span().start_line, report.span().start_col + 1);
                format!(
                    "`{place}:{line}:{column}` cannot be rendered: {}",
                    lowercase(report.message())
                )
            }
            kind => {
                // Tera's own report, of which the first lines say what and where
                let text = kind.to_string();
                let text = text.strip_prefix("error: ").unwrap_or(&text);
                let lines = text.lines().take(2).map(|line| line.trim().trim_start_matches("--> "));
                format!(
                    "the templates do not fit together: {}",
                    lowercase(&lines.collect::<Vec<_>>().join(", in "))
                )
            }
        };
        let error = Error::new(self.kind, message);
        match self.kind {
            Kind::Internal => error.hint("this is a defect of seaworthy: please report it"),
            _ => error.hint("correct the template; `seaworthy templates lint` tries them all"),
        }
    }
}

fn lowercase(message: &str) -> String {
    let mut letters = message.trim_end_matches('.').chars();
    letters.next().map(|first| first.to_lowercase().chain(letters).collect()).unwrap_or_default()
}
