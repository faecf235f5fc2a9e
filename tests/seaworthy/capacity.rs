use std::cell::Cell;
use std::collections::BTreeMap;

use proptest::prelude::*;
use proptest::sample::select;
use proptest::test_runner::TestRunner;
use saphyr::{LoadableYamlNode, Yaml};
use seaworthy::answer::{Answers, Entry, Given, Layer, Policy, Source, Strength, Value};
use seaworthy::error::Kind;
use seaworthy::tree::Tree;

use crate::properties::{SET, cases};

/// A node of YAML by a path of names and places, such as `spec/hard` or `containers/0/name`.
fn at<'y>(node: &'y Yaml<'y>, path: &str) -> Option<&'y Yaml<'y>> {
    path.split('/').try_fold(node, |node, part| match part.parse::<usize>() {
        Ok(place) => node.as_sequence()?.get(place),
        Err(_) => node.as_mapping_get(part),
    })
}

/// A quantity in thousandths of a core, in mebibytes, or as it is.
fn quantity(node: &Yaml) -> i64 {
    let text = match node.as_str() {
        Some(text) => text.to_owned(),
        None => node.as_integer().expect("a number").to_string(),
    };
    let digits = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let number: i64 = text[..digits].parse().unwrap_or_else(|_| panic!("{text} is a quantity"));
    match &text[digits..] {
        "" | "m" | "Mi" => number,
        "Gi" => number * 1024,
        unit => panic!("{unit} is a unit"),
    }
}

/// In thousandths: a number without `m` is of cores.
fn millicores(node: &Yaml) -> i64 {
    let whole =
        node.as_integer().is_some() || node.as_str().is_some_and(|text| !text.ends_with('m'));
    quantity(node) * if whole { 1000 } else { 1 }
}

/// The most that pods take: how many there are, and what each asks for.
struct Pods {
    count: i64,
    cpu: (i64, i64),
    memory: (i64, i64),
    disk: (i64, i64),
}

impl Pods {
    fn new(count: i64, spec: &Yaml) -> Self {
        let containers = at(spec, "containers").and_then(Yaml::as_sequence).expect("containers");
        let inits = at(spec, "initContainers").and_then(Yaml::as_sequence);
        // what a scheduler sets aside: the sum, or the largest of those that run before
        let most = |read: &dyn Fn(&Yaml) -> i64| {
            let sum: i64 = containers.iter().map(read).sum();
            inits.into_iter().flatten().map(read).chain([sum]).max().unwrap_or(sum)
        };
        let of = |side: &'static str, name: &'static str, read: fn(&Yaml) -> i64| {
            most(&|container: &Yaml| {
                read(at(container, &format!("resources/{side}/{name}")).expect(name))
            })
        };
        let both = |name, read| (of("requests", name, read), of("limits", name, read));
        Self {
            count,
            cpu: both("cpu", millicores),
            memory: both("memory", quantity),
            disk: both("ephemeral-storage", quantity),
        }
    }
}

/// What one project's manifests say.
struct Manifests {
    documents: Vec<(String, Yaml<'static>)>,
    settings: BTreeMap<String, i64>,
}

impl Manifests {
    fn new(tree: &Tree) -> Self {
        let mut documents = Vec::new();
        let mut settings = BTreeMap::new();
        for (path, file) in tree.iter() {
            let path = path.as_str();
            if path.starts_with("deploy/") && path.ends_with(".yaml") {
                let text: &'static str = file.text.clone().leak();
                for document in Yaml::load_from_str(text).expect("YAML") {
                    documents.push((path.to_owned(), document));
                }
            }
            if path == "deploy/base/config.env" {
                let pairs = file.text.lines().filter_map(|line| line.split_once('='));
                settings.extend(
                    pairs.filter_map(|(key, value)| Some((key.to_owned(), value.parse().ok()?))),
                );
            }
        }
        Self { documents, settings }
    }

    fn of(&self, kind: &str) -> Vec<&Yaml<'static>> {
        let is = |document: &&Yaml<'static>| {
            at(document, "kind").and_then(|node| node.as_str()) == Some(kind)
        };
        self.documents.iter().map(|(_, document)| document).filter(is).collect()
    }

    fn one(&self, kind: &str) -> &Yaml<'static> {
        let all = self.of(kind);
        assert_eq!(all.len(), 1, "{kind}");
        all[0]
    }

    /// The autoscaler of a workload, if it has one.
    fn scaler(&self, kind: &str, target: &str, workload: &Yaml) -> Option<&Yaml<'static>> {
        let name = at(workload, "metadata/name").and_then(|node| node.as_str());
        let is = |scaler: &&Yaml| {
            at(scaler, &format!("spec/{target}/name")).and_then(|node| node.as_str()) == name
        };
        self.of(kind).into_iter().find(is)
    }
}

fn number(node: &Yaml, path: &str) -> i64 {
    at(node, path).and_then(|node| node.as_integer()).unwrap_or_else(|| panic!("no {path}"))
}

/// Holds a project's numbers against each other.
fn agree(tree: &Tree, connections: i64) {
    let manifests = Manifests::new(tree);
    let mut pods = Vec::new();
    for deployment in manifests.of("Deployment") {
        let spec = at(deployment, "spec/template/spec").expect("pods");
        let hpa = manifests.scaler("HorizontalPodAutoscaler", "scaleTargetRef", deployment);
        let vpa = manifests.scaler("VerticalPodAutoscaler", "targetRef", deployment);
        let replicas = match hpa {
            Some(hpa) => {
                assert!(at(deployment, "spec/replicas").is_none(), "replicas have two masters");
                assert!(number(hpa, "spec/minReplicas") <= number(hpa, "spec/maxReplicas"));
                number(hpa, "spec/maxReplicas")
            }
            None => number(deployment, "spec/replicas"),
        };
        let surge = number(deployment, "spec/strategy/rollingUpdate/maxSurge");
        assert_eq!(number(deployment, "spec/strategy/rollingUpdate/maxUnavailable"), 0);
        let mut each = Pods::new(replicas + surge, spec);
        assert_eq!(each.memory.0, each.memory.1, "memory request and limit");
        if let Some(vpa) = vpa {
            let policy = at(vpa, "spec/resourcePolicy/containerPolicies/0").expect("a policy");
            let resources = at(policy, "controlledResources").and_then(Yaml::as_sequence).unwrap();
            let resources: Vec<_> = resources.iter().filter_map(|node| node.as_str()).collect();
            assert_eq!(resources, ["memory"], "an autoscaler of replicas follows cpu");
            let floor = quantity(at(policy, "minAllowed/memory").unwrap());
            let ceiling = quantity(at(policy, "maxAllowed/memory").unwrap());
            assert!(floor <= each.memory.0 && each.memory.0 <= ceiling);
            if at(vpa, "spec/updatePolicy/updateMode").unwrap().as_str() != Some("Off") {
                each.memory = (ceiling, ceiling);
            }
        }
        pods.push(each);

        let setting = |name: &str| {
            let own = at(spec, "containers/0/env").and_then(Yaml::as_sequence);
            let is = |entry: &&Yaml| at(entry, "name").and_then(|node| node.as_str()) == Some(name);
            match own.and_then(|entries| entries.iter().find(is)) {
                Some(entry) => at(entry, "value").unwrap().as_str().unwrap().parse().unwrap(),
                None => manifests.settings[name],
            }
        };
        let stop = setting("SHUTDOWN_DELAY_MS") + setting("SHUTDOWN_DRAIN_MS") + 10_000;
        assert!(number(spec, "terminationGracePeriodSeconds") * 1000 >= stop, "the grace period");
    }
    let replicas: i64 = pods.iter().map(|pods| pods.count).sum();
    if let Some(pool) = manifests.settings.get("DATABASE_POOL_MAX") {
        assert!(pool * replicas + 10 <= connections, "{pool} connections of {replicas} pods");
    }
    // one that runs, and one that is tried again
    let jobs = manifests.of("Job").into_iter().map(|job| at(job, "spec/template/spec"));
    let scheduled = manifests.of("CronJob").into_iter();
    let scheduled = scheduled.map(|cron| at(cron, "spec/jobTemplate/spec/template/spec"));
    pods.extend(jobs.chain(scheduled).map(|spec| Pods::new(2, spec.expect("pods"))));

    let quota = at(manifests.one("ResourceQuota"), "spec/hard").expect("a quota");
    let hard = |name: &str| at(quota, name).unwrap_or_else(|| panic!("no {name}"));
    let sum =
        |of: &dyn Fn(&Pods) -> i64| pods.iter().map(|pods| pods.count * of(pods)).sum::<i64>();
    assert!(quantity(hard("pods")) >= sum(&|_| 1));
    assert!(millicores(hard("requests.cpu")) >= sum(&|pods| pods.cpu.0));
    assert!(millicores(hard("limits.cpu")) >= sum(&|pods| pods.cpu.1));
    assert!(quantity(hard("requests.memory")) >= sum(&|pods| pods.memory.0));
    assert!(quantity(hard("limits.memory")) >= sum(&|pods| pods.memory.1));
    assert!(quantity(hard("requests.ephemeral-storage")) >= sum(&|pods| pods.disk.0));
    assert!(quantity(hard("limits.ephemeral-storage")) >= sum(&|pods| pods.disk.1));
    let most = at(manifests.one("LimitRange"), "spec/limits/0/max").expect("a maximum");
    for pods in &pods {
        assert!(millicores(at(most, "cpu").unwrap()) >= pods.cpu.1);
        assert!(quantity(at(most, "memory").unwrap()) >= pods.memory.1);
        assert!(quantity(at(most, "ephemeral-storage").unwrap()) >= pods.disk.1);
    }
    for budget in manifests.of("PodDisruptionBudget") {
        assert!(number(budget, "spec/maxUnavailable") >= 1, "a drain is blocked");
    }
}

/// A project with these answers, or `false` if they contradict each other.
fn made(answers: Vec<(&'static str, Value)>) -> bool {
    let connections = answers.iter().find(|(key, _)| *key == "datastore_max_connections");
    let Some((_, Value::Int(connections))) = connections.cloned() else { panic!("no connections") };
    let entry = |(key, value): (&str, Value)| Entry {
        key: key.to_owned(),
        given: Given::Value(value),
        source: Source::Flag,
        place: "here".to_owned(),
    };
    let entries = answers.into_iter().map(entry).collect();
    let layers = [Layer { strength: Strength::Preset, entries }];
    let answers = Answers::resolve(SET.questions(), &layers, &Policy::default());
    match answers.and_then(|answers| SET.render(&answers)) {
        Ok(rendered) => {
            agree(&rendered.tree, connections);
            true
        }
        Err(error) => {
            assert_eq!(error.kind(), Kind::Usage, "{error}");
            false
        }
    }
}

fn answers() -> impl Strategy<Value = Vec<(&'static str, Value)>> {
    let word = |words: &[&'static str]| {
        select(words.to_vec()).prop_map(|word| Value::Text(word.to_owned()))
    };
    let quantity = |range: std::ops::Range<i64>, unit: &'static str| {
        range.prop_map(move |number| Value::Text(format!("{number}{unit}")))
    };
    (
        word(&["hpa", "vpa", "both", "none"]),
        (1i64..12).prop_map(Value::Int),
        (2i64..60).prop_map(Value::Int),
        word(&["recommend", "in-place"]),
        (any::<bool>(), any::<bool>()),
        word(&["aws", "gcp", "azure"]),
        quantity(1..4000, "m"),
        quantity(128..9000, "Mi"),
        (20i64..2000).prop_map(Value::Int),
    )
        .prop_map(
            |(scaling, min, max, mode, (spot, privacy), cloud, cpu, memory, connections)| {
                vec![
                    ("name", Value::Text("demo".into())),
                    ("autoscaling", scaling),
                    ("replicas_min", min),
                    ("replicas_max", max),
                    ("vpa_mode", mode),
                    ("spot", Value::Bool(spot)),
                    ("privacy", Value::Bool(privacy)),
                    ("cloud", cloud),
                    ("cpu_request", cpu),
                    ("memory", memory),
                    ("datastore_max_connections", connections),
                ]
            },
        )
}

#[test]
fn numbers_agree_or_the_answers_are_refused() {
    let config = cases(200);
    let cases = config.cases;
    let held = Cell::new(0);
    let outcome = TestRunner::new(config).run(&answers(), |answers| {
        held.set(held.get() + u32::from(made(answers)));
        Ok(())
    });
    outcome.unwrap_or_else(|failure| panic!("{failure}"));
    assert!(held.get() >= cases / 8, "only {} of {cases} answers were taken", held.get());
}
