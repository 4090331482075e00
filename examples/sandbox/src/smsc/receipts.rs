//! Delivery receipts: a `deliver_sm` whose text is the one of SMPP 3.4's appendix B, which everybody parses, with the
//! same in optional parameters.

use super::{
    address::Address,
    message::{self, RECEIPT, Submission},
    parts::Part,
    tlv,
};
use crate::clock;

/// What became of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fate {
    Delivered,
    Expired,
    Undeliverable,
}

impl Fate {
    /// The word in the text, the `message_state` (section 5.2.28), the error.
    fn written(self) -> (&'static str, u8, u8) {
        match self {
            Self::Delivered => ("DELIVRD", 2, 0),
            Self::Expired => ("EXPIRED", 3, 27),
            Self::Undeliverable => ("UNDELIV", 5, 1),
        }
    }
}

/// The body of the receipt for `submission`, which got `id`.
pub(crate) fn body(submission: &Submission, id: u64, fate: Fate, submitted_ms: u64, done_ms: u64) -> Vec<u8> {
    let (word, state, error) = fate.written();
    let delivered = u8::from(fate == Fate::Delivered);
    let start: String =
        submission.text.chars().take(20).map(|c| if c.is_ascii_graphic() || c == ' ' { c } else { '?' }).collect();
    let text = format!(
        "id:{id} sub:001 dlvrd:{delivered:03} submit date:{} done date:{} stat:{word} err:{error:03} text:{start}",
        minute(submitted_ms),
        minute(done_ms),
    );
    let mut tlvs = Vec::new();
    tlv::push(&mut tlvs, tlv::RECEIPTED_MESSAGE_ID, format!("{id}\0").as_bytes());
    tlv::push(&mut tlvs, tlv::MESSAGE_STATE, &[state]);
    // GSM, and the error as two octets (section 5.3.2.31).
    tlv::push(&mut tlvs, tlv::NETWORK_ERROR, &[3, 0, error]);
    if let Some(reference) = submission.reference {
        tlv::push(&mut tlvs, tlv::USER_MESSAGE_REFERENCE, &reference.to_be_bytes());
    }
    let part = Part { esm_class: RECEIPT, message: text.into_bytes(), tlvs };
    message::deliver(&Address::international(submission.destination), &submission.source, 0, &part)
}

/// `YYMMDDhhmm`.
fn minute(ms: u64) -> String {
    clock::rfc3339(ms).chars().filter(char::is_ascii_digit).skip(2).take(10).collect()
}
