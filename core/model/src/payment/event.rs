//! What happens to a payment.

use serde::{Deserialize, Serialize};

use super::{Plan, Side, Taker};
use crate::{Handle, Intent, Outcome};
use std::sync::Arc;

/// What happens to a payment, tagged by `event`. Events are facts: they are journalled, and replay to the same payment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum Event {
    /// It was wished for.
    Received {
        /// What was wished.
        intent: Arc<Intent>,
    },
    /// Somebody is asked for an account: to pay with, or to be paid on.
    Enrolling {
        /// Who.
        missing: Vec<Side>,
        /// When it ends, in milliseconds since 1970.
        expires_at_ms: u64,
        /// What showed already that the payer agreed: good for as long as what they pay with was known then.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        evidence: Option<Evidence>,
        /// How long before this the same had been asked for, in milliseconds, where that may be the same wish.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        again_after_ms: Option<u64>,
    },
    /// Somebody gave an account.
    Enrolled {
        /// Who.
        side: Side,
        /// The account.
        account: Handle,
        /// How a person recognises it.
        label: String,
    },
    /// The payer is asked for a code.
    Challenged {
        /// Which of the payment's challenges.
        number: u32,
        /// How many wrong codes are let pass.
        tries: u8,
        /// When it ends, in milliseconds since 1970.
        expires_at_ms: u64,
        /// How long before this the same had been asked for, in milliseconds, where that may be the same wish: then it is
        /// asked whether it is wanted again.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        again_after_ms: Option<u64>,
    },
    /// A wrong code came.
    WrongCode,
    /// The payer agreed.
    Confirmed {
        /// What shows it.
        evidence: Evidence,
    },
    /// The rails were chosen, and the first of them is to be asked.
    Routed {
        /// Which, and in which order.
        plan: Arc<Plan>,
    },
    /// No rail can carry it.
    Unroutable {
        /// Why.
        because: String,
    },
    /// From here on bytes may have left for the rail.
    Sent {
        /// The attempt.
        attempt: u32,
        /// The version that it is about to be given to.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        by: Option<Arc<Taker>>,
    },
    /// Another version was given the order than the one that was about to be: they changed places in that moment.
    Taken {
        /// The attempt.
        attempt: u32,
        /// The version.
        by: Arc<Taker>,
    },
    /// The host attests that no byte left.
    NotSent {
        /// The attempt.
        attempt: u32,
        /// What stood in the way.
        because: String,
    },
    /// The rail answered, to the order itself, to a question, or by itself.
    Answered {
        /// The attempt.
        attempt: u32,
        /// Whether it was the answer to a question, which then counts.
        #[serde(default)]
        asked: bool,
        /// What it said.
        outcome: Outcome,
    },
    /// An order in doubt is to be undone: from here on an approval of it settles nothing.
    Reversing {
        /// The attempt.
        attempt: u32,
    },
    /// The rail answered to the order that undoes another.
    ReversalAnswered {
        /// The attempt whose order is undone.
        attempt: u32,
        /// What it said.
        outcome: Outcome,
    },
    /// The rail has not answered for long to the order that undoes another. It is given on.
    ReversalDelayed {
        /// The attempt whose order is undone.
        attempt: u32,
        /// What stood in the way last.
        because: String,
    },
    /// It was called off.
    Cancelled {
        /// By whom.
        by: CancelledBy,
    },
    /// Nobody confirmed, or gave what was asked for, in time.
    Expired,
    /// A note could not be delivered yet: it is tried again, or another way.
    NoteDelayed {
        /// What it is about.
        about: super::About,
        /// Whom it is for.
        audience: super::Audience,
        /// What stood in the way.
        because: String,
    },
    /// A note that was delayed has been told.
    NoteTold {
        /// What it was about.
        about: super::About,
        /// Whom it was for.
        audience: super::Audience,
        /// The instance of the channel that carried it: not always the first that was tried.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        channel: Option<String>,
    },
    /// A note has reached its person, as the channel says.
    NoteDelivered {
        /// What it was about.
        about: super::About,
        /// Whom it was for.
        audience: super::Audience,
    },
    /// A note that the channel's provider had taken did not reach its person.
    NoteUndelivered {
        /// What it was about.
        about: super::About,
        /// Whom it was for.
        audience: super::Audience,
        /// What became of it.
        fate: crate::Fate,
        /// The provider's own word for it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        detail: Option<String>,
    },
    /// A note could not be delivered, and is given up.
    NoteFailed {
        /// What it was about.
        about: super::About,
        /// Whom it was for.
        audience: super::Audience,
        /// What stood in the way.
        because: String,
    },
}

impl Event {
    /// The event's name, as in JSON.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Received { .. } => "received",
            Self::Enrolling { .. } => "enrolling",
            Self::Enrolled { .. } => "enrolled",
            Self::Challenged { .. } => "challenged",
            Self::WrongCode => "wrong_code",
            Self::Confirmed { .. } => "confirmed",
            Self::Routed { .. } => "routed",
            Self::Unroutable { .. } => "unroutable",
            Self::Sent { .. } => "sent",
            Self::Taken { .. } => "taken",
            Self::NotSent { .. } => "not_sent",
            Self::Answered { .. } => "answered",
            Self::Reversing { .. } => "reversing",
            Self::ReversalAnswered { .. } => "reversal_answered",
            Self::ReversalDelayed { .. } => "reversal_delayed",
            Self::Cancelled { .. } => "cancelled",
            Self::Expired => "expired",
            Self::NoteDelayed { .. } => "note_delayed",
            Self::NoteTold { .. } => "note_told",
            Self::NoteDelivered { .. } => "note_delivered",
            Self::NoteUndelivered { .. } => "note_undelivered",
            Self::NoteFailed { .. } => "note_failed",
        }
    }
}

/// What shows that the payer agreed. None of these is strong customer authentication.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "evidence", rename_all = "snake_case")]
pub enum Evidence {
    /// The code that was sent to them in private came back.
    Code {
        /// Which of the payment's challenges it answered.
        challenge: u32,
    },
    /// The amount is at or below what the operator's policy lets pass without a code.
    BelowLimit,
    /// The owner of an API key, whose scopes allow it, says so.
    Attested {
        /// The key's name.
        key: String,
    },
}

/// Who called a payment off.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CancelledBy {
    /// The payer.
    Payer,
    /// The payee, who had asked for it.
    Payee,
    /// The message was edited, and what it says now is another payment.
    Edit,
    /// The message was deleted.
    Deletion,
    /// Too many wrong codes.
    WrongCodes,
    /// The owner of an API key.
    Api,
}
