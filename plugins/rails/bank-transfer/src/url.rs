//! URLs: those that are asked, those that a bank's answer points to, and those that a person is sent to.

/// Where a bank's interface begins: the origin, and the path before `/v1`. No slash at the end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Base {
    origin: String,
    path: String,
}

/// An absolute URL in three parts.
struct Parts<'a> {
    scheme: &'a str,
    authority: &'a str,
    /// Path, query and fragment.
    rest: &'a str,
}

/// Splits a URL of visible ASCII without the characters that readers of URLs disagree about (RFC 3986, section 2).
fn split(url: &str) -> Option<Parts<'_>> {
    let is_plain = |b: u8| b.is_ascii_graphic() && !matches!(b, b'\\' | b'"' | b'<' | b'>' | b'^' | b'`');
    if url.len() > 2_048 || !url.bytes().all(is_plain) {
        return None;
    }
    let (scheme, behind) = url.split_once("://")?;
    let at = behind.find(['/', '?', '#']).unwrap_or(behind.len());
    let (authority, rest) = behind.split_at_checked(at)?;
    // Who can write a name before an `@` can make one host look like another.
    if authority.is_empty() || authority.contains('@') {
        return None;
    }
    Some(Parts { scheme, authority, rest })
}

/// The host of an authority, without its port.
fn host(authority: &str) -> &str {
    match authority.rsplit_once(':') {
        Some((host, port)) if port.bytes().all(|b| b.is_ascii_digit()) => host,
        _ => authority,
    }
}

/// Whether a path climbs, in whatever spelling.
fn climbs(path: &str) -> bool {
    let path = path.to_ascii_lowercase().replace("%2e", ".");
    path.split(['/', '?', '#']).any(|segment| segment == ".." || segment == ".")
        || path.contains("%2f")
        || path.contains("%5c")
}

/// Whether a person may be sent there: `https`, or `http` to this very machine.
pub(crate) fn is_page(url: &str) -> bool {
    split(url).is_some_and(|url| match url.scheme {
        "https" => !host(url.authority).is_empty(),
        "http" => matches!(host(url.authority), "127.0.0.1" | "localhost" | "[::1]"),
        _ => false,
    })
}

/// An id of the bank's as one segment of a path, percent-encoded. `None` for what is no id: empty, long, of characters
/// that cannot be seen, or able to climb out of its place in the path.
pub(crate) fn segment(id: &str) -> Option<String> {
    let is_id = (1..=200).contains(&id.len())
        && id.bytes().all(|b| b.is_ascii_graphic() && !matches!(b, b'/' | b'\\' | b'%'))
        && !id.contains("..")
        && id != ".";
    if !is_id {
        return None;
    }
    let mut written = String::with_capacity(id.len());
    for b in id.bytes() {
        if b.is_ascii_alphanumeric() || matches!(b, b'-' | b'.' | b'_' | b'~') {
            written.push(char::from(b));
        } else {
            written.push_str(&format!("%{b:02X}"));
        }
    }
    Some(written)
}

impl Base {
    /// Reads a base URL: `https`, or `http` to 127.0.0.1.
    pub(crate) fn parse(url: &str) -> Option<Self> {
        let parts = split(url)?;
        let is_allowed = match parts.scheme {
            "https" => !host(parts.authority).is_empty(),
            "http" => host(parts.authority) == "127.0.0.1",
            _ => false,
        };
        if !is_allowed || parts.rest.contains(['?', '#']) || climbs(parts.rest) {
            return None;
        }
        Some(Self { origin: origin(&parts), path: parts.rest.trim_end_matches('/').to_owned() })
    }

    /// The URL of `path`, which begins with `/v1/`.
    pub(crate) fn url(&self, path: &str) -> String {
        format!("{}{}{path}", self.origin, self.path)
    }

    /// The URL that a link in an answer leads to, if that is below this base: a bank's answer must not send our token
    /// elsewhere. Links may be whole, or begin at the origin or at this base (NextGenPSD2 1.3.11, `hrefEntry`).
    pub(crate) fn follow(&self, href: &str) -> Option<String> {
        let rest = if href.starts_with('/') {
            href.to_owned()
        } else {
            let parts = split(href)?;
            if origin(&parts) != self.origin {
                return None;
            }
            parts.rest.to_owned()
        };
        let is_below = |path: &str| path.strip_prefix(&self.path).is_some_and(|p| p.starts_with('/'));
        let whole = if is_below(&rest) {
            format!("{}{rest}", self.origin)
        } else if href.starts_with("/v1/") {
            self.url(href)
        } else {
            return None;
        };
        // Read again as a whole: a link that begins with two slashes, or holds what no URL holds, ends here.
        let path = rest.split(['?', '#']).next().unwrap_or("");
        (split(&whole).is_some() && !path.starts_with("//") && !climbs(path)).then_some(whole)
    }
}

fn origin(parts: &Parts<'_>) -> String {
    let authority = parts.authority.to_ascii_lowercase();
    let authority = match parts.scheme {
        "https" => authority.strip_suffix(":443").unwrap_or(&authority),
        _ => authority.strip_suffix(":80").unwrap_or(&authority),
    };
    format!("{}://{authority}", parts.scheme)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_base_is_https_or_this_machine() {
        let check = |url: &str, expected: Option<&str>| {
            let read = Base::parse(url).map(|base| base.url("/v1/x"));
            assert_eq!(read.as_deref(), expected, "{url}");
        };
        check("https://bank.example", Some("https://bank.example/v1/x"));
        check("https://bank.example/psd2/", Some("https://bank.example/psd2/v1/x"));
        check("https://Bank.example:443", Some("https://bank.example/v1/x"));
        check("http://127.0.0.1:8081", Some("http://127.0.0.1:8081/v1/x"));
        for bad in [
            "",
            "bank.example",
            "http://bank.example",
            "http://127.0.0.1.evil.example",
            "ftp://bank.example",
            "https://",
            "https://u@bank.example",
            "https://bank.example?x",
            "https://bank.example/a/../b",
            "https://bank.example/%2e%2e/",
            "https://bank example",
            "https://:443",
        ] {
            check(bad, None);
        }
    }

    #[test]
    fn links_stay_below_the_base() {
        let base = Base::parse("https://bank.example/psd2").unwrap();
        let check = |href: &str, expected: Option<&str>| assert_eq!(base.follow(href).as_deref(), expected, "{href}");
        let next = Some("https://bank.example/psd2/v1/accounts/1/transactions?page=2");
        check("https://bank.example/psd2/v1/accounts/1/transactions?page=2", next);
        check("/psd2/v1/accounts/1/transactions?page=2", next);
        check("/v1/accounts/1/transactions?page=2", next);
        for bad in [
            "",
            "v1/accounts",
            "//evil.example/v1/",
            "https://evil.example/psd2/v1/x",
            "http://bank.example/psd2/v1/x",
            "https://bank.example/psd2x/v1",
            "https://bank.example@evil.example/psd2/",
            "/psd2/../admin",
            "/psd2/%2E%2e/admin",
            "https://bank.example.evil.example/psd2/v1",
            "/psd2\\evil",
            "javascript:alert(1)",
            "/other",
            "/psd2/\r\nx: y",
        ] {
            check(bad, None);
        }
    }

    #[test]
    fn people_are_sent_to_safe_pages_only() {
        let check = |url: &str, expected| assert_eq!(is_page(url), expected, "{url}");
        check("https://bank.example/sca?id=1", true);
        check("http://127.0.0.1:8081/sca/1", true);
        check("http://localhost/sca", true);
        check("http://[::1]:80/sca", true);
        check("http://bank.example/sca", false);
        check("javascript:alert(1)", false);
        check("https://bank.example@evil.example/", false);
        check("https://bänk.example/", false);
        check("https://", false);
        check("https://x/\u{202e}", false);
    }

    #[test]
    fn an_id_is_one_segment() {
        let check = |id: &str, expected: Option<&str>| assert_eq!(segment(id).as_deref(), expected, "{id}");
        check("1234-wertiq-983", Some("1234-wertiq-983"));
        check("a=b;c", Some("a%3Db%3Bc"));
        for bad in ["", ".", "..", "../admin", "a/b", "a\\b", "%2e%2e", "a b", "é", "a..b", &"x".repeat(201)] {
            check(bad, None);
        }
    }
}
