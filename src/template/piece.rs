//! A template, cut into text, values and logic.

use super::expression::{Token, tokens};

/// A piece of a template.
pub enum Piece<'t> {
    /// Text, as it is.
    Text(&'t str),
    /// A value that is put in: where it stands, its source and its words.
    Value(usize, &'t str, Vec<Token<'t>>),
    /// Logic: where it stands and its words.
    Tag(usize, Vec<Token<'t>>),
}

/// Cuts a template, without the blanks that a dash takes out. What cannot be read to its end is a value of no words.
pub fn pieces(text: &str) -> Vec<Piece<'_>> {
    let (mut pieces, mut at, mut done) = (Vec::new(), 0, 0);
    while let Some(found) = text.as_bytes()[at..].iter().position(|byte| b"<\xc2".contains(byte)) {
        let start = at + found;
        let rest = &text[start..];
        let Some(after) = rest.get(2..).filter(|_| ["«", "<#", "<%"].contains(&&rest[..2])) else {
            at = start + 1;
            continue;
        };
        let before = &text[done..start];
        pieces.push(Piece::Text(if after.starts_with('-') { before.trim_end() } else { before }));
        let Some((piece, length)) = piece(start, &rest[..2], after) else {
            pieces.push(Piece::Value(start, rest.lines().next().unwrap_or(rest), Vec::new()));
            return pieces;
        };
        pieces.extend(piece);
        at = start + 2 + length;
        let dashed = ["-»", "-%>", "-#>"].iter().any(|end| text[..at].ends_with(end));
        if dashed {
            at = text.len() - text[at..].trim_start().len();
        }
        done = at;
    }
    pieces.push(Piece::Text(&text[done..]));
    pieces
}

/// The piece that `mark` begins, none for a note, and the length of what follows the mark.
fn piece<'t>(start: usize, mark: &str, rest: &'t str) -> Option<(Option<Piece<'t>>, usize)> {
    if mark == "<#" {
        return Some((None, rest.find("#>")? + 2));
    }
    let is_value = mark == "«";
    let (words, end) = tokens(rest, if is_value { "»" } else { "%>" })?;
    let words = without_dashes(words);
    if is_value {
        let source = rest[..end].trim_matches(['-', ' ']);
        return Some((Some(Piece::Value(start, source, words)), end + 2));
    }
    let raw = words == [Token::Name("raw")];
    let left_alone = if raw { raw_length(&rest[end + 2..])? } else { 0 };
    Some((Some(Piece::Tag(start, words)), end + 2 + left_alone))
}

/// How long the text is that a `raw` tag leaves alone.
fn raw_length(text: &str) -> Option<usize> {
    let ends = |at: &usize| {
        tokens(&text[at + 2..], "%>")
            .is_some_and(|(words, _)| without_dashes(words) == [Token::Name("endraw")])
    };
    text.match_indices("<%").map(|(at, _)| at).find(ends)
}

/// The words without the dashes at both ends, which take blanks out around them.
fn without_dashes(mut words: Vec<Token<'_>>) -> Vec<Token<'_>> {
    const DASH: Token = Token::Mark("-");
    words.pop_if(|word| *word == DASH);
    if words.first() == Some(&DASH) {
        words.remove(0);
    }
    words
}
