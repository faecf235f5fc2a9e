//! What is compiled: the templates and expressions of all packs, each as name, place and text.

use std::collections::BTreeMap;

use super::context::{expression, expression_name};
use super::pack::Pack;
use super::shelf::{Shelf, Shelves};

/// The text templates of all packs: name, place, text.
pub(super) fn templates<'t>(
    texts: &'t BTreeMap<&'t str, BTreeMap<&'t str, (&'t Shelf, &'t str)>>,
    shelves: &'t Shelves,
) -> impl Iterator<Item = (String, String, &'t str)> {
    let current = texts.iter().flat_map(|(pack, files)| {
        files.iter().map(move |(path, (shelf, text))| (format!("{pack}/{path}"), *shelf, *text))
    });
    let builtin = shelves.organisation().map(|_| shelves.builtin());
    let builtin = builtin.into_iter().flat_map(|shelf| {
        shelf.below("templates").map(move |(path, text)| (format!("builtin/{path}"), shelf, text))
    });
    current.chain(builtin).filter(|(name, ..)| name.ends_with(".tera")).map(
        |(name, shelf, text)| {
            let place = shelf.place(&format!("templates/{}", name.trim_start_matches("builtin/")));
            (name, place, text)
        },
    )
}

/// The expressions of all packs, as templates: name, place, text.
pub(super) fn expressions(packs: &[Pack]) -> Vec<(String, String, String)> {
    let mut all = Vec::new();
    for pack in packs {
        let mut add = |what: String, text: String| {
            all.push((expression_name(pack, &what), format!("{} ({what})", pack.place), text));
        };
        for (fact, text) in &pack.facts {
            add(fact.clone(), expression(text));
        }
        for (number, requirement) in pack.requirements.iter().enumerate() {
            add(format!("require.{number}.that"), expression(&requirement.that));
            add(format!("require.{number}.message"), requirement.message.clone());
            add(format!("require.{number}.hint"), requirement.hint.clone());
        }
    }
    all
}
