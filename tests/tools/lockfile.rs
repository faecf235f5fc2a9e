//! The lockfile of npm, which the generator brings along; `tests/lock` makes it anew.

use std::fs;

use crate::project::Project;
use crate::service::npm;
use crate::toolbox::run;

#[test]
fn the_lockfile_is_what_npm_would_write() {
    let project = Project::new("production", &[]);
    let read = || fs::read_to_string(project.path().join("package-lock.json")).expect("a lockfile");
    let emitted = read();
    assert!(!emitted.contains("\"resolved\""), "an address is in the lockfile");
    let mut install = npm(&project);
    install.args(["install", "--package-lock-only", "--omit-lockfile-registry-resolved"]);
    run(install.args(["--ignore-scripts", "--no-audit", "--no-fund"]));
    assert!(read() == emitted, "npm changes the lockfile\n  hint: tests/lock");

    run(npm(&project).args(["ci", "--ignore-scripts", "--no-audit", "--no-fund"]));
    let listed = run(npm(&project).args(["ls", "--all"]));
    assert!(!listed.contains("extraneous"), "{listed}");
    assert!(read() == emitted, "`npm ci` changes the lockfile");
}
