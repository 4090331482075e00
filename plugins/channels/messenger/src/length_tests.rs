use proptest::prelude::*;

use super::*;

#[test]
fn lengths() {
    let check = |text: &str, expected: usize| assert_eq!(len(text), expected, "{text}");
    check("", 0);
    check("20 €", 4);
    check("e\u{301}", 2);
    check("🍕", 2);
    check("👨‍👩‍👧‍👦", 11);
    check("🇮🇹", 4);
}

#[test]
fn starts() {
    let check = |text: &str, len_max: usize, expected: &str| assert_eq!(start_of(text, len_max), expected, "{text}");
    check("pizza", 10, "pizza");
    check("pizza", 3, "piz");
    check("pizza", 0, "");
    check("", 3, "");
    check("a🍕", 2, "a");
    check("a🍕", 3, "a🍕");
    check("ae\u{301}", 2, "a");
    check("🇮🇹🇫🇷", 7, "🇮🇹");
    check("👍🏽👍🏽", 7, "👍🏽");
    check("👨‍👩‍👧‍👦", 10, "👨‍👩‍👧‍");
    check("\r\n", 1, "\r");
}

/// A text is written as pieces and how often each is repeated; its parts as the lengths.
#[test]
fn texts_in_parts() {
    let check = |pieces: &[(&str, usize)], expected: &[usize]| {
        let text: String = pieces.iter().map(|(piece, times)| piece.repeat(*times)).collect();
        let lens: Vec<usize> = parts(&text).into_iter().map(len).collect();
        assert_eq!(lens, expected, "{pieces:?}");
    };
    check(&[], &[]);
    check(&[(" \n", 3000)], &[]);
    check(&[("a", 2000)], &[2000]);
    check(&[("a", 2001)], &[2000, 1]);
    check(&[(" ", 50), ("a", 2000), ("\n", 50)], &[2000]);
    check(&[("🍕", 1000)], &[2000]);
    check(&[("🍕", 1001)], &[2000, 2]);
    check(&[("a", 1), ("🍕", 1000)], &[1999, 2]);
    check(&[("e\u{301}", 1001)], &[2000, 2]);
    check(&[("a", 1), ("e\u{301}", 1000)], &[1999, 2]);
    check(&[("👨‍👩‍👧‍👦", 182)], &[1991, 11]);
    // One character that is longer than a message.
    check(&[("a", 1), ("\u{301}", 2500)], &[2000, 501]);
    // Behind a word, and right before the space that follows one.
    check(&[("word ", 401)], &[1999, 4]);
    check(&[("a", 1995), (" ", 1), ("b", 10)], &[1995, 10]);
    check(&[("a", 2000), (" ", 1), ("b", 10)], &[2000, 10]);
    check(&[("a", 10), (" ", 1), ("b", 2500)], &[10, 2000, 500]);
    // The end of a paragraph before that of a line, that before that of a sentence, that before that of a word.
    check(
        &[("a", 1200), ("\n\n", 1), ("b", 300), ("\n", 1), ("c", 300), (". ", 1), ("d ", 300)],
        &[1200, 300 + 1 + 301 + 1 + 599],
    );
    check(&[("a", 1200), ("\n", 1), ("c", 300), (". ", 1), ("d ", 400)], &[1200, 301 + 1 + 799]);
    check(&[("a", 1200), (". ", 1), ("d ", 500)], &[1201, 999]);
    check(&[("a", 1200), (" ", 1), ("d ", 500)], &[2000, 199]);
    // Not where that would leave a part short.
    check(&[("a", 900), ("\n\n", 1), ("d ", 700)], &[1999, 301]);
    // An amount and a code are not parted from within.
    check(&[("a", 1990), (" ", 1), ("431907", 2)], &[1990, 12]);
}

proptest! {
    /// Whatever the text, each part fits and none is blank, and together they say all of it but white space.
    #[test]
    fn nothing_is_lost(text in "([a-z]{0,40}|[ \\n\\r\u{a0}.]{1,3}|[🍕👍🏽é\u{301}\u{200d}🇮🇹€]{0,40}){0,200}") {
        let parts = parts(&text);
        let solid = |text: &str| text.chars().filter(|c| !c.is_whitespace()).collect::<String>();
        prop_assert!(parts.iter().all(|part| (1..=TEXT_LEN_MAX).contains(&len(part)) && !part.trim().is_empty()));
        prop_assert_eq!(solid(&parts.concat()), solid(&text));
    }

    #[test]
    fn a_start_is_one_and_fits(text in "\\PC{0,60}", len_max in 0_usize..40) {
        let start = start_of(&text, len_max);
        prop_assert!(text.starts_with(start) && len(start) <= len_max);
        // Two units hold any code point: there is no standing still.
        prop_assert!(len_max < 2 || text.is_empty() || !start.is_empty());
    }
}
