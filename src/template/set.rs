//! A template set: the packs of all shelves, compiled, checked, and ready to render.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use tera::Context;

use super::check;
use super::compiled::{expressions, templates};
use super::context::{bind, bind_slots};
use super::engine::Engine;
use super::guard;
use super::pack::{Ownership, Pack, placeholders};
use super::quoting::quoting;
use super::shelf::{Shelf, Shelves};
use crate::answer::{Answers, Policy, Preset, Question, SourceText};
use crate::audit::{Control, Report, audit};
use crate::error::{Error, Kind, Result};
use crate::tree::{File, Tree, TreePath};

/// The most files that a project may have, and the most bytes in all of them.
const MOST: (usize, usize) = (5_000, 16 * 1024 * 1024);

/// The packs of one or several shelves. A copy costs nothing.
#[derive(Clone)]
pub struct TemplateSet {
    loaded: Arc<Loaded>,
    /// The processor time that a rendering may take.
    left: Duration,
}

struct Loaded {
    packs: Vec<Pack>,
    questions: Vec<Question>,
    engine: Engine,
    policy: Policy,
}

/// A rendered project.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rendered {
    /// Its files.
    pub tree: Tree,
    /// The bytes in all of them.
    bytes: usize,
    /// Those of them that are lockfiles of package managers.
    pub lockfiles: Vec<TreePath>,
    /// The packs that took part, with their digests.
    pub packs: Vec<(String, String)>,
}

impl TemplateSet {
    /// Reads the packs of `shelves`. Of two files at one path the organisation's stands; the built-in
    /// one is then still known as `builtin/PATH`. An organisation's packs are held against the rules;
    /// ours are by [`load_checked`](Self::load_checked), in the tests.
    ///
    /// # Errors
    /// [`Kind::Usage`](Kind): a malformed `pack.toml`. [`Kind::Template`]: templates that cannot be
    /// compiled (without an organisation [`Kind::Internal`]), that take too long, or a breach of
    /// the rules for packs.
    pub fn load(shelves: &Shelves) -> Result<Self> {
        let (loaded, left) = if shelves.organisation().is_none() {
            (Loaded::new(shelves, false)?, guard::PROCESSOR)
        } else {
            let shelves = shelves.clone();
            guard::bounded(guard::PROCESSOR, move || Loaded::new(&shelves, true))?
        };
        Ok(Self { loaded: Arc::new(loaded), left })
    }

    /// Reads the packs of `shelves`, and holds all of them against the rules.
    ///
    /// # Errors
    /// Those of [`load`](Self::load).
    pub fn load_checked(shelves: &Shelves) -> Result<Self> {
        if shelves.organisation().is_some() {
            return Self::load(shelves);
        }
        Ok(Self { loaded: Arc::new(Loaded::new(shelves, true)?), left: guard::PROCESSOR })
    }

    /// All questions, in order.
    pub fn questions(&self) -> &[Question] {
        &self.loaded.questions
    }

    /// All packs, in order.
    pub fn packs(&self) -> &[Pack] {
        &self.loaded.packs
    }

    /// The packs that take part.
    pub fn active(&self, answers: &Answers) -> Vec<&Pack> {
        self.loaded.active(answers)
    }

    /// Does as much of [`render`](Self::render) as tells whether the answers contradict each other.
    ///
    /// # Errors
    /// [`Kind::Usage`]: they do.
    pub fn agree(&self, answers: &Answers) -> Result<()> {
        let Loaded { policy, engine, .. } = &*self.loaded;
        bind(answers, policy.labels(), &self.active(answers), engine).map(drop)
    }

    /// Renders a project.
    ///
    /// # Errors
    /// [`Kind::Usage`]: the answers contradict each other. [`Kind::Policy`]: a file is missing that
    /// the organisation requires. [`Kind::Template`], or [`Kind::Internal`] if only the built-in
    /// shelf is there: a template fails, two of them write one path, or together they make too much.
    pub fn render(&self, answers: &Answers) -> Result<Rendered> {
        if self.loaded.policy.organisation().is_none() {
            return self.loaded.render(answers);
        }
        let (loaded, answers) = (Arc::clone(&self.loaded), answers.clone());
        guard::bounded(self.left, move || loaded.render(&answers)).map(|(rendered, _)| rendered)
    }

    /// Whether the organisation's locks leave room for a preset.
    pub fn admits(&self, preset: &Preset) -> bool {
        let policy = &self.loaded.policy;
        preset.entries().iter().all(|entry| {
            let question = self.questions().iter().find(|question| question.key == entry.key);
            question.is_none_or(|question| {
                policy
                    .admit(question, entry)
                    .map_or_else(|error| error.kind() != Kind::Policy, |()| true)
            })
        })
    }

    /// The controls that apply to a project with these answers.
    pub fn controls(&self, answers: &Answers) -> Vec<&Control> {
        let applies = |control: &&Control| control.when.holds(|key| answers.get(key));
        self.active(answers).into_iter().flat_map(|pack| &pack.controls).filter(applies).collect()
    }

    /// Holds a rendered project against the controls that apply to it.
    ///
    /// # Errors
    /// What [`audit`] says.
    pub fn audit(&self, answers: &Answers, tree: &Tree) -> Result<Report> {
        audit(self.controls(answers), tree)
    }
}

impl Loaded {
    fn new(shelves: &Shelves, checked: bool) -> Result<Self> {
        let mut texts: BTreeMap<&str, BTreeMap<&str, (&Shelf, &str)>> = BTreeMap::new();
        for shelf in shelves.iter() {
            for (path, text) in shelf.below("templates") {
                let Some((pack, inner)) = path.split_once('/') else {
                    return Err(Error::template(format!(
                        "`{}` is in no pack",
                        shelf.place(&format!("templates/{path}"))
                    ))
                    .hint("put it into a folder of its own, with a `pack.toml`"));
                };
                texts.entry(pack).or_default().insert(inner, (shelf, text));
            }
        }
        let mut packs = Vec::new();
        for (name, files) in &texts {
            let folder = format!("templates/{name}");
            let declaration = match files.get("pack.toml") {
                Some((shelf, text)) => {
                    SourceText::new(shelf.place(&format!("{folder}/pack.toml")), *text)
                }
                None => {
                    let place = files
                        .values()
                        .next()
                        .map(|(shelf, _)| shelf.place(&folder))
                        .unwrap_or(folder);
                    return Err(Error::template(format!("`{place}` has no `pack.toml`")).hint(
                        "add one, or name the folder like the built-in pack that it changes",
                    ));
                }
            };
            let texts = files.iter().map(|(path, (_, text))| (*path, *text)).collect();
            packs.push(Pack::parse(name, &declaration, &texts)?);
        }
        packs.sort_by(|a, b| (a.order, &a.name).cmp(&(b.order, &b.name)));
        let questions: Vec<Question> =
            packs.iter().flat_map(|pack| pack.questions.clone()).collect();
        if checked {
            check::declarations(&packs, &questions)?;
        }
        let expressions = expressions(&packs);
        let compiled = expressions
            .iter()
            .map(|(name, place, text)| (name.clone(), place.clone(), text.as_str()));
        let kind = if shelves.organisation().is_none() { Kind::Internal } else { Kind::Template };
        let engine = Engine::compile(templates(&texts, shelves).chain(compiled), kind)?;
        if checked {
            // what only a built-in template takes up is taken up by whatever extends it
            let all = templates(&texts, shelves);
            let slots_used = all.flat_map(|(.., text)| check::slots_in(text)).collect();
            check::names(&packs, &questions, &engine, &slots_used)?;
            quoting(&packs, &questions, templates(&texts, shelves))?;
        }
        Ok(Self { packs, questions, engine, policy: shelves.policy().clone() })
    }

    fn active(&self, answers: &Answers) -> Vec<&Pack> {
        self.packs.iter().filter(|pack| pack.when.holds(|key| answers.get(key))).collect()
    }

    fn render(&self, answers: &Answers) -> Result<Rendered> {
        let packs = self.active(answers);
        let mut context = bind(answers, self.policy.labels(), &packs, &self.engine)?;
        let slots: Vec<&str> =
            self.packs.iter().flat_map(|pack| &pack.slots).map(String::as_str).collect();
        bind_slots(&mut context, &slots, &packs, &self.engine)?;
        let mut rendered =
            Rendered { tree: Tree::new(), bytes: 0, lockfiles: Vec::new(), packs: Vec::new() };
        for pack in packs {
            rendered.packs.push((pack.name.clone(), pack.digest.clone()));
            for file in &pack.files {
                if pack.condition_of(file).holds(|key| answers.get(key)) {
                    self.emit(pack, file, answers, &context, &mut rendered)?;
                }
            }
        }
        self.require_files(&rendered.tree)?;
        Ok(rendered)
    }

    /// Holds the organisation's word on the files that every project has.
    fn require_files(&self, tree: &Tree) -> Result<()> {
        for path in self.policy.files() {
            if tree.get(path).is_none() {
                let name = self.policy.organisation().unwrap_or_default();
                return Err(Error::new(
                    Kind::Policy,
                    format!("`{name}` requires `{path}`, which this project would not have"),
                )
                .hint("add a template for it to the organisation's folder, or choose answers that make it"));
            }
        }
        Ok(())
    }

    /// Renders one file of a pack, once or once for each element of a list.
    fn emit(
        &self,
        pack: &Pack,
        file: &str,
        answers: &Answers,
        context: &Context,
        rendered: &mut Rendered,
    ) -> Result<()> {
        let each = pack.rules_of(file).find_map(|rule| rule.each.first_key_value());
        let lockfile = pack.rules_of(file).any(|rule| rule.ownership == Ownership::Lockfile);
        let listed = |list: &String| answers.get(list)?.as_list().map(<[String]>::to_vec);
        let elements =
            each.map_or_else(|| vec![String::new()], |(_, list)| listed(list).unwrap_or_default());
        for element in elements {
            let mut context = Cow::Borrowed(context);
            if let Some((bound, _)) = each {
                context.to_mut().insert(bound.clone(), &element);
            }
            let path = TreePath::new(&fill(file, &context)?)?;
            let text = self.engine.render(&format!("{}/files/{file}.tera", pack.name), &context)?;
            if lockfile {
                rendered.lockfiles.push(path.clone());
            }
            rendered.bytes += text.len();
            rendered.tree.insert(path, File::new(text))?;
            if rendered.tree.iter().len() > MOST.0 || rendered.bytes > MOST.1 {
                let (files, bytes) = MOST;
                return Err(Error::template(format!(
                    "the templates make more than {files} files, or {bytes} bytes in all"
                ))
                .hint("look for loops, and for a rule with `each` over a long list"));
            }
        }
        Ok(())
    }
}

/// A path with its placeholders filled.
fn fill(path: &str, context: &Context) -> Result<String> {
    let mut filled = path.to_owned();
    for name in placeholders(path) {
        let value = context.get(name).and_then(|value| value.as_str()).unwrap_or_default();
        if value.contains('/') || TreePath::new(value).is_err() {
            return Err(Error::usage(format!(
                "`{value}` cannot stand for `%{name}%` in the path `{path}`"
            ))
            .hint("choose a name that every system accepts for a file or a folder"));
        }
        filled = filled.replace(&format!("%{name}%"), value);
    }
    Ok(filled)
}
