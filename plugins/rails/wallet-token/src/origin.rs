//! Where the merchant validation may be sent: a browser names the address, and only those of the wallet's own are asked.

/// An origin, of which one part of one label may be anything.
pub(crate) struct OriginPattern {
    before: String,
    after: Option<String>,
}

impl OriginPattern {
    /// `https://apple-pay-gateway*.apple.com`, or `http://127.0.0.1:7007`, without encryption to this machine alone.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let is_loopback = ["127.0.0.1", "localhost"].iter().any(|host| {
            text.strip_prefix("http://").and_then(|rest| rest.strip_prefix(host)).is_some_and(|rest| {
                rest.is_empty() || rest.strip_prefix(':').is_some_and(|port| port.parse::<u16>().is_ok())
            })
        });
        let authority = text.strip_prefix("https://");
        let is_fine =
            |authority: &str| !authority.is_empty() && authority.bytes().all(|b| is_of_authority(b) || b == b'*');
        if !is_loopback && !authority.is_some_and(is_fine) {
            return None;
        }
        match text.split_once('*') {
            // What a star leaves open is a part of one label below a name that is given whole.
            Some((before, after)) => {
                let is_below = after.matches('.').count() >= 2 && !after.contains('*');
                is_below.then(|| Self { before: before.to_owned(), after: Some(after.to_owned()) })
            }
            None => Some(Self { before: text.to_owned(), after: None }),
        }
    }

    fn fits(&self, origin: &str) -> bool {
        match &self.after {
            None => self.before == origin,
            Some(after) => origin
                .strip_prefix(self.before.as_str())
                .and_then(|rest| rest.strip_suffix(after.as_str()))
                .is_some_and(|star| star.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')),
        }
    }
}

fn is_of_authority(byte: u8) -> bool {
    byte.is_ascii_lowercase() || byte.is_ascii_digit() || matches!(byte, b'.' | b'-' | b':')
}

/// Whether `url` is an address at one of these origins. Whatever of it two readers could take for two things makes it none.
pub(crate) fn is_allowed(url: &str, patterns: &[OriginPattern]) -> bool {
    let Some((scheme, rest)) = url.split_once("://") else { return false };
    let (authority, path) = match rest.find('/') {
        Some(at) => rest.split_at(at),
        None => (rest, ""),
    };
    let path_is_plain = path.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'/' | b'-' | b'_' | b'.'));
    let is_plain =
        !authority.is_empty() && authority.bytes().all(is_of_authority) && path_is_plain && !path.contains("..");
    let origin = format!("{scheme}://{authority}");
    url.len() <= 512 && is_plain && patterns.iter().any(|pattern| pattern.fits(&origin))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_wallets_own_addresses_are_asked() {
        let patterns = ["https://apple-pay-gateway*.apple.com", "http://127.0.0.1:7007"];
        let patterns: Vec<_> = patterns.iter().map(|text| OriginPattern::parse(text).unwrap()).collect();
        let check = |url: &str, expected: bool| assert_eq!(is_allowed(url, &patterns), expected, "{url}");
        check("https://apple-pay-gateway.apple.com/paymentservices/startSession", true);
        check("https://apple-pay-gateway-nc-pod1.apple.com/paymentservices/paymentSession", true);
        check("http://127.0.0.1:7007/paymentservices/startSession", true);
        check("https://apple-pay-gateway.apple.com", true);
        check("http://apple-pay-gateway.apple.com/paymentservices/startSession", false);
        check("https://apple-pay-gateway.evil.apple.com/x", false);
        check("https://apple-pay-gateway.apple.com.evil.example/x", false);
        check("https://evil.example/apple-pay-gateway.apple.com", false);
        check("https://apple-pay-gateway@evil.example/.apple.com", false);
        check("https://evil.example#.apple.com", false);
        check("https://apple-pay-gateway.apple.com:22/x", false);
        check("https://apple-pay-gateway.apple.com\\@evil.example/x", false);
        check("https://apple-pay-gateway.apple.com/x?y=z", false);
        check("https://apple-pay-gateway.apple.com/../x", false);
        check("https://APPLE-PAY-GATEWAY.apple.com/x", false);
        check("https://127.0.0.1:7007/x", false);
        check("http://127.0.0.1:7008/x", false);
        check("http://169.254.169.254/latest/meta-data", false);
        check("file:///etc/passwd", false);
        check("", false);
        check("https:///x", false);
        check(&format!("https://apple-pay-gateway.apple.com/{}", "x".repeat(600)), false);
    }

    #[test]
    fn a_pattern_is_an_origin() {
        let check = |text: &str, expected: bool| assert_eq!(OriginPattern::parse(text).is_some(), expected, "{text}");
        check("https://apple-pay-gateway.apple.com", true);
        check("https://apple-pay-gateway*.apple.com", true);
        check("http://127.0.0.1:7007", true);
        check("http://localhost", true);
        check("http://apple-pay-gateway.apple.com", false);
        check("http://127.0.0.1.evil.example", false);
        check("https://", false);
        check("https://*", false);
        check("https://*.com", false);
        check("https://a*b*.apple.com", false);
        check("https://apple.com/x", false);
        check("apple.com", false);
    }
}
