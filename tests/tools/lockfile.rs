//! The lockfile of npm, which the generator brings along; `tests/lock` makes it anew.

use std::fs;

use crate::project::Project;
use crate::service::npm;
use crate::toolbox::run;

/// What brings dependencies along, in every combination that the packs allow.
const STATES: [&[&str]; 3] = [
    &["datastore=postgres", "cache=redis"],
    &["datastore=postgres", "cache=none"],
    &["datastore=none", "cache=none"],
];
const INTERFACES: [&str; 2] = ["interfaces=mcp", "interfaces="];

#[test]
fn the_lockfile_is_what_npm_would_write_whatever_is_chosen() {
    let mut everything = true;
    for state in STATES {
        for interfaces in INTERFACES {
            let answers = [state, &[interfaces, "replicas_min=1", "autoscaling=none"]].concat();
            println!("{}", answers.join(", "));
            is_what_npm_would_write(&Project::new("production", &answers), everything);
            everything = false;
        }
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
