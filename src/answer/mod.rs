//! From questions to answers. Nothing here opens a path: it is handed text.

mod answers;
mod condition;
mod label;
mod layer;
mod limit;
mod pattern;
mod policy;
mod preset;
mod question;
mod schema;
mod source_text;
mod suggest;
mod value;

pub use answers::{Answer, Answers};
pub use condition::Condition;
pub use layer::{Entry, Given, Layer, Source, Strength, Table};
pub use limit::Limit;
pub use pattern::{path_pattern, pattern};
pub use policy::Policy;
pub use preset::{DEFAULT_PRESET, Preset};
pub use question::{Choice, Question, Refusal, Type, fault};
pub use schema::answers_schema;
pub use source_text::SourceText;
pub use suggest::{did_you_mean, listed};
pub use value::Value;
