//! What became of a note: delivery receipts (SMPP 3.4, section 5.2.12 and appendix B).

use sportello_sdk::{Fate, Receipt};

use crate::pdu::Delivery;
use crate::settings::ReceiptIds;

/// `esm_class`: the bits of the message type.
const TYPE_MASK: u8 = 0x3c;

/// What a delivery is, by its type.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// A person's message.
    Message,
    /// The SMSC tells what became of a note.
    Receipt,
    /// A phone's acknowledgement, or word from half-way: nothing that is asked for.
    Other,
}

impl Kind {
    /// By `esm_class`.
    pub(crate) fn of(esm_class: u8) -> Self {
        match esm_class & TYPE_MASK {
            0x00 => Self::Message,
            0x04 => Self::Receipt,
            _ => Self::Other,
        }
    }
}

/// Reads a receipt: the optional parameters first, else the text, which is the SMSC's own, and only usually as the
/// appendix has it. Nothing where it names no note, or where the note is still on its way.
pub(crate) fn read(delivery: &Delivery, ids: ReceiptIds) -> Option<Receipt> {
    let text = String::from_utf8_lossy(&delivery.user_data);
    let in_text = || field(&text, "id:").map(str::to_owned);
    let id = delivery.receipted_message_id.clone().or_else(in_text)?;
    let word = field(&text, "stat:").map(str::to_ascii_uppercase);
    let fate = match delivery.message_state {
        Some(state) => fate_of_state(state)?,
        None => fate_of_word(word.as_deref()?)?,
    };
    let is_word = |word: &str| word.len() <= 20 && word.bytes().all(|b| b.is_ascii_graphic());
    let error = field(&text, "err:").filter(|error| is_word(error)).map(|error| format!(" err:{error}"));
    let state = || delivery.message_state.map(|state| format!("state {state}"));
    // Never more of the text: it may go on with the note's own.
    let detail = word.filter(|word| is_word(word)).or_else(state).map(|word| word + &error.unwrap_or_default());
    Some(Receipt { id: same_as_answered(&id, ids), fate, detail })
}

/// The id as [`id_of_answer`] has it.
fn same_as_answered(id: &str, ids: ReceiptIds) -> String {
    match ids {
        ReceiptIds::Same => id.to_owned(),
        ReceiptIds::HexThenDecimal => decimal(id, 10),
        ReceiptIds::DecimalThenHex => decimal(id, 16),
    }
}

/// The id in the answer to a note, as it is kept: in decimal, where answer and receipt count differently.
pub(crate) fn id_of_answer(id: &str, ids: ReceiptIds) -> String {
    match ids {
        ReceiptIds::Same => id.to_owned(),
        ReceiptIds::HexThenDecimal => decimal(id, 16),
        ReceiptIds::DecimalThenHex => decimal(id, 10),
    }
}

/// A number in decimal, without zeros in front; what is none stays as it is.
fn decimal(id: &str, radix: u32) -> String {
    u128::from_str_radix(id, radix).map_or_else(|_| id.to_owned(), |number| number.to_string())
}

/// What follows `name`, up to a space. Names of other fields end in the same letters: it begins the text or follows a
/// space.
fn field<'t>(text: &'t str, name: &str) -> Option<&'t str> {
    let words = text.split_ascii_whitespace();
    let starts = |word: &&str| word.get(..name.len()).is_some_and(|start| start.eq_ignore_ascii_case(name));
    // What the note said stands last, and may say anything.
    let mut before_text =
        words.take_while(|word| !word.get(..5).is_some_and(|start| start.eq_ignore_ascii_case("text:")));
    before_text.find(starts).and_then(|word| word.get(name.len()..)).filter(|value| !value.is_empty())
}

/// `message_state` (SMPP 3.4, section 5.2.28). What is still on its way, or not known, is not the end.
fn fate_of_state(state: u8) -> Option<Fate> {
    match state {
        2 => Some(Fate::Delivered),
        3 => Some(Fate::Expired),
        4 | 8 => Some(Fate::Rejected),
        5 => Some(Fate::Undeliverable),
        _ => None,
    }
}

/// The words of appendix B, which some write in full.
fn fate_of_word(word: &str) -> Option<Fate> {
    match word {
        "DELIVRD" | "DELIVERED" => Some(Fate::Delivered),
        "EXPIRED" => Some(Fate::Expired),
        "DELETED" | "REJECTD" | "REJECTED" => Some(Fate::Rejected),
        "UNDELIV" | "UNDELIVERABLE" => Some(Fate::Undeliverable),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pdu::tests::deliver_sm;
    use bytes::Bytes;
    use rusmpp_core::CommandId;

    fn receipt(text: &str, tlvs: &[(u16, &[u8])], ids: ReceiptIds) -> Option<Receipt> {
        let body = deliver_sm("393331234567", (0x04, 0), text.as_bytes(), tlvs);
        read(&Delivery::read(CommandId::DeliverSm, &Bytes::from(body)).unwrap(), ids)
    }

    fn check(text: &str, tlvs: &[(u16, &[u8])], expected: Option<(&str, Fate, &str)>) {
        let told = receipt(text, tlvs, ReceiptIds::Same);
        let told = told.as_ref().map(|r| (r.id.as_str(), r.fate, r.detail.as_deref().unwrap_or("")));
        assert_eq!(told, expected, "{text}");
    }

    #[test]
    fn receipts() {
        // As appendix B has it.
        let whole = "id:123456 sub:001 dlvrd:001 submit date:2611241200 done date:2611241201 stat:DELIVRD err:000 text:Your code: 43190";
        check(whole, &[], Some(("123456", Fate::Delivered, "DELIVRD err:000")));
        check("id:7 stat:EXPIRED", &[], Some(("7", Fate::Expired, "EXPIRED")));
        check("id:7 stat:UNDELIV err:001", &[], Some(("7", Fate::Undeliverable, "UNDELIV err:001")));
        check("id:7 stat:REJECTD", &[], Some(("7", Fate::Rejected, "REJECTD")));
        check("id:7 stat:DELETED", &[], Some(("7", Fate::Rejected, "DELETED")));
        check("ID:7 Stat:delivrd", &[], Some(("7", Fate::Delivered, "DELIVRD")));
        // Not the end of its way.
        for word in ["ENROUTE", "ACCEPTD", "UNKNOWN", "SOMETHING"] {
            check(&format!("id:7 stat:{word}"), &[], None);
        }
        // The parameters are surer than the text.
        check("id:7 stat:EXPIRED", &[(0x001e, b"8\0"), (0x0427, &[2])], Some(("8", Fate::Delivered, "EXPIRED")));
        check("", &[(0x001e, b"8\0"), (0x0427, &[5])], Some(("8", Fate::Undeliverable, "state 5")));
        check("", &[(0x001e, b"8\0"), (0x0427, &[1])], None);
        // What the note said is nobody's receipt.
        check("id:7 text:stat:DELIVRD", &[], None);
        check("id:7 text: stat:DELIVRD", &[], None);
        check("submitid:7 stat:DELIVRD", &[], None);
        check("stat:DELIVRD", &[], None);
        check("id: stat:DELIVRD", &[], None);
        check("hello", &[], None);
    }

    #[test]
    fn ids() {
        let check = |ids: ReceiptIds, answered: &str, receipted: &str| {
            let receipt = receipt(&format!("id:{receipted} stat:DELIVRD"), &[], ids).unwrap();
            assert_eq!(receipt.id, id_of_answer(answered, ids), "{ids:?} {answered} {receipted}");
        };
        check(ReceiptIds::Same, "0a1B", "0a1B");
        check(ReceiptIds::HexThenDecimal, "0A1B", "2587");
        check(ReceiptIds::HexThenDecimal, "a1b", "0000002587");
        check(ReceiptIds::DecimalThenHex, "2587", "A1B");
        check(ReceiptIds::DecimalThenHex, "no-number", "no-number");
    }

    #[test]
    fn kinds() {
        let check = |esm_class: u8, expected: Kind| assert_eq!(Kind::of(esm_class), expected, "{esm_class:#x}");
        check(0x00, Kind::Message);
        check(0x43, Kind::Message);
        check(0x04, Kind::Receipt);
        check(0x44, Kind::Receipt);
        for esm_class in [0x08, 0x10, 0x18, 0x20, 0x24] {
            check(esm_class, Kind::Other);
        }
    }
}
