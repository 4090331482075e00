//! How often somebody is answered who says nothing that is understood: a person is helped, and two bots do not talk to
//! each other for ever.

use std::collections::HashMap;

use parking_lot::Mutex;
use sportello_model::Handle;

/// The most answers to one person in [`WINDOW_MS`] to what is not understood, that no command came between.
const HELPED_MAX: u8 = 3;
/// The most answers to one person in [`WINDOW_MS`] of whatever kind. What is said of a payment is not counted.
const ANSWERS_MAX: u8 = 50;
/// How long answers are counted, in milliseconds.
const WINDOW_MS: u64 = 24 * 3_600_000;
/// The most people that are kept in mind; beyond it the memory begins anew.
const PEOPLE_MAX: usize = 100_000;

/// How often somebody was answered.
#[derive(Debug)]
struct Answered {
    since_ms: u64,
    answers: u8,
    helped: u8,
    /// A hash of what was not understood last.
    last_words: Option<u64>,
}

#[derive(Debug, Default)]
pub(crate) struct Chatter(Mutex<HashMap<Handle, Answered>>);

impl Chatter {
    /// Whether somebody who said nothing that is understood may be helped. The same words are answered once.
    pub(crate) fn may_help(&self, from: &Handle, text: &str, now_ms: u64) -> bool {
        use std::hash::{DefaultHasher, Hash, Hasher};
        let mut hasher = DefaultHasher::new();
        text.hash(&mut hasher);
        let words = Some(hasher.finish());
        self.with(from, now_ms, |answered| {
            if answered.helped >= HELPED_MAX || answered.last_words == words {
                return false;
            }
            answered.helped += 1;
            answered.last_words = words;
            true
        })
    }

    /// Whether somebody may be answered at all: a bot that knows the commands is a bot all the same.
    pub(crate) fn may_answer(&self, from: &Handle, now_ms: u64) -> bool {
        self.with(from, now_ms, |answered| {
            answered.answers = answered.answers.saturating_add(1);
            answered.answers <= ANSWERS_MAX
        })
    }

    /// Whether [`Self::may_answer`] would say so now.
    pub(crate) fn is_listening(&self, from: &Handle, now_ms: u64) -> bool {
        self.with(from, now_ms, |answered| answered.answers < ANSWERS_MAX)
    }

    /// A command came.
    pub(crate) fn understood(&self, from: &Handle) {
        if let Some(answered) = self.0.lock().get_mut(from) {
            (answered.helped, answered.last_words) = (0, None);
        }
    }

    fn with(&self, from: &Handle, now_ms: u64, judge: impl FnOnce(&mut Answered) -> bool) -> bool {
        let fresh = Answered { since_ms: now_ms, answers: 0, helped: 0, last_words: None };
        let mut people = self.0.lock();
        if people.len() >= PEOPLE_MAX {
            people.clear();
        }
        match people.get_mut(from) {
            Some(answered) if now_ms.saturating_sub(answered.since_ms) <= WINDOW_MS => judge(answered),
            _ => judge(people.entry(from.clone()).insert_entry(fresh).into_mut()),
        }
    }
}
