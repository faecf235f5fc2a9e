//! The proof of a template set: every preset renders, keeps every control, and every control
//! catches its mutant.

use std::collections::BTreeSet;

use super::set::TemplateSet;
use crate::answer::Answers;
use crate::audit::{Control, Mutant, WAIVERS, audit};
use crate::error::{Error, Kind, Result};
use crate::tree::{File, Tree, TreePath};

/// What was proved.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Proof {
    /// Packs loaded.
    pub packs: usize,
    /// Projects rendered and audited.
    pub presets: usize,
    /// Controls kept, each of which caught its mutant.
    pub controls: usize,
}

/// Proves a set with the answers of each preset, by name.
///
/// # Errors
/// [`Kind::Control`] if a preset breaches a control; [`Kind::Template`] if a mutant escapes, or
/// can be made in no preset's project; what [`TemplateSet::render`] says if one does not render.
pub fn lint(set: &TemplateSet, presets: &[(String, Answers)]) -> Result<Proof> {
    let mut proved: BTreeSet<&str> = BTreeSet::new();
    for (name, answers) in presets {
        let tree = set.render(answers)?.tree;
        let controls = set.controls(answers);
        let report = set.audit(answers, &tree)?;
        if let Some(finding) = report.findings.first() {
            let message = format!("preset `{name}` breaches {finding}");
            return Err(Error::new(Kind::Control, message).hint(&finding.fix));
        }
        let waived: BTreeSet<&str> =
            report.waived.iter().map(|(finding, _)| finding.id.as_str()).collect();
        for control in controls {
            let kept = match (waived.contains(control.id.as_str()), &control.cure) {
                (false, _) => Some(tree.clone()),
                (true, Some(cure)) => cured(&tree, control, cure)?,
                (true, None) => None,
            };
            let Some(kept) = kept else { continue };
            if let Some(mutated) = mutate(&kept, control)? {
                if audit([control], &mutated)?.findings.is_empty() {
                    return Err(Error::template(format!(
                        "control `{}` does not catch its mutant in preset `{name}`",
                        control.id
                    ))
                    .hint("sharpen its probe, or give it a mutant that is a breach"));
                }
                proved.insert(&control.id);
            }
        }
    }
    let all = || set.packs().iter().flat_map(|pack| &pack.controls);
    match all().find(|control| !proved.contains(control.id.as_str())) {
        Some(control) => Err(Error::template(format!(
            "the mutant of control `{}` can be made in no preset's project",
            control.id
        ))
        .hint(format!("`from` must stand in `{}` as it is generated", control.mutant.file))),
        None => {
            Ok(Proof { packs: set.packs().len(), presets: presets.len(), controls: all().count() })
        }
    }
}

/// The project without its waivers and with a control's cure made in it; `None` if that is not
/// enough to keep the control.
fn cured(tree: &Tree, control: &Control, cure: &Mutant) -> Result<Option<Tree>> {
    let mut tree = tree.clone();
    let path = TreePath::new(&cure.file)?;
    let text = tree.get(&path).map(|file| file.text.replace(&cure.from, &cure.to));
    let changes = [(TreePath::new(WAIVERS)?, Some(String::new())), (path, text)];
    for (path, text) in changes {
        if let (Some(file), Some(text)) = (tree.get_mut(&path), text) {
            *file = File::new(text);
        }
    }
    Ok(audit([control], &tree)?.findings.is_empty().then_some(tree))
}

/// The project with a control's mutant made in it; `None` if its text is not there.
fn mutate(tree: &Tree, control: &Control) -> Result<Option<Tree>> {
    let (path, from) = (TreePath::new(&control.mutant.file)?, &control.mutant.from);
    let Some(text) = tree.get(&path).map(|file| &file.text).filter(|text| text.contains(from))
    else {
        return Ok(None);
    };
    let mutated = File::new(text.replacen(from, &control.mutant.to, 1));
    let mut tree = tree.clone();
    if let Some(file) = tree.get_mut(&path) {
        *file = mutated;
    }
    Ok(Some(tree))
}
