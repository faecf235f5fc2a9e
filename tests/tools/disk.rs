//! A disk that is full.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use tempfile::TempDir;

use crate::project::children;
use crate::toolbox::{output, run};

/// Sizes at which the disk is full at the first file, in the middle, and near the end.
const KIBIBYTES: [u32; 5] = [16, 64, 160, 240, 320];

/// A disk of its own, in memory, that goes with the test.
struct Disk {
    folder: TempDir,
}

impl Disk {
    fn new(kibibytes: u32) -> Self {
        let folder = TempDir::new().expect("a temporary folder");
        let size = format!("size={kibibytes}k");
        run(Command::new("mount").args(["-t", "tmpfs", "-o", &size, "tmpfs"]).arg(folder.path()));
        Self { folder }
    }

    fn path(&self) -> &Path {
        self.folder.path()
    }

    fn generate(&self, arguments: &[&str]) -> Output {
        let mut generator = Command::new(env!("CARGO_BIN_EXE_seaworthy"));
        output(generator.current_dir(self.path()).args(["new", "demo", "--yes"]).args(arguments))
    }

    /// Every file with its content, and every folder.
    fn snapshot(&self) -> BTreeMap<PathBuf, Option<Vec<u8>>> {
        let (mut found, mut folders) = (BTreeMap::new(), vec![self.path().to_owned()]);
        while let Some(folder) = folders.pop() {
            for path in children(&folder) {
                let content = path.is_file().then(|| fs::read(&path).expect("a readable file"));
                if content.is_none() {
                    folders.push(path.clone());
                }
                found.insert(path, content);
            }
        }
        found
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("--lazy").arg(self.path()).status();
    }
}

#[test]
fn a_full_disk_leaves_no_new_target() {
    every_size(&[], |_| {});
}

#[test]
fn a_full_disk_leaves_an_existing_target_as_it_was() {
    every_size(&["--force"], |disk| {
        let demo = disk.path().join("demo");
        fs::create_dir(&demo).expect("a writable folder");
        fs::write(demo.join("README.md"), "mine\n").expect("room for a line");
    });
}

fn every_size(arguments: &[&str], prepare: impl Fn(&Disk)) {
    for kibibytes in KIBIBYTES {
        let disk = Disk::new(kibibytes);
        prepare(&disk);
        let before = disk.snapshot();
        let result = disk.generate(arguments);
        let said = String::from_utf8_lossy(&result.stderr);
        assert_eq!(result.status.code(), Some(1), "{kibibytes} KiB: {said}");
        assert!(said.contains("No space left on device"), "{kibibytes} KiB: {said}");
        assert!(disk.snapshot() == before, "{kibibytes} KiB: something is left behind");
    }
    let disk = Disk::new(4096);
    prepare(&disk);
    assert!(disk.generate(arguments).status.success(), "4 MiB are enough");
}
