//! Everything that the presets generate, in the hands of every checker.

use std::fs;
use std::path::Path;

use tempfile::TempDir;

use crate::manifest_checkers::OF_MANIFESTS;
use crate::project::{PRESETS, Project, kustomize};
use crate::project_checkers::OF_PROJECTS;
use crate::registry::Registry;
use crate::table::Table;
use crate::toolbox::run;
use crate::waivers::{WAIVERS, Waiver};

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
    let mut faults = check(&projects, "as generated", &|_| true);

    let registry = Registry::new();
    for (_, project) in &projects {
        run(registry.pin(project, &[]).env("DIGEST_TOOL", "crane"));
    }
    faults.extend(check(&projects, "pinned", &|waiver| !waiver.until_pinned));
    assert!(faults.is_empty(), "{} findings:\n{}", faults.len(), faults.join("\n"));
}

/// Lets every checker look at some projects, prints how much they find, and gives what no waiver is for, and each
/// waiver that nothing needs.
fn check(
    projects: &[(String, Project)],
    state: &str,
    holds: &dyn Fn(&Waiver) -> bool,
) -> Vec<String> {
    let waivers: Vec<_> = WAIVERS.iter().filter(|waiver| holds(waiver)).collect();
    let rendered = TempDir::new().expect("a temporary folder");
    let files = render(projects, rendered.path());
    let folders: Vec<_> =
        projects.iter().map(|(name, project)| (name.clone(), project.path())).collect();
    let tables = [
        Table::of_files(OF_MANIFESTS, rendered.path(), &files),
        Table::of_folders(OF_PROJECTS, &folders),
    ];
    println!("{state}: findings, and how many are waived in brackets\n");
    for table in &tables {
        println!("{}", table.show(&waivers));
    }
    let mut faults: Vec<_> = tables.iter().flat_map(|table| table.faults(&waivers)).collect();
    for waiver in waivers {
        println!("waived: {} of {}: {}", waiver.rule, waiver.tool, waiver.reason);
        if !tables.iter().any(|table| table.needs(waiver)) {
            faults.push(format!("nothing needs the waiver of {} for {}", waiver.rule, waiver.tool));
        }
    }
    faults.iter().map(|fault| format!("{state}: {fault}")).collect()
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
