//! What looks at rendered manifests: a folder with a file for each overlay.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;
use tempfile::TempDir;

use crate::finding::{Checker, Finding, json, list, number, report, text};
use crate::project::children;
use crate::toolbox::{cache, repository, tool};

/// The oldest and the newest supported version, as the schemas are named.
const KUBERNETES: [&str; 2] = ["1.35", "1.37"];

/// Holds objects against schemas: those of Kubernetes, and those of custom resources.
pub const KUBECONFORM: Checker = Checker {
    name: "kubeconform",
    proofs: &[
        "1.35: Deployment weak",
        "1.37: Deployment weak",
        "1.35: ExternalSecret weak",
        "1.37: ExternalSecret weak",
        "Unheard weak",
        "does not match pattern",
    ],
    check: kubeconform,
};

/// All of them.
pub const OF_MANIFESTS: &[Checker] = &[
    KUBECONFORM,
    Checker {
        name: "kubernetes-validate",
        proofs: &[
            "deployment/weak against version 1.35",
            "deployment/weak against version 1.37",
            "externalsecret/weak against version 1.35",
            "externalsecret/weak against version 1.37",
            "Couldn't find schema for kind Unheard",
        ],
        check: kubernetes_validate,
    },
    Checker { name: "checkov", proofs: &["CKV_K8S_16", "CKV_K8S_43"], check: checkov },
    Checker {
        name: "kube-score",
        proofs: &["container-security-context-privileged", "container-seccomp-profile"],
        check: kube_score,
    },
    Checker { name: "trivy", proofs: &["KSV-0017"], check: trivy },
];

fn kubernetes_validate(folder: &Path) -> Vec<Finding> {
    let mut validate = tool("kubernetes-validate");
    validate.arg("--strict").args(KUBERNETES.iter().flat_map(|version| ["-k", version]));
    let told = report(validate.args(manifests(folder)), &[0, 1]);
    assert!(!told.is_empty(), "nothing was validated");
    // What it has no schema for, it only warns of.
    let finding = |line: &str| {
        let (level, rest) = line.split_once(' ').expect("a level");
        let (file, message) = rest.split_once(' ').expect("a file");
        (level != "INFO").then(|| Finding::new(folder, file, "schema", message))
    };
    told.lines().filter_map(finding).collect()
}

fn kubeconform(folder: &Path) -> Vec<Finding> {
    let of_version = |version: &&str| {
        let mut conform = tool("kubeconform");
        conform.args(["-strict", "-summary", "-output", "json"]);
        conform.args(["-schema-location".into(), core_schemas(version)]);
        conform.args(["-schema-location".into(), crd_schemas()]);
        let told = json(conform.args(manifests(folder)), &[0, 1]);
        let count = |state| number(&told["summary"], state);
        assert!(count("valid") + count("invalid") > 0, "nothing was validated");
        assert_eq!(count("skipped"), 0, "{told}");
        let finding = |object: &Value| {
            let [file, kind, name, message] =
                ["filename", "kind", "name", "msg"].map(|key| text(object, key));
            Finding::new(folder, file, version, &format!("{kind} {name}: {message}"))
        };
        list(&told["resources"]).iter().map(finding).collect::<Vec<_>>()
    };
    KUBERNETES.iter().flat_map(of_version).collect()
}

/// The strict schemas of one version, in kubeconform's words.
fn core_schemas(version: &str) -> PathBuf {
    let folder = cache().join("tools/schemas").join(version);
    assert!(folder.exists(), "no schemas of {version}\n  hint: tests/setup tools");
    folder.join("{{.ResourceKind}}{{.KindSuffix}}.json")
}

/// Those of custom resources.
fn crd_schemas() -> PathBuf {
    repository().join("tests/crd-schemas/{{.Group}}/{{.ResourceKind}}_{{.ResourceAPIVersion}}.json")
}

fn checkov(folder: &Path) -> Vec<Finding> {
    checkov_of(folder, &["kubernetes"])
}

/// What checkov's part for some kinds of file finds.
pub fn checkov_of(folder: &Path, frameworks: &[&str]) -> Vec<Finding> {
    let mut checkov = tool("checkov");
    checkov.args(["--compact", "--quiet", "--skip-download", "--output", "json", "--framework"]);
    // From within, since it passes over a folder whose name begins with a dot.
    checkov.args(frameworks).current_dir(folder).args(["--directory", "."]);
    let told = json(&mut checkov, &[0, 1]);
    // One report, or a list of several.
    let reports = told.as_array().map_or(std::slice::from_ref(&told), Vec::as_slice);
    assert!(
        reports.iter().all(|report| report["summary"].is_object()),
        "nothing was checked: {told}"
    );
    let count = |report: &Value, state| number(&report["summary"], state);
    let failed = |report: &Value| {
        assert_eq!(count(report, "parsing_errors"), 0, "{report}");
        let checks = list(&report["results"]["failed_checks"]).iter();
        let finding = |check: &Value| {
            let [file, rule, name, resource] =
                ["file_abs_path", "check_id", "check_name", "resource"].map(|key| text(check, key));
            Finding::new(folder, file, rule, &format!("{resource}: {name}"))
        };
        checks.map(finding).collect::<Vec<_>>()
    };
    reports.iter().flat_map(failed).collect()
}

/// Beyond its default tests. Left out are those that want requests of processor time equal to limits: limits are
/// generous on purpose.
const KUBE_SCORE_OPTIONAL: [&str; 4] = [
    "container-memory-requests-equal-limits",
    "container-ephemeral-storage-request-equals-limit",
    "container-ports-check",
    "container-seccomp-profile",
];

fn kube_score(folder: &Path) -> Vec<Finding> {
    // Objects of one overlay select each other: each is a run of its own.
    let of_overlay = |file: PathBuf| {
        let mut score = tool("kube-score");
        score.args(["score", "--kubernetes-version", "v1.35", "--exit-one-on-warning"]);
        score.args(["--output-format", "json"]);
        score.args(KUBE_SCORE_OPTIONAL.iter().flat_map(|test| ["--enable-optional-test", test]));
        let told = json(score.arg(&file), &[0, 1]);
        assert!(!list(&told).is_empty(), "nothing was scored");
        let of_object = |object: &Value| {
            let failed = |check: &&Value| {
                check["skipped"] != Value::Bool(true) && number(check, "grade") < BEST_GRADE
            };
            let finding = |check: &Value| {
                let comments = list(&check["comments"]).iter();
                let words: Vec<_> = comments
                    .map(|comment| [text(comment, "path"), text(comment, "summary")].join(": "))
                    .collect();
                let message = format!("{}: {}", text(object, "object_name"), words.join("; "));
                Finding::new(folder, &file.to_string_lossy(), text(&check["check"], "id"), &message)
            };
            list(&object["checks"]).iter().filter(failed).map(finding).collect::<Vec<_>>()
        };
        list(&told).iter().flat_map(of_object).collect::<Vec<_>>()
    };
    manifests(folder).into_iter().flat_map(of_overlay).collect()
}

/// kube-score's mark for what leaves nothing to wish for.
const BEST_GRADE: i64 = 10;

fn trivy(folder: &Path) -> Vec<Finding> {
    // It holds its rules of one kind against whatever stands in one file with an object of that kind.
    let apart = TempDir::new().expect("a temporary folder");
    let mut files = Vec::new();
    for manifest in manifests(folder) {
        let overlay = apart.path().join(manifest.file_name().expect("a name"));
        fs::create_dir(&overlay).expect("a writable folder");
        let text = fs::read_to_string(&manifest).expect("a readable file");
        for (number, object) in text.split("\n---\n").enumerate() {
            let file = overlay.join(format!("{number}.yaml"));
            fs::write(&file, object).expect("a writable folder");
            files.push(file);
        }
    }
    let of_overlay = |mut finding: Finding| {
        let (overlay, object) = finding.file.split_once('/').expect("an object of an overlay");
        finding.message = format!("object {object} {}", finding.message);
        finding.file = overlay.to_owned();
        finding
    };
    trivy_of(apart.path(), "kubernetes", &files).into_iter().map(of_overlay).collect()
}

/// What trivy's checks of a kind of file find.
pub fn trivy_of(folder: &Path, kind: &str, files: &[PathBuf]) -> Vec<Finding> {
    let below = files.iter().map(|file| file.strip_prefix(folder).expect("a file of the folder"));
    let told = json(tool("trivy").arg(kind).arg(folder).args(below), &[0]);
    assert!(number(&told, "passed") > 0, "nothing was checked");
    let finding = |fault: &Value| {
        let message = format!("line {}: {}", number(fault, "line"), text(fault, "message"));
        Finding::new(folder, text(fault, "file"), text(fault, "rule"), &message)
    };
    list(&told["findings"]).iter().map(finding).collect()
}

fn manifests(folder: &Path) -> Vec<PathBuf> {
    let mut files = children(folder);
    files.sort();
    assert!(!files.is_empty(), "no manifests in {}", folder.display());
    files
}
