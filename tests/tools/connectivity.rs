//! Who reaches whom among the pods of a generated project and those around it.

use std::collections::BTreeSet;
use std::ops::Range;

use crate::analyser::flows;
use crate::project::Project;
use crate::toolbox::{run, tool};

/// A project, and all that may flow into and out of its namespace, a line for each.
struct Case {
    preset: &'static str,
    answers: &'static [&'static str],
    flows: &'static [&'static str],
}

const CASES: [Case; 9] = [
    Case {
        preset: "starter",
        answers: &[],
        flows: &[
            "monitoring/prometheus -> service: TCP 9090",
            "service -> kube-system/coredns: TCP, UDP 53",
        ],
    },
    Case {
        preset: "production",
        answers: &[],
        flows: &[
            "envoy-gateway-system/gateway -> service: TCP 8080",
            "migrate -> databases/postgres: TCP 5432",
            "migrate -> kube-system/coredns: TCP, UDP 53",
            "monitoring/prometheus -> service: TCP 9090",
            "service -> caches/redis: TCP 6379",
            "service -> databases/postgres: TCP 5432",
            "service -> kube-system/coredns: TCP, UDP 53",
            "service -> public: TCP 443",
        ],
    },
    Case {
        preset: "cost-optimized",
        answers: &[
            "datastore_host=db.example.com:5433",
            "gateway_sources=35.191.0.0/16,2001:db8::/32",
        ],
        flows: &[
            "envoy-gateway-system/gateway -> service: TCP 8080",
            "envoy-gateway-system/gateway -> spot: TCP 8080",
            "load balancers -> service: TCP 8080",
            "load balancers -> spot: TCP 8080",
            "migrate -> kube-system/coredns: TCP, UDP 53",
            "migrate -> private: TCP 5433",
            "monitoring/prometheus -> service: TCP 9090",
            "monitoring/prometheus -> spot: TCP 9090",
            "service -> kube-system/coredns: TCP, UDP 53",
            "service -> private: TCP 5433",
            "service -> public: TCP 443",
            "spot -> kube-system/coredns: TCP, UDP 53",
            "spot -> private: TCP 5433",
            "spot -> public: TCP 443",
        ],
    },
    // The model's host is Cilium's to let through, by its name.
    Case {
        preset: "regulated",
        answers: &[],
        flows: &[
            "envoy-gateway-system/gateway -> service: TCP 8080",
            "migrate -> databases/postgres: TCP 5432",
            "migrate -> kube-system/coredns: TCP, UDP 53",
            "monitoring/prometheus -> service: TCP 9090",
            "retention -> databases/postgres: TCP 5432",
            "retention -> kube-system/coredns: TCP, UDP 53",
            "service -> caches/redis: TCP 6379",
            "service -> databases/postgres: TCP 5432",
            "service -> kube-system/coredns: TCP, UDP 53",
            "service -> observability/collector: TCP 4318",
        ],
    },
    Case {
        preset: "airgapped",
        answers: &["collector_host=collector.observability.svc"],
        flows: &[
            "envoy-gateway-system/gateway -> service: TCP 8080",
            "migrate -> databases/postgres: TCP 5432",
            "migrate -> kube-system/coredns: TCP, UDP 53",
            "monitoring/prometheus -> service: TCP 9090",
            "service -> caches/redis: TCP 6379",
            "service -> databases/postgres: TCP 5432",
            "service -> kube-system/coredns: TCP, UDP 53",
            "service -> models/gateway: TCP 8080",
            "service -> observability/collector: TCP 4318",
        ],
    },
    // Nothing but the proxy, here at a private address.
    Case {
        preset: "starter",
        answers: &[
            "model_provider=openai",
            "model_name=m",
            "network_names=egress-proxy",
            "egress_proxy=proxy.example.com",
        ],
        flows: &[
            "monitoring/prometheus -> service: TCP 9090",
            "service -> kube-system/coredns: TCP, UDP 53",
            "service -> private: TCP 3128",
        ],
    },
    Case {
        preset: "starter",
        answers: &["dns=node-local", "admin_port=9999"],
        flows: &[
            "monitoring/prometheus -> service: TCP 9999",
            "service -> kube-system/coredns: TCP, UDP 53",
            "service -> node cache: TCP, UDP 53",
        ],
    },
    Case {
        preset: "starter",
        answers: &["dns=gke-cloud-dns"],
        flows: &[
            "monitoring/prometheus -> service: TCP 9090",
            "service -> metadata: TCP, UDP 53",
            "service -> node cache: TCP, UDP 53",
        ],
    },
    Case {
        preset: "production",
        answers: &["dns=openshift", "port=8000"],
        flows: &[
            "migrate -> databases/postgres: TCP 5432",
            "migrate -> openshift-dns/dns: TCP, UDP 5353",
            "openshift-ingress/router -> service: TCP 8000",
            "openshift-user-workload-monitoring/prometheus -> service: TCP 9090",
            "service -> caches/redis: TCP 6379",
            "service -> databases/postgres: TCP 5432",
            "service -> openshift-dns/dns: TCP, UDP 5353",
            "service -> public: TCP 443",
        ],
    },
];

#[test]
fn each_pod_reaches_what_it_needs_and_nothing_else() {
    for case in &CASES {
        assert_eq!(flows(&case.rendered()), case.expected(), "{case}");
    }
}

#[test]
fn no_rule_can_be_missed() {
    let mut missed = 0;
    for case in &CASES {
        let rendered = case.rendered();
        for (lacks, less) in without_each_rule(&rendered) {
            assert_ne!(flows(&less), case.expected(), "{case}: nobody misses {lacks}");
            missed += 1;
        }
    }
    // four or so of each project
    assert!(missed > 35, "{missed} rules were found");
}

impl Case {
    /// The overlay for production, rendered.
    fn rendered(&self) -> String {
        let project = Project::new(self.preset, self.answers);
        let overlay = project.path().join("deploy/overlays/production");
        run(tool("kubectl").arg("kustomize").arg(overlay))
    }

    fn expected(&self) -> BTreeSet<String> {
        self.flows.iter().map(|flow| (*flow).to_owned()).collect()
    }
}

impl std::fmt::Display for Case {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} {}", self.preset, self.answers.join(" "))
    }
}

/// The manifests without each of the policies' rules in turn, for what goes out and what comes in,
/// with what they lack.
fn without_each_rule(rendered: &str) -> Vec<(String, String)> {
    let documents: Vec<&str> = rendered.split("---\n").collect();
    let mut all = Vec::new();
    for (at, document) in documents.iter().enumerate() {
        if !document.contains("kind: NetworkPolicy\n") {
            continue;
        }
        for direction in ["egress", "ingress"] {
            for rule in rules(document, direction) {
                let lacks =
                    format!("a rule for {direction}:\n{}\nof\n{document}", &document[rule.clone()]);
                let without = [&document[..rule.start], &document[rule.end..]].concat();
                let mut documents = documents.clone();
                documents[at] = &without;
                all.push((lacks, documents.join("---\n")));
            }
        }
    }
    all
}

/// Where the rules for one direction stand in a policy, as kustomize prints it.
fn rules(policy: &str, direction: &str) -> Vec<Range<usize>> {
    let head = format!("\n  {direction}:\n");
    let Some(begin) = policy.find(&head).map(|at| at + head.len()) else { return Vec::new() };
    let mut rules: Vec<Range<usize>> = Vec::new();
    let mut at = begin;
    for line in policy[begin..].split_inclusive('\n') {
        let end = at + line.len();
        match rules.last_mut() {
            _ if line.starts_with("  - ") => rules.push(at..end),
            Some(rule) if line.starts_with("    ") => rule.end = end,
            _ => break,
        }
        at = end;
    }
    rules
}
