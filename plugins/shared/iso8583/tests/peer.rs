//! The codec judged by somebody else's: PyPI's `pyiso8583`, in both directions.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "a test may fail loudly")]

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use sportello_iso8583::table::{Format, Length, TABLE_1987};
use sportello_iso8583::{Coding, Dialect, Field, Message, Mti, decode, encode};
use sportello_sdk::serde_json::{self, Value, json};

const PACKAGE: &str = "pyiso8583==4.0.1";

/// How many messages are made of each coding.
const MESSAGES: u64 = 500;

/// A Python that has the package, made on first use; `None`, said loudly, where there is none to be had.
fn python() -> Option<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../target/peers/pyiso8583");
    let python = folder.join("bin/python");
    let run = |program: &Path, arguments: &[&str]| match Command::new(program).args(arguments).output() {
        Ok(output) if output.status.success() => Ok(()),
        Ok(output) => Err(String::from_utf8_lossy(&output.stderr).trim().to_owned()),
        Err(error) => Err(error.to_string()),
    };
    let has_it = ["-c", "import importlib.metadata as m; assert m.version('pyiso8583') == '4.0.1'"];
    let made = run(&python, &has_it).or_else(|_| {
        run(Path::new("python3"), &["-m", "venv", folder.to_str().unwrap()])?;
        run(&python, &["-m", "pip", "install", "--quiet", "--disable-pip-version-check", PACKAGE])?;
        run(&python, &has_it)
    });
    match made {
        Ok(()) => Some(python),
        Err(error) => {
            skipped(&error);
            None
        }
    }
}

#[allow(clippy::print_stderr, reason = "a test that skips says so")]
fn skipped(error: &str) {
    // Whoever has the package installed beforehand wants to know when it is not found.
    assert!(std::env::var_os("SPORTELLO_PEERS").is_none(), "{PACKAGE} should be here: {error}");
    eprintln!("SKIPPED: nobody to judge the codec, for {PACKAGE} is not to be had: {error}");
}

/// SplitMix64 (Steele, Lea, Flood 2014): the same messages each time.
struct Random(u64);

impl Random {
    fn below(&mut self, limit: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        usize::try_from(z >> 33).unwrap() % limit
    }

    fn of(&mut self, characters: &[u8], len: usize) -> Vec<u8> {
        (0..len).map(|_| characters[self.below(characters.len())]).collect()
    }
}

/// A message with any fields, each as full as it may be, or less.
fn message(random: &mut Random, coding: Coding) -> Message {
    let letters = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz ";
    let printable: Vec<u8> = (b' '..=b'~').collect();
    let mut message = Message::new(Mti::read(random.of(b"0123456789", 4).try_into().unwrap()).unwrap());
    let (percent, last) = (random.below(100), if random.below(2) == 0 { 64 } else { 128 });
    for field in (2..=last).filter_map(Field::new) {
        let Some(spec) = TABLE_1987.spec(field).filter(|_| random.below(100) < percent) else { continue };
        let len = match (spec.length, field.number()) {
            // The peer has the chip's data as bytes, and other data of a shorter length.
            (_, 55) if coding == Coding::Binary => continue,
            (_, 44) => random.below(26),
            (_, 55) => random.below(511),
            (Length::Fixed(len), _) => usize::from(len),
            (Length::Ll(max) | Length::Lll(max), _) => random.below(usize::from(max) + 1),
        };
        let value = match spec.format {
            Format::N => random.of(b"0123456789", len),
            Format::Xn => [random.of(b"CD", 1), random.of(b"0123456789", len - 1)].concat(),
            Format::An => random.of(letters, len),
            Format::Ans => random.of(&printable, len),
            Format::Z => random.of(b"0123456789=D", len),
            Format::B => (0..len).map(|_| u8::try_from(random.below(256)).unwrap()).collect(),
        };
        message.set(field, value);
    }
    message
}

fn hex(octets: &[u8]) -> String {
    octets.iter().map(|octet| format!("{octet:02X}")).collect()
}

/// The message as the peer shows it: bytes are hexadecimal digits.
fn shown(message: &Message) -> BTreeMap<String, String> {
    let value = |field: Field, value: &[u8]| match TABLE_1987.spec(field).unwrap().format {
        Format::B => hex(value),
        _ => String::from_utf8(value.to_vec()).unwrap(),
    };
    let fields = message.fields().map(|(field, octets)| (field.number().to_string(), value(field, octets)));
    fields.chain([("t".to_owned(), message.mti().to_string())]).collect()
}

#[test]
fn another_codec_reads_what_ours_writes_and_writes_what_ours_reads() {
    let Some(python) = python() else { return };
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/peers/codec.py");
    let mut peer = Command::new(python).arg(script).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let (mut input, output) = (peer.stdin.take().unwrap(), peer.stdout.take().unwrap());
    let mut lines = BufReader::new(output).lines();
    for (coding, name) in [(Coding::Binary, "binary"), (Coding::Hex, "hex")] {
        let dialect = Dialect::new(coding);
        let mut random = Random(8583);
        for number in 0..MESSAGES {
            let message = message(&mut random, coding);
            let mut octets = Vec::new();
            encode(&message, &dialect, &mut octets).unwrap();
            writeln!(input, "{}", json!({ "coding": name, "octets": hex(&octets) })).unwrap();
            let said: Value = serde_json::from_str(&lines.next().unwrap().unwrap()).unwrap();
            assert_eq!(said["fields"], json!(shown(&message)), "{name} {number}");
            assert_eq!(said["octets"].as_str().unwrap().to_uppercase(), hex(&octets), "{name} {number}");
            assert_eq!(decode(&octets, &dialect), Ok(message), "{name} {number}");
        }
    }
    drop(input);
    assert!(peer.wait().unwrap().success());
}
