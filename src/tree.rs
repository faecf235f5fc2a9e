//! A project as a value: a map from path to text and an executable bit.

use std::collections::BTreeMap;
use std::fmt;

use crate::error::{Error, Result};

/// Names that Windows gives to devices, whatever their extension.
const DEVICES: [&str; 22] = [
    "con", "prn", "aux", "nul", "com1", "com2", "com3", "com4", "com5", "com6", "com7", "com8",
    "com9", "lpt1", "lpt2", "lpt3", "lpt4", "lpt5", "lpt6", "lpt7", "lpt8", "lpt9",
];

/// A path inside a project: relative, without `..`, and valid on every system.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TreePath(String);

impl TreePath {
    /// Accepts `text` if it is a portable relative path with `/` between its parts.
    ///
    /// # Errors
    /// [`Kind::Template`](crate::error::Kind::Template): an absolute path, an empty, `.` or `..`
    /// part, a character or a device name that Windows refuses, or a part named `.git`, through
    /// which a template could plant a hook that runs programs.
    pub fn new(text: &str) -> Result<Self> {
        match text.split('/').find_map(fault) {
            None => Ok(Self(text.to_owned())),
            Some(fault) => Err(Error::template(format!("the path `{text}` {fault}"))
                .hint("a generated file stands inside the project, under a name that every system accepts")),
        }
    }

    /// The path as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The folders above the path, outermost first.
    pub fn ancestors(&self) -> impl Iterator<Item = TreePath> {
        self.0.match_indices('/').map(|(end, _)| TreePath(self.0[..end].to_owned()))
    }
}

impl fmt::Display for TreePath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What is wrong with one part of a path.
fn fault(part: &str) -> Option<String> {
    let stem = part.split('.').next().unwrap_or_default();
    let forbidden = |c: char| c.is_control() || "\\:*?\"<>|".contains(c);
    if part.is_empty() {
        Some("is absolute or has an empty part".into())
    } else if part == "." || part == ".." {
        Some(format!("has a part `{part}`"))
    } else if let Some(bad) = part.chars().find(|c| forbidden(*c)) {
        Some(format!("has the character {bad:?}"))
    } else if part.ends_with(['.', ' ']) {
        Some(format!("has a part that ends in a dot or a blank: `{part}`"))
    } else if DEVICES.contains(&stem.to_ascii_lowercase().as_str()) {
        Some(format!("has a part that names a device on Windows: `{part}`"))
    } else if part.eq_ignore_ascii_case(".git") {
        Some("lies in a `.git` folder".into())
    } else if part.len() > 200 {
        Some("has a part of more than 200 bytes".into())
    } else {
        None
    }
}

/// The content of one generated file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct File {
    /// The whole text.
    pub text: String,
    /// Whether its owner may run it.
    pub executable: bool,
}

impl File {
    /// A file with this text; a script (it begins with `#!`) is executable.
    pub fn new(text: impl Into<String>) -> Self {
        let text = text.into();
        let executable = text.starts_with("#!");
        Self { text, executable }
    }
}

/// A project: its files by path, in the order of their paths.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Tree {
    files: BTreeMap<TreePath, File>,
    /// Lower-case path to path, for systems that ignore case.
    folded: BTreeMap<String, TreePath>,
}

impl Tree {
    /// An empty project.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a file.
    ///
    /// # Errors
    /// [`Kind::Template`](crate::error::Kind::Template) if the path is taken, differs from another
    /// only in case, or runs through another file; or if the text cannot stand in the archive that
    /// the project keeps of itself: a line looks like a marker, or the last one has no end.
    pub fn insert(&mut self, path: TreePath, file: File) -> Result<()> {
        if let Some(line) = file.text.lines().find(|line| is_marker(line)) {
            return Err(Error::template(format!(
                "`{path}` has a line that marks a file in archives: `{line}`"
            ))
            .hint("change the line so that it does not begin with `-- ` and end with ` --`"));
        }
        if !file.text.is_empty() && !file.text.ends_with('\n') {
            return Err(Error::template(format!("the last line of `{path}` has no end"))
                .hint("end the template with a line break, and with no `-` in its last tag"));
        }
        self.place(path, file)
    }

    /// Adds an [archive](Self::archive), whose lines are markers by design.
    ///
    /// # Errors
    /// [`Kind::Template`](crate::error::Kind::Template) if the path cannot be taken.
    pub fn insert_archive(&mut self, path: TreePath, text: String) -> Result<()> {
        self.place(path, File { text, executable: false })
    }

    fn place(&mut self, path: TreePath, file: File) -> Result<()> {
        if let Some(other) = self.clash(&path) {
            return Err(Error::template(format!("`{path}` and `{other}` cannot stand side by side"))
                .hint("two templates write one place: rename one, or give them conditions that exclude each other"));
        }
        self.folded.insert(path.as_str().to_lowercase(), path.clone());
        self.files.insert(path, file);
        Ok(())
    }

    /// The file that `path` would meet on a system that ignores case: the same, above or below.
    fn clash(&self, path: &TreePath) -> Option<&TreePath> {
        let folded = path.as_str().to_lowercase();
        let below = format!("{folded}/");
        let above = folded.match_indices('/').find_map(|(end, _)| self.folded.get(&folded[..end]));
        self.folded.get(&folded).or(above).or_else(|| {
            let (key, other) = self.folded.range(below.clone()..).next()?;
            key.starts_with(&below).then_some(other)
        })
    }

    /// The file at `path`.
    pub fn get(&self, path: &TreePath) -> Option<&File> {
        self.files.get(path)
    }

    /// The file at `path`, to change it.
    pub fn get_mut(&mut self, path: &TreePath) -> Option<&mut File> {
        self.files.get_mut(path)
    }

    /// All files, in the order of their paths.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (&TreePath, &File)> {
        self.files.iter()
    }

    /// The files for which `kept` holds, as one text in the [txtar] format: a line `-- PATH --`,
    /// then the file's text.
    ///
    /// [txtar]: https://pkg.go.dev/golang.org/x/tools/txtar
    pub fn archive(&self, kept: impl Fn(&TreePath) -> bool) -> String {
        let kept = self.iter().filter(|(path, _)| kept(path));
        kept.map(|(path, file)| format!("-- {path} --\n{}", file.text)).collect()
    }
}

impl IntoIterator for Tree {
    type Item = (TreePath, File);
    type IntoIter = std::collections::btree_map::IntoIter<TreePath, File>;

    fn into_iter(self) -> Self::IntoIter {
        self.files.into_iter()
    }
}

/// Whether a line would be read as the beginning of a file in a txtar archive.
fn is_marker(line: &str) -> bool {
    line.strip_prefix("-- ").is_some_and(|rest| rest.ends_with(" --"))
}
