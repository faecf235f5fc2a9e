//! What templates see: the answers, the facts that follow from them, and the slots.

use std::collections::BTreeMap;

use serde::Serialize;
use tera::{Context, Value};

use super::engine::Engine;
use super::pack::Pack;
use crate::answer::Answers;
use crate::error::{Error, Kind, Result};

/// The name under which an expression of a pack is compiled.
pub(super) fn expression_name(pack: &Pack, what: &str) -> String {
    format!("{}/pack.toml#{what}", pack.name)
}

/// The template whose text is the value of an expression, in JSON.
pub(super) fn expression(text: &str) -> String {
    format!("«({text}) | json»")
}

/// A label that an organisation puts on every object.
#[derive(Serialize)]
struct Label<'l> {
    key: &'l str,
    value: &'l str,
}

/// The name of an organisation's labels.
pub(super) const LABELS: &str = "labels";

/// The name of what packs add to shared files.
pub(super) const SLOTS: &str = "slots";

/// The names that are bound beside answers and facts.
pub(super) const BOUND: [&str; 2] = [LABELS, SLOTS];

/// Binds answers, an organisation's labels and the facts of the packs that take part, and holds the packs' requirements.
///
/// # Errors
/// The engine's kind if an expression fails; [`Kind::Usage`] if the answers contradict each other.
pub(super) fn bind(
    answers: &Answers,
    labels: &BTreeMap<String, String>,
    packs: &[&Pack],
    engine: &Engine,
) -> Result<Context> {
    let mut context = Context::new();
    let labels: Vec<Label> = labels.iter().map(|(key, value)| Label { key, value }).collect();
    context.insert(LABELS, &labels);
    for answer in answers.iter() {
        context.insert(answer.key.clone(), &answer.value);
    }
    for pack in packs {
        for (fact, _) in &pack.facts {
            let value = evaluate(engine, &expression_name(pack, fact), &context)?;
            context.insert_value(fact.clone(), value);
        }
    }
    for pack in packs {
        for (number, _) in pack.requirements.iter().enumerate() {
            let name = |part: &str| expression_name(pack, &format!("require.{number}.{part}"));
            if !evaluate(engine, &name("that"), &context)?.is_truthy() {
                let message = engine.render(&name("message"), &context)?;
                return Err(Error::usage(message).hint(engine.render(&name("hint"), &context)?));
            }
        }
    }
    Ok(context)
}

/// Renders what the packs add to shared files, and binds it as `slots`.
///
/// # Errors
/// The engine's kind if a template fails.
pub(super) fn bind_slots(
    context: &mut Context,
    names: &[&str],
    packs: &[&Pack],
    engine: &Engine,
) -> Result<()> {
    let mut slots: BTreeMap<&str, Vec<String>> =
        names.iter().map(|name| (*name, Vec::new())).collect();
    for pack in packs {
        for slot in &pack.slots {
            let text = engine.render(&format!("{}/slots/{slot}.tera", pack.name), context)?;
            slots.entry(slot).or_default().push(text.trim_matches('\n').to_owned());
        }
    }
    context.insert(SLOTS, &slots);
    Ok(())
}

fn evaluate(engine: &Engine, name: &str, context: &Context) -> Result<Value> {
    let text = engine.render(name, context)?;
    let value: serde_json::Value = serde_json::from_str(&text).map_err(|error| {
        Error::new(Kind::Internal, format!("`{name}` has no value")).because(error)
    })?;
    Ok(Value::from_serializable(&value))
}
