//! How X reads and measures a text: mentions of people, weighted length, HTML escapes.

/// A mention: the name as written, without `@`, and where it stands, in code points, `@` included.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Mention {
    pub(crate) name: String,
    pub(crate) start: usize,
    pub(crate) end: usize,
}

/// The texts that look like mentions, whether or not somebody has that name.
pub(crate) fn mentions(text: &str) -> Vec<Mention> {
    let chars: Vec<char> = text.chars().collect();
    let mut found = Vec::new();
    let mut at = 0;
    while let Some(&c) = chars.get(at) {
        let before = at.checked_sub(1).and_then(|i| chars.get(i));
        // A mail address or `@@name` is no mention (twitter-text, `validMentionPrecedingChars`).
        let glued = before.is_some_and(|b| b.is_ascii_alphanumeric() || "_!#$%&*@＠".contains(*b));
        if !matches!(c, '@' | '＠') || glued {
            at += 1;
            continue;
        }
        let name: String = chars.iter().skip(at + 1).take_while(|c| c.is_ascii_alphanumeric() || **c == '_').collect();
        let end = at + 1 + name.len();
        let followed_by_at = matches!(chars.get(end), Some('@' | '＠'));
        if (1..=15).contains(&name.len()) && !followed_by_at {
            found.push(Mention { name, start: at, end });
        }
        at = end;
    }
    found
}

/// The length that X counts, of which 280 are allowed (twitter-text configuration v3): most scripts weigh 1 for each
/// code point, the others 2, a URL 23.
pub(crate) fn weighted_length(text: &str) -> usize {
    text.split_inclusive(char::is_whitespace)
        .map(|word| {
            let url = word.trim_end();
            if url.starts_with("https://") || url.starts_with("http://") {
                return 23 + (word.len() - url.len()).min(1);
            }
            word.chars().map(weight).sum()
        })
        .sum()
}

fn weight(c: char) -> usize {
    match u32::from(c) {
        0..=4351 | 8192..=8205 | 8208..=8223 | 8242..=8247 => 1,
        _ => 2,
    }
}

/// The text as X delivers it: `&`, `<` and `>` come as HTML entities, in both envelopes and in the API's answers.
pub(crate) fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mentions_are_found_where_x_finds_them() {
        let check = |text: &str, expected: &[(&str, usize, usize)]| {
            let found: Vec<_> = mentions(text).into_iter().map(|m| (m.name, m.start, m.end)).collect();
            let expected: Vec<_> = expected.iter().map(|(n, s, e)| ((*n).to_owned(), *s, *e)).collect();
            assert_eq!(found, expected, "{text}");
        };
        check("@sportello pay @anna 20 €", &[("sportello", 0, 10), ("anna", 15, 20)]);
        check("€ @anna", &[("anna", 2, 7)]);
        check("mail anna@example.org", &[]);
        check("@@anna", &[]);
        check("@anna@example", &[]);
        check("(@anna)", &[("anna", 1, 6)]);
        check("@thisnameisfartoolong", &[]);
        check("@", &[]);
        check("", &[]);
    }

    #[test]
    fn length_is_weighted() {
        let check = |text: &str, expected: usize| assert_eq!(weighted_length(text), expected, "{text}");
        check("hello", 5);
        check("20 €", 5);
        check("日本", 4);
        check("see https://example.org/a/very/long/path/indeed/which/goes/on ok", 4 + 23 + 1 + 2);
        check("", 0);
    }
}
