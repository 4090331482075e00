//! What is stored as an effect.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use sportello_model::Note;
use sportello_model::payment::Effect;

use crate::live::Live;
use crate::store::EffectId;

/// What is stored as an effect: a payment's, or an answer to somebody who asked for no payment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "job", rename_all = "snake_case")]
pub(crate) enum Job {
    /// A payment's effect.
    Effect(Effect),
    /// An answer.
    Reply {
        /// The channel's instance.
        channel: String,
        /// What to say.
        note: Note,
    },
}

/// Something to do, and when.
#[derive(Debug, Clone)]
pub(crate) struct Due {
    pub(crate) id: EffectId,
    pub(crate) at_ms: u64,
    pub(crate) tries: u32,
    pub(crate) job: Job,
    /// The payment, where it is one's and is in memory.
    pub(crate) live: Option<Arc<Live>>,
}
