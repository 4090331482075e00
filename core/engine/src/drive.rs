//! Doing what is to be done: orders, questions and ends of waiting; notes are in [`crate::tell`].
//!
//! An effect is forgotten only in the commit that holds what came of it. Whatever crashes in between, it is taken up
//! again; and what was in flight then is unknown, never sent again blindly.

use std::collections::VecDeque;
use std::sync::Arc;

use sportello_model::order::clip;
use sportello_model::payment::{Attempt, AttemptState, Effect, Event, Refusal, State, Taker};
use sportello_model::{Doubt, Inquiry, Outcome};
use sportello_sdk::{Failure, Source};

use crate::engine::{ChangeError, Engine};
use crate::job::{Due, Job};
use crate::live::{Live, Now};
use crate::ports::RailAnswer;
use crate::store::{EffectId, StoreError};

/// How long to wait when the store or the host cannot do it just now, in milliseconds.
pub(crate) const PAUSE_MS: u64 = 1_000;
/// The longest that anybody may ask to be left alone, in milliseconds: a day.
const PAUSE_MS_MAX: u64 = 86_400_000;

impl Engine {
    /// Does what is due, and puts the rest on the agenda. Does not wait for it.
    pub(crate) fn set_off(&self, due: Vec<Due>) {
        if due.is_empty() {
            return;
        }
        let engine = self.clone();
        self.spawn(async move { engine.work(due).await });
    }

    /// Keeps doing what comes due.
    pub(crate) fn keep_agenda(&self) {
        let engine = self.clone();
        tokio::spawn(async move {
            loop {
                let due = engine.0.agenda.next(engine.0.clock.as_ref()).await;
                // What comes due while draining is left for the next start: it is in the store.
                if let Some(busy) = engine.enter() {
                    let engine = engine.clone();
                    busy.spawn(async move { engine.work(vec![due]).await });
                }
            }
        });
    }

    /// Does what is due, and what comes of it. Money goes before words.
    pub(crate) async fn work(&self, due: Vec<Due>) {
        let mut waiting = VecDeque::from(due);
        let mut notes = Vec::new();
        while let Some(next) = waiting.pop_front() {
            match &next.job {
                _ if next.at_ms > self.now_ms() => self.0.agenda.add(next.at_ms, next),
                Job::Effect(Effect::Note { .. }) | Job::Delayed { .. } | Job::Prove { .. } | Job::Reply { .. } => {
                    notes.push(next);
                }
                Job::Effect(effect) => {
                    let effect = effect.clone();
                    // Each by itself: a rail may take its time, and what follows goes by what holds then.
                    match self.latest().act(&next, &effect).await {
                        Ok(due) => waiting.extend(due),
                        Err(error) => {
                            tracing::error!(payment = %next.id.owner, %error, "an effect could not be carried out; it is tried again");
                            self.later(next, PAUSE_MS);
                        }
                    }
                }
            }
        }
        let mut told = Vec::with_capacity(notes.len());
        for (n, note) in notes.into_iter().enumerate() {
            if n > 0 {
                // Whoever waited for a payment that the last one let go of has its turn before the next channel is called.
                tokio::task::yield_now().await;
            }
            let id = note.id;
            if self.latest().tell(note).await {
                told.push(id);
            }
        }
        if !told.is_empty() {
            self.0.store.forget(told).await;
        }
    }

    /// Puts an effect back on the agenda, in memory alone: in the store it still stands.
    pub(crate) fn later(&self, due: Due, pause_ms: u64) {
        let at_ms = self.now_ms().saturating_add(pause_ms);
        self.0.agenda.add(at_ms, Due { at_ms, ..due });
    }

    async fn act(&self, due: &Due, effect: &Effect) -> Result<Vec<Due>, StoreError> {
        let Some(live) = self.live_of(due).await? else {
            self.0.store.forget(vec![due.id]).await;
            return Ok(Vec::new());
        };
        match effect {
            Effect::Submit { attempt, .. } => self.submit(&live, due.id, *attempt).await,
            Effect::Ask { attempt, round, .. } => self.ask(&live, due, *attempt, *round).await,
            Effect::Reverse { attempt, .. } => self.reverse(&live, due, *attempt).await,
            Effect::EndEnrolment { .. } => self.end_enrolment(&live, due.id).await,
            Effect::Expire { challenge, .. } => self.expire(&live, due.id, *challenge).await,
            Effect::Note { .. } => Ok(Vec::new()),
        }
    }

    pub(crate) async fn live_of(&self, due: &Due) -> Result<Option<Arc<Live>>, StoreError> {
        match &due.live {
            Some(live) => Ok(Some(live.clone())),
            None => self.live(due.id.owner).await,
        }
    }

    /// Gives an order to its rail: once, and once more each time that its payer had to act and has.
    async fn submit(&self, live: &Arc<Live>, id: EffectId, number: u32) -> Result<Vec<Due>, StoreError> {
        let by = self.foreseen(live, number).await;
        let (order, rail, round) = {
            let mut now = live.now.lock().await;
            let Some(attempt) = now.payment.attempt(number) else {
                self.0.store.forget(vec![id]).await;
                return Ok(Vec::new());
            };
            match attempt.state {
                AttemptState::Ready => {}
                // Bytes may have left before the gateway stopped.
                AttemptState::InFlight => {
                    let outcome = Outcome::unknown("the gateway stopped while the order was under way");
                    let event = Event::Answered { attempt: number, asked: false, outcome };
                    return self.settle(live, &mut now, &event, id).await;
                }
                _ => {
                    self.0.store.forget(vec![id]).await;
                    return Ok(Vec::new());
                }
            }
            let (rail, round) = (attempt.rail.clone(), attempt.round);
            let Some(order) = now.payment.order(attempt) else {
                let event = Event::NotSent { attempt: number, because: "somebody has no account".into() };
                return self.settle(live, &mut now, &event, id).await;
            };
            // Only when it is durable that bytes may leave may they; and to whom, as far as it is known by then.
            match self.change(live, &mut now, &[Event::Sent { attempt: number, by }], None).await {
                Ok(_) => {}
                Err(ChangeError::Store(error)) => return Err(error),
                Err(ChangeError::Refused(refusal)) => {
                    tracing::warn!(payment = %live.id, %refusal, "an order was not sent");
                    self.0.store.forget(vec![id]).await;
                    return Ok(Vec::new());
                }
            }
            (order, rail, round)
        };
        let answer = self.0.ports.submit(&rail, &order).await;
        self.taken(live, number, answer.by.as_ref()).await;
        self.settle_surely(live, &answered(number, answer), id, Some((number, round))).await
    }

    /// Who is about to be given an attempt's order. Asked without the payment's lock: it waits until the rails are open.
    async fn foreseen(&self, live: &Arc<Live>, number: u32) -> Option<Arc<Taker>> {
        let (order, rail) = {
            let now = live.now.lock().await;
            let attempt = now.payment.attempt(number).filter(|attempt| attempt.state == AttemptState::Ready)?;
            (now.payment.order(attempt)?, attempt.rail.clone())
        };
        self.0.ports.taker(&rail, &order).await
    }

    /// Writes down who took an order, where it is not the one who was about to.
    async fn taken(&self, live: &Arc<Live>, number: u32, by: Option<&Arc<Taker>>) {
        let Some(by) = by else { return };
        let mut now = live.now.lock().await;
        if now.payment.attempt(number).is_none_or(|attempt| attempt.taken_by.as_ref() == Some(by)) {
            return;
        }
        match self.change(live, &mut now, &[Event::Taken { attempt: number, by: by.clone() }], None).await {
            Ok(_) | Err(ChangeError::Refused(_)) => {}
            // It is for people to read: what the rail said is not held up by it.
            Err(ChangeError::Store(error)) => {
                tracing::error!(payment = %live.id, %error, "which version took an order is not durable");
            }
        }
    }

    /// Finds out what became of an order.
    async fn ask(&self, live: &Arc<Live>, due: &Due, number: u32, round: u32) -> Result<Vec<Due>, StoreError> {
        let (inquiry, rail, sent_again) = {
            let now = live.now.lock().await;
            let plan = now.payment.plan.as_deref();
            let doubt = |attempt: &Attempt| plan.and_then(|plan| plan.doubt(attempt)).cloned();
            let is_asked = |attempt: &&Attempt| match attempt.state {
                AttemptState::Pending | AttemptState::ActionRequired => attempt.round == round,
                // Where an order is undone, doubt about it ends by that alone.
                state => state.is_out() && attempt.round == round && doubt(attempt) != Some(Doubt::Reversible),
            };
            let attempt = now.payment.attempt(number).filter(is_asked);
            let Some((attempt, order)) = attempt.and_then(|attempt| Some((attempt, now.payment.order(attempt)?)))
            else {
                self.0.store.forget(vec![due.id]).await;
                return Ok(Vec::new());
            };
            let inquiry = Inquiry { order, reference: attempt.reference.clone(), asked: attempt.asked };
            // While the payer has to act, the order is not to be given again: that comes once they have.
            let acts = attempt.state == AttemptState::ActionRequired;
            let sent_again = match doubt(attempt) {
                Some(Doubt::Idempotent { for_ms }) if !acts => {
                    Some((for_ms, attempt.is_known_again(for_ms, self.now_ms())))
                }
                _ => None,
            };
            (inquiry, attempt.rail.clone(), sent_again)
        };
        let result = match sent_again {
            // The gateway or the rail was away for too long: the rail would carry it out a second time.
            Some((_, false)) => Ok(Outcome::unknown("the time in which the rail knows the order again is over")),
            // The same order under the same key: the rail carries it out once, and says what came of it.
            Some((for_ms, _)) => {
                let answer = self.0.ports.submit_again(&rail, &inquiry.order, for_ms).await;
                // By now another version may have it.
                self.taken(live, number, answer.by.as_ref()).await;
                answer.result
            }
            None => self.0.ports.inquire(&rail, &inquiry).await,
        };
        let outcome = match result {
            Ok(outcome) => outcome,
            // The host could not even ask: that was no question, and costs none.
            Err(failure) if failure.source == Source::Host => {
                let pause_ms = pause_ms(&failure, PAUSE_MS << due.tries.min(6));
                self.later(Due { tries: due.tries + 1, ..due.clone() }, pause_ms);
                return Ok(Vec::new());
            }
            Err(failure) => Outcome::unknown(failure.to_string()),
        };
        let event = Event::Answered { attempt: number, asked: true, outcome: outcome.clipped() };
        self.settle_surely(live, &event, due.id, Some((number, round))).await
    }

    async fn expire(&self, live: &Arc<Live>, id: EffectId, challenge: u32) -> Result<Vec<Due>, StoreError> {
        let mut now = live.now.lock().await;
        let is_open = now.payment.state == State::AwaitingConfirmation
            && now.payment.challenge.is_some_and(|c| c.number == challenge);
        if !is_open {
            self.0.store.forget(vec![id]).await;
            return Ok(Vec::new());
        }
        self.settle(live, &mut now, &Event::Expired, id).await
    }

    async fn end_enrolment(&self, live: &Arc<Live>, id: EffectId) -> Result<Vec<Due>, StoreError> {
        let mut now = live.now.lock().await;
        if now.payment.state != State::AwaitingEnrolment {
            self.0.store.forget(vec![id]).await;
            return Ok(Vec::new());
        }
        self.settle(live, &mut now, &Event::Expired, id).await
    }

    /// As [`Self::settle`], for what a rail has said: that must not be lost because the disk is full for a moment. `given`
    /// names the attempt, and which time its order was given: of a time before, only an end is news.
    pub(crate) async fn settle_surely(
        &self,
        live: &Arc<Live>,
        event: &Event,
        id: EffectId,
        given: Option<(u32, u32)>,
    ) -> Result<Vec<Due>, StoreError> {
        for tries in 0u32.. {
            let mut now = live.now.lock().await;
            let is_of_before = given.is_some_and(|(number, round)| {
                let is_end = matches!(event, Event::Answered { outcome, .. } if outcome.is_final());
                !is_end && now.payment.attempt(number).is_some_and(|attempt| attempt.round != round)
            });
            if is_of_before {
                self.0.store.forget(vec![id]).await;
                return Ok(Vec::new());
            }
            match self.settle(live, &mut now, event, id).await {
                Err(StoreError::Closed) => return Err(StoreError::Closed),
                Err(error) => {
                    tracing::error!(payment = %live.id, %error, "an outcome is not durable yet; it is tried again");
                    drop(now);
                    // A failure that lasts is no reason to void everybody else's commits once a second.
                    let pause_ms = PAUSE_MS << tries.min(6);
                    self.0.clock.sleep_until(self.now_ms().saturating_add(pause_ms)).await;
                }
                settled => return settled,
            }
        }
        Err(StoreError::Closed)
    }

    /// Commits an event together with the end of the effect that brought it. What is known already only ends it.
    pub(crate) async fn settle(
        &self,
        live: &Arc<Live>,
        now: &mut Now,
        event: &Event,
        id: EffectId,
    ) -> Result<Vec<Due>, StoreError> {
        match self.change(live, now, std::slice::from_ref(event), Some(id)).await {
            Ok(due) => Ok(due),
            Err(ChangeError::Store(error)) => Err(error),
            Err(ChangeError::Refused(refusal)) => {
                if refusal != Refusal::NothingNew {
                    tracing::warn!(payment = %live.id, event = event.name(), %refusal, "an event was refused");
                }
                self.0.store.forget(vec![id]).await;
                Ok(Vec::new())
            }
        }
    }
}

/// How long to wait after a failure: as long as it says, but neither less than `least_ms` nor for ever.
pub(crate) fn pause_ms(failure: &Failure, least_ms: u64) -> u64 {
    failure.retry_after_ms().unwrap_or(0).min(PAUSE_MS_MAX).max(least_ms)
}

/// What a rail's answer to an order means.
fn answered(attempt: u32, answer: RailAnswer) -> Event {
    let RailAnswer { may_have_left, result, .. } = answer;
    match result {
        // What the rail itself calls unknown stays so: it may know of an earlier call under the same key.
        Ok(outcome) => Event::Answered { attempt, asked: false, outcome: outcome.clipped() },
        // Only the host can attest that nothing was sent. After that, a plugin's failure says nothing about the money.
        Err(failure) if !may_have_left => Event::NotSent { attempt, because: clip(failure.to_string()) },
        Err(failure) => Event::Answered { attempt, asked: false, outcome: Outcome::unknown(clip(failure.to_string())) },
    }
}
