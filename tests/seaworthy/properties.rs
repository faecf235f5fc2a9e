use std::sync::LazyLock;

use proptest::prelude::*;
use proptest::sample::{select, subsequence};
use saphyr::{LoadableYamlNode, Yaml};
use seaworthy::answer::{
    Answers, Entry, Given, Layer, Policy, Question, Source, SourceText, Strength, Value,
};
use seaworthy::error::{Error, Kind};
use seaworthy::project::{Action, LOCK, Lock, Plan, absolute, apply};
use seaworthy::template::{Rendered, Shelves, TemplateSet};
use seaworthy::tree::{Tree, TreePath};

use crate::world::World;

/// How many cases a property is tried with: `PROPTEST_CASES`, or a few.
pub fn cases(few: u32) -> ProptestConfig {
    let cases = std::env::var("PROPTEST_CASES").ok().and_then(|cases| cases.parse().ok());
    ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(cases.unwrap_or(few)) }
}

/// The built-in templates.
pub static SET: LazyLock<TemplateSet> = LazyLock::new(|| {
    TemplateSet::load(&Shelves::open(None).expect("our shelf")).expect("our templates")
});

/// Any text, with more of what means something somewhere than chance would give.
fn any_text() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        3 => "[a-zA-Z ]{1,8}".prop_map(String::from),
        3 => any::<char>().prop_map(String::from),
        3 => "[ -~]{1,4}".prop_map(String::from),
        2 => select(vec![
            "«", "»", "<%", "%>", "<#", "#>", "${", "$(", "$$", "`", "```", "\"", "'", "'''", "\"\"\"", "\\", "\n", "\r\n",
            "\t", "\0", "\u{7f}", "\u{85}", "\u{2028}", "\u{feff}", "\u{202e}", "\u{ffff}", ": ", " #", "- ", "-- ", " --",
            "---", "...", "|", ">", "&", "*", "!", "%", "@", "{", "}", "[", "]", "</", "<!--", "null", "on", "0x1f", "1e3",
        ]).prop_map(String::from),
    ];
    prop::collection::vec(piece, 0..12).prop_map(|pieces| pieces.concat())
}

/// One line of any text, as questions take it.
fn one_line() -> impl Strategy<Value = String> {
    any_text().prop_map(|text| {
        let line: String = text.chars().filter(|c| !c.is_control()).take(60).collect();
        if line.trim().is_empty() { format!("{line}x") } else { line }
    })
}

/// Any text, and often a label, a word that means something, or an image's name.
fn any_name() -> impl Strategy<Value = String> {
    prop_oneof![
        6 => "[a-z][a-z0-9-]{0,40}",
        2 => select(vec!["on", "null", "y", "no", "true", "e1", "con", "nul", "default", "a--b", "x1f"]).prop_map(String::from),
        1 => "[a-z0-9._/:-]{1,30}",
        1 => any_text(),
    ]
}

/// A registry's name as often as not.
fn any_registry() -> impl Strategy<Value = String> {
    prop_oneof![
        2 => "[a-z0-9]{1,8}([.][a-z0-9]{1,5}){0,2}(:[0-9]{1,5})?(/[a-z0-9]{1,5}(__?|-{1,2}|[.])[a-z0-9]{1,4}){0,2}",
        1 => any_name(),
    ]
}

fn layer<'a>(
    strength: Strength,
    source: Source,
    given: impl IntoIterator<Item = (&'a str, Value)>,
) -> Layer {
    let entry = |(key, value): (&str, Value)| Entry {
        key: key.to_owned(),
        given: Given::Value(value),
        source: source.clone(),
        place: "here".to_owned(),
    };
    Layer { strength, entries: given.into_iter().map(entry).collect() }
}

fn resolve(layers: &[Layer]) -> Result<Answers, Error> {
    Answers::resolve(SET.questions(), layers, &Policy::default())
}

fn lock(answers: &Answers, rendered: &Rendered) -> Lock {
    Lock::new(Some("starter".into()), None, rendered.packs.clone(), answers)
}

/// The project with its lock, as it is written.
fn sealed(answers: &Answers, rendered: Rendered) -> Tree {
    let lock = lock(answers, &rendered);
    let mut tree = rendered.tree;
    lock.seal(&mut tree, &rendered.lockfiles).expect("a lock");
    tree
}

/// The text of a file of a project.
pub fn text<'t>(tree: &'t Tree, path: &str) -> &'t str {
    &tree.get(&TreePath::new(path).expect("a path")).unwrap_or_else(|| panic!("no `{path}`")).text
}

/// Reads a word of a Dockerfile, as BuildKit does between double quotes.
fn unquoted(text: &str, before: &str) -> String {
    let mut letters = text.split_once(before).expect("the label").1.chars();
    assert_eq!(letters.next(), Some('"'));
    let mut value = String::new();
    while let Some(c) = letters.next() {
        match c {
            '"' => break,
            '\\' => value.extend(letters.next()),
            '$' => panic!("`$` is not escaped in {text}"),
            c => value.push(c),
        }
    }
    value
}

/// Asserts that every file of a known format parses.
fn parses(tree: &Tree) {
    for (path, file) in tree.iter() {
        let path = path.as_str();
        let fault = match path.rsplit('.').next() {
            Some("yaml" | "yml") => {
                Yaml::load_from_str(&file.text).err().map(|error| error.to_string())
            }
            // no answer but the name is in it, and it is long
            Some("json") if path != "package-lock.json" => {
                serde_json::from_str::<serde_json::Value>(&file.text)
                    .err()
                    .map(|error| error.to_string())
            }
            Some("toml") => file.text.parse::<toml::Table>().err().map(|error| error.to_string()),
            _ => None,
        };
        assert_eq!(fault, None, "{path}:\n{}", file.text);
    }
}

/// Asserts that the answers are read back, to the letter, from wherever they stand.
fn reads_back(tree: &Tree, answers: &Answers) {
    let answer = |key: &str| answers.get(key).and_then(Value::as_text).expect("a text");
    let package: serde_json::Value = serde_json::from_str(text(tree, "package.json")).unwrap();
    assert_eq!(package["name"].as_str(), Some(answer("name")));
    assert_eq!(package["description"].as_str(), Some(answer("description")));

    let lock: toml::Table = text(tree, LOCK).parse().unwrap();
    for key in ["name", "description", "owner", "team", "namespace", "registry"] {
        assert_eq!(lock["answers"][key].as_str(), Some(answer(key)), "{key}");
    }
    let waivers: toml::Table = text(tree, ".seaworthy/waivers.toml").parse().unwrap();
    assert_eq!(waivers["waiver"][0]["owner"].as_str(), Some(answer("owner")));

    let dockerfile = text(tree, "Dockerfile");
    assert_eq!(unquoted(dockerfile, "image.title="), answer("name"));
    assert_eq!(unquoted(dockerfile, "image.description="), answer("description"));
    assert_eq!(unquoted(dockerfile, "image.vendor="), answer("owner"));

    let deployment = Yaml::load_from_str(text(tree, "deploy/base/deployment.yaml")).unwrap();
    let at = |root: &Yaml, path: &[&str]| {
        let found = path.iter().fold(root, |node, key| {
            node.as_mapping_get(key).unwrap_or_else(|| panic!("no `{key}`"))
        });
        found.as_str().unwrap_or_else(|| panic!("{path:?} is no text")).to_owned()
    };
    assert_eq!(at(&deployment[0], &["metadata", "name"]), answer("name"));
    let pod = deployment[0].as_mapping_get("spec").unwrap().as_mapping_get("template").unwrap();
    let container = &pod.as_mapping_get("spec").unwrap().as_mapping_get("containers").unwrap()[0];
    assert_eq!(at(container, &["image"]), format!("{}/{}", answer("registry"), answer("name")));
    let namespace = Yaml::load_from_str(text(tree, "deploy/base/namespace.yaml")).unwrap();
    assert_eq!(at(&namespace[0], &["metadata", "name"]), answer("namespace"));
}

/// Settles and renders with these texts. What is refused, is refused as the user's mistake.
fn written_or_refused(texts: [(&str, String); 3]) -> bool {
    let none = || Value::Text("none".into());
    let one_replica = [
        ("replicas_min", Value::Int(1)),
        ("autoscaling", none()),
        ("datastore", none()),
        ("cache", none()),
    ];
    let texts = texts.into_iter().map(|(key, text)| (key, Value::Text(text)));
    let named = [("name", Value::Text("demo".into()))];
    let layers = [
        layer(Strength::Implied, Source::Flag, named),
        layer(Strength::Preset, Source::Preset("starter".into()), one_replica),
        layer(Strength::Flag, Source::Flag, texts),
    ];
    let made = resolve(&layers).and_then(|answers| Ok((SET.render(&answers)?, answers)));
    match made {
        Ok((rendered, answers)) => {
            let tree = sealed(&answers, rendered);
            parses(&tree);
            reads_back(&tree, &answers);
            true
        }
        Err(error) => {
            assert_eq!(error.kind(), Kind::Usage, "{error}");
            false
        }
    }
}

/// US dollars.
fn cents(cents: i64) -> Value {
    Value::Decimal(cents as f64 / 100.0)
}

/// A value of one question, if there is one to choose.
fn value_of(question: &Question) -> BoxedStrategy<Value> {
    match question.key.as_str() {
        "description" | "owner" | "team" => {
            "[^\\p{C}\\s][^\\p{C}]{0,50}".prop_map(Value::Text).boxed()
        }
        "name" | "namespace" => "[a-z]([a-z0-9-]{0,30}[a-z0-9])?".prop_map(Value::Text).boxed(),
        "registry" => "[a-z]{1,9}[.]example(/[a-z]{1,9}){0,2}".prop_map(Value::Text).boxed(),
        "image_mirror" => "([a-z]{1,9}[.]example(/[a-z]{1,9}){0,2})?".prop_map(Value::Text).boxed(),
        "pull_secret" => "([a-z]([a-z0-9-]{0,30}[a-z0-9])?)?".prop_map(Value::Text).boxed(),
        "port" => (1024i64..30_000).prop_map(Value::Int).boxed(),
        "admin_port" => (30_001i64..65_535).prop_map(Value::Int).boxed(),
        // few contradict each other, so that most cases make a project
        "replicas_min" => (1i64..=5).prop_map(Value::Int).boxed(),
        "datastore" => prop_oneof![8 => Just("postgres"), 1 => Just("none")]
            .prop_map(|choice| Value::Text(choice.into()))
            .boxed(),
        "cpu_request" => "[1-9][0-9]{0,2}m".prop_map(Value::Text).boxed(),
        "memory" => "[1-9][0-9]{0,2}Mi".prop_map(Value::Text).boxed(),
        "model_name" => "[a-zA-Z0-9]([a-z0-9._:/@-]{0,30}[a-z0-9])?".prop_map(Value::Text).boxed(),
        "model_base_url" => {
            let https = "https://[a-z]{1,9}[.]example(:[1-9][0-9]{0,3})?(/[a-z0-9]{1,9}){0,2}";
            let within = "http://[a-z]{1,9}[.][a-z]{1,9}[.]svc([.]cluster[.]local)?/v1";
            prop_oneof![https, within].prop_map(Value::Text).boxed()
        }
        "datastore_host" | "cache_host" | "egress_proxy" | "collector_host" => {
            "[a-z]{1,9}([.][a-z]{1,9}){0,2}([.]svc)?(:[1-9][0-9]{0,3})?"
                .prop_map(Value::Text)
                .boxed()
        }
        "network_names" => {
            prop_oneof![8 => Just("none"), 1 => Just("cilium"), 4 => Just("egress-proxy")]
                .prop_map(|choice| Value::Text(choice.into()))
                .boxed()
        }
        "gateway_sources" => {
            let networks = vec!["192.0.2.0/24", "35.191.0.0/16", "203.0.113.7/32", "2001:db8::/32"];
            subsequence(networks, 0..=4)
                .prop_map(|networks| Value::List(networks.into_iter().map(str::to_owned).collect()))
                .boxed()
        }
        "datastore_max_connections" => (22i64..10_000).prop_map(Value::Int).boxed(),
        "monthly_budget_usd" => (10_000i64..99_999_900).prop_map(cents).boxed(),
        "daily_tenant_budget_usd" => (1i64..10_000).prop_map(cents).boxed(),
        "replicas_max" => (2i64..100).prop_map(Value::Int).boxed(),
        "host" => "[a-z]{1,9}([.][a-z]{1,9}){1,3}".prop_map(Value::Text).boxed(),
        "gateway_class" | "gateway_namespace" | "certificate_issuer" | "secret_store_region" => {
            "[a-z]{1,9}".prop_map(Value::Text).boxed()
        }
        "secret_store_url" => "https://[a-z]{1,9}[.]example".prop_map(Value::Text).boxed(),
        "secret_store_identity" => {
            select(vec!["agent", "a/b", "a@b.example", "arn:aws:iam::111122223333:role/a"])
                .prop_map(|text| Value::Text(text.to_owned()))
                .boxed()
        }
        "image_signer" => select(vec!["https://github.com/a/b", "https://gitlab.com/a/b"])
            .prop_map(|text| Value::Text(text.to_owned()))
            .boxed(),
        "pod_monitor" | "spot" | "priority" | "admission" | "privacy" => {
            any::<bool>().prop_map(Value::Bool).boxed()
        }
        "interfaces" => subsequence(vec!["mcp", "a2a", "agentcore"], 0..=3)
            .prop_map(|names| Value::List(names.into_iter().map(str::to_owned).collect()))
            .boxed(),
        "environments" => subsequence(vec!["dev", "qa", "staging", "eu-west", "production"], 1..=5)
            .prop_shuffle()
            .prop_map(|names| Value::List(names.into_iter().map(str::to_owned).collect()))
            .boxed(),
        key => {
            let choices: Vec<String> = question.choice_values().map(str::to_owned).collect();
            assert!(!choices.is_empty(), "`{key}` has no values here");
            select(choices).prop_map(Value::Text).boxed()
        }
    }
}

/// Values of some of the questions.
fn some_values() -> impl Strategy<Value = Vec<(String, Value)>> {
    let all: Vec<_> = SET
        .questions()
        .iter()
        .map(|question| (Just(question.key.clone()), prop::option::of(value_of(question))))
        .collect();
    all.prop_map(|values| {
        values.into_iter().filter_map(|(key, value)| Some((key, value?))).collect()
    })
}

const LAYERS: [Strength; 7] = [
    Strength::Implied,
    Strength::Preset,
    Strength::Organisation,
    Strength::Lock,
    Strength::File,
    Strength::Flag,
    Strength::Prompt,
];

fn source_of(strength: Strength) -> Source {
    match strength {
        Strength::Preset => Source::Preset("starter".into()),
        Strength::Organisation => Source::Organisation("acme".into()),
        Strength::File => Source::File,
        Strength::Prompt => Source::Prompt,
        Strength::Lock => Source::Locked("acme".into()),
        Strength::Implied | Strength::Flag => Source::Flag,
    }
}

/// Whether a question's condition names no other question.
fn always_applies(key: &str) -> bool {
    let question = SET.questions().iter().find(|question| question.key == key);
    question.is_some_and(|question| question.when.named().next().is_none())
}

/// Some layers in any order, each with some values, and one that names the project.
fn some_layers() -> impl Strategy<Value = Vec<Layer>> {
    let one = |strength: Strength| {
        some_values().prop_map(move |values| {
            // flags and files that answer what does not apply are refused
            let insists = matches!(strength, Strength::File | Strength::Flag);
            let values = values.iter().filter(|(key, _)| !insists || always_applies(key));
            let values: Vec<_> = values.map(|(key, value)| (key.as_str(), value.clone())).collect();
            layer(strength, source_of(strength), values)
        })
    };
    let text = |text: &str| Value::Text(text.into());
    let named = layer(Strength::Implied, Source::Flag, [("name", text("demo"))]);
    // what has no default once it applies
    let model = [
        ("model_name", text("model-1")),
        ("model_base_url", text("https://models.example/v1")),
        ("secret_store_url", text("https://vault.example")),
        ("secret_store_region", text("region-1")),
        ("image_signer", text("https://github.com/acme/agent")),
    ];
    let model = layer(Strength::Implied, Source::Preset("starter".into()), model);
    subsequence(LAYERS[1..].to_vec(), 0..6)
        .prop_flat_map(move |strengths| strengths.into_iter().map(one).collect::<Vec<_>>())
        .prop_map(move |mut layers| {
            layers.extend([named.clone(), model.clone()]);
            layers
        })
        .prop_shuffle()
}

/// Keys, values and sources: an answer's place is another after a round.
fn told(answers: &Answers) -> Vec<(String, Value, Source)> {
    answers
        .iter()
        .map(|answer| (answer.key.clone(), answer.value.clone(), answer.source.clone()))
        .collect()
}

proptest! {
    #![proptest_config(cases(24))]

    #[test]
    fn any_text_is_held_or_refused(description in any_text(), owner in any_text(), team in any_text()) {
        written_or_refused([("description", description), ("owner", owner), ("team", team)]);
    }

    #[test]
    fn text_of_one_line_is_held(description in one_line(), owner in one_line(), team in one_line()) {
        prop_assert!(written_or_refused([("description", description), ("owner", owner), ("team", team)]));
    }

    #[test]
    fn any_name_is_held_or_refused(name in any_name(), namespace in any_name(), registry in any_registry()) {
        written_or_refused([("name", name), ("namespace", namespace), ("registry", registry)]);
    }

    #[test]
    fn the_strongest_layer_decides(layers in some_layers()) {
        let answers = resolve(&layers).unwrap();
        for answer in answers.iter() {
            let strongest = layers
                .iter()
                .flat_map(|layer| layer.entries.iter().map(|entry| (layer.strength, entry)))
                .filter(|(_, entry)| entry.key == answer.key)
                .max_by_key(|(strength, _)| *strength);
            match strongest {
                Some((_, entry)) => {
                    let Given::Value(value) = &entry.given else { unreachable!("all are values") };
                    prop_assert_eq!((&answer.value, &answer.source), (value, &entry.source));
                }
                None => prop_assert_eq!(&answer.source, &Source::Default),
            }
        }
    }

    #[test]
    fn answers_survive_the_lock(layers in some_layers()) {
        let answers = resolve(&layers).unwrap();
        // what the answers contradict each other in is no matter of the lock
        let Ok(rendered) = SET.render(&answers) else { return Ok(()) };
        let locked = lock(&answers, &rendered);
        let tree = sealed(&answers, rendered);
        let read = Lock::parse(&SourceText::new(LOCK, text(&tree, LOCK))).unwrap().unwrap();
        prop_assert_eq!(&read, &locked);
        prop_assert_eq!(told(&resolve(&[read.layer(LOCK).unwrap()]).unwrap()), told(&answers));
    }

    #[test]
    fn the_same_answers_make_the_same_project(layers in some_layers()) {
        let answers = resolve(&layers).unwrap();
        let Ok(rendered) = SET.render(&answers) else { return Ok(()) };
        prop_assert_eq!(&rendered, &SET.render(&answers).unwrap());
        let tree = sealed(&answers, rendered);
        let world = World::new();
        let target = absolute(&world.path("demo")).unwrap();
        let last = TreePath::new(LOCK).unwrap();
        let plan = |tree: &Tree| Plan::between(&target, tree.clone(), &last).unwrap();
        apply(&plan(&tree), &target, &mut |_| Ok(())).unwrap();
        prop_assert_eq!(plan(&tree).with(|action| action != Action::Keep).count(), 0);
    }
}
