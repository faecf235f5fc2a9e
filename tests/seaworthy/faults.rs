use std::fs;
use std::path::Path;

use seaworthy::error::{Error, Kind};
use seaworthy::project::{LOCK, Plan, Step, apply, recover_target};
use seaworthy::tree::{File, Tree, TreePath};

use crate::world::{World, snapshot};

/// A project of a few files, in folders and beside each other.
fn tree() -> Tree {
    let mut tree = Tree::new();
    for (path, text) in [
        ("README.md", "new\n"),
        ("a/b/c.txt", "new\n"),
        ("a/run.sh", "#!/bin/sh\n"),
        (LOCK, "new\n"),
    ] {
        tree.insert(TreePath::new(path).unwrap(), File::new(text)).unwrap();
    }
    tree
}

fn plan(target: &Path) -> Plan {
    Plan::between(target, tree(), &TreePath::new(LOCK).unwrap()).unwrap()
}

/// Applies the plan and fails at the step of this number; returns how many steps were told.
fn fail_at(target: &Path, fatal: usize) -> (usize, Result<(), Error>) {
    let mut steps = 0;
    let result = apply(&plan(target), target, &mut |_| {
        steps += 1;
        if steps == fatal + 1 { Err(Error::new(Kind::Disk, "injected")) } else { Ok(()) }
    });
    (steps, result)
}

/// Injects a failure at every step in turn, into worlds prepared alike.
fn every_step(prepare: impl Fn(&World)) {
    let mut fatal = 0;
    loop {
        let world = World::new();
        prepare(&world);
        let before = world.snapshot();
        let (steps, result) = fail_at(&world.path("deep/demo"), fatal);
        if result.is_ok() {
            assert!(fatal >= 6, "the steps were told: {steps}");
            assert_eq!(fs::read_to_string(world.path("deep/demo/a/b/c.txt")).unwrap(), "new\n");
            assert!(!world.snapshot().keys().any(|path| path.contains("staging")), "no litter");
            return;
        }
        assert!(world.snapshot() == before, "a failure at step {fatal} left something behind");
        fatal += 1;
    }
}

#[test]
fn a_new_target_is_whole_or_absent() {
    every_step(|_| {});
}

#[test]
fn an_existing_target_is_whole_or_as_it_was() {
    every_step(|world| {
        world.write("deep/demo/README.md", "old\n");
        world.write("deep/demo/a/other.txt", "mine\n");
        world.write("deep/demo/.seaworthy/lock.toml", "old\n");
    });
}

#[test]
fn the_lock_is_written_last() {
    let world = World::new();
    world.write("demo/keep", "");
    let mut moved = Vec::new();
    let target = world.path("demo");
    apply(&plan(&target), &target, &mut |step| {
        if let Step::Move(path) = step {
            moved.push(path.to_string());
        }
        Ok(())
    })
    .unwrap();
    assert_eq!(moved.last().map(String::as_str), Some(LOCK));
    assert_eq!(moved.len(), 4);
}

/// A kill is what an error is, but that nobody cleans up: the files of the moment are copied away
/// at each step, and the next run starts from the copy.
#[test]
fn the_next_run_puts_back_what_a_killed_one_left() {
    let before = existing().snapshot();
    let (_, steps) = fail_existing(usize::MAX);
    for fatal in 0..steps {
        let (frozen, _) = fail_existing(fatal);
        recover_target(&frozen.path("demo"), &mut |_| Ok(())).unwrap();
        assert!(frozen.snapshot() == before, "a kill at step {fatal} was not undone");
    }
}

#[test]
fn a_run_that_is_killed_while_it_puts_back_loses_nothing() {
    let before = existing().snapshot();
    let (_, steps) = fail_existing(usize::MAX);
    let mut told = 0;
    let (world, _) = fail_existing(steps - 1);
    recover_target(&world.path("demo"), &mut |_| {
        told += 1;
        Ok(())
    })
    .unwrap();
    assert!(told > 0, "there is something to put back");
    for fatal in 0..told {
        let (world, _) = fail_existing(steps - 1);
        let mut step = 0;
        let stopped = recover_target(&world.path("demo"), &mut |_| {
            step += 1;
            if step > fatal { Err(Error::new(Kind::Disk, "injected")) } else { Ok(()) }
        });
        assert!(stopped.is_err());
        recover_target(&world.path("demo"), &mut |_| Ok(())).unwrap();
        assert!(
            world.snapshot() == before,
            "a kill at step {fatal} of putting back was not undone"
        );
    }
}

fn existing() -> World {
    let world = World::new();
    world.write("demo/README.md", "old\n");
    world.write("demo/a/other.txt", "mine\n");
    world
}

/// The state at the moment of one step, as a world of its own, and the number of steps.
fn fail_existing(fatal: usize) -> (World, usize) {
    let (world, frozen) = (existing(), World::new());
    let target = world.path("demo");
    let mut steps = 0;
    apply(&plan(&target), &target, &mut |_| {
        if steps == fatal {
            copy(&world.path(""), &frozen.path(""));
        }
        steps += 1;
        Ok(())
    })
    .unwrap();
    (frozen, steps)
}

fn copy(from: &Path, to: &Path) {
    for (path, (mode, content)) in snapshot(from) {
        use std::os::unix::fs::PermissionsExt;
        let place = to.join(path);
        match content {
            None => fs::create_dir_all(&place).unwrap(),
            Some(bytes) => {
                fs::create_dir_all(place.parent().unwrap()).unwrap();
                fs::write(&place, bytes).unwrap();
                fs::set_permissions(&place, fs::Permissions::from_mode(mode)).unwrap();
            }
        }
    }
}

#[test]
fn a_folder_that_cannot_be_written_is_named() {
    let world = World::new();
    world.write("closed/keep", "");
    world.close("closed");
    for target in ["closed/demo", "closed/deep/demo", "/proc/demo"] {
        let before = world.snapshot();
        let outcome = world.run_unprivileged(&format!("new {target} --yes"));
        assert_eq!(outcome.code, 1, "{target}: {}", outcome.stderr);
        assert!(outcome.stderr.starts_with("error: cannot make `"), "{}", outcome.stderr);
        let folder = target.split("/demo").next().unwrap();
        assert!(outcome.stderr.contains(folder), "{}", outcome.stderr);
        assert!(outcome.stderr.contains("\n  hint: "), "{}", outcome.stderr);
        assert!(world.snapshot() == before, "{target}: something was written");
    }
}

#[test]
fn an_existing_project_that_cannot_be_written_stays() {
    let world = World::new();
    assert_eq!(world.run("new demo --yes").code, 0);
    world.write("demo/README.md", "mine\n");
    world.close("demo");
    let before = world.snapshot();
    let outcome = world.run_unprivileged("new demo --yes --force");
    assert_eq!(outcome.code, 1, "{}", outcome.stderr);
    assert!(world.snapshot() == before);
}
