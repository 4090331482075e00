//! The GSM 7 bit default alphabet and its extension table (3GPP TS 23.038, sections 6.2.1 and 6.2.1.1), one septet to an
//! octet, as SMPP carries them.

/// What follows it is from the extension table.
pub(crate) const ESCAPE: u8 = 0x1b;

/// The default alphabet, in the order of its codes. At 0x1B stands the escape.
const BASIC: &str = "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞ\u{1b}ÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?\
    ¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà";

/// The extension table.
const EXTENDED: [(u8, char); 10] = [
    (0x0a, '\u{c}'),
    (0x14, '^'),
    (0x28, '{'),
    (0x29, '}'),
    (0x2f, '\\'),
    (0x3c, '['),
    (0x3d, '~'),
    (0x3e, ']'),
    (0x40, '|'),
    (0x65, '€'),
];

/// How a character stands in this alphabet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Septets {
    /// In the default table.
    One(u8),
    /// In the extension table, behind an escape.
    Two(u8),
}

impl Septets {
    /// How many septets it takes.
    pub(crate) fn count(self) -> usize {
        match self {
            Self::One(_) => 1,
            Self::Two(_) => 2,
        }
    }

    /// Writes it.
    pub(crate) fn write(self, octets: &mut Vec<u8>) {
        match self {
            Self::One(code) => octets.push(code),
            Self::Two(code) => octets.extend([ESCAPE, code]),
        }
    }
}

/// The septets of a character, where the alphabet has it.
pub(crate) fn septets(c: char) -> Option<Septets> {
    // Most are where ASCII has them, and need no search.
    if let Ok(code @ (b'a'..=b'z' | b'A'..=b'Z' | b' '..=b'#' | b'%'..=b'?' | b'\n' | b'\r')) = u8::try_from(c) {
        return Some(Septets::One(code));
    }
    if c == char::from(ESCAPE) {
        return None;
    }
    let found = BASIC.chars().position(|basic| basic == c).and_then(|at| u8::try_from(at).ok());
    let extended = || EXTENDED.iter().find(|(_, extended)| *extended == c).map(|(code, _)| Septets::Two(*code));
    found.map(Septets::One).or_else(extended)
}

/// Reads septets; nothing where an octet is none.
///
/// A code that the extension table does not have is read from the default table, and an escape behind an escape, or at
/// the end, is a space (section 6.2.1.1).
pub(crate) fn decode(octets: &[u8]) -> Option<String> {
    let mut text = String::with_capacity(octets.len());
    let mut is_escaped = false;
    for octet in octets {
        match (*octet, is_escaped) {
            (ESCAPE, false) => {
                is_escaped = true;
                continue;
            }
            (ESCAPE, true) => text.push(' '),
            (code, true) => {
                let extended = EXTENDED.iter().find(|(at, _)| *at == code).map(|(_, c)| *c);
                text.push(extended.or_else(|| basic(code))?);
            }
            (code, false) => text.push(basic(code)?),
        }
        is_escaped = false;
    }
    if is_escaped {
        text.push(' ');
    }
    Some(text)
}

fn basic(code: u8) -> Option<char> {
    match code {
        b'a'..=b'z' | b'A'..=b'Z' | b' '..=b'#' | b'%'..=b'?' | b'\n' | b'\r' => Some(char::from(code)),
        _ => BASIC.chars().nth(usize::from(code)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_has_128_codes_and_each_is_read_as_it_is_written() {
        assert_eq!(BASIC.chars().count(), 128);
        for code in (0..128).filter(|code| *code != ESCAPE) {
            let text = decode(&[code]).unwrap();
            assert_eq!(septets(text.chars().next().unwrap()), Some(Septets::One(code)), "{code:#x} {text}");
        }
        for (code, c) in EXTENDED {
            assert_eq!(decode(&[ESCAPE, code]), Some(c.to_string()));
            assert_eq!(septets(c), Some(Septets::Two(code)));
        }
    }

    #[test]
    fn octets() {
        let check = |octets: &[u8], expected: Option<&str>| {
            assert_eq!(decode(octets).as_deref(), expected, "{octets:x?}");
        };
        // 3GPP TS 23.038, table of section 6.2.1: row and column are the code's low and high bits.
        check(&[0x00, 0x01, 0x02, 0x10, 0x5f, 0x7f], Some("@£$Δ§à"));
        check(b"pay 20", Some("pay 20"));
        check(&[0x1b, 0x65, 0x20, 0x32], Some("€ 2"));
        check(&[0x1b, 0x1b, 0x41], Some(" A"));
        check(&[0x1b, 0x41], Some("A"));
        check(&[0x41, 0x1b], Some("A "));
        check(&[0x80], None);
        check(&[0x1b, 0xe5], None);
    }

    #[test]
    fn characters() {
        let check = |c: char, expected: Option<Septets>| assert_eq!(septets(c), expected, "{c:?}");
        check('A', Some(Septets::One(0x41)));
        check('$', Some(Septets::One(0x02)));
        check('€', Some(Septets::Two(0x65)));
        // Only the capital is there.
        check('Ç', Some(Septets::One(0x09)));
        check('ç', None);
        check('`', None);
        check('\u{1b}', None);
        check('\u{a0}', None);
        check('ł', None);
    }
}
