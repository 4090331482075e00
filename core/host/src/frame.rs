//! Writes a [`CallFrame`](sportello_sdk::frames::CallFrame) around parameters, without writing these twice.

use bytes::Bytes;
use serde::Serialize;

/// What goes behind the parameters takes no more, a trace aside.
const CIRCUMSTANCES_LEN: usize = 150;

/// Parameters with the beginning of a frame before them. They come first in it, since they are known before the rest.
#[derive(Debug, Clone)]
pub(crate) struct Params(Vec<u8>);

/// The circumstances of a call.
pub(crate) struct Circumstances<'a> {
    pub(crate) call: u64,
    pub(crate) now_ms: u64,
    pub(crate) deadline_ms: u64,
    pub(crate) seed: u64,
    pub(crate) trace: Option<&'a str>,
}

impl Params {
    /// JSON, as it stands; nothing for `null`.
    pub(crate) fn raw(json: &[u8]) -> Self {
        let mut frame = Self::begin(json.len());
        frame.extend_from_slice(if json.is_empty() { b"null" } else { json });
        Self(frame)
    }

    /// A value, written as JSON.
    pub(crate) fn of(value: &impl Serialize) -> Result<Self, serde_json::Error> {
        let mut frame = Self::begin(512);
        serde_json::to_writer(&mut frame, value)?;
        Ok(Self(frame))
    }

    fn begin(len: usize) -> Vec<u8> {
        let mut frame = Vec::with_capacity(16 + len + CIRCUMSTANCES_LEN);
        frame.extend_from_slice(b"{\"params\":");
        frame
    }

    /// The whole frame.
    pub(crate) fn frame(self, circumstances: &Circumstances<'_>) -> Bytes {
        let Self(mut frame) = self;
        let Circumstances { call, now_ms, deadline_ms, seed, trace } = circumstances;
        let numbers =
            [(",\"call\":", call), (",\"now_ms\":", now_ms), (",\"deadline_ms\":", deadline_ms), (",\"seed\":", seed)];
        // Numbers and texts always can be written, and into memory always are.
        for (name, number) in numbers {
            frame.extend_from_slice(name.as_bytes());
            let _ = serde_json::to_writer(&mut frame, number);
        }
        if let Some(trace) = trace {
            frame.extend_from_slice(b",\"trace\":");
            let _ = serde_json::to_writer(&mut frame, trace);
        }
        frame.push(b'}');
        frame.into()
    }
}

#[cfg(test)]
mod tests {
    use sportello_sdk::frames::CallFrame;

    use super::*;

    #[test]
    fn frames_are_what_the_sdk_reads() {
        let check = |numbers: [u64; 4], trace: Option<&str>, params: Params, expected: &str| {
            let [call, now_ms, deadline_ms, seed] = numbers;
            let frame = params.frame(&Circumstances { call, now_ms, deadline_ms, seed, trace });
            let read: CallFrame<serde_json::Value> = serde_json::from_slice(&frame).unwrap();
            assert_eq!([read.call, read.now_ms, read.deadline_ms, read.seed], numbers);
            assert_eq!(read.trace.as_deref(), trace);
            assert_eq!(read.params.to_string(), expected);
        };
        check([1, 0, 10, 99], None, Params::raw(br#"{"key":"a"}"#), r#"{"key":"a"}"#);
        check([1, 0, 10, 99], None, Params::of(&["anna"]).unwrap(), r#"["anna"]"#);
        check([u64::MAX, 1_700_000_000_000, 9_007_199_254_740_991, 0], Some("00-\"x\"-01"), Params::raw(b""), "null");
    }
}
