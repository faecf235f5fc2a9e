//! The command line: one file a command.

mod completions;
mod man;
mod new;
mod organisation;
mod presets;
mod proposal;
mod schema;
mod templates;

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{CommandFactory, Parser, Subcommand};

use crate::error::Result;
use crate::ui::{self, Ui};

/// Generates hardened AI-agent projects for Kubernetes.
#[derive(Debug, Parser)]
#[command(
    name = "seaworthy",
    version = env!("SEAWORTHY_VERSION"),
    arg_required_else_help = true,
    after_help = EXITS
)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

const EXITS: &str = "Exit codes: 0 done, 1 internal or disk, 2 usage, 4 unsafe or broken template, \
                     5 failed control, 6 refused by organisation policy, 130 interrupted";

#[derive(Debug, Subcommand)]
enum Command {
    New(new::New),
    Presets(presets::Presets),
    Templates(templates::Templates),
    Schema(schema::Schema),
    Completions(completions::Completions),
    Man(man::Man),
}

/// Runs the program with these arguments, the first of which is its name. `configuration` is where
/// the user's configuration file would be.
pub fn main(args: impl IntoIterator<Item = OsString>, configuration: Option<PathBuf>) -> ExitCode {
    let cli = match Cli::try_parse_from(args) {
        Ok(cli) => cli,
        Err(error) => return ExitCode::from(ui::tell_usage(&error)),
    };
    match run(cli, configuration.as_deref()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            ui::tell_error(&error);
            ExitCode::from(error.kind().exit_code())
        }
    }
}

fn run(cli: Cli, configuration: Option<&Path>) -> Result<()> {
    match cli.command {
        Command::New(new) => new.run(&Ui::new(new.quiet)?, configuration),
        Command::Presets(presets) => presets.run(&Ui::new(false)?, configuration),
        Command::Templates(templates) => templates.run(&Ui::new(false)?, configuration),
        Command::Schema(schema) => schema.run(&Ui::new(false)?, configuration),
        Command::Completions(completions) => completions.run(&Ui::new(false)?, Cli::command()),
        Command::Man(man) => man.run(&Ui::new(false)?, Cli::command()),
    }
}
