//! Labels of Kubernetes objects.

/// Prefixes that Kubernetes keeps for itself, with all below them.
const RESERVED: [&str; 2] = ["kubernetes.io", "k8s.io"];

/// What is wrong with a label, if anything, in words that follow its name.
pub fn label_fault(key: &str, value: &str) -> Option<&'static str> {
    let (prefix, name) = match key.split_once('/') {
        Some((prefix, name)) => (Some(prefix), name),
        None => (None, key),
    };
    let below = |domain: &str| {
        prefix
            .and_then(|prefix| prefix.strip_suffix(domain))
            .is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
    };
    if prefix.is_some_and(|prefix| !is_domain(prefix)) {
        Some("has a prefix that is no lower-case DNS name of at most 253 characters")
    } else if RESERVED.into_iter().any(below) {
        Some("has a prefix that Kubernetes keeps for itself")
    } else if !is_word(name) {
        Some(
            "is not named by letters, digits, `-`, `_` and `.`, at most 63, with a letter or a digit at both ends",
        )
    } else if !value.is_empty() && !is_word(value) {
        Some(
            "has a value of other than letters, digits, `-`, `_` and `.`, at most 63, with a letter or a digit at both ends",
        )
    } else {
        None
    }
}

fn is_domain(text: &str) -> bool {
    let is_part = |part: &str| {
        part.len() <= 63
            && ends_with(part, |c| c.is_ascii_lowercase() || c.is_ascii_digit())
            && part.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-')
    };
    text.len() <= 253 && text.split('.').all(is_part)
}

fn is_word(text: &str) -> bool {
    text.len() <= 63
        && ends_with(text, |c| c.is_ascii_alphanumeric())
        && text.chars().all(|c| c.is_ascii_alphanumeric() || "-_.".contains(c))
}

/// Whether a text has such a character at both ends.
fn ends_with(text: &str, wanted: fn(char) -> bool) -> bool {
    text.starts_with(wanted) && text.ends_with(wanted)
}
