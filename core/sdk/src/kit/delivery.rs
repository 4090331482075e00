//! What deliveries bring, to a channel and to a rail: the same in whatever order and number they come, and acknowledged
//! only once it is kept; and notes whose time runs out.

use serde::Serialize;

use super::bench::{Bench, Instance, unreachable};
use super::deed::{is_broken, submit};
use super::lost::last_change;
use super::{BenchCheck, Verdict, apart, tried};
use crate::frames::{WebhookReplyFrame, host_method, plugin_method};
use crate::{Failure, Message, Receipt, Report, Sent, WebhookRequest};

pub(super) const CHECKS: &[BenchCheck] = &[
    ("delivery-repeated", "a delivery repeated brings the same", repeated),
    ("delivery-not-durable", "what is not durable is not acknowledged", not_durable),
    ("delivery-reordered", "deliveries in whatever order and number bring the same", reordered),
    ("note-time-out", "a note whose time runs out before it is taken is not called sent", note_time_out),
];

/// What was handed in, in its order.
#[derive(Debug, PartialEq)]
pub(super) struct Brought {
    pub(super) messages: Vec<Message>,
    reports: Vec<Report>,
    receipts: Vec<Receipt>,
}

impl Brought {
    pub(super) fn to(instance: &Instance) -> Self {
        let host = &instance.host;
        Self { messages: host.messages(), reports: host.reports(), receipts: host.receipts() }
    }

    /// The host's methods by which it came.
    pub(super) fn methods(&self) -> impl Iterator<Item = &'static str> + use<> {
        let came = [
            (host_method::MESSAGE, self.messages.len()),
            (host_method::REPORT, self.reports.len()),
            (host_method::RECEIPT, self.receipts.len()),
        ];
        came.into_iter().filter(|(_, count)| *count > 0).map(|(method, _)| method)
    }

    /// Each thing once, in no order.
    fn each_once(&self) -> Vec<String> {
        fn written<T: Serialize>(all: &[T]) -> impl Iterator<Item = String> {
            all.iter().filter_map(|one| serde_json::to_string(one).ok())
        }
        let all = written(&self.messages).chain(written(&self.reports)).chain(written(&self.receipts));
        let mut each: Vec<String> = all.collect();
        each.sort_unstable();
        each.dedup();
        each
    }
}

/// An instance that deliveries come to. A rail was given its orders, which they may be about.
pub(super) fn addressee(bench: &Bench<'_>) -> Result<Instance, String> {
    let instance = bench.opened(&bench.host())?;
    for order in &bench.orders {
        // What comes of it is judged elsewhere.
        let _outcome = submit(&instance, order);
    }
    instance.host.forget();
    Ok(instance)
}

pub(super) fn deliver(instance: &Instance, webhook: &WebhookRequest) -> Result<WebhookReplyFrame, Failure> {
    let answer = instance.ask(plugin_method::WEBHOOK, &webhook.head, webhook.body.clone());
    Ok(answer?.0)
}

fn is_acknowledged(reply: &Result<WebhookReplyFrame, Failure>) -> bool {
    reply.as_ref().is_ok_and(|reply| (200..300).contains(&reply.status))
}

/// What one good delivery brings.
pub(super) fn brought(bench: &Bench<'_>, webhook: &WebhookRequest) -> Result<Brought, String> {
    let instance = addressee(bench)?;
    let reply = deliver(&instance, webhook);
    if !is_acknowledged(&reply) {
        return Err(format!("a good delivery was answered with {reply:?}"));
    }
    let brought = Brought::to(&instance);
    match brought.methods().next() {
        None => Err("a good delivery brought no message, no report and no receipt".to_owned()),
        Some(_) => Ok(brought),
    }
}

fn repeated(bench: &Bench<'_>) -> Verdict {
    for webhook in &bench.options.webhooks {
        let (first, second) = (brought(bench, webhook)?, brought(bench, webhook)?);
        if first != second {
            return Err(format!("first {first:?}, then {second:?}"));
        }
    }
    tried(bench.options.webhooks.len(), "deliveries")
}

/// Whatever of it is not kept: one thing at a time, since the failure of another would hide it.
fn not_durable(bench: &Bench<'_>) -> Verdict {
    for webhook in &bench.options.webhooks {
        for method in brought(bench, webhook)?.methods() {
            let instance = addressee(bench)?;
            let _fails = instance.host.clone().fails(method, unreachable());
            if is_acknowledged(&deliver(&instance, webhook)) {
                return Err(format!("a {method} that the host could not keep was acknowledged"));
            }
        }
    }
    tried(bench.options.webhooks.len(), "deliveries")
}

/// What came of these deliveries, each thing once, in no order.
fn brought_by<'a>(
    bench: &Bench<'_>,
    deliveries: impl Iterator<Item = &'a WebhookRequest>,
) -> Result<Vec<String>, String> {
    let instance = addressee(bench)?;
    for delivery in deliveries {
        match deliver(&instance, delivery) {
            Err(failure) if is_broken(&failure) => return Err(failure.to_string()),
            Err(failure) => return Err(format!("a good delivery was not taken: {failure}")),
            Ok(reply) if !(200..300).contains(&reply.status) => {
                return Err(format!("a good delivery was answered with {}", reply.status));
            }
            Ok(_) => {}
        }
    }
    Ok(Brought::to(&instance).each_once())
}

fn reordered(bench: &Bench<'_>) -> Verdict {
    let given = &bench.options.webhooks;
    if given.is_empty() {
        return apart("no deliveries");
    }
    let straight = brought_by(bench, given.iter())?;
    let others = [
        ("backwards", brought_by(bench, given.iter().rev())?),
        ("each of them three times", brought_by(bench, given.iter().flat_map(|one| [one; 3]))?),
        ("all of them, and all again backwards", brought_by(bench, given.iter().chain(given.iter().rev()))?),
    ];
    for (how, other) in others {
        if other != straight {
            return Err(format!("{how}: they brought {other:?}, and {straight:?} before"));
        }
    }
    tried(straight.len(), "messages and reports")
}

fn note_time_out(bench: &Bench<'_>) -> Verdict {
    let mut count = 0;
    for note in &bench.notes {
        let instance = bench.opened(&bench.host())?;
        instance.host.forget();
        let sent = instance.tell::<Sent>(plugin_method::SEND, note);
        let (steps, last) = (instance.host.asked(), last_change(&instance));
        let Some(last) = last.filter(|_| sent.is_ok()) else {
            continue;
        };
        for step in 0..steps.len() {
            let instance = bench.opened(&bench.host())?;
            instance.host.forget();
            let _ends = instance.host.clone().time_ends_after(Some(step));
            match instance.tell::<Sent>(plugin_method::SEND, note) {
                Err(failure) if is_broken(&failure) => return Err(failure.to_string()),
                Ok(sent) if step <= last => {
                    return Err(format!("time ran out at call {step} of the host's, and it said {sent:?}"));
                }
                _ => count += 1,
            }
        }
    }
    tried(count, "time-outs")
}
