//! Faults that are planted: a checker that does not find them is broken.

use std::fs;
use std::path::Path;
use std::process::Command;

use tempfile::TempDir;

use crate::finding::Checker;
use crate::manifest_checkers::OF_MANIFESTS;
use crate::project_checkers::OF_PROJECTS;
use crate::toolbox::run;

const MANIFEST: &str = r#"
apiVersion: apps/v1
kind: Deployment
metadata:
  name: weak
spec:
  allowPrivilegeEscalation: false
  selector:
    matchLabels: {app: weak}
  template:
    metadata:
      labels: {app: weak}
    spec:
      containers:
        - name: weak
          image: weak:latest
          securityContext: {privileged: true}
---
apiVersion: external-secrets.io/v1
kind: ExternalSecret
metadata:
  name: weak
spec:
  refreshEvery: 1h
---
apiVersion: cilium.io/v2
kind: CiliumNetworkPolicy
metadata:
  name: weak
spec:
  endpointSelector: {}
  egress:
    - toFQDNs:
      - matchName: "no name"
---
apiVersion: example.com/v1
kind: Unheard
metadata:
  name: weak
"#;

const DOCKERFILE: &str = "\
FROM node:latest
COPY . /app
CMD node /app/main.js
";

const SCRIPT: &str = "\
#!/usr/bin/env bash
if true; then
      echo $1
fi
";

const WORKFLOW: &str = r#"---
name: Weak
"on": pull_request_target
permissions: write-all
jobs:
  weak:
    runs-on: nowhere
    steps:
      - uses: actions/checkout@v7
      - run: echo "${{ github.event.pull_request.title }}"
"#;

#[test]
fn every_checker_of_manifests_finds_what_is_planted() {
    let folder = TempDir::new().expect("a temporary folder");
    plant(folder.path(), "weak.yaml", MANIFEST);
    find_what_is_planted(OF_MANIFESTS, folder.path());
}

#[test]
fn every_checker_of_projects_finds_what_is_planted() {
    let folder = TempDir::new().expect("a temporary folder");
    plant(folder.path(), "deploy/weak.yaml", MANIFEST);
    plant(folder.path(), "Dockerfile", DOCKERFILE);
    plant(folder.path(), "scripts/weak.sh", SCRIPT);
    plant(folder.path(), ".github/workflows/weak.yaml", WORKFLOW);
    let key = run(Command::new("openssl").args(["genpkey", "-algorithm", "RSA"]));
    plant(folder.path(), "deploy/key.yaml", &format!("key: |\n  {}\n", key.replace('\n', "\n  ")));
    find_what_is_planted(OF_PROJECTS, folder.path());
}

fn plant(folder: &Path, file: &str, text: &str) {
    let place = folder.join(file);
    fs::create_dir_all(place.parent().expect("a parent")).expect("a writable folder");
    fs::write(place, text).expect("a writable folder");
}

fn find_what_is_planted(checkers: &[Checker], folder: &Path) {
    for checker in checkers {
        let found: Vec<_> = (checker.check)(folder).iter().map(ToString::to_string).collect();
        println!("{} finds {}", checker.name, found.len());
        for proof in checker.proofs {
            let told = found.iter().any(|finding| finding.contains(proof));
            assert!(told, "{} is silent about {proof}:\n{}", checker.name, found.join("\n"));
        }
    }
}
