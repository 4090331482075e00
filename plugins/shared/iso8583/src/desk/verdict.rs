//! From what was answered to what it means for an order.

use sportello_sdk::{Finality, Money, OrderKind, Outcome};

use super::record::{Heard, Sent};
use super::request::currency_code;
use super::response::{Elsewhere, Meaning, response};

/// How long an authorization holds, in milliseconds: the networks' seven days.
const AUTHORIZATION_MS: u64 = 7 * 24 * 3_600_000;

/// What came of an order at the desk.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// Its outcome.
    Told(Outcome),
    /// A soft decline: nothing moved, and the same order may be submitted again with [`Evidence`](super::Evidence).
    Authenticate {
        /// The response code.
        code: String,
        /// The same for a person to read.
        reason: String,
    },
}

impl Verdict {
    /// The outcome, for a rail that cannot authenticate the payer, or has done so in vain.
    pub fn outcome(self) -> Outcome {
        match self {
            Self::Told(outcome) => outcome,
            Self::Authenticate { code, reason } => Outcome::Declined { code, reason, elsewhere: true },
        }
    }
}

/// What the answer to `sent` means.
pub(super) fn verdict(sent: &Sent, heard: &Heard) -> Verdict {
    let Some(row) = response(&heard.code) else {
        return unknown(format!("the acquirer answered with {}, which nobody here knows", shown(&heard.code)));
    };
    let declined = |elsewhere| {
        Verdict::Told(Outcome::Declined { code: row.code.to_owned(), reason: row.sentence.to_owned(), elsewhere })
    };
    match row.meaning {
        Meaning::Approved | Meaning::ApprovedInPart => settled(sent, heard, row.meaning),
        Meaning::Authenticate if matches!(sent.kind, OrderKind::Authorize | OrderKind::Collect) => {
            Verdict::Authenticate { code: row.code.to_owned(), reason: row.sentence.to_owned() }
        }
        // An advice says what is so: it is repeated until that is taken.
        Meaning::TryLater if matches!(sent.kind, OrderKind::Capture | OrderKind::Void) => {
            unknown(format!("{} ({})", row.sentence, row.code))
        }
        Meaning::Authenticate | Meaning::TryLater => declined(true),
        Meaning::Declined(elsewhere) => declined(elsewhere == Elsewhere::Maybe),
        Meaning::PickUp => declined(false),
        // A capture of what the acquirer does not know as authorized took nothing; but one that was said before may have
        // taken all that was.
        Meaning::NoOriginal if sent.kind == OrderKind::Capture && !heard.of_repeat => declined(false),
        // The first time was carried out, and its answer was lost.
        Meaning::Duplicate if heard.of_repeat => settled(sent, heard, Meaning::Approved),
        Meaning::NoOriginal | Meaning::Duplicate | Meaning::Unclear => {
            unknown(format!("{} ({})", row.sentence, row.code))
        }
    }
}

impl Sent {
    /// What was answered to it, if that ended it.
    pub(super) fn end(&self) -> Option<Outcome> {
        let told = self.heard.as_ref().map(|heard| verdict(self, heard).outcome());
        told.filter(Outcome::is_final)
    }

    /// How much its answer approved, if it did.
    pub(super) fn approved(&self) -> Option<Money> {
        match self.end() {
            Some(Outcome::Settled { amount, .. }) => Some(amount),
            _ => None,
        }
    }

    /// Whether its answer was a soft decline, after which the order may be sent once more.
    pub(super) fn may_come_again(&self) -> bool {
        self.heard.as_ref().is_some_and(|heard| matches!(verdict(self, heard), Verdict::Authenticate { .. }))
    }

    /// Whether nothing moved by it, as its answer says.
    pub(super) fn is_declined(&self) -> bool {
        matches!(self.end(), Some(Outcome::Declined { .. }))
    }
}

fn settled(sent: &Sent, heard: &Heard, meaning: Meaning) -> Verdict {
    if heard.currency.is_some() && heard.currency != currency_code(sent.amount.currency()) {
        return unknown("the acquirer approved another currency".to_owned());
    }
    let whole = sent.amount.minor();
    let minor = match (meaning, heard.minor) {
        (Meaning::ApprovedInPart, _) if sent.kind == OrderKind::Void => {
            return unknown("the acquirer lets go of a part".to_owned());
        }
        (Meaning::ApprovedInPart, None) => return unknown("the acquirer approved a part, and not how much".to_owned()),
        (Meaning::ApprovedInPart, Some(minor)) if (1..=whole).contains(&minor) => minor,
        (Meaning::ApprovedInPart, Some(_)) => {
            return unknown("the acquirer approved more than was asked, or nothing".to_owned());
        }
        (_, Some(minor)) if minor != whole => {
            return unknown("the acquirer approved the whole, and names another amount".to_owned());
        }
        _ => whole,
    };
    let Ok(amount) = Money::new(minor, sent.amount.currency()) else {
        return unknown("the acquirer approved what is no amount".to_owned());
    };
    let holds = sent.kind == OrderKind::Authorize;
    Verdict::Told(Outcome::Settled {
        amount,
        reference: Some(sent.numbers.rrn.clone()),
        finality: match sent.kind {
            OrderKind::Collect | OrderKind::Capture => Finality::Captured,
            OrderKind::Void | OrderKind::Reverse => Finality::Final,
            _ => Finality::Accepted,
        },
        fees: None,
        reversible_until_ms: None,
        valid_until_ms: holds.then(|| heard.at_ms + AUTHORIZATION_MS),
    })
}

fn unknown(because: String) -> Verdict {
    Verdict::Told(Outcome::unknown(because))
}

/// A code that nobody knows, as it may be shown.
fn shown(code: &str) -> String {
    if code.is_empty() { "no response code".to_owned() } else { format!("response code {}", code.escape_default()) }
}

/// What the answer to a reversal means: only an acknowledgement ends anything. "No original" does not: messages cross, and
/// the original may still arrive and be approved.
pub(super) fn is_acknowledged(code: &str) -> bool {
    response(code).is_some_and(|row| matches!(row.meaning, Meaning::Approved | Meaning::Duplicate))
}

/// Whether a reversal that was answered so is neither taken nor refused.
pub(super) fn is_put_off(code: &str) -> bool {
    response(code).is_some_and(|row| row.meaning == Meaning::TryLater)
}
