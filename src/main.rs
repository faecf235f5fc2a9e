//! Hands the surroundings to the program, and turns its result into an exit code.

#![expect(clippy::disallowed_methods, reason = "this is where the surroundings are read")]

use std::path::PathBuf;
use std::process::ExitCode;

fn main() -> ExitCode {
    seaworthy::cli::main(std::env::args_os(), configuration())
}

/// Where the user's configuration file would be, after the XDG Base Directory Specification.
fn configuration() -> Option<PathBuf> {
    let absolute = |path: &PathBuf| path.is_absolute();
    let home = || std::env::home_dir().map(|home| home.join(".config"));
    let folder =
        std::env::var_os("XDG_CONFIG_HOME").map(PathBuf::from).filter(absolute).or_else(home)?;
    Some(folder.join("seaworthy/config.toml"))
}
