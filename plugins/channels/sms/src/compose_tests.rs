use proptest::prelude::*;

use super::*;
use crate::text::{Decoded, join};

const REFERENCE: u8 = 7;

/// The text that a phone shows.
fn shown(composed: &Composed, alphabet: Alphabet) -> String {
    let header = if composed.has_headers() { 6 } else { 0 };
    let parts = composed.parts.iter().map(|part| (composed.coding, &part[header..]));
    match join(parts, alphabet) {
        Decoded::Text(text) => text,
        other => panic!("{other:?}"),
    }
}

/// `coding × parts`, and how long the first is, in octets.
fn check(text: &str, alphabet: Alphabet, expected: Option<(u8, usize, usize)>) {
    let composed = compose(text, alphabet, REFERENCE, 10);
    let told = composed.as_ref().map(|c| (c.coding, c.parts.len(), c.parts[0].len()));
    assert_eq!(told, expected, "{text:?}");
    if let Some(composed) = composed {
        assert_eq!(shown(&composed, alphabet), text.nfc().collect::<String>());
    }
}

#[test]
fn texts() {
    use Alphabet::{Gsm, Latin1};
    check("", Gsm, Some((0, 1, 0)));
    check(&"a".repeat(160), Gsm, Some((0, 1, 160)));
    check(&"a".repeat(161), Gsm, Some((0, 2, 159)));
    check(&"a".repeat(1530), Gsm, Some((0, 10, 159)));
    check(&"a".repeat(1531), Gsm, None);
    check(&"x".repeat(1_000_000), Gsm, None);
    // What is in the extension table takes two septets, and is not cut in its middle.
    check(&"€".repeat(80), Gsm, Some((0, 1, 160)));
    check(&"€".repeat(81), Gsm, Some((0, 2, 158)));
    check(&format!("{}€", "a".repeat(159)), Gsm, Some((0, 2, 159)));
    // 16-bit units: 70, and 67 with a header. A pair is not cut either.
    check(&"ł".repeat(70), Gsm, Some((8, 1, 140)));
    check(&"ł".repeat(71), Gsm, Some((8, 2, 140)));
    check(&"🍕".repeat(35), Gsm, Some((8, 1, 140)));
    check(&"🍕".repeat(36), Gsm, Some((8, 2, 138)));
    // Composed first: e and an accent are the é of the default alphabet.
    check("caffe\u{301}", Gsm, Some((0, 1, 5)));
    // A letter with an accent that nothing composes stays together.
    check(&format!("{}x\u{323}\u{301}y", "a".repeat(65)), Gsm, Some((8, 1, 138)));
    check(&format!("{}x\u{323}\u{301}yyyy", "a".repeat(66)), Gsm, Some((8, 2, 138)));
    // A family of four people is one emoji, of eleven units.
    check(&format!("{}👨\u{200d}👩\u{200d}👧\u{200d}👦{}", "ł".repeat(60), "b".repeat(9)), Gsm, Some((8, 2, 126)));
    // Where the SMSC makes the septets, they count just the same; the euro is not in Latin-1.
    check(&"è".repeat(160), Latin1, Some((0, 1, 160)));
    check(&"[".repeat(80), Latin1, Some((0, 1, 80)));
    check(&"[".repeat(81), Latin1, Some((0, 2, 82)));
    check("20 €", Latin1, Some((8, 1, 8)));
    // In Latin-1, but no phone's default alphabet has it.
    check("ê", Latin1, Some((8, 1, 2)));
}

#[test]
fn headers() {
    let composed = compose(&"a".repeat(400), Alphabet::Gsm, 0xab, 10).unwrap();
    let headers: Vec<&[u8]> = composed.parts.iter().map(|part| &part[..6]).collect();
    assert_eq!(headers, [[5, 0, 3, 0xab, 3, 1], [5, 0, 3, 0xab, 3, 2], [5, 0, 3, 0xab, 3, 3]]);
    assert!(compose("a", Alphabet::Gsm, 0, 1).is_some_and(|composed| !composed.has_headers()));
    assert_eq!(compose(&"a".repeat(161), Alphabet::Gsm, 0, 1), None);
    // As many as the header can count.
    assert_eq!(compose(&"a".repeat(153 * 255), Alphabet::Gsm, 0, 255).unwrap().parts.len(), 255);
    assert_eq!(compose(&"a".repeat(153 * 255 + 1), Alphabet::Gsm, 0, 255), None);
    // Accents without end are one letter to a reader, and more than a part holds.
    let zalgo = format!("a{}", "\u{323}".repeat(200));
    assert_eq!(shown(&compose(&zalgo, Alphabet::Gsm, 0, 255).unwrap(), Alphabet::Gsm), zalgo.nfc().collect::<String>());
}

fn alphabets() -> impl Strategy<Value = Alphabet> {
    prop_oneof![Just(Alphabet::Gsm), Just(Alphabet::Latin1)]
}

proptest! {
    #[test]
    fn what_is_split_and_joined_is_the_text(
        text in prop_oneof!["[ -~]{0,400}", "[a-z€\\[\\]{}|^]{0,400}", "[àèéùòÄÖñΔΣ ]{0,400}", "\\PC{0,300}", "[🍕👨\u{200d}e\u{301}ł]{0,300}"],
        alphabet in alphabets(),
    ) {
        let composed = compose(&text, alphabet, REFERENCE, 255).unwrap();
        prop_assert_eq!(shown(&composed, alphabet), text.nfc().collect::<String>());
        let size_max = if composed.coding == 0 { 160 } else { 140 };
        for part in &composed.parts {
            prop_assert!(part.len() <= size_max);
        }
        // Each part is a text by itself: nothing is cut in the middle of a character.
        let header = if composed.has_headers() { 6 } else { 0 };
        for part in &composed.parts {
            let alone = join([(composed.coding, &part[header..])], alphabet);
            prop_assert!(matches!(alone, Decoded::Text(_)));
        }
    }
}
