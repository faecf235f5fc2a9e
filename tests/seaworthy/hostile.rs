use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::symlink;

use crate::attack::{Attack, NOTES, all_are_refused};
use crate::world::World;

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
        Attack::new("in a fact", 4, "take too").declaring(
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
