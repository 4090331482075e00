//! How often somebody is answered who says nothing that is understood: a person is helped, and two bots do not talk to
//! each other for ever.

use std::collections::HashMap;

use parking_lot::Mutex;
use sportello_model::Handle;

/// The most answers to one person in [`WINDOW_MS`] that no command came between.
const ANSWERS_MAX: u8 = 3;
/// How long answers are counted, in milliseconds.
const WINDOW_MS: u64 = 24 * 3_600_000;
/// The most people that are kept in mind; beyond it the memory begins anew.
const PEOPLE_MAX: usize = 100_000;

#[derive(Debug, Default)]
pub(crate) struct Chatter(Mutex<HashMap<Handle, (u64, u8, u64)>>);

impl Chatter {
    /// Whether a message that is no command may be answered. The same words are answered once.
    pub(crate) fn may_answer(&self, from: &Handle, text: &str, now_ms: u64) -> bool {
        use std::hash::{DefaultHasher, Hash, Hasher};
        let mut hasher = DefaultHasher::new();
        text.hash(&mut hasher);
        let words = hasher.finish();
        let mut people = self.0.lock();
        if people.len() >= PEOPLE_MAX {
            people.clear();
        }
        let (since_ms, answers, last_words) = people.entry(from.clone()).or_insert((now_ms, 0, !words));
        if now_ms.saturating_sub(*since_ms) > WINDOW_MS {
            (*since_ms, *answers, *last_words) = (now_ms, 0, !words);
        }
        if *answers >= ANSWERS_MAX || *last_words == words {
            return false;
        }
        *answers += 1;
        *last_words = words;
        true
    }

    /// A command came: this is no bot that answers us.
    pub(crate) fn understood(&self, from: &Handle) {
        self.0.lock().remove(from);
    }
}
