//! What is wrong with a manifest, all of it at once.

use super::{ChannelFacts, HandOver, Handshake, Kind, Manifest, RailFacts, Signature, Webhook};
use crate::frames::Version;
use crate::{Currency, Doubt, Handle, OrderKind};

/// The contract that brought byte streams, receipts, and what a channel says of its handles.
const STREAMS_SINCE: Version = Version { major: 1, minor: 1 };

/// The contract that brought card numbers, the vault and pages of a rail's own.
const PAGES_SINCE: Version = Version { major: 1, minor: 2 };

/// The longest name of a way to hand something over, in characters: it stands on a button.
const LABEL_LEN_MAX: usize = 60;

impl Manifest {
    /// Everything that makes this manifest incomplete or at odds with itself, each in a sentence. Empty if it is sound.
    ///
    /// Whether a host serves its contract is another question: see [`Version::serves`].
    pub fn defects(&self) -> Vec<String> {
        let mut found = Vec::new();
        let len_max = Self::NAME_LEN_MAX;
        let len_is_valid = |text: &str| (1..=len_max).contains(&text.len());
        let of_a_name = |byte: u8| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-');
        if !len_is_valid(&self.name) || !self.name.bytes().all(of_a_name) {
            found.push(format!("name: it must be 1 to {len_max} of a-z, 0-9 and `-`"));
        }
        if !len_is_valid(&self.version) || self.version.chars().any(char::is_control) {
            found.push(format!("version: it must have 1 to {len_max} visible characters"));
        }
        if self.contract.parse::<Version>().is_err() {
            found.push(format!("contract: `{}` is not written as major.minor", self.contract));
        }
        for (since, newer) in [(STREAMS_SINCE, self.newer_than_first()), (PAGES_SINCE, self.newer_than_streams())] {
            if self.contract.parse().is_ok_and(|asked: Version| asked < since)
                && let Some(what) = newer
            {
                found.push(format!("contract: {what} came with {since}, and this asks for {}", self.contract));
            }
        }
        for (at, secret) in self.secrets.iter().enumerate() {
            if secret.is_empty() || self.secrets.iter().take(at).any(|other| other == secret) {
                found.push(format!("secrets: `{secret}` is empty or listed twice"));
            }
        }
        for endpoint in &self.endpoints {
            if let Some(why) = endpoint_defect(endpoint) {
                found.push(format!("endpoints: `{endpoint}` {why}"));
            }
        }
        if let Some(webhook) = &self.webhook {
            self.webhook_defects(webhook, &mut found);
        }
        if self.pan && self.kind == Kind::Channel {
            found.push("pan: a channel has no use for card numbers".to_owned());
        }
        if let Some(hand_over) = self.rail.as_ref().and_then(|facts| facts.hand_over.as_ref()) {
            self.hand_over_defects(hand_over, &mut found);
        }
        match (self.kind, &self.channel, &self.rail) {
            (Kind::Channel, Some(facts), None) => channel_defects(facts, &mut found),
            (Kind::Rail, None, Some(facts)) => rail_defects(facts, &mut found),
            (Kind::Channel, ..) => {
                found.push("channel: a channel has `channel`, and no `rail`".to_owned());
            }
            (Kind::Rail, ..) => found.push("rail: a rail has `rail`, and no `channel`".to_owned()),
        }
        found
    }

    /// What of this manifest a host of contract 1.0 would not understand.
    fn newer_than_first(&self) -> Option<&'static str> {
        let streams = self.endpoints.iter().any(|at| at.starts_with("tcp://") || at.starts_with("tls://"));
        let channel = self.channel.as_ref();
        if streams {
            return Some("byte streams");
        }
        if channel.is_some_and(|facts| facts.receipts) {
            return Some("`receipts`");
        }
        if channel.is_some_and(|facts| facts.handles_change_hands) {
            return Some("`handles_change_hands`");
        }
        channel.and_then(|facts| facts.scope_setting.as_ref()).map(|_| "`scope_setting`")
    }

    /// What of this manifest a host of contract 1.1 would not understand.
    fn newer_than_streams(&self) -> Option<&'static str> {
        if self.pan {
            return Some("`pan`");
        }
        self.rail.as_ref().and_then(|facts| facts.hand_over.as_ref()).map(|_| "`hand_over`")
    }

    fn hand_over_defects(&self, hand_over: &HandOver, found: &mut Vec<String>) {
        if !self.pan {
            found.push("rail.hand_over: what is handed over is given to a rail that asks for `pan` alone".to_owned());
        }
        let accounts = self.rail.as_ref().map(|facts| facts.accounts.as_slice()).unwrap_or_default();
        let first = accounts.first().map(String::as_str);
        match hand_over {
            HandOver::Card if accounts.iter().all(|scheme| scheme != CARD_SCHEME) => {
                found
                    .push(format!("rail.hand_over: a card's account is `{CARD_SCHEME}:…`, and no such one is debited"));
            }
            HandOver::Page { .. } if matches!(first, Some(CARD_SCHEME | "iban")) => {
                found.push("rail.hand_over: the first of `accounts` is the scheme of what this page takes".to_owned());
            }
            HandOver::Page { label } if !(1..=LABEL_LEN_MAX).contains(&label.trim().chars().count()) => {
                found.push(format!("rail.hand_over: the label has 1 to {LABEL_LEN_MAX} characters"));
            }
            HandOver::Unrecognised => found.push("rail.hand_over: the way is not known".to_owned()),
            HandOver::Card | HandOver::Page { .. } => {}
        }
    }

    fn webhook_defects(&self, webhook: &Webhook, found: &mut Vec<String>) {
        let mut secret_is_listed = |place: &str, secret: &String| {
            if !self.secrets.contains(secret) {
                found.push(format!("{place}: `{secret}` is not one of `secrets`"));
            }
        };
        match &webhook.signature {
            Signature::Hmac { secret, .. } => secret_is_listed("webhook.signature", secret),
            Signature::Unrecognised => {}
        }
        match &webhook.handshake {
            Some(Handshake::HmacOfQuery { secret, .. } | Handshake::EchoIfToken { secret, .. }) => {
                secret_is_listed("webhook.handshake", secret);
            }
            Some(Handshake::Unrecognised) | None => {}
        }
        match &webhook.signature {
            Signature::Hmac { header, .. } if header.is_empty() => {
                found.push("webhook.signature: it names no header".to_owned());
            }
            Signature::Unrecognised => {
                found.push("webhook.signature: the scheme is not known".to_owned());
            }
            Signature::Hmac { .. } => {}
        }
        if webhook.handshake == Some(Handshake::Unrecognised) {
            found.push("webhook.handshake: the scheme is not known".to_owned());
        }
        if webhook.answer_within_ms == Some(0) {
            found.push("webhook.answer_within_ms: nothing is answered in no time at all".to_owned());
        }
    }
}

/// The scheme of cards that were typed in on the gateway's own page.
const CARD_SCHEME: &str = "card";

fn scheme_is_valid(scheme: &str) -> bool {
    Handle::new(scheme, "x").is_ok()
}

fn channel_defects(facts: &ChannelFacts, found: &mut Vec<String>) {
    if !scheme_is_valid(&facts.scheme) {
        found.push(format!("channel.scheme: `{}` is no scheme of a handle", facts.scheme));
    }
}

fn rail_defects(facts: &RailFacts, found: &mut Vec<String>) {
    if facts.accounts.is_empty() {
        found.push("rail.accounts: a rail pays from and to some kind of account".to_owned());
    }
    for scheme in &facts.accounts {
        if !scheme_is_valid(scheme) {
            found.push(format!("rail.accounts: `{scheme}` is no scheme of a handle"));
        }
    }
    for code in &facts.currencies {
        if let Err(unknown) = code.parse::<Currency>() {
            found.push(format!("rail.currencies: {unknown}"));
        }
    }
    if facts.orders.is_empty() {
        found.push("rail.orders: a rail carries out some kind of order".to_owned());
    }
    for (kind, doubt) in &facts.orders {
        let why = match doubt {
            Doubt::Idempotent { for_ms: 0 } => "remembers keys for no time at all",
            Doubt::Inquirable { inquiries_max: 0, .. } => "may be asked about, but never once",
            Doubt::Inquirable { pause_max_ms: 0, .. } => "is asked about without a pause",
            Doubt::Reversible if !facts.orders.contains_key(&OrderKind::Reverse) => {
                "is reversible, but the rail has no `reverse`"
            }
            _ => continue,
        };
        found.push(format!("rail.orders: {kind:?} {why}"));
    }
    for (needs, needed) in [(OrderKind::Capture, OrderKind::Authorize), (OrderKind::Void, OrderKind::Authorize)] {
        if facts.orders.contains_key(&needs) && !facts.orders.contains_key(&needed) {
            found.push(format!("rail.orders: {needs:?} needs {needed:?}"));
        }
    }
}

/// `https://api.x.com`, `https://*.x.com`, `https://*`, `http://127.0.0.1:*`: a scheme, a host or `*`, perhaps a port or `*`, no path.
fn endpoint_defect(endpoint: &str) -> Option<&'static str> {
    let Some((scheme, authority)) = endpoint.split_once("://") else {
        return Some("is no origin, as https://host");
    };
    if authority.is_empty() || authority.contains(['/', '?', '#', '@', ' ']) {
        return Some("is no origin: it has more or less than a host and a port");
    }
    // The last colon that is not inside the brackets of an IPv6 address.
    let (host, port) = match authority.rsplit_once(':') {
        Some((host, port)) if !port.ends_with(']') => (host, Some(port)),
        _ => (authority, None),
    };
    if host.is_empty() {
        return Some("has no host");
    }
    let is_port = |port: &str| port.parse::<u16>().is_ok_and(|port| port != 0);
    if port.is_some_and(|port| port != "*" && !is_port(port)) {
        return Some("has a port that is none");
    }
    if host.strip_prefix("*.").unwrap_or(host).contains('*') && host != "*" {
        return Some("has a star that stands neither for the whole host nor for what is before its first dot");
    }
    let loopback = matches!(host, "127.0.0.1" | "localhost" | "[::1]");
    match scheme {
        "tcp" | "tls" if port.is_none() => Some("has no port, and there is no usual one"),
        // Many providers of byte streams are reached through a tunnel: which of them may go without TLS, the operator says.
        "tcp" | "tls" => None,
        "https" => None,
        "http" if loopback => None,
        "http" => Some("is not encrypted, which only this machine itself may be"),
        _ => Some("has a scheme that is not known"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn endpoints() {
        let check = |endpoint: &str, sound: bool| {
            assert_eq!(endpoint_defect(endpoint).is_none(), sound, "{endpoint}");
        };
        check("https://api.x.com", true);
        check("https://api.x.com:8443", true);
        check("https://*", true);
        check("http://127.0.0.1:*", true);
        check("http://[::1]:80", true);
        check("http://api.x.com", false);
        check("https://*.x.com", true);
        check("http://*.x.com", false);
        check("https://x.*.com", false);
        check("https://*x.com", false);
        check("https://*.*.com", false);
        check("tcp://127.0.0.1:25", true);
        check("tls://*:*", true);
        check("tls://smsc.example", false);
        check("tcp://*", false);
        check("tcp://127.0.0.1:0", false);
        check("tls://:3550", false);
        check("https://api.x.com/2", false);
        check("https://api.x.com:x", false);
        check("https://", false);
        check("api.x.com", false);
        check("ftp://api.x.com", false);
    }

    #[test]
    fn manifests() {
        let check = |change: serde_json::Value, expected: &[&str]| {
            let mut json = serde_json::json!({
                "name": "till", "kind": "rail", "version": "1", "contract": "1.0",
                "rail": {"accounts": ["iban"], "orders": {"collect": {"doubt": "statement"}}}
            });
            for (key, value) in change.as_object().unwrap() {
                json[key] = value.clone();
            }
            let found = serde_json::from_value::<Manifest>(json).unwrap().defects();
            assert_eq!(found.len(), expected.len(), "{found:?}");
            for (found, expected) in found.iter().zip(expected) {
                assert!(found.contains(expected), "{found}");
            }
        };
        let hmac = |secret: &str| {
            serde_json::json!({"signature": {
                "scheme": "hmac", "hash": "sha256", "header": "x", "encoding": "hex", "secret": secret
            }})
        };
        check(serde_json::json!({}), &[]);
        check(
            serde_json::json!({"name": "Till!", "version": "", "contract": "next"}),
            &["name:", "version:", "contract:"],
        );
        check(serde_json::json!({"name": "a".repeat(64), "version": "1".repeat(64)}), &[]);
        check(serde_json::json!({"name": "a".repeat(65), "version": "1".repeat(65)}), &["name:", "version:"]);
        check(serde_json::json!({"name": "", "version": "1\n2"}), &["name:", "version:"]);
        check(serde_json::json!({"endpoints": ["tls://*:*"]}), &["contract: byte streams came with 1.1"]);
        check(serde_json::json!({"endpoints": ["tls://*:*"], "contract": "1.1"}), &[]);
        let chat = |fact: &str, value: serde_json::Value| {
            let mut facts = serde_json::json!({"scheme": "chat", "message_ids": "weak", "senders": "weak"});
            facts[fact] = value;
            serde_json::json!({"kind": "channel", "rail": null, "channel": facts})
        };
        check(chat("receipts", true.into()), &["`receipts`"]);
        check(chat("handles_change_hands", true.into()), &["`handles_change_hands`"]);
        check(chat("scope_setting", "page".into()), &["`scope_setting`"]);
        check(chat("receipts", false.into()), &[]);
        check(serde_json::json!({"pan": true}), &["contract: `pan` came with 1.2"]);
        check(serde_json::json!({"pan": true, "contract": "1.2"}), &[]);
        let mut channel = chat("receipts", false.into());
        channel["pan"] = true.into();
        channel["contract"] = "1.2".into();
        check(channel, &["pan: a channel"]);
        let by = |accounts: &str, contract: &str, pan: bool, hand_over: serde_json::Value| {
            serde_json::json!({"pan": pan, "contract": contract, "rail": {"accounts": [accounts],
                "orders": {"collect": {"doubt": "statement"}}, "hand_over": hand_over}})
        };
        let page = |label: &str| serde_json::json!({"by": "page", "label": label});
        check(by("card", "1.2", true, serde_json::json!({"by": "card"})), &[]);
        check(
            by("card", "1.1", false, serde_json::json!({"by": "card"})),
            &["`hand_over` came with 1.2", "`pan` alone"],
        );
        check(by("token", "1.2", true, serde_json::json!({"by": "card"})), &["no such one is debited"]);
        check(by("token", "1.2", true, page("Apple Pay")), &[]);
        check(by("iban", "1.2", true, page("Apple Pay")), &["the first of `accounts`"]);
        check(by("token", "1.2", true, page(" ")), &["the label"]);
        check(by("token", "1.2", true, page(&"a".repeat(61))), &["the label"]);
        check(by("token", "1.2", true, serde_json::json!({"by": "telepathy"})), &["the way is not known"]);
        check(serde_json::json!({"kind": "channel"}), &["channel:"]);
        check(serde_json::json!({"webhook": hmac("key")}), &["`key`"]);
        check(serde_json::json!({"webhook": hmac("key"), "secrets": ["key"]}), &[]);
        check(serde_json::json!({"webhook": {"signature": {"scheme": "of next year"}}}), &["not known"]);
        let hasty = |within_ms: u64| {
            let mut webhook = hmac("key");
            webhook["answer_within_ms"] = within_ms.into();
            serde_json::json!({"webhook": webhook, "secrets": ["key"]})
        };
        check(hasty(1), &[]);
        check(hasty(0), &["webhook.answer_within_ms:"]);
        check(
            serde_json::json!({"rail": {"accounts": [], "currencies": ["EURO"], "orders": {}}}),
            &["accounts", "EURO", "orders"],
        );
        check(
            serde_json::json!({"rail": {"accounts": ["iban"], "orders": {
                "collect": {"doubt": "idempotent", "for_ms": 0},
                "pay_out": {"doubt": "reversible"},
                "void": {"doubt": "statement"}
            }}}),
            &["Collect", "PayOut", "Void"],
        );
    }
}
