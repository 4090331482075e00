//! The encoding of certificates and signatures (X.690), as far as the wallets write and read it.

pub(crate) const INTEGER: u8 = 0x02;
pub(crate) const BIT_STRING: u8 = 0x03;
pub(crate) const OCTET_STRING: u8 = 0x04;
pub(crate) const NULL: u8 = 0x05;
pub(crate) const OID: u8 = 0x06;
pub(crate) const UTC_TIME: u8 = 0x17;
pub(crate) const SEQUENCE: u8 = 0x30;
pub(crate) const SET: u8 = 0x31;
/// `[0]` and `[1]` of the context, constructed.
pub(crate) const CONTEXT: [u8; 2] = [0xa0, 0xa1];

/// One element around its parts, of 65,535 bytes at most together.
pub(crate) fn element(tag: u8, parts: &[&[u8]]) -> Vec<u8> {
    let content = parts.concat();
    let [.., high, low] = content.len().to_be_bytes();
    let header = match (high, low) {
        (0, ..0x80) => vec![tag, low],
        (0, _) => vec![tag, 0x81, low],
        _ => vec![tag, 0x82, high, low],
    };
    [header, content].concat()
}

/// One element of indefinite length (8.1.3.6), as Apple writes the outer ones of its signatures.
pub(crate) fn open_element(tag: u8, parts: &[&[u8]]) -> Vec<u8> {
    [&[tag, 0x80], parts.concat().as_slice(), &[0, 0]].concat()
}

/// The parts of a constructed element of definite length, each with its header; `None` where it is none.
pub(crate) fn parts(element: &[u8]) -> Option<Vec<&[u8]>> {
    let (header, whole) = measure(element)?;
    let mut rest = element.get(header..whole)?;
    let mut parts = Vec::new();
    while !rest.is_empty() {
        let (_, length) = measure(rest)?;
        let (part, after) = rest.split_at_checked(length)?;
        parts.push(part);
        rest = after;
    }
    Some(parts)
}

/// The lengths of the first element's header and of all of it.
fn measure(bytes: &[u8]) -> Option<(usize, usize)> {
    let (header, length) = match *bytes {
        [_, low @ ..=0x7f, ..] => (2, usize::from(low)),
        [_, 0x81, low, ..] => (3, usize::from(low)),
        [_, 0x82, high, low, ..] => (4, usize::from(u16::from_be_bytes([high, low]))),
        _ => return None,
    };
    Some((header, header + length))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_again() {
        for length in [0, 1, 0x7f, 0x80, 0xff, 0x100, 0x1234] {
            let inner = element(OCTET_STRING, &[&vec![7; length]]);
            let outer = element(SEQUENCE, &[&inner, &element(NULL, &[])]);
            assert_eq!(parts(&outer), Some(vec![inner.as_slice(), &[NULL, 0]]), "{length}");
        }
    }

    #[test]
    fn what_ends_too_soon_has_no_parts() {
        let check = |bytes: &[u8]| assert_eq!(parts(bytes), None, "{bytes:02x?}");
        check(&[]);
        check(&[SEQUENCE]);
        check(&[SEQUENCE, 2, NULL]);
        check(&[SEQUENCE, 2, NULL, 1]);
        check(&[SEQUENCE, 0x82, 1]);
        check(&[SEQUENCE, 0x80, 0, 0]);
    }
}
