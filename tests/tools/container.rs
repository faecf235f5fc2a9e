//! Images and containers without an engine: buildah builds, podman runs, in a store that goes with the test.

use std::fs::{self, Metadata};
use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;

use crate::project::children;
use crate::toolbox::{cache, output, run, tool};

/// When the project was committed, in seconds since the epoch.
const COMMITTED: &str = "1760000000";

/// A store of images of its own, which begins with the stand-ins for the base images.
pub struct Store {
    folder: TempDir,
}

impl Store {
    pub fn new() -> Self {
        let bases = cache().join("images/store");
        assert!(bases.exists(), "the base images are missing\n  hint: tests/setup images");
        let folder = TempDir::new().expect("a temporary folder");
        let store = Self { folder };
        // A copy: buildah cannot remove a stage's image whose base is in a store beside its own.
        run(Command::new("cp").arg("-a").arg(bases).arg(store.path("graph")));
        let text = format!(
            "[storage]\ndriver = \"vfs\"\ngraphroot = {:?}\nrunroot = {:?}\n",
            store.path("graph"),
            store.path("run"),
        );
        fs::write(store.path("storage.conf"), text).expect("a writable folder");
        store
    }

    /// Builds a stage of the project's Dockerfile, with the times that `make image` asks for. The registry of npm's
    /// packages is reached as the host reaches it, by files that are there during the build only.
    pub fn build(&self, project: &Path, stage: &str, name: &str) {
        let mut buildah = self.command("buildah");
        buildah.args(["build", "--isolation", "chroot", "--pull-never", "--tag", name]);
        buildah.args(["--target", stage, "--timestamp", COMMITTED]);
        // The other format has no place for HEALTHCHECK.
        buildah.args(["--format", "docker"]);
        for (from, to) in npm_configuration(self.folder.path()) {
            buildah.arg("--volume").arg(format!("{}:{to}:ro", from.display()));
        }
        run(buildah.arg(project));
    }

    /// Starts a container as hardened as the manifests ask for; `arguments` are podman's, before the image.
    pub fn start(&self, image: &str, arguments: &[String]) -> Container<'_> {
        let id = run(self.hardened(&["--detach"]).args(arguments).arg(image));
        Container { store: self, id: id.trim().to_owned() }
    }

    fn hardened(&self, how: &[&str]) -> Command {
        let mut podman = self.podman();
        podman.arg("run").args(how).args(["--network", "host", "--read-only"]);
        podman.args(["--user", "10001:10001"]);
        podman.args(["--cap-drop", "ALL", "--security-opt", "no-new-privileges"]);
        podman.args(["--read-only-tmpfs=false", "--tmpfs", "/tmp:rw,size=64m,mode=1777"]);
        // podman's own limits are above what a sandboxed host may set.
        podman.args(["--ulimit", "nofile=1024:1024", "--ulimit", "nproc=1024:1024"]);
        podman
    }

    /// Something that the image says of itself, by a template of podman's.
    pub fn inspect(&self, image: &str, format: &str) -> String {
        let inspect = ["image", "inspect", "--format", format, image];
        run(self.podman().args(inspect)).trim().to_owned()
    }

    /// Every file of the image, from its root.
    pub fn files(&self, image: &str) -> Vec<(PathBuf, Metadata)> {
        let root = PathBuf::from(run(self.podman().args(["image", "mount", image])).trim());
        let (mut files, mut folders) = (Vec::new(), vec![root.clone()]);
        while let Some(folder) = folders.pop() {
            for path in children(&folder) {
                let metadata = path.symlink_metadata().expect("a file of the image");
                if metadata.is_dir() {
                    folders.push(path);
                } else {
                    files.push((path.strip_prefix(&root).expect("below").to_owned(), metadata));
                }
            }
        }
        run(self.podman().args(["image", "unmount", image]));
        files
    }

    /// Runs a container to its end, as hardened as the others, and returns what it printed.
    pub fn complete(&self, arguments: &[String], image: &str, program: &[&str]) -> String {
        run(self.hardened(&["--rm"]).args(arguments).arg(image).args(program))
    }

    fn podman(&self) -> Command {
        let mut podman = self.command("podman");
        // crun, the default, and systemd both need more of the host's cgroups than a sandbox has.
        podman.args(["--runtime", "runc", "--cgroup-manager", "cgroupfs", "--tmpdir"]);
        podman.arg(self.path("libpod")).env("DISABLE_HC_SYSTEMD", "true");
        podman
    }

    fn command(&self, program: &str) -> Command {
        let mut command = Command::new(program);
        command.env("CONTAINERS_STORAGE_CONF", self.path("storage.conf"));
        command
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }
}

/// A running container, removed at the end.
pub struct Container<'a> {
    store: &'a Store,
    id: String,
}

impl Container<'_> {
    /// The number of the first process, as the host counts.
    pub fn process(&self) -> String {
        self.inspect("{{.State.Pid}}")
    }

    /// Sends SIGTERM, after the grace period SIGKILL, and returns the exit code.
    pub fn stop(&self, grace_seconds: u64) -> String {
        let grace = grace_seconds.to_string();
        run(self.store.podman().args(["stop", "--time", &grace, &self.id]));
        self.inspect("{{.State.ExitCode}}")
    }

    pub fn logs(&self) -> String {
        run(self.store.podman().args(["logs", &self.id]))
    }

    /// Whether the kernel killed it for its memory.
    pub fn ran_out_of_memory(&self) -> bool {
        self.inspect("{{.State.OOMKilled}}") != "false"
    }

    /// The bytes of memory that the kernel lets it have, in either version of control groups.
    pub fn memory_limit(&self) -> u64 {
        let groups = fs::read_to_string(format!("/proc/{}/cgroup", self.process()));
        let groups = groups.expect("a running process");
        let at = |controller: &str| {
            groups.lines().find_map(|line| line.split_once(controller)).map(|(_, path)| path)
        };
        let (root, path, file) = match at(":memory:/") {
            Some(path) => ("/sys/fs/cgroup/memory", path, "memory.limit_in_bytes"),
            None => ("/sys/fs/cgroup", at("0::/").expect("a control group"), "memory.max"),
        };
        let limit = fs::read_to_string(Path::new(root).join(path).join(file));
        limit.expect("a limit").trim().parse().expect("a number of bytes")
    }

    /// Runs the image's own HEALTHCHECK, once.
    pub fn is_healthy(&self) -> bool {
        output(self.store.podman().args(["healthcheck", "run", &self.id])).status.success()
    }

    /// Runs a program within the container and says whether it succeeded.
    pub fn succeeds(&self, program: &[&str]) -> bool {
        output(self.store.podman().args(["exec", &self.id]).args(program)).status.success()
    }

    fn inspect(&self, format: &str) -> String {
        let answer = run(self.store.podman().args(["inspect", "--format", format, &self.id]));
        answer.trim().to_owned()
    }
}

impl Drop for Container<'_> {
    fn drop(&mut self) {
        let _ = self.store.podman().args(["rm", "--force", "--time", "0", &self.id]).output();
    }
}

/// The host's npm configuration, as pairs of a file and its place in the stand-in for the build's base image.
fn npm_configuration(folder: &Path) -> Vec<(PathBuf, String)> {
    let setting = |name: &str| {
        let value = run(tool("npm").args(["config", "get", name]));
        Some(value.trim().to_owned()).filter(|value| !matches!(value.as_str(), "" | "null"))
    };
    let mut lines = String::new();
    let mut files = Vec::new();
    if let Some(registry) = setting("registry") {
        lines += &format!("registry={registry}\n");
    }
    let authorities = setting("cafile").or_else(|| std::env::var("NODE_EXTRA_CA_CERTS").ok());
    if let Some(authorities) = authorities.and_then(|path| fs::canonicalize(path).ok()) {
        lines += "cafile=/etc/npm-ca.pem\n";
        files.push((authorities, "/etc/npm-ca.pem".to_owned()));
    }
    let global = folder.join("npmrc");
    fs::write(&global, lines).expect("a writable folder");
    files.push((global, "/usr/local/etc/npmrc".to_owned()));
    if let Some(user) = setting("userconfig").map(PathBuf::from).filter(|path| path.exists()) {
        // npm's own configuration, which every user of the image reads.
        files.push((user, "/usr/local/lib/node_modules/npm/npmrc".to_owned()));
    }
    files
}
