//! What the acquirer can be told to do badly.

use serde::{Deserialize, Serialize};

use crate::disturb::take;

/// Which messages the switches for answers and requests touch.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Scope {
    /// Authorizations (0100) and financial requests (0200).
    #[default]
    Requests,
    /// Completion advices (0220, 0221).
    Captures,
    /// Reversals (0400, 0401, 0420, 0421).
    Reversals,
    /// All of these.
    All,
}

impl Scope {
    fn covers(self, mti: u16) -> bool {
        match self {
            Self::Requests => matches!(mti, 100 | 200),
            Self::Captures => matches!(mti, 220 | 221),
            Self::Reversals => is_reversal(mti),
            Self::All => true,
        }
    }
}

fn is_reversal(mti: u16) -> bool {
    matches!(mti, 400 | 401 | 420 | 421)
}

/// An answer that is given whatever was asked.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct AnswerWith {
    /// Field 39.
    pub(crate) code: String,
    /// How many messages get it; without it, all.
    #[serde(default)]
    pub(crate) count: Option<u32>,
    /// Whether the message is worked on and booked all the same.
    #[serde(default)]
    pub(crate) after_work: bool,
}

/// The switches of `GET` and `POST /control/faults`; a POST changes only the keys it names. Counters are spent.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Faults {
    /// Nothing is answered or worked on, not even a sign-on.
    pub(crate) silent: bool,
    /// How many sign-ons are not answered.
    pub(crate) lose_sign_on_answers: u32,
    /// How many sign-ons are refused with 39 = 91.
    pub(crate) refuse_sign_ons: u32,
    /// No echo is answered.
    pub(crate) ignore_echo: bool,

    /// Which messages the switches below touch, each message one of them at most.
    pub(crate) on: Scope,
    /// How many are taken and forgotten: nothing is booked or answered.
    pub(crate) lose_requests: u32,
    /// How many are worked on only on `POST /control/release`, so that what is sent later overtakes them.
    pub(crate) hold_requests: u32,
    /// How many are worked on and not answered.
    pub(crate) lose_answers: u32,
    /// How many are worked on, after which their link is closed with no answer.
    pub(crate) drop_links: u32,
    /// How many are worked on and answered with half a message.
    pub(crate) garbage: u32,
    /// How many are worked on and answered under another STAN.
    pub(crate) wrong_stan: u32,
    /// How many are answered twice.
    pub(crate) answer_twice: u32,
    /// How many are worked on and answered only on `POST /control/release`.
    pub(crate) hold_answers: u32,
    /// How many are answered `late_ms` after they were worked on.
    pub(crate) late_answers: u32,
    /// In milliseconds.
    pub(crate) late_ms: u64,
    /// An answer given instead of one's own.
    pub(crate) answer_with: Option<AnswerWith>,

    /// How many reversals are worked on and not answered, whatever `on` says.
    pub(crate) lose_reversal_answers: u32,
    /// Whether an original that comes after its reversal is declined; without it, it is worked on as if nothing were.
    pub(crate) decline_reversed: bool,
}

impl Default for Faults {
    fn default() -> Self {
        Self {
            silent: false,
            lose_sign_on_answers: 0,
            refuse_sign_ons: 0,
            ignore_echo: false,
            on: Scope::Requests,
            lose_requests: 0,
            hold_requests: 0,
            lose_answers: 0,
            drop_links: 0,
            garbage: 0,
            wrong_stan: 0,
            answer_twice: 0,
            hold_answers: 0,
            late_answers: 0,
            late_ms: 0,
            answer_with: None,
            lose_reversal_answers: 0,
            decline_reversed: true,
        }
    }
}

/// What happens to a message before it is worked on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Taken {
    Well,
    Lost,
    Held,
}

/// How an answer leaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Way {
    Sent,
    Lost,
    LinkDropped,
    Garbage,
    WrongStan,
    Twice,
    Held,
    /// So many milliseconds later.
    Late(u64),
}

impl Faults {
    /// What happens to a message that has just come in.
    pub(crate) fn taken(&mut self, mti: u16) -> Taken {
        match self.on.covers(mti) {
            true if take(&mut self.lose_requests) => Taken::Lost,
            true if take(&mut self.hold_requests) => Taken::Held,
            _ => Taken::Well,
        }
    }

    /// The code that it is answered with instead of its own, and whether it is worked on first.
    pub(crate) fn instead(&mut self, mti: u16) -> Option<(String, bool)> {
        if !self.on.covers(mti) {
            return None;
        }
        let wanted = self.answer_with.as_mut()?;
        let given = (wanted.code.clone(), wanted.after_work);
        wanted.count.as_mut().is_none_or(take).then_some(given)
    }

    /// How the answer to it leaves.
    pub(crate) fn way(&mut self, mti: u16) -> Way {
        match self.on.covers(mti) {
            _ if is_reversal(mti) && take(&mut self.lose_reversal_answers) => Way::Lost,
            true if take(&mut self.lose_answers) => Way::Lost,
            true if take(&mut self.drop_links) => Way::LinkDropped,
            true if take(&mut self.garbage) => Way::Garbage,
            true if take(&mut self.wrong_stan) => Way::WrongStan,
            true if take(&mut self.answer_twice) => Way::Twice,
            true if take(&mut self.hold_answers) => Way::Held,
            true if take(&mut self.late_answers) => Way::Late(self.late_ms),
            _ => Way::Sent,
        }
    }
}
