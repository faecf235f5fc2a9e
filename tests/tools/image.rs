//! The image, built from the generated Dockerfile and run as the manifests run it.

use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt, chown};
use std::path::Path;
use std::process::Command;

use sha2::{Digest, Sha256};
use tempfile::TempDir;

use crate::container::{Container, Store};
use crate::http;
use crate::project::Project;
use crate::service::answers_a_run;
use crate::toolbox::run;

const KEY: &str = "a-key-of-the-test";

#[test]
fn runs_hardened_on_distroless() {
    builds_and_runs("distroless", "/nodejs/bin/node");
}

#[test]
fn runs_hardened_on_slim() {
    builds_and_runs("slim", "node");
}

fn builds_and_runs(base: &str, node: &str) {
    let project = Project::new("production", &[&format!("runtime_image={base}")]);
    let store = Store::new();
    let image = format!("localhost/demo-{base}:0.1.0");
    store.build(&project.path(), &image);
    assert_eq!(store.user(&image), "10001:10001");

    let secrets = secrets();
    let (port, admin) = (http::free_port(), http::free_port());
    let container = store.start(
        &image,
        &[
            format!("--env-file={}", project.path().join("deploy/base/config.env").display()),
            format!("--volume={}:/var/run/secrets/agent:ro", secrets.path().display()),
            format!("--env=PORT={port}"),
            format!("--env=ADMIN_PORT={admin}"),
            "--env=HOST=127.0.0.1".to_owned(),
            "--env=ADMIN_HOST=127.0.0.1".to_owned(),
            // Stand-ins for what the cluster would have.
            "--env=MODEL_PROVIDER=offline".to_owned(),
            "--env=MODEL_NAME=offline".to_owned(),
            "--env=STATE=memory".to_owned(),
            "--tmpfs=/var/lib/agent:rw,size=64m,mode=1777".to_owned(),
        ],
    );
    for path in ["/readyz", "/livez"] {
        http::await_ok(admin, path).unwrap_or_else(|why| panic!("{why}\n{}", container.logs()));
    }
    answers_a_run(port, &format!("authorization: Bearer {KEY}\r\n"));
    let refused = http::post(port, "/v1/runs", "", r#"{"input":"hello"}"#).unwrap();
    assert_eq!(refused.status, 401, "{}", refused.body);

    assert!(container.is_healthy(), "HEALTHCHECK fails\n{}", container.logs());

    is_unprivileged(&container);
    assert!(
        !container.succeeds(&[node, "-e", "fs.writeFileSync('/written', '')"]),
        "/ is writable"
    );
    assert!(container.succeeds(&[node, "-e", "fs.writeFileSync('/tmp/written', '')"]));
    assert_eq!(container.succeeds(&["/bin/sh", "-c", "true"]), base == "slim", "a shell");
    assert_eq!(container.stop(), "0", "SIGTERM\n{}", container.logs());
}

/// Holds the kernel's own account of the process against what the manifests ask for.
fn is_unprivileged(container: &Container) {
    let status = fs::read_to_string(format!("/proc/{}/status", container.process()))
        .expect("a running process");
    let field = |name: &str| {
        let line = status.lines().find_map(|line| line.strip_prefix(name)).expect(name);
        line.split_whitespace().collect::<Vec<_>>()
    };
    assert_eq!(field("Uid:"), ["10001"; 4]);
    assert_eq!(field("Gid:"), ["10001"; 4]);
    for set in ["CapPrm:", "CapEff:", "CapBnd:"] {
        assert_eq!(field(set), ["0000000000000000"], "{set}");
    }
    assert_eq!(field("NoNewPrivs:"), ["1"]);
    assert_eq!(field("Seccomp:"), ["2"], "no filter of system calls");
}

/// A folder of secrets as the Secret's volume shows it: root's, and readable by the group alone.
fn secrets() -> TempDir {
    let folder = TempDir::new().expect("a temporary folder");
    let set_mode = |path: &Path, mode| {
        fs::set_permissions(path, Permissions::from_mode(mode)).expect("a file of our own");
    };
    set_mode(folder.path(), 0o755);
    let digest: String = Sha256::digest(KEY).iter().map(|byte| format!("{byte:02x}")).collect();
    let signing = run(Command::new("openssl").args(["genpkey", "-algorithm", "ed25519"]));
    for (name, text) in [("api_keys", format!("acme:{digest}\n")), ("audit_signing_key", signing)] {
        let file = folder.path().join(name);
        fs::write(&file, text).expect("a writable folder");
        chown(&file, Some(0), Some(10001)).expect("root");
        set_mode(&file, 0o440);
    }
    folder
}
