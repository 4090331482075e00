//! How messages stand on the socket.
//!
//! ```text
//!  kind  ok  length of    0  length of   length of   id         parent     method  frame  body
//!            the method      the frame   the body
//!  u8    u8  u8          u8  u32         u32         u64        u64
//! ```
//!
//! Numbers are little-endian. The id of a call is its sender's own, and its reply and its cancellation have the same.

use std::mem::MaybeUninit;
use std::os::fd::AsFd;

use bytes::{Buf, Bytes, BytesMut};
use futures_util::future::BoxFuture;
use rustix::net::{RecvFlags, recv};
use sportello_sdk::frames::{FRAME_LEN_MAX, Peer, Reply};

/// The largest body, in bytes: that of an HTTP request or response, than which the contract allows nothing larger.
pub(crate) const BODY_LEN_MAX: usize = crate::http::BODY_LEN_MAX;

/// The longest name of a method, in bytes.
pub(crate) const METHOD_LEN_MAX: usize = 64;

const HEAD_LEN: usize = 28;

/// How much is read at once.
pub(crate) const READ_LEN: usize = 32 << 10;

/// A buffer that has held a longer message is not kept.
const KEPT_LEN_MAX: usize = 256 << 10;

/// What a message is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// The plugin's process is up; or, where it is not `ok`, why it is not. Its first word, and said once.
    Hello = 1,
    /// A call.
    Call = 2,
    /// The answer to one.
    Reply = 3,
    /// Something told, with no answer.
    Notify = 4,
    /// The answer to a call is not waited for any more.
    Cancel = 5,
    /// Asks whether the other side is there.
    Ping = 6,
    /// It is.
    Pong = 7,
}

impl Kind {
    fn of(byte: u8) -> Option<Self> {
        Some(match byte {
            1 => Self::Hello,
            2 => Self::Call,
            3 => Self::Reply,
            4 => Self::Notify,
            5 => Self::Cancel,
            6 => Self::Ping,
            7 => Self::Pong,
            _ => return None,
        })
    }

    /// Whether a message of this kind has a method, a frame, and a body.
    const fn parts(self) -> [bool; 3] {
        match self {
            Self::Call => [true, true, true],
            Self::Reply => [false, true, true],
            Self::Notify => [true, true, false],
            Self::Hello => [false, true, false],
            Self::Cancel | Self::Ping | Self::Pong => [false, false, false],
        }
    }
}

/// A message to be sent.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Outgoing<'a> {
    pub(crate) kind: Kind,
    pub(crate) ok: bool,
    pub(crate) id: u64,
    pub(crate) parent: u64,
    pub(crate) method: &'a str,
    pub(crate) frame: &'a [u8],
    pub(crate) body: &'a [u8],
}

impl Outgoing<'_> {
    /// One that says no more than what it is.
    pub(crate) fn bare(kind: Kind, id: u64) -> Self {
        Self { kind, ok: true, id, parent: 0, method: "", frame: &[], body: &[] }
    }

    /// Why it cannot be sent, if it cannot.
    pub(crate) fn excess(&self) -> Option<String> {
        let Self { method, frame, body, .. } = self;
        if method.len() > METHOD_LEN_MAX {
            return Some(format!("a method's name has at most {METHOD_LEN_MAX} bytes, and this one {}", method.len()));
        }
        if frame.len() > FRAME_LEN_MAX {
            return Some(format!("a frame has at most {FRAME_LEN_MAX} bytes, and this one {}", frame.len()));
        }
        if body.len() > BODY_LEN_MAX {
            return Some(format!("a body has at most {BODY_LEN_MAX} bytes, and this one {}", body.len()));
        }
        None
    }

    /// Appends it to what is to be sent. It must have no [`Outgoing::excess`].
    pub(crate) fn write(&self, to: &mut Vec<u8>) {
        let Self { kind, ok, id, parent, method, frame, body } = self;
        // Within the limits that `excess` checks; else the other side takes it for a breach.
        let small = |len: usize| u32::try_from(len).unwrap_or(u32::MAX).to_le_bytes();
        to.reserve(HEAD_LEN + method.len() + frame.len() + body.len());
        to.extend_from_slice(&[*kind as u8, u8::from(*ok), u8::try_from(method.len()).unwrap_or(u8::MAX), 0]);
        to.extend_from_slice(&small(frame.len()));
        to.extend_from_slice(&small(body.len()));
        to.extend_from_slice(&id.to_le_bytes());
        to.extend_from_slice(&parent.to_le_bytes());
        to.extend_from_slice(method.as_bytes());
        to.extend_from_slice(frame);
        to.extend_from_slice(body);
    }
}

/// A message that came.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Incoming {
    pub(crate) kind: Kind,
    pub(crate) ok: bool,
    pub(crate) id: u64,
    pub(crate) parent: u64,
    method: Bytes,
    pub(crate) frame: Bytes,
    pub(crate) body: Bytes,
}

impl Incoming {
    /// Makes the call that it is.
    pub(crate) fn call(self, to: &dyn Peer) -> BoxFuture<'static, Reply> {
        to.call(self.parent, name(&self.method), self.frame, self.body)
    }

    /// Tells what it says.
    pub(crate) fn tell(self, to: &dyn Peer) {
        to.notify(name(&self.method), self.frame);
    }

    /// The answer that it is.
    pub(crate) fn reply(self) -> Reply {
        Reply { ok: self.ok, frame: self.frame, body: self.body }
    }
}

/// A method's name; what is no text is no name that anybody knows.
fn name(method: &[u8]) -> &str {
    std::str::from_utf8(method).unwrap_or_default()
}

/// What came is not as agreed: nothing that follows can be understood.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("it broke the framing of its socket: {0}")]
pub(crate) struct Breach(pub(crate) &'static str);

/// Puts messages together from what is read.
#[derive(Debug, Default)]
pub(crate) struct Reader {
    buffer: BytesMut,
}

impl Reader {
    /// What was read goes to its end.
    pub(crate) fn extend(&mut self, read: &[u8]) {
        self.buffer.extend_from_slice(read);
    }

    /// Reads once, and answers how much: 0 where there will be no more.
    ///
    /// # Errors
    /// As `recv` has them.
    pub(crate) fn read(&mut self, from: impl AsFd, flags: RecvFlags) -> rustix::io::Result<usize> {
        // Not of its own memory: many links have nothing to read, most of the time.
        let mut piece = [const { MaybeUninit::uninit() }; READ_LEN];
        let ((came, _), _) = recv(from, &mut piece, flags)?;
        self.buffer.extend_from_slice(came);
        Ok(came.len())
    }

    /// The next message, if it is there whole. It is copied out of what was read: whoever holds a short one for long must not
    /// hold all that came with it, which nobody counts.
    ///
    /// # Errors
    /// [`Breach`].
    pub(crate) fn next(&mut self) -> Result<Option<Incoming>, Breach> {
        let Some(mut head) = self.buffer.get(..HEAD_LEN) else {
            return Ok(None);
        };
        let kind = Kind::of(head.get_u8()).ok_or(Breach("a message of no kind that there is"))?;
        let ok = match head.get_u8() {
            0 => false,
            1 => true,
            _ => return Err(Breach("a message that is neither well nor ill")),
        };
        let method_len = usize::from(head.get_u8());
        if head.get_u8() != 0 {
            return Err(Breach("what must be zero is not"));
        }
        let frame_len = usize::try_from(head.get_u32_le()).unwrap_or(usize::MAX);
        let body_len = usize::try_from(head.get_u32_le()).unwrap_or(usize::MAX);
        let (id, parent) = (head.get_u64_le(), head.get_u64_le());
        if method_len > METHOD_LEN_MAX {
            return Err(Breach("a method's name that is too long"));
        }
        if frame_len > FRAME_LEN_MAX {
            return Err(Breach("a frame that is too large"));
        }
        if body_len > BODY_LEN_MAX {
            return Err(Breach("a body that is too large"));
        }
        let lens = [method_len, frame_len, body_len];
        if kind.parts().into_iter().zip(lens).any(|(is_there, len)| !is_there && len != 0) {
            return Err(Breach("a message with a part that its kind has not"));
        }
        let total = HEAD_LEN + method_len + frame_len + body_len;
        if self.buffer.len() < total {
            self.buffer.reserve(total - self.buffer.len());
            return Ok(None);
        }
        let mut rest = Bytes::copy_from_slice(self.buffer.get(HEAD_LEN..total).unwrap_or_default());
        self.buffer.advance(total);
        if total > KEPT_LEN_MAX {
            self.buffer = BytesMut::from(self.buffer.as_ref());
        }
        let method = rest.split_to(method_len);
        let frame = rest.split_to(frame_len);
        Ok(Some(Incoming { kind, ok, id, parent, method, frame, body: rest }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn call<'a>(frame: &'a [u8], body: &'a [u8]) -> Outgoing<'a> {
        Outgoing { kind: Kind::Call, ok: true, id: 7, parent: u64::MAX, method: "submit", frame, body }
    }

    #[test]
    fn messages_come_as_they_went_however_they_are_cut() {
        let mut sent = Vec::new();
        let large = vec![1; 100_000];
        call(b"{}", b"").write(&mut sent);
        Outgoing::bare(Kind::Ping, 0).write(&mut sent);
        call(b"", &large).write(&mut sent);
        for cut in [1, 27, 28, 29, 40, 4096, sent.len()] {
            let mut reader = Reader::default();
            let mut came = Vec::new();
            for piece in sent.chunks(cut) {
                reader.extend(piece);
                while let Some(message) = reader.next().unwrap() {
                    came.push((
                        message.kind,
                        message.id,
                        name(&message.method).to_owned(),
                        message.frame,
                        message.body,
                    ));
                }
            }
            let expected = [
                (Kind::Call, 7, "submit".to_owned(), Bytes::from_static(b"{}"), Bytes::new()),
                (Kind::Ping, 0, String::new(), Bytes::new(), Bytes::new()),
                (Kind::Call, 7, "submit".to_owned(), Bytes::new(), Bytes::from(large.clone())),
            ];
            assert_eq!(came, expected, "{cut}");
        }
    }

    #[test]
    fn what_breaks_the_framing_is_found_out_before_anything_is_made_room_for() {
        let check = |at: usize, bytes: &[u8], expected: Option<&str>| {
            let mut message = Vec::new();
            call(b"", b"").write(&mut message);
            for (to, from) in message.iter_mut().skip(at).zip(bytes) {
                *to = *from;
            }
            let mut reader = Reader::default();
            reader.extend(&message[..HEAD_LEN]);
            let capacity = reader.buffer.capacity();
            match (reader.next(), expected) {
                (Err(Breach(why)), Some(expected)) => {
                    assert!(why.contains(expected), "{why}");
                    assert_eq!(reader.buffer.capacity(), capacity);
                }
                (Ok(None), None) => {}
                (came, _) => panic!("{bytes:?}: {came:?}"),
            }
        };
        check(0, &[2], None);
        check(0, &[0], Some("no kind"));
        check(0, &[8], Some("no kind"));
        check(1, &[2], Some("neither"));
        check(2, &[65], Some("name"));
        check(3, &[1], Some("zero"));
        let small = |len: usize| u32::try_from(len).unwrap().to_le_bytes();
        check(4, &small(FRAME_LEN_MAX), None);
        check(4, &small(FRAME_LEN_MAX + 1), Some("a frame"));
        check(8, &small(BODY_LEN_MAX), None);
        check(8, &u32::MAX.to_le_bytes(), Some("a body"));
        // Kinds that have no such part: with the method's name that is there, without it, and with a frame or a body alone.
        let without = "its kind has not";
        for kind in [1, 3, 5, 6, 7] {
            check(0, &[kind], Some(without));
        }
        check(0, &[4], None);
        for kind in [1, 3] {
            check(0, &[kind, 1, 0, 0, 1], None);
        }
        for kind in [5, 6, 7] {
            check(0, &[kind, 1, 0, 0, 1], Some(without));
        }
        for kind in [1, 5, 6, 7] {
            check(0, &[kind, 1, 0, 0, 0, 0, 0, 0, 1], Some(without));
        }
        check(0, &[4, 1, 6, 0, 0, 0, 0, 0, 1], Some(without));
    }

    /// A call of few bytes counts as few: so it must not keep a buffer of megabytes.
    #[test]
    fn whoever_holds_a_message_holds_nothing_else_that_was_read() {
        let large = vec![1; BODY_LEN_MAX];
        let mut sent = Vec::new();
        call(b"{}", b"").write(&mut sent);
        call(b"", &large).write(&mut sent);
        call(b"[]", b"x").write(&mut sent);
        let mut reader = Reader::default();
        reader.extend(&sent);
        let read = reader.buffer.as_ptr_range();
        let mut held = Vec::new();
        while let Some(message) = reader.next().unwrap() {
            held.push(message);
        }
        assert_eq!(held.len(), 3);
        // The last one came when that buffer was gone, and may stand where it stood.
        for part in held.iter().take(2).flat_map(|message| [&message.method, &message.frame, &message.body]) {
            assert!(part.is_empty() || !read.contains(&part.as_ptr()), "{} bytes", part.len());
        }
        assert!(reader.buffer.capacity() <= KEPT_LEN_MAX);
    }

    #[test]
    fn what_is_too_large_to_be_sent() {
        let too_large = vec![0; BODY_LEN_MAX + 1];
        let check = |message: Outgoing<'_>, expected: Option<&str>| {
            let excess = message.excess();
            assert_eq!(excess.is_some(), expected.is_some(), "{excess:?}");
            assert!(excess.unwrap_or_default().contains(expected.unwrap_or_default()));
        };
        check(call(b"{}", &too_large[1..]), None);
        check(call(b"{}", &too_large), Some("a body"));
        check(call(&too_large[..=FRAME_LEN_MAX], b""), Some("a frame"));
        check(Outgoing { method: &"m".repeat(65), ..call(b"", b"") }, Some("a method"));
    }
}
