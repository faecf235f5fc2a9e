//! What looks at a project as it was generated.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

use crate::finding::{Checker, Finding, json, list, number, report, text};
use crate::manifest_checkers::{checkov_of, trivy_of};
use crate::project::files_below;
use crate::toolbox::tool;

/// All of them.
pub const OF_PROJECTS: &[Checker] = &[
    Checker {
        name: "checkov",
        proofs: &["CKV_DOCKER_3", "CKV2_GHA_1", "CKV_SECRET_13"],
        check: checkov,
    },
    Checker { name: "hadolint", proofs: &["DL3007", "DL3025"], check: hadolint },
    Checker { name: "shellcheck", proofs: &["SC2086"], check: shellcheck },
    Checker { name: "shfmt", proofs: &["scripts/weak.sh"], check: shfmt },
    Checker { name: "yamllint", proofs: &["indentation"], check: yamllint },
    Checker { name: "zizmor", proofs: &["unpinned-uses", "template-injection"], check: zizmor },
    Checker { name: "actionlint", proofs: &["runner-label"], check: actionlint },
    Checker { name: "trivy", proofs: &["DS-0002"], check: trivy },
    Checker { name: "gitleaks", proofs: &["private-key"], check: gitleaks },
];

fn checkov(folder: &Path) -> Vec<Finding> {
    checkov_of(folder, &["dockerfile", "github_actions", "secrets"])
}

fn hadolint(folder: &Path) -> Vec<Finding> {
    let mut hadolint = tool("hadolint");
    hadolint.args(["-t", "style", "-f", "json"]).args(dockerfiles(folder));
    let told = json(&mut hadolint, &[0, 1]);
    let finding = |fault: &Value| {
        let message = format!("line {}: {}", number(fault, "line"), text(fault, "message"));
        Finding::new(folder, text(fault, "file"), text(fault, "code"), &message)
    };
    list(&told).iter().map(finding).collect()
}

fn shellcheck(folder: &Path) -> Vec<Finding> {
    let Some(scripts) = scripts(folder) else { return Vec::new() };
    let mut shellcheck = tool("shellcheck");
    let told = json(shellcheck.args(["-x", "-S", "style", "-f", "json1"]).args(scripts), &[0, 1]);
    let finding = |fault: &Value| {
        let message = format!("line {}: {}", number(fault, "line"), text(fault, "message"));
        Finding::new(folder, text(fault, "file"), &format!("SC{}", number(fault, "code")), &message)
    };
    list(&told["comments"]).iter().map(finding).collect()
}

/// The project's .editorconfig says how scripts are indented.
fn shfmt(folder: &Path) -> Vec<Finding> {
    let Some(scripts) = scripts(folder) else { return Vec::new() };
    let told = report(tool("shfmt").arg("-l").args(scripts), &[0, 1]);
    told.lines()
        .map(|file| Finding::new(folder, file, "format", "shfmt would write it otherwise"))
        .collect()
}

fn yamllint(folder: &Path) -> Vec<Finding> {
    let files =
        files(folder, |file| [".yaml", ".yml"].iter().any(|end| named(file).ends_with(end)));
    assert!(!files.is_empty(), "no YAML");
    // Where it is run decides which configuration holds.
    let mut yamllint = tool("yamllint");
    let told =
        report(yamllint.current_dir(folder).args(["-s", "-f", "parsable"]).args(files), &[0, 1]);
    let finding = |line: &str| {
        let (place, fault) = line.split_once(": [").expect("a place");
        let (message, rule) = fault.rsplit_once(" (").unwrap_or((fault, "syntax)"));
        let mut place = place.rsplitn(3, ':');
        let (_, number, file) = (place.next(), place.next(), place.next());
        let message = format!("line {}: [{message}", number.expect("a line"));
        Finding::new(folder, file.expect("a file"), rule.trim_end_matches(')'), &message)
    };
    told.lines().map(finding).collect()
}

fn zizmor(folder: &Path) -> Vec<Finding> {
    if workflows(folder).is_empty() {
        return Vec::new();
    }
    let mut zizmor = tool("zizmor");
    zizmor.args([
        "--offline",
        "--quiet",
        "--no-exit-codes",
        "--persona",
        "pedantic",
        "--format",
        "json",
    ]);
    let told = json(zizmor.arg(folder), &[0]);
    let finding = |fault: &Value| {
        let place = &list(&fault["locations"])[0];
        let file = text(&place["symbolic"]["key"]["Local"], "verbatim_path");
        let message =
            format!("{}: {}", text(fault, "desc"), text(&place["symbolic"], "annotation"));
        Finding::new(folder, file, text(fault, "ident"), &message)
    };
    list(&told).iter().map(finding).collect()
}

fn actionlint(folder: &Path) -> Vec<Finding> {
    let workflows = workflows(folder);
    if workflows.is_empty() {
        return Vec::new();
    }
    let told = json(tool("actionlint").args(["-format", "{{json .}}"]).args(workflows), &[0, 1]);
    let finding = |fault: &Value| {
        let message = format!("line {}: {}", number(fault, "line"), text(fault, "message"));
        Finding::new(folder, text(fault, "filepath"), text(fault, "kind"), &message)
    };
    list(&told).iter().map(finding).collect()
}

fn trivy(folder: &Path) -> Vec<Finding> {
    trivy_of(folder, "dockerfile", &dockerfiles(folder))
}

fn gitleaks(folder: &Path) -> Vec<Finding> {
    let mut gitleaks: Command = tool("gitleaks");
    gitleaks.args([
        "dir",
        "--no-banner",
        "--log-level=error",
        "--report-format=json",
        "--report-path=-",
    ]);
    let told = json(gitleaks.arg(folder), &[0, 1]);
    let finding = |leak: &Value| {
        let message = format!("line {}: {}", number(leak, "StartLine"), text(leak, "Description"));
        Finding::new(folder, text(leak, "File"), text(leak, "RuleID"), &message)
    };
    list(&told).iter().map(finding).collect()
}

fn named(file: &Path) -> &str {
    file.file_name().and_then(|name| name.to_str()).expect("a file named in UTF-8")
}

fn files(folder: &Path, wanted: impl Fn(&Path) -> bool) -> Vec<PathBuf> {
    files_below(folder).into_iter().filter(|file| wanted(file)).collect()
}

fn dockerfiles(folder: &Path) -> Vec<PathBuf> {
    let files = files(folder, |file| named(file).contains("Dockerfile"));
    assert!(!files.is_empty(), "no Dockerfile");
    files
}

fn scripts(folder: &Path) -> Option<Vec<PathBuf>> {
    let is_shell = |file: &Path| {
        let text = fs::read_to_string(file).unwrap_or_default();
        text.lines().next().is_some_and(|line| line.starts_with("#!") && line.ends_with("sh"))
    };
    let scripts = files(folder, is_shell);
    (!scripts.is_empty()).then_some(scripts)
}

fn workflows(folder: &Path) -> Vec<PathBuf> {
    let workflows = folder.join(".github/workflows");
    files(folder, |file| file.starts_with(&workflows))
}
