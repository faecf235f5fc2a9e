use std::collections::{BTreeSet, HashSet};
use std::path::Path;

use saphyr::{LoadableYamlNode, Yaml};
use seaworthy::answer::{Type, Value};
use seaworthy::template::{Shelves, TemplateSet};

use crate::matrix::{MATRIX, Made};
use crate::properties::text;
use crate::world::{World, snapshot};

/// Every file of every project of the matrix, once if it is the same in several: the answers in words, the path, the
/// text.
fn every_file(mut look: impl FnMut(&str, &str, &str)) {
    let mut seen = HashSet::new();
    for made in MATRIX.iter() {
        for (path, file) in made.tree.iter() {
            if seen.insert((path, &file.text)) {
                look(&made.words, path.as_str(), &file.text);
            }
        }
    }
}

#[test]
fn every_choice_is_made() {
    let set = TemplateSet::load(&Shelves::open(None).unwrap()).unwrap();
    for question in set.questions().iter().filter(|question| question.kind == Type::Choice) {
        for choice in question.choice_values() {
            let value = Value::Text(choice.to_owned());
            let made = |made: &Made| made.answers.get(&question.key) == Some(&value);
            assert!(MATRIX.iter().any(made), "no project has `{}={choice}`", question.key);
        }
    }
}

#[test]
fn every_file_parses() {
    let mut seen = 0;
    every_file(|run, path, text| {
        let fault = match Path::new(path).extension().and_then(|suffix| suffix.to_str()) {
            Some("yaml" | "yml") => Yaml::load_from_str(text).err().map(|error| error.to_string()),
            Some("json") => {
                serde_json::from_str::<serde_json::Value>(text).err().map(|error| error.to_string())
            }
            Some("toml") => text.parse::<toml::Table>().err().map(|error| error.to_string()),
            _ => return,
        };
        assert_eq!(fault, None, "{run}: {path}");
        seen += 1;
    });
    assert!(seen > 500, "{seen} files were found");
}

#[test]
fn every_file_is_tidy() {
    every_file(|run, path, text| {
        let place = format!("{run}: {path}");
        for mark in ["«", "»", "<%", "%>", "<#", "#>"] {
            assert!(!text.contains(mark), "{place} has a leftover `{mark}`");
        }
        assert!(
            text.ends_with('\n') && !text.ends_with("\n\n"),
            "{place} does not end in one newline"
        );
        assert!(!text.contains("\n\n\n"), "{place} has two empty lines in a row");
        assert!(!text.starts_with('\n'), "{place} begins with an empty line");
        let blank = text.lines().position(|line| line.ends_with([' ', '\t']));
        assert_eq!(blank, None, "{place} has trailing blanks");
    });
}

#[test]
fn a_project_is_small_enough_to_be_read() {
    // What is reached; the aims are 60 files and 3,000 lines for `starter`, 180 files and 5,000 lines of
    // service, which is `src/` without the operators' `commands/`, for the others.
    for (preset, files, lines, service) in [
        ("starter", 150, 14_200, 7_350),
        ("production", 180, 17_050, 8_100),
        ("regulated", 194, 18_350, 8_250),
        ("cost-optimized", 178, 16_650, 7_850),
        ("airgapped", 180, 17_050, 8_100),
    ] {
        let world = World::new();
        assert_eq!(world.run(&format!("new demo --preset {preset} --yes")).code, 0);
        // lockfiles, vectors and the archive, which is the same text again, are not for reading
        let unread = |path: &str| {
            ["package-lock.json", ".seaworthy/base.txtar"].contains(&path)
                || path.starts_with("test/conformance/vectors/")
        };
        let read: Vec<(String, usize)> = snapshot(&world.path("demo"))
            .into_iter()
            .filter(|(path, _)| !unread(path))
            .filter_map(|(path, (_, content))| {
                Some((path, String::from_utf8(content?).unwrap().lines().count()))
            })
            .collect();
        let count = |below: &str| -> usize {
            let below = read.iter().filter(|(path, _)| path.starts_with(below));
            below.map(|(_, lines)| lines).sum()
        };
        assert!(read.len() <= files, "`{preset}` has {} files", read.len());
        assert!(count("") <= lines, "`{preset}` has {} lines", count(""));
        assert!(count("src/") <= service, "the service of `{preset}` has {} lines", count("src/"));
    }
}

#[test]
fn every_setting_is_in_the_example() {
    for made in MATRIX.iter() {
        let text = |path: &str| text(&made.tree, path);
        let names = |path: &str, before: &str, after: &str| -> BTreeSet<String> {
            let lines = text(path).lines();
            let names =
                lines.filter_map(|line| Some(line.strip_prefix(before)?.split_once(after)?.0));
            let is_name = |name: &&str| {
                name.chars().all(|c| c == '_' || c.is_ascii_uppercase() || c.is_ascii_digit())
            };
            names.filter(is_name).map(str::to_owned).collect()
        };
        let settings = names("src/config.ts", "  ", ": ");
        assert!(settings.len() > 40, "{} settings were found", settings.len());
        assert_eq!(names(".env.example", "#", "="), settings, "{}", made.words);
    }
}

#[test]
fn images_come_from_where_the_answers_say() {
    for made in MATRIX.iter() {
        let text = |path: &str| text(&made.tree, path);
        let answer = |key: &str| made.answers.get(key).and_then(Value::as_text).unwrap_or_default();
        let account = Yaml::load_from_str(text("deploy/base/serviceaccount.yaml")).unwrap();
        let named = |place: Option<&Yaml>| Some(place?.as_str()?.to_owned());
        let secret = account[0].as_mapping_get("imagePullSecrets").map(|all| &all[0]["name"]);
        let wanted = Some(answer("pull_secret")).filter(|secret| !secret.is_empty());
        assert_eq!(named(secret).as_deref(), wanted, "{}", made.words);

        let mirror = answer("image_mirror");
        let dockerfile = text("Dockerfile");
        let stated = format!("ARG MIRROR=\"{mirror}/\"\n");
        assert_eq!(dockerfile.contains(&stated), !mirror.is_empty(), "{}", made.words);
        let bases =
            dockerfile.lines().filter(|line| line.starts_with("FROM ") && line.contains('/'));
        let through = bases.map(|line| line.contains(" ${MIRROR}")).collect::<Vec<_>>();
        assert_eq!(through, [!mirror.is_empty(); 2], "{}", made.words);
    }
}
