//! Plans and presets as text.

use std::collections::BTreeMap;
use std::path::Path;

use similar::TextDiff;

use crate::answer::{Entry, Preset};
use crate::project::{Action, BASE, Change, Plan};
use crate::template::Listed;
use crate::tree::TreePath;

/// A plan, one line a file.
pub fn plan_text(plan: &Plan) -> String {
    plan.changes()
        .iter()
        .map(|change| format!("{:8}{}\n", change.action.word(), change.path))
        .collect()
}

/// A plan as a unified diff of every file that would change, but for the archive of the same text.
pub fn diff_text(plan: &Plan) -> String {
    let changed = plan.with(Action::writes).filter(|change| change.path.as_str() != BASE);
    let diff = |change: &Change| {
        let (old, old_name) = match &change.found {
            Some(found) => (found.text.as_str(), format!("a/{}", change.path)),
            None => ("", "/dev/null".to_owned()),
        };
        let diff = TextDiff::from_lines(old, &change.file.text);
        diff.unified_diff().header(&old_name, &format!("b/{}", change.path)).to_string()
    };
    changed.map(diff).collect()
}

/// Presets, one line each.
pub fn presets_text(presets: &[Preset]) -> String {
    let wide = presets.iter().map(|preset| preset.name.len()).max().unwrap_or(0);
    presets.iter().map(|preset| format!("{:wide$}  {}\n", preset.name, preset.summary)).collect()
}

/// What a preset sets, and the files that it makes.
pub fn preset_text<'t>(preset: &Preset, files: impl Iterator<Item = &'t TreePath>) -> String {
    let mut text = format!("{}: {}\n", preset.name, preset.summary);
    for base in &preset.extends {
        text.push_str(&format!("extends {base}\n"));
    }
    let settled: BTreeMap<&str, &Entry> =
        preset.entries().iter().map(|entry| (entry.key.as_str(), entry)).collect();
    for (key, entry) in settled {
        text.push_str(&format!("  {key} = {}  ({})\n", entry.given, entry.source));
    }
    text.push_str("makes\n");
    for path in files {
        text.push_str(&format!("  {path}\n"));
    }
    text
}

/// Templates, one line each, with who they come from.
pub fn templates_text(templates: &[Listed]) -> String {
    let wide = templates.iter().map(|listed| listed.path.len()).max().unwrap_or(0);
    let line = |listed: &Listed| match (&listed.organisation, listed.builtin) {
        (Some(organisation), true) => {
            format!("{:wide$}  {organisation}, over the built-in one\n", listed.path)
        }
        (Some(organisation), false) => format!("{:wide$}  {organisation}\n", listed.path),
        (None, _) => format!("{:wide$}  built in\n", listed.path),
    };
    templates.iter().map(line).collect()
}

/// What was made, and what to do with it.
pub fn made_text(target: &Path, plan: &Plan) -> String {
    let count = |action: Action| plan.with(|other| other == action).count();
    let mut counts = vec![format!("{} files made", count(Action::Create))];
    for (action, words) in [(Action::Replace, "replaced"), (Action::Keep, "unchanged")] {
        match count(action) {
            0 => {}
            number => counts.push(format!("{number} {words}")),
        }
    }
    let folder = target.display();
    let enter = if target == Path::new(".") { String::new() } else { format!("  cd {folder}\n") };
    format!("`{folder}`: {}\n\n{enter}  make test\n  make run\n", counts.join(", "))
}
