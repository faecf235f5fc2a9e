//! Patterns that a pack, an organisation or a control brings.

use globset::{GlobBuilder, GlobMatcher};
use regex::{Error, Regex, RegexBuilder};

/// The largest compiled expression, in bytes: nested repetitions grow beyond any use.
const LARGEST: usize = 1024 * 1024;

/// The longest pattern for paths, in bytes: braces that are nested deeply end the process.
const LONGEST: usize = 200;

/// Compiles an expression.
///
/// # Errors
/// It is malformed or too large.
pub fn pattern(text: &str) -> Result<Regex, Error> {
    RegexBuilder::new(text).size_limit(LARGEST).build()
}

/// Compiles an expression that a whole text must match. That it is one by itself, so that no
/// bracket of it closes the group here, is for its declaration to hold, with [`pattern`].
///
/// # Errors
/// It is malformed or too large.
pub fn whole_pattern(text: &str) -> Result<Regex, Error> {
    pattern(&format!("^(?:{text})$"))
}

/// Compiles a pattern for paths, in which `*` stands for a part and `**` for several.
///
/// # Errors
/// It is malformed or too long, in words.
pub fn path_pattern(text: &str) -> Result<GlobMatcher, String> {
    if text.len() > LONGEST {
        return Err(format!("it has more than {LONGEST} bytes"));
    }
    let glob = GlobBuilder::new(text).literal_separator(true).build();
    glob.map(|glob| glob.compile_matcher()).map_err(|error| error.kind().to_string())
}
