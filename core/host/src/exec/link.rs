//! The conversation with one process: who asked what, and who still waits.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use futures_util::future::BoxFuture;
use sportello_sdk::frames::{LogLine, Peer, Reply, host_method};
use sportello_sdk::{Failure, Level, Source};
use tokio::runtime::Handle;
use tokio::sync::oneshot;
use tokio::task::AbortHandle;

use super::doom::Doom;
use super::message::{self, Id, Message, Odd, Params};
use super::outbox::Outbox;

/// How many questions of the plugin's are open at once.
const QUESTIONS_MAX: usize = 256;

/// How many bytes all open questions may have together: the lines that they came in, and the bodies that stood in these.
const QUESTIONS_LEN_MAX: usize = 64 << 20;

/// How many bytes may wait for the plugin before it is asked nothing more.
const ASKED_LEN_MAX: usize = 16 << 20;

/// How many may wait before it is given up: what it asked for itself, and does not take.
const ANSWERED_LEN_MAX: usize = 64 << 20;

/// How many lines are none of the protocol's before the process is ended.
const ODD_MAX: usize = 100;

/// How many calls that were given up are remembered, so that their answers count as late and not as made up.
const GIVEN_UP_MAX: usize = 4096;

/// The method that anything at all answers, and that nobody waits for any more.
const PING: &str = "$/ping";
const CANCEL: &str = "$/cancel";

/// One conversation: the plugin, as its host sees it.
pub(crate) struct Link {
    pub(crate) outbox: Outbox,
    pub(crate) doom: Doom,
    host: Arc<dyn Peer>,
    /// Where what the plugin asks for is answered.
    runtime: Handle,
    /// How long the process may take to answer a ping.
    ping_within: Duration,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    last_id: u64,
    /// What we asked, by its id.
    asked: HashMap<u64, Asked>,
    given_up: VecDeque<u64>,
    pinged: Option<u64>,
    /// What the plugin asked.
    questions: HashMap<Id, Question>,
    /// How many bytes these keep.
    questions_len: usize,
    odd: usize,
    /// Why there is nobody any more.
    ended: Option<Failure>,
}

struct Asked {
    call: u64,
    answer: oneshot::Sender<Reply>,
}

struct Question {
    parent: u64,
    answering: AbortHandle,
    /// How many bytes it keeps.
    len: usize,
}

impl State {
    /// Takes out a question, so that nobody else answers it.
    fn take(&mut self, id: &Id) -> Option<Question> {
        let question = self.questions.remove(id)?;
        self.questions_len = self.questions_len.saturating_sub(question.len);
        Some(question)
    }

    /// Why there is no room for a further question of so many bytes.
    fn no_room(&self, len: usize) -> Option<String> {
        if self.questions.len() >= QUESTIONS_MAX {
            return Some(format!("{QUESTIONS_MAX} questions are open already"));
        }
        let is_full = self.questions_len.saturating_add(len) > QUESTIONS_LEN_MAX;
        is_full.then(|| format!("the questions that are open have {} MiB together", QUESTIONS_LEN_MAX >> 20))
    }
}

impl Link {
    pub(crate) fn new(host: Arc<dyn Peer>, runtime: Handle, ping_within: Duration) -> Arc<Self> {
        let (outbox, doom, state) = Default::default();
        Arc::new(Self { outbox, doom, host, runtime, ping_within, state })
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Asks, unless there is nobody, or nobody who listens.
    fn ask(self: &Arc<Self>, method: &str, frame: &[u8], body: &[u8]) -> Result<Waiting, Failure> {
        let call = message::call_of(frame)?;
        if self.outbox.waiting() > ASKED_LEN_MAX {
            let message = "the plugin does not read what it is asked";
            return Err(Failure::new(Source::Plugin, "does_not_read", message).retry_after(1_000));
        }
        let (sender, answer) = oneshot::channel();
        let mut state = self.state();
        if let Some(failure) = &state.ended {
            return Err(failure.clone());
        }
        state.last_id += 1;
        let id = state.last_id;
        state.asked.insert(id, Asked { call, answer: sender });
        // Under the lock, so that what is given up is cancelled after it was asked.
        self.outbox.put(&message::request(id, method, frame, body));
        Ok(Waiting { link: Arc::clone(self), id, answer })
    }

    /// Takes a line of the plugin's, its end taken off.
    pub(crate) fn hear(self: &Arc<Self>, line: &Bytes) {
        match message::read(line) {
            Ok(Message::Request { id, method, params }) => self.question(id, method, params, line.len()),
            Ok(Message::Notification { method, params }) if method == CANCEL => {
                if let Some(question) = params.cancelled.and_then(|id| self.state().take(&id)) {
                    question.answering.abort();
                }
            }
            Ok(Message::Notification { method, params }) => self.host.notify(&method, params.frame),
            Ok(Message::Answer { id, reply }) => self.answered(id, reply),
            Ok(Message::Complaint) => self.odd("it says that it could not read a line of the gateway's"),
            Err(odd) => {
                self.outbox.put(&message::refusal(&odd));
                self.odd(&odd.why);
            }
        }
    }

    fn answered(self: &Arc<Self>, id: u64, reply: Reply) {
        let mut state = self.state();
        if let Some(Asked { call, answer }) = state.asked.remove(&id) {
            self.over(state, call);
            // Whoever waited may just have stopped to.
            let _ = answer.send(reply);
        } else if state.pinged == Some(id) {
            state.pinged = None;
        } else if let Some(at) = state.given_up.iter().position(|given_up| *given_up == id) {
            state.given_up.remove(at);
        } else {
            drop(state);
            self.odd("it answers what it was not asked, or answers it twice");
        }
    }

    /// Answers a question, which came in a line of so many bytes, in a task of its own.
    fn question(self: &Arc<Self>, id: Id, method: String, params: Params, line_len: usize) {
        // Its frame is a part of the line, and keeps all of that.
        let len = line_len + params.body.len();
        let mut state = self.state();
        if state.questions.contains_key(&id) {
            drop(state);
            let why = "it asks under an id that it has asked under, and that is not answered yet".to_owned();
            self.outbox.put(&message::refusal(&Odd { code: message::code::REQUEST, why: why.clone() }));
            return self.odd(&why);
        }
        if let Some(message) = state.no_room(len) {
            drop(state);
            let failure = Failure::new(Source::Plugin, "too_many", message).retry_after(100);
            return self.say(&id, &Reply::failure(&failure));
        }
        let link = Arc::clone(self);
        let (key, parent) = (id.clone(), params.parent);
        let answering = self.runtime.spawn(async move {
            let reply = link.host.call(parent, &method, params.frame, params.body).await;
            // Whoever took it out has answered it.
            let was_open = link.state().take(&id).is_some();
            if was_open {
                link.say(&id, &reply);
            }
        });
        state.questions_len += len;
        state.questions.insert(key, Question { parent, answering: answering.abort_handle(), len });
    }

    fn say(&self, id: &Id, reply: &Reply) {
        if self.outbox.waiting() > ANSWERED_LEN_MAX {
            return self.doom.seal("it does not read what it is answered");
        }
        self.outbox.put(&message::answer(id, reply));
    }

    /// Nothing is done any more on behalf of a call that is over.
    fn over(&self, mut state: MutexGuard<'_, State>, call: u64) {
        if state.questions.is_empty() {
            return;
        }
        let of_call: Vec<Id> =
            state.questions.iter().filter(|(_, question)| question.parent == call).map(|(id, _)| id.clone()).collect();
        let cut: Vec<_> = of_call.into_iter().filter_map(|id| Some((state.take(&id)?, id))).collect();
        drop(state);
        for (question, id) in cut {
            question.answering.abort();
            self.say(&id, &Reply::failure(&crate::hostcalls::over(crate::attest::Over)));
        }
    }

    /// Nobody waits for the answer any more.
    fn give_up(self: &Arc<Self>, id: u64) {
        let mut state = self.state();
        let Some(Asked { call, .. }) = state.asked.remove(&id) else {
            return;
        };
        if state.given_up.len() == GIVEN_UP_MAX {
            state.given_up.pop_front();
        }
        state.given_up.push_back(id);
        self.outbox.put(&message::cancel(id));
        self.ping(&mut state);
        self.over(state, call);
    }

    /// Asks whether there is somebody: who waits for a provider answers that, and who hangs does not.
    fn ping(self: &Arc<Self>, state: &mut State) {
        if state.pinged.is_some() {
            return;
        }
        state.last_id += 1;
        let id = state.last_id;
        state.pinged = Some(id);
        self.outbox.put(&message::request(id, PING, b"null", b""));
        let link = Arc::downgrade(self);
        let within = self.ping_within;
        self.runtime.spawn(async move {
            tokio::time::sleep(within).await;
            if let Some(link) = link.upgrade()
                && link.state().pinged == Some(id)
            {
                link.doom.seal(&format!("it hangs: it did not answer a ping within {} ms", within.as_millis()));
            }
        });
    }

    /// Something that is none of the protocol's: told to the operator, and the end of it when there is too much of it.
    fn odd(&self, why: &str) {
        let mut state = self.state();
        state.odd += 1;
        let odd = state.odd;
        drop(state);
        self.log(Level::Warn, &format!("on its standard output is what is none of the protocol's: {why}"));
        if odd >= ODD_MAX {
            self.doom.seal(&format!("{ODD_MAX} lines on its standard output were none of the protocol's"));
        }
    }

    /// Writes a line into the log, under the instance's name.
    pub(crate) fn log(&self, level: Level, message: &str) {
        if let Ok(frame) = serde_json::to_vec(&LogLine { level, message: message.to_owned() }) {
            self.host.notify(host_method::LOG, frame.into());
        }
    }

    /// The process is gone: whatever was under way is answered so.
    pub(crate) fn end(&self, why: &str) {
        let failure = Failure::new(Source::Plugin, "crashed", format!("the plugin's process has ended: {why}"));
        let failure = failure.retry_after(1_000);
        let mut state = self.state();
        state.ended = Some(failure.clone());
        let asked = std::mem::take(&mut state.asked);
        let questions = std::mem::take(&mut state.questions);
        state.questions_len = 0;
        drop(state);
        questions.into_values().for_each(|question| question.answering.abort());
        for Asked { answer, .. } in asked.into_values() {
            let _ = answer.send(Reply::failure(&failure));
        }
    }
}

/// A call under way. Dropped, it is given up.
struct Waiting {
    link: Arc<Link>,
    id: u64,
    answer: oneshot::Receiver<Reply>,
}

impl Drop for Waiting {
    fn drop(&mut self) {
        self.link.give_up(self.id);
    }
}

/// The plugin's side, as a peer.
pub(crate) struct Far(pub(crate) Arc<Link>);

impl Peer for Far {
    fn call(&self, _parent: u64, method: &str, frame: Bytes, body: Bytes) -> BoxFuture<'static, Reply> {
        let (link, method) = (Arc::clone(&self.0), method.to_owned());
        // Nothing is asked before this is polled.
        Box::pin(async move {
            let mut waiting = match link.ask(&method, &frame, &body) {
                Ok(waiting) => waiting,
                Err(failure) => return Reply::failure(&failure),
            };
            drop((frame, body));
            let nobody =
                || Failure::new(Source::Plugin, "crashed", "the plugin's process has ended").retry_after(1_000);
            (&mut waiting.answer).await.unwrap_or_else(|_| Reply::failure(&nobody()))
        })
    }

    /// There is nothing yet that a host tells a plugin without waiting.
    fn notify(&self, _method: &str, _frame: Bytes) {}
}
