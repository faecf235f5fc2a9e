//! Plans and presets as text.

use std::collections::BTreeMap;
use std::path::Path;

use crate::answer::{Entry, Preset};
use crate::project::{Action, Plan};

/// A plan, one line a file.
pub fn plan_text(plan: &Plan) -> String {
    plan.changes()
        .iter()
        .map(|change| format!("{:8}{}\n", change.action.word(), change.path))
        .collect()
}

/// Presets, one line each.
pub fn presets_text(presets: &[Preset]) -> String {
    let wide = presets.iter().map(|preset| preset.name.len()).max().unwrap_or(0);
    presets.iter().map(|preset| format!("{:wide$}  {}\n", preset.name, preset.summary)).collect()
}

/// What a preset sets.
pub fn preset_text(preset: &Preset) -> String {
    let mut text = format!("{}: {}\n", preset.name, preset.summary);
    for base in &preset.extends {
        text.push_str(&format!("extends {base}\n"));
    }
    let settled: BTreeMap<&str, &Entry> =
        preset.entries().iter().map(|entry| (entry.key.as_str(), entry)).collect();
    for (key, entry) in settled {
        text.push_str(&format!("  {key} = {}  ({})\n", entry.given, entry.source));
    }
    text
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
    format!("`{folder}`: {}\n\n  cd {folder}\n  make help\n", counts.join(", "))
}
