use proptest::prelude::*;

use crate::table::{Format, Length, TABLE_1987};
use crate::{Coding, DecodeError, Dialect, EncodeError, Field, Message, Mti, decode, encode};

const CODINGS: [Coding; 2] = [Coding::Binary, Coding::Hex];

fn field(number: u8) -> Field {
    Field::new(number).unwrap()
}

fn encoded(message: &Message, coding: Coding) -> Result<Vec<u8>, EncodeError> {
    let mut out = b"before".to_vec();
    let result = encode(message, &Dialect::new(coding), &mut out);
    assert!(out.starts_with(b"before") && (result.is_ok() || out.len() == 6));
    result.map(|()| out.split_off(6))
}

fn read(octets: &[u8], coding: Coding) -> Result<Message, DecodeError> {
    decode(octets, &Dialect::new(coding))
}

/// A purchase as the rails make it.
fn purchase() -> Message {
    let values: [(u8, &str); 20] = [
        (2, "4111111111111111"),
        (3, "000000"),
        (4, "000000002000"),
        (7, "1124190500"),
        (11, "000042"),
        (12, "190500"),
        (13, "1124"),
        (14, "3012"),
        (18, "5999"),
        (22, "810"),
        (25, "59"),
        (32, "12345678901"),
        (37, "632800000041"),
        (41, "T0000001"),
        (42, "MERCHANT1      "),
        (43, "Paolo's pizza            Torino       IT"),
        (48, "420205430428AJkBAyhHkZQAAAAAQJF0oQAAAAA="),
        (49, "978"),
        (70, "000"),
        (90, "020000004111241905000001234567800000000000"),
    ];
    let mut message = Message::new(Mti::FINANCIAL);
    for (number, value) in values {
        message.set(field(number), value);
    }
    message
}

#[test]
fn a_message_is_as_the_standard_draws_it() {
    let check = |message: &Message, coding: Coding, expected: &[u8]| {
        assert_eq!(encoded(message, coding).unwrap(), expected, "{message:?}");
    };
    let echo = Message::new(Mti::NETWORK)
        .with(Field::NETWORK_CODE, "301")
        .with(Field::STAN, "7")
        .with(Field::TRANSMITTED_AT, "1124190500");
    let binary = [b"0800\x82\x20\0\0\0\0\0\0\x04\0\0\0\0\0\0\0".as_slice(), b"1124190500000007301"].concat();
    check(&echo, Coding::Binary, &binary);
    check(&echo, Coding::Hex, b"0800822000000000000004000000000000001124190500000007301");
}

/// What is set comes back as it stands in the message.
#[test]
fn values_are_filled_up_as_their_format_has_it() {
    let check = |number: u8, value: &str, expected: Result<&str, EncodeError>| {
        for coding in CODINGS {
            let octets = encoded(&Message::new(Mti::FINANCIAL).with(field(number), value), coding);
            let came = octets.map(|octets| read(&octets, coding).unwrap().get(field(number)).unwrap().to_vec());
            assert_eq!(came, expected.map(|value| value.as_bytes().to_vec()), "field {number}: {value:?}");
        }
    };
    check(4, "2000", Ok("000000002000"));
    check(4, "", Ok("000000000000"));
    check(4, "1000000000000", Err(EncodeError::Length(field(4))));
    check(4, "20.00", Err(EncodeError::Format(field(4))));
    check(2, "4111111111111111", Ok("4111111111111111"));
    check(2, "41111111111111111111", Err(EncodeError::Length(field(2))));
    check(41, "T1", Ok("T1      "));
    check(38, "A1B2", Ok("A1B2  "));
    check(38, "A1-B2", Err(EncodeError::Format(field(38))));
    check(43, "Caffè", Err(EncodeError::Format(field(43))));
    check(28, "D00000100", Ok("D00000100"));
    check(28, "D100", Err(EncodeError::Length(field(28))));
    check(28, "000000100", Err(EncodeError::Format(field(28))));
    check(35, "4111111111111111=3012", Ok("4111111111111111=3012"));
    check(35, "4111111111111111 3012", Err(EncodeError::Format(field(35))));
    check(52, "12345678", Ok("12345678"));
    check(52, "1234567", Err(EncodeError::Length(field(52))));
    check(64, "123456789", Err(EncodeError::Length(field(64))));
    check(65, "12345678", Err(EncodeError::Unknown(field(65))));
    check(128, "\0\x01\x02\x03\x04\x05\x06\x07", Ok("\0\x01\x02\x03\x04\x05\x06\x07"));
    check(48, &"x".repeat(1000), Err(EncodeError::Length(field(48))));
}

fn purchase_octets() -> Vec<u8> {
    encoded(&purchase(), Coding::Binary).unwrap()
}

/// The message of these octets cannot be read, for this reason.
#[track_caller]
fn refused(octets: &[u8], coding: Coding, expected: DecodeError) {
    let read = read(octets, coding);
    assert_eq!(read.as_ref().err(), Some(&expected), "{read:?}");
    // It names the field and never what is in it.
    let told = format!("{expected} {expected:?}");
    assert!(!["4111", "3012", "AJkB"].iter().any(|secret| told.contains(secret)), "{told}");
}

#[test]
fn what_is_cut_short_is_refused_wherever_it_is_cut() {
    for coding in CODINGS {
        let octets = encoded(&purchase(), coding).unwrap();
        let (bitmap_ends, secondary_ends) = if coding == Coding::Binary { (12, 20) } else { (20, 36) };
        for len in 0..octets.len() {
            let error = read(&octets[..len], coding).unwrap_err();
            match len {
                0..4 => assert_eq!(error, DecodeError::Mti),
                _ if len < bitmap_ends => assert_eq!(error, DecodeError::Bitmap),
                _ if len < secondary_ends => assert_eq!(error, DecodeError::NoSecondary),
                _ => assert!(matches!(error, DecodeError::Short(_)), "{len}: {error}"),
            }
        }
        let longer = [&octets[..], b"12"].concat();
        refused(&longer, coding, DecodeError::Trailing(2));
    }
}

#[test]
fn what_is_malformed_is_refused() {
    use DecodeError::*;
    let number = |number: u8| field(number);
    // What stands at this place, instead.
    let check = |at: usize, instead: &[u8], expected: DecodeError| {
        let mut octets = purchase_octets();
        octets[at..at + instead.len()].copy_from_slice(instead);
        refused(&octets, Coding::Binary, expected);
    };
    // Type.
    check(0, b"02x0", Mti);
    check(0, b"\x00200", Mti);
    // Fields 2 (length, digits), 3, 4, 7: digits alone.
    check(20, b"x6", Length(number(2)));
    check(20, b"20", TooLong(number(2)));
    check(22, b"4111 1111", Format(number(2)));
    check(38, b"00000A", Format(number(3)));
    check(44, b"-00000002000", Format(number(4)));
    check(44, b"00000020.000", Format(number(4)));
    check(56, b"11\xb24190500", Format(number(7)));
    // A PAN that is a digit shorter than its length says moves all that follows.
    let mut moved = purchase_octets();
    moved.remove(30);
    assert!(read(&moved, Coding::Binary).is_err());
    // Bits: a field more than there is, one that nobody knows, a secondary bitmap that is empty.
    let mut more = purchase_octets();
    more[19] |= 1;
    refused(&more, Coding::Binary, Short(number(128)));
    let mut unknown = purchase_octets();
    unknown[12] |= 0x80;
    refused(&unknown, Coding::Binary, Unknown(number(65)));
    refused(b"0800\x80\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0", Coding::Binary, NoSecondary);
    refused(b"0800\x80\0\0\0\0\0\0\0", Coding::Binary, NoSecondary);
    // A bit less leaves its field to the next one.
    let mut fewer = purchase_octets();
    fewer[4] &= !0x20;
    assert!(read(&fewer, Coding::Binary).is_err());
    // Hexadecimal digits.
    refused(b"0800822000000000000G0400000000000000", Coding::Hex, Bitmap);
    refused(b"0800822000000000000004000000000 0000", Coding::Hex, NoSecondary);
    refused(b"0200000000000000100012345678 ABCDEF0", Coding::Hex, Format(number(52)));
    refused(b"020000000000000010001234", Coding::Hex, Short(number(52)));
    refused(b"0200100000000000000020.000000000", Coding::Hex, Format(number(4)));
    refused(b"02000000000000010000x01a", Coding::Hex, Length(number(48)));
    refused(b"020000000000000004001211", Coding::Hex, TooLong(number(54)));
    refused(b"0200000000000800000000000001", Coding::Hex, Short(number(37)));
    refused(b"020000000000080000000000000000010000", Coding::Hex, Trailing(4));
}

#[test]
fn what_is_of_a_card_does_not_show() {
    let check = |number: u8, value: &str, expected: &str| {
        assert_eq!(format!("{:?}", Message::new(Mti::FINANCIAL).with(field(number), value)), expected);
    };
    check(2, "4111111111111111", "0200 {2: […1111] (16)}");
    check(2, "41111111111", "0200 {2: […] (11)}");
    check(14, "3012", "0200 {14: […] (4)}");
    for secret in [34, 35, 36, 45, 48, 52, 55] {
        check(secret, "41111111", &format!("0200 {{{secret}: […] (8)}}"));
    }
    check(39, "00", r#"0200 {39: "00"}"#);
    assert_eq!(format!("{:?}", Message::new(Mti::FINANCIAL).with(field(64), [0xff; 8])), "0200 {64: […] (8)}");
}

#[test]
fn fields_come_and_go() {
    let mut message = purchase();
    message.remove(Field::EXPIRY);
    message.remove(Field::EXPIRY);
    message.set(Field::AMOUNT, "1").set(Field::AMOUNT, "1000").set(Field::RESPONSE, "10");
    assert_eq!((message.get(Field::EXPIRY), message.number(Field::AMOUNT)), (None, Some(1000)));
    assert_eq!((message.text(Field::MERCHANT), message.number(Field::MERCHANT)), (Some("MERCHANT1"), None));
    let numbers: Vec<u8> = message.fields().map(|(field, _)| field.number()).collect();
    assert_eq!(numbers, [2, 3, 4, 7, 11, 12, 13, 18, 22, 25, 32, 37, 39, 41, 42, 43, 48, 49, 70, 90]);
    // The same, whatever was set before and in whichever order.
    let mut other = Message::new(Mti::FINANCIAL);
    for (field, value) in message.fields().collect::<Vec<_>>().into_iter().rev() {
        other.set(field, value);
    }
    assert_eq!(other, message);
    assert_ne!(other.with(Field::AMOUNT, "1001"), message);
}

fn some_field() -> impl Strategy<Value = (u8, Vec<u8>)> {
    let numbers: Vec<u8> = (2..=128).filter(|number| TABLE_1987.spec(field(*number)).is_some()).collect();
    prop::sample::select(numbers).prop_flat_map(|number| {
        let spec = TABLE_1987.spec(field(number)).unwrap();
        let lens = match spec.length {
            Length::Fixed(len) => usize::from(len)..=usize::from(len),
            Length::Ll(max) | Length::Lll(max) => 0..=usize::from(max),
        };
        let may = |may: fn(&u8) -> bool| (0..=255).filter(may).collect::<Vec<u8>>();
        let characters = match spec.format {
            Format::N | Format::Xn => may(u8::is_ascii_digit),
            Format::An => may(|byte| byte.is_ascii_alphanumeric() || *byte == b' '),
            Format::Ans => may(|byte| (b' '..=b'~').contains(byte)),
            Format::Z => may(|byte| (b'0'..=b'?').contains(byte) || *byte == b'D'),
            Format::B => may(|_| true),
        };
        let signed = move |mut value: Vec<u8>| {
            if spec.format == Format::Xn {
                value[0] = if value[0].is_multiple_of(2) { b'C' } else { b'D' };
            }
            (number, value)
        };
        prop::collection::vec(prop::sample::select(characters), lens).prop_map(signed)
    })
}

fn some_message() -> impl Strategy<Value = Message> {
    (0_u16..10_000, prop::collection::vec(some_field(), 0..30)).prop_map(|(mti, fields)| {
        let digits = format!("{mti:04}").into_bytes();
        let mut message = Message::new(Mti::read(digits.try_into().unwrap()).unwrap());
        for (number, value) in fields {
            message.set(field(number), value);
        }
        message
    })
}

proptest! {
    #[test]
    fn what_is_encoded_is_decoded_as_it_was(message in some_message(), in_hex in any::<bool>()) {
        let coding = if in_hex { Coding::Hex } else { Coding::Binary };
        let octets = encoded(&message, coding).unwrap();
        let came = read(&octets, coding).unwrap();
        prop_assert_eq!(encoded(&came, coding).unwrap(), octets);
        prop_assert_eq!(came, message);
    }

    #[test]
    fn whatever_comes_is_a_message_or_an_error(octets in prop::collection::vec(any::<u8>(), 0..300), in_hex in any::<bool>()) {
        let coding = if in_hex { Coding::Hex } else { Coding::Binary };
        if let Ok(message) = read(&octets, coding) {
            prop_assert_eq!(encoded(&message, coding).unwrap(), octets);
        }
    }

    #[test]
    fn a_message_with_some_octets_changed_is_another_or_an_error(
        message in some_message(),
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..4),
        in_hex in any::<bool>(),
    ) {
        let coding = if in_hex { Coding::Hex } else { Coding::Binary };
        let mut octets = encoded(&message, coding).unwrap();
        for (at, octet) in changes {
            let at = at.index(octets.len());
            octets[at] = octet;
        }
        if let Ok(message) = read(&octets, coding) {
            let again = encoded(&message, coding).unwrap();
            // Small hexadecimal digits are read, and not written.
            prop_assert_eq!(again.to_ascii_uppercase(), octets.to_ascii_uppercase());
        }
    }
}
