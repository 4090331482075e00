use proptest::prelude::*;

use super::*;

/// A `deliver_sm`, put together by hand after the specification's table (SMPP 3.4, section 4.6.1).
pub(crate) fn deliver_sm(
    from: &str,
    (esm_class, coding): (u8, u8),
    user_data: &[u8],
    tlvs: &[(u16, &[u8])],
) -> Vec<u8> {
    let mut body = vec![0, 1, 1];
    body.extend(from.as_bytes());
    body.extend([0, 3, 0]);
    body.extend(b"40404\0");
    body.extend([esm_class, 0, 0, 0, 0, 0, 0, coding, 0, u8::try_from(user_data.len()).unwrap()]);
    body.extend(user_data);
    for (tag, value) in tlvs {
        body.extend(tag.to_be_bytes());
        body.extend(u16::try_from(value.len()).unwrap().to_be_bytes());
        body.extend(*value);
    }
    body
}

/// A PDU.
pub(crate) fn pdu(command: u32, status: u32, sequence: u32, body: &[u8]) -> Vec<u8> {
    let mut out = BytesMut::new();
    write(Header { command: CommandId::from(command), status, sequence }, body, &mut out);
    out.to_vec()
}

fn read(body: &[u8]) -> Result<Delivery, u32> {
    Delivery::read(CommandId::DeliverSm, &Bytes::copy_from_slice(body))
}

#[test]
fn a_bind_is_as_the_specification_has_it() {
    // The sample of SMPP 3.4, section 3.2.2, with an address range of its own.
    let bind = Bind::new("SMPP3TEST", "secret08", "SUBMIT1", 0x34, "").unwrap();
    assert_eq!(bind.body(), b"SMPP3TEST\0secret08\0SUBMIT1\0\x34\0\0\0");
    for (bad, key) in
        [(Bind::new("", "123456789", "", 0x34, ""), "password"), (Bind::new("a\0b", "", "", 0x34, ""), "system_id")]
    {
        assert_eq!(bad.err(), Some(key));
    }
}

#[test]
fn a_submit_is_as_the_specification_has_it() {
    let address = |ton, npi, text: &str| Address { ton, npi, text: text.to_owned() };
    let from = address(5, 0, "Sportello");
    let to = address(1, 1, "393331234567");
    let body = submit_sm(&from, &to, (8, vec![0x20, 0xac], false), true).unwrap();
    assert_eq!(&body[..], b"\0\x05\0Sportello\0\x01\x01393331234567\0\0\0\0\0\0\x01\0\x08\0\x02\x20\xac");
    let body = submit_sm(&from, &to, (0, vec![5, 0, 3, 1, 2, 1, 0x41], true), false).unwrap();
    assert_eq!(&body[..], b"\0\x05\0Sportello\0\x01\x01393331234567\0\x40\0\0\0\0\0\0\0\0\x07\x05\0\x03\x01\x02\x01A");
    assert_eq!(submit_sm(&from, &address(1, 1, &"9".repeat(21)), (0, Vec::new(), false), true), None);
}

#[test]
fn deliveries() {
    let check = |body: &[u8], expected: Result<(&str, &[u8]), u32>| {
        let told = read(body);
        let told = told.as_ref().map(|d| (d.from.text.as_str(), &d.user_data[..])).map_err(|status| *status);
        assert_eq!(told, expected, "{body:x?}");
    };
    let plain = deliver_sm("393331234567", (0, 0), b"hello", &[]);
    check(&plain, Ok(("393331234567", b"hello")));
    // What is in the payload counts where the short message is empty, and only there.
    check(&deliver_sm("39333", (0, 0), b"", &[(0x0424, b"long")]), Ok(("39333", b"long")));
    check(&deliver_sm("39333", (0, 0), b"short", &[(0x0424, b"long")]), Ok(("39333", b"short")));
    // What nobody knows, and what is not as it should be, costs nothing.
    check(
        &deliver_sm("39333", (0, 0), b"x", &[(0x1400, b"vendor"), (0x020c, b"\x01"), (0x0204, b"abc")]),
        Ok(("39333", b"x")),
    );
    check(&deliver_sm("39333", (0, 0), b"x", &[(0x1400, &[7; 60_000])]), Ok(("39333", b"x")));
    check(&[], Err(0x02));
    check(&plain[..plain.len() - 1], Err(0x02));
    check(&plain[..10], Err(0x02));
    check(&[plain.as_slice(), &[0x04]].concat(), Err(0xc0));
    check(&[plain.as_slice(), &[0x04, 0x24, 0x00, 0x05, 0x41]].concat(), Err(0xc0));
    // Longer than its field, and not plain ASCII.
    check(&deliver_sm(&"9".repeat(21), (0, 0), b"x", &[]), Err(0x02));
    check(&deliver_sm("\u{e9}", (0, 0), b"x", &[]), Err(0x02));
}

#[test]
fn optional_parameters() {
    let sar: &[(u16, &[u8])] = &[(0x020c, &[1, 2]), (0x020e, &[3]), (0x020f, &[1])];
    assert_eq!(read(&deliver_sm("39333", (0, 0), b"x", sar)).unwrap().sar, Some((0x0102, 3, 1)));
    assert_eq!(read(&deliver_sm("39333", (0, 0), b"x", &sar[..2])).unwrap().sar, None);
    for id in [&b"abc1\0"[..], b"abc1"] {
        let receipt = read(&deliver_sm("39333", (4, 0), b"", &[(0x001e, id), (0x0427, &[2])])).unwrap();
        assert_eq!((receipt.receipted_message_id.as_deref(), receipt.message_state), (Some("abc1"), Some(2)));
    }
}

#[test]
fn a_data_sm_is_read_too() {
    let body = b"\0\x01\x01393331234567\0\x03\x0040404\0\x00\x00\x08\x04\x24\x00\x02\x20\xac";
    let delivery = Delivery::read(CommandId::DataSm, &Bytes::from_static(body)).unwrap();
    assert_eq!((delivery.coding, &delivery.user_data[..]), (8, &b"\x20\xac"[..]));
    assert_eq!(Delivery::read(CommandId::DataSm, &Bytes::from_static(&body[..20])), Err(0x02));
}

#[test]
fn frames() {
    let check = |octets: &[u8], expected: Option<Result<usize, BadLength>>| {
        let mut arrived = BytesMut::from(octets);
        let told = next(&mut arrived).map(|result| result.map(|pdu| pdu.body.len()));
        assert_eq!(told, expected, "{octets:x?}");
    };
    let enquire = pdu(0x15, 0, 9, b"");
    check(&enquire, Some(Ok(0)));
    check(&pdu(0x15, 0, 9, b"more"), Some(Ok(4)));
    check(&enquire[..15], None);
    check(&enquire[..3], None);
    check(b"", None);
    check(&[0, 0, 0, 15, 0, 0, 0, 0x15, 0, 0, 0, 0, 0, 0, 0, 9], Some(Err(BadLength { sequence: 9 })));
    check(&[0, 0, 0, 0], Some(Err(BadLength { sequence: 0 })));
    check(&[0xff; 16], Some(Err(BadLength { sequence: u32::MAX })));
    check(b"GET / HTTP/1.1\r\n\r\n", Some(Err(BadLength { sequence: 0x2e31_0d0a })));
}

#[test]
fn ids() {
    let check =
        |octets: &[u8], expected: Option<&str>| assert_eq!(message_id(octets).as_deref(), expected, "{octets:x?}");
    check(b"abc\0", Some("abc"));
    check(b"abc", Some("abc"));
    check(b"abc\0def", Some("abc"));
    check(b"", None);
    check(b"\0", None);
    check(b"a b\0", None);
    check(b"\xff\0", None);
    check(&[b'1'; 65], None);
}

proptest! {
    #[test]
    fn whatever_comes_is_read_or_refused(body in prop::collection::vec(any::<u8>(), 0..400)) {
        let body = Bytes::from(body);
        for command in [CommandId::DeliverSm, CommandId::DataSm] {
            if let Ok(delivery) = Delivery::read(command, &body) {
                prop_assert!(delivery.user_data.len() <= body.len());
            }
        }
    }

    #[test]
    fn a_body_with_some_octets_changed_is_read_or_refused(
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..6),
        cut in any::<prop::sample::Index>(),
    ) {
        let mut body = deliver_sm("393331234567", (0x40, 8), b"\x05\x00\x03\x01\x02\x01hi", &[(0x0427, &[2]), (0x001e, b"id\0")]);
        for (at, octet) in changes {
            let at = at.index(body.len());
            body[at] = octet;
        }
        body.truncate(cut.index(body.len()) + 1);
        let _ = read(&body);
    }
}
