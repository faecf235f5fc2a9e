//! A server that runs as a child of the test.

use std::fs;
use std::io::Read;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use crate::toolbox::run;

/// A running server, killed with all its children if the test fails before it has ended.
pub struct Server {
    child: Child,
}

impl Server {
    pub fn start(command: &mut Command) -> Self {
        let child = command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::inherit())
            .spawn()
            .expect("a server that starts");
        Self { child }
    }

    /// Sends SIGTERM to the child, as whoever started it would.
    pub fn terminate(&self) {
        signal("TERM", self.child.id());
    }

    /// Waits for the end and returns how it ended and what was printed.
    pub fn wait(mut self, limit: Duration) -> (ExitStatus, String) {
        let start = Instant::now();
        let status = loop {
            if let Some(status) = self.child.try_wait().expect("a child to wait for") {
                break status;
            }
            assert!(start.elapsed() < limit, "still running {limit:?} after SIGTERM");
            std::thread::sleep(Duration::from_millis(50));
        };
        let mut printed = String::new();
        let mut stdout = self.child.stdout.take().expect("a piped stdout");
        stdout.read_to_string(&mut printed).expect("UTF-8");
        (status, printed)
    }

    /// The child and its line of first children, down to the one that has none.
    fn lineage(&self) -> Vec<u32> {
        let mut line = vec![self.child.id()];
        while let Some(next) = line.last().and_then(|process| first_child(*process)) {
            line.push(next);
        }
        line
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if matches!(self.child.try_wait(), Ok(None)) {
            for process in self.lineage() {
                signal("KILL", process);
            }
            let _ = self.child.wait();
        }
    }
}

fn first_child(parent: u32) -> Option<u32> {
    let processes = fs::read_dir("/proc")
        .ok()?
        .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse::<u32>().ok());
    processes.into_iter().filter(|process| parent_of(*process) == Some(parent)).min()
}

/// The fourth field of `stat`, counted from behind the name, which may hold anything.
fn parent_of(process: u32) -> Option<u32> {
    let stat = fs::read_to_string(format!("/proc/{process}/stat")).ok()?;
    let (_, fields) = stat.rsplit_once(')')?;
    fields.split_whitespace().nth(1)?.parse().ok()
}

fn signal(name: &str, process: u32) {
    run(Command::new("kill").arg(format!("-{name}")).arg(process.to_string()));
}
