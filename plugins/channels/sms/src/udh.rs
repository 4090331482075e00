//! The header that user data may begin with (3GPP TS 23.040, section 9.2.3.24), and which part of what a message is.

use bytes::Bytes;

use crate::pdu::Delivery;

/// Which part of which long message this is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Part {
    /// Tells the parts of one message from those of another: with its kind, since the kinds count apart.
    pub(crate) reference: Reference,
    /// How many parts there are: at least 2.
    pub(crate) total: u8,
    /// From 1 to the total.
    pub(crate) index: u8,
}

/// A long message's reference, as its parts carry it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reference {
    /// In the header, 8 bits.
    Short(u8),
    /// In the header, 16 bits.
    Long(u16),
    /// In optional parameters of the PDU.
    Sar(u16),
}

/// What a delivery's user data is.
#[derive(Clone, PartialEq, Eq)]
#[cfg_attr(test, derive(Debug))]
pub(crate) enum UserData {
    /// The text of a message, or of one part of it.
    Text {
        /// Without the header.
        octets: Bytes,
        /// Nothing where it is the whole message.
        part: Option<Part>,
    },
    /// Something for a program on the phone: the header names a port.
    Ports,
    /// The header is none, counts parts that cannot be, or changes the alphabet to a national one.
    Broken,
}

/// Takes the header from a delivery's user data.
pub(crate) fn user_data(delivery: &Delivery) -> UserData {
    let octets = delivery.user_data.clone();
    let sar = delivery.sar.map(|(reference, total, index)| (Reference::Sar(reference), total, index));
    if !delivery.has_header() {
        return text(octets, sar);
    }
    let Some(len) = octets.first().map(|len| usize::from(*len) + 1).filter(|len| *len <= octets.len()) else {
        return UserData::Broken;
    };
    let (mut header, octets) = (octets.slice(1..len), octets.slice(len..));
    let mut numbered = None;
    while !header.is_empty() {
        let (Some(id), Some(len)) = (header.first().copied(), header.get(1).map(|len| usize::from(*len))) else {
            return UserData::Broken;
        };
        let Some(value) = header.get(2..2 + len) else {
            return UserData::Broken;
        };
        match (id, value) {
            // Concatenated short messages, with 8-bit and with 16-bit reference.
            (0x00, [reference, total, index]) => numbered = Some((Reference::Short(*reference), *total, *index)),
            (0x08, [high, low, total, index]) => {
                numbered = Some((Reference::Long(u16::from_be_bytes([*high, *low])), *total, *index));
            }
            // Application ports, with 8 and with 16 bits.
            (0x04 | 0x05, _) => return UserData::Ports,
            // National language tables, single shift and locking shift, which are not read here.
            (0x00 | 0x08 | 0x24 | 0x25, _) => return UserData::Broken,
            _ => {}
        }
        header = header.slice(2 + len..);
    }
    text(octets, numbered.or(sar))
}

fn text(octets: Bytes, numbered: Option<(Reference, u8, u8)>) -> UserData {
    let part = match numbered {
        None | Some((_, 1, 1)) => None,
        Some((reference, total, index)) if total > 1 && (1..=total).contains(&index) => {
            Some(Part { reference, total, index })
        }
        Some(_) => return UserData::Broken,
    };
    UserData::Text { octets, part }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pdu::tests::deliver_sm;
    use rusmpp_core::CommandId;

    fn read(esm_class: u8, octets: &[u8], tlvs: &[(u16, &[u8])]) -> UserData {
        let body = deliver_sm("39333", (esm_class, 0), octets, tlvs);
        user_data(&Delivery::read(CommandId::DeliverSm, &Bytes::from(body)).unwrap())
    }

    #[test]
    fn headers() {
        type Read = Option<(&'static [u8], Option<(Reference, u8, u8)>)>;
        let check = |octets: &[u8], expected: Read| {
            let told = match read(0x40, octets, &[]) {
                UserData::Text { octets, part } => Some((octets, part.map(|p| (p.reference, p.total, p.index)))),
                UserData::Ports | UserData::Broken => None,
            };
            let told = told.as_ref().map(|(octets, part)| (&octets[..], *part));
            assert_eq!(told, expected, "{octets:x?}");
        };
        check(b"\x05\x00\x03\xab\x03\x01hi", Some((b"hi", Some((Reference::Short(0xab), 3, 1)))));
        check(b"\x06\x08\x04\xab\xcd\xff\xffhi", Some((b"hi", Some((Reference::Long(0xabcd), 255, 255)))));
        // One part of one is a whole message; other elements are passed over.
        check(b"\x05\x00\x03\xab\x01\x01hi", Some((b"hi", None)));
        check(b"\x08\x70\x01\x00\x00\x03\xab\x02\x02hi", Some((b"hi", Some((Reference::Short(0xab), 2, 2)))));
        check(b"\x00hi", Some((b"hi", None)));
        // Parts that cannot be.
        check(b"\x05\x00\x03\xab\x03\x00hi", None);
        check(b"\x05\x00\x03\xab\x03\x04hi", None);
        check(b"\x05\x00\x03\xab\x00\x00hi", None);
        check(b"\x05\x00\x03\xab\x00\x01hi", None);
        // Headers that are none.
        check(b"", None);
        check(b"\x09hi", None);
        check(b"\x05\x00\x04\xab\x03\x01\x01hi", None);
        check(b"\x01\x00hi", None);
        check(b"\x04\x00\x02\xab\x03hi", None);
        check(b"\x06\x05\x04\x0b\x84\x23\xf0push", None);
        check(b"\x03\x25\x01\x01hi", None);
    }

    #[test]
    fn segments() {
        let sar: &[(u16, &[u8])] = &[(0x020c, &[1, 2]), (0x020e, &[3]), (0x020f, &[2])];
        let part = |data: UserData| match data {
            UserData::Text { part, .. } => part,
            UserData::Ports | UserData::Broken => None,
        };
        let expected = Part { reference: Reference::Sar(0x0102), total: 3, index: 2 };
        assert_eq!(part(read(0, b"hi", sar)), Some(expected));
        // The header is the phone's own word.
        let header = part(read(0x40, b"\x05\x00\x03\xab\x02\x01hi", sar));
        assert_eq!(header.map(|part| part.reference), Some(Reference::Short(0xab)));
    }
}
