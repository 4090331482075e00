//! What an operator says of an instance, and all that can be wrong with it.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;
use sportello_sdk::Secret;

use crate::attest::SLOTS_MAX;
use crate::breaker::BreakerLimits;
use crate::record::Recorder;
use crate::services::Services;
use crate::tls::TlsOptions;

/// The most calls at once that an instance can be given. Twice as many have room, and what is beside them.
pub const IN_FLIGHT_MAX: usize = 2000;
const _: () = assert!(2 * IN_FLIGHT_MAX + crate::running::SLOTS_BESIDE <= SLOTS_MAX);

/// An instance of a plugin, as the operator wants it.
#[derive(Clone)]
pub struct Spec {
    /// The instance's name in `gateway.toml`.
    pub instance: String,
    /// Its settings. Those that the manifest names as secrets are taken out of them.
    pub settings: Value,
    /// Its secrets. They win over those among the settings.
    pub secrets: BTreeMap<String, Secret>,
    /// The origins that it may reach, as far as its manifest asks for them: see [`Pattern`](crate::Pattern); and
    /// [`PAN_GRANT`](crate::PAN_GRANT), where it may see card numbers.
    pub grants: Vec<String>,
    /// Whom its connections trust, and as whom they show themselves.
    pub tls: TlsOptions,
    /// How much it is asked at once.
    pub limits: Limits,
    /// When it is left alone for a while.
    pub breaker: BreakerLimits,
    /// How long a call may take, where the caller says nothing else.
    pub deadline: Duration,
    /// How long a call that was given up may go on before the plugin counts as hanging.
    pub hang_grace: Duration,
    /// How long to wait before `run` is started again.
    pub backoff: Backoff,
    /// What it is recorded by, from its `open` on; nothing where it is not.
    pub recorder: Option<Arc<Recorder>>,
    /// What the program does for it.
    pub services: Arc<dyn Services>,
}

impl Spec {
    /// An instance with no settings, no grants, and the usual limits.
    pub fn new(instance: impl Into<String>, services: Arc<dyn Services>) -> Self {
        Self {
            instance: instance.into(),
            settings: Value::Object(serde_json::Map::new()),
            secrets: BTreeMap::new(),
            grants: Vec::new(),
            tls: TlsOptions::default(),
            limits: Limits::default(),
            breaker: BreakerLimits::default(),
            deadline: Duration::from_secs(10),
            hang_grace: Duration::from_secs(1),
            backoff: Backoff::default(),
            recorder: None,
            services,
        }
    }
}

/// How much an instance is asked at once: a flood of work for one plugin does not take what others need.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Calls at once, 1 to [`IN_FLIGHT_MAX`]. Webhooks have as many of their own: a provider that answers by webhook
    /// must get through while calls wait for it.
    pub in_flight: usize,
    /// Calls that wait for their turn, within their own deadline. What comes beyond is refused at once.
    pub waiting: usize,
    /// Calls a second, webhooks not counted; 0 for no limit.
    pub per_second: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Self { in_flight: 64, waiting: 1024, per_second: 0 }
    }
}

/// The pauses before `run` is started again: doubled each time, with up to half of it taken off at random so that
/// instances that fell together do not rise together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Backoff {
    /// The first pause.
    pub pause: Duration,
    /// The longest pause.
    pub pause_max: Duration,
    /// How long `run` must have lasted for the next pause to be the first again.
    pub steady_after: Duration,
}

impl Default for Backoff {
    fn default() -> Self {
        Self {
            pause: Duration::from_millis(200),
            pause_max: Duration::from_secs(30),
            steady_after: Duration::from_secs(60),
        }
    }
}

impl Backoff {
    /// The pause before try number `tries` (from 0), with `random` for the part at random.
    pub fn pause(&self, tries: u32, random: u64) -> Duration {
        let whole = self.pause.saturating_mul(1 << tries.min(20)).min(self.pause_max);
        let half = whole / 2;
        let spread_ns = u64::try_from(half.as_nanos()).unwrap_or(u64::MAX);
        half + Duration::from_nanos(random.checked_rem(spread_ns.saturating_add(1)).unwrap_or(0))
    }
}

/// One thing that is wrong with what an operator says of an instance.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SpecError {
    /// Where, as a JSON Pointer (RFC 6901) into the instance's table: `/settings/handle`, `/grants/0`.
    pub pointer: String,
    /// What is wrong, and what would be right.
    pub message: String,
}

/// All that is wrong with what an operator says of an instance.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub struct SpecErrors(pub Vec<SpecError>);

impl fmt::Display for SpecErrors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, SpecError { pointer, message }) in self.0.iter().enumerate() {
            let gap = if index == 0 { "" } else { "; " };
            write!(f, "{gap}`{}`: {message}", pointer.trim_start_matches('/').replace('/', "."))?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_up_to_their_end() {
        let backoff = Backoff {
            pause: Duration::from_millis(100),
            pause_max: Duration::from_millis(500),
            steady_after: Duration::from_secs(60),
        };
        let check = |tries: u32, random: u64, expected_ns: u64| {
            assert_eq!(backoff.pause(tries, random), Duration::from_nanos(expected_ns), "{tries} {random}");
        };
        check(0, 0, 50_000_000);
        check(0, 50_000_000, 100_000_000);
        check(1, 0, 100_000_000);
        check(2, 7, 200_000_007);
        check(3, 0, 250_000_000);
        check(u32::MAX, 250_000_000, 500_000_000);
    }
}
