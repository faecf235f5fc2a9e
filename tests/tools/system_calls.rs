//! What the generator asks of the kernel.

use std::fs;
use std::process::Command;

use tempfile::TempDir;

use crate::toolbox::run;

#[test]
fn no_socket_is_opened_and_no_program_is_started() {
    let folder = TempDir::new().expect("a temporary folder");
    let log = folder.path().join("calls");
    let mut strace = Command::new("strace");
    strace.current_dir(folder.path()).args(["--follow-forks", "--output"]).arg(&log);
    strace.args(["-e", "trace=%network,%process", "--", env!("CARGO_BIN_EXE_seaworthy")]);
    run(strace.args(["new", "demo", "--preset", "production", "--yes"]));
    let calls = fs::read_to_string(&log).expect("what strace wrote");
    let started = calls.lines().filter(|line| line.contains(" execve(")).count();
    assert_eq!(started, 1, "the generator itself, and nothing else:\n{calls}");
    // a thread of the same process is no program
    let suspicious: Vec<&str> = calls
        .lines()
        .filter(|line| !line.contains("CLONE_THREAD"))
        .filter(|line| {
            [
                "socket",
                "connect(",
                "bind(",
                "sendto(",
                "execveat(",
                "fork(",
                "vfork(",
                "clone(",
                "clone3(",
            ]
            .iter()
            .any(|call| line.contains(&format!(" {call}")))
        })
        .collect();
    assert_eq!(suspicious, [""; 0]);
}
