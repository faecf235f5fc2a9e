//! Shell scripts and workflows, the project's own and the generated ones.

use std::fs;
use std::path::PathBuf;

use crate::project::{PRESETS, Project};
use crate::toolbox::{repository, run, tool};

#[test]
fn own_scripts_are_tidy() {
    let scripts = [
        "tests/run",
        "tests/setup",
        "tests/servers",
        "tests/lock",
        "bench/generator",
        "bench/service",
        ".ci/run",
    ];
    are_tidy(&scripts.map(|script| repository().join(script)), &["-i", "2"]);
}

#[test]
fn generated_scripts_are_tidy() {
    for preset in PRESETS {
        let project = Project::new(preset, &[]);
        let scripts: Vec<_> = project.files().into_iter().filter(is_shell).collect();
        // The generated .editorconfig says how scripts are indented.
        are_tidy(&scripts, &[]);
    }
}

#[test]
fn own_workflows_are_tidy() {
    let workflows = repository().join(".github/workflows");
    run(tool("zizmor").args(["--offline", "--persona", "pedantic"]).arg(&workflows));
    run(tool("actionlint").current_dir(repository()));
    // A pinned action with its version does not fit into the 80 columns of the default.
    let style = "{extends: default, rules: {line-length: {max: 100}}}";
    run(tool("yamllint").args(["-s", "-d", style]).arg(&workflows));
}

fn is_shell(file: &PathBuf) -> bool {
    let text = fs::read_to_string(file).unwrap_or_default();
    text.lines().next().is_some_and(|line| line.starts_with("#!") && line.ends_with("sh"))
}

fn are_tidy(scripts: &[PathBuf], style: &[&str]) {
    if scripts.is_empty() {
        return;
    }
    run(tool("shellcheck").args(["-x", "-S", "style"]).args(scripts));
    run(tool("shfmt").arg("-d").args(style).args(scripts));
}
