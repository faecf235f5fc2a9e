use crate::world::World;

#[test]
fn writes_a_project_and_says_what_to_do_next() {
    let world = World::new();
    let outcome = world.run("new demo --preset starter --yes");
    assert_eq!((outcome.code, outcome.stdout.as_str()), (0, ""));
    assert!(outcome.stderr.starts_with("`demo`: "), "{}", outcome.stderr);
    assert!(
        outcome.stderr.ends_with("files made\n\n  cd demo\n  make test\n  make run\n"),
        "{}",
        outcome.stderr
    );
    assert!(world.path("demo/README.md").is_file());
    let readme = std::fs::read_to_string(crate::world::repository().join("README.md")).unwrap();
    assert!(readme.contains(&outcome.stderr), "the README shows another run:\n{}", outcome.stderr);
    let beside = world.snapshot().keys().filter(|path| !path.starts_with("demo")).count();
    assert_eq!(beside, 0, "nothing is left beside the project");
}

#[test]
fn says_nothing_if_asked_to_be_quiet() {
    let outcome = World::new().run("new demo --yes --quiet");
    assert_eq!((outcome.code, outcome.stdout.as_str(), outcome.stderr.as_str()), (0, "", ""));
}

#[test]
fn two_runs_give_the_same_bytes() {
    let (one, two) = (World::new(), World::new());
    for world in [&one, &two] {
        assert_eq!(world.run("new demo --preset production --set owner=sre --yes").code, 0);
    }
    assert!(one.snapshot() == two.snapshot());
}

#[test]
fn a_run_from_the_lock_gives_the_same_bytes() {
    let world = World::new();
    world.write("answers.toml", "owner = \"sre\"\nenvironments = [\"qa\", \"production\"]\n");
    assert_eq!(
        world.run("new demo --preset starter --answers answers.toml --set port=8081 --yes").code,
        0
    );
    let outcome = world.run("new again --answers demo/.seaworthy/lock.toml --yes");
    assert_eq!(outcome.code, 0, "{}", outcome.stderr);
    assert!(
        crate::world::snapshot(&world.path("demo")) == crate::world::snapshot(&world.path("again"))
    );
}

#[test]
fn a_second_run_changes_nothing() {
    let world = World::new();
    assert_eq!(world.run("new demo --yes").code, 0);
    let before = world.snapshot();
    let outcome = world.run("new demo --yes");
    assert_eq!(outcome.code, 0, "{}", outcome.stderr);
    assert!(outcome.stderr.contains("0 files made"), "{}", outcome.stderr);
    assert!(world.snapshot() == before);
}

#[test]
fn leaves_what_is_not_in_the_way() {
    let world = World::new();
    world.write("demo/notes.txt", "mine\n");
    assert_eq!(world.run("new demo --yes").code, 0);
    assert_eq!(world.read("demo/notes.txt"), "mine\n");
    assert!(world.path("demo/Dockerfile").is_file());
}

#[test]
fn replaces_what_is_in_the_way_if_forced() {
    let world = World::new();
    world.write("demo/README.md", "mine\n");
    let outcome = world.run("new demo --yes --force");
    assert_eq!(outcome.code, 0, "{}", outcome.stderr);
    assert!(outcome.stderr.contains("1 replaced"), "{}", outcome.stderr);
    assert!(world.read("demo/README.md").starts_with("# demo"));
}

#[test]
fn a_dry_run_prints_the_plan_and_writes_nothing() {
    let world = World::new();
    let outcome = world.run("new demo --yes --dry-run");
    assert_eq!(outcome.code, 0);
    assert!(outcome.stdout.contains("create  Dockerfile\n"), "{}", outcome.stdout);
    assert!(outcome.stdout.ends_with("create  .seaworthy/lock.toml\n"), "the lock is written last");
    assert!(world.snapshot().is_empty());
}

#[test]
fn a_plan_can_be_read_by_programs() {
    let world = World::new();
    for (flags, written) in [("--dry-run", false), ("", true)] {
        let outcome = world.run(&format!("new demo --preset starter --yes --format json {flags}"));
        let plan: serde_json::Value =
            serde_json::from_str(&outcome.stdout).expect("JSON and nothing else");
        assert_eq!(plan["schema"], 1);
        assert_eq!(plan["target"], "demo");
        assert_eq!(plan["preset"], "starter");
        assert_eq!(plan["written"], written);
        let replicas = plan["answers"]
            .as_array()
            .unwrap()
            .iter()
            .find(|answer| answer["key"] == "replicas_min")
            .unwrap();
        assert_eq!(
            (&replicas["value"], &replicas["source"]),
            (&1.into(), &"preset starter".into())
        );
        let files = plan["files"].as_array().unwrap();
        let readme = files.iter().find(|file| file["path"] == "README.md").unwrap();
        assert_eq!(readme["action"], "create");
        assert_eq!(world.path("demo").is_dir(), written);
    }
}

#[test]
fn answers_come_from_files_in_both_formats_and_from_standard_input() {
    for (input, shape) in [
        ("owner = \"sre\"\n", "TOML at the top level"),
        ("[answers]\nowner = \"sre\"\n", "TOML under `answers`"),
        ("{\"owner\": \"sre\"}", "JSON at the top level"),
        ("{\"answers\": {\"owner\": \"sre\"}}", "JSON under `answers`"),
    ] {
        let world = World::new();
        let outcome = world.run_with_input(&["new", "demo", "--yes", "--answers", "-"], input);
        assert_eq!(outcome.code, 0, "{shape}: {}", outcome.stderr);
        let lock = world.read("demo/.seaworthy/lock.toml");
        assert!(
            lock.contains("owner = \"sre\"") && lock.contains("owner = \"file\""),
            "{shape}: {lock}"
        );
    }
}

#[test]
fn the_stronger_layer_decides() {
    let world = World::new();
    world.write("mine.toml", "summary = \"mine\"\nextends = \"starter\"\n[answers]\nreplicas_min = 2\ndatastore = \"postgres\"\nowner = \"preset\"\nteam = \"preset\"\n");
    world.write("answers.toml", "owner = \"file\"\nteam = \"file\"\n");
    let outcome =
        world.run("new demo --preset mine.toml --answers answers.toml --set team=flag --yes");
    assert_eq!(outcome.code, 0, "{}", outcome.stderr);
    let lock: toml::Table = world.read("demo/.seaworthy/lock.toml").parse().unwrap();
    let source = |key: &str| lock["sources"][key].as_str().unwrap();
    assert_eq!(
        ["port", "memory", "replicas_min", "owner", "team"].map(source),
        ["default", "preset starter", "preset mine", "file", "flag"]
    );
}

#[test]
fn works_in_the_folder_it_stands_in() {
    let world = World::new();
    world.write("demo/.keep", "");
    let command = assert_cmd::Command::new(env!("CARGO_BIN_EXE_seaworthy"))
        .args(["new", ".", "--yes", "--quiet"])
        .current_dir(world.path("demo"))
        .assert();
    command.success();
    assert!(world.read("demo/README.md").starts_with("# demo"));
}

#[test]
fn presets_are_listed_and_shown() {
    let world = World::new();
    let list = world.run("presets list").stdout;
    assert!(list.contains("production  ") && list.contains("starter  "), "{list}");
    let show = world.run("presets show starter").stdout;
    assert!(show.contains("extends production\n"), "{show}");
    assert!(show.contains("replicas_min = 1  (preset starter)\n"), "{show}");
}
