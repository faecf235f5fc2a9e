//! A registry of images that needs no network.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::process::Command;

use tempfile::TempDir;

use crate::project::Project;
use crate::toolbox::prefer;

/// Programs that answer as the ones that ask registries do, for their own arguments only: with a digest that follows
/// from the image's name. What is asked for is written down; `FAILS` is a part of a name that is not found.
pub struct Registry {
    /// Where the programs are.
    pub folder: TempDir,
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
    pub fn new() -> Self {
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
    pub fn asked(&self) -> usize {
        let asked = fs::read_to_string(self.folder.path().join("asked")).unwrap_or_default();
        asked.lines().count()
    }

    /// `scripts/pin-digests.sh`, from a folder that is not the project's.
    pub fn pin(&self, project: &Project, arguments: &[&str]) -> Command {
        let mut pin = Command::new(project.path().join("scripts/pin-digests.sh"));
        pin.current_dir("/").args(arguments);
        prefer(&mut pin, self.folder.path().to_owned());
        pin
    }
}
