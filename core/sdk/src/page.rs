//! Pages of a rail's own, which the gateway serves to a payer's browser (since contract 1.2).

use bytes::Bytes;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use sportello_model::{Handle, Money, Order, PaymentId};

/// A browser's request for a page of this rail's. Whoever sends it holds a link that the gateway made, and nothing else is
/// known of them.
#[derive(Clone)]
pub struct PageRequest {
    /// What the page is for, and how it is asked for.
    pub head: PageFrame,
    /// The request's body: at most 64 KiB.
    pub body: Bytes,
}

/// The head of a browser's request for a page.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PageFrame {
    /// What the page is for.
    pub purpose: PagePurpose,
    /// `GET` or `POST`. A `GET` changes nothing: link previews follow links.
    pub method: String,
    /// What follows the link: empty, or a path of this page's own that begins with `/`.
    pub path: String,
    /// The raw query, without the question mark.
    #[serde(default)]
    pub query: String,
    /// Of the browser's headers `accept`, `accept-language`, `content-type`, `origin` and `user-agent`, in small letters.
    pub headers: Vec<(String, String)>,
    /// The whole address of the link, as the browser knows it, without what follows.
    pub url: String,
    /// The browser's IP address.
    pub remote_ip: String,
    /// The language to speak, as `en`.
    pub language: String,
}

/// What a page is for, tagged by `purpose`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "purpose", rename_all = "snake_case")]
pub enum PagePurpose {
    /// The payer does what [`Outcome::ActionRequired`](crate::Outcome::ActionRequired) asked for.
    Act {
        /// The order that waits for it.
        order: Box<Order>,
    },
    /// The payer hands over what to pay with.
    HandOver {
        /// The payment that it is for.
        payment: PaymentId,
        /// How much it is over.
        amount: Money,
        /// Who is to be paid.
        payee: String,
        /// Who pays.
        payer: Handle,
    },
    /// A purpose of a later contract.
    #[serde(other)]
    Unrecognised,
}

/// What the browser is shown, or what was handed over.
#[derive(Clone)]
pub struct PageReply {
    /// Its head.
    pub head: PageReplyFrame,
    /// The page; or, where something is handed over, that: it goes into the vault, and the gateway shows a page of its own.
    pub body: Bytes,
}

/// The head of the answer to a browser. The host writes all headers: none is to be kept, framed or sent on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PageReplyFrame {
    /// The status code: 200, or 400 and above.
    pub status: u16,
    /// As `text/html; charset=utf-8` or `application/json`.
    pub content_type: String,
    /// The origins (`https://acs.example`) to which a form of this page may be posted, besides our own.
    #[serde(default)]
    pub forms: Vec<String>,
    /// The origins that may be framed in this page.
    #[serde(default)]
    pub frames: Vec<String>,
    /// The origins that scripts may come from and speak to, besides our own page's inline script.
    #[serde(default)]
    pub scripts: Vec<String>,
    /// What is handed over: the body goes into the vault as what this payment is paid with.
    #[serde(default)]
    pub handed_over: Option<HandedOver>,
}

/// What a person hands over to pay with.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct HandedOver {
    /// How a person recognises it: the network and at most the last four digits.
    pub label: String,
}

impl PageRequest {
    /// The first header of this name, in small letters.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.head.headers.iter().find(|(n, _)| n == name).map(|(_, value)| value.as_str())
    }
}

impl PageReplyFrame {
    /// Everything for which a host shows a browser something else than this page, each in a sentence.
    pub fn defects(&self) -> Vec<String> {
        let mut found = Vec::new();
        if self.status != 200 && !(400..600).contains(&self.status) {
            found.push(format!("status: {} is neither 200 nor 400 and above", self.status));
        }
        let type_is_plain = |b: u8| b.is_ascii_alphanumeric() || b"/;=+-. \"".contains(&b);
        if !self.content_type.contains('/') || !self.content_type.bytes().all(type_is_plain) {
            found.push("content_type: it is none".to_owned());
        }
        for (what, origins) in [("forms", &self.forms), ("frames", &self.frames), ("scripts", &self.scripts)] {
            for origin in origins.iter().filter(|origin| !is_origin(origin)) {
                found.push(format!("{what}: `{}` is no origin, as https://acs.example", origin.escape_debug()));
            }
        }
        found
    }
}

/// Whether this is an origin and nothing else that a policy could take for more (Content Security Policy Level 3, section
/// 2.3.1): no path, no star, no keyword, no second source. Without encryption only this machine itself.
fn is_origin(text: &str) -> bool {
    let (authority, is_plain) = match (text.strip_prefix("https://"), text.strip_prefix("http://")) {
        (Some(authority), _) => (authority, false),
        (None, Some(authority)) => (authority, true),
        (None, None) => return false,
    };
    let (host, port) = match authority.rsplit_once(':') {
        Some((host, port)) if !port.ends_with(']') => (host, Some(port)),
        _ => (authority, None),
    };
    let of_a_host = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b'[' | b']' | b':');
    let is_loopback = matches!(host, "127.0.0.1" | "localhost" | "[::1]");
    !host.is_empty()
        && host.len() <= 253
        && host.bytes().all(of_a_host)
        && port.is_none_or(|port| port.parse::<u16>().is_ok_and(|port| port != 0))
        && (!is_plain || is_loopback)
}

impl PageReply {
    /// A page in HTML, with status 200.
    pub fn html(page: impl Into<Bytes>) -> Self {
        Self::of(200, "text/html; charset=utf-8", page)
    }

    /// An answer of another kind.
    pub fn of(status: u16, content_type: &str, body: impl Into<Bytes>) -> Self {
        let head = PageReplyFrame {
            status,
            content_type: content_type.to_owned(),
            forms: Vec::new(),
            frames: Vec::new(),
            scripts: Vec::new(),
            handed_over: None,
        };
        Self { head, body: body.into() }
    }

    /// What the payer hands over.
    pub fn hand_over(label: impl Into<String>, what: impl Into<Bytes>) -> Self {
        let mut reply = Self::of(200, "application/octet-stream", what);
        reply.head.handed_over = Some(HandedOver { label: label.into() });
        reply
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn origins() {
        let check = |text: &str, expected: bool| assert_eq!(is_origin(text), expected, "{text}");
        check("https://acs.example", true);
        check("https://acs.example:8443", true);
        check("http://127.0.0.1:7006", true);
        check("http://[::1]:7006", true);
        check("http://acs.example", false);
        check("https://acs.example/", false);
        check("https://*", false);
        check("https://acs.example 'unsafe-inline'", false);
        check("https://acs.example; script-src *", false);
        check("https://acs.example:0", false);
        check("https://", false);
        check("'self'", false);
        check("data:", false);
    }

    #[test]
    fn what_cannot_be_shown_is_told() {
        let check = |reply: PageReply, expected: usize| assert_eq!(reply.head.defects().len(), expected);
        check(PageReply::html("<p>"), 0);
        check(PageReply::of(404, "text/html", ""), 0);
        check(PageReply::of(302, "text/html\r\nset-cookie: a=b", ""), 2);
        let mut reply = PageReply::html("");
        reply.head.forms = vec!["https://acs.example".to_owned(), "*".to_owned()];
        check(reply, 1);
    }
}
