//! Plays a recording to another version of its plugin, and tells where that one does otherwise.
//!
//! Nothing goes out: whatever the plugin asks of its host is answered from the recording. Each line is played in its turn: a
//! call is made when it was made, a question is waited for where it was asked, and its answer given when it was given. So
//! the plugin is told nothing before its time, and what passed at once stays in order. Time, randomness and deadlines are
//! in the frames.
//!
//! A plugin with a process of its own reaches nothing but this host. Code that shares this process could go past it.
//!
//! What was taken out of the recording is like whatever stands in its place. A call that got bytes which were left out
//! cannot be played on: it is given up, and counted.

mod compare;
mod read;
mod stage;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use serde_json::{Value, json};
use sportello_sdk::frames::{Peer, Reply, host_method, plugin_method};
use tokio::task::JoinHandle;

pub use compare::Difference;
use compare::{compare_body, compare_frame};
pub use read::{Recording, RecordingError};
use stage::{Question, Stage};

use crate::frame::{Circumstances, Params};
use crate::loaded::Loaded;
use crate::record::{Body, Entry, SECRET_AT};

/// How a recording is played.
#[derive(Debug, Clone)]
pub struct Replay {
    /// How long to wait for what the recording says comes next, before the plugin counts as silent.
    pub patience: Duration,
    /// The values of secrets, for a plugin that can do nothing with a made-up one.
    pub secrets: BTreeMap<String, String>,
}

impl Default for Replay {
    fn default() -> Self {
        Self { patience: Duration::from_secs(1), secrets: BTreeMap::new() }
    }
}

/// What came of it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Replayed {
    /// How many calls were played to their end.
    pub calls: usize,
    /// How many questions were asked as they had been.
    pub questions: usize,
    /// How many calls could not be played on, since what they got is not in the recording.
    pub left_out: usize,
    /// Where the plugin did otherwise, in the order of the recording.
    pub differences: Vec<Difference>,
}

/// How long one with a process of its own may take to be there.
const AWAKE_WITHIN: Duration = Duration::from_secs(30);

/// The most differences that are told. After so many the versions have little in common.
pub const DIFFERENCES_MAX: usize = 100;

impl Replay {
    /// Plays `recording` to a new instance of `plugin`. Must run inside a tokio runtime.
    pub async fn play(&self, recording: &Recording, plugin: &Loaded) -> Replayed {
        let (stage, host) = Stage::new();
        let mut player = Player {
            replay: self,
            stage,
            playing: BTreeMap::new(),
            asked: BTreeMap::new(),
            methods: BTreeMap::new(),
            done: Replayed::default(),
        };
        let instance = plugin.connected(Arc::new(host));
        let has_process = instance.life.is_some();
        let instance = instance.into_peer();
        if has_process {
            // Its process takes a while to start, which is no silence of the plugin's.
            awake(&*instance).await;
        }
        for entry in recording.entries() {
            if player.done.differences.len() >= DIFFERENCES_MAX {
                break;
            }
            player.step(entry, &*instance).await;
        }
        player.playing.into_values().for_each(|playing| playing.abort());
        player.done
    }
}

/// Waits until it answers, or has taken too long to: what plays to it says what is wrong then.
async fn awake(plugin: &dyn Peer) {
    let circumstances = Circumstances { call: 0, now_ms: 0, deadline_ms: 0, seed: 0, trace: None };
    let frame = Params::raw(b"").frame(&circumstances);
    let asking = plugin.call(0, plugin_method::SCHEMA, frame, Bytes::new());
    let _ = tokio::time::timeout(AWAKE_WITHIN, asking).await;
}

struct Player<'a> {
    replay: &'a Replay,
    stage: Stage,
    /// The calls under way, by their number in the recording.
    playing: BTreeMap<u64, JoinHandle<Reply>>,
    /// The questions that wait for an answer, by their number in the recording.
    asked: BTreeMap<u64, Question>,
    /// What each call and question of the recording was for.
    methods: BTreeMap<(char, u64), (u64, String)>,
    done: Replayed,
}

impl Player<'_> {
    async fn step(&mut self, entry: &Entry, plugin: &dyn Peer) {
        match entry {
            Entry::Began { .. } | Entry::Ended { .. } => {}
            Entry::Called { call, method, frame, body } => {
                self.methods.insert(('c', *call), (*call, method.clone()));
                let Some(body) = bytes_of(body) else {
                    self.done.left_out += 1;
                    return;
                };
                let calling = plugin.call(0, method, frame.to_string().into(), body);
                self.playing.insert(*call, tokio::spawn(calling));
            }
            Entry::GivenUp { call } => {
                if let Some(playing) = self.playing.remove(call) {
                    playing.abort();
                }
            }
            Entry::Asked { ask, parent, method, frame, body } => {
                self.methods.insert(('a', *ask), (*parent, method.clone()));
                let Some(question) = self.question(*parent, method, frame).await else {
                    self.differ(Difference::Silent { method: method.clone(), at: format!("question {ask}") });
                    return;
                };
                self.done.questions += 1;
                let what = format!("question {ask} (`{method}`)");
                let differences = compare_frame(&what, frame, &question.frame).into_iter().chain(compare_body(
                    &what,
                    body,
                    &question.body,
                ));
                self.done.differences.extend(differences);
                self.asked.insert(*ask, question);
            }
            Entry::Given { ask, ok, frame, body } => self.give(*ask, *ok, frame, body),
            Entry::Answered { call, ok, frame, body } => self.answered(*call, *ok, frame, body).await,
        }
    }

    /// The plugin's question that was asked here. What else it asks meanwhile waits; when nothing that fits comes, it is
    /// refused.
    async fn question(&mut self, parent: u64, method: &str, frame: &Value) -> Option<Question> {
        let fits = |question: &Question| question.parent == parent && question.method == method;
        loop {
            if let Some(found) = self.stage.take(&fits, frame) {
                return Some(found);
            }
            if !self.stage.more(self.replay.patience).await {
                self.refuse_all();
                return None;
            }
        }
    }

    /// Whatever waits was never asked before.
    fn refuse_all(&mut self) {
        for question in self.stage.take_all() {
            self.done.differences.push(Difference::New { method: question.method.clone(), frame: question.json() });
            question.refuse();
        }
    }

    fn give(&mut self, ask: u64, ok: bool, frame: &Value, body: &Body) {
        let Some(question) = self.asked.remove(&ask) else {
            return;
        };
        let Some(body) = bytes_of(body) else {
            self.done.left_out += 1;
            question.refuse();
            return;
        };
        let mut frame = frame.clone();
        if question.method == host_method::SECRET
            && let Some(value) = self.secret_of(&question)
            && let Some(given) = frame.pointer_mut(SECRET_AT)
        {
            *given = json!(value);
        }
        question.answer(Reply { ok, frame: frame.to_string().into(), body });
    }

    fn secret_of(&self, question: &Question) -> Option<&String> {
        let asked = question.json();
        self.replay.secrets.get(asked.get("name")?.as_str()?)
    }

    async fn answered(&mut self, call: u64, ok: bool, frame: &Value, body: &Body) {
        let Some(mut playing) = self.playing.remove(&call) else {
            return;
        };
        let (_, method) = self.methods.get(&('c', call)).cloned().unwrap_or_default();
        let what = format!("answer to call {call} (`{method}`)");
        let reply = loop {
            tokio::select! {
                reply = &mut playing => break reply.ok(),
                more = self.stage.more(self.replay.patience) => {
                    // It asks what it did not ask before; or it says nothing at all.
                    if !more && self.stage.is_empty() {
                        break None;
                    }
                    if !more {
                        self.refuse_all();
                    }
                }
            }
        };
        let Some(reply) = reply else {
            playing.abort();
            self.differ(Difference::Silent { method, at: format!("call {call}") });
            return;
        };
        self.done.calls += 1;
        if reply.ok != ok {
            let say = |ok| if ok { "a result" } else { "a failure" }.to_owned();
            let (recorded, now) =
                (format!("{}: {frame}", say(ok)), format!("{}: {}", say(reply.ok), text(&reply.frame)));
            self.differ(Difference::Other { what, at: String::new(), recorded, now });
            return;
        }
        let differences =
            compare_frame(&what, frame, &reply.frame).into_iter().chain(compare_body(&what, body, &reply.body));
        self.done.differences.extend(differences);
    }

    fn differ(&mut self, difference: Difference) {
        self.done.differences.push(difference);
    }
}

fn text(frame: &Bytes) -> String {
    String::from_utf8_lossy(frame).into_owned()
}

/// The bytes that stood there; nothing where they were left out.
fn bytes_of(body: &Body) -> Option<Bytes> {
    match body {
        Body::Empty => Some(Bytes::new()),
        Body::Text(text) => Some(text.clone().into()),
        Body::Base64(text) => STANDARD.decode(text).ok().map(Bytes::from),
        Body::LeftOut(_) => None,
    }
}
