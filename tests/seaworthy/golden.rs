use std::collections::BTreeMap;
use std::fs;

use crate::world::{World, repository, snapshot};

/// Set to accept what is generated now: `BLESS=1 cargo test --test seaworthy golden`.
const BLESS: &str = "BLESS";

#[test]
fn starter() {
    compare("starter");
}

#[test]
fn production() {
    compare("production");
}

/// Compares the whole project that a preset makes with the committed one. What derives from the
/// rest is left out: the archive is the same text again, and the lock is compared without digests.
fn compare(preset: &str) {
    let world = World::new();
    let outcome = world.run(&format!("new demo --preset {preset} --yes"));
    assert_eq!(outcome.code, 0, "{}", outcome.stderr);
    let generated: BTreeMap<String, String> = snapshot(&world.path("demo"))
        .into_iter()
        .filter_map(|(path, (_, content))| Some((path, String::from_utf8(content?).expect("text"))))
        .filter(|(path, _)| path != ".seaworthy/base.txtar")
        .map(|(path, text)| {
            (
                path,
                text.lines()
                    .filter(|line| !line.contains("\"sha256:"))
                    .map(|line| format!("{line}\n"))
                    .collect(),
            )
        })
        .collect();
    let golden = repository().join("tests/golden").join(preset);
    if std::env::var_os(BLESS).is_some() {
        if golden.exists() {
            fs::remove_dir_all(&golden).expect("the old tree goes");
        }
        for (path, text) in &generated {
            let place = golden.join(path);
            fs::create_dir_all(place.parent().expect("a parent")).expect("folders");
            fs::write(place, text).expect("a golden file");
        }
    }
    let committed: BTreeMap<String, String> = snapshot(&golden)
        .into_iter()
        .filter_map(|(path, (_, content))| Some((path, String::from_utf8(content?).expect("text"))))
        .collect();
    let names = |tree: &BTreeMap<String, String>| tree.keys().cloned().collect::<Vec<_>>();
    let hint = format!(
        "if this is meant, run `{BLESS}=1 cargo test --test seaworthy golden` and read the diff"
    );
    assert_eq!(names(&generated), names(&committed), "the files of `{preset}` changed; {hint}");
    for (path, text) in &generated {
        assert_eq!(text, &committed[path], "`{path}` of `{preset}` changed; {hint}");
    }
}
