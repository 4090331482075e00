//! For the tests of the rails that use this crate: an acquirer by script, and a host whose waits take as long as its clock.

use std::pin::pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::Poll;

use futures_util::future::{Either, select};
use sportello_sdk::frames::{Peer, Reply, Sleep, host_method};
use sportello_sdk::testing::{ScriptedHost, StreamAnswer};
use sportello_sdk::{Bytes, Failure, Host, serde_json};

use crate::frame::{self, Frames, MESSAGE_LEN_MAX};
use crate::{Dialect, Field, Message, decode};

/// What a scripted acquirer does with a message.
#[derive(Debug, Clone)]
pub enum Says {
    /// Answers with this response code, and an authorization where it approves.
    Code(&'static str),
    /// Answers so.
    This(Message),
    /// Does not answer.
    Nothing,
    /// Breaks the connection.
    Breaks,
}

type Script = dyn Fn(&Message) -> Says + Send + Sync;

/// An acquirer that takes every sign-on and echo, and all else by its script.
#[derive(Clone)]
pub struct Acquirer {
    script: Arc<Script>,
    received: Arc<Mutex<Vec<Message>>>,
}

impl Acquirer {
    /// One that does so.
    pub fn new(script: impl Fn(&Message) -> Says + Send + Sync + 'static) -> Self {
        Self { script: Arc::new(script), received: Arc::default() }
    }

    /// Lets it listen at an address.
    #[must_use]
    pub fn listens(&self, host: ScriptedHost, address: &str) -> ScriptedHost {
        let acquirer = self.clone();
        host.on_stream(address, move |octets| acquirer.take(octets))
    }

    /// What came and was no network management, in order.
    pub fn received(&self) -> Vec<Message> {
        self.received.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn take(&self, octets: &[u8]) -> StreamAnswer {
        // A write holds whole messages.
        let mut frames = Frames::new(MESSAGE_LEN_MAX);
        frames.push(octets);
        let mut said = Vec::new();
        while let Ok(Some(octets)) = frames.next_message() {
            let Ok(message) = decode(&octets, &Dialect::default()) else { return StreamAnswer::Breaks };
            if message.mti().is_network() {
                said.extend(framed(&answer(&message, "00")));
                continue;
            }
            self.received.lock().unwrap_or_else(PoisonError::into_inner).push(message.clone());
            match (self.script)(&message) {
                Says::Code(code) => said.extend(framed(&answer(&message, code))),
                Says::This(answer) => said.extend(framed(&answer)),
                Says::Nothing => {}
                Says::Breaks => return StreamAnswer::Breaks,
            }
        }
        StreamAnswer::Says(said)
    }
}

/// An answer with this response code; where it approves, with the authorization `A1B2C3`.
pub fn answer(request: &Message, code: &str) -> Message {
    let echoed = [3, 4, 7, 11, 32, 37, 41, 42, 49, 70];
    let mut answer = Message::new(request.mti().answer());
    for field in echoed.into_iter().filter_map(Field::new) {
        if let Some(value) = request.get(field) {
            answer.set(field, value);
        }
    }
    answer.set(Field::RESPONSE, code);
    if matches!(code, "00" | "10") && !request.mti().is_network() {
        answer.set(Field::AUTHORIZATION, "A1B2C3");
    }
    answer
}

/// A message as it stands in a stream; nothing where it is none.
pub fn framed(message: &Message) -> Vec<u8> {
    let mut octets = Vec::new();
    let _ = frame::write(message, &Dialect::default(), &mut octets);
    octets
}

/// A call to this host in which a wait ends when the host's clock says so, and not at once: it is moved by
/// [`ScriptedHost::advance`].
pub fn call(host: &ScriptedHost) -> Host {
    let patient = Patient { host: host.clone(), peer: host.clone().into_peer() };
    Host::new(Arc::new(patient), &host.frame(()))
}

/// Lets a rail's `run` go on while `meanwhile` does its work with a call of its own, and after it until all is written.
///
/// # Panics
/// Where `run` ends first.
#[allow(clippy::panic, reason = "a test may fail loudly")]
pub fn beside<T>(
    host: &ScriptedHost,
    run: impl AsyncFnOnce(Host) -> Result<(), Failure>,
    meanwhile: impl AsyncFnOnce(Host) -> T,
) -> T {
    let (of_run, of_work) = (call(host), host.clone());
    host.block_on(async move {
        let run = pin!(run(of_run));
        let work = pin!(async {
            turns(5).await;
            let done = meanwhile(call(&of_work)).await;
            turns(5).await;
            done
        });
        match select(run, work).await {
            Either::Left((ended, _)) => panic!("`run` ended first: {ended:?}"),
            Either::Right((done, _)) => done,
        }
    })
}

/// Lets everybody else go on for so many turns.
pub async fn turns(count: u32) {
    let mut left = count;
    std::future::poll_fn(|context| {
        if left == 0 {
            return Poll::Ready(());
        }
        left -= 1;
        context.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
}

struct Patient {
    host: ScriptedHost,
    peer: Arc<dyn Peer>,
}

impl Peer for Patient {
    fn call(
        &self,
        parent: u64,
        method: &str,
        frame: Bytes,
        body: Bytes,
    ) -> futures_util::future::BoxFuture<'static, Reply> {
        let sleep = (method == host_method::SLEEP).then(|| serde_json::from_slice::<Sleep>(&frame));
        let Some(Ok(Sleep { for_ms })) = sleep else {
            return self.peer.call(parent, method, frame, body);
        };
        let (host, peer) = (self.host.clone(), Arc::clone(&self.peer));
        let until_ms = host.clock_ms().saturating_add(for_ms);
        Box::pin(async move {
            std::future::poll_fn(|context| {
                if host.clock_ms() >= until_ms {
                    return Poll::Ready(());
                }
                context.waker().wake_by_ref();
                Poll::Pending
            })
            .await;
            let now = serde_json::to_vec(&Sleep { for_ms: 0 }).unwrap_or_default();
            peer.call(parent, host_method::SLEEP, now.into(), Bytes::new()).await
        })
    }

    fn notify(&self, method: &str, frame: Bytes) {
        self.peer.notify(method, frame);
    }
}
