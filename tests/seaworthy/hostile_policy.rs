use std::fs;

use crate::attack::{Attack, PACK, all_are_refused};
use crate::world::repository;

#[test]
fn limits_that_are_walked_around_or_cannot_be_kept() {
    let locked = |name, arguments, words| {
        Attack::new(name, 6, words)
            .ruling("[locked]\nregistry = \"registry.acme.example/agents\"\nreplicas_min = { at_least = 3 }\n")
            .with("other.toml", "registry = \"docker.io/mine\"\n")
            .with("few.toml", "[answers]\nreplicas_min = 1\n")
            .with("presets/mine.toml", "summary = \"x\"\n[answers]\nregistry = \"docker.io/mine\"\n")
            .running(arguments)
    };
    let limit =
        |name, text: &str, words| Attack::new(name, 2, words).ruling(format!("[locked]\n{text}\n"));
    all_are_refused([
        locked(
            "by a flag",
            "new demo --org acme --yes --set registry=docker.io/mine",
            "flag asks for",
        ),
        locked(
            "by two flags",
            "new demo --org acme --yes --set registry=docker.io/mine --set registry=registry.acme.example/agents",
            "flag asks for",
        ),
        locked("by a file", "new demo --org acme --yes --answers acme/other.toml", "file asks for"),
        locked(
            "by a preset of its own",
            "new demo --org acme --yes --preset mine",
            "preset mine asks for",
        ),
        locked(
            "by a preset that is a file",
            "new demo --org acme --yes --preset acme/presets/mine.toml",
            "preset mine asks for",
        ),
        locked(
            "by a preset of ours",
            "new demo --org acme --yes --preset starter",
            "preset starter asks for `1`",
        ),
        locked(
            "by a file, below a bound",
            "new demo --org acme --yes --answers acme/few.toml",
            "file asks for `1`",
        ),
        Attack::new("by its own defaults", 6, "organisation acme asks for `x`")
            .ruling("[defaults]\nowner = \"x\"\n[locked]\nowner = \"y\"\n"),
        Attack::new("by a preset behind a better flag", 6, "preset mine asks for")
            .ruling("[locked]\nregistry = \"a.example/b\"\n")
            .with(
                "presets/mine.toml",
                "summary = \"x\"\n[answers]\nregistry = \"docker.io/mine\"\n",
            )
            .running("new demo --org acme --yes --preset mine --set registry=a.example/b"),
        limit("a value out of bounds", "port = 80", "`port` cannot be `80`"),
        limit(
            "bounds beyond the question's",
            "replicas_min = { at_least = 500 }",
            "`replicas_min` can never be at least 500",
        ),
        limit(
            "bounds below the question's",
            "port = { at_most = 1000 }",
            "`port` can never be at most 1000",
        ),
        limit(
            "bounds that cross",
            "port = { at_least = 9000, at_most = 8000 }",
            "can never be at least 9000 and at most 8000",
        ),
        limit(
            "a choice that there is not",
            "dns = { one_of = [\"bind\"] }",
            "`dns` can never be one of `bind`",
        ),
        limit("a bound for a text", "owner = { at_least = 1 }", "`owner` can never be at least 1"),
        limit("a bound that is none", "port = {}", "bounds nothing"),
        limit("an unknown bound", "port = { atleast = 9000 }", "cannot be read"),
        limit(
            "a bracket that closes ours",
            "owner = { pattern = \"a)|(?:.*\" }",
            "has a bad pattern",
        ),
        limit("an unknown question", "prot = 8080", "there is no question `prot`"),
    ]);
}

#[test]
fn declarations_that_are_malformed_or_take_ours_over() {
    let ruled = |name, code, text: &str, words| Attack::new(name, code, words).ruling(text);
    let label =
        |name, text: &str, words| Attack::new(name, 2, words).ruling(format!("[labels]\n{text}\n"));
    all_are_refused([
        Attack::new("a built-in pack with looser questions and no controls", 4, "declares a built-in pack anew")
            .with("templates/kubernetes/pack.toml", PACK),
        Attack::new("a question of ours, asked anew", 4, "the name `port` is taken")
            .declaring("[[question]]\nkey = \"port\"\ntype = \"int\"\nprompt = \"x\"\nhelp = \"x\"\n"),
        Attack::new("a control of ours, declared anew", 4, "is declared twice").declaring(
            "[[control]]\nid = \"POD-001\"\ntitle = \"x\"\nseverity = \"low\"\nwhy = \"x\"\nfix = \"x\"\nrefs = [\"x\"]\nprobe = { file = \"README.md\", contains = \"a\" }\nmutant = { file = \"README.md\", from = \"a\", to = \"b\" }\n",
        ),
        Attack::new("a file of ours, written anew", 4, "both write `Dockerfile`")
            .with("templates/extra/files/Dockerfile.tera", "FROM scratch\n"),
        ruled("an unknown key", 2, "lock = 1\n", "unknown field `lock`"),
        ruled("another name", 2, "name = \"x\"\n", "cannot be read"),
        ruled("another version of the generator", 6, "generator = \">=99\"\n", "requires seaworthy `>=99`"),
        ruled("a version that is none", 2, "generator = \"new\"\n", "organisation.toml:2:13` cannot be read"),
        ruled("a file outside the project", 2, "files = [\"../../etc/passwd\"]\n", "has a part `..` (`acme/organisation.toml:2:10`)"),
        ruled("a file by its whole path", 2, "files = [\"/etc/passwd\"]\n", "is absolute"),
        ruled("a file that is not made", 6, "files = [\"SECURITY.md\"]\n", "requires `SECURITY.md`"),
        ruled("a template outside the templates left out", 2, "remove = [\"../presets\"]\n", "no built-in template `../presets`"),
        ruled("all templates left out", 2, "remove = [\"\"]\n", "no built-in template ``"),
        ruled("a declaration left out", 4, "remove = [\"docker/pack.toml\"]\n", "has no `pack.toml`"),
        label("a prefix of Kubernetes", "\"kubernetes.io/x\" = \"y\"", "Kubernetes keeps for itself"),
        label("a prefix below one of Kubernetes", "\"node.k8s.io/x\" = \"y\"", "Kubernetes keeps for itself"),
        label("a prefix that is no domain", "\"acme_corp/x\" = \"y\"", "no lower-case DNS name"),
        label("two prefixes", "\"acme.example/a/b\" = \"y\"", "is not named by letters"),
        label("a name that breaks out of YAML", "\"x: y\\n  z\" = \"y\"", "is not named by letters"),
        label("a name that is empty", "\"acme.example/\" = \"y\"", "is not named by letters"),
        label("a value that breaks out of YAML", "x = \"y\\n  privileged: true\"", "has a value of other than letters"),
        label("a value that is long", &format!("x = \"{}\"", "y".repeat(64)), "has a value of other than letters"),
        label("a value that is a number", "x = 1", "cannot be read"),
        Attack::new("a preset in a circle", 2, "extends itself")
            .with("presets/a.toml", "summary = \"x\"\nextends = \"b\"\n")
            .with("presets/b.toml", "summary = \"x\"\nextends = \"a\"\n")
            .running("new demo --org acme --yes --preset a"),
        Attack::new("a preset outside its folder", 2, "there is no preset `../organisation`")
            .with("presets/a.toml", "summary = \"x\"\nextends = \"../organisation\"\n")
            .running("new demo --org acme --yes --preset a"),
    ]);
}

#[test]
fn projects_that_breach_a_control() {
    let path = "templates/kubernetes/deployment.skeleton.tera";
    let ours = fs::read_to_string(repository().join(path)).unwrap();
    let loosened =
        ours.replace("allowPrivilegeEscalation: false", "allowPrivilegeEscalation: true");
    assert!(loosened != ours);
    all_are_refused(
        [
            Attack::new("a container that may gain privileges", 5, "breaches POD-001")
                .with("templates/kubernetes/deployment.skeleton.tera", loosened),
            Attack::new("objects that stand for a billion", 2, "alias expansion")
                .with("templates/extra/files/deploy/base/x.yaml.tera", yaml_bomb()),
        ]
        .map(|attack| attack.running("templates lint --org acme")),
    );
}

/// Lists of lists by reference, each ten times as long as the one before.
fn yaml_bomb() -> String {
    (1..12).fold("l0: &l0 [x, x, x, x, x, x, x, x, x, x]\n".to_owned(), |text, level| {
        let below = vec![format!("*l{}", level - 1); 10].join(", ");
        text + &format!("l{level}: &l{level} [{below}]\n")
    })
}
