use std::path::Path;

use saphyr::{LoadableYamlNode, Yaml};

use crate::world::{World, snapshot};

/// The answers that matter: every choice, each with the preset that it is laid over.
fn matrix() -> Vec<(&'static str, String)> {
    let mut runs = Vec::new();
    for preset in ["starter", "production"] {
        for dns in ["coredns", "node-local", "gke-cloud-dns", "openshift"] {
            for image in ["distroless", "slim"] {
                runs.push((preset, format!("--set dns={dns} --set runtime_image={image}")));
            }
        }
        runs.push((preset, "--set environments=dev,qa,production,eu-west".into()));
        runs.push((preset, "--set replicas_min=2 --set memory=2Gi --set cpu_request=1".into()));
        runs.push((
            preset,
            "--set port=3000 --set admin_port=3001 --set namespace=off --set name=on".into(),
        ));
    }
    runs
}

/// Every file of every project of the matrix, as path and text.
fn every_file(mut look: impl FnMut(&str, &str, &str)) {
    for (preset, flags) in matrix() {
        let world = World::new();
        let outcome = world.run(&format!("new demo --preset {preset} {flags} --yes"));
        assert_eq!(outcome.code, 0, "{flags}: {}", outcome.stderr);
        for (path, (_, content)) in snapshot(&world.path("demo")) {
            if let Some(bytes) = content {
                look(&format!("{preset} {flags}"), &path, &String::from_utf8(bytes).expect("text"));
            }
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
    assert!(seen > 200, "the files were found");
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
    for (preset, files, lines) in [("starter", 60, 3_000), ("production", 180, usize::MAX)] {
        let world = World::new();
        assert_eq!(world.run(&format!("new demo --preset {preset} --yes")).code, 0);
        let all: Vec<(String, usize)> = snapshot(&world.path("demo"))
            .into_iter()
            .filter_map(|(path, (_, content))| {
                Some((path, String::from_utf8(content?).unwrap().lines().count()))
            })
            .collect();
        assert!(all.len() <= files, "`{preset}` has {} files", all.len());
        // the lockfile and the archive, which is the same text again, are not for reading
        let read = |path: &str| path != "package-lock.json" && path != ".seaworthy/base.txtar";
        let total: usize = all.iter().filter(|(path, _)| read(path)).map(|(_, lines)| lines).sum();
        assert!(total <= lines, "`{preset}` has {total} lines");
        let service: usize =
            all.iter().filter(|(path, _)| path.starts_with("src/")).map(|(_, lines)| lines).sum();
        assert!(service <= 5_000, "the service of `{preset}` has {service} lines");
    }
}
