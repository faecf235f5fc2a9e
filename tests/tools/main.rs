//! The tools tier: generated projects in the hands of the real tools. `tests/setup` installs them; a tool that is
//! missing fails its test.
#![allow(
    clippy::disallowed_methods,
    clippy::disallowed_macros,
    reason = "the rules keep the generator's disk and terminal in one place; tests have their own"
)]

mod analyser;
mod checked;
mod compose;
mod connectivity;
mod container;
mod contract;
mod disk;
mod faults;
mod finding;
mod http;
mod image;
mod lockfile;
mod manifest_checkers;
mod manifests;
mod parallel;
mod pinning;
mod process;
mod project;
mod project_checkers;
mod registry;
mod scripts;
mod service;
mod system_calls;
mod table;
mod tasks;
mod toolbox;
mod waivers;
mod wild;

/// The projects that the hermetic tests look at as well.
#[path = "../seaworthy/matrix.rs"]
mod matrix;
