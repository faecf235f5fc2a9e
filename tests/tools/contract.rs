//! The generated service against its contract, from outside. The tests themselves are in `tests/contract`, in
//! TypeScript, and know nothing of how the service is made; here it is generated, built and handed to them.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;
use std::sync::{Mutex, PoisonError};

use tempfile::TempDir;

use crate::project::Project;
use crate::service::npm;
use crate::toolbox::{output, repository, run, tool, transcript};

/// How many tests the whole contract takes at least.
const WHOLE: u32 = 300;
/// And how many a look at its main points.
#[cfg(feature = "presets")]
const SMOKE: u32 = 60;

#[test]
fn production_keeps_the_contract() {
    keeps_the_contract("production", WHOLE);
}

#[cfg(feature = "presets")]
#[test]
fn regulated_keeps_the_contract() {
    keeps_the_contract("regulated", WHOLE);
}

#[cfg(feature = "presets")]
#[test]
fn starter_keeps_the_contract() {
    keeps_the_contract("starter", SMOKE);
}

#[cfg(feature = "presets")]
#[test]
fn cost_optimized_keeps_the_contract() {
    keeps_the_contract("cost-optimized", SMOKE);
}

#[cfg(feature = "presets")]
#[test]
fn airgapped_keeps_the_contract() {
    keeps_the_contract("airgapped", SMOKE);
}

#[test]
fn own_typescript_is_tidy() {
    let project = built("production");
    let modules = project.path().join("node_modules");
    let checker = |name: &str| {
        let mut command = tool("node");
        command.arg(modules.join(".bin").join(name));
        command
    };
    for folder in ["tests/contract", "bench/parts"] {
        let folder = repository().join(folder);
        let types = modules.join("@types");
        run(checker("tsc").arg("--project").arg(&folder).arg("--typeRoots").arg(types));
        let style = format!("--config-path={}", project.path().display());
        run(checker("biome").arg("format").arg(style).arg(&folder));
        let rules = project.path().join(".oxlintrc.json");
        run(checker("oxlint").arg("--config").arg(rules).arg("--deny-warnings").arg(&folder));
    }
}

/// One preset at a time: many of the tests look at the clock.
static ALONE: Mutex<()> = Mutex::new(());

fn keeps_the_contract(preset: &str, at_least: u32) {
    let project = built(preset);
    let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    let servers = Servers::start();
    let mut node = tool("node");
    node.current_dir(repository()).args(["--test", "--test-reporter=spec"]);
    node.args(["--test-concurrency=2", "tests/contract/*.test.ts"]);
    node.env("SERVICE_DIR", project.path()).env("PRESET", preset);
    node.envs(servers.addresses.lines().filter_map(|line| line.split_once('=')));
    let result = output(&mut node);
    let transcript = transcript(&node, &result);
    assert!(result.status.success(), "{transcript}");
    // Counts, and what single tests have to tell.
    let told: Vec<&str> = transcript.lines().filter_map(|line| line.strip_prefix("ℹ ")).collect();
    println!("{preset}: {}", told.join("\n  "));
    let count = |what: &str| -> u32 {
        let line = told.iter().find_map(|line| line.strip_prefix(what));
        line.and_then(|count| count.trim().parse().ok()).expect(what)
    };
    assert!(count("pass ") >= at_least, "{} tests are too few", count("pass "));
    assert_eq!(count("skipped "), 0);
    assert_eq!(count("todo "), 0);
}

/// A project with its bundle.
fn built(preset: &str) -> Project {
    let project = Project::new(preset, &[]);
    run(npm(&project).args(["ci", "--ignore-scripts", "--no-audit", "--no-fund"]));
    run(npm(&project).args(["run", "build"]));
    project
}

/// Postgres and Redis, gone when this is.
pub struct Servers {
    folder: TempDir,
    /// How they are reached: lines of `NAME=value`.
    pub addresses: String,
}

impl Servers {
    pub fn start() -> Self {
        let folder = TempDir::new().expect("a temporary folder");
        // The servers' user is not the one of the tests.
        fs::set_permissions(folder.path(), Permissions::from_mode(0o755))
            .expect("a folder of our own");
        let addresses = run(&mut control("start", folder.path()));
        Self { folder, addresses }
    }
}

impl Drop for Servers {
    fn drop(&mut self) {
        let _ = control("stop", self.folder.path()).output();
    }
}

fn control(verb: &str, folder: &Path) -> Command {
    let mut servers = Command::new(repository().join("tests/servers"));
    servers.arg(verb).arg(folder.join("servers"));
    servers
}
