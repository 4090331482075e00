//! The notes that could not be told yet, for whoever asks how they stand.

use std::collections::BTreeMap;

use parking_lot::Mutex;
use sportello_model::PaymentId;
use sportello_model::payment::{About, Audience};

use crate::engine::Engine;
use crate::job::Due;
use crate::store::EffectId;

/// A note that could not be told yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WaitingNote {
    /// Whom it is for.
    pub audience: Audience,
    /// What it is about.
    pub about: About,
    /// How often it was tried.
    pub tries: u32,
    /// When it is tried next, in milliseconds since 1970.
    pub next_at_ms: u64,
    /// What stood in the way last.
    pub because: String,
}

#[derive(Debug, Default)]
pub(crate) struct Waiting(Mutex<BTreeMap<EffectId, WaitingNote>>);

impl Waiting {
    /// It waits from now on, if it has been delayed.
    pub(crate) fn add(&self, due: &Due) {
        let Some((audience, about, Some(delay))) = due.note() else { return };
        let (about, because) = (about.clone(), delay.because.clone());
        let note = WaitingNote { audience, about, tries: due.tries, next_at_ms: due.at_ms, because };
        self.0.lock().insert(due.id, note);
    }

    /// It waits no more.
    pub(crate) fn remove(&self, due: &Due) {
        if matches!(due.note(), Some((_, _, Some(_)))) {
            self.0.lock().remove(&due.id);
        }
    }
}

impl Engine {
    /// The notes of a payment that could not be told yet.
    pub fn waiting_notes(&self, id: PaymentId) -> Vec<WaitingNote> {
        let (first, last) = (EffectId { owner: id, number: 0 }, EffectId { owner: id, number: u64::MAX });
        self.0.waiting.0.lock().range(first..=last).map(|(_, note)| note.clone()).collect()
    }
}
