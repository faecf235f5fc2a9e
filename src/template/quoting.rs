//! Quoting: every value that a template puts into a file goes through the filter of that kind of
//! text, unless nothing that it can be means anything there.

use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap};

use super::context::{LABELS, SLOTS};
use super::expression::{Grade, Names, Shape, Token, shape, tokens};
use super::line::Line;
use super::pack::Pack;
use super::piece::{Piece, pieces};
use super::sink::Sink;
use crate::answer::{Question, SourceText, Type};
use crate::error::{Error, Result};

/// A template in pieces.
struct Template<'t> {
    place: String,
    text: &'t str,
    pieces: Vec<Piece<'t>>,
    sinks: Vec<Sink>,
}

/// Holds every template, given as name, place for messages and text, to the rule. What a template
/// extends, includes or puts into a slot is held to the rule of every file that it becomes part of.
///
/// # Errors
/// [`Kind::Template`](crate::error::Kind::Template), with line and column: a value without the
/// filter of its kind of text, one between quotes or beside other text although its filter brings
/// quotes, or logic that changes text after it was quoted.
pub fn quoting<'t>(
    packs: &[Pack],
    questions: &[Question],
    templates: impl Iterator<Item = (String, String, &'t str)>,
) -> Result<()> {
    let mut templates: BTreeMap<String, Template> = templates
        .map(|(name, place, text)| {
            let file = name.split_once('/').and_then(|(_, path)| path.strip_prefix("files/"));
            let sinks = file.map(|file| Sink::of(file.trim_end_matches(".tera")));
            let sinks = sinks.into_iter().collect();
            (name, Template { place, text, pieces: pieces(text), sinks })
        })
        .collect();
    spread(&mut templates);
    let names = names(packs, questions);
    templates.values().try_for_each(|template| template.hold(&names))
}

/// What the names of packs and questions can be.
fn names(packs: &[Pack], questions: &[Question]) -> Names {
    let mut names: Names = questions
        .iter()
        .map(|question| (question.key.clone(), answer(question)))
        .chain([(LABELS.into(), Shape::list_of(Grade::Text))])
        // each was held to the rule where it stands
        .chain([(SLOTS.into(), Shape::list_of(Grade::Fixed))])
        .collect();
    bind(&mut names, "loop", Shape::FIXED);
    for (bound, list) in packs.iter().flat_map(|pack| &pack.rules).flat_map(|rule| &rule.each) {
        let element = names.get(list).map_or(Shape::WILD, |list| list.element());
        bind(&mut names, bound, element);
    }
    for (fact, text) in packs.iter().flat_map(|pack| &pack.facts) {
        // a tag's end, which no expression holds, makes this the end of the text
        let whole = format!("{text}%>");
        let made = tokens(&whole, "%>").map_or(Shape::WILD, |(words, _)| shape(&words, &names));
        bind(&mut names, fact, made);
    }
    names
}

/// What the answer to a question can be.
fn answer(question: &Question) -> Shape {
    let chosen = match question.choice_values().all(is_word) {
        true => Grade::Word,
        false => Grade::Text,
    };
    match question.kind {
        Type::Int | Type::Decimal | Type::Bool => Shape::FIXED,
        Type::Quantity => Shape::of(Grade::Quantity),
        Type::Label => Shape::of(Grade::Word),
        Type::Choice => Shape::of(chosen),
        Type::List => Shape::list_of(chosen),
        Type::Cidrs => Shape::list_of(Grade::Text),
        Type::Text => Shape::WILD,
    }
}

fn is_word(text: &str) -> bool {
    let ends = [text.chars().next(), text.chars().last()];
    ends.iter().all(|end| end.is_some_and(|end| end.is_ascii_alphanumeric()))
        && text.chars().all(|c| c.is_ascii_alphanumeric() || "-_.".contains(c))
}

/// Gives a name one more shape, and tells whether that is news.
fn bind(names: &mut Names, name: &str, made: Shape) -> bool {
    let known = names.get(name).copied();
    let all = known.map_or(made, |known| known.or(made));
    names.insert(name.to_owned(), all);
    known != Some(all)
}

/// Tells templates that become part of others the kinds of text of those.
fn spread(templates: &mut BTreeMap<String, Template>) {
    let mut parts: HashMap<String, Vec<String>> = HashMap::new();
    for (name, template) in &*templates {
        for piece in &template.pieces {
            if let Piece::Tag(_, words) = piece
                && let [Token::Name("extends" | "include"), Token::Text(part), ..] = words[..]
            {
                parts.entry(name.clone()).or_default().push(part.to_owned());
            }
        }
        for slot in super::check::slots_in(template.text) {
            let ending = format!("/slots/{slot}.tera");
            let fillers = templates.keys().filter(|filler| filler.ends_with(&ending));
            parts.entry(name.clone()).or_default().extend(fillers.cloned());
        }
    }
    let mut open: Vec<String> = templates.keys().cloned().collect();
    while let Some(name) = open.pop() {
        let Some(sinks) = templates.get(&name).map(|template| template.sinks.clone()) else {
            continue;
        };
        for part in parts.get(&name).into_iter().flatten() {
            if let Some(template) = templates.get_mut(part) {
                let known = template.sinks.len();
                for sink in &sinks {
                    if !template.sinks.contains(sink) {
                        template.sinks.push(*sink);
                    }
                }
                if template.sinks.len() > known {
                    open.push(part.clone());
                }
            }
        }
    }
}

impl Template<'_> {
    fn hold(&self, names: &Names) -> Result<()> {
        if !self.pieces.iter().any(|piece| matches!(piece, Piece::Value(..))) {
            return Ok(());
        }
        let names = self.bound(names)?;
        self.sinks.iter().try_for_each(|sink| self.hold_in(*sink, &names))
    }

    /// The names, with those that the template's own tags bind.
    fn bound<'n>(&self, known: &'n Names) -> Result<Cow<'n, Names>> {
        let mut names = Cow::Borrowed(known);
        let mut news = true;
        while news {
            news = false;
            for piece in &self.pieces {
                let Piece::Tag(at, words) = piece else { continue };
                let refuse = |what: String, hint: &str| {
                    Err(Error::template(format!("`{}` {what}", self.place_of(*at))).hint(hint))
                };
                let (bound, made) = match &words[..] {
                    [Token::Name("for"), Token::Name(name), Token::Name("in"), list @ ..] => {
                        (vec![*name], shape(list, &names).element())
                    }
                    [Token::Name("for"), Token::Name(key), _, Token::Name(name), _, list @ ..] => {
                        (vec![*key, *name], shape(list, &names).element())
                    }
                    [
                        Token::Name("set" | "set_global"),
                        Token::Name(name),
                        Token::Mark("="),
                        value @ ..,
                    ] => (vec![*name], shape(value, &names)),
                    // what is between the tags is held to the rule itself
                    [Token::Name("set" | "set_global"), Token::Name(name)] => {
                        (vec![*name], Shape::FIXED)
                    }
                    [Token::Name(tag @ ("filter" | "component" | "set" | "set_global")), ..] => {
                        let what = format!("changes what is quoted with `{tag}`");
                        return refuse(what, "give each value its filter where it is put in");
                    }
                    [Token::Mark("<" | "</"), ..] => {
                        return refuse("calls a component".into(), "include a template instead");
                    }
                    _ => continue,
                };
                for name in bound {
                    news |= bind(names.to_mut(), name, made);
                    // what is included would take it for the other
                    if known.get(name).is_some_and(|known| *known != names[name]) {
                        let what = format!(
                            "gives `{name}`, which stands for something else, another meaning"
                        );
                        return refuse(what, "choose another name");
                    }
                }
            }
        }
        Ok(names)
    }

    fn hold_in(&self, sink: Sink, names: &Names) -> Result<()> {
        let mut line = Line::new(sink);
        let mut pieces = self.pieces.iter().peekable();
        while let Some(piece) = pieces.next() {
            match piece {
                Piece::Text(text) => line.go_on(text),
                Piece::Tag(..) => {}
                Piece::Value(at, source, words) => {
                    let made = shape(words, names);
                    let after = match pieces.peek() {
                        Some(Piece::Text(text)) => text.chars().next(),
                        Some(Piece::Value(..)) => Some('«'),
                        _ => None,
                    };
                    if let Some((fault, hint)) = line.fault(made, after) {
                        return Err(Error::template(format!(
                            "`{}` puts `{source}` {fault}",
                            self.place_of(*at)
                        ))
                        .hint(hint));
                    }
                    line.go_on("»");
                }
            }
        }
        Ok(())
    }

    fn place_of(&self, at: usize) -> String {
        SourceText::new(self.place.as_str(), self.text).place(&(at..at))
    }
}
