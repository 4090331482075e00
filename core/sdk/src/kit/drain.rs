//! The end in the middle of things.

use bytes::Bytes;
use futures_util::future::{Either, join, join_all, select};

use super::bench::{Bench, result_of};
use super::deed::is_broken;
use super::{BenchCheck, Verdict, tried};
use crate::frames::{host_method, plugin_method};
use crate::testing::{block_on, poll_once};

pub(super) const CHECKS: &[BenchCheck] =
    &[("close-in-flight", "closed in the middle of calls, every one of them ends", in_flight)];

/// What the calls wait for when it is closed.
const HELD: [&str; 4] = [host_method::HTTP, host_method::SECRET, host_method::STORE_GET, host_method::STREAM_CONNECT];

fn in_flight(bench: &Bench<'_>) -> Verdict {
    let mut waited = 0;
    for (method, params) in bench.work()? {
        for held in HELD {
            let host = bench.host();
            let instance = bench.opened(&host)?;
            let _holds = host.clone().holds(held);
            let begun = (0..3).map(|_| instance.begin(method, &params)).collect::<Result<Vec<_>, _>>()?;
            // They run until one of them waits, or all are over without having asked for this.
            let calls = match block_on(async { select(join_all(begun), Box::pin(host.until_held(1))).await }) {
                Either::Left((_, _)) => continue,
                Either::Right(((), calls)) => calls,
            };
            let mut close = instance.begin(plugin_method::CLOSE, &())?;
            // It may want to wait for them: so they are let go once it has begun.
            let ended = poll_once(std::pin::Pin::new(&mut close));
            host.lets_go();
            let (closed, replies) = match ended {
                std::task::Poll::Ready(closed) => (closed, block_on(calls)),
                std::task::Poll::Pending => block_on(join(close, calls)),
            };
            let closed = result_of(plugin_method::CLOSE, closed);
            for answered in replies.into_iter().map(|reply| result_of(method, reply)).chain([closed]) {
                if let Err(failure) = answered
                    && is_broken(&failure)
                {
                    return Err(format!("`{method}`, closed while it waited for `{held}`: {failure}"));
                }
            }
            let frame = serde_json::to_vec(&host.frame(&params)).map_err(|error| error.to_string())?;
            if instance.call(method, frame.into(), Bytes::new()).is_ok() {
                return Err(format!("`{method}` was answered after `close`"));
            }
            waited += 1;
        }
    }
    tried(waited, "closes")
}
