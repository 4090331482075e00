//! A library damaged in every way: refused or understood, and never the end of the process.

use sportello_host::{Declared, Unfit, vet};
use sportello_sdk::Bytes;

use crate::library::file;

/// SplitMix64: the same damage in every run.
struct Random(u64);

impl Random {
    fn below(&mut self, end: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        usize::try_from((z ^ (z >> 31)) % end as u64).unwrap()
    }
}

/// Where damage is likely to matter: the header, the segments, the dynamic section, the manifest, the sections.
fn places(library: &[u8]) -> Vec<std::ops::Range<usize>> {
    let word = |at: usize| usize::try_from(u64::from_le_bytes(library[at..at + 8].try_into().unwrap())).unwrap();
    let half = |at: usize| usize::from(u16::from_le_bytes(library[at..at + 2].try_into().unwrap()));
    let (segments, count) = (word(32), half(56));
    let mut places = vec![0..64, segments..segments + 56 * count];
    for segment in (0..count).map(|index| segments + 56 * index) {
        // PT_DYNAMIC.
        if half(segment) == 2 && half(segment + 2) == 0 {
            places.push(word(segment + 8)..word(segment + 8) + word(segment + 32));
        }
    }
    let name = b"\"kind\"";
    let manifest = library.windows(name.len()).position(|window| window == name).unwrap();
    places.push(manifest.saturating_sub(100)..manifest + 300);
    let sections = word(40);
    places.push(sections..sections + 64 * half(60));
    places
}

#[test]
fn damage_is_refused_or_harmless() {
    let library = std::fs::read(file("hello_rail")).unwrap();
    let places = places(&library);
    let mut random = Random(1);
    let mut refused = 0;
    let mut bytes = library.clone();
    for round in 0..3000 {
        let mut undo = Vec::new();
        for _ in 0..=random.below(3) {
            let place = &places[random.below(places.len())];
            let at = place.start + random.below(place.len());
            undo.push((at, bytes[at]));
            bytes[at] = match round % 3 {
                0 => bytes[at] ^ (1 << random.below(8)),
                1 => [0, 0xff, 0x7f, 0x80][random.below(4)],
                _ => u8::try_from(random.below(256)).unwrap(),
            };
        }
        let shared = Bytes::from(bytes);
        refused += usize::from(Declared::read_bytes("mutated", shared.clone()).is_err());
        // The only one left, so that nothing is copied.
        bytes = shared.into();
        for (at, byte) in undo.into_iter().rev() {
            bytes[at] = byte;
        }
    }
    assert_eq!(bytes, library);
    assert!(refused > 1000, "{refused}");
    assert!(Declared::read_bytes("whole", library.into()).is_ok());
}

#[test]
fn a_library_cut_short_is_refused() {
    let library = Bytes::from(std::fs::read(file("hello_rail")).unwrap());
    let mut random = Random(2);
    for round in 0..500 {
        let len = if round < 200 { round * 3 } else { random.below(library.len()) };
        // Cut anywhere, the sections at its end are gone.
        assert!(Declared::read_bytes("short", library.slice(..len)).is_err(), "{len}");
    }
}

#[test]
fn all_that_is_wrong_with_a_manifest_is_told() {
    let library = std::fs::read(file("hello_rail")).unwrap();
    // Something else of the same length, so that the library stays as it was.
    let check = |changes: &[(&str, &str)], expected: &[&str]| {
        let mut library = library.clone();
        for (from, to) in changes {
            assert_eq!(from.len(), to.len());
            let at = library.windows(from.len()).position(|window| window == from.as_bytes()).unwrap();
            library[at..at + from.len()].copy_from_slice(to.as_bytes());
        }
        match Declared::read_bytes("changed", library.into()) {
            Ok(_) => assert!(expected.is_empty(), "{expected:?}"),
            Err(error) => {
                let error = error.to_string();
                assert!(!expected.is_empty() && expected.iter().all(|part| error.contains(part)), "{error}");
            }
        }
    };
    check(&[], &[]);
    check(&[(r#""name": "hello-rail""#, r#""name": "Hello rail""#)], &["its manifest is wrong", "name:"]);
    check(
        &[(r#"["iban","#, r#"["IBAN","#), (r#""for_ms": 9007199254740991"#, r#""for_ms": 0               "#)],
        &["rail.accounts: `IBAN`", "remembers keys for no time at all"],
    );
    check(&[(r#""kind": "rail""#, r#""kind": "bail""#)], &["bail"]);
}

#[test]
fn what_no_plugin_may_have() {
    let library = std::fs::read(file("hello_rail")).unwrap();
    let word = |bytes: &[u8], at: usize| u64::from_le_bytes(bytes[at..at + 8].try_into().unwrap());
    let table = usize::try_from(word(&library, 32)).unwrap();
    let count = usize::from(u16::from_le_bytes(library[56..58].try_into().unwrap()));
    let segment = |kind: u32| {
        let of = |index: usize| table + 56 * index;
        (0..count).map(of).find(|at| library[*at..at + 4] == kind.to_le_bytes()).unwrap()
    };
    let (load, dynamic, stack) = (segment(1), segment(2), segment(0x6474_e551));
    let entries = usize::try_from(word(&library, dynamic + 8)).unwrap();
    let tag = |wanted: u64| (0..).map(|index| entries + 16 * index).find(|at| word(&library, *at) == wanted).unwrap();
    let check = |at: usize, bytes: &[u8], expected: &Unfit| {
        let mut library = library.clone();
        library[at..at + bytes.len()].copy_from_slice(bytes);
        assert_eq!(vet(&library).as_ref(), Err(expected));
    };
    let word = |value: u64| value.to_le_bytes();
    let past = Unfit::Segment("one lies past the end of the file");
    assert_eq!(vet(&library), Ok(()));
    check(0, b"\x7fELG", &Unfit::NotElf("the header is not that of such an ELF file"));
    check(4, &[1], &Unfit::NotElf("the header is not that of such an ELF file"));
    check(5, &[2], &Unfit::NotElf("the byte order is another"));
    check(16, &[2], &Unfit::NotShared);
    check(18, &[0x28, 0], &Unfit::Machine(0x28));
    check(load + 4, &[7], &Unfit::WritableCode("a segment"));
    check(load + 32, &word(1 << 40), &past);
    check(load + 8, &word(u64::MAX - 4095), &past);
    check(load + 40, &word(1), &Unfit::Segment("one is longer in the file than in memory"));
    check(load + 40, &word(u64::MAX), &Unfit::Segment("together they are too large"));
    check(load + 16, &word(1), &Unfit::Segment("one is not aligned"));
    check(load + 16, &word(1 << 29), &Unfit::Segment("they overlap, or are out of order"));
    check(stack + 4, &[7], &Unfit::WritableCode("an executable stack"));
    check(stack, &[0, 0, 0, 0], &Unfit::WritableCode("an executable stack, by default"));
    check(stack, &[3, 0, 0, 0], &Unfit::Interpreter);
    check(stack, &[2, 0, 0, 0], &Unfit::Dynamic("there are several"));
    check(dynamic + 16, &word(1 << 40), &Unfit::Dynamic("it is not mapped"));
    let needed = tag(1);
    for (number, name) in [
        (14, "SONAME"),
        (15, "RPATH"),
        (29, "RUNPATH"),
        (22, "TEXTREL"),
        (0x6fff_fefc, "AUDIT"),
        (0x6fff_fefb, "DEPAUDIT"),
        (0x7fff_ffff, "FILTER"),
        (0x7fff_fffd, "AUXILIARY"),
    ] {
        check(needed, &word(number), &Unfit::Forbidden(name));
    }
    check(needed + 8, &word(1 << 40), &Unfit::Dynamic("a needed library has no name"));
    check(needed + 8, &word(0), &Unfit::Needs(String::new()));
}
