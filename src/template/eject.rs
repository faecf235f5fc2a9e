//! A stub that extends a built-in template, to change a block of it.

use std::collections::BTreeSet;

use super::shelf::Shelves;
use crate::error::{Error, Result};

/// The text of a template that extends the built-in one at `path` and lists its blocks.
///
/// # Errors
/// [`Kind::Usage`](crate::error::Kind::Usage): there is no such template, it is no template that
/// can be extended, or it has no blocks.
pub fn stub(shelves: &Shelves, path: &str) -> Result<String> {
    let blocks = blocks(shelves, path)?;
    let Some(first) = blocks.first() else {
        return Err(Error::usage(format!("`{path}` has no blocks to change"))
            .hint("replace it whole: copy what `seaworthy templates show` prints to that path below `templates`"));
    };
    let names: Vec<&str> = blocks.iter().map(String::as_str).collect();
    Ok(format!(
        "<% extends \"builtin/{path}\" %>\n\
         <# Its blocks: {}.\n\
         \u{20}  Fill those that differ; all the rest is the built-in text. To keep a block and add to it:\n\
         \u{20}  <% block {first} %>«super()» more <% endblock {first} %> #>\n",
        names.join(", ")
    ))
}

/// The blocks of a template and of all that it extends.
fn blocks(shelves: &Shelves, path: &str) -> Result<Vec<String>> {
    let (mut blocks, mut seen) = (Vec::new(), BTreeSet::new());
    let mut next = Some(path.to_owned());
    while let Some(path) = next {
        let text = shelves.builtin_template(&path)?.text;
        for name in tags(&text, "block") {
            if !blocks.contains(&name) {
                blocks.push(name);
            }
        }
        seen.insert(path);
        let parent = tags(&text, "extends").next().map(|name| name.trim_matches('"').to_owned());
        next = parent.filter(|parent| !seen.contains(parent));
    }
    Ok(blocks)
}

/// The first word after every tag `<% TAG`.
fn tags<'t>(text: &'t str, tag: &'t str) -> impl Iterator<Item = String> + 't {
    text.split("<%").skip(1).filter_map(move |rest| {
        let rest = rest.trim_start_matches('-').trim_start().strip_prefix(tag)?;
        let word = rest.strip_prefix(char::is_whitespace)?.trim_start();
        Some(word.split_whitespace().next()?.to_owned())
    })
}
