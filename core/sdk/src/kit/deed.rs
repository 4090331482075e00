//! What is a deed, and when it was done twice: judged by what the provider was asked, not by what the rail says.

use bytes::Bytes;

use super::bench::{Bench, Instance};
use super::{Verdict, apart, held};
use crate::frames::{HttpRequestFrame, plugin_method};
use crate::{Doubt, Failure, Inquiry, Kind, Order, Outcome};

/// A request as the provider got it.
pub(super) type Request = (HttpRequestFrame, Bytes);

pub(super) fn submit(instance: &Instance, order: &Order) -> Result<Outcome, Failure> {
    instance.tell(plugin_method::SUBMIT, order)
}

pub(super) fn inquire(instance: &Instance, order: &Order) -> Result<Outcome, Failure> {
    let inquiry = Inquiry { order: order.clone(), reference: None, asked: 0 };
    instance.tell(plugin_method::INQUIRE, &inquiry)
}

/// Orders of a rail; a channel has none. `check` says whether the order was one that it could be tried on; `untried` is why
/// none may have been.
pub(super) fn for_each_order(
    bench: &Bench<'_>,
    untried: &str,
    check: impl Fn(&Order) -> Result<bool, String>,
) -> Verdict {
    if bench.manifest.kind != Kind::Rail {
        return apart("no rail");
    }
    let mut applied = 0;
    for order in &bench.orders {
        let kind = order.kind;
        applied += usize::from(check(order).map_err(|why| format!("{kind:?}: {why}"))?);
    }
    match applied {
        0 => apart(untried),
        applied => held(format!("{applied} orders")),
    }
}

/// A failure, `Unknown` or `Pending` claim nothing. All else claims to know.
pub(super) fn claims_nothing(outcome: Result<Outcome, Failure>) -> Result<(), String> {
    match outcome {
        Err(failure) if is_broken(&failure) => Err(failure.message),
        Err(_) | Ok(Outcome::Unknown { .. } | Outcome::Pending { .. }) => Ok(()),
        Ok(certain) => Err(format!("the rail could not know, and said {certain:?}")),
    }
}

/// Whether the plugin panicked, or took its process along: its host says so then.
pub(super) fn is_fallen(failure: &Failure) -> bool {
    matches!(failure.code.as_str(), "panicked" | "crashed")
}

/// Whether the plugin fell over rather than failed, or said what is no answer.
pub(super) fn is_broken(failure: &Failure) -> bool {
    is_fallen(failure) || matches!(failure.code.as_str(), "no_failure" | "bad_answer")
}

pub(super) fn doubt<'a>(bench: &'a Bench<'_>, order: &Order) -> Option<&'a Doubt> {
    let facts = bench.manifest.rail.as_ref()?;
    facts.orders.get(&order.kind)
}

/// Why no order could be given again.
pub(super) const NEVER_AGAIN: &str = "no order may come again, or no provider answers";

/// Whether the host may give this order a second time.
pub(super) fn may_come_again(bench: &Bench<'_>, order: &Order) -> bool {
    !matches!(doubt(bench, order), None | Some(Doubt::Statement))
}

/// Whether a request names this order.
fn names(order: &Order, (head, body): &Request) -> bool {
    let names_key = |text: &str| text.contains(&order.key);
    names_key(&head.url)
        || head.headers.iter().any(|(_, value)| names_key(value))
        || names_key(&String::from_utf8_lossy(body))
}

/// Those of the requests that are about the order: where none names it, which of them are cannot be told, and all are taken
/// for it. A log-in that is posted again is no deed.
fn deeds<'r>(order: &Order, requests: &'r [Request]) -> Vec<&'r Request> {
    let named: Vec<&Request> = requests.iter().filter(|request| names(order, request)).collect();
    if named.is_empty() { requests.iter().collect() } else { named }
}

/// Whether a second request like an earlier one is a second deed. A rail whose provider forgets no key may ask again under
/// the same key; one that can only inquire, reverse or wait for a statement must not.
fn is_second_deed(doubt: Option<&Doubt>, order: &Order, earlier: &[&Request], again: &Request) -> bool {
    let (head, body) = again;
    let like = |(earlier, _): &&&Request| earlier.method == head.method && earlier.url == head.url;
    let Some((before, body_before)) = earlier.iter().find(|request| like(request)) else {
        return false;
    };
    if !matches!(doubt, Some(Doubt::Idempotent { .. })) {
        return true;
    }
    let same = before.headers == head.headers && body_before == body;
    !same && !names(order, again)
}

/// Whether any of these requests, in their order, carries out what an earlier one did.
pub(super) fn done_once(bench: &Bench<'_>, order: &Order, requests: &[Request]) -> Result<(), String> {
    let doubt = doubt(bench, order);
    let deeds = deeds(order, requests);
    for (at, request) in deeds.iter().enumerate() {
        let earlier = deeds.get(..at).unwrap_or_default();
        if is_second_deed(doubt, order, earlier, request) {
            let (head, _) = request;
            return Err(format!("{} {} was sent a second time", head.method, head.url));
        }
    }
    Ok(())
}

/// Whether two answers to one order can both be true.
pub(super) fn agree(answers: &[Result<Outcome, Failure>]) -> Result<(), String> {
    let mut certain = answers.iter().flatten().filter(|outcome| outcome.is_final());
    let Some(first) = certain.next() else {
        return Ok(());
    };
    match certain.find(|other| *other != first) {
        Some(other) => Err(format!("first {first:?}, then {other:?}")),
        None => Ok(()),
    }
}
