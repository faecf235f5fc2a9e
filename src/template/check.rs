//! The rules that packs keep, held when they are loaded: a mistake in a pack is found before a
//! user meets it.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use super::context::{BOUND, expression_name};
use super::engine::Engine;
use super::pack::{Pack, placeholders};
use crate::answer::{Condition, Question, Type, fault};
use crate::error::{Error, Result};
use crate::tree::TreePath;

/// Checks what packs declare, for itself and together.
///
/// # Errors
/// [`Kind::Template`](crate::error::Kind::Template) with the first breach:
/// - two questions, facts or controls of one name;
/// - a question whose default it does not take, or that leans on one that is asked later;
/// - a condition that names an unknown question or value;
/// - two packs that write one path and can take part together;
/// - a placeholder in a path that names no label question or bound name;
/// - a control that cannot be tested, or whose mutant or cure changes no file of any pack.
pub fn declarations(packs: &[Pack], questions: &[Question]) -> Result<()> {
    let mut known: Vec<Question> = Vec::new();
    let mut names: BTreeSet<&str> = BTreeSet::from(BOUND);
    let mut ids = BTreeSet::new();
    for pack in packs {
        let at = |what: String| {
            Error::template(format!("`{}`: {what}", pack.place)).hint("correct the pack")
        };
        let condition = |who: String, condition: &Condition, known: &[Question]| match fault(
            condition, known,
        ) {
            Some(fault) => Err(at(format!("the condition of {who} {fault}"))),
            None => Ok(()),
        };
        condition("the pack".into(), &pack.when, &known)?;
        for question in &pack.questions {
            condition(format!("question `{}`", question.key), &question.when, &known)?;
            if let Some(fault) = question_fault(question, &known) {
                return Err(at(format!("question `{}` {fault}", question.key)));
            }
            known.push(question.clone());
        }
        let declared = pack
            .questions
            .iter()
            .map(|question| &question.key)
            .chain(pack.facts.iter().map(|(fact, _)| fact));
        for name in declared {
            if !names.insert(name) {
                return Err(at(format!("the name `{name}` is taken")));
            }
        }
        for rule in &pack.rules {
            condition(format!("the rule for `{}`", rule.path), &rule.when, questions)?;
            for (bound, list) in &rule.each {
                let rule = format!("the rule for `{}` binds `{bound}` to `{list}`", rule.path);
                let question = questions.iter().find(|question| question.key == *list);
                let Some(question) = question.filter(|question| question.kind == Type::List) else {
                    return Err(at(format!("{rule}, which is no list question")));
                };
                let unfit = |choice: &&str| choice.contains('/') || TreePath::new(choice).is_err();
                if let Some(choice) = question.choice_values().find(unfit) {
                    return Err(at(format!("{rule}, whose choice `{choice}` cannot name a file")));
                }
            }
        }
        for file in &pack.files {
            let label = |name: &str| {
                questions
                    .iter()
                    .any(|question| question.key == name && question.kind == Type::Label)
            };
            if let Some(name) = placeholders(file)
                .into_iter()
                .find(|name| !label(name) && !pack.bound_in(file).contains(name))
            {
                return Err(at(format!(
                    "`%{name}%` in the path `{file}` is neither a label question nor bound by a rule"
                )));
            }
        }
        for control in &pack.controls {
            condition(format!("control `{}`", control.id), &control.when, questions)?;
            if let Some(fault) = control.probe.fault() {
                return Err(at(format!("the probe of control `{}` {fault}", control.id)));
            }
            if !ids.insert(&control.id) {
                return Err(at(format!("the control `{}` is declared twice", control.id)));
            }
            let cure = control.cure.iter().map(|cure| ("cure", cure));
            for (what, change) in cure.chain([("mutant", &control.mutant)]) {
                let mut files = packs.iter().flat_map(|pack| &pack.files);
                if !files.any(|file| may_become(file, &change.file)) {
                    return Err(at(format!(
                        "the {what} of control `{}` changes `{}`, which no pack writes",
                        control.id, change.file
                    )));
                }
            }
        }
    }
    one_writer(packs, questions)
}

/// Checks that every name that a template uses is one that it can have: Tera takes an unknown name
/// in a condition for false, in silence.
///
/// # Errors
/// [`Kind::Template`](crate::error::Kind::Template) with the first breach: an unknown name, a
/// slot that nobody fills, or one that no file takes up.
pub fn names(
    packs: &[Pack],
    questions: &[Question],
    engine: &Engine,
    slots_used: &BTreeSet<String>,
) -> Result<()> {
    let mut known: HashSet<&str> = questions.iter().map(|question| question.key.as_str()).collect();
    let within = |name: &str, place: String, known: &HashSet<&str>| match engine
        .names(name)?
        .difference(known)
        .min()
    {
        None => Ok(()),
        Some(unknown) => Err(Error::template(format!(
            "`{place}` uses `{unknown}`, which is no question or fact"
        ))
        .hint_if(crate::answer::did_you_mean(unknown, known.iter().copied()))
        .hint("declare it in a `pack.toml`, or correct the name")),
    };
    for pack in packs {
        for (fact, _) in &pack.facts {
            within(&expression_name(pack, fact), format!("{}, fact {fact}", pack.place), &known)?;
            known.insert(fact);
        }
    }
    for pack in packs {
        for number in 0..pack.requirements.len() {
            for part in ["that", "message", "hint"] {
                let name = expression_name(pack, &format!("require.{number}.{part}"));
                within(&name, format!("{}, requirement {}", pack.place, number + 1), &known)?;
            }
        }
        for slot in &pack.slots {
            let name = format!("{}/slots/{slot}.tera", pack.name);
            within(&name, name.clone(), &known)?;
            if !slots_used.contains(slot) {
                return Err(Error::template(format!(
                    "`{name}` adds to a slot that no file takes up"
                ))
                .hint(format!("use `slots.{slot}` in the file that it is for, or rename it")));
            }
        }
        for file in &pack.files {
            let name = format!("{}/files/{file}.tera", pack.name);
            let mut known = known.clone();
            known.extend(BOUND);
            known.extend(pack.bound_in(file));
            within(&name, name.clone(), &known)?;
        }
    }
    let filled: BTreeSet<&String> = packs.iter().flat_map(|pack| &pack.slots).collect();
    match slots_used.iter().find(|slot| !filled.contains(slot)) {
        Some(slot) => {
            Err(Error::template(format!("a file takes up `slots.{slot}`, which no pack fills"))
                .hint(format!("add `slots/{slot}.tera` to a pack, or correct the name")))
        }
        None => Ok(()),
    }
}

/// The slots that a template takes up.
pub fn slots_in(text: &str) -> impl Iterator<Item = String> {
    let name = |rest: &str| rest.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
    text.split("slots.").skip(1).map(name)
}

fn question_fault(question: &Question, earlier: &[Question]) -> Option<String> {
    if let Some(from) = &question.default_from
        && !earlier.iter().any(|earlier| earlier.key == *from)
    {
        return Some(format!("takes its default from `{from}`, which is not asked before it"));
    }
    if question.kind == Type::Choice && question.choices.is_empty() {
        return Some("has no choices".into());
    }
    if let Some(pattern) = &question.pattern
        && let Err(error) = crate::answer::pattern(pattern)
    {
        return Some(format!("has a bad pattern: {error}"));
    }
    let default = question.default.clone()?;
    let refusal = question.accept(default).err()?;
    Some(format!("does not take its own default: it wants {}", refusal.wants))
}

/// Whether a path with placeholders can become `path`.
fn may_become(pattern: &str, path: &str) -> bool {
    let (parts, names): (Vec<_>, Vec<_>) =
        (pattern.split('/').collect(), path.split('/').collect());
    parts.len() == names.len()
        && parts.iter().zip(names).all(|(part, name)| part.contains('%') || *part == name)
}

fn one_writer(packs: &[Pack], questions: &[Question]) -> Result<()> {
    let single = |key: &str| {
        questions.iter().any(|question| {
            question.key == key && !matches!(question.kind, Type::List | Type::Cidrs)
        })
    };
    let mut writers: BTreeMap<&str, Vec<&Pack>> = BTreeMap::new();
    for pack in packs {
        for file in &pack.files {
            let others = writers.entry(file).or_default();
            let ours = pack.condition_of(file);
            if let Some(other) =
                others.iter().find(|other| !ours.excludes(&other.condition_of(file), single))
            {
                return Err(Error::template(format!("packs `{}` and `{}` both write `{file}`", other.name, pack.name))
                    .hint("give them conditions that exclude each other, or let one fill a slot of the other"));
            }
            others.push(pack);
        }
    }
    Ok(())
}
