//! From packs to tree.

mod check;
mod compiled;
mod context;
mod eject;
mod engine;
mod example;
mod expression;
mod filter;
mod guard;
mod line;
mod lint;
mod pack;
mod piece;
mod quoting;
mod set;
mod shelf;
mod sink;
mod trial;

pub use eject::stub;
pub use example::example;
pub use lint::{Proof, lint};
pub use pack::{Ownership, Pack, Requirement, Rule};
pub use set::{Rendered, TemplateSet};
pub use shelf::{Listed, Shelf, Shelves};
pub use trial::try_all;
