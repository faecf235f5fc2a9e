//! A project that the generator has just written.

use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;

use crate::toolbox::{run, tool};

/// The presets that the generator has.
pub const PRESETS: [&str; 5] =
    ["starter", "production", "regulated", "cost-optimized", "airgapped"];

/// A generated project in a folder of its own, which goes when this does.
pub struct Project {
    folder: TempDir,
}

impl Project {
    /// `seaworthy new demo --preset PRESET --yes`, with `--set` for each of the answers.
    pub fn new(preset: &str, answers: &[&str]) -> Self {
        let folder = TempDir::new().expect("a temporary folder");
        let mut generator = Command::new(env!("CARGO_BIN_EXE_seaworthy"));
        generator.current_dir(folder.path()).args(["new", "demo", "--preset", preset, "--yes"]);
        for answer in answers {
            generator.args(["--set", answer]);
        }
        run(&mut generator);
        Self { folder }
    }

    /// The project's root.
    pub fn path(&self) -> PathBuf {
        self.folder.path().join("demo")
    }

    /// The folders under `deploy/overlays`.
    pub fn overlays(&self) -> Vec<PathBuf> {
        overlays(&self.path())
    }
}

/// The folders under `deploy/overlays` of a project.
pub fn overlays(project: &Path) -> Vec<PathBuf> {
    let mut overlays = children(&project.join("deploy/overlays"));
    overlays.sort();
    assert!(!overlays.is_empty(), "no overlay was generated");
    overlays
}

/// What an overlay comes to.
pub fn kustomize(overlay: &Path) -> String {
    let rendered = run(tool("kubectl").arg("kustomize").arg(overlay));
    // What is empty has no faults.
    assert!(rendered.contains("kind: Deployment"), "no Deployment in {}", overlay.display());
    rendered
}

/// Every file of a project as it was generated, but for what the generator keeps for itself.
pub fn files_below(project: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    collect(project, &mut files);
    files.sort();
    files
}

fn collect(folder: &Path, files: &mut Vec<PathBuf>) {
    for path in children(folder) {
        match path.file_name().and_then(|name| name.to_str()) {
            Some(".seaworthy" | "node_modules") => {}
            _ if path.is_dir() => collect(&path, files),
            _ => files.push(path),
        }
    }
}

/// What stands in a folder.
pub fn children(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder)
        .unwrap_or_else(|error| panic!("cannot list {}: {error}", folder.display()));
    entries.map(|entry| entry.expect("a readable entry").path()).collect()
}
