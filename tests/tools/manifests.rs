//! What the manifests come to, whatever is chosen.

use std::fs;
use std::path::Path;
use std::time::Instant;

use seaworthy::tree::Tree;
use tempfile::TempDir;

use crate::manifest_checkers::KUBECONFORM;
use crate::matrix::{MATRIX, Made};
use crate::parallel;
use crate::project::{kustomize, overlays};

#[test]
fn every_overlay_keeps_the_schemas_whatever_is_chosen() {
    let folder = TempDir::new().expect("a temporary folder");
    let begun = Instant::now();
    let numbered: Vec<_> = MATRIX.iter().enumerate().collect();
    let rendered = parallel::each(&numbered, |(number, made)| {
        render(&made.tree, &format!("{number:03}"), folder.path())
    });
    let count: usize = rendered.iter().sum();
    println!("{count} overlays of {} projects in {:?}", numbered.len(), begun.elapsed());
    let begun = Instant::now();
    let found: Vec<_> = (KUBECONFORM.check)(folder.path())
        .iter()
        .map(|finding| format!("{finding}\n  in {}", words(&finding.file)))
        .collect();
    println!("validated in {:?}", begun.elapsed());
    assert!(found.is_empty(), "{}", found.join("\n"));
}

/// Renders the overlays of a project into the files of a folder, and tells how many.
pub fn render(tree: &Tree, name: &str, folder: &Path) -> usize {
    let project = TempDir::new().expect("a temporary folder");
    for (path, file) in tree.iter().filter(|(path, _)| path.as_str().starts_with("deploy/")) {
        let place = project.path().join(path.as_str());
        fs::create_dir_all(place.parent().expect("a parent")).expect("a writable folder");
        fs::write(place, &file.text).expect("a writable folder");
    }
    let overlays = overlays(project.path());
    for overlay in &overlays {
        let file =
            format!("{name}-{}.yaml", overlay.file_name().expect("a name").to_string_lossy());
        fs::write(folder.join(file), kustomize(overlay)).expect("a writable folder");
    }
    overlays.len()
}

/// What was asked for where a file comes from.
fn words(file: &str) -> &str {
    let number = file.split('-').next().and_then(|number| number.parse::<usize>().ok());
    let made: &Made = &MATRIX[number.expect("a number")];
    &made.words
}
