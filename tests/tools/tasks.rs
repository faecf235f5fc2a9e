//! The tasks of a generated Makefile that act on a cluster, with a kubectl that only tells what it was asked.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::process::Command;

use tempfile::TempDir;

use crate::project::{Project, files_below, kustomize};
use crate::toolbox::{output, prefer, run, transcript};

/// A project with replicas on spot machines, and a kubectl that prints its arguments.
struct Cluster {
    project: Project,
    folder: TempDir,
}

impl Cluster {
    fn new() -> Self {
        let folder = TempDir::new().expect("a temporary folder");
        let file = folder.path().join("kubectl");
        fs::write(&file, "#!/bin/sh\necho \"asked: $*\"\n").expect("a writable folder");
        fs::set_permissions(&file, Permissions::from_mode(0o755)).expect("a file of our own");
        Self { project: Project::new("cost-optimized", &[]), folder }
    }

    fn make(&self, arguments: &str) -> Command {
        let mut make = Command::new("make");
        make.current_dir(self.project.path()).args(arguments.split_whitespace());
        prefer(&mut make, self.folder.path().to_owned());
        make
    }

    /// What kubectl was asked by a task that succeeds.
    fn asked(&self, arguments: &str) -> Vec<String> {
        let printed = run(&mut self.make(arguments));
        printed.lines().filter_map(|line| line.strip_prefix("asked: ")).map(str::to_owned).collect()
    }

    /// What a task says that must fail, before kubectl is asked anything.
    fn refuses(&self, arguments: &str) -> String {
        let mut make = self.make(arguments);
        let outcome = output(&mut make);
        let said = transcript(&make, &outcome);
        assert!(!outcome.status.success() && !said.contains("asked: "), "{said}");
        said
    }
}

#[test]
fn a_deploy_waits_for_all_that_it_began() {
    let cluster = Cluster::new();
    let refused = cluster.refuses("deploy");
    assert!(refused.contains("deploy/base/deployment.yaml:"), "{refused}");
    for file in files_below(&cluster.project.path()) {
        let text = fs::read_to_string(&file).expect("text");
        fs::write(&file, text.replace("example.com", "acme.test")).expect("a writable file");
    }
    assert_eq!(
        cluster.asked("deploy OVERLAY=production"),
        [
            "-n demo delete job -l app.kubernetes.io/component=migrate --ignore-not-found",
            "apply -k deploy/overlays/production",
            "-n demo wait --for=condition=Complete job -l app.kubernetes.io/component=migrate --timeout=11m",
            "-n demo rollout status deployment/demo",
            "-n demo rollout status deployment/demo-spot",
        ]
    );
}

#[test]
fn what_must_not_hit_the_wrong_environment_names_it() {
    let cluster = Cluster::new();
    for task in ["rollback", "disable", "enable"] {
        assert!(cluster.refuses(task).contains(&format!("make {task} OVERLAY=")), "{task}");
    }
    let back = cluster.asked("rollback OVERLAY=production");
    for workload in ["demo", "demo-spot"] {
        assert!(back.contains(&format!("-n demo rollout undo deployment/{workload}")), "{back:?}");
    }
    assert!(cluster.refuses("render OVERLAY=elsewhere").contains("staging"));
}

#[test]
fn a_release_is_named_in_one_step() {
    let cluster = Cluster::new();
    cluster.refuses("release");
    for version in ["1.2.3-RC1", "1..2", "1.2.", "-1", &"1".repeat(51)] {
        let refused = cluster.refuses(&format!("release VERSION={version}"));
        assert!(refused.contains("VERSION is of a-z"), "{refused}");
    }
    let staging = cluster.project.path().join("deploy/overlays/staging");
    let file = staging.join("kustomization.yaml");
    let digest = format!("    digest: sha256:{}  # 0.1.0\n", "0".repeat(64));
    let text = fs::read_to_string(&file).expect("an overlay");
    let tag = "    newTag: \"0.1.0\"\n";
    assert!(text.contains(tag), "{text}");
    fs::write(&file, text.replace(tag, &format!("{tag}{digest}"))).expect("a writable file");
    run(&mut cluster.make("release VERSION=1.2.4-rc1"));
    let rendered = kustomize(&staging);
    assert!(rendered.contains("image: registry.example.com/team/demo:1.2.4-rc1\n"), "{rendered}");
    assert!(rendered.contains("name: demo-migrate-1.2.4-rc1\n"), "{rendered}");
    assert!(!rendered.contains("sha256:"), "the digest of the release before is left");
}
