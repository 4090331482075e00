//! What the SMSC can be told to do badly.

use serde::{Deserialize, Deserializer, Serialize};

use super::address;

/// When the receipt of a message leaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Receipts {
    /// It overtakes the `submit_sm_resp` that tells which message it is about.
    BeforeAnswer,
    After,
    /// Even where they were asked for.
    None,
}

/// A number that is refused.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Refused {
    pub(crate) number: String,
    /// The `command_status` of the `submit_sm_resp`.
    pub(crate) status: u32,
}

/// The switches of `GET` and `POST /sandbox/faults`; a POST changes only the keys it names. Counters are spent.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Faults {
    /// How many `deliver_sm` may be unanswered on one link.
    pub(crate) window: usize,
    /// How long a link is quiet before the SMSC asks whether anybody is there, in milliseconds.
    pub(crate) enquire_link_ms: u64,
    /// How long that may be unanswered before the link is closed, in milliseconds.
    pub(crate) dead_after_ms: u64,
    /// How long a `deliver_sm` may be unanswered before it is offered again, in milliseconds.
    pub(crate) answer_within_ms: u64,
    /// The wait before a message that was refused for a time is offered again, in milliseconds.
    pub(crate) redeliver_after_ms: u64,

    /// How many binds are refused with `ESME_RBINDFAIL`.
    pub(crate) refuse_binds: u32,
    /// Not even a bind is answered.
    pub(crate) silent: bool,
    /// Binds are accepted, and then nothing is done, answered or delivered.
    pub(crate) silent_after_bind: bool,
    /// Everything is written octet by octet.
    pub(crate) trickle: bool,

    /// How many `submit_sm` more are taken before their link is closed; 0 for no end.
    pub(crate) drop_after: u32,
    /// How many of the last of those are not answered.
    pub(crate) drop_unanswered: u32,
    /// How many `submit_sm` are taken and never answered.
    pub(crate) lose_submit_answers: u32,
    /// Whether each `submit_sm_resp` waits to be overtaken by the next.
    pub(crate) answer_out_of_order: bool,
    /// How long it then waits, in milliseconds.
    pub(crate) overtaking_wait_ms: u64,
    /// How many `submit_sm` get `ESME_RTHROTTLED`.
    pub(crate) throttle: u32,
    /// How many `submit_sm` get `ESME_RMSGQFUL`.
    pub(crate) queue_full: u32,
    /// Numbers to which nothing is sent; one may be given without brackets.
    #[serde(deserialize_with = "one_or_many")]
    pub(crate) refuse: Vec<Refused>,

    /// Numbers that do not exist: the receipt says `UNDELIV`.
    pub(crate) dead: Vec<String>,
    /// Numbers that are switched off too long: the receipt says `EXPIRED`.
    pub(crate) expire: Vec<String>,
    pub(crate) receipts: Receipts,
    /// How much later a receipt leaves, in milliseconds.
    pub(crate) late_receipts_ms: u64,

    /// How many of people's messages are delivered a second time though acknowledged.
    pub(crate) duplicate: u32,
    /// How many acknowledgements of people's messages are lost on the way, so that the message comes again.
    pub(crate) lose_acks: u32,
}

impl Default for Faults {
    fn default() -> Self {
        Self {
            window: 100,
            enquire_link_ms: 30_000,
            dead_after_ms: 30_000,
            answer_within_ms: 30_000,
            redeliver_after_ms: 250,
            refuse_binds: 0,
            silent: false,
            silent_after_bind: false,
            trickle: false,
            drop_after: 0,
            drop_unanswered: 1,
            lose_submit_answers: 0,
            answer_out_of_order: false,
            overtaking_wait_ms: 300,
            throttle: 0,
            queue_full: 0,
            refuse: Vec::new(),
            dead: Vec::new(),
            expire: Vec::new(),
            receipts: Receipts::After,
            late_receipts_ms: 0,
            duplicate: 0,
            lose_acks: 0,
        }
    }
}

impl Faults {
    /// The status that submissions to `number` get.
    pub(crate) fn refusal(&self, number: u64) -> Option<u32> {
        self.refuse.iter().find(|refused| is(number, &refused.number)).map(|refused| refused.status)
    }

    pub(crate) fn is_dead(&self, number: u64) -> bool {
        self.dead.iter().any(|text| is(number, text))
    }

    pub(crate) fn is_expiring(&self, number: u64) -> bool {
        self.expire.iter().any(|text| is(number, text))
    }
}

fn is(number: u64, text: &str) -> bool {
    address::number(text) == Some(number)
}

fn one_or_many<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<Refused>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Given {
        One(Refused),
        Many(Vec<Refused>),
    }
    Ok(match Given::deserialize(deserializer)? {
        Given::One(refused) => vec![refused],
        Given::Many(refused) => refused,
    })
}
