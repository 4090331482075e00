//! The SEPA character set, by transliteration.
//!
//! EPC217-08 ("SEPA requirements for an extended character set") lets every bank take `a-z A-Z 0-9 / - ? : ( ) . , ' +`
//! and the space, and says how to write what is not among them. Letters beyond its table are transliterated.

/// The longest name of a party, in characters (EPC132-08, AT-02 and AT-21).
pub(crate) const NAME_LEN_MAX: usize = 70;
/// The longest unstructured remittance information, in characters (EPC132-08, AT-05).
pub(crate) const REMITTANCE_LEN_MAX: usize = 140;

/// Whether every bank of the SEPA takes this character.
pub(crate) fn is_sepa(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, ' ' | '/' | '-' | '?' | ':' | '(' | ')' | '.' | ',' | '\'' | '+')
}

/// `text` in the SEPA character set, at most `len_max` characters long: cut after transliteration, which lengthens.
///
/// White space is folded to one space. No slash stands at either end and no two in a row, which the rule book forbids in
/// references and some banks everywhere. May be empty.
pub(crate) fn sepa(text: &str, len_max: usize) -> String {
    let mut written = String::new();
    for c in text.chars() {
        if written.len() >= len_max {
            break;
        }
        transliterate(c, &mut written);
    }
    written.truncate(len_max);
    written.trim_end_matches([' ', '/']).to_owned()
}

fn transliterate(c: char, written: &mut String) {
    if is_sepa(c) {
        fold(c, written);
    } else if c.is_whitespace() || c.is_control() {
        fold(' ', written);
    } else if let Some(instead) = epc_table(c) {
        written.push_str(instead);
    } else {
        for c in deunicode::deunicode_char(c).unwrap_or("").chars() {
            match c {
                c if is_sepa(c) => fold(c, written),
                c if c.is_whitespace() => fold(' ', written),
                c => written.push_str(epc_table(c).unwrap_or("")),
            }
        }
    }
}

/// Writes `c`, but no white space or slash that begins the text or repeats what stands before it.
fn fold(c: char, written: &mut String) {
    match (c, written.chars().last()) {
        (' ', None | Some(' ')) | ('/', None | Some('/')) => {}
        (c, _) => written.push(c),
    }
}

/// EPC217-08, annex: the characters of punctuation that the basic set lacks. The euro sign is an `E` there.
fn epc_table(c: char) -> Option<&'static str> {
    Some(match c {
        '&' => "+",
        '€' => "E",
        '_' | '~' => "-",
        '@' | '!' | '"' | '#' | '$' | '%' | '*' | '<' | '=' | '>' | '^' | '\\' | '|' => ".",
        ';' => ",",
        '[' | '{' => "(",
        ']' | '}' => ")",
        '`' => "'",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn everything_is_written_with_what_every_bank_takes() {
        let check = |text: &str, expected: &str| assert_eq!(sepa(text, 140), expected, "{text:?}");
        check("for the pizza", "for the pizza");
        check("Müller & Söhne GmbH", "Muller + Sohne GmbH");
        check("20 € for café_bar", "20 E for cafe-bar");
        check("Łódź, Ħal Għargħur", "Lodz, Hal Gharghur");
        check("Παύλος Анна", "Paulos Anna");
        check("a\t\n b\u{0}c", "a b c");
        check("//a//b//", "a/b");
        check(" / a / ", "a");
        check("<x>&amp;{y}", ".x.+amp,(y)");
        check("\u{202e}abc\u{200b}", "abc");
        check("", "");
        check("\u{10ffff}", "");
    }

    #[test]
    fn the_cut_comes_after_transliteration() {
        assert_eq!(sepa(&"ß".repeat(140), 140), "s".repeat(140));
        assert_eq!(sepa(&"a".repeat(200), 70).len(), 70);
        assert_eq!(sepa("abc/def", 4), "abc");
        assert_eq!(sepa(&"x".repeat(10_000_000), 140).len(), 140);
        // However much is folded away before it.
        assert_eq!(sepa(&format!("{}pizza", " ".repeat(2_000)), 140), "pizza");
        assert_eq!(sepa(&format!("{}Anna{}", "/".repeat(500), " /".repeat(500)), 6), "Anna");
    }

    proptest! {
        #[test]
        fn no_text_gets_past_it(text in any::<String>(), len_max in 0usize..200) {
            let written = sepa(&text, len_max);
            prop_assert!(written.chars().all(is_sepa));
            prop_assert!(written.len() <= len_max);
            prop_assert!(!written.contains("//") && !written.starts_with('/') && !written.ends_with('/'));
            prop_assert_eq!(written.trim(), &written);
        }
    }
}
