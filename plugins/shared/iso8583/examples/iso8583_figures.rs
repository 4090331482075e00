//! What a message costs to write and to read, in a line of JSON each: `cargo xtask bench --only codec`.
#![allow(clippy::unwrap_used, reason = "a measurement may fail loudly")]

use std::hint::black_box;
use std::time::Instant;

use sportello_iso8583::{Dialect, Field, Message, Mti, decode, encode};

/// A round, and how many are made: the best of them counts, since whatever else the machine does only adds.
const CALLS: u32 = 100_000;
const ROUNDS: u32 = 7;

fn request() -> Message {
    Message::new(Mti::FINANCIAL)
        .with(Field::PAN, "4111111111111111")
        .with(Field::PROCESSING_CODE, "000000")
        .with(Field::AMOUNT, "000000002000")
        .with(Field::TRANSMITTED_AT, "1124120000")
        .with(Field::STAN, "000001")
        .with(Field::LOCAL_TIME, "120000")
        .with(Field::LOCAL_DATE, "1124")
        .with(Field::EXPIRY, "3012")
        .with(Field::MERCHANT_TYPE, "5812")
        .with(Field::ENTRY_MODE, "810")
        .with(Field::CONDITION, "59")
        .with(Field::ACQUIRER, "123456")
        .with(Field::RRN, "632812000001")
        .with(Field::TERMINAL, "TERM0001")
        .with(Field::MERCHANT, "MERCHANT0000001")
        .with(Field::MERCHANT_NAME, "Sportello                Roma         IT")
        .with(Field::PRIVATE_DATA, "420205")
        .with(Field::CURRENCY, "978")
}

fn best_us(mut work: impl FnMut()) -> f64 {
    let mut best = f64::MAX;
    for _ in 0..ROUNDS {
        let begun = Instant::now();
        (0..CALLS).for_each(|_| work());
        best = best.min(begun.elapsed().as_secs_f64() * 1e6 / f64::from(CALLS));
    }
    best
}

fn main() {
    let (message, dialect) = (request(), Dialect::default());
    let mut wire = Vec::with_capacity(512);
    encode(&message, &dialect, &mut wire).unwrap();
    // The least that either can cost: the bytes themselves, copied into room of their own.
    let copy = best_us(|| drop(black_box(black_box(&wire).clone())));
    let mut out = Vec::with_capacity(512);
    let encoded = best_us(|| {
        out.clear();
        encode(black_box(&message), &dialect, &mut out).unwrap();
        black_box(&out);
    });
    let decoded = best_us(|| drop(black_box(decode(black_box(&wire), &dialect).unwrap())));
    for (name, value) in [("iso8583-encode", encoded), ("iso8583-decode", decoded)] {
        println!(r#"{{"name":"{name}","value":{value:.3},"unit":"µs","at_most":2.0,"limit":{copy:.3}}}"#);
    }
}
