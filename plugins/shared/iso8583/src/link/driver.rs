//! The link, made anew whenever it ends, for as long as the host is there.

use std::pin::pin;
use std::sync::Arc;

use futures_util::future::select;
use sportello_sdk::{Failure, Host, Level, Source, Stream};

use super::connection::{self, Outcome};
use super::session::{self, End, Session};
use super::{Link, Rules};
use crate::turn::turn;

/// The first pause before a link is made anew, and the longest, in milliseconds.
const PAUSE_FIRST_MS: u64 = 500;
const PAUSE_MAX_MS: u64 = 30_000;

/// The pause after a sign-on that was refused, or an address that is not granted: not before an operator has done
/// something.
const PAUSE_REFUSED_MS: u64 = 60_000;

/// How long the acquirer may take to answer a sign-off, in milliseconds.
const GOODBYE_MS: u64 = 1_000;

/// Keeps the link until the host goes away.
///
/// # Errors
/// When the host goes away.
pub(super) async fn run(link: &Link, host: &Host) -> Result<(), Failure> {
    let ended = keep(link, host).await;
    goodbye(link, host).await;
    ended
}

async fn keep(link: &Link, host: &Host) -> Result<(), Failure> {
    let options = link.options();
    let rules = Rules {
        dialect: options.dialect,
        message_len_max: options.message_len_max,
        echo_every_ms: options.echo_every_ms,
        answer_within_ms: options.answer_within_ms,
    };
    let mut tries = 0;
    loop {
        let pause = match host.connect(&options.address).await {
            Ok(stream) => {
                let stream = Arc::new(stream);
                let session = Session::new(rules, host.random(), host.now_ms());
                let outcome = connection::run(session, &stream, link, host).await?;
                closed(&stream, host).await;
                if outcome.was_steady {
                    tries = 0;
                }
                told(&outcome, host)
            }
            Err(failure) => {
                host.log(Level::Warn, format!("the acquirer cannot be reached: {}", failure.code));
                if failure.source == Source::Settings { Pause::Long } else { Pause::Growing }
            }
        };
        host.sleep(pause.ms(tries, host.random())).await?;
        turn().await;
        tries = tries.saturating_add(1);
    }
}

/// Ends a stream, and what was said last is written.
async fn closed(stream: &Stream, host: &Host) {
    select(pin!(stream.close(host)), pin!(host.sleep(GOODBYE_MS))).await;
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
    /// Between a half and the whole of what it is, so that many nodes do not come at once.
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
fn told(outcome: &Outcome, host: &Host) -> Pause {
    match &outcome.end {
        End::Refused(code) => {
            let what =
                format!("the acquirer refuses the sign-on with response code {code}; it is tried again in a minute");
            host.log(Level::Error, what);
            return Pause::Long;
        }
        End::Silent => host.log(Level::Warn, "the acquirer does not answer: the link is made anew"),
        End::Garbled => host.log(Level::Warn, "the acquirer said what is no ISO 8583: the link is made anew"),
        End::SignedOff => host.log(Level::Info, "the acquirer signed us off"),
        End::Lost => host.log(Level::Warn, "the connection to the acquirer broke"),
    }
    Pause::Growing
}

/// Signs off where we are signed on, as far as the host still lets us.
pub(super) async fn goodbye(link: &Link, host: &Host) {
    let stream = {
        let mut inner = link.inner();
        inner.up = None;
        inner.signed_on.take()
    };
    let Some(stream) = stream else { return };
    let octets = session::sign_off(&link.options().dialect, host.random(), host.now_ms());
    if stream.write(host, octets).await.is_err() {
        return;
    }
    let answered = async {
        let mut arrived = Vec::new();
        while let Ok(octets) = stream.read(host).await {
            if octets.is_empty() {
                return;
            }
            arrived.extend_from_slice(&octets);
            // Where a message begins is not known: the connection that was cut off may have had half of one.
            if arrived.windows(4).any(|window| window == b"0810") {
                return;
            }
            // Only the end can hold the beginning of it.
            arrived.drain(..arrived.len().saturating_sub(3));
        }
    };
    select(pin!(answered), pin!(host.sleep(GOODBYE_MS))).await;
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
        check(Pause::Growing, 6, 15_000..=30_000);
        check(Pause::Growing, u32::MAX, 15_000..=30_000);
        check(Pause::Long, 0, 60_000..=90_000);
    }
}
