//! The lockfile of npm, which the generator brings along; `tests/lock` makes it anew.

use std::fs;

use crate::project::Project;
use crate::service::npm;
use crate::toolbox::run;

/// What brings dependencies along: an answer with them, and one without.
const OPTIONS: [[&str; 2]; 4] = [
    ["model_provider=anthropic", "model_provider=offline"],
    ["datastore=postgres", "datastore=none"],
    ["cache=redis", "cache=none"],
    ["interfaces=mcp", "interfaces="],
];

#[test]
fn the_lockfile_is_what_npm_would_write_whatever_is_chosen() {
    for combination in 0..1usize << OPTIONS.len() {
        let chosen = OPTIONS.iter().enumerate().map(|(bit, option)| option[combination >> bit & 1]);
        let answers: Vec<&str> = chosen.chain(["replicas_min=1"]).collect();
        println!("{}", answers.join(", "));
        is_what_npm_would_write(&Project::new("production", &answers), combination == 0);
    }
}

fn is_what_npm_would_write(project: &Project, everything: bool) {
    let read = || fs::read_to_string(project.path().join("package-lock.json")).expect("a lockfile");
    let emitted = read();
    assert!(!emitted.contains("\"resolved\""), "an address is in the lockfile");
    let mut install = npm(project);
    install.args(["install", "--package-lock-only", "--omit-lockfile-registry-resolved"]);
    run(install.args(["--ignore-scripts", "--no-audit", "--no-fund"]));
    assert!(read() == emitted, "npm changes the lockfile\n  hint: tests/lock");

    // the tools are most of what there is to install, and much the same every time
    let omitted = if everything { [].as_slice() } else { &["--omit=dev"] };
    run(npm(project).args(["ci", "--ignore-scripts", "--no-audit", "--no-fund"]).args(omitted));
    let listed = run(npm(project).args(["ls", "--all"]).args(omitted));
    assert!(!listed.contains("extraneous"), "{listed}");
    assert!(read() == emitted, "`npm ci` changes the lockfile");
}
