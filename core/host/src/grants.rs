//! Which endpoints a plugin reaches: those that its manifest asks for and the operator grants, and no others.
//!
//! What is compared is the origin (RFC 6454) of the URL as the HTTP client itself parses it, so that the two cannot
//! disagree about which host a strange spelling means.

use std::fmt;
use std::str::FromStr;

use url::{Host, Url};

use crate::reach::Reach;

/// A pattern of origins.
///
/// | pattern | matches |
/// |---|---|
/// | `https://api.x.com` | this host on the default port |
/// | `https://api.x.com:8443` | this host on this port |
/// | `https://*.bank.example` | every host under `bank.example`, and not `bank.example` itself |
/// | `https://*` | every host on the default port |
/// | `http://127.0.0.1:*` | this host on every port |
/// | `tls://smsc.example:3550` | a byte stream to this host on this port, encrypted; `tcp://…` is not. Their port must be written |
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pattern {
    scheme: &'static str,
    host: HostPattern,
    /// `None` for any port.
    port: Option<u16>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum HostPattern {
    Any,
    Exactly(Host<String>),
    /// With its leading dot.
    Under(String),
}

/// Why a text is no pattern of origins.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{text}` is no origin: {because}; write it as `https://api.x.com`, `https://*.bank.example`, `https://*`, \
     `http://127.0.0.1:*` or, for a byte stream, `tls://smsc.example:3550`"
)]
pub struct PatternError {
    text: String,
    because: &'static str,
}

/// The schemes, each with its usual port.
const SCHEMES: [(&str, Option<u16>); 4] = [("https", Some(443)), ("http", Some(80)), ("tls", None), ("tcp", None)];

impl FromStr for Pattern {
    type Err = PatternError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let wrong = |because| PatternError { text: text.chars().take(100).collect(), because };
        let known = |(scheme, default_port): &(&'static str, Option<u16>)| {
            Some((*scheme, *default_port, text.strip_prefix(scheme)?.strip_prefix("://")?))
        };
        let Some((scheme, default_port, rest)) = SCHEMES.iter().find_map(known) else {
            return Err(wrong("it begins with none of `https://`, `http://`, `tls://` and `tcp://`"));
        };
        if rest.contains(['/', '?', '#', '@', '\\']) || rest.contains(char::is_whitespace) {
            return Err(wrong("an origin has no user, path or query"));
        }
        let (host, port) = match rest.rsplit_once(':') {
            // The colons inside an IPv6 address are not before a port.
            Some((host, port)) if !port.ends_with(']') => (host, Some(port)),
            _ => (rest, None),
        };
        let port = match port {
            None if default_port.is_none() => return Err(wrong("a byte stream has no usual port: write one, or `*`")),
            None => default_port,
            Some("*") => None,
            Some(digits) if digits.bytes().all(|b| b.is_ascii_digit()) => {
                Some(digits.parse().map_err(|_| wrong("the port is not one of 1 to 65535"))?)
            }
            Some(_) => return Err(wrong("the port is neither a number nor `*`")),
        };
        if port == Some(0) {
            return Err(wrong("the port is not one of 1 to 65535"));
        }
        let parsed = |host: &str| {
            Host::parse(host)
                .ok()
                .filter(|parsed| !host.contains('*') && has_whole_labels(parsed))
                .ok_or_else(|| wrong("the host is not one"))
        };
        let host = match host.strip_prefix('*') {
            Some("") => HostPattern::Any,
            Some(suffix) => match suffix.strip_prefix('.').map(parsed) {
                Some(Ok(Host::Domain(domain))) => HostPattern::Under(format!(".{domain}")),
                Some(Ok(Host::Ipv4(_) | Host::Ipv6(_))) => return Err(wrong("an address has nothing under it")),
                Some(Err(error)) => return Err(error),
                None => return Err(wrong("`*` stands for whole labels: `*.bank.example`")),
            },
            None => HostPattern::Exactly(parsed(host)?),
        };
        Ok(Self { scheme, host, port })
    }
}

/// What is compared: where a request or a stream goes.
struct Origin<'a> {
    scheme: &'a str,
    host: &'a Host<String>,
    port: u16,
}

impl fmt::Display for Origin<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { scheme, host, port } = self;
        match SCHEMES.contains(&(*scheme, Some(*port))) {
            true => write!(f, "{scheme}://{host}"),
            false => write!(f, "{scheme}://{host}:{port}"),
        }
    }
}

impl Pattern {
    fn matches(&self, origin: &Origin<'_>) -> bool {
        let host_matches = match (&self.host, origin.host) {
            (HostPattern::Any, _) => true,
            (HostPattern::Exactly(ours), theirs) => ours == theirs,
            (HostPattern::Under(suffix), Host::Domain(theirs)) => {
                theirs.len() > suffix.len() && theirs.ends_with(suffix.as_str())
            }
            (HostPattern::Under(_), _) => false,
        };
        self.scheme == origin.scheme && host_matches && self.port.is_none_or(|port| port == origin.port)
    }
}

/// Where a granted stream goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct StreamTo {
    pub(crate) is_encrypted: bool,
    pub(crate) host: Host<String>,
    pub(crate) port: u16,
    pub(crate) reach: Reach,
}

/// Whether something stands before, after and between all dots. A dot at the end is the same host by another name, for
/// which certificates and pools do not agree; the others are no names at all.
fn has_whole_labels(host: &Host<String>) -> bool {
    match host {
        Host::Domain(name) => name.split('.').all(|label| !label.is_empty()),
        Host::Ipv4(_) | Host::Ipv6(_) => true,
    }
}

/// The grant of card numbers, and of what payers hand over: the one that is no origin.
pub const PAN_GRANT: &str = "pan";

/// What one instance may reach.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Grants {
    asked: Vec<Pattern>,
    granted: Vec<Pattern>,
}

/// Why a URL is not reached.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ungranted {
    /// It is no URL that a request can be sent to.
    NotAUrl(&'static str),
    /// The plugin's manifest does not ask for this origin.
    NotAsked(String),
    /// The operator did not grant this origin.
    NotGranted(String),
}

impl fmt::Display for Ungranted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotAUrl(because) => write!(f, "the request's URL is refused: {because}"),
            Self::NotAsked(origin) => write!(f, "{origin} is not among the `endpoints` of the plugin's manifest"),
            Self::NotGranted(origin) => {
                write!(f, "{origin} is not granted: add it to `grants` of this instance if the plugin is to reach it")
            }
        }
    }
}

impl Grants {
    /// What the manifest asks for, and what the operator grants, without [`PAN_GRANT`].
    ///
    /// # Errors
    /// Every pattern that is none.
    pub fn new<A: AsRef<str>, G: AsRef<str>>(asked: &[A], granted: &[G]) -> Result<Self, Vec<PatternError>> {
        let mut errors = Vec::new();
        let mut all = |texts: Vec<&str>| -> Vec<Pattern> {
            let parsed = texts.into_iter().map(str::parse);
            parsed.filter_map(|pattern| pattern.map_err(|error| errors.push(error)).ok()).collect()
        };
        let grants = Self {
            asked: all(asked.iter().map(AsRef::as_ref).collect()),
            granted: all(granted.iter().map(AsRef::as_ref).filter(|grant| *grant != PAN_GRANT).collect()),
        };
        if errors.is_empty() { Ok(grants) } else { Err(errors) }
    }

    /// The URL, if it may be reached.
    ///
    /// # Errors
    /// As [`Ungranted`] has it.
    pub fn check(&self, url: &str) -> Result<Url, Ungranted> {
        let url = Url::parse(url).map_err(|_| Ungranted::NotAUrl("it cannot be parsed"))?;
        if !matches!(url.scheme(), "http" | "https") {
            return Err(Ungranted::NotAUrl("only http and https are spoken"));
        }
        let (host, port) = authority(&url)?;
        self.check_origin(&Origin { scheme: url.scheme(), host: &host, port })?;
        Ok(url)
    }

    /// The same, with its host and how far the grant goes: what the name leads to is for the caller to look at.
    ///
    /// # Errors
    /// As [`Ungranted`] has it.
    pub(crate) fn check_where(&self, url: &str) -> Result<(Url, Host<String>, Reach), Ungranted> {
        let url = self.check(url)?;
        let (host, port) = authority(&url)?;
        let reach = self.check_origin(&Origin { scheme: url.scheme(), host: &host, port })?;
        Ok((url, host, reach))
    }

    /// Whether a stream to this address (`tls://host:port`, `tcp://host:port`) may be made.
    ///
    /// # Errors
    /// As [`Ungranted`] has it.
    pub fn check_stream_address(&self, address: &str) -> Result<(), Ungranted> {
        self.check_stream(address).map(drop)
    }

    /// Where the address of a stream leads, if it may be reached.
    ///
    /// # Errors
    /// As [`Ungranted`] has it.
    pub(crate) fn check_stream(&self, address: &str) -> Result<StreamTo, Ungranted> {
        let (scheme, rest) = match address.split_once("://") {
            Some((scheme @ ("tls" | "tcp"), rest)) => (scheme, rest),
            _ => return Err(Ungranted::NotAUrl("a stream's address begins with `tls://` or `tcp://`")),
        };
        // Read as the host of a web address is, so that a host has one spelling for both.
        let url = Url::parse(&format!("http://{rest}")).map_err(|_| Ungranted::NotAUrl("it cannot be parsed"))?;
        if rest.contains(['/', '?', '#', '@', '\\']) || rest.contains(char::is_whitespace) {
            return Err(Ungranted::NotAUrl("a stream's address is a host and a port, and nothing else"));
        }
        let has_port = rest.rsplit_once(':').is_some_and(|(_, port)| port.parse::<u16>().is_ok_and(|port| port != 0));
        if !has_port {
            return Err(Ungranted::NotAUrl("a stream's address ends in its port"));
        }
        let (host, port) = authority(&url)?;
        let reach = self.check_origin(&Origin { scheme, host: &host, port })?;
        Ok(StreamTo { is_encrypted: scheme == "tls", host, port, reach })
    }

    /// How far the grant goes by which the origin may be reached.
    fn check_origin(&self, origin: &Origin<'_>) -> Result<Reach, Ungranted> {
        if !self.asked.iter().any(|pattern| pattern.matches(origin)) {
            return Err(Ungranted::NotAsked(origin.to_string()));
        }
        let mut granting = self.granted.iter().filter(|pattern| pattern.matches(origin)).peekable();
        if granting.peek().is_none() {
            return Err(Ungranted::NotGranted(origin.to_string()));
        }
        let is_named = granting.any(|pattern| matches!(pattern.host, HostPattern::Exactly(_)));
        Ok(if is_named { Reach::Named } else { Reach::Public })
    }
}

fn authority(url: &Url) -> Result<(Host<String>, u16), Ungranted> {
    // `https://api.x.com@evil` is meant to be misread, and credentials in a URL end up in logs.
    if !url.username().is_empty() || url.password().is_some() {
        return Err(Ungranted::NotAUrl("it carries a user name or password"));
    }
    let host = url.host().map(|host| host.to_owned()).filter(has_whole_labels);
    let host = host.ok_or(Ungranted::NotAUrl("its host begins or ends in a dot, or has two in a row"))?;
    let port = url.port_or_known_default().ok_or(Ungranted::NotAUrl("it has no port"))?;
    Ok((host, port))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_match_origins() {
        let check = |pattern: &str, url: &str, expected: bool| {
            let grants = Grants::new(&["https://*:*", "http://*:*"], &[pattern]).unwrap();
            assert_eq!(grants.check(url).is_ok(), expected, "{pattern} {url}");
        };
        let x = "https://api.x.com";
        check(x, "https://api.x.com", true);
        check(x, "https://api.x.com/2/tweets?q=1", true);
        check(x, "https://API.X.COM:443/2/tweets", true);
        check(x, "https://api.x.com:444/", false);
        check(x, "http://api.x.com/", false);
        check(x, "http://api.x.com:443/", false);
        check(x, "https://api.x.com.evil/", false);
        check(x, "https://api.x.com./", false);
        check(x, "https://api.x.com@evil/", false);
        check(x, "https://api.x.com:443@evil/", false);
        check(x, "https://anna@api.x.com/", false);
        check(x, "https://evil/https://api.x.com", false);
        check(x, "https://evil#@api.x.com", false);
        check(x, "https://evil\\@api.x.com", false);
        check(x, "https:/\\/evil/api.x.com", false);
        check(x, "https://evilapi.x.com/", false);
        check(x, "https://evil.api.x.com/", false);
        // The ideographic full stop is a dot to whoever resolves names: both sides must see the same host.
        check(x, "https://api\u{3002}x\u{3002}com/", true);
        check(x, "https://api\u{3002}x.com\u{3002}evil/", false);
        check(x, "https://\u{ff41}pi.x.com/", true);
        check(x, "https://\u{430}pi.x.com/", false);
        check(x, "ftp://api.x.com/", false);
        check(x, "file:///etc/passwd", false);
        check(x, "data:,hello", false);
        check(x, "", false);
        check("https://API.x.com", "https://api.x.com/", true);
        check("https://b\u{fc}cher.example", "https://xn--bcher-kva.example/", true);
        check("https://*", "https://anywhere.example/", true);
        check("https://*", "https://[::1]/", true);
        check("https://*", "http://anywhere.example/", false);
        check("https://*", "https://anywhere.example:8443/", false);
        check("https://*:*", "https://anywhere.example:8443/", true);
        check("https://*.bank.example", "https://api.bank.example/", true);
        check("https://*.bank.example", "https://a.b.bank.example/", true);
        check("https://*.bank.example", "https://bank.example/", false);
        check("https://*.bank.example", "https://evilbank.example/", false);
        check("https://*.bank.example", "https://.bank.example/", false);
        check("https://*.bank.example", "https://bank.example.evil/", false);
        check("https://*.bank.example", "https://..bank.example/", false);
        check("https://*.bank.example", "https://a..bank.example/", false);
        check("https://*.bank.example", "https://a.bank.example./", false);
        check("https://*.bank.example", "https://evil/.bank.example", false);
        check("https://*.BANK.example", "https://API.Bank.Example/", true);
        // What is encoded is decoded before it is looked at.
        check(x, "https://api%2Ex%2ecom/", true);
        check(x, "https://%61pi.x.com/", true);
        check(x, "https://evil%2F@api.x.com/", false);
        check(x, "https://evil%23.api.x.com/", false);
        check(x, "https://api.x.com%00.evil/", false);
        check(x, "https://api.x.com%2Eevil/", false);
        check(x, "https://api.x.com:0/", false);
        check(x, "https://api.x.com:65536/", false);
        check("https://*", "https://%2E/", false);
        check("http://127.0.0.1:*", "http://127.0.0.1:5000/", true);
        check("http://127.0.0.1:*", "http://127.1:5000/", true);
        check("http://127.0.0.1:*", "http://0x7f000001/", true);
        check("http://127.0.0.1:*", "http://127.0.0.1.evil:5000/", false);
        check("http://127.0.0.1:*", "http://localhost:5000/", false);
        check("http://[::1]:8080", "http://[::1]:8080/", true);
        check("http://[::1]", "http://[::1]:80/", true);
        check("http://[::1]:*", "http://[0:0:0:0:0:0:0:1]:9/", true);
        check("http://[0::1]", "http://[::1]/", true);
        check("http://[::1]", "http://[::ffff:127.0.0.1]/", false);
        check("http://127.0.0.1", "http://[::ffff:127.0.0.1]/", false);
        check("http://[::ffff:127.0.0.1]", "http://[::ffff:7f00:1]/", true);
        check("http://[fe80::1]", "http://[fe80::1%25eth0]/", false);
        check("http://*.example", "http://[::1]/", false);
        check("https://api.x.com:8443", "https://api.x.com:8443/", true);
        check("https://api.x.com:8443", "https://api.x.com/", false);
    }

    #[test]
    fn patterns_match_streams() {
        let check = |pattern: &str, address: &str, expected: bool| {
            let grants = Grants::new(&["tls://*:*", "tcp://*:*"], &[pattern]).unwrap();
            assert_eq!(grants.check_stream(address).is_ok(), expected, "{pattern} {address}");
        };
        let smsc = "tls://smsc.example:3550";
        check(smsc, "tls://smsc.example:3550", true);
        check(smsc, "tls://SMSC.example:3550", true);
        check(smsc, "tls://smsc.example:3551", false);
        check(smsc, "tcp://smsc.example:3550", false);
        check(smsc, "tls://smsc.example", false);
        check(smsc, "tls://smsc.example:3550/", false);
        check(smsc, "tls://smsc.example:3550?x=:3550", false);
        check(smsc, "tls://evil#smsc.example:3550", false);
        check(smsc, "tls://smsc.example:3550@evil:3550", false);
        check(smsc, "tls://smsc.example.evil:3550", false);
        check(smsc, "https://smsc.example:3550", false);
        check("https://smsc.example:3550", "tls://smsc.example:3550", false);
        check("tcp://127.0.0.1:*", "tcp://127.0.0.1:2775", true);
        check("tcp://127.0.0.1:*", "tcp://127.0.0.1:0", false);
        check("tcp://127.0.0.1:80", "tcp://127.0.0.1:80", true);
        check("tcp://127.0.0.1:80", "tcp://127.0.0.1", false);
        check("tcp://[::1]:2775", "tcp://[::1]:2775", true);
        check("tcp://[::1]:2775", "tcp://[::1]", false);
        check("tls://*.smsc.example:3550", "tls://a.smsc.example:3550", true);
        check("tls://*.smsc.example:3550", "tls://smsc.example:3550", false);
    }

    #[test]
    fn both_must_agree() {
        let check = |asked: &[&str], granted: &[&str], expected: Result<(), Ungranted>| {
            let grants = Grants::new(asked, granted).unwrap();
            assert_eq!(grants.check("https://api.x.com/2").map(|_| ()), expected);
        };
        let origin = || "https://api.x.com".to_owned();
        check(&["https://*"], &["https://api.x.com"], Ok(()));
        check(&["https://api.x.com"], &["https://*"], Ok(()));
        check(&[], &["https://*"], Err(Ungranted::NotAsked(origin())));
        check(&["https://*"], &[], Err(Ungranted::NotGranted(origin())));
        check(&[], &[], Err(Ungranted::NotAsked(origin())));
        let other = ["https://api.y.com"];
        check(&["https://*"], &other, Err(Ungranted::NotGranted(origin())));
    }

    #[test]
    fn wrong_patterns_are_all_told() {
        let texts = [
            "api.x.com",
            "ftp://api.x.com",
            "https://",
            "https://api.x.com/2",
            "https://anna@api.x.com",
            "https://api.x.com:0",
            "https://api.x.com:70000",
            "https://api.x.com:+1",
            "https://api.x.com:",
            "https://api.*.com",
            "https://*x.com",
            "https://*.",
            "https://*..bank.example",
            "https://.bank.example",
            "https://*.*.bank.example",
            "https://[::1",
            "https://[::1]x",
            "https://*.[::1]",
            "https://*.127.0.0.1",
            "https://api.x.com.",
            "https://api x.com",
            "HTTPS://api.x.com",
            "tls://smsc.example",
            "tcp://*",
            "*",
        ];
        assert_eq!(Grants::new::<&str, _>(&[], &texts).unwrap_err().len(), texts.len());
    }
}
