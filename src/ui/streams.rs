//! The standard streams and Ctrl-C.

#![expect(clippy::disallowed_methods, reason = "this is the file that speaks with the terminal")]

use std::io::{IsTerminal, Read, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use console::{Term, style};

use crate::error::{Error, Kind, Result};

/// The user's side of the program.
#[derive(Debug)]
pub struct Ui {
    quiet: bool,
    stop: Arc<AtomicBool>,
    prompting: Arc<AtomicBool>,
}

/// How often a waiting prompt is looked at for Ctrl-C.
const INTERVAL: Duration = Duration::from_millis(50);

impl Ui {
    /// A user interface that says nothing but errors and data if `quiet`. Ctrl-C no longer ends
    /// the process: [`interrupted`](Self::interrupted) tells of it. A second one ends it at once.
    ///
    /// # Errors
    /// [`Kind::Internal`] if the system takes no signal handler.
    pub fn new(quiet: bool) -> Result<Self> {
        let stop = Arc::new(AtomicBool::new(false));
        let refused = |error: std::io::Error| {
            Error::new(Kind::Internal, "cannot listen for Ctrl-C").because(error)
        };
        for signal in [signal_hook::consts::SIGINT, signal_hook::consts::SIGTERM] {
            let exit = i32::from(Kind::Interrupted.exit_code());
            signal_hook::flag::register_conditional_shutdown(signal, exit, Arc::clone(&stop))
                .map_err(refused)?;
            signal_hook::flag::register(signal, Arc::clone(&stop)).map_err(refused)?;
        }
        Ok(Self { quiet, stop, prompting: Arc::default() })
    }

    /// Fails if the user has stopped the run.
    ///
    /// # Errors
    /// [`Kind::Interrupted`].
    pub fn interrupted(&self) -> Result<()> {
        if self.stop.load(Ordering::Relaxed) { Err(Error::interrupted()) } else { Ok(()) }
    }

    /// Shows a prompt. Ctrl-C that comes before the prompt listens for keys is a signal, which the
    /// prompt does not see: then this ends the process, as the prompt would have.
    pub fn prompt<T>(&self, prompt: impl FnOnce() -> T) -> T {
        self.prompting.store(true, Ordering::Relaxed);
        let answer = prompt();
        self.prompting.store(false, Ordering::Relaxed);
        answer
    }

    /// Watches over prompts for as long as the process lives.
    pub fn watch_prompts(&self) {
        let (stop, prompting) = (Arc::clone(&self.stop), Arc::clone(&self.prompting));
        thread::spawn(move || {
            let stuck = || stop.load(Ordering::Relaxed) && prompting.load(Ordering::Relaxed);
            loop {
                thread::sleep(INTERVAL);
                if stuck() {
                    // a prompt that saw the key is on its way out
                    thread::sleep(INTERVAL);
                    if stuck() {
                        let _ = Term::stderr().show_cursor();
                        tell("\n");
                        tell_error(&Error::interrupted());
                        std::process::exit(Kind::Interrupted.exit_code().into());
                    }
                }
            }
        });
    }

    /// Whether there is somebody to ask.
    pub fn has_terminal(&self) -> bool {
        std::io::stdin().is_terminal() && std::io::stderr().is_terminal()
    }

    /// All of standard input.
    ///
    /// # Errors
    /// [`Kind::Usage`] if it is not text.
    pub fn read_input(&self) -> Result<String> {
        let mut text = String::new();
        let read = std::io::stdin().read_to_string(&mut text);
        read.map_err(|error| {
            Error::usage("standard input cannot be read as UTF-8 text").because(error)
        })?;
        Ok(text)
    }

    /// Writes data to standard output.
    ///
    /// # Errors
    /// [`Kind::Disk`] if it cannot be written; a reader that has gone away is no error.
    pub fn print(&self, text: &str) -> Result<()> {
        let mut out = std::io::stdout().lock();
        match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
            Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => {
                Err(Error::new(Kind::Disk, format!("cannot write to standard output: {error}")))
            }
            _ => Ok(()),
        }
    }

    /// Whether nothing but errors and data is wanted.
    pub fn is_quiet(&self) -> bool {
        self.quiet
    }

    /// Says something on standard error, unless asked to be quiet.
    pub fn say(&self, text: &str) {
        if !self.quiet {
            tell(text);
        }
    }
}

/// Tells of a command line that clap did not take, or prints the help or version that it asks for.
/// Returns the exit code.
pub fn tell_usage(error: &clap::Error) -> u8 {
    // nobody is left to tell if the stream is gone
    let _ = error.print();
    if error.use_stderr() { Kind::Usage.exit_code() } else { 0 }
}

/// Tells of an error and what to do next.
pub fn tell_error(error: &Error) {
    let mut text = format!("{} {error}\n", style("error:").for_stderr().red().bold());
    for hint in error.hints() {
        text.push_str(&format!("  {} {hint}\n", style("hint:").for_stderr().cyan()));
    }
    tell(&text);
}

fn tell(text: &str) {
    // nobody is left to tell if standard error is gone
    let _ = std::io::stderr().write_all(text.as_bytes());
}
