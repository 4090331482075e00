//! All links of an instance, each made anew when it ends, for as long as the host is there.

use std::sync::Arc;

use futures_util::future::{Either, select, try_join_all};
use sportello_sdk::{Failure, Host, Level, Source, Stream};

use crate::Shared;
use crate::link::{End, Link};
use crate::pdu::{self, Header, Role};
use crate::session::{self, Outcome};
use crate::status::{self, Class};

/// The first pause before a link is made anew, and the longest, in milliseconds.
const PAUSE_FIRST_MS: u64 = 500;
const PAUSE_MAX_MS: u64 = 30_000;

/// The pause after a bind that was refused for good, or an address that is not granted: not before an operator has done
/// something, and an SMSC locks out who tries too often.
const PAUSE_REFUSED_MS: u64 = 60_000;

/// How long the SMSC may take to answer a goodbye, in milliseconds.
const GOODBYE_MS: u64 = 1_000;

/// Keeps all links until the host goes away.
///
/// # Errors
/// When the host goes away.
pub(crate) async fn run(shared: &Shared, host: &Host) -> Result<(), Failure> {
    let links = shared.links.iter().enumerate().map(|(at, (address, role))| keep(at, address, *role, shared, host));
    let links = std::pin::pin!(try_join_all(links));
    let sweep = std::pin::pin!(shared.inbox.assembly.sweep(host));
    let ended = match select(links, sweep).await {
        Either::Left((links, _)) => links.map(|_| ()),
        Either::Right((sweep, _)) => sweep,
    };
    goodbye(shared, host).await;
    ended
}

/// Keeps one link.
async fn keep(at: usize, address: &str, role: Role, shared: &Shared, host: &Host) -> Result<(), Failure> {
    let mut tries = 0;
    loop {
        let pause = match host.connect(address).await {
            Ok(stream) => {
                let link = Link::new(role, &shared.bind, shared.limits, host.now_ms());
                let stream = Arc::new(stream);
                let outcome = session::run(link, at, &stream, shared, host).await?;
                closed(&stream, host).await;
                if outcome.was_steady {
                    tries = 0;
                }
                told(outcome, host)
            }
            Err(failure) => {
                host.log(Level::Warn, format!("the SMSC cannot be reached: {}", failure.code));
                if failure.source == Source::Settings { Pause::Long } else { Pause::Growing }
            }
        };
        host.sleep(pause.ms(tries, host.random())).await?;
        tries = tries.saturating_add(1);
    }
}

/// Ends a stream, and what was said last is written: a stream that is only let go of throws it away, and the SMSC would
/// not learn why.
async fn closed(stream: &Stream, host: &Host) {
    select(std::pin::pin!(stream.close(host)), std::pin::pin!(host.sleep(GOODBYE_MS))).await;
}

/// How long until the next try.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Pause {
    /// It doubles from try to try.
    Growing,
    /// A minute, and up to a half more.
    Long,
}

impl Pause {
    /// Between a half and the whole of what it is, so that many links do not come at once.
    fn ms(self, tries: u32, random: u64) -> u64 {
        match self {
            Self::Growing => {
                let whole_ms = PAUSE_FIRST_MS.saturating_mul(1 << tries.min(16)).min(PAUSE_MAX_MS);
                whole_ms / 2 + random % (whole_ms / 2 + 1)
            }
            Self::Long => PAUSE_REFUSED_MS + random % (PAUSE_REFUSED_MS / 2),
        }
    }
}

/// Tells the operator why a link ended, and how long to wait.
fn told(outcome: Outcome, host: &Host) -> Pause {
    match outcome.end {
        End::Refused(status) if status::class(status) == Class::Lasting => {
            let what = format!("the SMSC refuses the bind: {}; it is tried again in a minute", status::name(status));
            host.log(Level::Error, what);
            return Pause::Long;
        }
        End::Refused(status) => {
            host.log(Level::Warn, format!("the SMSC does not take the bind: {}", status::name(status)));
        }
        End::Silent => host.log(Level::Warn, "the SMSC does not answer: the link is made anew"),
        End::Garbled => host.log(Level::Warn, "the SMSC said what is no SMPP: the link is made anew"),
        End::Unbound => host.log(Level::Info, "the SMSC said goodbye"),
        End::Lost => host.log(Level::Warn, "the connection to the SMSC broke"),
    }
    Pause::Growing
}

/// Says goodbye on all links that are left, as far as the host still lets us.
pub(crate) async fn goodbye(shared: &Shared, host: &Host) {
    let streams = shared.take_open();
    futures_util::future::join_all(streams.iter().map(|stream| unbind(stream, host))).await;
}

/// Nothing is read of what comes besides the answer: what is not acknowledged is delivered again.
async fn unbind(stream: &Stream, host: &Host) {
    let mut octets = bytes::BytesMut::new();
    let command = rusmpp_core::CommandId::Unbind;
    // Beyond all that the link has counted so far.
    pdu::write(Header { command, status: status::ROK, sequence: 0x7fff_ffff }, b"", &mut octets);
    if stream.write(host, octets.freeze()).await.is_err() {
        return;
    }
    let answered = async {
        let mut arrived = bytes::BytesMut::new();
        while let Ok(octets) = stream.read(host).await {
            if octets.is_empty() {
                return;
            }
            arrived.extend_from_slice(&octets);
            // Where the first octet is that begins a PDU is not known: the link that was cut off may have had half of one.
            let answer = command.matching_response();
            let ends_so = |window: &[u8]| window == u32::from(answer).to_be_bytes();
            if arrived.windows(4).any(ends_so) {
                return;
            }
            // Only the end can hold the beginning of it.
            let _ = arrived.split_to(arrived.len().saturating_sub(3));
        }
    };
    select(std::pin::pin!(answered), std::pin::pin!(host.sleep(GOODBYE_MS))).await;
    // Whoever has closed it by now needs no word.
    let _ = stream.close(host).await;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses() {
        let check = |pause: Pause, tries: u32, expected: std::ops::RangeInclusive<u64>| {
            for random in [0, 1, 77_777, u64::MAX] {
                assert!(expected.contains(&pause.ms(tries, random)), "{pause:?} {tries}");
            }
        };
        check(Pause::Growing, 0, 250..=500);
        check(Pause::Growing, 1, 500..=1000);
        check(Pause::Growing, 5, 8000..=16_000);
        check(Pause::Growing, 6, 15_000..=30_000);
        check(Pause::Growing, u32::MAX, 15_000..=30_000);
        // Never faster than a minute.
        check(Pause::Long, 0, 60_000..=90_000);
    }
}
