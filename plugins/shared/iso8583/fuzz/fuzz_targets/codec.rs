//! Whatever comes is messages or errors, and a message is written again as it came. From the crate's folder:
//! `cargo +nightly fuzz run codec`.
#![no_main]

use libfuzzer_sys::fuzz_target;
use sportello_iso8583::frame::{Frames, MESSAGE_LEN_MAX};
use sportello_iso8583::{Coding, Dialect, decode, encode};

fuzz_target!(|octets: &[u8]| {
    for coding in [Coding::Binary, Coding::Hex] {
        let dialect = Dialect::new(coding);
        if let Ok(message) = decode(octets, &dialect) {
            let mut again = Vec::new();
            assert_eq!(encode(&message, &dialect, &mut again), Ok(()));
            match coding {
                Coding::Binary => assert_eq!(again, octets),
                // Small hexadecimal digits are read, and not written.
                Coding::Hex => assert!(again.eq_ignore_ascii_case(octets)),
            }
            // Nothing of a card shows, whatever it is.
            let _ = format!("{message:?}");
        }
    }
    let mut frames = Frames::new(MESSAGE_LEN_MAX);
    for piece in octets.chunks(7) {
        frames.push(piece);
        while let Ok(Some(message)) = frames.next_message() {
            let _ = decode(&message, &Dialect::default());
        }
    }
});
