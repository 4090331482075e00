//! Calls given up, the end, and many calls.

use futures_util::future::{Either, select};
use serde_json::Value;

use super::bench::Bench;
use super::deed::is_fallen;
use super::{BenchCheck, Verdict, apart, held, tried};
use crate::frames::{host_method, plugin_method};
use crate::testing::block_on;

pub(super) const CHECKS: &[BenchCheck] = &[
    ("call-given-up", "a call given up leaves the plugin usable", given_up),
    ("run-ends", "`run` ends when the host goes away", run_ends),
    ("close-final", "it closes, and stays closed", closes),
    ("calls-leave-nothing", "thousands of calls leave nothing behind", many_calls),
];

/// From so many calls on, memory may grow by a tenth and no more, whoever shares it.
const CALLS_TELLING: usize = 50_000;
/// By fewer calls the memory of a process of the plugin's own may grow by a twentieth. A library that keeps nothing
/// grows by some 20 KiB there, of 20 MiB, and one that keeps a KiB of each of 2,000 calls by 2,000 KiB: the bound lies
/// between. An engine that compiles, as Node's, goes on growing by a fortieth of its 50 MiB.
const GROWTH_PART: u64 = 20;
/// How much memory that other tests share may grow by fewer calls, in bytes: whose it is cannot be told there.
const GROWTH_SHARED_MAX: u64 = 32 << 20;
/// So many calls go before those that are measured there, at least: what a runtime takes for itself it has taken by
/// then.
const CALLS_BEFORE_MIN: usize = 1_000;
/// How the keys of these calls begin.
const KEY: &str = "kit-load-";

fn given_up(bench: &Bench<'_>) -> Verdict {
    let mut waited = 0;
    for (method, params) in bench.work()? {
        let host = bench.host();
        let instance = bench.opened(&host)?;
        let mut held = 0;
        // Given up where it waits for its provider, however it speaks with it.
        for waits_for in [host_method::HTTP, host_method::STREAM_CONNECT, host_method::STREAM_READ] {
            let host = host.clone().holds(waits_for);
            let call = instance.begin(method, &params)?;
            let given_up = block_on(async { select(call, Box::pin(host.until_held(held + 1))).await });
            held += usize::from(matches!(given_up, Either::Right(_)));
            drop(given_up);
            host.lets_go();
        }
        waited += held;
        if let Err(failure) = instance.tell::<Value>(method, &params)
            && (is_fallen(&failure) || failure.code == "not_open")
        {
            return Err(format!("`{method}` afterwards: {failure}"));
        }
    }
    tried(waited, "calls")
}

fn run_ends(bench: &Bench<'_>) -> Verdict {
    let host = bench.host();
    let instance = bench.opened(&host)?;
    let host = host.clone().ends_at_ms(host.clock_ms() + 3_600_000);
    // A `run` that asks on and on would never give this thread back: past these it is left waiting, and found out.
    let _bounded = host.clone().asked_max(100_000);
    match instance.tell::<Value>(plugin_method::RUN, &()) {
        Err(failure) if is_fallen(&failure) => Err(failure.message),
        _ => held(""),
    }
}

fn closes(bench: &Bench<'_>) -> Verdict {
    let instance = bench.opened(&bench.host())?;
    instance.tell::<Value>(plugin_method::CLOSE, &()).map_err(|failure| format!("`close`: {failure}"))?;
    for (method, params) in bench.work()? {
        match instance.tell::<Value>(method, &params) {
            Ok(_) => return Err(format!("`{method}` was answered after `close`")),
            Err(failure) if is_fallen(&failure) => return Err(failure.message),
            Err(_) => {}
        }
    }
    held("")
}

/// Each call is another order or note, so that what is kept for each of them shows.
fn many_calls(bench: &Bench<'_>) -> Verdict {
    let Some((method, params)) = bench.work()?.into_iter().next() else {
        return apart("nothing to do");
    };
    let host = bench.host();
    let instance = bench.opened(&host)?;
    let go = |from: usize, calls: usize| -> Result<(), String> {
        for at in from..from + calls {
            let mut params = params.clone();
            if let Some(key) = params.get_mut("key") {
                *key = format!("{KEY}{at}").into();
            }
            if let Err(failure) = instance.tell::<Value>(method, &params)
                && is_fallen(&failure)
            {
                return Err(format!("call {at}: {failure}"));
            }
            if at % 100 == 0 {
                host.forget();
                // What the plugin stores is the host's, and here it is in the memory that is measured.
                host.forget_stored(|name| name.contains(KEY));
            }
        }
        host.forget();
        Ok(())
    };
    let calls = bench.options.calls;
    let calls_before = if bench.is_alone() { CALLS_BEFORE_MIN.max(calls / 4) } else { calls / 4 };
    go(0, calls_before)?;
    let before = bench.resident();
    go(calls_before, calls)?;
    let (Some(before), Some(after)) = (before, bench.resident()) else {
        return apart(format!("{calls} calls; their memory is not measured here"));
    };
    let grown = after.saturating_sub(before);
    let grown_max = match (calls < CALLS_TELLING, bench.is_alone()) {
        (false, _) => before / 10,
        (true, true) => before / GROWTH_PART,
        (true, false) => GROWTH_SHARED_MAX,
    };
    if grown > grown_max {
        return Err(format!("from {} KiB it grew by {} KiB over {calls} calls", before >> 10, grown >> 10));
    }
    held(format!("{calls} calls, from {} KiB by {} KiB", before >> 10, grown >> 10))
}
