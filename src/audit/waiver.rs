//! A waiver: a breach that its owner accepts, for a reason and until a condition.

use serde::Deserialize;

use crate::answer::SourceText;
use crate::error::{Error, Result};
use crate::tree::{Tree, TreePath};

/// The only file in which a project waives controls.
pub const WAIVERS: &str = ".seaworthy/waivers.toml";

/// An accepted breach.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Waiver {
    /// The control.
    pub id: String,
    /// The file in which the breach is.
    pub path: String,
    /// Why it is accepted.
    pub reason: String,
    /// Who accepts it.
    pub owner: String,
    /// The date or the condition that ends it.
    pub until: String,
}

/// The waivers of a project.
///
/// # Errors
/// [`Kind::Usage`](crate::error::Kind::Usage): a malformed file, or a waiver that leaves out its
/// reason, its owner or its end.
pub fn waivers(tree: &Tree) -> Result<Vec<Waiver>> {
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Waivers {
        #[serde(default)]
        waiver: Vec<Waiver>,
    }
    let Some(file) = tree.get(&TreePath::new(WAIVERS)?) else {
        return Ok(Vec::new());
    };
    let waivers: Waivers = SourceText::new(WAIVERS, &file.text).parse()?;
    let blank = |waiver: &&Waiver| {
        [&waiver.reason, &waiver.owner, &waiver.until].iter().any(|text| text.trim().is_empty())
    };
    match waivers.waiver.iter().find(blank) {
        Some(waiver) => Err(Error::usage(format!(
            "`{WAIVERS}` waives `{}` without a reason, an owner or an end",
            waiver.id
        ))
        .hint("fill in `reason`, `owner` and `until`")),
        None => Ok(waivers.waiver),
    }
}
