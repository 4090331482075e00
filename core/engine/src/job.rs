//! What is stored as an effect.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use sportello_model::payment::{About, Audience, Effect};
use sportello_model::{Handle, Note};

use crate::live::Live;
use crate::reach::Way;
use crate::store::EffectId;

/// What is stored as an effect: a payment's, or something to say to somebody that belongs to none.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "job", rename_all = "snake_case")]
pub(crate) enum Job {
    /// A payment's effect.
    Effect(Effect),
    /// A payment's note that could not be told at once.
    Delayed {
        /// Whom it is for.
        audience: Audience,
        /// What it is about.
        about: About,
        /// What has kept it.
        delay: Delay,
    },
    /// The code by which somebody shows that a handle is theirs.
    Prove {
        /// The handle.
        handle: Handle,
        /// Which of the handle's proofs.
        number: u32,
    },
    /// An answer.
    Reply {
        /// The channel's instance.
        channel: String,
        /// What to say.
        note: Note,
    },
}

/// Why a note has not been told yet.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Delay {
    /// When it first could not be told, in milliseconds since 1970.
    pub(crate) since_ms: u64,
    /// What stood in the way last.
    pub(crate) because: String,
    /// The ways that are closed to it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) closed: Vec<Way>,
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

impl Due {
    /// The payment's note that this is, if it is one.
    pub(crate) fn note(&self) -> Option<(Audience, &About, Option<&Delay>)> {
        match &self.job {
            Job::Effect(Effect::Note { audience, about }) => Some((*audience, about, None)),
            Job::Delayed { audience, about, delay } => Some((*audience, about, Some(delay))),
            Job::Effect(_) | Job::Prove { .. } | Job::Reply { .. } => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_an_earlier_version_left_to_be_done_is_read() {
        let check = |json: &str| {
            let job: Job = serde_json::from_str(json).unwrap();
            assert_eq!(serde_json::to_string(&job).unwrap(), json);
        };
        check(r#"{"job":"effect","effect":"note","audience":"payer","about":{"about":"challenge","number":1}}"#);
        check(r#"{"job":"effect","effect":"expire","challenge":1,"after_ms":600000}"#);
        check(r#"{"job":"effect","effect":"ask","attempt":1,"after_ms":1000}"#);
        check(r#"{"job":"effect","effect":"submit","attempt":1,"after_ms":0}"#);
        let reply =
            r#"{"job":"reply","channel":"chat","note":{"key":"k","to":"chat:1","private":true,"text":"hello"}}"#;
        assert!(matches!(serde_json::from_str(reply), Ok(Job::Reply { .. })));
    }
}
