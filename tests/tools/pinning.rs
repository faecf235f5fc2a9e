//! The generated script that names images by their digests.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;
use std::process::Output;

use tempfile::TempDir;

use crate::project::{Project, files_below};
use crate::registry::Registry;
use crate::toolbox::{output, run, tool};

/// Every file with its text, the generator's own as well.
fn texts(project: &Project) -> BTreeMap<PathBuf, String> {
    let text = |file: PathBuf| (file.clone(), fs::read_to_string(file).expect("a text"));
    files_below(&project.path()).into_iter().map(text).collect()
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// What checkov finds in the overlays: nothing, if images are named by digest.
fn unpinned(project: &Project) -> String {
    let folder = TempDir::new().expect("a temporary folder");
    let file = folder.path().join("all.yaml");
    let mut found = String::new();
    for overlay in project.overlays() {
        let rendered = run(tool("kubectl").arg("kustomize").arg(overlay));
        fs::write(&file, rendered).expect("a writable folder");
        let mut checkov = tool("checkov");
        checkov.args(["--compact", "--quiet", "--skip-download", "--framework", "kubernetes"]);
        let result = output(checkov.arg("-f").arg(&file));
        if !result.status.success() {
            found += &String::from_utf8_lossy(&result.stdout);
        }
    }
    found
}

#[test]
fn every_image_is_pinned_once_the_registry_was_asked() {
    for (preset, program) in
        [("production", "crane"), ("regulated", "skopeo"), ("airgapped", "docker")]
    {
        let (project, registry) = (Project::new(preset, &[]), Registry::new());
        let check = output(&mut registry.pin(&project, &["--check"]));
        assert_eq!(check.status.code(), Some(5), "{preset}: {}", said(&check));
        assert!(unpinned(&project).contains("CKV_K8S_43"), "{preset}");

        run(registry.pin(&project, &[]).env("DIGEST_TOOL", program));
        // Two bases, Postgres, Redis, and the image that all overlays share.
        assert_eq!(registry.asked(), 5, "{preset}");
        assert_eq!(run(&mut registry.pin(&project, &["--check"])), "", "{preset}");
        assert_eq!(unpinned(&project), "", "{preset}");
        run(tool("hadolint").args(["-t", "style"]).arg(project.path().join("Dockerfile")));
        for overlay in project.overlays() {
            let rendered = run(tool("kubectl").arg("kustomize").arg(overlay));
            let images = rendered.lines().filter(|line| line.trim_start().starts_with("image: "));
            let images: Vec<_> = images.collect();
            assert!(images.len() > 1, "{preset}: {images:?}");
            assert!(images.iter().all(|image| image.contains(":0.1.0@sha256:")), "{images:?}");
        }

        let before = texts(&project);
        run(&mut registry.pin(&project, &[]));
        assert!(texts(&project) == before, "{preset}: a second run changes files");
        assert_eq!(registry.asked(), 5, "{preset}: a second run asks");
    }
}

#[test]
fn a_digest_goes_with_its_tag() {
    let (project, registry) = (Project::new("starter", &[]), Registry::new());
    run(registry.pin(&project, &[]).env("DIGEST_TOOL", "crane"));
    let file = project.path().join("deploy/overlays/production/kustomization.yaml");
    let old = fs::read_to_string(&file).expect("an overlay");
    fs::write(&file, old.replace("newTag: \"0.1.0\"", "newTag: \"0.2.0\"")).expect("our own");
    let check = output(&mut registry.pin(&project, &["--check"]));
    assert_eq!(check.status.code(), Some(5), "{}", said(&check));
    run(registry.pin(&project, &["deploy"]).env("DIGEST_TOOL", "crane"));
    let new = fs::read_to_string(&file).expect("an overlay");
    let digest =
        |text: &str| text.lines().find(|line| line.contains("digest: ")).map(str::to_owned);
    assert!(digest(&new).is_some_and(|digest| digest.ends_with("  # 0.2.0")), "{new}");
    assert_eq!(new.matches("digest: ").count(), 1, "{new}");
    assert_ne!(digest(&new), digest(&old));
}

#[test]
fn what_cannot_be_pinned_leaves_every_file_as_it_was() {
    let (project, registry) = (Project::new("production", &[]), Registry::new());
    let before = texts(&project);
    let unchanged = |what: &str| assert!(texts(&project) == before, "{what} changes files");

    let dry = run(registry.pin(&project, &["--dry-run"]).env("DIGEST_TOOL", "crane"));
    assert!(dry.contains("compose.yaml:") && dry.contains("@sha256:"), "{dry}");
    unchanged("a dry run");

    // The fourth of five.
    let mut pin = registry.pin(&project, &[]);
    let failed = output(pin.env("DIGEST_TOOL", "crane").env("FAILS", "distroless"));
    assert_eq!(failed.status.code(), Some(1));
    assert!(said(&failed).contains("error: no digest of `gcr.io/distroless/"), "{}", said(&failed));
    unchanged("a failing registry");

    let crane = registry.folder.path().join("crane");
    fs::write(&crane, "#!/bin/sh\necho '<html>sign in</html>'\n").expect("a file of our own");
    let failed = output(registry.pin(&project, &[]).env("DIGEST_TOOL", "crane"));
    assert_eq!(failed.status.code(), Some(1));
    assert!(said(&failed).contains("is no digest of"), "{}", said(&failed));
    unchanged("an answer that is no digest");

    let failed = output(registry.pin(&project, &[]).env("DIGEST_TOOL", "no-such-tool"));
    assert_eq!(failed.status.code(), Some(1));
    assert!(said(&failed).contains("`no-such-tool` is not installed"), "{}", said(&failed));
    unchanged("a missing tool");

    let failed = output(registry.pin(&project, &["nowhere"]).env("DIGEST_TOOL", "skopeo"));
    assert_eq!(failed.status.code(), Some(2));
    unchanged("a wrong path");
}

#[test]
fn every_image_from_elsewhere_is_listed() {
    let registry = Registry::new();
    let list = |preset, answers: &[&str]| {
        run(&mut registry.pin(&Project::new(preset, answers), &["--list"]))
    };
    assert_eq!(
        list("starter", &[]),
        "docker.io/library/node:24-bookworm-slim\ngcr.io/distroless/nodejs24-debian13:nonroot\n"
    );
    let airgapped = list("airgapped", &["runtime_image=slim"]);
    assert_eq!(airgapped.lines().count(), 3, "{airgapped}");
    assert!(
        airgapped.lines().all(|image| image.starts_with("registry.internal/mirror/docker.io/")),
        "{airgapped}"
    );
    assert_eq!(registry.asked(), 0);
}
