//! What in a text is a secret by how it is written: after a name that only secrets have, as in a query, a form, a header or
//! JSON that somebody quotes; in XML and parts of forms; after the name of a way to authenticate; in front of the host of a URL.

use super::enclosed::without_enclosed_secrets;
use super::redaction::{LEFT_OUT, is_secret_name};

/// Ways to authenticate in HTTP (RFC 6750, RFC 7617, RFC 9449): a word follows that lets somebody in.
const SCHEMES: [&str; 3] = ["bearer", "basic", "dpop"];

/// A text without such secrets.
pub(super) fn without_named_secrets(text: &str) -> String {
    without_schemes(&without_named(&without_enclosed_secrets(&without_userinfo(text))))
}

/// Without what stands between a URL's scheme and its host (RFC 3986, section 3.2.1).
fn without_userinfo(text: &str) -> String {
    let mut clean = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("://") {
        clean.push_str(before);
        clean.push_str("://");
        let ends = |c: char| c.is_whitespace() || matches!(c, '/' | '?' | '#' | '"' | '<' | '>' | '\\');
        let authority = after.get(..after.find(ends).unwrap_or(after.len())).unwrap_or_default();
        rest = after;
        if let Some(at) = authority.rfind('@') {
            clean.push_str(LEFT_OUT);
            rest = after.get(at..).unwrap_or_default();
        }
    }
    clean.push_str(rest);
    clean
}

/// Without the values that follow the names of secrets, behind `=` or `:`.
fn without_named(text: &str) -> String {
    let mut clean = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find(['=', ':']) {
        let (before, after) = rest.split_at(at);
        let (sign, after) = after.split_at(1);
        clean.push_str(before);
        clean.push_str(sign);
        rest = after;
        if !is_secret_name(name_before(before)) {
            continue;
        }
        // Where the name stands inside quotes, its value ends with them.
        let is_quoted = clean.matches('"').count() % 2 == 1;
        let (opening, value_len) = value(before, sign, after, is_quoted);
        if value_len > 0 {
            clean.push_str(after.get(..opening).unwrap_or_default());
            clean.push_str(LEFT_OUT);
            rest = after.get(opening + value_len..).unwrap_or_default();
        }
    }
    clean.push_str(rest);
    clean
}

/// The name at the end of a text, over what JSON puts behind it.
fn name_before(text: &str) -> &str {
    let of_a_name = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.');
    let text = text.trim_end_matches([' ', '\t']).trim_end_matches(['"', '\'', '\\']);
    text.rsplit(|c: char| !of_a_name(c)).next().unwrap_or_default()
}

/// Where the value begins in the text that follows its sign, and how long it is.
fn value(before: &str, sign: &str, text: &str, is_quoted: bool) -> (usize, usize) {
    let blank = text.len() - text.trim_start_matches([' ', '\t']).len();
    let unblank = text.get(blank..).unwrap_or_default();
    let quote = unblank.trim_start_matches('\\').chars().next().filter(|c| matches!(c, '"' | '\''));
    if let Some(quote) = quote {
        let opening = blank + unblank.find(quote).unwrap_or(0) + 1;
        let quoted = text.get(opening..).unwrap_or_default();
        return (opening, quoted_len(quoted, quote, unblank.starts_with('\\')));
    }
    // Of JSON, what is no text and no number tells nothing.
    let is_json = before.trim_end_matches([' ', '\t']).ends_with(['"', '\'']);
    if is_json && !unblank.starts_with(|c: char| c.is_ascii_digit() || c == '-') {
        return (blank, 0);
    }
    // What these hold has several words.
    let name = name_before(before).to_ascii_lowercase();
    let is_of_line = sign == ":" && ["cookie", "authorization", "signature"].iter().any(|end| name.ends_with(end));
    let ends_line = |c: char| matches!(c, '\r' | '\n' | '<') || is_quoted && c == '"';
    let ends_word = |c: char| {
        c.is_whitespace()
            || matches!(c, '&' | ';' | '"' | '\'' | '#' | '<' | '>' | '\\')
            || sign == ":" && matches!(c, ',' | '}')
    };
    if is_of_line {
        return (blank, unblank.find(ends_line).unwrap_or(unblank.len()));
    }
    let len = unblank.find(ends_word).unwrap_or(unblank.len());
    let (word, rest) = unblank.split_at(len);
    // The way to authenticate is a word of its own, and what lets somebody in comes after it.
    if SCHEMES.iter().any(|scheme| word.eq_ignore_ascii_case(scheme)) {
        let token = rest.trim_start_matches([' ', '\t']);
        return (blank, unblank.len() - token.len() + token.find(ends_word).unwrap_or(token.len()));
    }
    (blank, len)
}

/// How much of a text stands before the quote that ends it. In a text that is quoted itself, each quote has a backslash.
fn quoted_len(text: &str, quote: char, is_nested: bool) -> usize {
    if is_nested {
        let ending = format!("\\{quote}");
        let mut ends = text.match_indices(&ending).map(|(at, _)| at);
        let is_hidden = |at: usize| text.get(..at).is_some_and(|before| before.ends_with('\\'));
        return ends.find(|at| !is_hidden(*at)).unwrap_or(text.len());
    }
    let mut escaped = false;
    for (at, c) in text.char_indices() {
        match c {
            '\\' => escaped = !escaped,
            c if c == quote && !escaped => return at,
            _ => escaped = false,
        }
    }
    text.len()
}

/// Without the word that follows the name of a way to authenticate.
fn without_schemes(text: &str) -> String {
    let ends = |c: char| c.is_whitespace() || matches!(c, '"' | '\'' | ',' | ';' | '<' | '>' | '\\');
    let mut clean = String::with_capacity(text.len());
    let mut follows = false;
    for word in text.split_inclusive(ends) {
        let bare = word.trim_end_matches(ends);
        // A token is long; `bearer of news` is none.
        if follows && bare.len() >= TOKEN_LEN_MIN {
            clean.push_str(LEFT_OUT);
            clean.push_str(word.get(bare.len()..).unwrap_or_default());
        } else {
            clean.push_str(word);
        }
        let is_spaced = word.ends_with([' ', '\t']);
        follows =
            is_spaced && SCHEMES.iter().any(|scheme| bare.eq_ignore_ascii_case(scheme)) || follows && bare.is_empty();
    }
    clean
}

/// Fewer characters are a word, and no token.
const TOKEN_LEN_MIN: usize = 8;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_follows_the_name_of_a_secret_is_left_out() {
        // `*` is what is left out.
        let check = |text: &str, expected: &str| {
            let expected = expected.replace('*', LEFT_OUT);
            assert_eq!(without_named_secrets(text), expected);
            assert_eq!(without_named_secrets(&expected), expected, "once more");
        };
        check("client_secret=a&b=c", "client_secret=*&b=c");
        check("a=b&token=&c=d", "a=b&token=&c=d");
        check("token_type: bearer", "token_type: bearer");
        // In the words of an error.
        check("401: Authorization: Bearer abc.def was refused", "401: Authorization: *");
        check("Set-Cookie: sid=a; path=/\r\nvia: b", "Set-Cookie: *\r\nvia: b");
        check(r#"Cookie: a="x"; sid=b"#, "Cookie: *");
        check(r#"Authorization: Digest username="a", response="b""#, "Authorization: *");
        check(r#"it said "authorization: abc" to us"#, r#"it said "authorization: *" to us"#);
        check("x-auth-token: Bearer abcdefgh, and on", "x-auth-token: *, and on");
        check("access_token=Bearer abcdefgh&b=c", "access_token=*&b=c");
        check("the token: abc, of paolo", "the token: *, of paolo");
        check("sent Bearer abcdefgh.ij to anna", "sent Bearer * to anna");
        check("the bearer of this", "the bearer of this");
        // JSON that is quoted, and quoted again.
        check(r#"it said {"access_token": "a\"b", "n": 1}"#, r#"it said {"access_token": "*", "n": 1}"#);
        check(r#"it said {\"access_token\":\"a\",\"n\":1}"#, r#"it said {\"access_token\":\"*\",\"n\":1}"#);
        check(r#"{"password": 1234}"#, r#"{"password": *}"#);
        check(r#"{"token": "a", "token": null}"#, r#"{"token": "*", "token": null}"#);
        check(r#"{"token": {"id": 7}}"#, r#"{"token": {"id": 7}}"#);
        // In front of a host.
        check("see https://anna:pw@bank.example/a@b?c=d", "see https://*@bank.example/a@b?c=d");
        check("https://bank.example/anna@example.org", "https://bank.example/anna@example.org");
        check("at 12:30, paolo=anna", "at 12:30, paolo=anna");
    }
}
