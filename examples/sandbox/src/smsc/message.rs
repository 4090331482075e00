//! Short messages: the body that `submit_sm` and `deliver_sm` share (SMPP 3.4, sections 4.4.1 and 4.6.1).

use super::{
    address::{ALPHANUMERIC, Address, number},
    alphabet::Alphabet,
    parts::{self, HEADER_INDICATOR, Place},
    pdu::Fields,
    status, tlv, validity,
};

/// The type of message in `esm_class` (bits 2 to 5): zero but for a message of the gateway's that acknowledges another.
const MESSAGE_TYPE: u8 = 0x3c;
/// `esm_class` of a `deliver_sm` that is a receipt.
pub(crate) const RECEIPT: u8 = 0x04;

/// What the gateway asks to be sent, checked.
#[derive(Debug)]
pub(crate) struct Submission {
    pub(crate) source: Address,
    /// The phone, in E.164 without the `+`.
    pub(crate) destination: u64,
    pub(crate) alphabet: Alphabet,
    pub(crate) text: String,
    pub(crate) place: Option<Place>,
    /// How many short messages this is on the air: more than one only with `message_payload`.
    pub(crate) parts: usize,
    pub(crate) is_expired: bool,
    /// Whether a receipt is asked for when it was delivered, and when it was not (section 5.2.17).
    pub(crate) receipt_if: (bool, bool),
    /// `user_message_reference`, which a receipt repeats.
    pub(crate) reference: Option<u16>,
}

/// Reads and checks a `submit_sm`. Strict where a real SMSC may be lenient: it is here to find out who is wrong.
///
/// # Errors
/// The status to answer.
pub(crate) fn read(body: &[u8], now_ms: u64) -> Result<Submission, u32> {
    const SHORT: u32 = status::INVALID_COMMAND_LENGTH;
    let mut fields = Fields(body);
    let service_type = fields.text().ok_or(SHORT)?;
    let source = Address::read(&mut fields).ok_or(status::INVALID_SOURCE)?;
    let destination = Address::read(&mut fields).ok_or(status::INVALID_DESTINATION)?;
    let esm_class = fields.one().ok_or(SHORT)?;
    fields.octets(2).ok_or(SHORT)?; // protocol_id and priority_flag, which change nothing here
    let schedule = fields.text().ok_or(SHORT)?;
    let validity = fields.text().ok_or(SHORT)?;
    let registered = fields.one().ok_or(SHORT)?;
    fields.one().ok_or(SHORT)?; // replace_if_present_flag
    let data_coding = fields.one().ok_or(SHORT)?;
    fields.one().ok_or(SHORT)?; // sm_default_msg_id
    let length = fields.one().ok_or(SHORT)?;
    let message = fields.octets(usize::from(length)).ok_or(status::INVALID_MESSAGE_LENGTH)?;
    let optional = tlv::read(fields.0)?;

    if service_type.len() > 5 {
        return Err(status::INVALID_SERVICE_TYPE);
    }
    let is_named = source.ton == ALPHANUMERIC && (1..=11).contains(&source.text.len());
    if !is_named && (source.text.is_empty() || !source.text.bytes().all(|c| c.is_ascii_digit() || c == b'+')) {
        return Err(status::INVALID_SOURCE);
    }
    if destination.ton > 1 {
        return Err(status::INVALID_DESTINATION_TON);
    }
    let destination = number(&destination.text).ok_or(status::INVALID_DESTINATION)?;
    if esm_class & MESSAGE_TYPE != 0 {
        return Err(status::INVALID_ESM_CLASS);
    }
    if !schedule.is_empty() {
        return Err(status::INVALID_SCHEDULE);
    }
    let end_ms = std::str::from_utf8(validity).map_err(|_| ()).and_then(|text| validity::end_ms(text, now_ms));
    let end_ms = end_ms.map_err(|()| status::INVALID_VALIDITY)?;
    let alphabet = Alphabet::of(data_coding).ok_or(status::SUBMIT_FAILED)?;
    if optional.payload.is_some() && !message.is_empty() {
        return Err(status::OPTIONAL_NOT_ALLOWED);
    }
    let octets = optional.payload.unwrap_or(message);
    let (place, header, octets) = match esm_class & HEADER_INDICATOR {
        0 => (parts::sar(&optional), 0, octets),
        _ => parts::header(octets).ok_or(status::SUBMIT_FAILED)?,
    };
    // What stands in `short_message` goes out as one message: it has to fit into the 140 octets of one.
    let room = alphabet.room(header);
    if optional.payload.is_none() && octets.len() > room || alphabet == Alphabet::Ucs2 && octets.len() % 2 != 0 {
        return Err(status::INVALID_MESSAGE_LENGTH);
    }
    let parts = if octets.len() > room { octets.len().div_ceil(alphabet.room(6)) } else { 1 };
    Ok(Submission {
        source,
        destination,
        alphabet,
        text: alphabet.decode(octets),
        place,
        parts,
        is_expired: end_ms.is_some_and(|end| end <= now_ms),
        receipt_if: (registered & 3 == 1, matches!(registered & 3, 1 | 2)),
        reference: optional.reference,
    })
}

/// The body of a `deliver_sm`. More than 254 octets of message go into `message_payload`.
pub(crate) fn deliver(source: &Address, destination: &Address, data_coding: u8, part: &parts::Part) -> Vec<u8> {
    let mut body = Vec::with_capacity(64 + part.message.len() + part.tlvs.len());
    body.push(0); // service_type
    source.push(&mut body);
    destination.push(&mut body);
    // protocol_id, priority_flag, schedule_delivery_time, validity_period, registered_delivery, replace_if_present_flag
    body.extend([part.esm_class, 0, 0, 0, 0, 0, 0, data_coding, 0]);
    match u8::try_from(part.message.len()) {
        Ok(length) if length < u8::MAX => {
            body.push(length);
            body.extend_from_slice(&part.message);
            body.extend_from_slice(&part.tlvs);
        }
        _ => {
            body.push(0);
            body.extend_from_slice(&part.tlvs);
            tlv::push(&mut body, tlv::PAYLOAD, &part.message);
        }
    }
    body
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW_MS: u64 = 1_784_928_203_000;

    struct Fields {
        source: (u8, &'static str),
        destination: (u8, &'static str),
        esm_class: u8,
        times: (&'static str, &'static str),
        registered: u8,
        coding: u8,
        message: Vec<u8>,
        tlvs: Vec<u8>,
    }

    fn good() -> Fields {
        Fields {
            source: (3, "40404"),
            destination: (1, "393331234567"),
            esm_class: 0,
            times: ("", ""),
            registered: 1,
            coding: 0,
            message: b"hello".to_vec(),
            tlvs: Vec::new(),
        }
    }

    fn body(of: &Fields) -> Vec<u8> {
        let mut body = vec![0];
        for (ton, text) in [of.source, of.destination] {
            body.extend([ton, 1]);
            body.extend(text.bytes());
            body.push(0);
        }
        body.extend([of.esm_class, 0, 0]);
        for text in [of.times.0, of.times.1] {
            body.extend(text.bytes());
            body.push(0);
        }
        body.extend([of.registered, 0, of.coding, 0, u8::try_from(of.message.len()).unwrap()]);
        body.extend(&of.message);
        body.extend(&of.tlvs);
        body
    }

    #[test]
    fn submissions_are_taken_or_refused_with_their_status() {
        let check = |change: &dyn Fn(&mut Fields), expected: Result<&str, u32>| {
            let mut fields = good();
            change(&mut fields);
            let found = read(&body(&fields), NOW_MS).map(|submission| submission.text);
            assert_eq!(found.as_deref().map_err(|status| *status), expected);
        };
        let payload = |text: &str| {
            let mut tlvs = Vec::new();
            tlv::push(&mut tlvs, tlv::PAYLOAD, text.as_bytes());
            tlvs
        };
        check(&|_| {}, Ok("hello"));
        check(&|f| f.source = (5, "Sportello"), Ok("hello"));
        check(&|f| f.source = (5, "TwelveLetter"), Err(status::INVALID_SOURCE));
        check(&|f| f.source = (1, "Sportello"), Err(status::INVALID_SOURCE));
        check(&|f| f.source = (1, ""), Err(status::INVALID_SOURCE));
        check(&|f| f.source = (1, "123456789012345678901"), Err(status::INVALID_SOURCE));
        check(&|f| f.destination = (0, "+393331234567"), Ok("hello"));
        check(&|f| f.destination = (1, "anna"), Err(status::INVALID_DESTINATION));
        check(&|f| f.destination = (2, "3331234567"), Err(status::INVALID_DESTINATION_TON));
        check(&|f| f.esm_class = 0x04, Err(status::INVALID_ESM_CLASS));
        check(&|f| f.times.0 = "000000010000000R", Err(status::INVALID_SCHEDULE));
        check(&|f| f.times.1 = "000000010000000R", Ok("hello"));
        check(&|f| f.times.1 = "tomorrow", Err(status::INVALID_VALIDITY));
        check(&|f| f.coding = 4, Err(status::SUBMIT_FAILED));
        check(&|f| (f.coding, f.message) = (8, vec![0x20, 0xac]), Ok("€"));
        check(&|f| (f.coding, f.message) = (8, vec![0x20]), Err(status::INVALID_MESSAGE_LENGTH));
        check(&|f| f.message = vec![b'a'; 161], Err(status::INVALID_MESSAGE_LENGTH));
        check(&|f| (f.coding, f.message) = (3, vec![b'a'; 141]), Err(status::INVALID_MESSAGE_LENGTH));
        check(&|f| (f.esm_class, f.message) = (0x40, vec![5, 0, 3, 1, 2, 1, b'x']), Ok("x"));
        check(&|f| (f.esm_class, f.message) = (0x40, vec![9, 0, 3, 1, 2, 1, b'x']), Err(status::SUBMIT_FAILED));
        check(&|f| f.tlvs = payload("more"), Err(status::OPTIONAL_NOT_ALLOWED));
        check(&|f| (f.message, f.tlvs) = (Vec::new(), payload("more")), Ok("more"));
        check(&|f| f.tlvs = vec![4, 0x24, 0, 9, 1], Err(status::OPTIONAL_STREAM));
    }

    #[test]
    fn a_body_that_ends_anywhere_is_refused() {
        let whole = body(&good());
        for cut in 0..whole.len() {
            assert!(read(&whole[..cut], NOW_MS).is_err(), "{cut}");
        }
    }

    #[test]
    fn receipts_and_ends_are_understood() {
        let check = |registered: u8, validity: &'static str, expected: (bool, bool, bool)| {
            let fields = Fields { registered, times: ("", validity), ..good() };
            let found = read(&body(&fields), NOW_MS).unwrap();
            assert_eq!((found.receipt_if.0, found.receipt_if.1, found.is_expired), expected);
        };
        check(0, "", (false, false, false));
        check(1, "", (true, true, false));
        check(2, "", (false, true, false));
        check(0x11, "", (true, true, false));
        check(1, "250101000000000+", (true, true, true));
    }
}
