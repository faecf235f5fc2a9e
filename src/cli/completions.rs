//! `seaworthy completions`: what a shell needs to complete commands and flags.

use clap::{Args, Command};
use clap_complete::Shell;

use crate::error::Result;
use crate::ui::Ui;

/// Print a completion script for a shell
#[derive(Debug, Args)]
pub struct Completions {
    /// The shell
    shell: Shell,
}

impl Completions {
    /// Runs the command; `command` is the whole command line.
    ///
    /// # Errors
    /// Standard output that cannot be written.
    pub fn run(&self, ui: &Ui, mut command: Command) -> Result<()> {
        let mut script = Vec::new();
        clap_complete::generate(self.shell, &mut command, "seaworthy", &mut script);
        ui.print(&String::from_utf8_lossy(&script))
    }
}
