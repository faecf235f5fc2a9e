//! The image, built from the generated Dockerfile and run as the manifests run it.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, Permissions};
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};
use std::path::Path;
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use saphyr::{LoadableYamlNode, Yaml};
use sha2::{Digest, Sha256};
use tempfile::TempDir;

use crate::compose;
use crate::container::{Container, Store};
use crate::http;
use crate::project::Project;
use crate::service::answers_a_run;
use crate::toolbox::{run, tool};

const KEY: &str = "a-key-of-the-test";

/// How long the service is kept busy, and by how many callers at a time.
const LOAD: Duration = Duration::from_secs(60);
const CALLERS: usize = 8;

#[test]
fn runs_hardened_on_distroless() {
    let project = Project::new("production", &["runtime_image=distroless"]);
    let store = Store::new();
    builds_and_runs(&project, &store, "distroless", "/nodejs/bin/node");
    compose::runs_by_hand(&project, &store, "localhost/demo-distroless");
    is_built_alike_elsewhere(&store, "localhost/demo-distroless");
}

#[test]
fn runs_hardened_on_slim() {
    // The smallest memory of all presets.
    let project = Project::new("starter", &["runtime_image=slim"]);
    builds_and_runs(&project, &Store::new(), "slim", "node");
}

fn builds_and_runs(project: &Project, store: &Store, base: &str, node: &str) {
    let image = format!("localhost/demo-{base}");
    store.build(&project.path(), "runtime", &image);
    assert_eq!(store.inspect(&image, "{{.User}}"), "10001:10001");
    holds_only_what_runs(store, &image, base);
    print_sizes(store, &image, base);

    let (secrets, state) = (secrets(), TempDir::new().expect("a temporary folder"));
    chown(state.path(), Some(10001), Some(10001)).expect("root");
    let (port, admin) = (http::free_port(), http::free_port());
    let limits = Limits::of(project);
    let container = store.start(
        &image,
        &[
            format!("--memory={}", limits.memory),
            format!("--memory-swap={}", limits.memory),
            format!("--cpus={}", limits.cpus),
            format!("--env-file={}", project.path().join("deploy/base/config.env").display()),
            format!("--volume={}:/var/run/secrets/agent:ro", secrets.path().display()),
            format!("--volume={}:/var/lib/agent", state.path().display()),
            format!("--env=PORT={port}"),
            format!("--env=ADMIN_PORT={admin}"),
            "--env=HOST=127.0.0.1".to_owned(),
            "--env=ADMIN_HOST=127.0.0.1".to_owned(),
            // Stand-ins for what the cluster would have.
            "--env=MODEL_PROVIDER=offline".to_owned(),
            "--env=MODEL_NAME=offline".to_owned(),
            "--env=STATE=memory".to_owned(),
            "--env=TENANT_REQUESTS_PER_MINUTE=1000000".to_owned(),
        ],
    );
    for path in ["/readyz", "/livez"] {
        http::await_ok(admin, path).unwrap_or_else(|why| panic!("{why}\n{}", container.logs()));
    }
    assert_eq!(container.memory_limit(), limits.memory);
    answers_a_run(port, &format!("authorization: Bearer {KEY}\r\n"));
    let refused = http::post(port, "/v1/runs", "", r#"{"input":"hello"}"#).unwrap();
    assert_eq!(refused.status, 401, "{}", refused.body);

    is_unprivileged(&container);
    assert!(
        !container.succeeds(&[node, "-e", "fs.writeFileSync('/written', '')"]),
        "/ is writable"
    );
    assert!(container.succeeds(&[node, "-e", "fs.writeFileSync('/tmp/written', '')"]));
    assert_eq!(container.succeeds(&["/bin/sh", "-c", "true"]), base == "slim", "a shell");

    let process = container.process();
    let answered = keep_busy(port);
    println!("{base}: {answered} runs in {} s", LOAD.as_secs());
    assert!(!container.ran_out_of_memory(), "out of memory\n{}", container.logs());
    assert_eq!(container.process(), process, "it was restarted");
    assert!(container.is_healthy(), "HEALTHCHECK fails\n{}", container.logs());
    // What a health check leaves behind, or the service started, an init would have to reap.
    let children = fs::read_to_string(format!("/proc/{process}/task/{process}/children"));
    assert_eq!(children.expect("a running process"), "", "children of the first process");
    assert_eq!(container.stop(limits.grace_seconds), "0", "SIGTERM\n{}", container.logs());
}

/// What the manifests give a pod.
struct Limits {
    memory: u64,
    cpus: f64,
    grace_seconds: u64,
}

impl Limits {
    fn of(project: &Project) -> Self {
        let overlay = project.overlays().pop().expect("an overlay");
        let rendered = run(tool("kubectl").arg("kustomize").arg(overlay));
        let documents = Yaml::load_from_str(&rendered).expect("YAML");
        let is_deployment = |document: &&Yaml| document["kind"].as_str() == Some("Deployment");
        let pod = &documents.iter().find(is_deployment).expect("a Deployment")["spec"]["template"];
        let limits = &pod["spec"]["containers"][0]["resources"]["limits"];
        let number = |name: &str, unit: &str| {
            let limit = limits[name].as_str().and_then(|limit| limit.strip_suffix(unit));
            limit.and_then(|limit| limit.parse::<u64>().ok()).expect("a limit in the usual unit")
        };
        let grace = pod["spec"]["terminationGracePeriodSeconds"].as_integer();
        Self {
            memory: number("memory", "Mi") << 20,
            cpus: number("cpu", "m") as f64 / 1000.0,
            grace_seconds: grace.and_then(|grace| grace.try_into().ok()).expect("a grace period"),
        }
    }
}

/// Asks the service for runs until the time is over, and tells how many it answered: all of them.
fn keep_busy(port: u16) -> usize {
    let end = Instant::now() + LOAD;
    let headers = format!("authorization: Bearer {KEY}\r\n");
    let call = || {
        let mut answered = 0;
        while Instant::now() < end {
            let answer = http::post(port, "/v1/runs", &headers, r#"{"input":"What is 6 * 7?"}"#);
            let answer = answer.expect("an answer under load");
            assert_eq!(answer.status, 200, "{}", answer.body);
            answered += 1;
        }
        answered
    };
    thread::scope(|scope| {
        let callers: Vec<_> = (0..CALLERS).map(|_| scope.spawn(call)).collect();
        callers.into_iter().map(|caller| caller.join().expect("a caller")).sum()
    })
}

/// No source, no tool, no secret, and nothing that runs as somebody else.
fn holds_only_what_runs(store: &Store, image: &str, base: &str) {
    let files = store.files(image);
    let listed = |below: &str| -> BTreeSet<&str> {
        let below = files.iter().filter_map(|(path, _)| path.strip_prefix(below).ok());
        below.filter_map(|path| path.iter().next()?.to_str()).collect()
    };
    let ours = listed("app");
    let admitted = ["config", "dist", "migrations", "package-lock.json", "package.json", "prompts"];
    assert!(ours.contains("dist") && ours.iter().all(|file| admitted.contains(file)), "{ours:?}");
    // One file that no processor is named in: it is the same on all of them.
    assert_eq!(listed("app/dist"), BTreeSet::from(["main.cjs", "main.cjs.map"]));
    assert!(listed("src").is_empty(), "the builder's folder");

    for (path, metadata) in &files {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let private = ["key", "pem", "env", "npmrc"].iter().any(|suffix| name.ends_with(suffix));
        assert!(!(path.starts_with("app") && private), "{} may be a secret", path.display());
        if base == "distroless" {
            assert!(!["npm", "npx", "sh", "bash", "apt"].contains(&&*name), "{}", path.display());
        }
        assert_eq!(metadata.mode() & 0o6000, 0, "{} is setuid", path.display());
    }
}

/// What is in the image, for docs/performance.md, where `bench/image` puts it. Each part of `/app` is a layer.
fn print_sizes(store: &Store, image: &str, base: &str) {
    let (mut parts, mut below) = (BTreeMap::new(), 0);
    for (path, metadata) in store.files(image) {
        match path.strip_prefix("app").ok().and_then(|path| path.iter().next()) {
            Some(part) if part.to_string_lossy().starts_with("package") => {
                *parts.entry("package*.json".to_owned()).or_insert(0) += metadata.len();
            }
            Some(part) => {
                *parts.entry(part.to_string_lossy().into_owned()).or_insert(0) += metadata.len();
            }
            None => below += metadata.len(),
        }
    }
    let kib = |bytes: u64| bytes.div_ceil(1024);
    let ours: u64 = parts.values().sum();
    for (part, bytes) in parts {
        println!("| {base} | {part} | {} |", kib(bytes));
    }
    println!("| {base} | all of the service | {} |", kib(ours));
    println!("| {base} | below it, in the stand-in of the base | {} |", kib(below));
}

/// The same commit, elsewhere and later, makes the same layers.
fn is_built_alike_elsewhere(store: &Store, image: &str) {
    let (project, elsewhere) = (Project::new("production", &[]), Store::new());
    elsewhere.build(&project.path(), "runtime", image);
    for part in ["{{json .RootFS.Layers}}", "{{.Created}}", "{{json .Labels}}"] {
        assert_eq!(elsewhere.inspect(image, part), store.inspect(image, part), "{part}");
    }
}

/// As `make watch` starts it, but for a single file of tests, once.
#[test]
fn the_dev_stage_runs_tests() {
    let (project, store, image) =
        (Project::new("starter", &[]), Store::new(), "localhost/demo-dev");
    store.build(&project.path(), "dev", image);
    assert_eq!(store.inspect(image, "{{.User}}"), "10001:10001");
    let mounts = ["src", "commands", "test", "config", "prompts", "evals"].map(|folder| {
        format!("--volume={}:/src/{folder}:ro", project.path().join(folder).display())
    });
    let told = store.complete(&mounts, image, &["node", "--test", "test/config.test.ts"]);
    assert!(told.contains("fail 0"), "{told}");
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
