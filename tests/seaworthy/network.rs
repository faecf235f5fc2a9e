use std::collections::BTreeSet;

use saphyr::{LoadableYamlNode, Yaml};
use seaworthy::answer::Value;
use seaworthy::template::{Shelves, TemplateSet};
use seaworthy::tree::Tree;

use crate::matrix::{MATRIX, Made};
use crate::properties::text;
use crate::world::World;

const FOLDER: &str = "deploy/components/network/";

/// The names of the policies that allow something.
fn policies(tree: &Tree) -> BTreeSet<String> {
    let files = tree.iter().filter(|(path, _)| path.as_str().starts_with(FOLDER));
    let documents = files.flat_map(|(_, file)| Yaml::load_from_str(&file.text).expect("YAML"));
    let name = |document: Yaml| {
        let kind = document.as_mapping_get("kind")?.as_str()?.to_owned();
        let name = document.as_mapping_get("metadata")?.as_mapping_get("name")?.as_str()?;
        kind.ends_with("NetworkPolicy").then(|| name.to_owned())
    };
    documents.filter_map(name).filter(|name| name != "default-deny").collect()
}

/// What a text calls `allow-…`.
fn named(text: &str) -> BTreeSet<String> {
    let words = text.split(|c: char| !(c.is_ascii_alphanumeric() || c == '-'));
    words.filter(|word| word.starts_with("allow-")).map(str::to_owned).collect()
}

fn is(made: &Made, key: &str, value: &str) -> bool {
    made.answers.get(key) == Some(&Value::Text(value.into()))
}

#[test]
fn the_picture_and_the_table_have_every_policy_and_no_other() {
    let mut seen = BTreeSet::new();
    for made in MATRIX.iter() {
        let policies = policies(&made.tree);
        let picture = text(&made.tree, "docs/architecture.md").split("```").nth(1);
        assert_eq!(named(picture.expect("a picture")), policies, "{}", made.words);
        let rows = text(&made.tree, "README.md").lines().filter(|line| line.starts_with("| "));
        let table: Vec<&str> = rows.filter_map(|row| row.rsplit("| ").next()).collect();
        assert_eq!(named(&table.join(" ")), policies, "{}", made.words);
        seen.extend(policies);
    }
    assert_eq!(seen.len(), 9, "{seen:?}");
}

#[test]
fn all_addresses_are_open_only_where_a_public_model_has_no_name() {
    let (mut open, mut shut) = (0, 0);
    for made in MATRIX.iter() {
        let url = match made.answers.get("model_base_url") {
            Some(Value::Text(url)) => url.as_str(),
            _ => "",
        };
        let public = !is(made, "model_provider", "offline") && !url.contains(".svc");
        let expected = public && is(made, "network_names", "none");
        let deployed = made.tree.iter().filter(|(path, _)| path.as_str().starts_with("deploy/"));
        let all = ["0.0.0.0/0", "::/0"];
        let found =
            deployed.flat_map(|(_, file)| all.iter().filter(|all| file.text.contains(**all)));
        assert_eq!(found.count(), if expected { 2 } else { 0 }, "{}", made.words);
        if expected { open += 1 } else { shut += 1 }
    }
    assert!(open > 3 && shut > 3, "{open} and {shut} were found");
}

#[test]
fn airgapped_opens_no_way_out() {
    let world = World::new();
    assert_eq!(world.run("new demo --preset airgapped --yes").code, 0);
    let egress = world.read(&format!("demo/{FOLDER}egress.yaml"));
    assert!(egress.contains("name: allow-model"), "{egress}");
    assert!(!egress.contains("ipBlock"), "{egress}");
}

#[test]
fn cilium_allows_the_model_by_the_name_that_the_service_calls() {
    for (answers, host, port) in [
        ("--set model_provider=anthropic", "api.anthropic.com", "443"),
        ("--set model_provider=openai --set model_name=m", "api.openai.com", "443"),
        (
            "--set model_provider=google --set model_name=m",
            "generativelanguage.googleapis.com",
            "443",
        ),
        (
            "--set model_provider=azure --set model_name=m --set model_base_url=https://x.example.com:8443/v1",
            "x.example.com",
            "8443",
        ),
    ] {
        let world = World::new();
        let outcome = world.run(&format!("new demo --set network_names=cilium {answers} --yes"));
        assert_eq!(outcome.code, 0, "{}", outcome.stderr);
        let policy = world.read(&format!("demo/{FOLDER}cilium.yaml"));
        assert!(policy.contains(&format!("- matchName: {host}\n")), "{policy}");
        assert!(policy.ends_with(&format!(
            "    - toFQDNs:\n        - matchName: {host}\n      toPorts:\n        - ports:\n            - port: \"{port}\"\n              protocol: TCP\n"
        )), "{policy}");
        let service = world.read("demo/src/model/providers.ts");
        let called = service.contains(&format!("\"https://{host}"))
            || world.read("demo/deploy/base/config.env").contains(host);
        assert!(called, "{host} is called by nobody");
    }
}

#[test]
fn traces_go_where_the_policy_leads() {
    for (collector, endpoint) in [
        ("collector.tracing.svc", "http://collector.tracing.svc:4318"),
        ("otlp.example.com:443", "https://otlp.example.com:443"),
    ] {
        let world = World::new();
        let flags = format!("new demo --preset starter --set collector_host={collector} --yes");
        assert_eq!(world.run(&flags).code, 0);
        let settings = world.read("demo/deploy/base/config.env");
        assert!(
            settings.contains(&format!("\nOTEL_EXPORTER_OTLP_ENDPOINT={endpoint}\n")),
            "{settings}"
        );
    }
    let world = World::new();
    assert_eq!(world.run("new demo --preset starter --yes").code, 0);
    assert!(!world.read("demo/deploy/base/config.env").contains("OTEL"));
}

#[test]
fn load_balancers_have_ranges_of_addresses_and_never_all() {
    let set = TemplateSet::load(&Shelves::open(None).unwrap()).unwrap();
    let question = set.questions().iter().find(|question| question.key == "gateway_sources");
    let question = question.expect("the question");
    for (text, taken) in [
        ("", true),
        ("35.191.0.0/16, 130.211.0.0/22", true),
        ("203.0.113.7/32", true),
        ("128.0.0.0/1", true),
        ("2600:1901::/48,2001:db8::1/128,8000::/1", true),
        ("0.0.0.0/0", false),
        ("::/0", false),
        ("35.191.0.0/16,0.0.0.0/0", false),
        ("35.191.0.0/16,35.191.0.0/16", false),
        ("35.191.0.1/16", false),
        ("2600:1901::1/48", false),
        ("35.191.0.0/33", false),
        ("2600:1901::/129", false),
        ("35.191.0.0/016", false),
        ("35.191.0.0/+16", false),
        ("035.191.0.0/16", false),
        ("35.191.0/16", false),
        ("35.191.0.0", false),
        ("fe80::1%eth0/128", false),
        ("example.com/16", false),
    ] {
        assert_eq!(question.read(text).is_ok(), taken, "{text}");
    }
}
