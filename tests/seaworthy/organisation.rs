use std::fs;

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
            "the flag asks for `docker.io/mine` (`--set registry=docker.io/mine`)",
        ),
        ("--answers other.toml", "the file asks for `docker.io/mine` (`other.toml:1:12`)"),
        ("--preset mine.toml", "the preset mine asks for `docker.io/mine` (`mine.toml:4:12`)"),
    ] {
        let outcome = run(&world, flags);
        assert_eq!(outcome.code, 6, "{flags}: {}", outcome.stderr);
        assert!(
            outcome.stderr.contains("docs/examples/acme/organisation.toml:18:12"),
            "the lock's place: {}",
            outcome.stderr
        );
        assert!(outcome.stderr.contains(place), "{flags}: {}", outcome.stderr);
        assert!(!world.path("demo").exists());
    }
}

#[test]
fn a_limited_value_may_move_within_its_limits() {
    assert_eq!(
        run(&World::new(), "--set replicas_min=20 --set replicas_max=20 --set cpu_request=500m")
            .code,
        0
    );
    let outcome = run(&World::new(), "--set replicas_min=21");
    assert_eq!(outcome.code, 6, "{}", outcome.stderr);
    assert!(
        outcome.stderr.contains("`replicas_min` is locked to at most 20 by `acme`"),
        "{}",
        outcome.stderr
    );
    let outcome = run(&World::new(), "--set cpu_request=3");
    assert_eq!(outcome.code, 6, "{}", outcome.stderr);
    assert!(
        outcome.stderr.contains("locked to one of `100m`, `250m`, `500m`, `1`"),
        "{}",
        outcome.stderr
    );
}

#[test]
fn labels_are_on_every_object() {
    let world = World::new();
    assert_eq!(run(&world, "").code, 0);
    for overlay in ["staging", "production"] {
        let kustomization =
            world.read(&format!("demo/deploy/overlays/{overlay}/kustomization.yaml"));
        let labels = "labels:\n  - includeTemplates: true\n    pairs:\n";
        let (_, after) = kustomization.split_once(labels).expect(overlay);
        let pairs = after.split("\nimages:").next().unwrap();
        assert!(pairs.contains("\n      acme.example/platform: agents\n"), "{overlay}: {pairs}");
    }
}

#[test]
fn a_template_that_undoes_a_control_is_refused() {
    let world = World::new();
    world.write("bad/organisation.toml", "name = \"bad\"\n");
    world.write(
        "bad/templates/typescript/files/Dockerfile.tera",
        "<% extends \"builtin/typescript/files/Dockerfile.tera\" %>\n<% block build_base %>node:latest<% endblock build_base %>\n",
    );
    let outcome = world.run("new demo --org bad --yes");
    assert_eq!(outcome.code, 5, "{}", outcome.stderr);
    assert!(outcome.stderr.contains("the project would breach SUP-001"), "{}", outcome.stderr);
    assert!(!world.path("demo").exists());
}

#[test]
fn what_an_organisation_requires_and_removes() {
    let world = World::new();
    world.write("acme/organisation.toml", "name = \"acme\"\nfiles = [\"SECURITY.md\"]\n");
    let outcome = world.run("new demo --org acme --yes");
    assert_eq!(outcome.code, 6);
    assert!(outcome.stderr.contains("`acme` requires `SECURITY.md`"), "{}", outcome.stderr);

    world.write(
        "acme/organisation.toml",
        "name = \"acme\"\nremove = [\"project/files/.editorconfig.tera\"]\n",
    );
    assert_eq!(world.run("new demo --org acme --yes").code, 0);
    assert!(!world.path("demo/.editorconfig").exists());

    world.write(
        "acme/organisation.toml",
        "name = \"acme\"\nremove = [\"project/files/.editorconfig\"]\n",
    );
    let outcome = world.run("new other --org acme --yes");
    assert_eq!(outcome.code, 2);
    assert!(
        outcome.stderr.contains("did you mean `project/files/.editorconfig.tera`?"),
        "{}",
        outcome.stderr
    );

    world.write("acme/organisation.toml", "name = \"acme\"\ngenerator = \">=99\"\n");
    let outcome = world.run("new other --org acme --yes");
    assert_eq!(outcome.code, 6);
    assert!(
        outcome.stderr.contains("`acme` requires seaworthy `>=99` (`acme/organisation.toml:2:13`)"),
        "{}",
        outcome.stderr
    );
}

#[test]
fn a_folder_is_found_by_flag_variable_and_configuration() {
    let org = repository().join("docs/examples/acme");
    let lock_of = |world: &World| world.read("demo/.seaworthy/lock.toml");
    let run = |world: &World, variables: &[(&str, &str)], flags: &[&str]| {
        let status = assert_cmd::Command::new(env!("CARGO_BIN_EXE_seaworthy"))
            .args(["new", "demo", "--yes", "--quiet"])
            .args(flags)
            .current_dir(world.path(""))
            .env_clear()
            .envs(variables.iter().copied())
            .ok();
        assert!(status.is_ok(), "{status:?}");
    };
    let world = World::new();
    run(&world, &[("SEAWORTHY_ORG", org.to_str().unwrap())], &[]);
    assert!(lock_of(&world).contains("organisation = \"acme\""));

    let world = World::new();
    world.write("config/seaworthy/config.toml", &format!("org = {:?}\n", org.to_str().unwrap()));
    let config = world.path("config").display().to_string();
    run(&world, &[("XDG_CONFIG_HOME", &config)], &[]);
    assert!(lock_of(&world).contains("organisation = \"acme\""));

    let world = World::new();
    world.write("config/seaworthy/config.toml", &format!("org = {:?}\n", org.to_str().unwrap()));
    let config = world.path("config").display().to_string();
    run(&world, &[("XDG_CONFIG_HOME", &config)], &["--org", ""]);
    assert!(!lock_of(&world).contains("organisation = "));
}

#[test]
fn a_lock_of_an_organisation_needs_its_folder() {
    let world = World::new();
    assert_eq!(run(&world, "").code, 0);
    let outcome = world.run("new again --answers demo/.seaworthy/lock.toml --yes");
    assert_eq!(outcome.code, 2);
    assert!(outcome.stderr.contains("was made with the folder of `acme`"), "{}", outcome.stderr);
}

#[test]
fn a_template_is_listed_shown_and_ejected() {
    let world = World::new();
    world.write("acme/organisation.toml", "name = \"acme\"\n");
    let list = world.run("templates list --org acme").stdout;
    assert!(
        list.contains("typescript/files/Dockerfile.tera") && list.contains("built in"),
        "{list}"
    );
    let outcome = world.run("templates eject typescript/files/Dockerfile.tera --org acme");
    assert_eq!(
        (outcome.code, outcome.stdout.as_str()),
        (0, "acme/templates/typescript/files/Dockerfile.tera\n")
    );
    let stub = world.read("acme/templates/typescript/files/Dockerfile.tera");
    assert!(stub.starts_with("<% extends \"builtin/typescript/files/Dockerfile.tera\" %>\n<# Its blocks: build_base, build"), "{stub}");
    let list = world.run("templates list --org acme").stdout;
    assert!(list.contains("acme, over the built-in one"), "{list}");
    assert_eq!(
        world.run("templates show typescript/files/Dockerfile.tera --org acme").stdout,
        stub
    );
    // a stub alone changes nothing
    assert_eq!(world.run("new theirs --org acme --set name=demo --yes").code, 0);
    assert_eq!(world.run("new ours --set name=demo --yes").code, 0);
    assert_eq!(world.read("theirs/Dockerfile"), world.read("ours/Dockerfile"));
    assert_eq!(
        world.run("templates eject typescript/files/Dockerfile.tera --org acme").code,
        2,
        "it is theirs already"
    );
    assert_eq!(world.run("templates eject typescript/files/Dockerfil.tera --org acme").code, 2);
    assert_eq!(
        world.run("templates eject typescript/files/Dockerfile.tera").code,
        2,
        "there is no folder"
    );
}

#[test]
fn one_block_of_a_builtin_template_is_changed_and_the_rest_is_ours() {
    // whatever else changes the built-in text changes theirs alike
    for flags in ["", "--set runtime_image=slim", "--set port=3000 --set description=Other"] {
        let (theirs, ours) = (World::new(), World::new());
        assert_eq!(run(&theirs, &format!("--set owner=x {flags}")).code, 0);
        assert_eq!(ours.run(&format!("new demo --yes --set owner=x {flags}")).code, 0);
        let (theirs, ours) = (theirs.read("demo/Dockerfile"), ours.read("demo/Dockerfile"));
        let changed: Vec<(&str, &str)> =
            theirs.lines().zip(ours.lines()).filter(|(a, b)| a != b).collect();
        assert_eq!(theirs.lines().count(), ours.lines().count());
        let [(theirs, ours)] = changed[..] else { panic!("not one line: {changed:?}") };
        let from = "FROM --platform=$BUILDPLATFORM";
        assert!(ours.starts_with(&format!("{from} docker.io/library/node:24")), "{ours}");
        let mirror = "registry.acme.example/mirror/node:24-bookworm-slim";
        assert_eq!(theirs, format!("{from} {mirror} AS build"));
    }
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
    assert!(outcome.stdout.ends_with("are sound, and 4 trials pass\n"), "{}", outcome.stdout);
    assert_eq!(outcome.stderr, "presets that the organisation refuses: `airgapped`\n");
    let page = fs::read_to_string(repository().join("docs/organisations.md")).unwrap();
    let shown = format!("{}{}", outcome.stdout, outcome.stderr);
    assert!(page.contains(&shown), "docs/organisations.md shows another run:\n{shown}");
}

#[test]
fn manifests_have_places_for_more() {
    let world = World::new();
    world.write("acme/organisation.toml", "name = \"acme\"\n");
    for (path, block, text) in [
        (
            "kubernetes/files/deploy/base/deployment.yaml.tera",
            "volumes",
            "        - name: certificates\n          configMap:\n            name: acme-certificates",
        ),
        ("kubernetes/files/deploy/base/config.env.tera", "settings", "HEADERS_TIMEOUT_MS=5000"),
        (
            "project/files/README.md.tera",
            "sections",
            "\n## Support\n\nAsk in the channel of the platform.",
        ),
    ] {
        world.write(
            &format!("acme/templates/{path}"),
            &format!("<% extends \"builtin/{path}\" %>\n<% block {block} %>\n{text}\n<%- endblock {block} %>\n"),
        );
    }
    let outcome = world.run("new demo --org acme --yes");
    assert_eq!(outcome.code, 0, "{}", outcome.stderr);
    assert!(
        world
            .read("demo/deploy/base/deployment.yaml")
            .ends_with("\n            name: acme-certificates\n")
    );
    assert!(world.read("demo/deploy/base/config.env").ends_with("\nHEADERS_TIMEOUT_MS=5000\n"));
    assert!(
        world
            .read("demo/README.md")
            .ends_with("\n\n## Support\n\nAsk in the channel of the platform.\n")
    );
}

#[test]
fn a_trial_that_comes_out_otherwise_fails() {
    for (trial, words) in [
        ("answers = { port = 8081 }\nrefused = 6\n", "it is not refused with exit code 6"),
        ("answers = { port = 80 }\nrefused = 6\n", "`port` cannot be `80`"),
        (
            "expect = [{ file = \"README.md\", contains = \"absent\" }]\n",
            "`README.md` must contain \"absent\"",
        ),
        ("expect = [{ file = \"README.md\" }]\n", "has not exactly one test"),
        ("", "it must say either `refused` or what to `expect`"),
    ] {
        let world = World::new();
        world.write("acme/organisation.toml", "name = \"acme\"\n");
        world.write("acme/tests/one.toml", &format!("[[trial]]\ntitle = \"one\"\n{trial}"));
        let outcome = world.run("templates lint --org acme");
        assert_eq!(outcome.code, 5, "{}", outcome.stderr);
        assert!(
            outcome.stderr.contains("trial `one` of `acme/tests/one.toml` fails"),
            "{}",
            outcome.stderr
        );
        assert!(outcome.stderr.contains(words), "`{words}`: {}", outcome.stderr);
    }
}
