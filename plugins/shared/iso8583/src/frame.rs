//! Frames: two octets of length before each message (big-endian, not counting themselves).

use bytes::{Buf, Bytes, BytesMut};
use thiserror::Error;

use crate::{Dialect, EncodeError, Message, encode};

/// The most that a message may be long unless a [`Frames`] is told otherwise, in octets.
pub const MESSAGE_LEN_MAX: usize = 4 << 10;

const HEADER_LEN: usize = 2;

/// Appends a message to `out` with the header that frames it. After an error, `out` is as it was.
///
/// # Errors
/// When a field cannot hold what it was set to.
pub fn write(message: &Message, dialect: &Dialect, out: &mut Vec<u8>) -> Result<(), EncodeError> {
    let start = out.len();
    out.extend_from_slice(&[0; HEADER_LEN]);
    let framed = encode(message, dialect, out).and_then(|()| {
        let len = out.len() - start - HEADER_LEN;
        let header = u16::try_from(len).map_err(|_| EncodeError::TooLong(len))?;
        if let Some(place) = out.get_mut(start..start + HEADER_LEN) {
            place.copy_from_slice(&header.to_be_bytes());
        }
        Ok(())
    });
    if framed.is_err() {
        out.truncate(start);
    }
    framed
}

/// A length beyond the limit: where the next message begins is not known any more.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("a message of {len} octets is announced, more than the {len_max} that are agreed")]
pub struct FrameTooLong {
    /// The length that was announced.
    pub len: usize,
    /// The most there may be.
    pub len_max: usize,
}

/// Takes octets as they come, and gives messages. It holds one message at most, and what came with its end.
#[derive(Debug)]
pub struct Frames {
    arrived: BytesMut,
    len_max: usize,
}

impl Frames {
    /// Nothing has arrived yet. A message may be `len_max` octets long.
    pub fn new(len_max: usize) -> Self {
        Self { arrived: BytesMut::new(), len_max }
    }

    /// Takes what has arrived, however it is cut.
    pub fn push(&mut self, octets: &[u8]) {
        self.arrived.extend_from_slice(octets);
    }

    /// The next message; `None` until all of it has arrived. A header of zero is a sign of life, and passed over.
    ///
    /// # Errors
    /// When the header cannot be one. It stays so.
    pub fn next_message(&mut self) -> Result<Option<Bytes>, FrameTooLong> {
        loop {
            let Some(header) = self.arrived.first_chunk::<HEADER_LEN>() else { return Ok(None) };
            let len = usize::from(u16::from_be_bytes(*header));
            if len > self.len_max {
                return Err(FrameTooLong { len, len_max: self.len_max });
            }
            if self.arrived.len() < HEADER_LEN + len {
                return Ok(None);
            }
            self.arrived.advance(HEADER_LEN);
            if len > 0 {
                return Ok(Some(self.arrived.split_to(len).freeze()));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn framed(message: &[u8]) -> Vec<u8> {
        [&u16::try_from(message.len()).unwrap().to_be_bytes()[..], message].concat()
    }

    /// All messages that come of these pieces, and whether it stays in step.
    fn all(pieces: &[&[u8]], len_max: usize) -> (Vec<Vec<u8>>, bool) {
        let mut frames = Frames::new(len_max);
        let mut all = Vec::new();
        for piece in pieces {
            frames.push(piece);
            loop {
                match frames.next_message() {
                    Ok(Some(message)) => all.push(message.to_vec()),
                    Ok(None) => break,
                    Err(_) => return (all, false),
                }
            }
        }
        assert!(frames.arrived.len() < HEADER_LEN + len_max);
        (all, true)
    }

    #[test]
    fn headers_say_where_messages_end() {
        let check = |pieces: &[&[u8]], expected: &[&[u8]], is_in_step: bool| {
            let expected: Vec<Vec<u8>> = expected.iter().map(|message| message.to_vec()).collect();
            assert_eq!(all(pieces, 4), (expected, is_in_step), "{pieces:?}");
        };
        check(&[], &[], true);
        check(&[b"\0\x01a"], &[b"a"], true);
        check(&[b"\0\x01a\0\x04bcde\0\x01"], &[b"a", b"bcde"], true);
        check(&[b"\0", b"\x02a", b"b\0", b"\x01", b"c"], &[b"ab", b"c"], true);
        // Signs of life.
        check(&[b"\0\0\0\0\0\x01a\0\0"], &[b"a"], true);
        // As long as may be, and longer.
        check(&[b"\0\x04abcd"], &[b"abcd"], true);
        check(&[b"\0\x01a\0\x05bcdef"], &[b"a"], false);
        check(&[b"\xff\xff"], &[], false);
        check(&[b"HTTP"], &[], false);
    }

    proptest! {
        #[test]
        fn it_is_the_same_however_it_is_cut(
            messages in prop::collection::vec(prop::collection::vec(any::<u8>(), 1..40), 0..10),
            cuts in prop::collection::vec(1_usize..50, 1..20),
        ) {
            let octets: Vec<u8> = messages.iter().flat_map(|message| framed(message)).collect();
            let mut rest = &octets[..];
            let mut pieces = Vec::new();
            for cut in cuts.iter().cycle() {
                if rest.is_empty() {
                    break;
                }
                let (piece, after) = rest.split_at((*cut).min(rest.len()));
                pieces.push(piece);
                rest = after;
            }
            prop_assert_eq!(all(&pieces, 40), (messages, true));
        }
    }
}
