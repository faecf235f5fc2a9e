use crate::world::World;

#[test]
fn the_flags_of_new() {
    let help = World::new().run("new --help").stdout;
    for flag in [
        "[PATH]",
        "--preset",
        "--answers",
        "--set",
        "--org",
        "--yes",
        "--all",
        "--dry-run",
        "--diff",
        "--format",
        "--force",
        "--git",
        "--quiet",
    ] {
        assert!(help.contains(flag), "`{flag}` is missing:\n{help}");
    }
}

#[test]
fn the_commands() {
    let world = World::new();
    for command in [
        "new",
        "presets list",
        "presets show",
        "templates list",
        "templates show",
        "templates eject",
        "templates lint",
        "schema answers",
        "schema plan",
        "completions",
        "man",
    ] {
        let outcome = world.run(&format!("{command} --help"));
        assert_eq!(outcome.code, 0, "`{command}`: {}", outcome.stderr);
    }
    assert_eq!(world.run("nwe").code, 2);
    assert_eq!(world.run("new --pset x").code, 2);
    let version = world.run("--version").stdout;
    assert!(version.starts_with(concat!("seaworthy ", env!("CARGO_PKG_VERSION"))), "{version}");
}

#[test]
fn the_presets() {
    let list = World::new().run("presets list").stdout;
    let names: Vec<&str> = list.lines().filter_map(|line| line.split_whitespace().next()).collect();
    assert_eq!(names, ["airgapped", "cost-optimized", "production", "regulated", "starter"]);
}

#[test]
fn the_schemas_hold() {
    let world = World::new();
    let schema = |format: &str| {
        let schema: serde_json::Value =
            serde_json::from_str(&world.run(&format!("schema {format}")).stdout).unwrap();
        jsonschema::validator_for(&schema).expect("a JSON Schema")
    };
    let plan = world.run("new demo --yes --dry-run --format json").stdout;
    let mut plan: serde_json::Value = serde_json::from_str(&plan).unwrap();
    let plans = schema("plan");
    assert_eq!(
        plans.iter_errors(&plan).map(|error| error.to_string()).collect::<Vec<_>>(),
        [""; 0]
    );
    plan["surprise"] = true.into();
    assert!(!plans.is_valid(&plan));

    let answers = schema("answers");
    for (text, valid) in [
        (r#"{"port": 8080, "environments": ["qa"], "dns": "coredns"}"#, true),
        (r#"{"answers": {"owner": "sre"}}"#, true),
        (r#"{"port": "8080"}"#, false),
        (r#"{"port": 80}"#, false),
        (r#"{"dns": "bind"}"#, false),
        (r#"{"environments": ["QA"]}"#, false),
        (r#"{"prot": 8080}"#, false),
        (r#"{"answers": {"prot": 8080}}"#, false),
    ] {
        let document: serde_json::Value = serde_json::from_str(text).unwrap();
        assert_eq!(answers.is_valid(&document), valid, "{text}");
        let mut arguments = vec!["new", "demo", "--yes", "--dry-run", "--quiet", "--answers", "-"];
        arguments.push("--preset=starter");
        assert_eq!(
            world.run_with_input(&arguments, text).code == 0,
            valid,
            "`new` agrees with the schema: {text}"
        );
    }
}

#[test]
fn completions_and_the_manual_name_every_command() {
    let world = World::new();
    for shell in ["bash", "zsh", "fish", "powershell", "elvish"] {
        let script = world.run(&format!("completions {shell}")).stdout;
        assert!(script.contains("dry-run"), "{shell}");
    }
    let manual = world.run("man").stdout;
    for words in [".TH seaworthy", ".SH \"NEW\"", "dry\\-run"] {
        assert!(manual.contains(words), "`{words}` is missing");
    }
}

#[test]
fn the_questions() {
    let expected = [
        "name",
        "description",
        "owner",
        "team",
        "language",
        "port",
        "admin_port",
        "model_provider",
        "model_name",
        "model_base_url",
        "datastore",
        "datastore_host",
        "datastore_max_connections",
        "cache",
        "cache_host",
        "data_classification",
        "privacy",
        "monthly_budget_usd",
        "daily_tenant_budget_usd",
        "interfaces",
        "registry",
        "pull_secret",
        "image_mirror",
        "runtime_image",
        "namespace",
        "environments",
        "replicas_min",
        "cpu_request",
        "memory",
        "cloud",
        "autoscaling",
        "replicas_max",
        "scale_on",
        "vpa_mode",
        "spot",
        "secret_store",
        "secret_store_url",
        "secret_store_identity",
        "exposure",
        "host",
        "gateway_class",
        "gateway_namespace",
        "certificate_issuer",
        "priority",
        "admission",
        "image_verification",
        "pod_monitor",
        "dns",
        "network_names",
        "collector_host",
        "gateway_sources",
    ];
    let flags = "--set model_provider=azure --set model_base_url=https://x.openai.azure.com/openai/v1 --set model_name=x";
    let outcome = World::new().run(&format!("new demo --yes --dry-run --format json {flags}"));
    let plan: serde_json::Value = serde_json::from_str(&outcome.stdout).unwrap();
    let keys: Vec<&str> = plan["answers"]
        .as_array()
        .unwrap()
        .iter()
        .map(|answer| answer["key"].as_str().unwrap())
        .collect();
    assert_eq!(keys, expected);
}

#[test]
fn the_choices() {
    let schema = World::new().run("schema answers").stdout;
    let schema: serde_json::Value = serde_json::from_str(&schema).unwrap();
    let questions = find(&schema, "model_provider").expect("the questions of the schema");
    for (question, choices) in [
        (
            "model_provider",
            &["anthropic", "openai", "google", "bedrock", "azure", "openai-compatible", "offline"]
                [..],
        ),
        ("datastore", &["postgres", "none"]),
        ("cache", &["none", "redis", "redis-cluster"]),
        ("data_classification", &["public", "internal", "confidential", "restricted"]),
        ("interfaces", &["mcp", "a2a", "agentcore"]),
        ("runtime_image", &["distroless", "slim"]),
        ("dns", &["coredns", "node-local", "gke-cloud-dns", "openshift"]),
        ("network_names", &["none", "cilium", "egress-proxy"]),
    ] {
        let of = &questions[question];
        let offered = of.get("enum").unwrap_or(&of["items"]["enum"]);
        assert_eq!(offered, &serde_json::json!(choices), "{question}");
    }
}

/// The object that has a key, wherever it is.
fn find<'v>(value: &'v serde_json::Value, key: &str) -> Option<&'v serde_json::Value> {
    match value {
        serde_json::Value::Object(object) if object.contains_key(key) => Some(value),
        serde_json::Value::Object(object) => object.values().find_map(|value| find(value, key)),
        serde_json::Value::Array(items) => items.iter().find_map(|item| find(item, key)),
        _ => None,
    }
}

#[test]
fn the_paths_of_a_generated_project() {
    let world = World::new();
    assert_eq!(world.run("new demo --yes").code, 0);
    for path in [
        "README.md",
        "Makefile",
        "Dockerfile",
        ".dockerignore",
        "compose.yaml",
        "scripts/pin-digests.sh",
        ".env.example",
        "package.json",
        "package-lock.json",
        "src",
        "test",
        "config/prices.json",
        "prompts/agent.md",
        "deploy/base/kustomization.yaml",
        "deploy/components/network/kustomization.yaml",
        "deploy/components/migrate/kustomization.yaml",
        "deploy/overlays/staging/kustomization.yaml",
        "deploy/overlays/production/kustomization.yaml",
        ".seaworthy/lock.toml",
        ".seaworthy/base.txtar",
        ".seaworthy/waivers.toml",
    ] {
        assert!(world.path("demo").join(path).exists(), "`{path}` is missing");
    }
}

#[test]
fn the_names_inside_a_generated_project() {
    let world = World::new();
    assert_eq!(world.run("new demo --yes").code, 0);
    let package: serde_json::Value =
        serde_json::from_str(&world.read("demo/package.json")).unwrap();
    for script in ["start", "build", "test", "lint", "format", "typecheck"] {
        assert!(package["scripts"][script].is_string(), "`npm run {script}` is missing");
    }
    let deployment = world.read("demo/deploy/base/deployment.yaml");
    for name in ["- name: agent", "name: http", "name: admin", "app.kubernetes.io/name: demo"] {
        assert!(deployment.contains(name), "`{name}` is missing");
    }
}
