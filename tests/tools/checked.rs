//! Everything that the presets generate, in the hands of every checker.

use std::fs;
use std::path::Path;

use tempfile::TempDir;

use crate::manifest_checkers::OF_MANIFESTS;
use crate::project::{PRESETS, Project, kustomize};
use crate::project_checkers::OF_PROJECTS;
use crate::table::Table;
use crate::waivers::WAIVERS;

/// What differs from what the presets choose, and is looked at as well.
const VARIANTS: [(&str, &[&str]); 1] = [("production", &["runtime_image=slim"])];

#[test]
fn checkers_find_nothing_but_what_is_waived() {
    let presets = PRESETS.into_iter().map(|preset| (preset, [].as_slice()));
    let projects: Vec<_> = presets
        .chain(VARIANTS)
        .map(|(preset, answers)| {
            let name = [&[preset], answers].concat().join(" ");
            (name, Project::new(preset, answers))
        })
        .collect();
    let rendered = TempDir::new().expect("a temporary folder");
    let files = render(&projects, rendered.path());
    let folders: Vec<_> =
        projects.iter().map(|(name, project)| (name.clone(), project.path())).collect();

    let manifests = Table::of_files(OF_MANIFESTS, rendered.path(), &files);
    let sources = Table::of_folders(OF_PROJECTS, &folders);
    println!("findings, and how many are waived in brackets\n\n{manifests}\n{sources}");
    for waiver in WAIVERS {
        println!("waived: {} of {}: {}", waiver.rule, waiver.tool, waiver.reason);
        let needed = manifests.needs(waiver) || sources.needs(waiver);
        assert!(needed, "nothing needs the waiver of {} for {}", waiver.rule, waiver.tool);
    }
    let faults = [manifests.faults(), sources.faults()].concat();
    assert!(faults.is_empty(), "{} findings:\n{}", faults.len(), faults.join("\n"));
}

/// Renders every overlay of every project into one folder, and gives the names of the files.
fn render(projects: &[(String, Project)], folder: &Path) -> Vec<String> {
    let mut files = Vec::new();
    for (name, project) in projects {
        for overlay in project.overlays() {
            let of = overlay.file_name().expect("a name").to_string_lossy();
            let file = format!("{name} {of}.yaml").replace(' ', "-");
            fs::write(folder.join(&file), kustomize(&overlay)).expect("a writable folder");
            files.push(file);
        }
    }
    files
}
