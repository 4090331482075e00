//! Undoing an order in doubt: the order to reverse is given again and again, under one key, until its rail answers.

use std::sync::Arc;

use sportello_model::payment::{Attempt, AttemptState, Event};
use sportello_model::{Outcome, payment::Effect};
use sportello_sdk::{Failure, Source};

use crate::drive::{PAUSE_MS, pause_ms};
use crate::engine::{Batch, ChangeError, Engine, written};
use crate::job::{Due, Job};
use crate::live::Live;
use crate::store::{EffectRow, StoreError, Write};

/// The longest pause between two tries, in milliseconds, unless the rail asks for a longer one.
const REVERSE_PAUSE_MS_MAX: u64 = 300_000;
/// After how many tries without an answer an operator is told.
const TOLD_AFTER_TRIES: u32 = 10;

impl Engine {
    /// Gives the order that undoes an attempt's.
    pub(crate) async fn reverse(&self, live: &Arc<Live>, due: &Due, number: u32) -> Result<Vec<Due>, StoreError> {
        let is_due = |a: &&Attempt| a.reversal.is_some() && a.asking && !a.state.is_final();
        let given = {
            let mut now = live.now.lock().await;
            let is_new =
                now.payment.attempt(number).is_some_and(|a| a.state == AttemptState::Unknown && a.reversal.is_none());
            if is_new {
                // Only when it is durable that an approval settles nothing any more, may bytes leave.
                match self.change(live, &mut now, &[Event::Reversing { attempt: number }], None).await {
                    Ok(_) => {}
                    Err(ChangeError::Store(error)) => return Err(error),
                    Err(ChangeError::Refused(refusal)) => {
                        tracing::warn!(payment = %live.id, %refusal, "an order was not undone");
                    }
                }
            }
            let attempt = now.payment.attempt(number).filter(is_due);
            attempt.and_then(|attempt| Some((now.payment.reversal(attempt)?, attempt.rail.clone())))
        };
        let Some((order, rail)) = given else {
            self.0.store.forget(vec![due.id]).await;
            return Ok(Vec::new());
        };
        let failure = match self.0.ports.submit(&rail, &order).await.result {
            Ok(outcome @ (Outcome::Settled { .. } | Outcome::Declined { .. } | Outcome::Unknown { .. })) => {
                let event = Event::ReversalAnswered { attempt: number, outcome: outcome.clipped() };
                return self.settle_surely(live, &event, due.id, None).await;
            }
            Ok(_) => Failure::new(Source::Provider, "no_end", "the rail has it in hand"),
            Err(failure) => failure,
        };
        self.reverse_again(live, due, number, &failure).await;
        Ok(Vec::new())
    }

    /// Puts the order off that undoes another. An operator is told once it was not answered for long.
    async fn reverse_again(&self, live: &Arc<Live>, due: &Due, number: u32, failure: &Failure) {
        let grown_ms = (PAUSE_MS << due.tries.min(16)).min(REVERSE_PAUSE_MS_MAX);
        let pause_ms = pause_ms(failure, grown_ms);
        let tries = due.tries.saturating_add(1);
        let later = Due { tries, ..due.clone() };
        if tries != TOLD_AFTER_TRIES {
            return self.put_off(later, pause_ms).await;
        }
        let due_ms = self.now_ms().saturating_add(pause_ms);
        let job = Job::Effect(Effect::Reverse { attempt: number, after_ms: 0 });
        let Ok(body) = written(&job) else { return self.later(due.clone(), pause_ms) };
        let row = || EffectRow { id: due.id, due_ms, tries, body: body.clone() };
        let batch = || Batch::from(Write { later: vec![row()], ..Write::default() });
        let event = Event::ReversalDelayed { attempt: number, because: crate::word::word(&failure.to_string()) };
        let mut now = live.now.lock().await;
        match self.change_with(live, &mut now, &[event], batch).await {
            // What was refused has found its end meanwhile, which the next try sees.
            Ok(_) | Err(ChangeError::Refused(_)) => self.later(later, pause_ms),
            Err(ChangeError::Store(error)) => {
                tracing::error!(payment = %live.id, %error, "that a reversal is delayed is not durable yet");
                self.later(due.clone(), pause_ms);
            }
        }
    }
}
