//! What a rail says when it cannot know: never that money moved, and never that it did not.

use bytes::Bytes;

use super::bench::{Bench, Instance, unreachable};
use super::deed::{
    NEVER_AGAIN, agree, claims_nothing, done_once, doubt, for_each_order, inquire, is_broken, is_fallen,
    may_come_again, submit,
};
use super::{BenchCheck, Verdict};
use crate::frames::host_method;
use crate::testing::ScriptedHost;
use crate::{Doubt, HttpResponse, Order, Outcome};

pub(super) const CHECKS: &[BenchCheck] = &[
    ("order-good", "a good order has an outcome", good_order),
    ("order-out-of-reach", "with no provider in reach, nothing is certain", out_of_reach),
    ("order-garbage", "of an answer that is garbage, nothing is certain", garbage),
    ("inquiry-answered", "an inquiry is answered where the manifest says so", inquirable),
    ("inquiry-out-of-reach", "an inquiry with no provider in reach is not certain", inquiry_out_of_reach),
    ("order-twice", "the same order twice is carried out once", same_order_twice),
    ("order-after-restart", "the same order after a restart is carried out once", same_order_after_restart),
];

fn good_order(bench: &Bench<'_>) -> Verdict {
    for_each_order(bench, "no provider answers, or what the orders refer to was not done", |order| {
        let instance = bench.opened(&bench.host())?;
        let is_about_nothing = !is_there_what_it_refers_to(bench, &instance, order, bench.orders.len());
        // What that one asked for is not this one's asking.
        instance.host.forget();
        let outcome = submit(&instance, order);
        if !bench.has_provider() && instance.tried_io() {
            // Nobody was there to answer properly.
            return Ok(false);
        }
        let outcome = match outcome {
            // A capture of what was never authorized is no good order. That kinds are offered holds all the same.
            Err(failure) if is_about_nothing && !is_broken(&failure) && failure.code != "unsupported" => {
                return Ok(false);
            }
            outcome => outcome.map_err(|failure| failure.to_string())?,
        };
        match outcome {
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

/// Whether the order refers to none, or to one of these orders, which is given first and moves its money; and so that one, over
/// `links_max` at most: a refund of a capture of an authorization.
fn is_there_what_it_refers_to(bench: &Bench<'_>, instance: &Instance, order: &Order, links_max: usize) -> bool {
    let Some(key) = &order.refers_to else {
        return true;
    };
    let before = bench.orders.iter().find(|other| other.key == *key).filter(|_| links_max > 0);
    before.is_some_and(|before| {
        is_there_what_it_refers_to(bench, instance, before, links_max - 1)
            && matches!(submit(instance, before), Ok(Outcome::Settled { .. }))
    })
}

fn out_of_reach(bench: &Bench<'_>) -> Verdict {
    for_each_order(bench, "no order asks for anything", |order| {
        let io = [host_method::HTTP, host_method::STREAM_CONNECT];
        let tried = unreached(bench, order, &io, Instance::tried_io)?;
        let asked =
            unreached(bench, order, &["*"], |instance| instance.host.asked().iter().any(|asked| asked != "log"))?;
        Ok(tried || asked)
    })
}

/// Gives the order where these of the host's methods fail. What a rail can tell without any of them it may tell: that a token
/// is gone from the vault, or that the payer must act first.
fn unreached(
    bench: &Bench<'_>,
    order: &Order,
    methods: &[&str],
    is_tried: impl Fn(&Instance) -> bool,
) -> Result<bool, String> {
    let instance = bench.opened(&bench.host())?;
    let failing = |host: ScriptedHost, method: &&str| host.fails(method, unreachable());
    let _fails = methods.iter().fold(instance.host.clone(), failing);
    instance.host.forget();
    let outcome = submit(&instance, order);
    if !is_tried(&instance) {
        return Ok(false);
    }
    claims_nothing(outcome)?;
    Ok(true)
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
    for_each_order(bench, "no order asks a provider", |order| {
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

fn inquirable(bench: &Bench<'_>) -> Verdict {
    for_each_order(bench, "no order is inquirable", |order| {
        if !matches!(doubt(bench, order), Some(Doubt::Inquirable { .. })) {
            return Ok(false);
        }
        let instance = bench.opened(&bench.host())?;
        let _ = submit(&instance, order);
        match inquire(&instance, order) {
            Err(failure) if is_fallen(&failure) || failure.code == "unsupported" => Err(failure.to_string()),
            _ => Ok(true),
        }
    })
}

fn inquiry_out_of_reach(bench: &Bench<'_>) -> Verdict {
    for_each_order(bench, "no inquiry asks a provider", |order| {
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
    for_each_order(bench, NEVER_AGAIN, |order| twice(bench, order, |instance, _| Ok(instance)))
}

fn same_order_after_restart(bench: &Bench<'_>) -> Verdict {
    for_each_order(bench, NEVER_AGAIN, |order| {
        twice(bench, order, |instance, host| {
            drop(instance);
            bench.opened(host)
        })
    })
}

fn twice(
    bench: &Bench<'_>,
    order: &Order,
    between: impl Fn(Instance, &ScriptedHost) -> Result<Instance, String>,
) -> Result<bool, String> {
    if !may_come_again(bench, order) {
        // The host never sends such an order twice.
        return Ok(false);
    }
    let host = bench.host();
    let instance = bench.opened(&host)?;
    host.forget();
    let first = submit(&instance, order);
    if !bench.has_provider() && instance.tried_io() {
        return Ok(false);
    }
    let instance = between(instance, &host)?;
    let second = submit(&instance, order);
    done_once(bench, order, &instance.changing_requests())?;
    agree(&[first, second])?;
    Ok(true)
}
