//! This repository's own scripts and workflows.

use std::path::PathBuf;

use crate::toolbox::{repository, run, tool};

#[test]
fn own_scripts_are_tidy() {
    let scripts = [
        "tests/run",
        "tests/setup",
        "tests/servers",
        "tests/lock",
        "bench/generator",
        "bench/image",
        "bench/service",
        ".ci/run",
    ];
    let scripts: Vec<PathBuf> = scripts.map(|script| repository().join(script)).into();
    run(tool("shellcheck").args(["-x", "-S", "style"]).args(&scripts));
    run(tool("shfmt").args(["-d", "-i", "2"]).args(&scripts));
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
