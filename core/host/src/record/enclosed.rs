//! What in a text is a secret by what encloses it: an element of XML, or a part of a form, whose name only secrets have.

use super::redaction::{LEFT_OUT, is_secret_name};

/// A text without such secrets.
pub(super) fn without_enclosed_secrets(text: &str) -> String {
    without_parts(&without_elements(text))
}

/// Without what stands in such elements (XML 1.0, section 3.1), whatever prefix their names have.
fn without_elements(text: &str) -> String {
    without(text, "<", |after| {
        let ends = |c: char| c.is_whitespace() || matches!(c, '<' | '>' | '/');
        let name = begin(after).split(ends).next()?;
        let local = name.rsplit(':').next().filter(|local| is_secret_name(local))?;
        // No further than its own end tag, or the next one's begin.
        let from = name.len() - local.len();
        let tag = after.get(from..)?;
        let opened = from + tag.find(['<', '>']).filter(|at| tag.get(*at..).is_some_and(|end| end.starts_with('>')))?;
        // An empty one has nothing in it.
        let is_empty = after.get(..opened)?.ends_with('/');
        let content = after.get(opened + 1..).filter(|_| !is_empty)?;
        Some(match content.strip_prefix(CDATA) {
            Some(data) => (opened + 1 + CDATA.len(), data.find("]]>").unwrap_or(data.len())),
            None => (opened + 1, content.find('<').unwrap_or(content.len())),
        })
    })
}

/// The longest name, and the longest headers of a part, in bytes: what is longer is neither.
const NAME_LEN_MAX: usize = 128;
const HEADERS_LEN_MAX: usize = 1_000;

/// As much of a text as a name takes.
fn begin(text: &str) -> &str {
    text.get(..text.floor_char_boundary(NAME_LEN_MAX)).unwrap_or(text)
}

const CDATA: &str = "<![CDATA[";

/// Without what stands in such parts (RFC 7578, section 4.2).
fn without_parts(text: &str) -> String {
    without(text, "name=", |after| {
        let unquoted = after.trim_start_matches('"');
        let name = begin(unquoted).split(['"', ';', '=', '\r', '\n']).next().filter(|name| is_secret_name(name))?;
        let named = after.len() - unquoted.len() + name.len();
        let headers = after.get(named..)?;
        let headers = headers.get(..headers.floor_char_boundary(HEADERS_LEN_MAX)).unwrap_or(headers);
        let ends = ["\r\n\r\n", "\n\n"].into_iter().filter_map(|end| Some(headers.find(end)? + end.len()));
        let begins = named + ends.min()?;
        let content = after.get(begins..)?;
        // The next part, or the last line.
        let ends = ["\r\n--", "\n--"].into_iter().filter_map(|end| content.find(end));
        Some((begins, ends.min().unwrap_or(content.len())))
    })
}

/// A text without what `secret` finds behind each `sign`: where that begins, and how long it is.
fn without(text: &str, sign: &str, secret: impl Fn(&str) -> Option<(usize, usize)>) -> String {
    let mut clean = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once(sign) {
        clean.push_str(before);
        clean.push_str(sign);
        rest = after;
        let Some((begins, len)) = secret(after).filter(|(_, len)| *len > 0) else {
            continue;
        };
        let (opening, content) = after.split_at(begins);
        // What is left out once is left out.
        if content.starts_with(LEFT_OUT) {
            continue;
        }
        clean.push_str(opening);
        clean.push_str(LEFT_OUT);
        rest = content.get(len..).unwrap_or_default();
    }
    clean.push_str(rest);
    clean
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_secrets_name_encloses_is_left_out() {
        // `*` is what is left out.
        let check = |text: &str, expected: &str| {
            let expected = expected.replace('*', LEFT_OUT);
            assert_eq!(without_enclosed_secrets(text), expected);
            assert_eq!(without_enclosed_secrets(&expected), expected, "once more");
        };
        check("<a><Password>b</Password></a>", "<a><Password>*</Password></a>");
        check("<s:AccessToken id='1'>b c</s:AccessToken>", "<s:AccessToken id='1'>*</s:AccessToken>");
        check("<Token><![CDATA[a<b]]></Token>", "<Token><![CDATA[*]]></Token>");
        check("<Token/><Amount>1</Amount>", "<Token/><Amount>1</Amount>");
        check("<Token><Id>7</Id></Token>", "<Token><Id>7</Id></Token>");
        check("<Token", "<Token");
        check("<Token>a", "<Token>*");
        check("1 < 2, token > 3", "1 < 2, token > 3");
        let part = |name: &str, value: &str, more: &str| {
            format!("--x\r\nContent-Disposition: form-data; name={name}{more}\r\n\r\n{value}\r\n--x--")
        };
        check(&part("\"password\"", "a\r\nb", ""), &part("\"password\"", "*", ""));
        check(
            &part("password", "a", "\r\nContent-Type: text/plain"),
            &part("password", "*", "\r\nContent-Type: text/plain"),
        );
        check(&part("\"memo\"", "a", ""), &part("\"memo\"", "a", ""));
        check(
            "--x\nContent-Disposition: form-data; name=\"token\"\n\na",
            "--x\nContent-Disposition: form-data; name=\"token\"\n\n*",
        );
        check("name=\"token\"", "name=\"token\"");
        // What would take a day, were each of them looked at to the end.
        for piece in ["<", "<Token ", "name=", "name=\"token\"", "<a "] {
            let text = piece.repeat((1 << 20) / piece.len());
            assert_eq!(without_enclosed_secrets(&text), text);
        }
    }
}
