//! Where a plugin that is played to asks its questions.

use std::time::Duration;

use bytes::Bytes;
use futures_util::future::BoxFuture;
use serde_json::Value;
use sportello_sdk::frames::{FRAME_LEN_MAX, Peer, Reply};
use sportello_sdk::{Failure, Source};
use tokio::sync::{mpsc, oneshot};

/// A question of the plugin's.
pub(super) struct Question {
    pub(super) parent: u64,
    pub(super) method: String,
    pub(super) frame: Bytes,
    pub(super) body: Bytes,
    answer: oneshot::Sender<Reply>,
}

impl Question {
    pub(super) fn json(&self) -> Value {
        serde_json::from_slice(&self.frame).unwrap_or(Value::Null)
    }

    pub(super) fn answer(self, reply: Reply) {
        // Whoever asked may have given up.
        let _ = self.answer.send(reply);
    }

    pub(super) fn refuse(self) {
        let message = "this was not asked when the recording was made, or its answer is not in it";
        self.answer(Reply::failure(&Failure::new(Source::Host, "not_recorded", message)));
    }
}

/// The questions that nobody has taken up yet.
pub(super) struct Stage {
    coming: mpsc::UnboundedReceiver<Question>,
    waiting: Vec<Question>,
}

impl Stage {
    /// The stage, and the host that the plugin asks.
    pub(super) fn new() -> (Self, StageHost) {
        let (asked, coming) = mpsc::unbounded_channel();
        (Self { coming, waiting: Vec::new() }, StageHost { asked })
    }

    /// Takes the question that fits, and of several the one with this frame.
    pub(super) fn take(&mut self, fits: &impl Fn(&Question) -> bool, frame: &Value) -> Option<Question> {
        let exactly = self.waiting.iter().position(|question| fits(question) && question.json() == *frame);
        let at = exactly.or_else(|| self.waiting.iter().position(fits))?;
        Some(self.waiting.remove(at))
    }

    /// Waits for one more, but no longer than `patience`.
    pub(super) async fn more(&mut self, patience: Duration) -> bool {
        match tokio::time::timeout(patience, self.coming.recv()).await {
            Ok(Some(question)) => {
                self.waiting.push(question);
                true
            }
            Ok(None) | Err(_) => false,
        }
    }

    pub(super) fn take_all(&mut self) -> Vec<Question> {
        std::mem::take(&mut self.waiting)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }
}

/// The host of a plugin that is played to.
pub(super) struct StageHost {
    asked: mpsc::UnboundedSender<Question>,
}

impl Peer for StageHost {
    fn call(&self, parent: u64, method: &str, frame: Bytes, body: Bytes) -> BoxFuture<'static, Reply> {
        let (answer, answered) = oneshot::channel();
        let over = || Reply::failure(&Failure::new(Source::Host, "call_over", "the recording is over"));
        if frame.len() <= FRAME_LEN_MAX {
            let question = Question { parent, method: method.to_owned(), frame, body, answer };
            let _ = self.asked.send(question);
        }
        Box::pin(async move { answered.await.unwrap_or_else(|_| over()) })
    }

    fn notify(&self, _: &str, _: Bytes) {}
}
