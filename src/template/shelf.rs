//! A shelf: the folder that packs and presets come from, embedded or an organisation's.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use include_dir::{Dir, include_dir};

use super::guard;
use crate::answer::{Policy, Preset, SourceText, did_you_mean, listed};
use crate::error::{Error, Result};
use crate::project;

static TEMPLATES: Dir = include_dir!("$CARGO_MANIFEST_DIR/templates");
static PRESETS: Dir = include_dir!("$CARGO_MANIFEST_DIR/presets");

/// An organisation's own file, beside its `templates` and `presets`.
const ORGANISATION: &str = "organisation.toml";

/// The texts of one folder, by their paths in it.
#[derive(Debug, Clone)]
pub struct Shelf {
    root: String,
    texts: BTreeMap<String, Cow<'static, str>>,
}

impl Shelf {
    /// The shelf that is part of the binary.
    fn embedded() -> Self {
        let mut texts = BTreeMap::new();
        for (prefix, dir) in [("templates", &TEMPLATES), ("presets", &PRESETS)] {
            collect(prefix, dir, &mut texts);
        }
        Self { root: String::new(), texts }
    }

    /// The texts of the folder `root`, by their paths in it.
    fn new(root: &str, texts: BTreeMap<String, String>) -> Self {
        let texts = texts.into_iter().map(|(path, text)| (path, Cow::Owned(text))).collect();
        Self { root: format!("{}/", root.trim_end_matches('/')), texts }
    }

    /// The text at `path`, under the name that the user knows it by.
    pub fn text(&self, path: &str) -> Option<SourceText> {
        self.texts.get(path).map(|text| SourceText::new(self.place(path), text.as_ref()))
    }

    /// Leaves out a template, or all below a folder, named by its path below `templates`.
    fn remove(&mut self, path: &str) -> Result<()> {
        let whole = format!("templates/{path}");
        let folder = format!("{whole}/");
        let before = self.texts.len();
        self.texts.retain(|name, _| *name != whole && !name.starts_with(&folder));
        if self.texts.len() < before {
            return Ok(());
        }
        let known: Vec<&str> = self.below("templates").map(|(name, _)| name).collect();
        Err(Error::usage(format!("there is no built-in template `{path}` to remove"))
            .hint_if(did_you_mean(path, known.iter().copied()))
            .hint("`seaworthy templates list` names them"))
    }

    /// Holds that no pack of `other` is declared anew: its questions would take other answers and
    /// its controls would be gone, with nothing in `organisation.toml` to tell of it.
    fn leave_declarations_of(&self, other: &Self) -> Result<()> {
        let declarations = self.below("templates").filter(|(path, _)| path.ends_with("/pack.toml"));
        match declarations.map(|(path, _)| format!("templates/{path}")).find(|path| other.texts.contains_key(path)) {
            None => Ok(()),
            Some(path) => Err(Error::template(format!("`{}` declares a built-in pack anew", self.place(&path)))
                .hint("to limit its questions, use `[locked]`; to put a pack of your own in its place, list its folder under `remove`")),
        }
    }

    /// How the user would name the file at `path`.
    pub fn place(&self, path: &str) -> String {
        format!("{}{path}", self.root)
    }

    /// All files below the folder `folder`, by their paths in it.
    pub fn below<'s>(&'s self, folder: &'s str) -> impl Iterator<Item = (&'s str, &'s str)> {
        self.texts.iter().filter_map(move |(path, text)| {
            Some((path.strip_prefix(folder)?.strip_prefix('/')?, text.as_ref()))
        })
    }
}

/// A template, and who it comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listed {
    /// Its path below `templates`.
    pub path: String,
    /// Whether there is a built-in one.
    pub builtin: bool,
    /// The organisation, if it has one that stands in its place.
    pub organisation: Option<String>,
}

/// The built-in shelf and, over it, an organisation's.
#[derive(Debug, Clone)]
pub struct Shelves {
    builtin: Shelf,
    organisation: Option<Shelf>,
    policy: Policy,
}

impl Shelves {
    /// The built-in shelf, with the organisation's folder `organisation` over it.
    ///
    /// # Errors
    /// [`Kind::Usage`](crate::error::Kind::Usage): no such folder, or none of an organisation.
    /// [`Kind::Template`](crate::error::Kind::Template): something in it that is unsafe to read.
    pub fn open(organisation: Option<&Path>) -> Result<Self> {
        let mut builtin = Shelf::embedded();
        let Some(root) = organisation else {
            return Ok(Self { builtin, organisation: None, policy: Policy::default() });
        };
        let shelf = Shelf::new(&root.display().to_string(), project::read_folder(root)?);
        let declaration = shelf.text(ORGANISATION).ok_or_else(|| {
            Error::usage(format!(
                "`{}` is no organisation's folder: it has no `{ORGANISATION}`",
                root.display()
            ))
            .hint(format!("write at least `name = \"…\"` into `{}`", shelf.place(ORGANISATION)))
        })?;
        let (policy, _) = guard::bounded(guard::PROCESSOR, move || Policy::parse(&declaration))?;
        for path in policy.removed() {
            builtin.remove(path)?;
        }
        shelf.leave_declarations_of(&builtin)?;
        Ok(Self { builtin, organisation: Some(shelf), policy })
    }

    /// The shelf that is part of the binary.
    pub fn builtin(&self) -> &Shelf {
        &self.builtin
    }

    /// The organisation's shelf, if there is one.
    pub fn organisation(&self) -> Option<&Shelf> {
        self.organisation.as_ref()
    }

    /// The shelves, the weakest first.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = &Shelf> {
        std::iter::once(&self.builtin).chain(&self.organisation)
    }

    /// The organisation's word on the answers; without one it says nothing.
    pub fn policy(&self) -> &Policy {
        &self.policy
    }

    /// The organisation's own tests, in the order of their paths.
    pub fn trials(&self) -> Vec<SourceText> {
        let theirs = self.organisation.iter();
        let files =
            theirs.flat_map(|shelf| shelf.below("tests").map(move |(path, _)| (shelf, path)));
        files
            .filter(|(_, path)| path.ends_with(".toml"))
            .filter_map(|(shelf, path)| shelf.text(&format!("tests/{path}")))
            .collect()
    }

    /// All templates, in the order of their paths.
    pub fn templates(&self) -> Vec<Listed> {
        let theirs = self.organisation.as_ref();
        let paths: BTreeSet<&str> =
            self.iter().flat_map(|shelf| shelf.below("templates")).map(|(path, _)| path).collect();
        let listed = |path: &str| {
            let on = |shelf: &Shelf| shelf.texts.contains_key(&format!("templates/{path}"));
            let organisation =
                theirs.filter(|shelf| on(shelf)).and_then(|_| self.policy.organisation());
            Listed {
                path: path.to_owned(),
                builtin: on(&self.builtin),
                organisation: organisation.map(str::to_owned),
            }
        };
        paths.into_iter().map(listed).collect()
    }

    /// The template at `path`, as it stands.
    ///
    /// # Errors
    /// [`Kind::Usage`](crate::error::Kind::Usage) if there is none.
    pub fn template(&self, path: &str) -> Result<SourceText> {
        let name = format!("templates/{path}");
        self.iter().rev().find_map(|shelf| shelf.text(&name)).ok_or_else(|| self.no_template(path))
    }

    /// The built-in template at `path`, whatever lies over it.
    ///
    /// # Errors
    /// [`Kind::Usage`](crate::error::Kind::Usage) if there is none.
    pub fn builtin_template(&self, path: &str) -> Result<SourceText> {
        self.builtin.text(&format!("templates/{path}")).ok_or_else(|| self.no_template(path))
    }

    fn no_template(&self, path: &str) -> Error {
        let known: Vec<&str> =
            self.iter().flat_map(|shelf| shelf.below("templates")).map(|(name, _)| name).collect();
        Error::usage(format!("there is no template `{path}`"))
            .hint_if(did_you_mean(path, known))
            .hint("`seaworthy templates list` names them")
    }

    /// The names of all presets.
    pub fn preset_names(&self) -> BTreeSet<&str> {
        self.iter()
            .flat_map(|shelf| shelf.below("presets"))
            .filter_map(|(path, _)| path.strip_suffix(".toml"))
            .collect()
    }

    /// The preset `name`, with all that it extends.
    ///
    /// # Errors
    /// [`Kind::Usage`](crate::error::Kind::Usage): it or one that it extends is unknown or
    /// malformed.
    pub fn preset(&self, name: &str) -> Result<Preset> {
        Preset::resolve(name, &self.preset_text(name)?, &|base| self.preset_text(base))
    }

    /// The preset in a file of the user's, which may extend those on the shelves.
    ///
    /// # Errors
    /// [`Kind::Usage`](crate::error::Kind::Usage): as for [`preset`](Self::preset).
    pub fn preset_from(&self, text: &SourceText) -> Result<Preset> {
        let name = Path::new(&text.name).file_stem().unwrap_or_default().to_string_lossy();
        Preset::resolve(&name, text, &|base| self.preset_text(base))
    }

    fn preset_text(&self, name: &str) -> Result<SourceText> {
        let path = format!("presets/{name}.toml");
        self.iter().rev().find_map(|shelf| shelf.text(&path)).ok_or_else(|| {
            let known = self.preset_names();
            Error::usage(format!("there is no preset `{name}`")).hint(
                did_you_mean(name, known.iter().copied()).unwrap_or_else(|| {
                    format!("the presets are {}", listed(known.iter().copied()))
                }),
            )
        })
    }
}

fn collect(prefix: &str, dir: &'static Dir, texts: &mut BTreeMap<String, Cow<'static, str>>) {
    for file in dir.files() {
        // a test holds that every embedded file is text
        if let Some(text) = file.contents_utf8() {
            texts.insert(format!("{prefix}/{}", file.path().display()), Cow::Borrowed(text));
        }
    }
    dir.dirs().for_each(|dir| collect(prefix, dir, texts));
}
