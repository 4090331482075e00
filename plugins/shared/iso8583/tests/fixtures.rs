//! Messages that others wrote: those of moov-io/iso8583, with bitmaps in hexadecimal digits.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "a test may fail loudly, and says that it skips"
)]

use std::path::Path;

use sportello_iso8583::table::{Format, Length, TABLE_1987};
use sportello_iso8583::{Coding, DecodeError, Dialect, Field, Mti, decode, encode};
use sportello_sdk::serde_json::{Value, from_slice};

/// A file of the shared fixtures, where they are.
fn fixture(name: &str) -> Option<Vec<u8>> {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../../../shared/fixtures/iso8583");
    let read = std::fs::read(Path::new(folder).join(name));
    if read.is_err() {
        println!("skipped: the shared fixtures are not here");
    }
    read.ok()
}

#[test]
fn dumps_of_others_are_read_and_written_again_as_they_were() {
    let hex = Dialect::new(Coding::Hex);
    let check = |name: &str, mti: Mti, fields: &[(u8, &str)], count: usize| {
        let Some(octets) = fixture(name) else { return };
        let message = decode(&octets, &hex).unwrap();
        assert_eq!((message.mti(), message.fields().count()), (mti, count), "{name}");
        for (number, value) in fields {
            assert_eq!(message.get(Field::new(*number).unwrap()), Some(value.as_bytes()), "{name}: field {number}");
        }
        let mut again = Vec::new();
        encode(&message, &hex, &mut again).unwrap();
        assert_eq!(again, octets, "{name}");
    };
    let financial = [(3, "380000"), (7, "0420050805"), (11, "011392"), (32, "2000001"), (42, "0800411        ")];
    check("moov_financial_transaction_message.dat", Mti::FINANCIAL, &[&financial[..], &[(49, "360")]].concat(), 14);
    let answer = [&financial[..], &[(39, "00"), (60, "1B54391001")]].concat();
    check("moov_financial_transaction_message_response.dat", Mti::FINANCIAL_ANSWER, &answer, 15);
    // One that says of a field that it is longer than the message.
    if let Some(octets) = fixture("moov_error_message.dat") {
        assert_eq!(decode(&octets, &hex), Err(DecodeError::Short(Field::CHIP_DATA)));
    }
}

#[test]
fn the_table_is_that_of_others() {
    let Some(table) = fixture("moov_spec87ascii.json") else { return };
    let table: Value = from_slice(&table).unwrap();
    let mut compared = 0;
    for (name, spec) in table["fields"].as_object().unwrap() {
        let Some(field) = name.strip_prefix("Field").and_then(|number| Field::new(number.parse().unwrap())) else {
            continue;
        };
        let len = u16::try_from(spec["length"].as_u64().unwrap()).unwrap();
        let expected = match spec["prefix"].as_str().unwrap() {
            "ASCII.fixed" | "Hex.fixed" => Length::Fixed(len),
            "ASCII.LL" => Length::Ll(len),
            "ASCII.LLL" => Length::Lll(len),
            other => panic!("{other}"),
        };
        let ours = TABLE_1987.spec(field).unwrap();
        assert_eq!(ours.length, expected, "{field}");
        assert_eq!(ours.format == Format::B, spec["enc"] == "hexEncoder", "{field}");
        compared += 1;
    }
    assert_eq!(compared, 64);
}
