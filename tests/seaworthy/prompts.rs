use std::process::Command;

use rexpect::process::WaitStatus;
use rexpect::reader::Options;
use rexpect::session::{PtySession, spawn_with_options};

use crate::world::World;

const ENTER: &str = "\r";
const DOWN: &str = "\x1b[B";
const CTRL_C: &str = "\x03";
/// Clears the default that a text prompt does not show in its line.
const CTRL_U: &str = "\x15";

/// `seaworthy new` on a pseudo-terminal.
struct Terminal(PtySession);

impl Terminal {
    fn new(world: &World, arguments: &[&str]) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_seaworthy"));
        command.arg("new").args(arguments).current_dir(world.path("")).env_clear();
        command.env("TERM", "xterm").env("NO_COLOR", "1");
        let options = Options::default().timeout_ms(Some(20_000)).strip_ansi_escape_codes(true);
        Self(spawn_with_options(command, options).expect("a pseudo-terminal"))
    }

    /// Waits until the terminal shows `words`.
    fn shows(&mut self, words: &str) -> &mut Self {
        if let Err(error) = self.0.exp_string(words) {
            panic!("the terminal does not show `{words}`: {error}");
        }
        self
    }

    fn types(&mut self, keys: &str) -> &mut Self {
        self.0.send(keys).and_then(|_| self.0.flush()).expect("the terminal takes keys");
        self
    }

    /// Waits for the end, and returns the exit code.
    fn ends(&mut self) -> i32 {
        self.0.exp_eof().expect("the end");
        match self.0.process().wait().expect("a status") {
            WaitStatus::Exited(_, code) => code,
            other => panic!("it did not exit: {other:?}"),
        }
    }
}

/// What an ordinary run asks after the preset and the name. The second part depends on the preset:
/// only a model that is not built in has a name.
const FIRST: [&str; 4] =
    ["One line on what it does", "Owner", "Port of the public API", "Model provider:"];
const THEN: [&str; 12] = [
    "Datastore:",
    "Cache:",
    "Image registry and path",
    "Runtime image",
    "Kubernetes namespace",
    "Environments",
    "Replicas",
    "Memory of one replica",
    "Cloud",
    "Autoscaling",
    "Store of secrets",
    "The way in from outside",
];

/// The questions of a preset, in order.
fn asked(preset: &str) -> Vec<&'static str> {
    let model = if preset == "starter" { None } else { Some("Model [") };
    let host = if preset == "starter" { None } else { Some("Host name") };
    FIRST.into_iter().chain(model).chain(THEN).chain(host).chain(["Cluster DNS"]).collect()
}

/// Answers every question after the preset with its default.
fn accept_defaults(terminal: &mut Terminal, preset: &str) {
    accept(terminal, asked(preset));
}

fn accept(terminal: &mut Terminal, prompts: impl IntoIterator<Item = &'static str>) {
    for prompt in prompts {
        terminal.shows(prompt).types(ENTER);
    }
}

#[test]
fn a_full_run_with_a_wrong_answer_and_a_changed_one() {
    let world = World::new();
    let mut terminal = Terminal::new(&world, &[]);
    terminal.shows("Preset").shows("> production").types(DOWN).types(DOWN).types(ENTER);
    terminal.shows("Name of the service").types("My Demo").types(ENTER);
    terminal.shows("try `my-demo`").types(CTRL_U).types("demo").types(ENTER);
    accept_defaults(&mut terminal, "starter");
    terminal.shows("Replicas  ").shows("1").shows("256Mi");
    terminal.shows("All right?").types(DOWN).types(ENTER);
    terminal.shows("Which one?").types(DOWN).types(DOWN).types(ENTER);
    terminal.shows("Owner").types("sre").types(ENTER);
    terminal.shows("Owner").shows("sre").shows("All right?").types(ENTER);
    terminal.shows("`demo`: ").shows("make run");
    assert_eq!(terminal.ends(), 0);
    let lock: toml::Table = world.read("demo/.seaworthy/lock.toml").parse().unwrap();
    assert_eq!(lock["preset"].as_str(), Some("starter"));
    assert_eq!(lock["answers"]["owner"].as_str(), Some("sre"));
    assert_eq!(lock["sources"]["owner"].as_str(), Some("prompt"));
    assert_eq!(lock["answers"]["replicas_min"].as_integer(), Some(1));
}

#[test]
fn what_stands_against_the_answers_is_told_before_anything_is_lost() {
    let world = World::new();
    let mut terminal = Terminal::new(&world, &["demo", "--preset", "starter"]);
    accept(&mut terminal, ["One line on what it does", "Owner"]);
    terminal.shows("Port of the public API").types("9090").types(ENTER);
    accept(&mut terminal, asked("starter").into_iter().skip(3));
    terminal.shows("All right?").types(ENTER);
    terminal
        .shows("`port` and `admin_port` are both 9090")
        .shows("All right?")
        .types(DOWN)
        .types(ENTER);
    terminal.shows("Which one?");
    for _ in 0..4 {
        terminal.types(DOWN);
    }
    terminal.types(ENTER).shows("Port of the public API").types("8081").types(ENTER);
    terminal.shows("All right?").types(ENTER);
    assert_eq!(terminal.ends(), 0);
    let lock: toml::Table = world.read("demo/.seaworthy/lock.toml").parse().unwrap();
    assert_eq!(lock["answers"]["port"].as_integer(), Some(8081));
    assert_eq!(
        lock["sources"]["owner"].as_str(),
        Some("default"),
        "a default that is taken stays one"
    );
}

#[test]
fn what_is_in_the_way_is_told_before_the_first_question() {
    let world = World::new();
    world.write("demo/README.md", "mine\n");
    let mut terminal = Terminal::new(&world, &["demo"]);
    terminal.shows("files in `demo` are in the way: `README.md`");
    assert_eq!(terminal.ends(), 2);
}

#[test]
fn what_is_given_or_locked_is_not_asked() {
    let world = World::new();
    world.write(
        "acme/organisation.toml",
        "name = \"acme\"\n[locked]\nregistry = \"registry.acme.example/agents\"\n",
    );
    let mut terminal = Terminal::new(
        &world,
        &["demo", "--preset", "starter", "--org", "acme", "--set", "owner=sre"],
    );
    let given = ["Owner", "Image registry and path"];
    let open = asked("starter").into_iter().filter(|prompt| !given.contains(prompt));
    accept(&mut terminal, open);
    terminal.shows("registry.acme.example/agents  (locked acme)").shows("All right?").types(ENTER);
    assert_eq!(terminal.ends(), 0);
}

#[test]
fn a_limit_is_held_at_the_prompt() {
    let world = World::new();
    world.write("acme/organisation.toml", "name = \"acme\"\n[locked]\nport = { at_most = 9000 }\n");
    let mut terminal = Terminal::new(&world, &["demo", "--preset", "starter", "--org", "acme"]);
    accept(&mut terminal, ["One line on what it does", "Owner"]);
    terminal.shows("Port of the public API").types("9001").types(ENTER);
    terminal.shows("it wants at most 9000, says `acme` (`acme/organisation.toml:3:8`)");
    terminal.shows("Port of the public API").types("9000").types(ENTER);
    terminal.shows("Model provider:").types(CTRL_C);
    assert_eq!(terminal.ends(), 130);
}

#[test]
fn every_question_is_asked_with_all() {
    let world = World::new();
    let mut terminal = Terminal::new(&world, &["demo", "--preset", "starter", "--all"]);
    for prompt in
        ["One line on", "Owner", "Team on call", "Port of the public API", "Port of the probes"]
    {
        terminal.shows(prompt).types(ENTER);
    }
    terminal.shows("Model provider:").types(CTRL_C);
    assert_eq!(terminal.ends(), 130);
}

#[test]
fn ctrl_c_leaves_nothing() {
    let all = asked("production").len();
    for questions in [0, 1, 6, all] {
        let world = World::new();
        let mut terminal = Terminal::new(&world, &["demo", "--preset", "production"]);
        accept(&mut terminal, asked("production").into_iter().take(questions));
        terminal.shows(if questions == all { "All right?" } else { ":" }).types(CTRL_C);
        terminal.shows("error: interrupted, nothing was written");
        assert_eq!(terminal.ends(), 130);
        assert!(world.snapshot().is_empty(), "nothing is left");
    }
}

#[test]
fn cancel_leaves_nothing() {
    let world = World::new();
    let mut terminal = Terminal::new(&world, &["demo", "--preset", "production"]);
    accept_defaults(&mut terminal, "production");
    terminal.shows("All right?").types(DOWN).types(DOWN).types(ENTER);
    assert_eq!(terminal.ends(), 130);
    assert!(world.snapshot().is_empty());
}
