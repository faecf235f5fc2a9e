//! The only file that touches the disk. Every refusal of the system names its path.

#![expect(clippy::disallowed_methods, reason = "this is the file that touches the disk")]

use std::collections::BTreeMap;
use std::fs::{self, OpenOptions, TryLockError};
use std::io::{self, ErrorKind, Write};
use std::path::{Path, PathBuf};

use crate::error::{Error, Kind, Result};
use crate::tree::{File, TreePath};

/// The most files and folders that a folder of templates may hold.
const MOST_ENTRIES: usize = 2_000;

/// The most bytes that the files of such a folder may hold together.
const MOST_BYTES: u64 = 8 * 1024 * 1024;

/// What stands at a path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Standing {
    /// Nothing.
    Nothing,
    /// A file of text.
    File(File),
    /// Something that seaworthy neither reads nor replaces, in words: `a folder`.
    Other(&'static str),
}

/// The text of a file that the user named.
///
/// # Errors
/// [`Kind::Usage`] if it is missing or not text, [`Kind::Disk`] if it cannot be read.
pub fn read(path: &Path) -> Result<String> {
    fs::read_to_string(path).map_err(|error| match error.kind() {
        ErrorKind::NotFound => {
            Error::usage(format!("there is no file `{}`", path.display())).hint("correct the path")
        }
        ErrorKind::IsADirectory => {
            Error::usage(format!("`{}` is a folder, not a file", path.display()))
        }
        ErrorKind::InvalidData => Error::usage(format!("`{}` is not UTF-8 text", path.display())),
        _ => refused("read", path, error),
    })
}

/// The text of all files below a folder, by their paths in it.
///
/// # Errors
/// [`Kind::Usage`] if there is no such folder; [`Kind::Template`] for a symbolic link, a file that
/// is not text, a name that is not portable, or more than a folder of templates may hold.
pub fn read_folder(root: &Path) -> Result<BTreeMap<String, String>> {
    if !root.is_dir() {
        return Err(Error::usage(format!("there is no folder `{}`", root.display()))
            .hint("correct the path"));
    }
    let (mut texts, mut entries, mut bytes) = (BTreeMap::new(), 0, 0);
    let mut folders = vec![(root.to_path_buf(), String::new())];
    while let Some((folder, prefix)) = folders.pop() {
        for entry in fs::read_dir(&folder).map_err(|error| refused("read", &folder, error))? {
            let entry = entry.map_err(|error| refused("read", &folder, error))?;
            let path = entry.path();
            let unsafe_file = |what: &str| Error::template(format!("`{}` {what}", path.display()));
            let name = entry
                .file_name()
                .into_string()
                .map_err(|_| unsafe_file("has a name that is not UTF-8").hint("rename it"))?;
            let metadata =
                fs::symlink_metadata(&path).map_err(|error| refused("read", &path, error))?;
            if prefix.is_empty() && name == ".git" {
                continue; // the folder may be a checkout
            }
            if metadata.is_symlink() {
                return Err(unsafe_file("is a symbolic link").hint("put the file itself there"));
            }
            let inner = format!("{prefix}{name}");
            entries += 1;
            bytes += if metadata.is_file() { metadata.len() } else { 0 };
            if entries > MOST_ENTRIES || bytes > MOST_BYTES {
                return Err(unsafe_file("is more than a folder of templates may hold").hint(
                    format!("at most {MOST_ENTRIES} files and folders, of at most {MOST_BYTES} bytes together"),
                ));
            } else if metadata.is_dir() {
                folders.push((path, format!("{inner}/")));
            } else if metadata.is_file() {
                let text = String::from_utf8(
                    fs::read(&path).map_err(|error| refused("read", &path, error))?,
                );
                let text = text.map_err(|_| {
                    unsafe_file("is not UTF-8 text")
                        .hint("a template makes text: leave other files out")
                })?;
                texts.insert(inner, text);
            } else {
                return Err(unsafe_file("is neither a file nor a folder").hint("take it out"));
            }
        }
    }
    Ok(texts)
}

/// What stands at `path` below `root`; nothing is looked at through a symbolic link.
///
/// # Errors
/// [`Kind::Disk`] if the system does not say.
pub fn standing(root: &Path, path: &TreePath) -> Result<Standing> {
    for folder in path.ancestors() {
        match kind_of(&root.join(folder.as_str()))? {
            None => return Ok(Standing::Nothing),
            Some("a folder") => {}
            Some(_) => return Ok(Standing::Other("below something that is not a folder")),
        }
    }
    let place = root.join(path.as_str());
    match kind_of(&place)? {
        None => Ok(Standing::Nothing),
        Some("a file") => match fs::read(&place).map(String::from_utf8) {
            Ok(Ok(text)) => Ok(Standing::File(File { text, executable: is_executable(&place)? })),
            Ok(Err(_)) => Ok(Standing::Other("a file that is not text")),
            Err(error) => Err(refused("read", &place, error)),
        },
        Some(other) => Ok(Standing::Other(other)),
    }
}

/// What a path itself is, in words; `None` if there is nothing.
///
/// # Errors
/// [`Kind::Disk`] if the system does not say.
pub fn kind_of(path: &Path) -> Result<Option<&'static str>> {
    match fs::symlink_metadata(path) {
        Ok(metadata) if metadata.is_symlink() => Ok(Some("a symbolic link")),
        Ok(metadata) if metadata.is_dir() => Ok(Some("a folder")),
        Ok(metadata) if metadata.is_file() => Ok(Some("a file")),
        Ok(_) => Ok(Some("a device")),
        Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => {
            Ok(None)
        }
        Err(error) => Err(refused("look at", path, error)),
    }
}

/// The path with the part of it that exists resolved; its last part has a name.
///
/// # Errors
/// [`Kind::Usage`] if the path ends above everything that has a name, runs back out of a folder
/// that does not exist, or lies below something that is no folder.
pub fn absolute(path: &Path) -> Result<PathBuf> {
    let whole = std::path::absolute(path).map_err(|error| refused("find", path, error))?;
    let mut missing = Vec::new();
    let mut rest = whole.as_path();
    let resolved = loop {
        match (fs::canonicalize(rest), rest.file_name(), rest.parent()) {
            (Ok(resolved), ..) => break resolved,
            (Err(_), Some(name), Some(parent)) => {
                missing.push(name);
                rest = parent;
            }
            _ => {
                return Err(Error::usage(format!(
                    "`{}` runs out of a folder that does not exist",
                    path.display()
                ))
                .hint("write the path without `..`"));
            }
        }
    };
    if !missing.is_empty() && !resolved.is_dir() {
        return Err(Error::usage(format!(
            "`{}` lies below something that is not a folder",
            path.display()
        ))
        .hint("choose another path"));
    }
    let resolved = missing.iter().rev().fold(resolved, |resolved, name| resolved.join(name));
    match resolved.file_name() {
        Some(_) => Ok(resolved),
        None => {
            Err(Error::usage(format!("`{}` does not name a folder for a project", path.display()))
                .hint("give the name of a new folder"))
        }
    }
}

/// Makes one folder.
///
/// # Errors
/// [`Kind::Disk`] if it exists or cannot be made.
pub fn make_folder(path: &Path) -> Result<()> {
    fs::create_dir(path).map_err(|error| refused("make", path, error))
}

/// Writes a new file, executable or not as far as the umask lets it.
///
/// # Errors
/// [`Kind::Disk`] if it exists or cannot be written.
pub fn write_new(path: &Path, file: &File) -> Result<()> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(
        &mut options,
        if file.executable { 0o777 } else { 0o666 },
    );
    options
        .open(path)
        .and_then(|mut open| open.write_all(file.text.as_bytes()))
        .map_err(|error| refused("write", path, error))
}

/// Moves a file or a folder.
///
/// # Errors
/// [`Kind::Disk`] if it cannot be moved.
pub fn rename(from: &Path, to: &Path) -> Result<()> {
    fs::rename(from, to).map_err(|error| refused("move a file to", to, error))
}

/// Removes a file.
///
/// # Errors
/// [`Kind::Disk`] if it is not there or cannot be removed.
pub fn remove(path: &Path) -> Result<()> {
    fs::remove_file(path).map_err(|error| refused("remove", path, error))
}

/// Removes a folder if it is empty; otherwise leaves it.
pub fn remove_if_empty(path: &Path) {
    // a folder that somebody has put something into is theirs
    let _ = fs::remove_dir(path);
}

/// Removes a folder with all that is in it.
///
/// # Errors
/// [`Kind::Disk`] if it cannot be removed.
pub fn remove_folder(path: &Path) -> Result<()> {
    fs::remove_dir_all(path).map_err(|error| refused("remove", path, error))
}

/// A claim on a file, which the system gives back when the process ends, however it ends.
#[derive(Debug)]
pub struct Claim(#[expect(dead_code, reason = "held for its lock")] fs::File);

/// Claims a file for this process, and makes it where it is missing; `None` if another has it.
///
/// # Errors
/// [`Kind::Disk`] if it cannot be opened.
pub fn claim(path: &Path) -> Result<Option<Claim>> {
    let open = OpenOptions::new().create(true).truncate(false).write(true).open(path);
    let file = open.map_err(|error| refused("write", path, error))?;
    match file.try_lock() {
        Ok(()) => Ok(Some(Claim(file))),
        Err(TryLockError::WouldBlock) => Ok(None),
        Err(TryLockError::Error(error)) => Err(refused("lock", path, error)),
    }
}

#[cfg(unix)]
fn is_executable(path: &Path) -> Result<bool> {
    use std::os::unix::fs::PermissionsExt;
    let metadata = fs::metadata(path).map_err(|error| refused("look at", path, error))?;
    Ok(metadata.permissions().mode() & 0o100 != 0)
}

/// Where the system keeps no such bit, a script is what begins like one.
#[cfg(not(unix))]
fn is_executable(path: &Path) -> Result<bool> {
    Ok(read(path)?.starts_with("#!"))
}

fn refused(verb: &str, path: &Path, error: io::Error) -> Error {
    Error::new(Kind::Disk, format!("cannot {verb} `{}`: {error}", path.display()))
        .hint("see that the folder is yours to write and the disk has room, then run the same command again")
        .because(error)
}
