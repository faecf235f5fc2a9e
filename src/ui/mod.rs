//! The only code that speaks with the terminal. Standard output is data, standard error is talk.

mod ask;
mod interview;
mod json;
mod progress;
mod streams;
mod text;

pub use ask::{Ask, Choices, Terminal};
pub use interview::{Accept, Interview};
pub use json::{plan_json, plan_schema};
pub use progress::Progress;
pub use streams::{Ui, tell_error, tell_usage};
pub use text::{diff_text, made_text, plan_text, preset_text, presets_text, templates_text};
