//! Names, registries, hosts and labels that nobody expects: valid objects come of them, or a refusal.

use std::fs;
use std::path::Path;
use std::sync::LazyLock;

use proptest::prelude::*;
use proptest::sample::select;
use proptest::strategy::ValueTree;
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};
use regex::Regex;
use saphyr::{LoadableYamlNode, Yaml};
use seaworthy::answer::{
    Answers, Entry, Given, Layer, Policy, Question, Source, Strength, Type, Value,
};
use seaworthy::error::{Error, Kind};
use seaworthy::template::{Shelves, TemplateSet};
use seaworthy::tree::Tree;
use tempfile::TempDir;

use crate::manifest_checkers::KUBECONFORM;
use crate::manifests::render;
use crate::parallel;
use crate::project::{PRESETS, children};

const CASES: usize = 100;
/// Fewer projects than these would prove little.
const FEWEST: usize = 20;

/// What YAML, kustomize or Kubernetes may take for something else.
const AWKWARD: [&str; 40] = [
    "yes",
    "no",
    "on",
    "null",
    "~",
    "true",
    "1e3",
    "0x1f",
    "0o17",
    "007",
    "1_000",
    "12:30:45",
    "2026-12-01",
    "-1",
    ".5",
    "1.5",
    "10.0.0.1",
    "it's",
    "say \"hi\"",
    "a: b",
    "a #b",
    "&a",
    "*a",
    "!!int 1",
    "- a",
    "{a: b}",
    "[a]",
    "%a",
    "@a",
    "`a`",
    "a\\b",
    "$(A)",
    "r\u{e9}gistre \u{4ee3}\u{7406} \u{1f6a2}",
    "a--b",
    "a.b.example:8443",
    "localhost:5000/a/b",
    "e1.example",
    "1e3.example",
    "https://a.example/v1",
    "http://a.b.svc/v1",
];

/// With these, every question applies, but for one that another store of secrets brings.
const OPENING: [(&str, &str); 10] = [
    ("model_provider", "openai-compatible"),
    ("model_name", "model"),
    ("model_base_url", "https://models.example/v1"),
    ("datastore", "postgres"),
    ("cache", "redis"),
    ("exposure", "gateway"),
    ("secret_store", "vault"),
    ("network_names", "egress-proxy"),
    ("image_verification", "kyverno"),
    ("image_signer", "https://github.com/acme/demo"),
];

/// One project to be.
#[derive(Debug)]
struct Wish {
    preset: &'static str,
    answer: (String, Value),
    /// The value of an organisation's label.
    label: Option<String>,
}

#[test]
fn whatever_is_called_comes_to_valid_objects_or_is_refused() {
    let seed = std::env::var("SEED").map_or(6, |seed| seed.parse().expect("SEED is a number"));
    println!("SEED={seed}");
    let folder = TempDir::new().expect("a temporary folder");
    let wishes: Vec<_> = wishes(seed).into_iter().enumerate().collect();
    let made = parallel::each(&wishes, |(number, wish)| match make(wish) {
        Ok(tree) => {
            render(&tree, &format!("{number:03}"), folder.path());
            true
        }
        Err(refusal) => {
            assert_eq!(refusal.kind(), Kind::Usage, "{wish:?}: {refusal}");
            false
        }
    });
    let made = made.into_iter().filter(|made| *made).count();
    println!("{made} projects, {} refusals", CASES - made);
    assert!(made >= FEWEST, "only {made} projects were made");

    let faults = (KUBECONFORM.check)(folder.path()).into_iter().map(|finding| finding.to_string());
    let faults: Vec<_> =
        faults.chain(children(folder.path()).iter().flat_map(|file| misnamed(file))).collect();
    let wish = |fault: &String| {
        let number = fault.split('-').next().and_then(|number| number.parse::<usize>().ok());
        format!("{fault}\n  in {:?}", wishes[number.expect("a number")].1)
    };
    assert!(faults.is_empty(), "{}", faults.iter().map(wish).collect::<Vec<_>>().join("\n"));
}

/// The same for the same seed.
fn wishes(seed: u64) -> Vec<Wish> {
    let mut bytes = [0; 32];
    bytes[..8].copy_from_slice(&seed.to_le_bytes());
    let rng = TestRng::from_seed(RngAlgorithm::ChaCha, &bytes);
    let mut runner = TestRunner::new_with_rng(Config::default(), rng);
    let open: Vec<Question> =
        SET.questions().iter().filter(|question| is_open(question)).cloned().collect();
    let wish = |number: usize| {
        // Each question has its turn.
        let (word, label) =
            (any_word(), any_label()).new_tree(&mut runner).expect("a value").current();
        Wish {
            preset: PRESETS[number % PRESETS.len()],
            answer: value(&open[number % open.len()], word),
            label: number.is_multiple_of(5).then_some(label),
        }
    };
    (0..CASES).map(wish).collect()
}

static SET: LazyLock<TemplateSet> = LazyLock::new(|| {
    TemplateSet::load(&Shelves::open(None).expect("our shelf")).expect("our packs")
});

/// Whether a question takes words of one's own.
fn is_open(question: &Question) -> bool {
    let words = matches!(question.kind, Type::Text | Type::Label | Type::List);
    words && question.choice_values().next().is_none()
}

fn any_word() -> impl Strategy<Value = String> {
    prop_oneof![
        4 => select(&AWKWARD[..]).prop_map(String::from),
        3 => "[a-z]([a-z0-9-]{0,61}[a-z0-9])?",
        1 => "[a-z]{63}",
        3 => "[a-z0-9]{1,9}([.-][a-z0-9]{1,9}){0,4}(:[1-9][0-9]{1,4})?(/[a-z0-9]{1,9}){0,2}",
        1 => "[A-Za-z0-9]([A-Za-z0-9_.-]{0,61}[A-Za-z0-9])?",
        1 => "[ -~]{1,40}",
        1 => "\\PC{1,63}",
    ]
}

fn any_label() -> impl Strategy<Value = String> {
    prop_oneof![
        1 => select(&AWKWARD[..]).prop_map(String::from),
        2 => "[A-Za-z0-9]([A-Za-z0-9_.-]{0,61}[A-Za-z0-9])?",
        1 => "[0-9]{1,63}",
    ]
}

fn value(question: &Question, word: String) -> (String, Value) {
    let value = match question.kind {
        Type::List => Value::List(vec!["dev".to_owned(), word]),
        _ => Value::Text(word),
    };
    (question.key.clone(), value)
}

fn make(wish: &Wish) -> Result<Tree, Error> {
    let home;
    let (shelves, own);
    let (shelves, set) = match &wish.label {
        None => (&Shelves::open(None)?, &*SET),
        Some(label) => {
            home = TempDir::new().expect("a temporary folder");
            let label = toml::Value::String(label.clone());
            let text = format!("name = \"wild\"\n[labels]\n\"wild.example/label\" = {label}\n");
            fs::write(home.path().join("organisation.toml"), text).expect("a writable folder");
            shelves = Shelves::open(Some(home.path()))?;
            own = TemplateSet::load(&shelves)?;
            (&shelves, &own)
        }
    };
    // What was answered at a prompt may turn out not to apply.
    let entry = |(key, value): (String, Value)| Entry {
        key,
        given: Given::Value(value),
        source: Source::Prompt,
        place: "here".to_owned(),
    };
    let (key, value) = &wish.answer;
    let opening =
        OPENING.into_iter().filter(|(other, _)| other != key).map(|opening| match opening {
            ("secret_store", _) if key == "secret_store_region" => ("secret_store", "aws"),
            opening => opening,
        });
    let opening = opening.map(|(key, choice)| (key.to_owned(), Value::Text(choice.to_owned())));
    let entries = opening.chain([wish.answer.clone()]).map(entry).collect();
    let layers = [
        Layer::implied_name("demo", "here"),
        shelves.preset(wish.preset)?.layer(),
        Layer { strength: Strength::Prompt, entries },
    ];
    let answers = Answers::resolve(set.questions(), &layers, &Policy::default())?;
    assert_eq!(answers.get(key), Some(value), "`{key}` does not apply");
    Ok(set.render(&answers)?.tree)
}

/// What the API server would refuse though schemas say nothing: names and labels.
fn misnamed(file: &Path) -> Vec<String> {
    let text = fs::read_to_string(file).expect("a readable file");
    let objects = Yaml::load_from_str(&text).expect("kustomize writes YAML");
    let of_object = |object: &Yaml| {
        let metadata = object.as_mapping_get("metadata").expect("metadata");
        let word =
            |node: &Yaml, key| node.as_mapping_get(key).and_then(Yaml::as_str).map(str::to_owned);
        let kind = word(object, "kind").expect("a kind");
        let name = word(metadata, "name").unwrap_or_default();
        let labels = metadata.as_mapping_get("labels").and_then(Yaml::as_mapping);
        let labels = labels.into_iter().flatten();
        let unfit = labels.filter(|(_, value)| !value.as_str().is_some_and(is_label));
        let unfit = unfit.map(|(key, value)| format!("label {key:?} is {value:?}"));
        let misnamed = (!is_name(&kind, &name)).then(|| format!("is called `{name}`"));
        let file = file.file_name().expect("a name").to_string_lossy().into_owned();
        unfit.chain(misnamed).map(|fault| format!("{file}: {kind} {fault}")).collect::<Vec<_>>()
    };
    objects.iter().flat_map(of_object).collect()
}

fn is_label(value: &str) -> bool {
    static LABEL: LazyLock<Regex> = LazyLock::new(|| {
        Regex::new("^([A-Za-z0-9]([A-Za-z0-9_.-]*[A-Za-z0-9])?)?$").expect("sound")
    });
    value.len() <= 63 && LABEL.is_match(value)
}

fn is_name(kind: &str, name: &str) -> bool {
    static NAME: LazyLock<Regex> = LazyLock::new(|| {
        Regex::new("^[a-z0-9]([a-z0-9-]*[a-z0-9])?([.][a-z0-9]([a-z0-9-]*[a-z0-9])?)*$")
            .expect("sound")
    });
    let (most, dots) = match kind {
        // Becomes a host's name, or a part of one.
        "Namespace" | "Service" => (63, false),
        // A label of their Pods.
        "Job" => (63, true),
        // The time of a run comes behind it.
        "CronJob" => (52, true),
        _ => (253, true),
    };
    name.len() <= most && NAME.is_match(name) && (dots || !name.contains('.'))
}
