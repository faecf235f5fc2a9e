//! A policy analyser, and what it says of a project's manifests among stand-ins for what is around.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;

use tempfile::TempDir;

use crate::toolbox::{run, tool};

/// What a service may have around it: namespace, name and labels of a pod. A policy that forgets a
/// port, a label or a namespace reaches one of the last rows.
const AROUND: [(&str, &str, &str); 12] = [
    ("envoy-gateway-system", "gateway", "app: envoy"),
    ("openshift-ingress", "router", "app: router"),
    ("monitoring", "prometheus", "app: prometheus"),
    ("openshift-user-workload-monitoring", "prometheus", "app: prometheus"),
    ("kube-system", "coredns", "k8s-app: kube-dns"),
    ("openshift-dns", "dns", "dns.operator.openshift.io/daemonset-dns: default"),
    ("databases", "postgres", "app: postgres"),
    ("caches", "redis", "app: redis"),
    ("observability", "collector", "app: collector"),
    ("models", "gateway", "app: model-gateway"),
    ("kube-system", "kube-apiserver", "component: kube-apiserver"),
    ("elsewhere", "stranger", "app.kubernetes.io/name: demo"),
];

/// The addresses that a name may stand for, as the analyser prints them.
const ADDRESSES: [(&str, &[&str]); 5] = [
    ("metadata", &["169.254.169.254"]),
    ("node cache", &["169.254.20.10"]),
    (
        "load balancers",
        &["2001:db8::-2001:db8:ffff:ffff:ffff:ffff:ffff:ffff", "35.191.0.0-35.191.255.255"],
    ),
    (
        "private",
        &[
            "10.0.0.0-10.255.255.255",
            "172.16.0.0-172.31.255.255",
            "192.168.0.0-192.168.255.255",
            "fc00::-fdff:ffff:ffff:ffff:ffff:ffff:ffff:ffff",
        ],
    ),
    (
        "public",
        &[
            "0.0.0.0-9.255.255.255",
            "100.128.0.0-169.253.255.255",
            "11.0.0.0-100.63.255.255",
            "169.255.0.0-172.15.255.255",
            "172.32.0.0-192.167.255.255",
            "192.169.0.0-255.255.255.255",
            "::-fbff:ffff:ffff:ffff:ffff:ffff:ffff:ffff",
            "fe00::-fe7f:ffff:ffff:ffff:ffff:ffff:ffff:ffff",
            "fec0::-ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff",
        ],
    ),
];

/// What may flow into and out of the project's namespace, as the analyser has it.
pub fn flows(rendered: &str) -> BTreeSet<String> {
    let folder = TempDir::new().expect("a temporary folder");
    fs::write(folder.path().join("rendered.yaml"), rendered).expect("a writable folder");
    fs::write(folder.path().join("around.yaml"), around()).expect("a writable folder");
    let mut analyser = tool("nca");
    analyser.args(["--connectivity", "--print_ipv6", "--return_0", "-o", "txt_no_fw_rules"]);
    let found = run(analyser.arg("--resource_list").arg(folder.path()));
    let mut ends: BTreeMap<(String, String, bool), Vec<&str>> = BTreeMap::new();
    for line in found.lines().filter(|line| line.contains("demo/")) {
        let (from, rest) = line.split_once(" => ").expect("two ends");
        let (to, ports) = rest.split_once(" : ").expect("a connection");
        let leaves = from.starts_with("demo/");
        let (ours, theirs) = if leaves { (from, to) } else { (to, from) };
        ends.entry((ours.into(), ports.into(), leaves)).or_default().push(theirs);
    }
    let flow = |((ours, ports, leaves), theirs): ((String, String, bool), Vec<&str>)| {
        let (pods, mut addresses): (Vec<_>, Vec<_>) =
            theirs.into_iter().partition(|end| end.contains('/'));
        addresses.sort_unstable();
        let (ours, ports) = (pod(&ours), connection(&ports));
        let places = pods.into_iter().map(pod).chain(places(&addresses));
        let told = move |place: String| match leaves {
            true => format!("{ours} -> {place}: {ports}"),
            false => format!("{place} -> {ours}: {ports}"),
        };
        places.map(told).collect::<Vec<_>>()
    };
    ends.into_iter().flat_map(flow).collect()
}

/// The names of addresses; those that have none stand for themselves.
fn places(addresses: &[&str]) -> Vec<String> {
    let mut left: BTreeSet<&str> = addresses.iter().copied().collect();
    let mut places = Vec::new();
    for (name, all) in ADDRESSES {
        if all.iter().all(|one| left.contains(one)) {
            left.retain(|one| !all.contains(one));
            places.push(name.to_owned());
        }
    }
    places.extend(left.into_iter().map(str::to_owned));
    places
}

/// `demo/demo-migrate-0.1.0[Job]` is `migrate`, `demo/demo[Deployment]` the service, `a/b[Pod]` is `a/b`.
fn pod(end: &str) -> String {
    let name = end.split('[').next().unwrap_or_default();
    match name.strip_prefix("demo/demo") {
        Some("") => "service".into(),
        Some(job) => job.split('-').nth(1).unwrap_or_default().into(),
        None => name.into(),
    }
}

/// `{protocols:TCP, UDP,dst_ports:53}` is `TCP, UDP 53`.
fn connection(told: &str) -> String {
    told.replace("{protocols:", "").replace(",dst_ports:", " ").replace('}', "")
}

fn around() -> String {
    let pod = |(namespace, name, label): &(&str, &str, &str)| {
        format!(
            "apiVersion: v1\nkind: Pod\nmetadata:\n  name: {name}\n  namespace: {namespace}\n  labels:\n    {label}\n\
             spec:\n  containers:\n    - name: {name}\n      image: {name}\n"
        )
    };
    let namespaces: BTreeSet<&str> = AROUND.iter().map(|(namespace, ..)| *namespace).collect();
    let namespace = |name: &str| {
        format!(
            "apiVersion: v1\nkind: Namespace\nmetadata:\n  name: {name}\n  labels:\n    kubernetes.io/metadata.name: {name}\n"
        )
    };
    let objects: Vec<String> =
        namespaces.into_iter().map(namespace).chain(AROUND.iter().map(pod)).collect();
    objects.join("---\n")
}
