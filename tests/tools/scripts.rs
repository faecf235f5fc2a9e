//! Shell scripts and workflows, the project's own and the generated ones.

use std::collections::BTreeMap;
use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::process::{Command, Output};

use tempfile::TempDir;

use crate::project::{PRESETS, Project};
use crate::toolbox::{output, prefer, repository, run, tool};

#[test]
fn own_scripts_are_tidy() {
    let scripts = [
        "tests/run",
        "tests/setup",
        "tests/servers",
        "tests/lock",
        "bench/generator",
        "bench/image",
        "bench/service",
        ".ci/run",
    ];
    are_tidy(&scripts.map(|script| repository().join(script)), &["-i", "2"]);
}

#[test]
fn generated_scripts_are_tidy() {
    for preset in PRESETS {
        let project = Project::new(preset, &[]);
        let scripts: Vec<_> = project.files().into_iter().filter(is_shell).collect();
        // The generated .editorconfig says how scripts are indented.
        are_tidy(&scripts, &[]);
    }
}

#[test]
fn own_workflows_are_tidy() {
    let workflows = repository().join(".github/workflows");
    run(tool("zizmor").args(["--offline", "--persona", "pedantic"]).arg(&workflows));
    run(tool("actionlint").current_dir(repository()));
    // A pinned action with its version does not fit into the 80 columns of the default.
    let style = "{extends: default, rules: {line-length: {max: 100}}}";
    run(tool("yamllint").args(["-s", "-d", style]).arg(&workflows));
}

fn is_shell(file: &PathBuf) -> bool {
    let text = fs::read_to_string(file).unwrap_or_default();
    text.lines().next().is_some_and(|line| line.starts_with("#!") && line.ends_with("sh"))
}

fn are_tidy(scripts: &[PathBuf], style: &[&str]) {
    if scripts.is_empty() {
        return;
    }
    run(tool("shellcheck").args(["-x", "-S", "style"]).args(scripts));
    run(tool("shfmt").arg("-d").args(style).args(scripts));
}

/// Programs that answer as the ones that ask registries do, for their own arguments only: with a digest that follows
/// from the image's name. What is asked for is written down; `FAILS` is a part of a name that is not found.
struct Registry {
    folder: TempDir,
}

const ANSWER: &str = r#"
printf '%s\n' "$image" >>"$(dirname "$0")/asked"
case $image in *"${FAILS:-none}"*)
  echo 'dial tcp: no route to host' >&2
  exit 1
  ;;
esac
printf 'sha256:%s\n' "$(printf %s "$image" | sha256sum | cut -d ' ' -f 1)"
"#;

impl Registry {
    fn new() -> Self {
        let folder = TempDir::new().expect("a temporary folder");
        for (program, takes) in [
            ("crane", r#"[ "$#-$1" = 2-digest ] && image=$2"#),
            (
                "skopeo",
                r#"[ "$#-$1-$2-$3-$4" = '5-inspect---no-tags---format-{{.Digest}}' ] && image=${5#docker://}"#,
            ),
            (
                "docker",
                r#"[ "$#-$1-$2-$3-$4-$5" = '6-buildx-imagetools-inspect---format-{{.Manifest.Digest}}' ] && image=$6"#,
            ),
        ] {
            let file = folder.path().join(program);
            let text = format!("#!/bin/sh\n{takes} || exit 64\n{ANSWER}");
            fs::write(&file, text).expect("a writable folder");
            fs::set_permissions(&file, Permissions::from_mode(0o755)).expect("a file of our own");
        }
        Self { folder }
    }

    /// How many images were asked for so far.
    fn asked(&self) -> usize {
        let asked = fs::read_to_string(self.folder.path().join("asked")).unwrap_or_default();
        asked.lines().count()
    }

    /// `scripts/pin-digests.sh`, from a folder that is not the project's.
    fn pin(&self, project: &Project, arguments: &[&str]) -> Command {
        let mut pin = Command::new(project.path().join("scripts/pin-digests.sh"));
        pin.current_dir("/").args(arguments);
        prefer(&mut pin, self.folder.path().to_owned());
        pin
    }
}

/// Every file with its text, the generator's own as well.
fn texts(project: &Project) -> BTreeMap<PathBuf, String> {
    let text = |file: PathBuf| (file.clone(), fs::read_to_string(file).expect("a text"));
    project.files().into_iter().map(text).collect()
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
