//! `compose.yaml`, as compose itself reads it, and what it describes run by hand, since there is no engine.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use serde_json::Value;

use crate::container::Store;
use crate::contract::Servers;
use crate::http;
use crate::process::Server;
use crate::project::{PRESETS, Project};
use crate::service::answers_a_run;
use crate::toolbox::run;

/// The library that compose reads its files with: schema, references and all.
const READER: &str = "github.com/compose-spec/compose-go/v2/cmd@v2.16.2";

/// The file, with everything that it refers to put in place.
fn resolved(project: &Project) -> Value {
    let mut reader = Command::new("go");
    reader.current_dir(project.path()).args(["run", READER, "-format", "json", "compose.yaml"]);
    serde_json::from_str(&run(&mut reader)).expect("JSON")
}

#[test]
fn every_service_of_compose_is_hardened() {
    let plain = PRESETS.map(|preset| (preset, ""));
    for (preset, answer) in plain.into_iter().chain([("production", "cache=redis-cluster")]) {
        let answers: Vec<&str> =
            Some(answer).filter(|answer| !answer.is_empty()).into_iter().collect();
        let project = Project::new(preset, &answers);
        make_secrets(&project);
        let compose = resolved(&project);
        let services = compose["services"].as_object().expect("services");
        assert!(services.contains_key("agent"), "{preset}: {services:?}");
        for (name, service) in services {
            let place = format!("{preset}: {name}");
            assert_eq!(service["read_only"], true, "{place}");
            assert_eq!(service["cap_drop"], serde_json::json!(["ALL"]), "{place}");
            let options = serde_json::json!(["no-new-privileges:true"]);
            assert_eq!(service["security_opt"], options, "{place}");
            assert!(service["mem_limit"].is_string() && service["pids_limit"].is_u64(), "{place}");
            let user = service["user"].as_str().expect("a user");
            assert!(user == "10001:10001" || user == "999:999", "{place} runs as {user}");
            for port in service["ports"].as_array().into_iter().flatten() {
                assert_eq!(port["host_ip"], "127.0.0.1", "{place}");
            }
            assert!(service["image"].is_string() != service["build"].is_object(), "{place}");
        }
        let secrets = compose["secrets"].as_object().expect("secrets");
        for secret in secrets.values() {
            let file = Path::new(secret["file"].as_str().expect("a file"));
            let text = fs::read_to_string(file).unwrap_or_default();
            assert!(!text.trim().is_empty(), "{preset}: {} is empty", file.display());
        }
    }
}

/// The one command that the README names; returns the key of a caller.
fn make_secrets(project: &Project) -> String {
    let told = run(Command::new("make").arg("secrets/development").current_dir(project.path()));
    told.lines().find_map(|line| line.strip_prefix("KEY=")).expect("a key").to_owned()
}

/// Runs what the file describes, with an image that is built, beside the Postgres and the Redis of this machine: with
/// its roles and users, the migration, then the service.
pub fn runs_by_hand(project: &Project, store: &Store, image: &str) {
    let key = make_secrets(project);
    let compose = resolved(project);
    let servers = Servers::start();
    let admin_url = address(&servers, "DATABASE_URL=");
    let roles = project.path().join("secrets/development/postgres/roles.sql");
    let psql = || {
        let mut psql = Command::new("psql");
        psql.args(["--quiet", "--no-align", "--tuples-only", "--set", "ON_ERROR_STOP=1"]);
        psql
    };
    run(psql().arg(&admin_url).arg("--file").arg(&roles));

    let redis_port = http::free_port();
    let redis = start_redis(&compose, project, redis_port);
    let server = admin_url.rsplit_once('@').and_then(|(_, rest)| rest.split_once('/'));
    let postgres = server.expect("a host and a database").0;
    let settings = |service: &str| {
        let service = &compose["services"][service];
        let mut arguments =
            vec![format!("--env-file={}", project.path().join("deploy/base/config.env").display())];
        for (name, value) in service["environment"].as_object().expect("settings") {
            let value = value.as_str().expect("a text");
            let value = value.replace("@postgres/", &format!("@{postgres}/"));
            let value = value.replace("//redis", &format!("//127.0.0.1:{redis_port}"));
            arguments.push(format!("--env={name}={value}"));
        }
        for secret in service["secrets"].as_array().expect("secrets") {
            let file = &compose["secrets"][secret["source"].as_str().expect("a name")]["file"];
            let (file, target) = (file.as_str(), secret["target"].as_str());
            let (file, target) = (file.expect("a file"), target.expect("a place"));
            arguments.push(format!("--volume={file}:{target}:ro"));
        }
        arguments
    };
    store.complete(&settings("migrate"), image, &["migrate"]);

    let (port, admin) = (http::free_port(), http::free_port());
    let mut arguments = settings("agent");
    arguments.extend([
        format!("--env=PORT={port}"),
        format!("--env=ADMIN_PORT={admin}"),
        "--env=HOST=127.0.0.1".to_owned(),
        "--env=ADMIN_HOST=127.0.0.1".to_owned(),
        "--tmpfs=/var/lib/agent:rw,size=64m,mode=1777".to_owned(),
    ]);
    let container = store.start(image, &arguments);
    http::await_ok(admin, "/readyz").unwrap_or_else(|why| panic!("{why}\n{}", container.logs()));
    answers_a_run(port, &format!("authorization: Bearer {key}\r\n"));
    let database = format!("{}/demo", admin_url.rsplit_once('/').expect("a database").0);
    let kept = run(psql().arg(database).args(["--command", "SELECT count(*) FROM runs"]));
    assert_eq!(kept.trim(), "1", "the run is not in Postgres\n{}", container.logs());
    assert_eq!(container.stop(40), "0", "SIGTERM\n{}", container.logs());
    redis.terminate();
    redis.wait(Duration::from_secs(10));
}

/// Redis with the arguments that compose gives it, on a port of its own.
fn start_redis(compose: &Value, project: &Project, port: u16) -> Server {
    let users = project.path().join("secrets/development/redis/users.acl");
    let words = compose["services"]["redis"]["command"].as_array().expect("a command");
    let words = words.iter().map(|word| word.as_str().expect("a word"));
    let mut words = words.map(|word| match word {
        "/run/secrets/redis_users" => users.to_str().expect("a path of text"),
        word => word,
    });
    let mut redis = Command::new(words.next().expect("a program"));
    redis.args(words).args(["--bind", "127.0.0.1", "--port", &port.to_string()]);
    let redis = Server::start(redis.current_dir(project.path()));
    let password = fs::read_to_string(project.path().join("secrets/development/redis_password"));
    let password = password.expect("a password");
    let answers = || {
        let mut cli = Command::new("redis-cli");
        cli.args(["-p", &port.to_string(), "ping"]).env("REDISCLI_AUTH", password.trim());
        cli.output().is_ok_and(|output| output.stdout.starts_with(b"PONG"))
    };
    let tries = (0..100).any(|_| {
        std::thread::sleep(Duration::from_millis(50));
        answers()
    });
    assert!(tries, "Redis does not know the password of compose");
    redis
}

fn address(servers: &Servers, name: &str) -> String {
    let found = servers.addresses.lines().find_map(|line| line.strip_prefix(name));
    found.expect("an address").to_owned()
}
