use std::process::Command;

use saphyr::{LoadableYamlNode, Yaml};

use crate::packs::lint;
use crate::world::World;

/// What tries to get out of its place, or to be read as something else.
const HOSTILE: [&str; 58] = [
    "plain",
    "two words",
    " ",
    " blanks at the ends ",
    "\t",
    "",
    "a\nb: c",
    "a\r\nb",
    "\u{0}",
    "\u{7f}",
    "\u{85}",
    "\u{9b}31m",
    "\u{2028}",
    "\u{2029}",
    "\u{feff}x",
    "\u{202e}evil",
    "\u{fffe}\u{ffff}",
    "é 日本 🚢",
    "'",
    "\"",
    "`",
    "'; rm -rf /; '",
    "\"; rm -rf /; \"",
    "$(id)",
    "`id`",
    "${HOME}",
    "$$",
    "\\",
    "\\\\",
    "a\\",
    "a\\#b",
    "# heading",
    "a # comment",
    "- item",
    "* item",
    "+ item",
    "1. item",
    "1.5",
    "=",
    "---",
    "...",
    "a: b",
    "{a: b}",
    "[a]",
    "&a",
    "*a",
    "!tag",
    "%YAML",
    "@a",
    "|",
    "<<",
    "null",
    "on",
    "0x1f",
    "2001-12-14",
    "190:20:30",
    "</script><!--",
    "«description»",
];

/// A text as the template language writes it.
fn literal(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
}

/// Renders one line of a template for every text, in a file of its own: `VALUE` is the text.
fn render(line: &str, texts: &[&str]) -> Vec<String> {
    let world = World::new();
    world.write("acme/organisation.toml", "name = \"acme\"\n");
    let pack = "title = \"Extra\"\nsummary = \"More.\"\norder = 900\n";
    world.write("acme/templates/extra/pack.toml", pack);
    for (number, text) in texts.iter().enumerate() {
        let template = format!("{}\n", line.replace("VALUE", &literal(text)));
        world.write(&format!("acme/templates/extra/files/out/{number}.tera"), &template);
    }
    let outcome = world.run("new demo --org acme --yes --quiet");
    assert_eq!(outcome.code, 0, "{}", outcome.stderr);
    let made = |number| world.read(&format!("demo/out/{number}"));
    (0..texts.len()).map(|number| made(number).trim_end_matches('\n').to_owned()).collect()
}

#[test]
fn json_holds_every_text() {
    for (text, made) in HOSTILE.iter().zip(render("«VALUE | json»", &HOSTILE)) {
        assert_eq!(serde_json::from_str::<String>(&made).unwrap(), *text, "{made}");
        // for YAML, old JavaScript and the reader's eye
        let seen = |c: char| {
            !c.is_control() && !"\u{2028}\u{2029}\u{202e}\u{feff}\u{fffe}\u{ffff}".contains(c)
        };
        assert!(made.chars().all(seen), "{made:?}");
        assert_eq!(Yaml::load_from_str(&made).unwrap()[0].as_str(), Some(*text), "{made}");
        assert_eq!(made.parse::<toml::Value>().unwrap().as_str(), Some(*text), "{made}");
    }
}

#[test]
fn toml_holds_every_text() {
    for (text, made) in HOSTILE.iter().zip(render("«VALUE | toml»", &HOSTILE)) {
        let whole = format!("key = {made} # comment\nother = 1\n");
        let table: toml::Table = whole.parse().unwrap_or_else(|error| panic!("{whole}: {error}"));
        assert_eq!(table["key"].as_str(), Some(*text), "{whole}");
    }
}

#[test]
fn yaml_holds_every_text() {
    for (text, made) in HOSTILE.iter().zip(render("«VALUE | yaml»", &HOSTILE)) {
        for (whole, at) in [
            (format!("- {made} # comment\n- x\n"), 0),
            (format!("- k: {made}\n- x\n"), 1),
            (format!("- {made}: x\n- x\n"), 2),
            (format!("- [{made}, x]\n- x\n"), 3),
            (format!("- {{{made}: x, k2: y}}\n- x\n"), 2),
        ] {
            let documents =
                Yaml::load_from_str(&whole).unwrap_or_else(|error| panic!("{whole}: {error}"));
            let root = documents[0].as_vec().unwrap();
            assert_eq!(root.len(), 2, "{whole}");
            let found = match at {
                0 => root[0].as_str(),
                1 => root[0].as_mapping_get("k").unwrap().as_str(),
                2 => root[0].as_mapping().unwrap().keys().next().unwrap().as_str(),
                _ => root[0].as_vec().unwrap()[0].as_str(),
            };
            assert_eq!(found, Some(*text), "{whole}");
        }
    }
}

/// A reader of YAML 1.1 takes these for something else than text.
#[test]
fn yaml_quotes_what_either_version_takes_for_no_text() {
    let texts = [
        "y",
        "N",
        "yes",
        "No",
        "on",
        "OFF",
        "true",
        "False",
        "null",
        "NULL",
        "~",
        "=",
        "<<",
        ".inf",
        "-.INF",
        ".nan",
        "1",
        "-1",
        "+1",
        "1_000",
        "010",
        "0o7",
        "0x1f",
        "0b1",
        "1e3",
        "1.5",
        ".5",
        "190:20:30",
        "2001-12-14",
        "12:30",
        "a:",
        "a: b",
        "a #b",
        "-",
        "- a",
        "?",
        "? a",
        "a,",
        "a]",
        "@a",
        "`a`",
        "%a",
        "a\\b",
    ];
    for (text, made) in texts.iter().zip(render("«VALUE | yaml»", &texts)) {
        assert!(made.starts_with('"'), "{text} is plain");
    }
    let texts = ["demo", "a-b", "v1.35", "a/b_c", "A=b", "e3", "none", "inf"];
    assert_eq!(render("«VALUE | yaml»", &texts), texts);
}

#[test]
fn sh_holds_every_text_that_a_shell_can_hold() {
    let texts: Vec<&str> = HOSTILE.into_iter().filter(|text| !text.contains('\0')).collect();
    for (text, made) in texts.iter().zip(render("«VALUE | sh»", &texts)) {
        let output = Command::new("/bin/sh")
            .args(["-c", &format!("printf '%s.' {made}x")])
            .output()
            .unwrap();
        assert_eq!(String::from_utf8(output.stdout).unwrap(), format!("{text}x."), "{made}");
    }
}

/// The filters whose readers are no libraries, each with the rule that makes it so.
#[test]
fn other_places_hold_what_they_are_given() {
    let cases = [
        // CommonMark: a backslash before punctuation takes its meaning away
        (
            "md",
            "*a* _b_ `c` [d](e) <f> &amp; #g | ~h~ $i$ !j",
            r"\*a\* \_b\_ \`c\` \[d\](e) \<f\> \&amp; \#g \| \~h\~ \$i\$ \!j",
        ),
        ("md", "1. a", r"1\. a"),
        ("md", "2)", r"2\)"),
        ("md", "1.5 times", "1.5 times"),
        ("md", "- a", r"\- a"),
        ("md", "+ a", r"\+ a"),
        ("md", "===", r"\==="),
        ("md", "    a", "a"),
        ("md", "a\n\n# b", r"a  \# b"),
        // and takes none of it away within code
        ("code", "a_b*c", "`a_b*c`"),
        ("code", "a`b|c", "<code>a&#96;b&#124;c</code>"),
        ("code", "</code>`", "<code>&#60;&#47;code&#62;&#96;</code>"),
        ("code", " a", "<code> a</code>"),
        // GNU make: `$$` is `$`, `\#` is `#`, and 2n+1 backslashes before `#` are n of them and `#`
        ("make", "$(shell id)", "$$(shell id)"),
        ("make", "a#b", r"a\#b"),
        ("make", r"a\#b", r"a\\\#b"),
        ("make", r"a\\#b", r"a\\\\\#b"),
        ("make", r"a\b", r"a\b"),
        ("make", r"a\", r"a\$()"),
        ("make", " a", "$() a"),
        ("recipe", "it's $HOME # \\", r"'it'\''s $$HOME # \'"),
        // BuildKit: within double quotes `\` escapes `\`, `"` and `$`
        ("docker", r#"a"b\c${d}"#, r#""a\"b\\c\${d}""#),
        ("docker", "`a` # 'b'", "\"`a` # 'b'\""),
        ("env", "it's = a \"b\" c", "it's = a \"b\" c"),
    ];
    for (filter, text, expected) in cases {
        assert_eq!(render(&format!("«VALUE | {filter}»"), &[text]), [expected], "{filter}: {text}");
    }
}

#[test]
fn a_place_without_line_breaks_refuses_them() {
    let refused = [
        ("make", "a\nb"),
        ("recipe", "a\nb"),
        ("docker", "a\nb"),
        ("env", "a\nb"),
        ("env", "$a"),
        ("env", "a #b"),
        ("env", "'a'"),
        ("env", " a"),
        ("env", "a\\"),
    ];
    for (filter, text) in refused {
        let template = format!("«{} | {filter}»\n", literal(text));
        let (code, stderr) = lint("", &[("files/out.tera", &template)]);
        assert_eq!(code, 4, "{filter}: {text:?}: {stderr}");
    }
}

/// Questions of every type, and facts over them.
const DECLARATION: &str = r#"
[[question]]
key = "motto"
type = "text"
prompt = "x"
help = "x"
default = "x"

[[question]]
key = "odd"
type = "choice"
prompt = "x"
help = "x"
default = "*"
choices = [{ value = "*", help = "x" }]

[facts]
mottos = '[motto, "x"]'
shouted = 'motto | upper'
said = '"no" if motto == "x" else "yes"'
joined = 'name ~ "-" ~ (environments | first)'
quoted = 'motto | json'
number = '(memory | mebibytes) + 1'
"#;

/// Each file and its text; every one is refused with these words.
const REFUSED: [(&str, &str, &str); 52] = [
    ("a.yaml", "- run: |\n    echo «motto | yaml»\n", "into a shell's line"),
    ("a.yaml", "a: >-\n  «motto»\nb: x\n", "into a file of no known kind"),
    ("a.yaml", "- run: |\n    echo\n  b: «motto | sh»\n", "into YAML"),
    (
        "a.mk",
        "a:\n\techo \n\n<%- if motto %>«motto | make»<% endif %>\n",
        "into a recipe of a Makefile",
    ),
    (
        "a.md",
        "<% set port = motto %>«port»\n",
        "gives `port`, which stands for something else, another meaning",
    ),
    ("a.md", "<% for port in [motto] %>«port»<% endfor %>\n", "another meaning"),
    (
        "a.yaml",
        "a: «motto»\n",
        "a.yaml.tera:1:4` puts `motto` into YAML without its filter\n  hint: end it with `| yaml` or `| json`",
    ),
    ("a.yaml", "a: «name»\n", "into YAML"),
    ("a.yml", "a: \"«name»\"\n", "into YAML"),
    ("a.yaml", "a: «environments | first»\n", "into YAML"),
    ("a.yaml", "<% for one in environments %>- «one»\n<% endfor %>", "puts `one` into YAML"),
    (
        "a.yaml",
        "<% for label in labels %>a: «label.value»\n<% endfor %>",
        "puts `label.value` into YAML",
    ),
    ("a.yaml", "<% set copy = motto %>a: «copy»\n", "puts `copy` into YAML"),
    (
        "a.yaml",
        "a: «motto | yaml»-admin\n",
        "puts `motto | yaml` beside other text, and `yaml` brings its own quotes",
    ),
    ("a.yaml", "a: «name | yaml»«name | yaml»\n", "beside other text"),
    ("a.yaml", "a: \"it is «motto | yaml»\"\n", "between quotes"),
    ("a.yaml", "a: «motto | yaml | upper»\n", "into YAML"),
    ("a.yaml", "a: «motto | yaml ~ motto»\n", "into YAML"),
    ("a.yaml", "a: «motto | safe»\n", "into YAML"),
    ("a.yaml", "a: «motto if port > 1 else \"x\"»\n", "into YAML"),
    ("a.yaml", "a: «\"x\" if port > 1 else motto»\n", "into YAML"),
    ("a.yaml", "a: «joined»\n", "into YAML"),
    ("a.json", "{\"a\": \"«name»\"}\n", "into JSON"),
    ("a.json", "{\"a\": «memory»}\n", "into JSON"),
    ("a.json", "{\"a\": «motto | yaml»}\n", "into JSON"),
    ("a.json", "{\"a\": \"«motto | json»\"}\n", "between quotes"),
    ("a.toml", "a = «name»\n", "into TOML"),
    ("a.toml", "a = «motto | sh»\n", "into TOML"),
    ("a.ts", "const a = `«motto | json»`;\n", "between quotes"),
    ("a.mjs", "const a = «odd»;\n", "into a program"),
    ("a.sh", "echo «motto»\n", "into a shell's line"),
    ("a.sh", "echo \"so: «motto | sh»\"\n", "between quotes"),
    ("a.sh", "echo \"so: \\\n «motto | sh»\"\n", "between quotes"),
    ("a.sh", "echo «odd»\n", "into a shell's line"),
    ("a.sh", "echo «environments»\n", "into a shell's line"),
    ("a.md", "«motto»\n", "into Markdown"),
    ("a.md", "`«motto | md»`\n", "between quotes"),
    ("a.md", "«quoted»\n", "into Markdown"),
    ("a.md", "«shouted»\n", "into Markdown"),
    ("a.md", "«mottos | join(sep=\" \")»\n", "into Markdown"),
    ("a.md", "```sh\necho «motto | md»\n```\n", "into a shell's line"),
    ("a.mk", "A := «motto»\n", "into a Makefile"),
    ("a.mk", "a:\n\techo «motto | make»\n", "into a recipe of a Makefile"),
    ("b/Dockerfile", "LABEL a=«motto | json»\n", "into a Dockerfile"),
    ("b/Dockerfile", "RUN true && \\\n  echo «motto | docker»\n", "into a shell's line"),
    ("b/.env.local", "A=«motto»\n", "into an env file"),
    ("b/CODEOWNERS", "* «motto»\n", "into a file of no known kind"),
    ("a.md", "<% filter upper %>x<% endfilter %>«port»\n", "changes what is quoted with `filter`"),
    ("a.md", "<% set a | upper %>x<% endset %>«port»\n", "changes what is quoted with `set`"),
    ("a.md", "<% raw %><# <% endraw %>«motto»<# #>\n", "into Markdown"),
    ("a.md", "«\"»\" ~ motto»\n", "into Markdown"),
    (
        "a.md",
        "<% if motto %>\n<%- endif %>\nno «- motto -»\n",
        "a.md.tera:3:4` puts `motto` into Markdown",
    ),
];

#[test]
fn a_value_without_its_filter_is_refused() {
    for (file, text, words) in REFUSED {
        let (code, stderr) = lint(DECLARATION, &[(&format!("files/{file}.tera"), text)]);
        assert!(stderr.contains(words), "{file}: {text}: `{words}` is not in: {stderr}");
        assert_eq!(code, 4, "{file}: {text}");
    }
}

#[test]
fn what_becomes_part_of_a_file_is_held_to_its_rule() {
    let extends = "<% extends \"extra/base.tera\" %>\n";
    let cases: [&[(&str, &str)]; 3] = [
        &[("files/a.json.tera", extends), ("base.tera", "«motto | md»\n")],
        &[
            ("files/a.toml.tera", "<% include \"extra/base.tera\" %>\n"),
            ("base.tera", "«motto | md»\n"),
        ],
        &[("slots/readme.tera", "«motto | json»\n")],
    ];
    for files in cases {
        let (code, stderr) = lint(DECLARATION, files);
        assert!(stderr.contains("without its filter"), "{files:?}: {stderr}");
        assert_eq!(code, 4);
    }
    // a skeleton that nothing extends is no part of any file
    assert_eq!(lint(DECLARATION, &[("base.tera", "«motto»\n")]).0, 0);
}

#[test]
fn a_value_with_its_filter_is_taken() {
    let files = [
        (
            "files/a.yaml.tera",
            "a: «motto | yaml»\n«(name ~ \"-x\") | yaml»: [«name | yaml», «port», «memory»]\nb: «environments | json»\nc: «said»\nd: «number»\n<%- for label in labels %>\n«label.key | yaml»: «label.value | yaml»\n<%- endfor %>\n# don't: «motto | json»\n",
        ),
        ("files/a.json.tera", "{\"a\": «motto | json», \"b\": [«port»]}\n"),
        ("files/a.toml.tera", "a = «motto | toml»\n"),
        ("files/a.ts.tera", "const a = f(«motto | json», `${x}`);\n"),
        ("files/a.sh.tera", "#!/bin/sh\necho «motto | sh» «name» --b=«motto | sh»\n"),
        (
            "files/b/NOTES.md.tera",
            "# «name»\n\n«motto | md» and «motto | code», `«name»`, «joined», it's «environments | join(sep=\", \")»\n\n```sh\necho «motto | sh»\n```\n\n«said»\n",
        ),
        ("files/b/Makefile.tera", "A := «motto | make»\nb:\n\techo «motto | recipe» «name»\n"),
        ("files/b/Dockerfile.tera", "LABEL a=«motto | docker»\nRUN echo «motto | sh»\n"),
        ("files/b/.env.tera", "A=«motto | env»\nB=«name»\n"),
        ("files/b/CODEOWNERS.tera", "* «motto | env»\n"),
        ("files/b/note.tera", "<% raw %>«motto»<% endraw %>\n"),
    ];
    let (code, stderr) = lint(DECLARATION, &files);
    assert_eq!((code, stderr.as_str()), (0, ""));
}
