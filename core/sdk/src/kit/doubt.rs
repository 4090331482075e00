//! What a rail says when it cannot know: never that money moved, and never that it did not.

use bytes::Bytes;

use super::bench::{Bench, Instance, unreachable};
use super::{BenchCheck, Verdict};
use crate::frames::{HttpRequestFrame, plugin_method};
use crate::testing::ScriptedHost;
use crate::{Doubt, Failure, HttpResponse, Inquiry, Kind, Order, Outcome};

pub(super) const CHECKS: &[BenchCheck] = &[
    ("a good order has an outcome", good_order),
    ("with no provider in reach, nothing is certain", out_of_reach),
    ("of an answer that is garbage, nothing is certain", garbage),
    ("an inquiry is answered where the manifest says so", inquirable),
    ("an inquiry with no provider in reach is not certain", inquiry_out_of_reach),
    ("the same order twice is carried out once", same_order_twice),
    ("the same order after a restart is carried out once", same_order_after_restart),
];

fn submit(instance: &Instance, order: &Order) -> Result<Outcome, Failure> {
    instance.tell(plugin_method::SUBMIT, order)
}

fn inquire(instance: &Instance, order: &Order) -> Result<Outcome, Failure> {
    let inquiry = Inquiry { order: order.clone(), reference: None, asked: 0 };
    instance.tell(plugin_method::INQUIRE, &inquiry)
}

/// Orders of a rail; a channel has none.
fn for_each_order(bench: &Bench<'_>, check: impl Fn(&Order) -> Result<bool, String>) -> Verdict {
    if bench.manifest.kind != Kind::Rail {
        return Ok("no rail".to_owned());
    }
    let mut applied = 0;
    for order in &bench.orders {
        let kind = order.kind;
        applied += usize::from(check(order).map_err(|why| format!("{kind:?}: {why}"))?);
    }
    match applied {
        0 => Ok("does not apply".to_owned()),
        applied => Ok(format!("{applied} orders")),
    }
}

fn good_order(bench: &Bench<'_>) -> Verdict {
    for_each_order(bench, |order| {
        let instance = bench.opened(&bench.host())?;
        let outcome = submit(&instance, order);
        if bench.options.provider.is_none() && instance.tried_io() {
            // Nobody was there to answer properly.
            return Ok(false);
        }
        match outcome.map_err(|failure| failure.to_string())? {
            Outcome::Settled { amount, .. }
                if amount.currency() != order.amount.currency() || amount.minor() > order.amount.minor() =>
            {
                Err(format!("{} was ordered, and {amount} settled", order.amount))
            }
            Outcome::Unrecognised => Err("the outcome is none of this contract".to_owned()),
            _ => Ok(true),
        }
    })
}

/// A failure, `Unknown` or `Pending` claim nothing. All else claims to know.
fn claims_nothing(outcome: Result<Outcome, Failure>) -> Result<(), String> {
    match outcome {
        Err(failure) if failure.code == "panicked" => Err(failure.message),
        Err(_) | Ok(Outcome::Unknown { .. } | Outcome::Pending { .. }) => Ok(()),
        Ok(certain) => Err(format!("the rail could not know, and said {certain:?}")),
    }
}

fn out_of_reach(bench: &Bench<'_>) -> Verdict {
    for_each_order(bench, |order| {
        for method in ["http", "*"] {
            let instance = bench.opened(&bench.host())?;
            let _fails = instance.host.clone().fails(method, unreachable());
            instance.host.forget();
            let outcome = submit(&instance, order);
            // What a rail can tell without asking anybody, it may tell.
            if instance.host.asked().iter().all(|asked| asked == "log") {
                return Ok(false);
            }
            claims_nothing(outcome)?;
        }
        Ok(true)
    })
}

/// Answers that say nothing about an order, with what to call them.
fn nonsense() -> Vec<(&'static str, HttpResponse)> {
    let json = "application/json";
    let html = "<html><body>It works!</body></html>";
    vec![
        ("500", HttpResponse::new(500, "text/html", html)),
        ("502 empty", HttpResponse::new(502, "text/plain", "")),
        ("503 JSON", HttpResponse::new(503, json, r#"{"status":"rejected"}"#)),
        ("200 HTML", HttpResponse::new(200, "text/html", html)),
        ("200 empty", HttpResponse::new(200, json, "")),
        ("200 {}", HttpResponse::new(200, json, "{}")),
        ("200 null", HttpResponse::new(200, json, "null")),
        ("200 []", HttpResponse::new(200, json, "[]")),
        ("200 no text", HttpResponse::new(200, json, Bytes::from_static(b"\xff\xfe\x00"))),
        ("200 deep", HttpResponse::new(200, json, "[".repeat(100_000))),
        ("201 cut off", HttpResponse::new(201, json, r#"{"status": "ACC"#)),
    ]
}

fn garbage(bench: &Bench<'_>) -> Verdict {
    for_each_order(bench, |order| {
        for (name, response) in nonsense() {
            let instance = bench.opened(&bench.host())?;
            instance.host.forget();
            let _answers = instance.host.clone().on_http("*", "*", move |_| Ok(response.clone()));
            let outcome = submit(&instance, order);
            if !instance.tried_io() {
                return Ok(false);
            }
            claims_nothing(outcome).map_err(|why| format!("{name}: {why}"))?;
        }
        Ok(true)
    })
}

fn doubt<'a>(bench: &'a Bench<'_>, order: &Order) -> Option<&'a Doubt> {
    let facts = bench.manifest.rail.as_ref()?;
    facts.orders.get(&order.kind)
}

fn inquirable(bench: &Bench<'_>) -> Verdict {
    for_each_order(bench, |order| {
        if !matches!(doubt(bench, order), Some(Doubt::Inquirable { .. })) {
            return Ok(false);
        }
        let instance = bench.opened(&bench.host())?;
        let _ = submit(&instance, order);
        match inquire(&instance, order) {
            Err(failure) if matches!(failure.code.as_str(), "unsupported" | "panicked") => Err(failure.to_string()),
            _ => Ok(true),
        }
    })
}

fn inquiry_out_of_reach(bench: &Bench<'_>) -> Verdict {
    for_each_order(bench, |order| {
        let instance = bench.opened(&bench.host())?;
        let _fails = instance.host.clone().fails("*", unreachable());
        instance.host.forget();
        let outcome = inquire(&instance, order);
        if !instance.tried_io() {
            return Ok(false);
        }
        claims_nothing(outcome)?;
        Ok(true)
    })
}

fn same_order_twice(bench: &Bench<'_>) -> Verdict {
    for_each_order(bench, |order| twice(bench, order, |instance, _| Ok(instance)))
}

fn same_order_after_restart(bench: &Bench<'_>) -> Verdict {
    for_each_order(bench, |order| {
        twice(bench, order, |instance, host| {
            drop(instance);
            bench.opened(host)
        })
    })
}

/// Whether a second request like this one is a second deed. A rail whose provider forgets no key may ask again under
/// the same key; one that can only inquire, reverse or wait for a statement must not.
fn is_second_deed(
    doubt: Option<&Doubt>,
    order: &Order,
    first: &[(HttpRequestFrame, Bytes)],
    again: &(HttpRequestFrame, Bytes),
) -> bool {
    let (head, body) = again;
    let like = |(earlier, _): &&(HttpRequestFrame, Bytes)| earlier.method == head.method && earlier.url == head.url;
    let Some((earlier, earlier_body)) = first.iter().find(like) else {
        return false;
    };
    if !matches!(doubt, Some(Doubt::Idempotent { .. })) {
        return true;
    }
    let names_key = |text: &str| text.contains(&order.key);
    let same = earlier.headers == head.headers && earlier_body == body;
    !same
        && !names_key(&head.url)
        && !head.headers.iter().any(|(_, value)| names_key(value))
        && !names_key(&String::from_utf8_lossy(body))
}

fn twice(
    bench: &Bench<'_>,
    order: &Order,
    between: impl Fn(Instance, &ScriptedHost) -> Result<Instance, String>,
) -> Result<bool, String> {
    let doubt = doubt(bench, order);
    if matches!(doubt, Some(Doubt::Statement)) {
        // The host never sends such an order twice.
        return Ok(false);
    }
    let host = bench.host();
    let instance = bench.opened(&host)?;
    host.forget();
    let first = submit(&instance, order);
    if bench.options.provider.is_none() && instance.tried_io() {
        return Ok(false);
    }
    let requests = instance.changing_requests();
    let instance = between(instance, &host)?;
    host.forget();
    let second = submit(&instance, order);
    let again = instance.changing_requests();
    if let Some((head, _)) = again.iter().find(|request| is_second_deed(doubt, order, &requests, request)) {
        return Err(format!("{} {} was sent a second time", head.method, head.url));
    }
    match (first, second) {
        (Ok(first), Ok(second)) if first.is_final() && second.is_final() && first != second => {
            Err(format!("first {first:?}, then {second:?}"))
        }
        _ => Ok(true),
    }
}
