//! Deliveries in another order, and more than once; and notes whose time runs out.

use serde::Serialize;

use super::bench::{Bench, Instance};
use super::deed::is_broken;
use super::lost::last_change;
use super::{BenchCheck, Verdict, apart, tried};
use crate::frames::{WebhookReplyFrame, plugin_method};
use crate::{Sent, WebhookRequest};

pub(super) const CHECKS: &[BenchCheck] = &[
    ("delivery-reordered", "deliveries in whatever order and number bring the same", reordered),
    ("note-time-out", "a note whose time runs out before it is taken is not called sent", note_time_out),
];

/// What came of these deliveries, each thing once, in no order.
fn brought<'a>(bench: &Bench<'_>, deliveries: impl Iterator<Item = &'a WebhookRequest>) -> Result<Vec<String>, String> {
    let instance = bench.opened(&bench.host())?;
    instance.host.forget();
    for delivery in deliveries {
        let answer = instance.ask::<WebhookReplyFrame>(plugin_method::WEBHOOK, &delivery.head, delivery.body.clone());
        match answer {
            Err(failure) if is_broken(&failure) => return Err(failure.to_string()),
            Err(failure) => return Err(format!("a good delivery was not taken: {failure}")),
            Ok((reply, _)) if !(200..300).contains(&reply.status) => {
                return Err(format!("a good delivery was answered with {}", reply.status));
            }
            Ok(_) => {}
        }
    }
    Ok(seen(&instance))
}

fn seen(instance: &Instance) -> Vec<String> {
    fn written<T: Serialize>(all: Vec<T>) -> impl Iterator<Item = String> {
        all.into_iter().filter_map(|one| serde_json::to_string(&one).ok())
    }
    let host = &instance.host;
    let all = written(host.messages()).chain(written(host.reports())).chain(written(host.receipts()));
    let mut seen: Vec<String> = all.collect();
    seen.sort_unstable();
    seen.dedup();
    seen
}

fn reordered(bench: &Bench<'_>) -> Verdict {
    let given = &bench.options.webhooks;
    if given.is_empty() {
        return apart("no deliveries");
    }
    let straight = brought(bench, given.iter())?;
    let others = [
        ("backwards", brought(bench, given.iter().rev())?),
        ("each of them three times", brought(bench, given.iter().flat_map(|one| [one; 3]))?),
        ("all of them, and all again backwards", brought(bench, given.iter().chain(given.iter().rev()))?),
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
