//! What is to be done outside because of an event. Stored in the same commit; done afterwards, and again after a crash.

use serde::{Deserialize, Serialize};

/// Something to do outside, tagged by `effect`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "effect", rename_all = "snake_case")]
pub enum Effect {
    /// Give the attempt's order to its rail.
    Submit {
        /// The attempt.
        attempt: u32,
        /// How long to wait first, in milliseconds.
        after_ms: u64,
    },
    /// Find out what became of the attempt's order: by a question, or by the same order under the same key, as the rail
    /// allows.
    Ask {
        /// The attempt.
        attempt: u32,
        /// After how many times that the order was given again once the payer had acted: what is asked of an earlier time is
        /// not asked any more.
        #[serde(default, skip_serializing_if = "super::attempt::never")]
        round: u32,
        /// How long to wait first, in milliseconds.
        after_ms: u64,
    },
    /// Undo the attempt's order, whose outcome is in doubt.
    Reverse {
        /// The attempt.
        attempt: u32,
        /// How long to wait first, in milliseconds.
        after_ms: u64,
    },
    /// End the wait for an account.
    EndEnrolment {
        /// How long to wait first, in milliseconds.
        after_ms: u64,
    },
    /// End the challenge that nobody answered.
    Expire {
        /// Which of the payment's challenges.
        challenge: u32,
        /// How long to wait first, in milliseconds.
        after_ms: u64,
    },
    /// Tell somebody.
    Note {
        /// Whom.
        audience: Audience,
        /// What about.
        about: About,
    },
}

impl Effect {
    /// How long to wait before it is done, in milliseconds.
    pub fn after_ms(&self) -> u64 {
        match self {
            Self::Submit { after_ms, .. }
            | Self::Ask { after_ms, .. }
            | Self::Reverse { after_ms, .. }
            | Self::EndEnrolment { after_ms }
            | Self::Expire { after_ms, .. } => *after_ms,
            Self::Note { .. } => 0,
        }
    }
}

/// Whom a note is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Audience {
    /// The payer, in private.
    Payer,
    /// The payee, in private.
    Payee,
    /// Whoever reads the message that began it. Never an amount, a code or a reason.
    Public,
}

/// What a note is about, tagged by `about`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "about", rename_all = "snake_case")]
pub enum About {
    /// An account is asked for: to pay with, or to be paid on.
    Enrol,
    /// A code is asked for.
    Challenge {
        /// Which of the payment's challenges.
        number: u32,
        /// How long before this the same had been asked for, in milliseconds, where it is asked whether it is wanted
        /// again.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        again_after_ms: Option<u64>,
    },
    /// The code was wrong.
    WrongCode {
        /// How many tries are left.
        tries_left: u8,
    },
    /// The money has arrived.
    Completed,
    /// No rail moved the money.
    Declined {
        /// Why, in the rail's words.
        reason: String,
    },
    /// Called off.
    Cancelled {
        /// By whom.
        by: super::CancelledBy,
    },
    /// Nobody confirmed, or gave what was asked for, in time.
    Expired,
    /// The rail has it in hand, and it takes its time.
    Pending,
    /// The payer must do something first.
    ActionRequired {
        /// Where.
        url: String,
    },
    /// The payer has the money back.
    Returned,
    /// An operator is looking at it.
    InReview,
}

impl About {
    /// What it is about in a word, as in JSON.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Enrol => "enrol",
            Self::Challenge { .. } => "challenge",
            Self::WrongCode { .. } => "wrong_code",
            Self::Completed => "completed",
            Self::Declined { .. } => "declined",
            Self::Cancelled { .. } => "cancelled",
            Self::Expired => "expired",
            Self::Pending => "pending",
            Self::ActionRequired { .. } => "action_required",
            Self::Returned => "returned",
            Self::InReview => "in_review",
        }
    }
}
