use crate::world::World;

#[test]
fn the_builtin_templates_are_sound() {
    let outcome = World::new().run("templates lint");
    assert_eq!(outcome.code, 0, "{}", outcome.stderr);
    assert!(outcome.stdout.contains("5 presets"), "{}", outcome.stdout);
}

/// An organisation with one pack, `extra`, whose declaration and files are given.
pub fn lint(declaration: &str, files: &[(&str, &str)]) -> (i32, String) {
    let world = World::new();
    world.write("acme/organisation.toml", "name = \"acme\"\n");
    world.write(
        "acme/templates/extra/pack.toml",
        &format!("title = \"Extra\"\nsummary = \"More.\"\norder = 900\n{declaration}"),
    );
    for (path, text) in files {
        world.write(&format!("acme/templates/extra/{path}"), text);
    }
    let outcome = world.run("templates lint --org acme");
    (outcome.code, outcome.stderr)
}

#[test]
fn a_pack_that_keeps_the_rules_is_taken() {
    let (code, stderr) = lint(
        "[facts]\ntwice = \"replicas_min * 2\"\n",
        &[("files/NOTES.md.tera", "«name», «twice»\n")],
    );
    assert_eq!((code, stderr.as_str()), (0, ""));
}

/// The declaration of a control that is sound but for what a case breaks.
const CONTROL: &str = r#"
[[control]]
id = "EXT-001"
title = "There are notes"
severity = "low"
why = "So that somebody reads them."
fix = "Write some."
refs = ["SRE"]
"#;

/// The words of the refusal, the declaration that earns it, and the pack's files.
type Case = (&'static str, String, Vec<(&'static str, &'static str)>);

#[test]
fn every_rule_for_packs_is_held() {
    let probe = format!("{CONTROL}probe = {{ file = \"NOTES.md\", contains = \"notes\" }}\n");
    let cases: Vec<Case> = vec![
        ("cannot be read: unknown field", "titel = \"x\"\n".into(), vec![]),
        ("does not end in `.tera`", String::new(), vec![("files/NOTES.md", "x\n")]),
        ("is in no folder of a pack", String::new(), vec![("other/NOTES.md.tera", "x\n")]),
        ("both write `README.md`", String::new(), vec![("files/README.md.tera", "x\n")]),
        ("speaks of no file", "[[rule]]\npath = \"NOTES.txt\"\n".into(), vec![("files/NOTES.md.tera", "x\n")]),
        ("names `langage`, which no question before it asks; did you mean `language`?", "when = { langage = \"typescript\" }\n".into(), vec![]),
        ("wants `language` to be `rust`", "when = { language = \"rust\" }\n".into(), vec![]),
        ("uses `nmae`, which is no question or fact", String::new(), vec![("files/NOTES.md.tera", "<% if nmae %>x<% endif %>\n")]),
        ("fact twice` uses `thrice`", "[facts]\ntwice = \"thrice - 1\"\nthrice = \"3\"\n".into(), vec![]),
        ("the name `port` is taken", "[facts]\nport = \"1\"\n".into(), vec![]),
        ("does not take its own default", "[[question]]\nkey = \"level\"\ntype = \"int\"\nprompt = \"x\"\nhelp = \"x\"\ndefault = 1\nmin = 2\n".into(), vec![]),
        ("takes its default from `later`", "[[question]]\nkey = \"level\"\ntype = \"int\"\nprompt = \"x\"\nhelp = \"x\"\ndefault_from = \"later\"\n".into(), vec![]),
        ("which is no list question", "[[rule]]\npath = \"%it%.md\"\neach = { it = \"name\" }\n".into(), vec![("files/%it%.md.tera", "x\n")]),
        ("is neither a label question nor bound by a rule", String::new(), vec![("files/%owner%.md.tera", "x\n")]),
        ("adds to a slot that no file takes up", String::new(), vec![("slots/nobody.tera", "x\n")]),
        ("takes up `slots.nobody`, which no pack fills", String::new(), vec![("files/NOTES.md.tera", "<% for part in slots.nobody %>«part»<% endfor %>\n")]),
        ("cannot be rendered", String::new(), vec![("files/NOTES.md.tera", "«name\n")]),
        ("the templates do not fit together", String::new(), vec![("files/NOTES.md.tera", "«name | shout»\n")]),
        ("the templates do not fit together", String::new(), vec![("files/NOTES.md.tera", "<% extends \"extra/files/NOTES.md.tera\" %>\n")]),
        ("has not exactly one test", format!("{CONTROL}probe = {{ file = \"README.md\" }}\nmutant = {{ file = \"README.md\", from = \"a\", to = \"b\" }}\n"), vec![]),
        ("is declared twice", format!("{CONTROL}probe = {{ file = \"README.md\", contains = \"demo\" }}\nmutant = {{ file = \"README.md\", from = \"a\", to = \"b\" }}\n").replace("EXT-001", "NET-001"), vec![]),
        ("which no pack writes", format!("{probe}mutant = {{ file = \"NOTES.txt\", from = \"a\", to = \"b\" }}\n"), vec![("files/NOTES.md.tera", "notes\n")]),
        ("does not catch its mutant", format!("{probe}mutant = {{ file = \"NOTES.md\", from = \"x\", to = \"y\" }}\n"), vec![("files/NOTES.md.tera", "notes x\n")]),
        ("can be made in no preset's project", format!("{probe}mutant = {{ file = \"NOTES.md\", from = \"absent\", to = \"y\" }}\n"), vec![("files/NOTES.md.tera", "notes\n")]),
    ];
    // Waived by the pack's own project: only its cure can show that the control is one.
    let waived = vec![
        ("files/NOTES.md.tera", "x\n"),
        (
            "slots/waivers.tera",
            "[[waiver]]\nid = \"EXT-001\"\npath = \"NOTES.md\"\nreason = \"x\"\nowner = \"x\"\nuntil = \"x\"\n",
        ),
    ];
    let cure = |file: &str, to: &str, mutant: &str| {
        format!(
            "{probe}cure = {{ file = \"{file}\", from = \"x\", to = \"{to}\" }}\nmutant = {{ file = \"NOTES.md\", from = \"{mutant}\", to = \"y\" }}\n"
        )
    };
    let cured = [
        (
            "can be made in no preset's project",
            format!("{probe}mutant = {{ file = \"NOTES.md\", from = \"x\", to = \"y\" }}\n"),
            waived.clone(),
        ),
        (
            "can be made in no preset's project",
            cure("NOTES.md", "nothing", "nothing"),
            waived.clone(),
        ),
        ("does not catch its mutant", cure("NOTES.md", "notes and more", "more"), waived.clone()),
        (
            "the cure of control `EXT-001` changes `NOTES.txt`, which no pack writes",
            cure("NOTES.txt", "notes", "notes"),
            waived.clone(),
        ),
    ];
    for (words, declaration, files) in cases.into_iter().chain(cured) {
        let (code, stderr) = lint(&declaration, &files);
        assert!(stderr.contains(words), "`{words}` is not in: {stderr}");
        assert_eq!(code, if words.contains("unknown field") { 2 } else { 4 }, "{words}");
    }
}

#[test]
fn a_waived_control_is_proved_by_its_cure() {
    let declaration = format!(
        "{CONTROL}probe = {{ file = \"NOTES.md\", contains = \"notes\" }}\ncure = {{ file = \"NOTES.md\", from = \"x\", to = \"notes\" }}\nmutant = {{ file = \"NOTES.md\", from = \"notes\", to = \"y\" }}\n"
    );
    let waiver = "[[waiver]]\nid = \"EXT-001\"\npath = \"NOTES.md\"\nreason = \"x\"\nowner = \"x\"\nuntil = \"x\"\n";
    let files = [("files/NOTES.md.tera", "x\n"), ("slots/waivers.tera", waiver)];
    assert_eq!(lint(&declaration, &files), (0, String::new()));
}

#[test]
fn a_breach_of_a_control_fails() {
    let declaration = format!(
        "{CONTROL}probe = {{ file = \"NOTES.md\", contains = \"notes\" }}\nmutant = {{ file = \"NOTES.md\", from = \"x\", to = \"y\" }}\n"
    );
    let (code, stderr) = lint(&declaration, &[("files/NOTES.md.tera", "x\n")]);
    assert_eq!(code, 5, "{stderr}");
    assert!(
        stderr.contains(
            "breaches EXT-001 (There are notes): must contain \"notes\" (`NOTES.md:1:1`)\n  hint: Write some.\n"
        ),
        "{stderr}"
    );
}
