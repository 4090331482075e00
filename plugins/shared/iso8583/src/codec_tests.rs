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
                value[0] = if value[0] % 2 == 0 { b'C' } else { b'D' };
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
}
