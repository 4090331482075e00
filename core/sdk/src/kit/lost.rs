//! Answers that never come, time that runs out in the middle, and the same order at a time.

use futures_util::future::join_all;

use super::bench::{Bench, Instance, result_of};
use super::deed::{
    NEVER_AGAIN, agree, claims_nothing, done_once, for_each_order, inquire, is_broken, may_come_again, submit,
};
use super::{BenchCheck, Verdict};
use crate::frames::{host_method, plugin_method};
use crate::testing::block_on;
use crate::{Failure, Order, Outcome};

pub(super) const CHECKS: &[BenchCheck] = &[
    ("order-at-once", "the same order four times at once is carried out once", at_once),
    ("order-answer-lost", "an order whose answer is lost is in doubt, and carried out once", answer_lost),
    ("order-time-out", "an order whose time runs out, at whichever step, is in doubt", time_out),
];

/// How many of the host's calls an order's time runs out at, one after the other.
const STEPS_MAX: usize = 64;

fn at_once(bench: &Bench<'_>) -> Verdict {
    for_each_order(bench, NEVER_AGAIN, |order| {
        if !may_come_again(bench, order) {
            return Ok(false);
        }
        let host = bench.host().in_turns();
        let instance = bench.opened(&host)?;
        host.forget();
        let calls = (0..4).map(|_| instance.begin(plugin_method::SUBMIT, order)).collect::<Result<Vec<_>, _>>()?;
        let answers: Vec<Result<Outcome, Failure>> =
            block_on(join_all(calls)).into_iter().map(|reply| outcome_of(result_of("submit", reply)?)).collect();
        if !bench.has_provider() && instance.tried_io() {
            return Ok(false);
        }
        if let Some(failure) = answers.iter().filter_map(|answer| answer.as_ref().err()).find(|f| is_broken(f)) {
            return Err(failure.to_string());
        }
        done_once(bench, order, &instance.changing_requests())?;
        agree(&answers)?;
        Ok(true)
    })
}

fn outcome_of(reply: crate::frames::Reply) -> Result<Outcome, Failure> {
    serde_json::from_slice(&reply.frame)
        .map_err(|error| Failure::new(crate::Source::Plugin, "bad_answer", error.to_string()))
}

/// The provider does the work, and nobody hears of it.
fn answer_lost(bench: &Bench<'_>) -> Verdict {
    for_each_order(bench, "no provider answers, or no order changes anything there", |order| {
        let host = bench.host();
        let instance = bench.opened(&host)?;
        host.forget();
        let _loses = host.clone().loses_answers(true);
        let outcome = submit(&instance, order);
        let _hears = host.clone().loses_answers(false);
        if !bench.has_provider() || instance.changing_requests().is_empty() {
            return Ok(false);
        }
        claims_nothing(outcome)?;
        // Whoever asks now, or gives the order again, must not make it worse.
        if let Ok(declined @ Outcome::Declined { .. }) = inquire(&instance, order) {
            return Err(format!("the provider had done it, and asked about it the rail said {declined:?}"));
        }
        if may_come_again(bench, order) {
            let answers = [submit(&instance, order), submit(&bench.opened(&host)?, order)];
            done_once(bench, order, &instance.changing_requests())?;
            agree(&answers)?;
        }
        Ok(true)
    })
}

/// What an order does where nothing goes wrong.
struct Undisturbed {
    steps: Vec<String>,
    /// The last of the steps that may have changed something.
    last_change: Option<usize>,
    outcome: Result<Outcome, Failure>,
}

impl Undisturbed {
    fn of(bench: &Bench<'_>, order: &Order) -> Result<Self, String> {
        let instance = bench.opened(&bench.host())?;
        instance.host.forget();
        let outcome = submit(&instance, order);
        Ok(Self { steps: instance.host.asked(), last_change: last_change(&instance), outcome })
    }
}

/// Which of the host's calls was the last that may have changed something at the provider.
pub(super) fn last_change(instance: &Instance) -> Option<usize> {
    let requests = instance.host.requests();
    let mut changes = requests.iter().map(|request| !matches!(request.head.method.as_str(), "GET" | "HEAD"));
    let changed = |(at, method): (usize, &String)| match method.as_str() {
        host_method::HTTP => changes.next().unwrap_or(false).then_some(at),
        host_method::STREAM_WRITE => Some(at),
        _ => None,
    };
    instance.host.asked().iter().enumerate().filter_map(changed).last()
}

fn time_out(bench: &Bench<'_>) -> Verdict {
    for_each_order(bench, "no order asks for anything", |order| {
        let undisturbed = Undisturbed::of(bench, order)?;
        for (step, method) in undisturbed.steps.iter().enumerate().take(STEPS_MAX) {
            let host = bench.host();
            let instance = bench.opened(&host)?;
            host.forget();
            let _ends = host.clone().time_ends_after(Some(step));
            let outcome = submit(&instance, order);
            let _goes_on = host.clone().time_ends_after(None);
            // What was heard before time ran out may be told.
            let is_known = undisturbed.last_change.is_some_and(|last| step > last)
                && outcome.is_ok()
                && outcome == undisturbed.outcome;
            if !is_known {
                claims_nothing(outcome).map_err(|why| format!("at `{method}`, call {step} of the host's: {why}"))?;
            }
            if may_come_again(bench, order) {
                match submit(&instance, order) {
                    Err(failure) if is_broken(&failure) => return Err(format!("afterwards: {failure}")),
                    _ => done_once(bench, order, &instance.changing_requests())?,
                }
            }
        }
        Ok(!undisturbed.steps.is_empty())
    })
}
