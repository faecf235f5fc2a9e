use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::symlink;

use crate::world::{World, repository};

const NEW: &str = "new demo --org acme --yes";
const PACK: &str = "title = \"Extra\"\nsummary = \"More.\"\norder = 900\n";
const NOTES: &str = "templates/extra/files/NOTES.md.tera";

/// What an organisation's folder tries, and what must come of it.
struct Attack {
    name: &'static str,
    /// The folder's files, by their paths in it.
    files: BTreeMap<String, String>,
    /// Makes what is no file of text.
    plant: fn(&World),
    arguments: &'static str,
    code: i32,
    words: &'static str,
}

impl Attack {
    /// A sound folder: a name and a pack without files.
    fn new(name: &'static str, code: i32, words: &'static str) -> Self {
        let files =
            [("organisation.toml", "name = \"acme\"\n"), ("templates/extra/pack.toml", PACK)];
        let files = files.map(|(path, text)| (path.into(), text.into())).into();
        Self { name, files, plant: |_| {}, arguments: NEW, code, words }
    }

    fn with(mut self, path: impl Into<String>, text: impl Into<String>) -> Self {
        self.files.insert(path.into(), text.into());
        self
    }

    /// Adds to the pack's declaration.
    fn declaring(self, text: impl AsRef<str>) -> Self {
        self.with("templates/extra/pack.toml", format!("{PACK}{}", text.as_ref()))
    }

    /// Adds to `organisation.toml`.
    fn ruling(self, text: impl AsRef<str>) -> Self {
        self.with("organisation.toml", format!("name = \"acme\"\n{}", text.as_ref()))
    }

    fn planting(self, plant: fn(&World)) -> Self {
        Self { plant, ..self }
    }

    fn running(self, arguments: &'static str) -> Self {
        Self { arguments, ..self }
    }

    /// Runs the attack; says what went wrong, if anything.
    fn fault(&self) -> Option<String> {
        let world = World::new();
        self.files.iter().for_each(|(path, text)| world.write(&format!("acme/{path}"), text));
        (self.plant)(&world);
        let before = world.snapshot();
        let outcome = world.run_within_a_second(self.arguments);
        let said = outcome.stderr.split("\n  hint: ").next().unwrap_or_default();
        let sound = outcome.code == self.code
            && said.starts_with("error: ")
            && said.contains(self.words)
            && outcome.stdout.is_empty()
            && world.snapshot() == before;
        (!sound).then(|| {
            let written =
                if world.snapshot() == before { "" } else { ", and something is written" };
            format!("{}: exit code {}{written}: {}", self.name, outcome.code, outcome.stderr)
        })
    }
}

#[track_caller]
fn all_are_refused(attacks: impl IntoIterator<Item = Attack>) {
    let faults: Vec<String> = attacks.into_iter().filter_map(|attack| attack.fault()).collect();
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[test]
fn paths_that_leave_the_project_or_trouble_a_system() {
    let named = |name, file: &str, words| {
        Attack::new(name, 4, words).with(format!("templates/extra/files/{file}.tera"), "x\n")
    };
    let bound = |name, value: &str, words| {
        Attack::new(name, 4, words)
            .declaring(format!(
                "[[question]]\nkey = \"places\"\ntype = \"list\"\nprompt = \"x\"\nhelp = \"x\"\ndefault = [{value:?}]\nchoices = [{{ value = {value:?}, help = \"x\" }}]\n[[rule]]\npath = \"%place%\"\neach = {{ place = \"places\" }}\n"
            ))
            .with("templates/extra/files/%place%.tera", "x\n")
    };
    all_are_refused([
        named("a way up, as Windows writes it", "..\\..\\evil", "has the character '\\\\'"),
        named("a drive", "C:evil", "has the character ':'"),
        named("a device of Windows", "docs/aux.txt", "names a device on Windows"),
        named("a device of Windows, in other letters", "Com1", "names a device on Windows"),
        named("a dot at the end", "docs./x", "ends in a dot or a blank"),
        named("a blank at the end", "docs /x", "ends in a dot or a blank"),
        named("a line break", "a\nb", "has the character '\\n'"),
        named("other letters for a file of ours", "readme.MD", "cannot stand side by side"),
        named("a file for a folder of ours", "deploy", "cannot stand side by side"),
        named("a hook of git", ".git/hooks/post-checkout", "lies in a `.git` folder"),
        named("a hook of git, in other letters", ".GIT/config", "lies in a `.git` folder"),
        named("the lock", ".seaworthy/lock.toml", "cannot stand side by side"),
        named("the archive", ".seaworthy/base.txtar", "cannot stand side by side"),
        named("a placeholder for any text", "%description%.md", "is neither a label question"),
        bound("a way up in a placeholder", "../../evil", "cannot name a file"),
        bound("the folder above in a placeholder", "..", "cannot name a file"),
        bound("an absolute path in a placeholder", "/etc/cron.d/evil", "cannot name a file"),
        bound("git's folder in a placeholder", ".git", "cannot name a file"),
    ]);
}

#[test]
fn folders_that_are_no_folders_of_text() {
    fn make(world: &World, folder: &str) {
        fs::create_dir_all(world.path(folder)).unwrap();
    }
    let planted = |name, words, plant| Attack::new(name, 4, words).planting(plant);
    all_are_refused([
        planted("a linked file", "is a symbolic link", |world| {
            make(world, "acme/templates/extra/files");
            symlink("/etc/passwd", world.path("acme/templates/extra/files/x.tera")).unwrap();
        }),
        planted("a linked folder", "is a symbolic link", |world| {
            symlink("/etc", world.path("acme/templates/extra/files")).unwrap();
        }),
        planted("linked templates", "is a symbolic link", |world| {
            fs::remove_dir_all(world.path("acme/templates")).unwrap();
            symlink("/etc", world.path("acme/templates")).unwrap();
        }),
        planted("a link in a circle", "is a symbolic link", |world| {
            symlink(".", world.path("acme/templates/extra/files")).unwrap();
        }),
        planted("a pipe that nobody writes to", "is neither a file nor a folder", |world| {
            make(world, "acme/templates/extra/files");
            let pipe = world.path("acme/templates/extra/files/x.tera");
            assert!(std::process::Command::new("mkfifo").arg(pipe).status().unwrap().success());
        }),
        planted("a name that is no text", "has a name that is not UTF-8", |world| {
            make(world, "acme/templates/extra/files");
            let name = OsStr::from_bytes(b"\xff.tera");
            fs::write(world.path("acme/templates/extra/files").join(name), "x\n").unwrap();
        }),
        planted("a content that is no text", "is not UTF-8 text", |world| {
            fs::write(world.path("acme/templates/extra/x.tera"), b"\xff\n").unwrap();
        }),
        planted("a huge file without content", "is more than a folder", |world| {
            let file = fs::File::create(world.path("acme/templates/extra/x.tera")).unwrap();
            file.set_len(9 << 20).unwrap();
        }),
        planted("2,001 files", "is more than a folder", |world| {
            (0..2_001).for_each(|n| world.write(&format!("acme/templates/extra/{n}.tera"), "x\n"));
        }),
        planted("2,001 folders", "is more than a folder", |world| {
            (0..2_001).for_each(|n| make(world, &format!("acme/templates/{n}")));
        }),
        Attack::new("two files of 5 MiB", 4, "is more than a folder")
            .with("templates/extra/a.tera", "x".repeat(5 << 20))
            .with("templates/extra/b.tera", "x".repeat(5 << 20)),
        Attack::new("a declaration of 1 MiB", 2, "has more than 262144 bytes")
            .ruling("[labels]\n".to_owned() + &"# more\n".repeat(150_000)),
    ]);
}

#[test]
fn templates_that_take_too_much() {
    let template = |name, words, text: &str| Attack::new(name, 4, words).with(NOTES, text);
    let range = "range(end=100000)";
    let doubled = "<% set x = x ~ x %>".repeat(64);
    let nested = |open: &str, close: &str, times| open.repeat(times) + "1" + &close.repeat(times);
    let includes = |times: usize, each: &dyn Fn(usize) -> String| {
        (0..times).fold(Attack::new("includes", 4, ""), |attack, number| {
            attack.with(format!("templates/extra/t{number}.tera"), each(number))
        })
    };
    let include = |number: usize| format!("<% include \"extra/t{number}.tera\" %>");
    all_are_refused([
        template(
            "a long range",
            "cannot be rendered: function `range`",
            "<% for a in range(end=9999999999) %>x<% endfor %>\n",
        ),
        template(
            "loops in loops",
            "take too long",
            &format!("<% for a in {range} %><% for b in {range} %><% endfor %><% endfor %>\n"),
        ),
        template(
            "comprehensions in comprehensions",
            "a maximum of 2 dimensions",
            &format!("«[[[a for a in {range}] for b in {range}] for c in {range}] | length»\n"),
        ),
        template(
            "one long text",
            "makes a text of more than 4194304 bytes",
            &format!("<% for a in {range} %>{}<% endfor %>\n", "x".repeat(100)),
        ),
        template(
            "a text that doubles",
            "take too much memory",
            &format!("<% set x = name %>{doubled}\n"),
        ),
        template(
            "a captured text",
            "take too",
            &format!(
                "<% set x %><% for a in {range} %>{}<% endfor %><% endset %>\n",
                "x".repeat(100_000)
            ),
        ),
        template(
            "a list that doubles",
            "take too",
            &format!("<% set x = [name] %>{}«x | json | md»\n", "<% set x = [x, x] %>".repeat(64)),
        ),
        template(
            "deep brackets",
            "cannot be rendered",
            &format!("«{}»\n", nested("(", ")", 100_000)),
        ),
        template("deep lists", "cannot be rendered", &format!("«{}»\n", nested("[", "]", 100_000))),
        template(
            "deep negations",
            "cannot be rendered",
            &format!("«{}name»\n", "not ".repeat(100_000)),
        ),
        template(
            "deep conditions",
            "cannot be rendered",
            &nested("<% if name %>", "<% endif %>", 10_000),
        ),
        template(
            "a long sum",
            "the expression is too complex",
            &format!("«1{}»\n", "+1".repeat(400_000)),
        ),
        Attack {
            name: "many long texts",
            words: "make more than 5000 files, or 16777216 bytes in all",
            ..(0..20).fold(Attack::new("", 4, ""), |attack, number| {
                attack.with(
                    format!("templates/extra/files/{number}.txt.tera"),
                    format!("<% for a in range(end=10000) %>{}\n<% endfor %>", "x".repeat(100)),
                )
            })
        },
        Attack {
            name: "includes that double",
            words: "take too",
            ..includes(40, &|number| {
                if number < 39 { include(number + 1).repeat(2) } else { "x".into() }
            })
            .with(NOTES, include(0))
        },
        Attack {
            name: "a circle of includes",
            words: "circular",
            ..includes(3, &|number| include((number + 1) % 3)).with(NOTES, include(0))
        },
        Attack {
            name: "a circle of parents",
            words: "circular",
            ..includes(3, &|number| format!("<% extends \"extra/t{}.tera\" %>", (number + 1) % 3))
        },
        template(
            "a template that extends itself",
            "circular",
            &format!("<% extends \"{}\" %>", &NOTES[10..]),
        ),
    ]);
}

#[test]
fn expressions_that_grow() {
    let bomb = "((a{1,100}){1,100}){1,100}";
    let question = |kind| {
        format!("[[question]]\nkey = \"level\"\ntype = {kind:?}\nprompt = \"x\"\nhelp = \"x\"\n")
    };
    all_are_refused([
        Attack::new("in a question", 4, "has a bad pattern").declaring(question("text") + &format!("pattern = {bomb:?}\n")),
        Attack::new("in a limit", 2, "has a bad pattern").ruling(format!("[locked]\nowner = {{ pattern = {bomb:?} }}\n")),
        Attack::new("in a control", 4, "has a bad pattern").declaring(format!(
            "[[control]]\nid = \"EXT-001\"\ntitle = \"x\"\nseverity = \"low\"\nwhy = \"x\"\nfix = \"x\"\nrefs = [\"x\"]\nprobe = {{ file = \"README.md\", matches = {bomb:?} }}\nmutant = {{ file = \"README.md\", from = \"a\", to = \"b\" }}\n"
        )),
        Attack::new("in a rule", 4, "has a bad pattern: it has more than 200 bytes")
            .declaring(format!("[[rule]]\npath = \"{}\"\n", "{a,".repeat(1_000) + &"}".repeat(1_000)))
            .with(NOTES, "x\n"),
        Attack::new("in three thousand limits", 4, "take too long").ruling(
            (0..3_000).fold("[locked]\n".to_owned(), |text, number| {
                text + &format!("k{number} = {{ pattern = \"[a-z]{{1,900}}\" }}\n")
            }),
        ),
        Attack::new("in a fact", 4, "take too long").declaring(
            "[facts]\nx = \"[[a for a in range(end=100000)] for b in range(end=100000)] | length\"\n",
        ),
    ]);
}

#[test]
fn templates_that_look_around_or_leave_marks() {
    let template = |name, words, text| Attack::new(name, 4, words).with(NOTES, text);
    all_are_refused([
        template("the environment", "unknown function `get_env`", "«get_env(name=\"HOME\")»\n"),
        template("the clock", "unknown function `now`", "«now()»\n"),
        template("chance", "unknown function `get_random`", "«get_random(end=9)»\n"),
        template(
            "a file",
            "unknown template `../../../../../etc/passwd`",
            "<% include \"../../../../../etc/passwd\" %>\n",
        ),
        template(
            "a file, by its whole path",
            "unknown template `/etc/passwd`",
            "<% include \"/etc/passwd\" %>\n",
        ),
        template("a path that is computed", "cannot be rendered", "<% include name %>\n"),
        template("an undefined name", "uses `secret`", "«secret»\n"),
        template("a line of the archive", "marks a file in archives", "a\n-- .git/hooks/x --\nb\n"),
        template(
            "a line of the archive that is computed",
            "marks a file in archives",
            "«\"--\"» x «\"--\"»\n",
        ),
        template(
            "a last line that glues the next mark to it",
            "the last line of `NOTES.md` has no end",
            "x",
        ),
    ]);
}

#[test]
fn limits_that_are_walked_around_or_cannot_be_kept() {
    let locked = |name, arguments, words| {
        Attack::new(name, 6, words)
            .ruling("[locked]\nregistry = \"registry.acme.example/agents\"\nreplicas_min = { at_least = 3 }\n")
            .with("other.toml", "registry = \"docker.io/mine\"\n")
            .with("few.toml", "[answers]\nreplicas_min = 1\n")
            .with("presets/mine.toml", "summary = \"x\"\n[answers]\nregistry = \"docker.io/mine\"\n")
            .running(arguments)
    };
    let limit =
        |name, text: &str, words| Attack::new(name, 2, words).ruling(format!("[locked]\n{text}\n"));
    all_are_refused([
        locked(
            "by a flag",
            "new demo --org acme --yes --set registry=docker.io/mine",
            "flag asks for",
        ),
        locked(
            "by two flags",
            "new demo --org acme --yes --set registry=docker.io/mine --set registry=registry.acme.example/agents",
            "flag asks for",
        ),
        locked("by a file", "new demo --org acme --yes --answers acme/other.toml", "file asks for"),
        locked(
            "by a preset of its own",
            "new demo --org acme --yes --preset mine",
            "preset mine asks for",
        ),
        locked(
            "by a preset that is a file",
            "new demo --org acme --yes --preset acme/presets/mine.toml",
            "preset mine asks for",
        ),
        locked(
            "by a preset of ours",
            "new demo --org acme --yes --preset starter",
            "preset starter asks for `1`",
        ),
        locked(
            "by a file, below a bound",
            "new demo --org acme --yes --answers acme/few.toml",
            "file asks for `1`",
        ),
        Attack::new("by its own defaults", 6, "organisation acme asks for `x`")
            .ruling("[defaults]\nowner = \"x\"\n[locked]\nowner = \"y\"\n"),
        Attack::new("by a preset behind a better flag", 6, "preset mine asks for")
            .ruling("[locked]\nregistry = \"a.example/b\"\n")
            .with(
                "presets/mine.toml",
                "summary = \"x\"\n[answers]\nregistry = \"docker.io/mine\"\n",
            )
            .running("new demo --org acme --yes --preset mine --set registry=a.example/b"),
        limit("a value out of bounds", "port = 80", "`port` cannot be `80`"),
        limit(
            "bounds beyond the question's",
            "replicas_min = { at_least = 500 }",
            "`replicas_min` can never be at least 500",
        ),
        limit(
            "bounds below the question's",
            "port = { at_most = 1000 }",
            "`port` can never be at most 1000",
        ),
        limit(
            "bounds that cross",
            "port = { at_least = 9000, at_most = 8000 }",
            "can never be at least 9000 and at most 8000",
        ),
        limit(
            "a choice that there is not",
            "dns = { one_of = [\"bind\"] }",
            "`dns` can never be one of `bind`",
        ),
        limit("a bound for a text", "owner = { at_least = 1 }", "`owner` can never be at least 1"),
        limit("a bound that is none", "port = {}", "bounds nothing"),
        limit("an unknown bound", "port = { atleast = 9000 }", "cannot be read"),
        limit(
            "a bracket that closes ours",
            "owner = { pattern = \"a)|(?:.*\" }",
            "has a bad pattern",
        ),
        limit("an unknown question", "prot = 8080", "there is no question `prot`"),
    ]);
}

#[test]
fn declarations_that_are_malformed_or_take_ours_over() {
    let ruled = |name, code, text: &str, words| Attack::new(name, code, words).ruling(text);
    let label =
        |name, text: &str, words| Attack::new(name, 2, words).ruling(format!("[labels]\n{text}\n"));
    all_are_refused([
        Attack::new("a built-in pack with looser questions and no controls", 4, "declares a built-in pack anew")
            .with("templates/kubernetes/pack.toml", PACK),
        Attack::new("a question of ours, asked anew", 4, "the name `port` is taken")
            .declaring("[[question]]\nkey = \"port\"\ntype = \"int\"\nprompt = \"x\"\nhelp = \"x\"\n"),
        Attack::new("a control of ours, declared anew", 4, "is declared twice").declaring(
            "[[control]]\nid = \"POD-001\"\ntitle = \"x\"\nseverity = \"low\"\nwhy = \"x\"\nfix = \"x\"\nrefs = [\"x\"]\nprobe = { file = \"README.md\", contains = \"a\" }\nmutant = { file = \"README.md\", from = \"a\", to = \"b\" }\n",
        ),
        Attack::new("a file of ours, written anew", 4, "both write `Dockerfile`")
            .with("templates/extra/files/Dockerfile.tera", "FROM scratch\n"),
        ruled("an unknown key", 2, "lock = 1\n", "unknown field `lock`"),
        ruled("another name", 2, "name = \"x\"\n", "cannot be read"),
        ruled("another version of the generator", 6, "generator = \">=99\"\n", "requires seaworthy `>=99`"),
        ruled("a version that is none", 2, "generator = \"new\"\n", "organisation.toml:2:13` cannot be read"),
        ruled("a file outside the project", 2, "files = [\"../../etc/passwd\"]\n", "has a part `..` (`acme/organisation.toml:2:10`)"),
        ruled("a file by its whole path", 2, "files = [\"/etc/passwd\"]\n", "is absolute"),
        ruled("a file that is not made", 6, "files = [\"SECURITY.md\"]\n", "requires `SECURITY.md`"),
        ruled("a template outside the templates left out", 2, "remove = [\"../presets\"]\n", "no built-in template `../presets`"),
        ruled("all templates left out", 2, "remove = [\"\"]\n", "no built-in template ``"),
        ruled("a declaration left out", 4, "remove = [\"docker/pack.toml\"]\n", "has no `pack.toml`"),
        label("a prefix of Kubernetes", "\"kubernetes.io/x\" = \"y\"", "Kubernetes keeps for itself"),
        label("a prefix below one of Kubernetes", "\"node.k8s.io/x\" = \"y\"", "Kubernetes keeps for itself"),
        label("a prefix that is no domain", "\"acme_corp/x\" = \"y\"", "no lower-case DNS name"),
        label("two prefixes", "\"acme.example/a/b\" = \"y\"", "is not named by letters"),
        label("a name that breaks out of YAML", "\"x: y\\n  z\" = \"y\"", "is not named by letters"),
        label("a name that is empty", "\"acme.example/\" = \"y\"", "is not named by letters"),
        label("a value that breaks out of YAML", "x = \"y\\n  privileged: true\"", "has a value of other than letters"),
        label("a value that is long", &format!("x = \"{}\"", "y".repeat(64)), "has a value of other than letters"),
        label("a value that is a number", "x = 1", "cannot be read"),
        Attack::new("a preset in a circle", 2, "extends itself")
            .with("presets/a.toml", "summary = \"x\"\nextends = \"b\"\n")
            .with("presets/b.toml", "summary = \"x\"\nextends = \"a\"\n")
            .running("new demo --org acme --yes --preset a"),
        Attack::new("a preset outside its folder", 2, "there is no preset `../organisation`")
            .with("presets/a.toml", "summary = \"x\"\nextends = \"../organisation\"\n")
            .running("new demo --org acme --yes --preset a"),
    ]);
}

#[test]
fn projects_that_breach_a_control() {
    let path = "templates/kubernetes/files/deploy/base/deployment.yaml.tera";
    let ours = fs::read_to_string(repository().join(path)).unwrap();
    let loosened =
        ours.replace("allowPrivilegeEscalation: false", "allowPrivilegeEscalation: true");
    assert!(loosened != ours);
    all_are_refused(
        [
            Attack::new("a container that may gain privileges", 5, "breaches POD-001")
                .with("templates/kubernetes/files/deploy/base/deployment.yaml.tera", loosened),
            Attack::new("objects that stand for a billion", 2, "alias expansion")
                .with("templates/extra/files/deploy/base/x.yaml.tera", yaml_bomb()),
        ]
        .map(|attack| attack.running("templates lint --org acme")),
    );
}

/// Lists of lists by reference, each ten times as long as the one before.
fn yaml_bomb() -> String {
    (1..12).fold("l0: &l0 [x, x, x, x, x, x, x, x, x, x]\n".to_owned(), |text, level| {
        let below = vec![format!("*l{}", level - 1); 10].join(", ");
        text + &format!("l{level}: &l{level} [{below}]\n")
    })
}
