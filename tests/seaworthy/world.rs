use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::process::Output;

use assert_cmd::Command;
use tempfile::TempDir;

/// What a run of the binary came to.
#[derive(Debug)]
pub struct Outcome {
    pub code: i32,
    pub stdout: String,
    pub stderr: String,
}

/// An empty folder with the binary in it, as it were.
pub struct World {
    folder: TempDir,
}

impl World {
    pub fn new() -> Self {
        Self { folder: TempDir::new().expect("a temporary folder") }
    }

    pub fn path(&self, inner: &str) -> PathBuf {
        self.folder.path().join(inner)
    }

    /// Writes a file, with the folders above it.
    pub fn write(&self, inner: &str, text: &str) {
        let path = self.path(inner);
        fs::create_dir_all(path.parent().expect("a parent")).expect("folders");
        fs::write(path, text).expect("a file");
    }

    pub fn read(&self, inner: &str) -> String {
        fs::read_to_string(self.path(inner)).unwrap_or_else(|error| panic!("{inner}: {error}"))
    }

    /// Runs the binary here, with arguments as on a command line; no standard input.
    pub fn run(&self, arguments: &str) -> Outcome {
        self.run_with_input(&arguments.split_whitespace().collect::<Vec<_>>(), "")
    }

    pub fn run_with_input(&self, arguments: &[&str], input: &str) -> Outcome {
        let output = Command::new(env!("CARGO_BIN_EXE_seaworthy"))
            .args(arguments)
            .current_dir(self.folder.path())
            .env_clear()
            .write_stdin(input)
            .output()
            .expect("the binary starts");
        outcome(output)
    }

    /// Runs the binary here with a second of processor time and 2 GiB of address space, after
    /// which the system ends it.
    pub fn run_within_a_second(&self, arguments: &str) -> Outcome {
        let output = Command::new("sh")
            .args(["-c", "ulimit -t 1; ulimit -v 2097152; exec \"$@\"", "sh"])
            .arg(env!("CARGO_BIN_EXE_seaworthy"))
            .args(arguments.split_whitespace())
            .current_dir(self.folder.path())
            .env_clear()
            .output()
            .expect("a shell");
        outcome(output)
    }

    /// Takes from everybody the right to write into a folder.
    pub fn close(&self, inner: &str) {
        let closed = fs::Permissions::from_mode(0o555);
        fs::set_permissions(self.path(inner), closed).expect("a folder of our own");
    }

    /// Runs the binary here as a user whom permissions bind: as nobody, if the tests run as root.
    pub fn run_unprivileged(&self, arguments: &str) -> Outcome {
        let owner = fs::metadata(self.folder.path()).expect("metadata").uid();
        if owner != 0 {
            return self.run(arguments);
        }
        // nobody may not look into the folder of the build
        let binary = self.folder.path().with_extension("seaworthy");
        fs::set_permissions(self.folder.path(), fs::Permissions::from_mode(0o755)).expect("ours");
        fs::copy(env!("CARGO_BIN_EXE_seaworthy"), &binary).expect("a copy of the binary");
        let output = Command::new("setpriv")
            .args(["--reuid=65534", "--regid=65534", "--clear-groups"])
            .arg(&binary)
            .args(arguments.split_whitespace())
            .current_dir(self.folder.path())
            .env_clear()
            .output();
        fs::remove_file(&binary).expect("the copy goes");
        outcome(output.expect("as root, this test needs `setpriv`, of the package util-linux"))
    }

    /// Everything below this folder.
    pub fn snapshot(&self) -> Snapshot {
        snapshot(self.folder.path())
    }
}

fn outcome(output: Output) -> Outcome {
    let text = |bytes| String::from_utf8(bytes).expect("output is text");
    Outcome {
        // none of ours, if the system ended the process
        code: output.status.code().unwrap_or(-1),
        stdout: text(output.stdout),
        stderr: text(output.stderr),
    }
}

/// What stands below a folder, with permissions and, of files, the content. Links are not followed.
pub type Snapshot = BTreeMap<String, (u32, Option<Vec<u8>>)>;

pub fn snapshot(root: &Path) -> Snapshot {
    let mut found = Snapshot::new();
    let mut folders = vec![root.to_path_buf()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).expect("a folder") {
            let path = entry.expect("an entry").path();
            let name = path.strip_prefix(root).expect("below").display().to_string();
            let metadata = fs::symlink_metadata(&path).expect("metadata");
            let content = metadata.is_file().then(|| fs::read(&path).expect("a file"));
            found.insert(name, (metadata.permissions().mode(), content));
            if metadata.is_dir() {
                folders.push(path);
            }
        }
    }
    found
}

/// The folder of this repository.
pub fn repository() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}
