//! An expression of a template, and how wild the text can be that it makes.

use std::collections::HashMap;

use super::filter::QUOTING;

/// How wild a text can be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Grade {
    /// Numbers, `true` and `false`, and what a pack's author wrote.
    Fixed,
    /// A Kubernetes quantity.
    Quantity,
    /// Letters, digits and `-`, `_`, `.` between them: labels, and choices that are so.
    Word,
    /// Anything, made safe by this filter.
    Quoted(&'static str),
    /// Anything.
    Text,
}

/// What an expression makes: a text, or a list of such texts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shape {
    /// The wildest text in it.
    pub grade: Grade,
    /// Whether it can be a list, which prints as one.
    pub list: bool,
}

impl Shape {
    /// Author's text, or a number.
    pub const FIXED: Self = Self { grade: Grade::Fixed, list: false };
    /// A text that can be anything.
    pub const WILD: Self = Self { grade: Grade::Text, list: false };

    /// One text.
    pub fn of(grade: Grade) -> Self {
        Self { grade, list: false }
    }

    /// A list of such texts.
    pub fn list_of(grade: Grade) -> Self {
        Self { grade, list: true }
    }

    /// One of the list's texts.
    pub fn element(self) -> Self {
        Self::of(self.grade)
    }

    /// What is either of two.
    pub fn or(self, other: Self) -> Self {
        let grade = match (self.grade, other.grade) {
            (ours, theirs) if ours == theirs => ours,
            (Grade::Fixed, grade) | (grade, Grade::Fixed) => grade,
            (Grade::Quoted(_), _) | (_, Grade::Quoted(_)) => Grade::Text,
            (ours, theirs) => ours.max(theirs),
        };
        Self { grade, list: self.list || other.list }
    }

    /// What is put together from two: a quoted text beside another is no longer quoted.
    fn with(self, other: Self) -> Self {
        let bare = |shape: Self| match shape.grade {
            Grade::Quoted(_) => Self { grade: Grade::Text, ..shape },
            _ => shape,
        };
        bare(self).or(bare(other))
    }
}

/// The shapes of the names that an expression can use; a name that is not there can be anything.
pub type Names = HashMap<String, Shape>;

/// A word of the template language.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Token<'t> {
    /// A name or a keyword.
    Name(&'t str),
    /// A text between quotes, which stand outside.
    Text(&'t str),
    /// A number.
    Number,
    /// An operator or a bracket.
    Mark(&'t str),
}

/// Reads the words before `end`: they, and where `end` begins. `None` if it is not there.
pub fn tokens<'t>(text: &'t str, end: &str) -> Option<(Vec<Token<'t>>, usize)> {
    const PAIRS: [&str; 9] = ["//", "**", "==", "!=", ">=", "<=", "</", "?.", "?["];
    let (mut words, mut at) = (Vec::new(), 0);
    loop {
        let rest = &text[at..];
        let first = rest.chars().next()?;
        let while_true = |wanted: fn(char) -> bool| rest.find(|c| !wanted(c)).unwrap_or(rest.len());
        if rest.starts_with(end) {
            return Some((words, at));
        }
        let (word, length) = match first {
            c if c.is_ascii_whitespace() => {
                at += 1;
                continue;
            }
            '"' | '\'' | '`' => {
                let mut escaped = false;
                let close = rest[1..].find(|c| {
                    let closes = c == first && !escaped;
                    escaped = c == '\\' && !escaped;
                    closes
                })? + 1;
                (Token::Text(&rest[1..close]), close + 1)
            }
            c if c.is_ascii_digit() => {
                (Token::Number, while_true(|c| c.is_ascii_digit() || c == '.'))
            }
            c if c.is_ascii_alphabetic() || c == '_' => {
                let length = while_true(|c| c.is_ascii_alphanumeric() || c == '_');
                (Token::Name(&rest[..length]), length)
            }
            c => {
                let pair = PAIRS.iter().any(|pair| rest.starts_with(pair));
                let length = if pair { 2 } else { c.len_utf8() };
                (Token::Mark(&rest[..length]), length)
            }
        };
        words.push(word);
        at += length;
    }
}

/// What an expression makes.
pub fn shape(words: &[Token], names: &Names) -> Shape {
    let mut reader = Reader { words, names };
    match reader.expression(0) {
        Some(shape) if reader.words.is_empty() => shape,
        // what this reader does not know can be anything
        _ => Shape { grade: Grade::Text, list: true },
    }
}

/// Reads an expression as the engine does, operator by operator.
struct Reader<'r> {
    words: &'r [Token<'r>],
    names: &'r Names,
}

impl<'r> Reader<'r> {
    fn next(&mut self) -> Option<Token<'r>> {
        let (first, rest) = self.words.split_first()?;
        self.words = rest;
        Some(*first)
    }

    fn take(&mut self, wanted: Token) -> Option<()> {
        (self.words.first() == Some(&wanted)).then(|| self.words = &self.words[1..])
    }

    fn expression(&mut self, weakest: u8) -> Option<Shape> {
        let mut left = self.operand()?;
        while let Some(word) = self.words.first() {
            // how strongly each binds to its left and its right, in the engine
            let (binds, right) = match word {
                Token::Name("if") => (0, 0),
                Token::Name("or") => (1, 2),
                Token::Name("and") => (3, 4),
                Token::Name("in" | "is" | "not") => (5, 6),
                Token::Mark("==" | "!=" | "<" | "<=" | ">" | ">=") => (7, 8),
                Token::Mark("+" | "-") => (11, 12),
                Token::Mark("*" | "/" | "%" | "~" | "//") => (13, 14),
                Token::Mark("**") => (16, 15),
                Token::Mark("|") => (17, 18),
                Token::Mark("[" | "." | "?." | "?[") => (u8::MAX, 0),
                _ => break,
            };
            if binds < weakest {
                break;
            }
            let operator = self.next()?;
            left = match operator {
                Token::Name("if") => {
                    self.expression(0)?;
                    self.take(Token::Name("else"))?;
                    left.or(self.expression(0)?)
                }
                Token::Mark("|") => self.filter(left)?,
                Token::Mark("." | "?.") => {
                    self.next()?;
                    left
                }
                Token::Mark("[" | "?[") => {
                    let slice = self.words.get(1) != Some(&Token::Mark("]"));
                    self.until("]")?;
                    if slice { left } else { left.element() }
                }
                // a test, which may have arguments
                Token::Name("is") => {
                    let _ = self.take(Token::Name("not"));
                    self.next()?;
                    if self.take(Token::Mark("(")).is_some() {
                        self.until(")")?;
                    }
                    Shape::FIXED
                }
                Token::Name("not") => {
                    self.take(Token::Name("in"))?;
                    self.expression(right)?;
                    Shape::FIXED
                }
                _ => {
                    let other = self.expression(right)?;
                    match operator {
                        Token::Name("and" | "or") => left.or(other),
                        Token::Mark("~" | "+") => left.with(other),
                        // numbers, or true and false
                        _ => Shape::FIXED,
                    }
                }
            };
        }
        Some(left)
    }

    fn operand(&mut self) -> Option<Shape> {
        Some(match self.next()? {
            Token::Number | Token::Text(_) => Shape::FIXED,
            Token::Name("true" | "True" | "false" | "False" | "none" | "None" | "null") => {
                Shape::FIXED
            }
            Token::Name("not") => {
                self.expression(5)?;
                Shape::FIXED
            }
            Token::Mark("-") => {
                self.expression(20)?;
                Shape::FIXED
            }
            Token::Name(name) if self.take(Token::Mark("(")).is_some() => {
                self.until(")")?;
                // a parent's block was looked at where it stands
                if ["super", "range"].contains(&name) { Shape::FIXED } else { Shape::WILD }
            }
            Token::Name(name) => self.names.get(name).copied().unwrap_or(Shape::WILD),
            Token::Mark("(") => {
                let inner = self.expression(0)?;
                self.take(Token::Mark(")"))?;
                inner
            }
            Token::Mark("[") => {
                let elements = self.until("]")?;
                Shape { list: true, ..elements }
            }
            _ => return None,
        })
    }

    /// Reads arguments or elements up to the closing bracket, and joins their shapes.
    fn until(&mut self, close: &str) -> Option<Shape> {
        let mut all = Shape::FIXED;
        loop {
            match self.words {
                [Token::Mark(mark), ..] if *mark == close => break,
                [Token::Mark("," | ":"), ..] => self.words = &self.words[1..],
                [Token::Name(_), Token::Mark("="), ..] => self.words = &self.words[2..],
                _ => all = all.or(self.expression(0)?.element()),
            }
        }
        self.next()?;
        Some(all)
    }

    fn filter(&mut self, input: Shape) -> Option<Shape> {
        let Token::Name(filter) = self.next()? else { return None };
        let mut arguments = Shape::FIXED;
        if self.take(Token::Mark("(")).is_some() {
            arguments = self.until(")")?;
        }
        let both = input.with(arguments);
        let quoting = QUOTING.iter().find(|known| **known == filter);
        Some(match (filter, quoting) {
            _ if both.grade == Grade::Fixed => both,
            (_, Some(quoting)) => Shape::of(Grade::Quoted(quoting)),
            ("mebibytes" | "millicores" | "length" | "int" | "float" | "abs" | "round", _) => {
                arguments.element()
            }
            ("first" | "last" | "nth" | "get" | "join", _) => both.element(),
            ("sort" | "unique" | "default" | "str", _) => both,
            // of words they make words, but for what the author puts in
            ("lower" | "upper" | "replace", _) if both.grade <= Grade::Word => {
                both.or(Shape::of(Grade::Word))
            }
            _ => Shape { grade: Grade::Text, list: both.list },
        })
    }
}
