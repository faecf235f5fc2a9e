//! From packs to tree.

mod check;
mod context;
mod engine;
mod filter;
mod lint;
mod pack;
mod set;
mod shelf;

pub use lint::{Proof, lint};
pub use pack::{Ownership, Pack, Requirement, Rule};
pub use set::{Rendered, TemplateSet};
pub use shelf::{Shelf, Shelves};
