//! What a rail does for the authentication of its payers.

use async_trait::async_trait;
use sportello_sdk::{Card, Failure, Host, Order, Outcome};

use crate::Evidence;

/// What an order's message says of its payer.
#[derive(Clone, PartialEq, Eq)]
pub enum Shown {
    /// Nothing: they were not authenticated, or could not be.
    Nothing,
    /// What the card's bank says for them.
    Evidence(Evidence),
    /// That so little is asked for without it (Delegated Regulation (EU) 2018/389, article 16).
    LowValue,
}

/// What came of an order that was sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Charged {
    /// Its outcome.
    Told(Outcome),
    /// A soft decline, durably known: nothing moved, and the same order may be sent once more, with evidence.
    Authenticate {
        /// The response code.
        code: String,
        /// The same for a person to read.
        reason: String,
    },
}

/// A rail that charges cards.
#[async_trait]
pub trait Till: Send + Sync {
    /// The card of an order's payer. It is asked for again at each step, and kept by nobody here.
    ///
    /// # Errors
    /// When there is none, or none any more.
    async fn card(&self, order: &Order, host: &Host) -> Result<Card, Failure>;

    /// Sends the order: at most once, however often it is asked, and once more with evidence after a soft decline. Asked
    /// again, it tells what was answered.
    ///
    /// # Errors
    /// When nothing was sent.
    async fn charge(&self, order: &Order, shown: Shown, host: &Host) -> Result<Charged, Failure>;

    /// What came of the order, where it was sent; nothing where it was not. A soft decline is a decline.
    ///
    /// # Errors
    /// When the store cannot be asked.
    async fn recorded(&self, order: &Order, host: &Host) -> Result<Option<Outcome>, Failure>;

    /// The payer of this order was refused, durably, and the order is never sent: whatever is kept to charge it may go. It
    /// may be told again.
    async fn refused(&self, order: &Order, host: &Host) {
        let _ = (order, host);
    }
}

impl Charged {
    /// The outcome, for whoever cannot authenticate the payer, or has done so in vain.
    pub fn outcome(self) -> Outcome {
        match self {
            Self::Told(outcome) => outcome,
            Self::Authenticate { code, reason } => Outcome::Declined { code, reason, elsewhere: true },
        }
    }
}
