//! The world as the engine sees it: passed in, so that it runs against plugins, or in a simulation with none.

use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use sportello_model::payment::Taker;
use sportello_model::{Inquiry, Note, Order, Outcome, Sent};
use sportello_sdk::Failure;

/// Rails and channels, by instance.
#[async_trait]
pub trait Ports: Send + Sync + 'static {
    /// Which version of a rail would be given this order now; nothing where nobody knows.
    async fn taker(&self, rail: &str, order: &Order) -> Option<Arc<Taker>> {
        let _ = (rail, order);
        None
    }

    /// Gives an order to a rail.
    async fn submit(&self, rail: &str, order: &Order) -> RailAnswer;

    /// Gives an order to a rail that was given it before, to learn what became of it: only where the rail as it is now
    /// knows it again for `for_ms` milliseconds. The host's failure where it does not: then this was no question.
    async fn submit_again(&self, rail: &str, order: &Order, for_ms: u64) -> RailAnswer {
        let _ = for_ms;
        self.submit(rail, order).await
    }

    /// Asks a rail what became of an order.
    async fn inquire(&self, rail: &str, inquiry: &Inquiry) -> Result<Outcome, Failure>;

    /// Gives a note to a channel.
    async fn send(&self, channel: &str, note: &Note) -> Result<Sent, Failure>;

    /// Starts work that will use these ports: whoever is behind them may know better than a plain task.
    fn start(&self, work: Pin<Box<dyn Future<Output = ()> + Send>>) {
        tokio::spawn(work);
    }
}

/// What came of giving an order to a rail.
#[derive(Debug, Clone)]
pub struct RailAnswer {
    /// What the host knows, and no plugin can say: whether a byte may have left for this order.
    pub may_have_left: bool,
    /// The version that was given it; nothing where none was, or nobody knows.
    pub by: Option<Arc<Taker>>,
    /// What the rail said.
    pub result: Result<Outcome, Failure>,
}

/// Time.
#[async_trait]
pub trait Clock: Send + Sync + 'static {
    /// Now, in milliseconds since 1970.
    fn now_ms(&self) -> u64;

    /// Returns at this time, in milliseconds since 1970, or somewhat later.
    async fn sleep_until(&self, at_ms: u64);
}

/// Randomness.
pub trait Entropy: Send + Sync + 'static {
    /// 64 random bits, which nobody can foresee.
    fn random(&self) -> u64;
}

/// How long is slept without looking at the clock.
const SLEEP_MAX: Duration = Duration::from_secs(30);

/// The machine's clock.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

#[async_trait]
impl Clock for SystemClock {
    fn now_ms(&self) -> u64 {
        let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
        u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
    }

    async fn sleep_until(&self, at_ms: u64) {
        // In short sleeps: the machine's time may be set while this waits, and then tells when it is over.
        loop {
            let left = Duration::from_millis(at_ms.saturating_sub(self.now_ms()));
            if left.is_zero() {
                return;
            }
            tokio::time::sleep(left.min(SLEEP_MAX)).await;
        }
    }
}
