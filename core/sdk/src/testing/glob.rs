//! Patterns in which `*` stands for any characters.

/// Whether `text` is like `pattern`.
pub(super) fn matches(pattern: &str, text: &str) -> bool {
    let Some((head, mut pattern)) = pattern.split_once('*') else {
        return pattern == text;
    };
    let Some(mut text) = text.strip_prefix(head) else {
        return false;
    };
    // What stands between two stars is found as early as it can be: later never leaves more to match.
    while let Some((part, rest)) = pattern.split_once('*') {
        let Some(found) = text.find(part) else {
            return false;
        };
        text = text.get(found + part.len()..).unwrap_or_default();
        pattern = rest;
    }
    text.ends_with(pattern)
}

#[cfg(test)]
mod tests {
    use super::matches;

    #[test]
    fn stars() {
        let check = |pattern, text, expected| {
            assert_eq!(matches(pattern, text), expected, "{pattern} {text}");
        };
        check("*", "", true);
        check("POST", "POST", true);
        check("POST", "GET", false);
        check("https://a/*", "https://a/b/c?d", true);
        check("https://a/*", "https://b/", false);
        check("https://a/*/status", "https://a/1/2/status", true);
        check("https://a/*/status", "https://a/1/2", false);
        check("a*b*c", "a-b-b-c", true);
        check("a*b*c", "acb", false);
        check("ab*ba", "aba", false);
    }
}
