//! Frames: the 16-octet header, where one PDU ends and the next begins, and the fields of a body (SMPP 3.4, sections
//! 3.1 and 3.2).

/// The octets before a body.
pub(crate) const HEADER: usize = 16;

/// The longest PDU that is read: a `message_payload` of 64 KiB and the fields around it.
const LENGTH_MAX: usize = 66_560;

/// The bit that makes a command its own answer.
pub(crate) const ANSWER: u32 = 0x8000_0000;

/// `command_id` (section 5.1.2.1).
pub(crate) mod command {
    pub(crate) const GENERIC_NACK: u32 = 0x8000_0000;
    pub(crate) const BIND_RECEIVER: u32 = 0x01;
    pub(crate) const BIND_TRANSMITTER: u32 = 0x02;
    pub(crate) const QUERY_SM: u32 = 0x03;
    pub(crate) const SUBMIT_SM: u32 = 0x04;
    pub(crate) const DELIVER_SM: u32 = 0x05;
    pub(crate) const UNBIND: u32 = 0x06;
    pub(crate) const REPLACE_SM: u32 = 0x07;
    pub(crate) const CANCEL_SM: u32 = 0x08;
    pub(crate) const BIND_TRANSCEIVER: u32 = 0x09;
    pub(crate) const ENQUIRE_LINK: u32 = 0x15;
    pub(crate) const SUBMIT_MULTI: u32 = 0x21;
    pub(crate) const DATA_SM: u32 = 0x103;
    pub(crate) const DELIVER_SM_RESP: u32 = DELIVER_SM | super::ANSWER;
    pub(crate) const UNBIND_RESP: u32 = UNBIND | super::ANSWER;
    pub(crate) const ENQUIRE_LINK_RESP: u32 = ENQUIRE_LINK | super::ANSWER;
}

/// A command as section 4 spells it.
pub(crate) fn command_name(id: u32) -> &'static str {
    match id {
        command::GENERIC_NACK => "generic_nack",
        command::BIND_RECEIVER => "bind_receiver",
        command::BIND_TRANSMITTER => "bind_transmitter",
        command::BIND_TRANSCEIVER => "bind_transceiver",
        command::QUERY_SM => "query_sm",
        command::SUBMIT_SM => "submit_sm",
        command::DELIVER_SM => "deliver_sm",
        command::UNBIND => "unbind",
        command::REPLACE_SM => "replace_sm",
        command::CANCEL_SM => "cancel_sm",
        command::ENQUIRE_LINK => "enquire_link",
        command::SUBMIT_MULTI => "submit_multi",
        command::DATA_SM => "data_sm",
        0x8000_0001 => "bind_receiver_resp",
        0x8000_0002 => "bind_transmitter_resp",
        0x8000_0003 => "query_sm_resp",
        0x8000_0004 => "submit_sm_resp",
        command::DELIVER_SM_RESP => "deliver_sm_resp",
        command::UNBIND_RESP => "unbind_resp",
        0x8000_0007 => "replace_sm_resp",
        0x8000_0008 => "cancel_sm_resp",
        0x8000_0009 => "bind_transceiver_resp",
        command::ENQUIRE_LINK_RESP => "enquire_link_resp",
        0x8000_0021 => "submit_multi_resp",
        0x8000_0103 => "data_sm_resp",
        _ => "unknown",
    }
}

/// One PDU that has arrived whole.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Pdu<'a> {
    pub(crate) command: u32,
    pub(crate) status: u32,
    pub(crate) sequence: u32,
    pub(crate) body: &'a [u8],
}

/// What stands at the front of what has been read.
#[derive(Debug)]
pub(crate) enum Frame<'a> {
    /// A PDU, and how many octets it takes.
    Whole(Pdu<'a>, usize),
    /// The beginning of one.
    Partial,
    /// A `command_length` that no PDU has; where the next one begins is lost with it.
    Wrong,
}

/// Reads the first PDU of `bytes`.
pub(crate) fn frame(bytes: &[u8]) -> Frame<'_> {
    let mut fields = Fields(bytes);
    let Some(length) = fields.four() else { return Frame::Partial };
    let length = usize::try_from(length).unwrap_or(usize::MAX);
    if !(HEADER..=LENGTH_MAX).contains(&length) {
        return Frame::Wrong;
    }
    let Some(body) = bytes.get(HEADER..length) else { return Frame::Partial };
    match (fields.four(), fields.four(), fields.four()) {
        (Some(command), Some(status), Some(sequence)) => Frame::Whole(Pdu { command, status, sequence, body }, length),
        _ => Frame::Partial,
    }
}

/// Writes a PDU whose body stands in `pieces`.
pub(crate) fn write(out: &mut Vec<u8>, command: u32, status: u32, sequence: u32, pieces: &[&[u8]]) {
    let length = HEADER + pieces.iter().map(|piece| piece.len()).sum::<usize>();
    out.extend(u32::try_from(length).unwrap_or(u32::MAX).to_be_bytes());
    out.extend(command.to_be_bytes());
    out.extend(status.to_be_bytes());
    out.extend(sequence.to_be_bytes());
    for piece in pieces {
        out.extend_from_slice(piece);
    }
}

/// The fields of a body, read from the front. `None` where the body ends too early.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Fields<'a>(pub(crate) &'a [u8]);

impl<'a> Fields<'a> {
    pub(crate) fn octets(&mut self, count: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(count)?;
        self.0 = rest;
        Some(taken)
    }

    pub(crate) fn one(&mut self) -> Option<u8> {
        let (first, rest) = self.0.split_first()?;
        self.0 = rest;
        Some(*first)
    }

    pub(crate) fn two(&mut self) -> Option<u16> {
        self.octets(2)?.try_into().ok().map(u16::from_be_bytes)
    }

    pub(crate) fn four(&mut self) -> Option<u32> {
        self.octets(4)?.try_into().ok().map(u32::from_be_bytes)
    }

    /// A C-octet string, without the NUL that ends it.
    pub(crate) fn text(&mut self) -> Option<&'a [u8]> {
        let end = self.0.iter().position(|octet| *octet == 0)?;
        let text = self.octets(end)?;
        self.one()?;
        Some(text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_begin_where_the_last_one_ended() {
        let mut two = Vec::new();
        write(&mut two, command::ENQUIRE_LINK, 0, 7, &[]);
        write(&mut two, command::SUBMIT_SM, 0, 8, &[b"ab", b"c"]);
        let check = |bytes: &[u8], expected: &str| {
            let found = match frame(bytes) {
                Frame::Whole(pdu, length) => {
                    format!("{} {} {} of {length}", command_name(pdu.command), pdu.sequence, pdu.body.len())
                }
                Frame::Partial => "partial".to_owned(),
                Frame::Wrong => "wrong".to_owned(),
            };
            assert_eq!(found, expected, "{bytes:02x?}");
        };
        check(&two, "enquire_link 7 0 of 16");
        check(&two[16..], "submit_sm 8 3 of 19");
        (0..16).for_each(|cut| check(&two[..cut], "partial"));
        (16..35).for_each(|cut| check(&two[16..cut], "partial"));
        check(&[0, 0, 0, 15], "wrong");
        check(&[0, 0, 0, 0], "wrong");
        check(&[0xff, 0, 0, 0], "wrong");
        check(&66_561u32.to_be_bytes(), "wrong");
        check(&66_560u32.to_be_bytes(), "partial");
    }

    #[test]
    fn fields_end_with_their_body() {
        let mut fields = Fields(b"ab\0\x01\x02\x03");
        assert_eq!(fields.text(), Some(&b"ab"[..]));
        assert_eq!(fields.two(), Some(0x102));
        assert_eq!((fields.two(), fields.one(), fields.one(), fields.text()), (None, Some(3), None, None));
    }
}
