//! Serves calls on the one thread that there is. All that a plugin waits for comes over the socket: so what would be an
//! event loop elsewhere is a read.

use std::collections::HashMap;
use std::io::Write;
use std::os::unix::net::UnixStream;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, Wake, Waker};

use futures_util::Stream;
use futures_util::future::{AbortHandle, Abortable, BoxFuture};
use futures_util::stream::FuturesUnordered;
use rustix::io::Errno;
use rustix::net::RecvFlags;
use sportello_sdk::abi::{AbiPeer, PluginModuleRef};
use sportello_sdk::frames::Peer;

use crate::link::{Asker, Far, Incoming, Kind, Outbox, Outgoing, Reader, answer};

/// A buffer that has held more than this is not kept.
const KEPT_LEN_MAX: usize = 256 << 10;

/// What is to be sent at the end of a turn.
#[derive(Default)]
struct Turn(Mutex<Vec<u8>>);

impl Outbox for Turn {
    fn send(&self, message: &Outgoing<'_>, _: bool) {
        message.write(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner));
    }

    /// Its own memory is what bounds it.
    fn is_full(&self) -> bool {
        false
    }
}

/// Whether something is to be polled without anything having been read: it woke itself.
struct Restless(AtomicBool);

impl Wake for Restless {
    fn wake(self: Arc<Self>) {
        self.0.store(true, Ordering::Relaxed);
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.0.store(true, Ordering::Relaxed);
    }
}

struct Server {
    plugin: Arc<dyn Peer>,
    host: Arc<Asker<Turn>>,
    calls: FuturesUnordered<BoxFuture<'static, u64>>,
    giving_up: HashMap<u64, AbortHandle>,
}

/// Serves until the host is gone.
pub(super) fn serve(mut socket: UnixStream, root: PluginModuleRef) {
    let host = Arc::new(Asker::new(Turn::default()));
    let plugin = (root.connect())(AbiPeer::new(Arc::new(Far(Arc::clone(&host))))).into_peer();
    let mut server = Server { plugin, host, calls: FuturesUnordered::new(), giving_up: HashMap::new() };
    let restless = Arc::new(Restless(AtomicBool::new(false)));
    let waker = Waker::from(Arc::clone(&restless));
    let mut context = Context::from_waker(&waker);
    let mut reader = Reader::default();
    loop {
        server.poll(&mut context);
        if server.flush(&mut socket).is_err() {
            return;
        }
        let flags = if restless.0.swap(false, Ordering::Relaxed) { RecvFlags::DONTWAIT } else { RecvFlags::empty() };
        match reader.read(&socket, flags) {
            Ok(1..) => {}
            Err(Errno::AGAIN | Errno::INTR) => continue,
            Ok(_) | Err(_) => return,
        }
        loop {
            match reader.next() {
                Ok(Some(message)) => server.take(message, &mut context),
                Ok(None) => break,
                // A gateway keeps to its framing: this one is none.
                Err(_) => return,
            }
        }
    }
}

impl Server {
    /// Lets every call go on that can.
    fn poll(&mut self, context: &mut Context<'_>) {
        while let Poll::Ready(Some(id)) = Pin::new(&mut self.calls).poll_next(context) {
            self.giving_up.remove(&id);
        }
    }

    /// Sends what there is, all at once. The host always reads.
    fn flush(&self, socket: &mut UnixStream) -> std::io::Result<()> {
        let mut turn = self.host.outbox().0.lock().unwrap_or_else(PoisonError::into_inner);
        if !turn.is_empty() {
            socket.write_all(&turn)?;
            turn.clear();
            if turn.capacity() > KEPT_LEN_MAX {
                *turn = Vec::new();
            }
        }
        Ok(())
    }

    fn take(&mut self, message: Incoming, context: &mut Context<'_>) {
        match message.kind {
            Kind::Call => self.begin(message, context),
            Kind::Reply => drop(self.host.answered(message.id, message.reply())),
            Kind::Notify => message.tell(&*self.plugin),
            Kind::Cancel => {
                if let Some(giving_up) = self.giving_up.get(&message.id) {
                    giving_up.abort();
                }
            }
            Kind::Ping => self.host.outbox().send(&Outgoing::bare(Kind::Pong, 0), true),
            Kind::Pong | Kind::Hello => {}
        }
    }

    /// Begins a call. Most are over at once: then it is answered, and nothing has to be kept for it.
    fn begin(&mut self, message: Incoming, context: &mut Context<'_>) {
        let id = message.id;
        let mut doing = message.call(&*self.plugin);
        if let Poll::Ready(reply) = doing.as_mut().poll(context) {
            return answer(self.host.outbox(), id, &reply, true);
        }
        let (giving_up, given_up) = AbortHandle::new_pair();
        self.giving_up.insert(id, giving_up);
        let host = Arc::clone(&self.host);
        self.calls.push(Box::pin(async move {
            // One that was given up is not answered.
            if let Ok(reply) = Abortable::new(doing, given_up).await {
                answer(host.outbox(), id, &reply, true);
            }
            id
        }));
    }
}
