//! What is to be sent: one buffer, which one task drains.

use std::io::{ErrorKind, Write};
use std::os::unix::net::UnixStream;
use std::sync::{Mutex, PoisonError};

use tokio::net::unix::pipe;
use tokio::sync::Notify;

use super::Outgoing;

/// The most that waits to be read by the other side, in bytes. Nothing that is asked of it goes beyond.
pub(crate) const WAITING_LEN_MAX: usize = 64 << 20;

/// Beyond this the other side asks and does not read: what it was answered waits, and it goes on asking. Nothing else comes
/// this far, since from [`WAITING_LEN_MAX`] on every answer is a short one.
const UNREAD_LEN_MAX: usize = 2 * WAITING_LEN_MAX;

/// A buffer that has held more than this is not kept.
const KEPT_LEN_MAX: usize = 256 << 10;

/// Where messages go.
pub(crate) trait Outbox: Send + Sync + 'static {
    /// Takes a message, whole. `alone` says that nothing follows soon: it need not wait for others to be sent with.
    fn send(&self, message: &Outgoing<'_>, alone: bool);

    /// Whether there is so much already that nothing new is to be asked.
    fn is_full(&self) -> bool;
}

/// That of a host, which has other things to do while a socket is full.
///
/// The event loop watches the socket for room only while it is full. Watched always, it would wake the host whenever the
/// child has read something, which is once more for each call than there is anything to do.
pub(crate) struct SocketOutbox {
    socket: UnixStream,
    state: Mutex<State>,
    filled: Notify,
}

#[derive(Default)]
struct State {
    waiting: Vec<u8>,
    /// How much the task that drains is busy with.
    writing_len: usize,
    is_over: bool,
}

impl SocketOutbox {
    /// Of a socket that does not block.
    pub(crate) fn new(socket: UnixStream) -> Self {
        Self { socket, state: Mutex::default(), filled: Notify::new() }
    }

    /// Whether the other side goes on asking without reading what it is answered.
    pub(crate) fn is_unread(&self) -> bool {
        self.waiting_len() > UNREAD_LEN_MAX
    }

    fn waiting_len(&self) -> usize {
        let state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.waiting.len() + state.writing_len
    }

    /// Sends what comes, until the socket is broken.
    pub(crate) async fn drain(&self) {
        let mut chunk = Vec::new();
        loop {
            {
                let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
                std::mem::swap(&mut chunk, &mut state.waiting);
                state.writing_len = chunk.len();
            }
            if chunk.is_empty() {
                self.filled.notified().await;
                // Whoever else has something to say, and was about to, says it first: one system call sends it all.
                tokio::task::yield_now().await;
            } else if self.write(&chunk).await.is_err() {
                // Whoever reads hears of it as well, and knows more.
                let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
                *state = State { is_over: true, ..State::default() };
                return;
            }
            chunk.clear();
            if chunk.capacity() > KEPT_LEN_MAX {
                chunk = Vec::new();
            }
        }
    }

    async fn write(&self, mut rest: &[u8]) -> std::io::Result<()> {
        while !rest.is_empty() {
            match self.try_write(rest) {
                Ok(written) => rest = rest.get(written..).unwrap_or_default(),
                Err(error) if error.kind() == ErrorKind::WouldBlock => self.has_room().await?,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    fn try_write(&self, bytes: &[u8]) -> std::io::Result<usize> {
        (&self.socket).write(bytes)
    }

    /// Waits until something can be written.
    async fn has_room(&self) -> std::io::Result<()> {
        // Watched for room alone, as the writing end of a pipe is.
        let watched = pipe::Sender::from_owned_fd_unchecked(self.socket.try_clone()?.into())?;
        watched.writable().await
    }
}

impl Outbox for SocketOutbox {
    fn send(&self, message: &Outgoing<'_>, alone: bool) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if state.is_over {
            return;
        }
        let was_idle = state.waiting.is_empty() && state.writing_len == 0;
        message.write(&mut state.waiting);
        // With nothing to be sent along, the other task's turn would cost more than the system call.
        if alone && was_idle {
            match self.try_write(&state.waiting) {
                Ok(written) if written == state.waiting.len() => {
                    state.waiting.clear();
                    return;
                }
                Ok(written) => drop(state.waiting.drain(..written)),
                // Full, or broken: the task that drains finds out.
                Err(_) => {}
            }
        }
        drop(state);
        if was_idle {
            self.filled.notify_one();
        }
    }

    fn is_full(&self) -> bool {
        self.waiting_len() > WAITING_LEN_MAX
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::link::Kind;
    use crate::link::wire::BODY_LEN_MAX;

    #[test]
    fn what_nobody_reads_is_told_from_what_is_much() {
        let check = |bodies: usize, expected: (bool, bool)| {
            let (ours, theirs) = UnixStream::pair().unwrap();
            let outbox = SocketOutbox::new(ours);
            let body = vec![0; BODY_LEN_MAX];
            for id in 0..bodies as u64 {
                outbox.send(&Outgoing { body: &body, ..Outgoing::bare(Kind::Reply, id) }, false);
            }
            assert_eq!((outbox.is_full(), outbox.is_unread()), expected, "{bodies}");
            drop(theirs);
        };
        check(0, (false, false));
        check(WAITING_LEN_MAX / BODY_LEN_MAX - 1, (false, false));
        check(WAITING_LEN_MAX / BODY_LEN_MAX, (true, false));
        check(UNREAD_LEN_MAX / BODY_LEN_MAX - 1, (true, false));
        check(UNREAD_LEN_MAX / BODY_LEN_MAX, (true, true));
    }
}
