use crate::world::{World, repository};

/// Runs `new` with the worked example laid over the built-in templates.
fn run(world: &World, flags: &str) -> crate::world::Outcome {
    let org = repository().join("docs/examples/acme");
    world.run(&format!("new demo --org {} --yes {flags}", org.display()))
}

#[test]
fn a_pack_is_added() {
    let world = World::new();
    let outcome = run(&world, "--set acme_cost_centre=CC-1234");
    assert_eq!(outcome.code, 0, "{}", outcome.stderr);
    assert_eq!(
        world.read("demo/docs/contacts.toml"),
        "# Read by Acme's service directory.\nservice = \"demo\"\nowner = \"agent-platform\"\non_call = \"agent-platform\"\ncost_centre = \"CC-1234\"\n"
    );
    assert!(world.read("demo/README.md").contains("\n## Contacts\n"), "its slot is in the README");
    assert_eq!(run(&World::new(), "--set acme_cost_centre=1234").code, 2);
}

#[test]
fn a_default_is_set_and_may_be_changed() {
    let world = World::new();
    assert_eq!(run(&world, "").code, 0);
    let lock: toml::Table = world.read("demo/.seaworthy/lock.toml").parse().unwrap();
    assert_eq!(lock["organisation"].as_str(), Some("acme"));
    assert_eq!(lock["answers"]["dns"].as_str(), Some("node-local"));
    assert_eq!(lock["sources"]["dns"].as_str(), Some("organisation acme"));
    let world = World::new();
    assert_eq!(run(&world, "--set dns=coredns").code, 0);
    assert!(world.read("demo/.seaworthy/lock.toml").contains("dns = \"coredns\""));
}

#[test]
fn a_locked_value_stands() {
    let world = World::new();
    assert_eq!(run(&world, "").code, 0);
    assert!(world.read("demo/.seaworthy/lock.toml").contains("registry = \"locked acme\""));
    assert!(
        world
            .read("demo/deploy/overlays/production/kustomization.yaml")
            .contains("registry.acme.example/agents/demo")
    );
    assert_eq!(
        run(&World::new(), "--set registry=registry.acme.example/agents").code,
        0,
        "its own value is no breach"
    );
}

#[test]
fn a_locked_value_is_refused_from_every_layer() {
    let world = World::new();
    world.write("other.toml", "registry = \"docker.io/mine\"\n");
    world.write(
        "mine.toml",
        "summary = \"mine\"\nextends = \"acme\"\n[answers]\nregistry = \"docker.io/mine\"\n",
    );
    for (flags, place) in [
        (
            "--set registry=docker.io/mine",
            "flag asks for `docker.io/mine` (`--set registry=docker.io/mine`)",
        ),
        ("--answers other.toml", "file asks for `docker.io/mine` (`other.toml:1:12`)"),
        ("--preset mine.toml", "preset mine asks for `docker.io/mine` (`mine.toml:4:12`)"),
    ] {
        let outcome = run(&world, flags);
        assert_eq!(outcome.code, 6, "{flags}: {}", outcome.stderr);
        assert!(
            outcome.stderr.contains("docs/examples/acme/organisation.toml:10:12"),
            "the lock's place: {}",
            outcome.stderr
        );
        assert!(outcome.stderr.contains(place), "{flags}: {}", outcome.stderr);
        assert!(!world.path("demo").exists());
    }
}

#[test]
fn one_block_of_a_builtin_template_is_changed_and_the_rest_is_ours() {
    let (theirs, ours) = (World::new(), World::new());
    assert_eq!(run(&theirs, "--set owner=x").code, 0);
    assert_eq!(ours.run("new demo --yes --set owner=x").code, 0);
    let (theirs, ours) = (theirs.read("demo/Dockerfile"), ours.read("demo/Dockerfile"));
    let changed: Vec<(&str, &str)> =
        theirs.lines().zip(ours.lines()).filter(|(a, b)| a != b).collect();
    assert_eq!(theirs.lines().count(), ours.lines().count());
    let [(theirs, ours)] = changed[..] else { panic!("not one line: {changed:?}") };
    assert!(ours.starts_with("FROM docker.io/library/node:24"), "{ours}");
    assert_eq!(theirs, "FROM registry.acme.example/mirror/node:24-bookworm-slim AS build");
}

#[test]
fn a_preset_is_added() {
    let world = World::new();
    assert_eq!(run(&world, "--preset acme").code, 0);
    assert!(world.path("demo/deploy/overlays/production-eu/kustomization.yaml").is_file());
}

#[test]
fn the_example_is_sound() {
    let org = repository().join("docs/examples/acme");
    let outcome = World::new().run(&format!("templates lint --org {}", org.display()));
    assert_eq!(outcome.code, 0, "{}", outcome.stderr);
    assert!(outcome.stdout.ends_with("are sound\n"), "{}", outcome.stdout);
}
