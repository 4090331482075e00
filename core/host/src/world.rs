//! All that an instance has of the world: its clock, secrets, grants, the calls it is in, and the services behind them.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use sportello_sdk::Secret;
use tokio::runtime::Handle;
use tokio::time::Instant;

use crate::attest::Calls;
use crate::denied::Denied;
use crate::dial::Lookups;
use crate::grants::Grants;
use crate::http::Answers;
use crate::rate::Rate;
use crate::services::Services;
use crate::streams::Streams;
use crate::tls::Tls;

/// Shared by the host's side and the plugin's side of one instance. It knows nothing of the plugin itself, so that
/// neither keeps the other alive for ever.
pub(crate) struct World {
    pub(crate) instance: Arc<str>,
    pub(crate) services: Arc<dyn Services>,
    pub(crate) runtime: Handle,
    pub(crate) calls: Calls,
    pub(crate) secrets: BTreeMap<String, Secret>,
    pub(crate) grants: Grants,
    /// Whether it may see card numbers, and what payers hand over.
    pub(crate) sees_pan: bool,
    pub(crate) tls: Tls,
    pub(crate) answers: Answers,
    pub(crate) lookups: Arc<Lookups>,
    pub(crate) streams: Streams,
    /// How many log lines a second.
    pub(crate) log_lines: Rate,
    pub(crate) denied: Denied,
    pub(crate) clock: Clock,
}

/// A clock that starts with the instance and never goes back.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Clock(Instant);

impl Clock {
    pub(crate) fn start() -> Self {
        Self(Instant::now())
    }

    /// Nanoseconds since the start: enough for 584 years.
    pub(crate) fn now_ns(self) -> u64 {
        u64::try_from(self.0.elapsed().as_nanos()).unwrap_or(u64::MAX)
    }

    /// The instant that is `at_ns`; a century from now where no clock goes that far.
    pub(crate) fn at(self, at_ns: u64) -> Instant {
        let century = Duration::from_secs(100 * 365 * 24 * 3600);
        self.0 + Duration::from_nanos(at_ns).min(century)
    }

    /// How long it is from now until `at_ns`; nothing for never.
    pub(crate) fn until(self, at_ns: u64) -> Option<Duration> {
        (at_ns != u64::MAX).then(|| Duration::from_nanos(at_ns.saturating_sub(self.now_ns())))
    }
}
