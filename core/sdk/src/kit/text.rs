//! Whatever people write.

use serde_json::Value;

use super::bench::{Bench, Instance};
use super::deed::is_broken;
use super::{BenchCheck, Verdict, tried};
use crate::frames::plugin_method;
use crate::{Note, Order, Outcome, Sent};

pub(super) const CHECKS: &[BenchCheck] = &[
    ("text-order", "whatever stands in a name or a memo, an order breaks nothing", orders),
    ("text-note", "whatever stands in a note, sending it breaks nothing", notes),
];

/// What people write, and what they should not be able to.
fn texts() -> Vec<(&'static str, String)> {
    vec![
        ("empty", String::new()),
        ("blank", " \t ".to_owned()),
        ("composed (NFC)", "Café Müller, Łódź".to_owned()),
        ("decomposed (NFD)", "Cafe\u{301} Mu\u{308}ller".to_owned()),
        ("right to left", "שלום \u{202e}لعشاء\u{202c} 20 €".to_owned()),
        ("an emoji of many parts", "👩🏽‍🍳🍕 for the pizza 🇮🇹".to_owned()),
        ("beyond the basic plane", "𝔸𝕟𝕟𝕒 𠜎".to_owned()),
        ("control characters", "a\u{0}b\u{7}c\u{1b}[2Jd\u{7f}e\u{85}f".to_owned()),
        ("line ends", "first\r\nX-Injected: yes\r\n\r\nsecond\u{2028}third".to_owned()),
        ("markup", r#"<b>&amp;"'</b>]]><!--{{7*7}}${x}%00\u0000\"#.to_owned()),
        ("long", "pizza 🍕 ".repeat(120)),
        ("one word, long", "ж".repeat(1_000)),
        ("combining marks", format!("a{}", "\u{301}".repeat(200))),
    ]
}

/// What is wrong with the requests that were made.
fn malformed(instance: &Instance) -> Option<String> {
    for request in instance.host.requests() {
        let (head, body) = (request.head, request.body);
        if head.url.chars().any(|c| c.is_control() || c == ' ' || !c.is_ascii()) {
            return Some(format!("the URL {:?} is none", head.url));
        }
        if let Some((name, value)) = head.headers.iter().find(|(_, value)| value.chars().any(char::is_control)) {
            return Some(format!("the header `{name}` holds a control character: {value:?}"));
        }
        let is_json = head.headers.iter().any(|(name, value)| {
            name.eq_ignore_ascii_case("content-type") && value.to_ascii_lowercase().contains("json")
        });
        if is_json && let Err(error) = serde_json::from_slice::<Value>(&body) {
            return Some(format!("what was posted as JSON is none: {error}"));
        }
    }
    None
}

fn orders(bench: &Bench<'_>) -> Verdict {
    let mut count = 0;
    for order in &bench.orders {
        for (name, text) in texts() {
            let mut order = Order { memo: Some(text.clone()), ..order.clone() };
            order.debtor.name.clone_from(&text);
            order.creditor.name = text;
            let instance = bench.opened(&bench.host())?;
            instance.host.forget();
            match instance.tell::<Outcome>(plugin_method::SUBMIT, &order) {
                Err(failure) if is_broken(&failure) => return Err(format!("{name}: {failure}")),
                Ok(Outcome::Settled { amount, .. }) if amount.minor() > order.amount.minor() => {
                    return Err(format!("{name}: {} was ordered, and {amount} settled", order.amount));
                }
                _ => {}
            }
            if let Some(why) = malformed(&instance) {
                return Err(format!("{name}: {why}"));
            }
            count += 1;
        }
    }
    tried(count, "orders")
}

fn notes(bench: &Bench<'_>) -> Verdict {
    let mut count = 0;
    for note in &bench.notes {
        for (name, text) in texts() {
            let note = Note { text: text.clone(), fallback: note.fallback.as_ref().map(|_| text), ..note.clone() };
            let instance = bench.opened(&bench.host())?;
            instance.host.forget();
            match instance.tell::<Sent>(plugin_method::SEND, &note) {
                Err(failure) if is_broken(&failure) => return Err(format!("{name}: {failure}")),
                _ => {}
            }
            if let Some(why) = malformed(&instance) {
                return Err(format!("{name}: {why}"));
            }
            count += 1;
        }
    }
    tried(count, "notes")
}
