//! From tree to report: controls held against a project.

mod control;
mod document;
mod probe;
mod report;
mod waiver;

pub use control::{Control, Mutant, Severity};
pub use document::Document;
pub use probe::{Miss, Probe};
pub use report::{Finding, Report, audit};
pub use waiver::{WAIVERS, Waiver};
