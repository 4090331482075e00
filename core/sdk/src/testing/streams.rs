//! The scripted host's byte streams: a provider is a function from what is written to what can be read.

use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use bytes::{Bytes, BytesMut};

use super::glob;
use crate::frames::StreamRead;
use crate::{Failure, STREAM_WRITE_LEN_MAX, Source};

/// What a scripted provider does when bytes are written to it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StreamAnswer {
    /// It says this; nothing, where it is empty.
    Says(Vec<u8>),
    /// It says this, and nothing ever after.
    Ends(Vec<u8>),
    /// The connection breaks.
    Breaks,
}

type Provider = dyn Fn(&[u8]) -> StreamAnswer + Send + Sync;

#[derive(Default)]
pub(super) struct Streams {
    providers: Vec<(String, Arc<Provider>)>,
    open: Vec<Open>,
    readers: Vec<Waker>,
}

struct Open {
    provider: Arc<Provider>,
    written: Vec<u8>,
    /// What there is to read, and how much was read before it.
    unread: BytesMut,
    position: u64,
    state: State,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Open,
    Ended,
    Broken,
    Closed,
}

impl Streams {
    pub(super) fn rule(&mut self, address: &str, provider: Arc<Provider>) {
        self.providers.push((address.to_owned(), provider));
    }

    pub(super) fn connect(&mut self, address: &str) -> Result<u64, Failure> {
        let provider = self.providers.iter().rev().find(|(pattern, _)| glob::matches(pattern, address));
        let (_, provider) =
            provider.ok_or_else(|| Failure::settings("not_granted", format!("no rule answers {address}")))?;
        self.open.push(Open {
            provider: provider.clone(),
            written: Vec::new(),
            unread: BytesMut::new(),
            position: 0,
            state: State::Open,
        });
        Ok(self.open.len() as u64)
    }

    pub(super) fn write(&mut self, stream: u64, bytes: &[u8]) -> Result<(), Failure> {
        if bytes.len() > STREAM_WRITE_LEN_MAX {
            return Err(Failure::new(Source::Plugin, "too_large", "more than one write takes"));
        }
        let open = self.find(stream)?;
        if open.state != State::Open {
            return Err(broken());
        }
        open.written.extend_from_slice(bytes);
        match (open.provider.clone())(bytes) {
            StreamAnswer::Says(said) => self.say(stream, &said),
            StreamAnswer::Ends(said) => {
                self.say(stream, &said);
                self.turn(stream, State::Ended);
            }
            StreamAnswer::Breaks => self.turn(stream, State::Broken),
        }
        Ok(())
    }

    /// What there is to read; `None` while there is nothing.
    pub(super) fn poll_read(&mut self, read: StreamRead, context: &Context<'_>) -> Poll<Result<Bytes, Failure>> {
        let open = match self.find(read.stream) {
            Ok(open) => open,
            Err(failure) => return Poll::Ready(Err(failure)),
        };
        let had = read.position.checked_sub(open.position).and_then(|had| usize::try_from(had).ok());
        let Some(had) = had.filter(|had| *had <= open.unread.len()) else {
            let why = "nothing was ever read up to this position";
            return Poll::Ready(Err(Failure::new(Source::Plugin, "bad_frame", why)));
        };
        drop(open.unread.split_to(had));
        open.position = read.position;
        if !open.unread.is_empty() {
            return Poll::Ready(Ok(Bytes::copy_from_slice(&open.unread)));
        }
        match open.state {
            State::Ended => Poll::Ready(Ok(Bytes::new())),
            State::Broken => Poll::Ready(Err(broken())),
            State::Open | State::Closed => {
                self.readers.push(context.waker().clone());
                Poll::Pending
            }
        }
    }

    pub(super) fn close(&mut self, stream: u64) -> Result<(), Failure> {
        self.find(stream)?;
        self.turn(stream, State::Closed);
        Ok(())
    }

    /// Lets the provider of a stream say something by itself.
    pub(super) fn say(&mut self, stream: u64, bytes: &[u8]) {
        if let Ok(open) = self.find(stream) {
            open.unread.extend_from_slice(bytes);
        }
        self.wake();
    }

    pub(super) fn written(&self, stream: u64) -> Vec<u8> {
        let index = usize::try_from(stream).ok().and_then(|number| number.checked_sub(1));
        index.and_then(|index| self.open.get(index)).map(|open| open.written.clone()).unwrap_or_default()
    }

    pub(super) fn count(&self) -> u64 {
        self.open.len() as u64
    }

    pub(super) fn cut(&mut self, stream: u64) {
        self.turn(stream, State::Broken);
    }

    fn turn(&mut self, stream: u64, state: State) {
        if let Ok(open) = self.find(stream) {
            open.state = state;
        }
        self.wake();
    }

    fn wake(&mut self) {
        self.readers.drain(..).for_each(Waker::wake);
    }

    fn find(&mut self, stream: u64) -> Result<&mut Open, Failure> {
        let index = usize::try_from(stream).ok().and_then(|number| number.checked_sub(1));
        let open = index.and_then(|index| self.open.get_mut(index)).filter(|open| open.state != State::Closed);
        open.ok_or_else(|| Failure::new(Source::Plugin, "no_such_stream", "there is no stream of this number"))
    }
}

fn broken() -> Failure {
    Failure::provider("unreachable", "the connection broke").retry_after(1_000)
}
