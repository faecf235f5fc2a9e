//! Templates and presets are embedded: a change there must rebuild the crate. So must a commit,
//! whose id `--version` tells.

#![expect(clippy::disallowed_macros, reason = "a build script speaks with cargo")]
#![expect(clippy::disallowed_methods, reason = "a build script asks git")]

use std::process::Command;

fn main() {
    println!("cargo::rerun-if-changed=templates");
    println!("cargo::rerun-if-changed=presets");
    // a packaged crate has no repository, and its version says all there is to say
    let version = match commit() {
        Some(commit) => format!("{} ({commit})", env!("CARGO_PKG_VERSION")),
        None => env!("CARGO_PKG_VERSION").to_owned(),
    };
    println!("cargo::rustc-env=SEAWORTHY_VERSION={version}");
}

fn commit() -> Option<String> {
    if !std::path::Path::new(".git").exists() {
        return None;
    }
    for file in [".git/HEAD", ".git/logs/HEAD"] {
        if std::path::Path::new(file).exists() {
            println!("cargo::rerun-if-changed={file}");
        }
    }
    let output = Command::new("git").args(["rev-parse", "--short=12", "HEAD"]).output().ok()?;
    let commit = String::from_utf8(output.stdout).ok()?.trim().to_owned();
    (output.status.success() && !commit.is_empty()).then_some(commit)
}
