//! Templates and presets are embedded; a change there must rebuild the crate.

#![expect(clippy::disallowed_macros, reason = "a build script speaks with cargo")]

fn main() {
    println!("cargo::rerun-if-changed=templates");
    println!("cargo::rerun-if-changed=presets");
}
