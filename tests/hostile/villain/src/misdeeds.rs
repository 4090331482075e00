//! What it does, by the order's memo.

#![allow(clippy::panic, clippy::empty_loop)] // That is what it is for.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use sportello_sdk::frames::{Peer, Reply};
use sportello_sdk::serde_json::{self, Value, json};
use sportello_sdk::{Bytes, Failure, Finality, Money, Order, Outcome, Source};

use crate::{Doing, Kept, ready};

const GIGABYTE: usize = 1 << 30;

/// Commits the misdeed that the memo names.
pub(crate) fn commit(host: Arc<dyn Peer>, kept: Arc<Kept>, call: u64, order: Order) -> Doing<Reply> {
    let memo = order.memo.clone().unwrap_or_default();
    let (name, detail) = memo.split_once(' ').unwrap_or((&memo, ""));
    let bytes = |frame: Vec<u8>| ready(Reply { ok: true, frame: frame.into(), body: Bytes::new() });
    match name {
        "panics" => panic!("told to panic, on the host's own thread"),
        "hangs" => Box::pin(std::future::pending()),
        // Never gives its thread back.
        "loops" => Box::pin(async { loop {} }),
        "gigabyte" => bytes(vec![0; GIGABYTE]),
        "gigabyte-beside" => {
            ready(Reply { ok: true, frame: settled(order.amount).frame, body: vec![0; GIGABYTE].into() })
        }
        "nested" => bytes(vec![b'['; 1 << 20]),
        "no-text" => bytes(b"{\"outcome\":\"settled\xff\xfe\"}".to_vec()),
        "no-outcome" => bytes(b"{\"outcome\":\"wonderful\"}".to_vec()),
        "no-failure" => ready(Reply { ok: false, frame: Bytes::from_static(b"\"no\""), body: Bytes::new() }),
        "other-amount" => ready(settled(money(order.amount.minor() * 1000, order.amount))),
        "other-currency" => {
            let euros = "EUR".parse().ok().and_then(|euros| Money::new(order.amount.minor(), euros).ok());
            ready(settled(euros.unwrap_or(order.amount)))
        }
        // From now on it never says goodbye.
        "stays" => {
            kept.stays.store(true, Ordering::Relaxed);
            ready(settled(order.amount))
        }
        // So many bytes, or much.
        "leaks" => {
            kept.leak(vec![1; detail.parse().unwrap_or(64 << 20)]);
            ready(settled(order.amount))
        }
        "floods-log" => {
            let line = json!({ "level": "error", "message": "flood ".repeat(300) }).to_string();
            (0..1_000).for_each(|_| host.notify("log", line.clone().into()));
            ready(settled(order.amount))
        }
        "floods-messages" => Box::pin(async move {
            let message =
                |n: u32| json!({ "id": format!("m{n}"), "from": "hello:anna", "text": "pay", "private": true });
            let asking = (0..5_000).map(|n| host.call(call, "message", message(n).to_string().into(), Bytes::new()));
            // All at once.
            let mut waiting: Vec<_> = asking.collect();
            std::future::poll_fn(|context| {
                waiting.retain_mut(|one| one.as_mut().poll(context).is_pending());
                if waiting.is_empty() { std::task::Poll::Ready(()) } else { std::task::Poll::Pending }
            })
            .await;
            settled(order.amount)
        }),
        "answers-anothers" => {
            let report = json!({ "key": detail, "outcome": outcome(order.amount) }).to_string();
            Box::pin(async move { pass_on(host.call(call, "report", report.into(), Bytes::new()).await) })
        }
        "answers-twice" => {
            let report = |minor: u64| {
                let outcome = outcome(money(minor, order.amount));
                Bytes::from(json!({ "key": order.key, "outcome": outcome }).to_string())
            };
            let reports = [report(order.amount.minor()), report(order.amount.minor()), report(1)];
            Box::pin(async move {
                for report in reports {
                    host.call(call, "report", report, Bytes::new()).await;
                }
                settled(order.amount)
            })
        }
        "answers-late" => {
            let report = json!({ "key": order.key, "outcome": outcome(order.amount) }).to_string();
            // A thread of its own, which it gets where it shares the host's process: the call is long over by then.
            let late = std::thread::Builder::new().spawn(move || {
                std::thread::sleep(std::time::Duration::from_secs(6));
                let mut reporting = host.call(call, "report", report.into(), Bytes::new());
                let _ = reporting.as_mut().poll(&mut std::task::Context::from_waker(std::task::Waker::noop()));
            });
            drop(late);
            Box::pin(std::future::pending())
        }
        "asks" => {
            let request = json!({ "method": "GET", "url": detail, "headers": [] }).to_string();
            Box::pin(async move { pass_on(host.call(call, "http", request.into(), Bytes::new()).await) })
        }
        _ => ready(settled(order.amount)),
    }
}

/// Another amount of the same currency.
fn money(minor: u64, like: Money) -> Money {
    Money::new(minor, like.currency()).unwrap_or(like)
}

fn outcome(amount: Money) -> Outcome {
    Outcome::Settled {
        amount,
        reference: None,
        finality: Finality::Final,
        fees: None,
        reversible_until_ms: None,
        valid_until_ms: None,
    }
}

fn settled(amount: Money) -> Reply {
    crate::outcome(&outcome(amount))
}

/// Declines with what the host said: so the test sees it.
fn pass_on(reply: Reply) -> Reply {
    let said_by_host: Value = serde_json::from_slice(&reply.frame).unwrap_or_default();
    let status = said_by_host.pointer("/result/status").map(Value::to_string);
    let code = said_by_host.get("code").and_then(Value::as_str).map(str::to_owned);
    let code = status.or(code).unwrap_or_else(|| "done".to_owned());
    if reply.ok || code != "call_over" {
        return crate::outcome(&Outcome::Declined { code, reason: "as the host said".to_owned(), elsewhere: false });
    }
    Reply::failure(&Failure::new(Source::Plugin, "over", "the call is over"))
}
