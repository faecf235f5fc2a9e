//! An example: the project of a preset under an example's name, for showing and proving it.

use super::set::TemplateSet;
use super::shelf::Shelves;
use crate::answer::{Answers, Layer, Preset};
use crate::error::Result;

/// The answers of a preset as a project takes them that is named `example`, with those of `given`
/// over it.
///
/// # Errors
/// What [`Answers::resolve`] says.
pub fn example(
    shelves: &Shelves,
    set: &TemplateSet,
    preset: &Preset,
    given: Option<Layer>,
) -> Result<Answers> {
    let name = Layer::implied_name("example", "an example");
    let mut layers = vec![name, shelves.policy().defaults(), preset.layer()];
    layers.extend(given);
    Answers::resolve(set.questions(), &layers, shelves.policy())
}
