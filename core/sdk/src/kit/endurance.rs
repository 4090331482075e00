//! Calls given up, the end, and many calls.

use std::pin::pin;

use bytes::Bytes;
use serde_json::Value;

use super::bench::Bench;
use super::{BenchCheck, Verdict};
use crate::frames::plugin_method;
use crate::testing::poll_once;

pub(super) const CHECKS: &[BenchCheck] = &[
    ("a call given up leaves the plugin usable", given_up),
    ("`run` ends when the host goes away", run_ends),
    ("it closes, and stays closed", closes),
    ("thousands of calls leave nothing behind", many_calls),
];

/// How many calls of each kind of work are made to see whether something grows.
const CALLS: usize = 2_000;
/// How much the process may grow meanwhile, in bytes: other tests may run in it.
const GROWTH_MAX: usize = 32 << 20;

fn given_up(bench: &Bench<'_>) -> Verdict {
    let mut waited = 0;
    for (method, params) in bench.work()? {
        let host = bench.host();
        let instance = bench.opened(&host)?;
        let _hangs = host.clone().on_http_hang("*", "*");
        let frame = serde_json::to_vec(&host.frame(&params)).map_err(|error| error.to_string())?;
        {
            let mut call = pin!(instance.plugin.call(0, method, frame.into(), Bytes::new()));
            waited += usize::from(poll_once(call.as_mut()).is_pending());
        }
        let _answers = bench.with_provider(host);
        if let Err(failure) = instance.tell::<Value>(method, &params)
            && matches!(failure.code.as_str(), "panicked" | "not_open")
        {
            return Err(format!("`{method}` afterwards: {failure}"));
        }
    }
    Ok(format!("{waited} calls"))
}

fn run_ends(bench: &Bench<'_>) -> Verdict {
    let host = bench.host();
    let instance = bench.opened(&host)?;
    let host = host.clone().ends_at_ms(host.clock_ms() + 3_600_000);
    // A `run` that asks on and on would never give this thread back: past these it is left waiting, and found out.
    let _bounded = host.clone().asked_max(100_000);
    match instance.tell::<Value>(plugin_method::RUN, &()) {
        Err(failure) if failure.code == "panicked" => Err(failure.message),
        _ => Ok(String::new()),
    }
}

fn closes(bench: &Bench<'_>) -> Verdict {
    let instance = bench.opened(&bench.host())?;
    instance.tell::<Value>(plugin_method::CLOSE, &()).map_err(|failure| format!("`close`: {failure}"))?;
    for (method, params) in bench.work()? {
        match instance.tell::<Value>(method, &params) {
            Ok(_) => return Err(format!("`{method}` was answered after `close`")),
            Err(failure) if failure.code == "panicked" => return Err(failure.message),
            Err(_) => {}
        }
    }
    Ok(String::new())
}

fn many_calls(bench: &Bench<'_>) -> Verdict {
    let Some((method, params)) = bench.work()?.into_iter().next() else {
        return Ok("nothing to do".to_owned());
    };
    let host = bench.host();
    let instance = bench.opened(&host)?;
    let go = |calls: usize| {
        for at in 0..calls {
            let _ = instance.tell::<Value>(method, &params);
            if at % 100 == 0 {
                host.forget();
            }
        }
        host.forget();
    };
    go(CALLS / 4);
    let before = resident();
    go(CALLS);
    match (before, resident()) {
        (Some(before), Some(after)) if after.saturating_sub(before) > GROWTH_MAX => {
            Err(format!("the process grew by {} KiB over {CALLS} calls", (after - before) >> 10))
        }
        (Some(_), Some(_)) => Ok(format!("{CALLS} calls")),
        _ => Ok(format!("{CALLS} calls; their memory is not measured here")),
    }
}

/// The memory of this process that is resident, in bytes, where the system tells: `/proc/self/statm` counts pages.
fn resident() -> Option<usize> {
    let statm = std::fs::read_to_string("/proc/self/statm").ok()?;
    let pages: usize = statm.split_ascii_whitespace().nth(1)?.parse().ok()?;
    pages.checked_mul(4096)
}
