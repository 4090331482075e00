//! Pages of a rail's own.

use bytes::Bytes;
use serde_json::json;

use super::bench::{Bench, Instance, to_value};
use super::deed::is_fallen;
use super::{BenchCheck, Verdict, apart, held, tried};
use crate::frames::{Version, plugin_method};
use crate::{Failure, HandOver, Handle, Money, PageFrame, PagePurpose, PageReplyFrame, PaymentId};

pub(super) const CHECKS: &[BenchCheck] = &[
    ("page-looking", "looking at a page changes nothing", looking_changes_nothing),
    ("page-later-purpose", "a page for a purpose of a later contract is refused", later_purpose),
    ("page-broken", "a broken request for a page is answered without a panic", broken_request),
    ("page-shown", "a page is one that a browser can be shown", can_be_shown),
];

/// The contract that brought pages.
const SINCE: Version = Version { major: 1, minor: 2 };

/// The purposes that this rail may be asked for a page for; none where its contract knows no pages.
fn purposes(bench: &Bench<'_>) -> Vec<PagePurpose> {
    let knows_pages = bench.manifest.contract.parse::<Version>().is_ok_and(|asked| asked >= SINCE);
    let Some(facts) = bench.manifest.rail.as_ref().filter(|_| knows_pages) else {
        return Vec::new();
    };
    let act = bench.orders.iter().map(|order| PagePurpose::Act { order: Box::new(order.clone()) });
    let hand_over = matches!(facts.hand_over, Some(HandOver::Page { .. })).then(|| {
        let currency = facts.currencies.first().map_or("EUR", String::as_str).parse().ok()?;
        Some(PagePurpose::HandOver {
            payment: PaymentId(1),
            amount: Money::new(2000, currency).ok()?,
            payee: "Paolo".to_owned(),
            payer: Handle::new("kit", "anna").ok()?,
        })
    });
    act.chain(hand_over.flatten()).collect()
}

/// A browser's request.
fn request(purpose: PagePurpose, method: &str) -> PageFrame {
    let header = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    PageFrame {
        purpose,
        method: method.to_owned(),
        path: String::new(),
        query: String::new(),
        headers: vec![
            header("accept", "text/html"),
            header("content-type", "application/x-www-form-urlencoded"),
            header("user-agent", "Mozilla/5.0"),
        ],
        url: "https://pay.example/act/kit".to_owned(),
        remote_ip: "192.0.2.7".to_owned(),
        language: "en".to_owned(),
    }
}

fn ask(instance: &Instance, head: &PageFrame, body: Bytes) -> Result<PageReplyFrame, Failure> {
    Ok(instance.ask(plugin_method::PAGE, head, body)?.0)
}

/// Asks for every page of this rail's, and has `judge` say what is wrong with what came of it.
fn for_each_page(
    bench: &Bench<'_>,
    method: &str,
    judge: impl Fn(&Instance, Result<PageReplyFrame, Failure>) -> Result<bool, String>,
) -> Verdict {
    let mut shown = 0;
    for purpose in purposes(bench) {
        let instance = bench.opened(&bench.host())?;
        instance.host.forget();
        let answered = ask(&instance, &request(purpose, method), Bytes::new());
        shown += usize::from(judge(&instance, answered)?);
    }
    match shown {
        0 => apart("no page"),
        shown => tried(shown, "pages"),
    }
}

/// Link previews follow links: whatever a GET did would be done by whoever passes the link on.
fn looking_changes_nothing(bench: &Bench<'_>) -> Verdict {
    for_each_page(bench, "GET", |instance, answered| {
        match answered {
            Err(failure) if is_fallen(&failure) => return Err(failure.message),
            Err(_) => return Ok(false),
            Ok(head) if head.handed_over.is_some() => return Err("a GET hands something over".to_owned()),
            Ok(_) => {}
        }
        let host = &instance.host;
        if !host.reports().is_empty() {
            return Err("a GET reports an outcome".to_owned());
        }
        if host.asked().iter().any(|asked| asked == "vault.remove") {
            return Err("a GET destroys what is in the vault".to_owned());
        }
        Ok(true)
    })
}

fn later_purpose(bench: &Bench<'_>) -> Verdict {
    let Some(known) = purposes(bench).into_iter().next() else {
        return apart("no page");
    };
    let instance = bench.opened(&bench.host())?;
    let mut head = to_value(&request(known, "POST"))?;
    if let Some(fields) = head.as_object_mut() {
        fields.insert("purpose".to_owned(), json!({"purpose": "of_next_year"}));
    }
    match instance.ask::<PageReplyFrame>(plugin_method::PAGE, &head, Bytes::new()) {
        Err(failure) if is_fallen(&failure) => Err(failure.message),
        Err(_) => held(""),
        Ok((head, _)) if head.status >= 400 && head.handed_over.is_none() => held(""),
        Ok(_) => Err("a purpose that nobody knows yet was served".to_owned()),
    }
}

fn broken_request(bench: &Bench<'_>) -> Verdict {
    let bodies = [
        Bytes::from_static(b"\xff\xfe\x00"),
        Bytes::from_static(b"=&=&%%%"),
        Bytes::from_static(b"{\"a\":"),
        Bytes::from("[".repeat(60_000)),
        Bytes::from(vec![b'a'; 64 << 10]),
    ];
    let mut count = 0;
    for purpose in purposes(bench) {
        for body in &bodies {
            for path in ["", "/back", "/../%00", "/no/such/page"] {
                let instance = bench.opened(&bench.host())?;
                let mut head = request(purpose.clone(), "POST");
                head.path = path.to_owned();
                let answered = ask(&instance, &head, body.clone());
                if let Err(failure) = &answered
                    && is_fallen(failure)
                {
                    return Err(failure.message.clone());
                }
                if answered.is_ok_and(|head| head.handed_over.is_some()) {
                    return Err(format!("garbage that was posted to `{path}` was taken for something to pay with"));
                }
                count += 1;
            }
        }
    }
    tried(count, "requests")
}

fn can_be_shown(bench: &Bench<'_>) -> Verdict {
    for_each_page(bench, "GET", |_, answered| {
        let Ok(head) = answered else { return Ok(false) };
        match head.defects().as_slice() {
            [] => Ok(true),
            defects => Err(defects.join("; ")),
        }
    })
}
