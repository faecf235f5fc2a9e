//! `seaworthy man`: the manual page.

use clap::{Args, Command};

use crate::error::{Error, Kind, Result};
use crate::ui::Ui;

/// Print the manual page, for `man -l -`
#[derive(Debug, Args)]
pub struct Man;

impl Man {
    /// Runs the command; `command` is the whole command line.
    ///
    /// # Errors
    /// Standard output that cannot be written.
    pub fn run(&self, ui: &Ui, mut command: Command) -> Result<()> {
        command.build();
        let page = page(command);
        let page = page.map_err(|error| {
            Error::new(Kind::Internal, "the manual page cannot be made").because(error)
        })?;
        ui.print(&String::from_utf8_lossy(&page))
    }
}

/// The page: the program, then a section with the options of each command.
fn page(command: Command) -> std::io::Result<Vec<u8>> {
    let mut page = Vec::new();
    let commands: Vec<Command> =
        command.get_subcommands().filter(|sub| sub.get_name() != "help").cloned().collect();
    clap_mangen::Man::new(command).render(&mut page)?;
    for sub in commands {
        let name = sub.get_name().to_uppercase();
        page.extend_from_slice(format!(".SH \"{name}\"\n").as_bytes());
        let mut section = Vec::new();
        let man = clap_mangen::Man::new(sub);
        man.render_synopsis_section(&mut section)?;
        man.render_description_section(&mut section)?;
        man.render_options_section(&mut section)?;
        // sections of a command stand one level lower
        page.extend_from_slice(
            String::from_utf8_lossy(&section).replace(".SH ", ".SS ").as_bytes(),
        );
    }
    Ok(page)
}
