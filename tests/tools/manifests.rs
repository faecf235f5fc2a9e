//! The manifests and the Dockerfile, held against what checks such files.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use seaworthy::tree::Tree;
use tempfile::TempDir;

use crate::matrix::{MATRIX, Made};
use crate::project::{PRESETS, Project, children};
use crate::toolbox::{cache, run, tool};

/// The oldest and the newest supported version, as the schemas are named.
const KUBERNETES: [&str; 2] = ["1.35", "1.37"];

/// Every overlay of every preset, rendered by kustomize.
struct Rendered {
    folder: TempDir,
    _projects: Vec<Project>,
}

impl Rendered {
    fn new(answers: &[&str]) -> Self {
        let folder = TempDir::new().expect("a temporary folder");
        let mut projects = Vec::new();
        for preset in PRESETS {
            let project = Project::new(preset, answers);
            for overlay in project.overlays() {
                let name = overlay.file_name().expect("a name").to_string_lossy();
                let file = folder.path().join(format!("{preset}-{name}.yaml"));
                fs::write(file, kustomize(&overlay)).expect("a writable folder");
            }
            projects.push(project);
        }
        Self { folder, _projects: projects }
    }

    fn files(&self) -> Vec<PathBuf> {
        let entries = fs::read_dir(self.folder.path()).expect("a readable folder");
        entries.map(|entry| entry.expect("a readable entry").path()).collect()
    }
}

/// Projects of the matrix that together have every value of every question.
fn telling() -> Vec<&'static Made> {
    let mut seen = BTreeSet::new();
    let tells = |made: &&Made| {
        let values =
            made.answers.iter().map(|answer| (answer.key.clone(), answer.value.to_string()));
        let news = values.filter(|value| seen.insert(value.clone())).count();
        news > 0
    };
    MATRIX.iter().filter(tells).collect()
}

#[test]
fn every_overlay_keeps_the_schemas_whatever_is_chosen() {
    let folder = TempDir::new().expect("a temporary folder");
    let (mut files, mut words) = (Vec::new(), Vec::new());
    for (number, made) in telling().into_iter().enumerate() {
        let root = folder.path().join(format!("project-{number}"));
        write(&made.tree, &root);
        words.push(format!("project-{number} is {}", made.words));
        for overlay in children(&root.join("deploy/overlays")) {
            let name = overlay.file_name().expect("a name").to_string_lossy();
            let file = folder.path().join(format!("{number}-{name}.yaml"));
            fs::write(&file, kustomize(&overlay)).expect("a writable folder");
            files.push(file);
        }
    }
    println!("{}", words.join("\n"));
    for version in KUBERNETES {
        let mut validate = tool("kubernetes-validate");
        run(validate.args(["--strict", "--quiet", "-k", version]).args(&files));
        let mut conform = tool("kubeconform");
        conform.args(["-strict", "-summary", "-schema-location"]).arg(schemas(version));
        run(conform.args(&files));
    }
}

fn write(tree: &Tree, root: &Path) {
    for (path, file) in tree.iter() {
        let place = root.join(path.as_str());
        fs::create_dir_all(place.parent().expect("a parent")).expect("a writable folder");
        fs::write(place, &file.text).expect("a writable folder");
    }
}

#[test]
fn kube_score_finds_nothing() {
    let rendered = Rendered::new(&[]);
    for file in rendered.files() {
        run(tool("kube-score").args(["score", "--kubernetes-version", "v1.35"]).arg(file));
    }
}

#[test]
fn checkov_finds_nothing() {
    let rendered = Rendered::new(&[]);
    for file in rendered.files() {
        run(checkov().args(["--framework", "kubernetes", "-f"]).arg(file));
    }
    for preset in PRESETS {
        let project = Project::new(preset, &[]);
        let mut checkov = checkov();
        checkov.args(["--framework", "dockerfile", "github_actions", "secrets", "-d"]);
        run(checkov.arg(project.path()));
    }
}

#[test]
fn yaml_is_tidy() {
    for preset in PRESETS {
        let project = Project::new(preset, &[]);
        let files = project.files_ending(&[".yaml", ".yml"]);
        assert!(!files.is_empty(), "{preset} has no YAML");
        run(tool("yamllint").current_dir(project.path()).arg("-s").args(files));
    }
}

#[test]
fn dockerfiles_are_tidy_with_each_base() {
    for base in ["distroless", "slim"] {
        let project = Project::new("production", &[&format!("runtime_image={base}")]);
        run(tool("hadolint").args(["-t", "style"]).arg(project.path().join("Dockerfile")));
    }
}

fn kustomize(overlay: &Path) -> String {
    let rendered = run(tool("kubectl").arg("kustomize").arg(overlay));
    // What is empty has no faults.
    assert!(rendered.contains("kind: Deployment"), "no Deployment in {}", overlay.display());
    rendered
}

/// The image's digest is not known before the image is pushed: the project has a waiver for it.
fn checkov() -> Command {
    let mut checkov = tool("checkov");
    checkov.args(["--compact", "--quiet", "--skip-download", "--skip-check", "CKV_K8S_43"]);
    checkov
}

/// The strict schemas of one version, in kubeconform's words.
fn schemas(version: &str) -> PathBuf {
    let folder = cache().join("tools/schemas").join(version);
    assert!(folder.exists(), "no schemas of {version}\n  hint: tests/setup tools");
    folder.join("{{.ResourceKind}}{{.KindSuffix}}.json")
}
