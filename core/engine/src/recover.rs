//! The start after a stop, whatever stopped it: every effect that was not done is taken up. A payment whose order is out, and
//! that nothing is left to be done for, is known again and left alone: only its rail or its operator can end it, and whoever
//! counts what is open at a rail counts it.

use crate::engine::Engine;
use crate::job::{Due, Job};
use crate::store::StoreError;

impl Engine {
    pub(crate) async fn recover(&self) -> Result<(), StoreError> {
        let effects = self.0.store.effects().await?;
        let count = effects.len();
        for effect in effects {
            match serde_json::from_slice::<Job>(&effect.body) {
                Ok(job) => {
                    // Loaded now, so that who has been asked for a code is known before the first message.
                    let live = match self.live(effect.id.owner).await {
                        Err(error @ StoreError::Unreadable(_)) => {
                            tracing::error!(payment = %effect.id.owner, %error, "what was left to be done is left");
                            continue;
                        }
                        live => live?,
                    };
                    let due = Due { id: effect.id, at_ms: effect.due_ms, tries: effect.tries, job, live };
                    self.0.waiting.add(&due);
                    self.0.agenda.add(due.at_ms, due);
                }
                Err(error) => {
                    tracing::error!(payment = %effect.id.owner, %error, "a stored effect cannot be read, and is left")
                }
            }
        }
        for id in self.0.store.under_way().await? {
            match self.live(id).await {
                Err(error @ StoreError::Unreadable(_)) => {
                    tracing::error!(payment = %id, %error, "a payment that is under way is left");
                }
                live => drop(live?),
            }
        }
        if count > 0 {
            tracing::info!(effects = count, "taken up what was left to be done");
        }
        Ok(())
    }
}
