//! Turns a result into an exit code.

use std::process::ExitCode;

fn main() -> ExitCode {
    seaworthy::cli::main(std::env::args_os())
}
