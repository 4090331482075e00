use proptest::prelude::*;

use super::*;

fn key(from: &str, reference: u8, total: u8) -> Key {
    Key::new(from, "40404", &Part { reference: Reference::Short(reference), total, index: 1 })
}

fn piece(index: u8, text: &str) -> Piece {
    Piece { index, coding: 0, octets: text.as_bytes().to_vec() }
}

fn whole(pieces: &[Piece]) -> String {
    pieces.iter().map(|piece| String::from_utf8_lossy(&piece.octets).into_owned()).collect()
}

/// Parts of one message of three, as `1a` for the first with the text `a`; then what each made of it: `s`tored, `k`nown,
/// `x` spoilt, `f`ull, `g`iven up, or the whole text.
fn check(parts: &str, expected: &str) {
    let mut bucket = Bucket::default();
    let key = key("a", 1, 3);
    let told: Vec<String> = (parts.split(' '))
        .map(|part| {
            let (index, text) = part.split_at(1);
            match bucket.add(&key, piece(index.parse().unwrap(), text), 0) {
                Added::Stored { given_up: 0 } => "s".to_owned(),
                Added::Stored { .. } => "g".to_owned(),
                Added::Known => "k".to_owned(),
                Added::Spoilt => "x".to_owned(),
                Added::Full => "f".to_owned(),
                Added::Whole(pieces) => whole(&pieces),
            }
        })
        .collect();
    assert_eq!(told.join(" "), expected, "{parts}");
}

#[test]
fn parts_in_any_order() {
    check("1a 2b 3c", "s s abc");
    check("3c 1a 2b", "s s abc");
    check("2b 2b 1a 1a 3c", "s k s k abc");
    // The last part is not kept: until the message is durable it may come again.
    check("1a 2b 3c 3c", "s s abc abc");
    // The same number with another text: what is put together of two messages is nobody's.
    check("1a 1z 2b 3c 1a", "s g x x x");
    check("1a 2b 2z 3c", "s s g x");
}

#[test]
fn other_messages_are_others() {
    let mut bucket = Bucket::default();
    let one = key("a", 1, 2);
    assert_eq!(bucket.add(&one, piece(1, "a"), 0), Added::Stored { given_up: 0 });
    let long = Key::new("a", "40404", &Part { reference: Reference::Long(1), total: 2, index: 1 });
    let sar = Key::new("a", "40404", &Part { reference: Reference::Sar(1), total: 2, index: 1 });
    let elsewhere = Key::new("a", "50505", &Part { reference: Reference::Short(1), total: 2, index: 1 });
    for other in [key("b", 1, 2), key("a", 2, 2), key("a", 1, 3), long, sar, elsewhere] {
        assert_ne!(other, one);
        assert!(matches!(bucket.clone().add(&other, piece(2, "b"), 0), Added::Stored { .. }));
    }
}

#[test]
fn there_is_an_end_to_room_and_to_waiting() {
    // One sender's fifth message takes the place of the first.
    let mut bucket = Bucket::default();
    for reference in 0..4 {
        assert_eq!(
            bucket.add(&key("a", reference, 3), piece(1, "a"), u64::from(reference)),
            Added::Stored { given_up: 0 }
        );
    }
    assert_eq!(bucket.add(&key("a", 9, 3), piece(1, "a"), 9), Added::Stored { given_up: 1 });
    bucket.add(&key("a", 1, 3), piece(2, "b"), 9);
    assert_eq!(
        bucket.add(&key("a", 1, 3), piece(3, "c"), 9),
        Added::Whole(vec![piece(1, "a"), piece(2, "b"), piece(3, "c")])
    );
    // Other senders take no place of anybody: there are eight.
    for sender in ["b", "c", "d", "e"] {
        assert_eq!(bucket.add(&key(sender, 1, 3), piece(1, "a"), 9), Added::Stored { given_up: 0 });
    }
    assert_eq!(bucket.add(&key("f", 1, 3), piece(1, "a"), 9), Added::Full);
    // The third of the first sender's was written at 3.
    let expired = bucket.expire(10, 13);
    assert_eq!(expired, Expired { is_changed: true, given_up: 3 });
    assert_eq!(bucket.add(&key("f", 1, 3), piece(1, "a"), 13), Added::Stored { given_up: 0 });
    assert!(bucket.expire(10, 100).given_up == 6 && bucket.is_empty());
    assert!(!bucket.expire(10, 200).is_changed);
}

#[test]
fn a_bucket_fits_into_the_store() {
    let mut bucket = Bucket::default();
    let mut stored = 0;
    for sender in 0..8 {
        for index in 1..=254 {
            let piece = Piece { index, coding: 0, octets: vec![b'x'; 255] };
            stored +=
                usize::from(bucket.add(&key(&sender.to_string(), 1, 255), piece, 0) == Added::Stored { given_up: 0 });
        }
    }
    assert!(stored > 1000, "{stored}");
    let written = serde_json::to_vec(&bucket).unwrap();
    assert!(written.len() < 1 << 20, "{}", written.len());
    assert_eq!(serde_json::from_slice::<Bucket>(&written).unwrap(), bucket);
}

proptest! {
    #[test]
    fn parts_are_whole_once_all_are_there(total in 2_u8..=255, order in any::<prop::sample::Index>(), again in any::<prop::sample::Index>()) {
        let mut bucket = Bucket::default();
        let key = key("a", 1, total);
        let mut indices: Vec<u8> = (1..=total).collect();
        indices.rotate_left(order.index(usize::from(total)));
        let text = |index: u8| format!("<{index}>");
        let (last, first) = indices.split_last().unwrap();
        for index in first {
            prop_assert_eq!(bucket.add(&key, piece(*index, &text(*index)), 0), Added::Stored { given_up: 0 });
        }
        let repeated = first[again.index(first.len())];
        prop_assert_eq!(bucket.add(&key, piece(repeated, &text(repeated)), 0), Added::Known);
        match bucket.add(&key, piece(*last, &text(*last)), 0) {
            Added::Whole(pieces) => prop_assert_eq!(whole(&pieces), (1..=total).map(text).collect::<String>()),
            other => prop_assert!(false, "{:?}", other),
        }
    }
}
