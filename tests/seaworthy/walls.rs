use std::collections::{BTreeMap, BTreeSet};
use std::fs;

use crate::world::repository;

/// The floors, lowest first. Rooms on one floor do not use each other, but that `project` and
/// `audit` share one.
const FLOORS: [(&str, usize); 8] = [
    ("error", 0),
    ("tree", 1),
    ("answer", 2),
    ("audit", 3),
    ("project", 3),
    ("template", 4),
    ("ui", 5),
    ("cli", 6),
];

/// Every source file, by its path below `src`.
fn sources() -> BTreeMap<String, String> {
    let mut found = BTreeMap::new();
    let root = repository().join("src");
    let mut folders = vec![root.clone()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else {
                let name = path.strip_prefix(&root).unwrap().display().to_string();
                found.insert(name, fs::read_to_string(path).unwrap());
            }
        }
    }
    found
}

fn floor_of(room: &str) -> usize {
    FLOORS
        .iter()
        .find(|(name, _)| *name == room)
        .unwrap_or_else(|| panic!("`{room}` is on no floor"))
        .1
}

#[test]
fn no_file_imports_a_floor_above_its_own() {
    let mut seen = 0;
    for (file, text) in sources() {
        let room = file.split(['/', '.']).next().unwrap();
        if ["main", "lib"].contains(&room) {
            continue;
        }
        for (at, _) in text.match_indices("crate::") {
            let used: String =
                text[at + 7..].chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
            let same = used == room;
            assert!(
                same || floor_of(&used) < floor_of(room),
                "src/{file} uses `{used}`, which is not below it"
            );
            seen += 1;
        }
    }
    assert!(seen > 50, "the imports were found");
}

#[test]
fn no_command_imports_another() {
    let files: BTreeMap<String, String> = sources()
        .into_iter()
        .filter(|(file, _)| file.starts_with("cli/") && file != "cli/mod.rs")
        .collect();
    let commands: BTreeSet<&str> = files
        .iter()
        .filter(|(_, text)| text.contains("pub fn run("))
        .filter_map(|(file, _)| file.strip_prefix("cli/")?.strip_suffix(".rs"))
        .collect();
    assert!(commands.contains("new") && commands.contains("templates"));
    for (file, text) in &files {
        for command in &commands {
            assert!(
                !text.contains(&format!("super::{command}")),
                "src/{file} uses the command `{command}`"
            );
        }
    }
}

#[test]
fn files_are_short() {
    for (file, text) in sources() {
        assert!(text.lines().count() <= 300, "src/{file} has {} lines", text.lines().count());
    }
}

#[test]
fn what_is_generated_and_written_here_speaks_of_no_machine() {
    let mut folders = ["src", "templates", "presets", "docs", "tests", ".github"]
        .map(|folder| repository().join(folder))
        .to_vec();
    let mut seen = 0;
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            let text = fs::read_to_string(&path).unwrap_or_default();
            for mark in
                [concat!("/ro", "ot/"), concat!("/wo", "rk/"), concat!("registry.npm", "js.org")]
            {
                assert!(!text.contains(mark), "{} names `{mark}`", path.display());
            }
            seen += 1;
        }
    }
    assert!(seen > 50, "the files were found");
}
