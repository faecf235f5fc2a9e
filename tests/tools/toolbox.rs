//! Where the real tools are, and how a test runs one.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::LazyLock;

/// The repository that is under test.
pub fn repository() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The cache that `tests/setup` fills.
pub fn cache() -> &'static Path {
    static CACHE: LazyLock<PathBuf> = LazyLock::new(|| {
        let path = run(Command::new(repository().join("tests/setup")).arg("path"));
        PathBuf::from(path.trim_end())
    });
    &CACHE
}

/// A tool from the cache, which comes before any other of that name for what the tool itself starts.
pub fn tool(name: &str) -> Command {
    let bin = cache().join("tools/bin");
    let program = bin.join(name);
    assert!(program.exists(), "`{name}` is missing\n  hint: tests/setup tools");
    let mut command = Command::new(program);
    prefer(&mut command, bin);
    command
}

/// Lets the programs in a folder come before any other of their names for what a command starts.
pub fn prefer(command: &mut Command, folder: PathBuf) {
    let own = command.get_envs().find(|(name, _)| *name == "PATH").and_then(|(_, path)| path);
    let path = own.map(OsStr::to_owned).or_else(|| std::env::var_os("PATH")).unwrap_or_default();
    let path = std::iter::once(folder).chain(std::env::split_paths(&path));
    command.env("PATH", std::env::join_paths(path).expect("no `:` in the folder's path"));
}

/// Runs a command that must succeed and returns what it printed on stdout.
#[track_caller]
pub fn run(command: &mut Command) -> String {
    let output = output(command);
    assert!(output.status.success(), "{}", transcript(command, &output));
    String::from_utf8(output.stdout).expect("tools print UTF-8")
}

/// Runs a command that may fail.
#[track_caller]
pub fn output(command: &mut Command) -> Output {
    match command.output() {
        Ok(output) => output,
        Err(error) => panic!("cannot run `{}`: {error}\n  hint: tests/setup", program(command)),
    }
}

/// What a person would have seen.
pub fn transcript(command: &Command, output: &Output) -> String {
    let arguments = command.get_args().map(|argument| argument.to_string_lossy());
    let words: Vec<_> = std::iter::once(program(command).into()).chain(arguments).collect();
    format!(
        "$ {}\n{}{}[{}]",
        words.join(" "),
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr),
        output.status
    )
}

fn program(command: &Command) -> String {
    command.get_program().to_string_lossy().into_owned()
}
