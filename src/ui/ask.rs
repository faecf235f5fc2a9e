//! Asking: of a person on a terminal, or of a script in tests.

use console::{Term, truncate_str};
use dialoguer::theme::{ColorfulTheme, SimpleTheme, Theme};
use dialoguer::{Input, MultiSelect, Select};

use super::streams::{Ui, tell_error};
use crate::answer::{Question, Type, Value};
use crate::error::{Error, Kind, Result};

/// Something to choose from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Choices {
    /// The words above the list.
    pub prompt: String,
    /// One line each.
    pub items: Vec<String>,
    /// The item that is offered first.
    pub first: usize,
}

/// Whoever answers.
pub trait Ask {
    /// Asks a question until it has an answer that the question takes; `default` is offered.
    ///
    /// # Errors
    /// [`Kind::Interrupted`] if the user stops.
    fn ask(&mut self, question: &Question, default: Option<&Value>) -> Result<Value>;

    /// Lets one of several items be chosen, and returns its position.
    ///
    /// # Errors
    /// [`Kind::Interrupted`] if the user stops.
    fn choose(&mut self, choices: &Choices) -> Result<usize>;

    /// Shows text between questions.
    fn show(&mut self, text: &str);

    /// Shows what stands against the answers.
    fn object(&mut self, error: &Error);
}

/// The columns that a list takes beside its items.
const MARGIN: usize = 4;

/// A person on a terminal. Prompts go to standard error.
pub struct Terminal<'a> {
    ui: &'a Ui,
    term: Term,
    theme: Box<dyn Theme>,
}

impl<'a> Terminal<'a> {
    /// The terminal of this process.
    pub fn new(ui: &'a Ui) -> Self {
        let theme: Box<dyn Theme> = match console::colors_enabled_stderr() {
            true => Box::new(ColorfulTheme::default()),
            false => Box::new(SimpleTheme),
        };
        ui.watch_prompts();
        Self { ui, term: Term::stderr(), theme }
    }

    /// What a prompt's failure means: the user pressed Ctrl-C, or the terminal is gone.
    fn stopped(&self, error: dialoguer::Error) -> Error {
        // a list hides the cursor while it is open
        let _ = self.term.show_cursor();
        Error::interrupted().because(error)
    }

    fn text(&self, question: &Question, prompt: &str, default: Option<&Value>) -> Result<Value> {
        let check = |text: &String| match question.read(text.trim()) {
            Ok(_) => Ok(()),
            Err(refusal) => {
                let hint = refusal.hint.map(|hint| format!("; {hint}")).unwrap_or_default();
                Err(format!("it wants {}{hint}", refusal.wants))
            }
        };
        let mut input = Input::<String>::with_theme(self.theme.as_ref())
            .with_prompt(prompt)
            .validate_with(check);
        if let Some(default) = default {
            input = input.default(default.to_string());
        }
        let input = input.allow_empty(true);
        let text = self
            .ui
            .prompt(|| input.interact_text_on(&self.term))
            // the line of the prompt is still open
            .inspect_err(|_| drop(self.term.write_line("")))
            .map_err(|error| self.stopped(error))?;
        let refused =
            |_| Error::new(Kind::Internal, format!("`{}` took a value back", question.key));
        question.read(text.trim()).map_err(refused)
    }

    fn several(&self, question: &Question, prompt: &str, default: Option<&Value>) -> Result<Value> {
        let chosen = default.and_then(Value::as_list).unwrap_or_default();
        let picks = question.choices.iter().map(|choice| {
            (format!("{}: {}", choice.value, choice.help), chosen.contains(&choice.value))
        });
        let list =
            MultiSelect::with_theme(self.theme.as_ref()).with_prompt(prompt).items_checked(picks);
        let picked =
            self.ui.prompt(|| list.interact_on(&self.term)).map_err(|error| self.stopped(error))?;
        Ok(Value::List(picked.into_iter().map(|at| question.choices[at].value.clone()).collect()))
    }
}

impl Ask for Terminal<'_> {
    fn ask(&mut self, question: &Question, default: Option<&Value>) -> Result<Value> {
        // between two prompts Ctrl-C is a signal, not a key
        self.ui.interrupted()?;
        let (_, columns) = self.term.size();
        let help = textwrap::fill(&question.help, usize::from(columns));
        self.show(&format!("\n{}\n", console::style(help).for_stderr().dim()));
        let prompt = &question.prompt;
        let position = |names: &[&str]| {
            let default = default.map(Value::to_string);
            names.iter().position(|name| Some(*name) == default.as_deref()).unwrap_or(0)
        };
        match question.kind {
            Type::Choice => {
                let names: Vec<&str> = question.choice_values().collect();
                let items = question
                    .choices
                    .iter()
                    .map(|choice| format!("{}: {}", choice.value, choice.help))
                    .collect();
                let at = self.choose(&Choices {
                    prompt: prompt.clone(),
                    items,
                    first: position(&names),
                })?;
                Ok(Value::Text(names[at].to_owned()))
            }
            Type::Bool => {
                let items = vec!["yes".to_owned(), "no".to_owned()];
                let at = self.choose(&Choices {
                    prompt: prompt.clone(),
                    items,
                    first: position(&["true", "false"]),
                })?;
                Ok(Value::Bool(at == 0))
            }
            Type::List if !question.choices.is_empty() => self.several(question, prompt, default),
            _ => self.text(question, prompt, default),
        }
    }

    fn choose(&mut self, choices: &Choices) -> Result<usize> {
        self.ui.interrupted()?;
        // a line that wraps would not be cleared
        let width = usize::from(self.term.size().1).saturating_sub(MARGIN);
        let items: Vec<_> =
            choices.items.iter().map(|item| truncate_str(item, width, "…")).collect();
        let list = Select::with_theme(self.theme.as_ref())
            .with_prompt(&choices.prompt)
            .items(&items)
            .default(choices.first)
            .report(false);
        let at =
            self.ui.prompt(|| list.interact_on(&self.term)).map_err(|error| self.stopped(error))?;
        let name = choices.items[at].split(": ").next().unwrap_or_default();
        let mut line = String::new();
        if self.theme.format_select_prompt_selection(&mut line, &choices.prompt, name).is_ok() {
            self.show(&format!("{line}\n"));
        }
        Ok(at)
    }

    fn object(&mut self, error: &Error) {
        tell_error(error);
    }

    fn show(&mut self, text: &str) {
        // a terminal that takes no text fails at the next question
        let _ = self.term.write_str(text);
    }
}
