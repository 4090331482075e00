//! Telling people: from a note that is due to the channel that carries it.
//!
//! An outage of a channel is normal. It delays notes and never payments: a note is tried again with pauses that grow, until
//! it is told or its time is over; what is refused for good is tried on the person's next way. The payment's journal has
//! the first delay, and how it ended.

use std::sync::Arc;

use sportello_model::payment::{About, Audience, Event, State};
use sportello_model::{Note, Payment};
use sportello_sdk::{Failure, Source};

use crate::drive::{PAUSE_MS, pause_ms};
use crate::engine::{Batch, Engine, written};
use crate::job::{Delay, Due, Job};
use crate::live::Live;
use crate::notes::{self, Code};
use crate::reach::Way;
use crate::store::{EffectId, EffectRow, StoreError, Write};
use crate::word::word;

/// How long a note of a payment's is tried, in milliseconds: a day.
const NOTE_TRIED_MS: u64 = 24 * 3_600_000;
/// The longest pause between two tries, in milliseconds, unless the channel asks for a longer one.
const NOTE_PAUSE_MS_MAX: u64 = 3_600_000;
/// How often an answer that belongs to no payment is tried: with its pauses for half an hour. Later it answers nothing.
const REPLY_TRIES_MAX: u32 = 10;

/// What is to be done about a note.
enum Composed {
    /// To be told this way.
    Note(Way, Note),
    /// Kept back until the handle at the end of this way is proven.
    Withheld(Way),
    /// There is nobody to tell, or nothing any more.
    Nothing,
}

impl Engine {
    /// Delivers a note. Answers whether it can be forgotten.
    pub(crate) async fn tell(&self, due: Due) -> bool {
        match &due.job {
            Job::Reply { channel, note } => {
                let (way, note) = (Way { channel: channel.clone(), to: note.to.clone() }, note.clone());
                self.tell_of_none(due, &way, &note).await
            }
            Job::Prove { handle, number } => match self.note_of_proof(handle, *number, due.id).await {
                Ok(Some((way, note))) => self.tell_of_none(due, &way, &note).await,
                Ok(None) => true,
                Err(error) => self.not_answered(due, &not_read(&error)).await,
            },
            Job::Effect(_) | Job::Delayed { .. } => self.tell_of_payment(due).await,
        }
    }

    /// Delivers what belongs to no payment.
    async fn tell_of_none(&self, due: Due, way: &Way, note: &Note) -> bool {
        match self.0.ports.send(&way.channel, note).await {
            Ok(sent) => self.is_sent(&due, None, way, &sent).await,
            Err(failure) => self.not_answered(due, &failure).await,
        }
    }

    async fn not_answered(&self, due: Due, failure: &Failure) -> bool {
        let tries = due.tries + 1;
        if tries >= REPLY_TRIES_MAX || !is_worth_a_try(failure) {
            tracing::warn!(about = %due.id.owner, code = %failure.code, "a note is given up");
            return true;
        }
        let pause_ms = pause_ms(failure, (5 * PAUSE_MS) << due.tries.min(7));
        self.put_off(Due { tries, ..due }, pause_ms).await;
        false
    }

    async fn tell_of_payment(&self, due: Due) -> bool {
        let Some((audience, about, delay)) = due.note() else { return true };
        let live = match self.live_of(&due).await {
            Ok(Some(live)) => live,
            Ok(None) => return true,
            Err(error) => return self.not_told(due, None, None, &not_read(&error)).await,
        };
        let payment = live.now.lock().await.payment.clone();
        let closed = delay.map_or(&[][..], |delay| delay.closed.as_slice());
        let composed = match is_overtaken(&payment, about, delay) {
            true => Ok(Composed::Nothing),
            false => self.compose(&payment, audience, about, due.id, closed).await,
        };
        let (way, note) = match composed {
            Ok(Composed::Note(way, note)) => (way, note),
            Ok(Composed::Nothing) => {
                self.0.waiting.remove(&due);
                return true;
            }
            Ok(Composed::Withheld(way)) => return self.keep_back(due, &live, &way).await,
            Err(error) => return self.not_told(due, Some(&live), None, &not_read(&error)).await,
        };
        match self.0.ports.send(&way.channel, &note).await {
            Ok(sent) => {
                self.0.waiting.remove(&due);
                self.is_sent(&due, Some(&live), &way, &sent).await
            }
            Err(failure) => self.not_told(due, Some(&live), Some(way), &failure).await,
        }
    }

    async fn keep_back(&self, due: Due, live: &Arc<Live>, way: &Way) -> bool {
        self.0.waiting.remove(&due);
        match self.withhold(&due, live, way).await {
            Ok(true) => false,
            Ok(false) => {
                let because = "the handle is not proven, and cannot be asked about now";
                self.not_told(due, Some(live), Some(way.clone()), &Failure::new(Source::Input, "unproven", because))
                    .await
            }
            Err(error) => self.not_told(due, Some(live), None, &not_read(&error)).await,
        }
    }

    /// A note of a payment's was not delivered: it is tried again, another way, or given up; the journal says so the first
    /// time and the last.
    async fn not_told(&self, due: Due, live: Option<&Arc<Live>>, way: Option<Way>, failure: &Failure) -> bool {
        let Some((audience, about, before)) = due.note() else { return true };
        let (about, now_ms) = (about.clone(), self.now_ms());
        let mut delay = match before {
            Some(before) => before.clone(),
            None => Delay { since_ms: now_ms, because: String::new(), closed: Vec::new() },
        };
        let is_first = before.is_none();
        delay.because = word(&failure.to_string());
        let (pause_ms, tries) = if is_worth_a_try(failure) {
            let grown_ms = ((5 * PAUSE_MS) << due.tries.min(10)).min(NOTE_PAUSE_MS_MAX);
            (pause_ms(failure, grown_ms), due.tries + 1)
        } else {
            delay.closed.extend(way);
            match self.has_another_way(live, audience, &delay.closed).await {
                true => (0, 0),
                false => return self.given_up(due, audience, &about, failure).await,
            }
        };
        let at_ms = now_ms.saturating_add(pause_ms);
        if at_ms > delay.since_ms.saturating_add(NOTE_TRIED_MS) {
            return self.given_up(due, audience, &about, failure).await;
        }
        let event = Event::NoteDelayed { audience, about: about.clone(), because: delay.because.clone() };
        let job = Job::Delayed { audience, about, delay };
        let later = Due { tries, at_ms, job, ..due.clone() };
        let Some(live) = live.filter(|_| is_first) else {
            self.put_off(later, pause_ms).await;
            return false;
        };
        let Ok(body) = written(&later.job) else { return true };
        let row = || EffectRow { id: due.id, due_ms: at_ms, tries, body: body.clone() };
        let put_off = || Batch::from(Write { later: vec![row()], ..Write::default() });
        let mut now = live.now.lock().await;
        match self.change_with(live, &mut now, &[event], put_off).await {
            Ok(_) => {
                self.0.waiting.add(&later);
                self.later(later, pause_ms);
            }
            // Tried again as what it was: the journal does not have it yet.
            Err(error) => {
                tracing::error!(payment = %live.id, %error, "that a note is delayed is not durable yet");
                self.later(due, pause_ms.max(PAUSE_MS));
            }
        }
        false
    }

    async fn has_another_way(&self, live: Option<&Arc<Live>>, audience: Audience, closed: &[Way]) -> bool {
        // What is public is said where it was written, and nowhere else.
        let Some(live) = live.filter(|_| audience != Audience::Public) else { return false };
        let payment = live.now.lock().await.payment.clone();
        matches!(self.way(&payment, audience, false, closed).await, Ok(Some(_)))
    }

    async fn given_up(&self, due: Due, audience: Audience, about: &About, failure: &Failure) -> bool {
        tracing::warn!(about = %due.id.owner, code = %failure.code, "a note is given up");
        let event = Event::NoteFailed { audience, about: about.clone(), because: word(&failure.to_string()) };
        self.0.waiting.remove(&due);
        let written = match self.live(due.id.owner).await {
            Ok(Some(live)) => {
                let mut now = live.now.lock().await;
                self.settle(&live, &mut now, &event, due.id).await.map(drop)
            }
            Ok(None) => Ok(()),
            Err(error) => Err(error),
        };
        if written.is_err() {
            self.0.waiting.add(&due);
            self.later(due, PAUSE_MS);
            return false;
        }
        true
    }

    /// Puts something to say off, in the store as well.
    pub(crate) async fn put_off(&self, later: Due, pause_ms: u64) {
        let at_ms = self.now_ms().saturating_add(pause_ms);
        if let Ok(body) = written(&later.job) {
            self.0.store.put_off(EffectRow { id: later.id, due_ms: at_ms, tries: later.tries, body }).await;
        }
        let later = Due { at_ms, ..later };
        self.0.waiting.add(&later);
        self.later(later, pause_ms);
    }

    /// The note, and the way that it takes.
    async fn compose(
        &self,
        payment: &Payment,
        audience: Audience,
        about: &About,
        id: EffectId,
        closed: &[Way],
    ) -> Result<Composed, StoreError> {
        let (intent, origin) = (&payment.intent, &payment.intent.origin);
        let key = format!("{}-{}", id.owner, id.number);
        if audience == Audience::Public {
            let Some(message) = origin.message.as_deref() else { return Ok(Composed::Nothing) };
            let text = notes::public_done(&intent.payer.language);
            let (to, reply_to) = (origin.by.clone(), Some(message.to_owned()));
            let way = Way { channel: origin.source.to_string(), to: to.clone() };
            let note = Note { key, to, private: false, text, reply_to, fallback: None, choices: Vec::new() };
            return Ok(Composed::Note(way, note));
        }
        let has_to_answer = matches!(about, About::Challenge { .. } | About::ActionRequired { .. } | About::Enrol);
        let way = self.way(payment, audience, has_to_answer, closed).await?;
        let Some((way, is_proven)) = way else { return Ok(Composed::Nothing) };
        let person = if audience == Audience::Payer { &intent.payer } else { &intent.payee };
        let (text, choices) = match about {
            // A challenge that has ended asks for nothing.
            About::Challenge { .. } if payment.state != State::AwaitingConfirmation => return Ok(Composed::Nothing),
            About::Enrol if self.enrolment_link(payment, audience).is_none() => return Ok(Composed::Nothing),
            // What has to be answered says what it is about: so it waits until that may be said.
            _ if has_to_answer && !is_proven => return Ok(Composed::Withheld(way)),
            About::Enrol => {
                let url = self.enrolment_link(payment, audience).unwrap_or_default();
                (Some(notes::enrol(payment, audience, &url)), Vec::new())
            }
            About::Challenge { number, again_after_ms } => {
                let digits = self.0.code_key.code(payment, *number);
                let may_cancel_without = self.channel(&way.channel).is_some_and(|c| c.senders_are_strong);
                let reference = may_cancel_without.then(|| crate::obey::short(payment.id));
                let code = Code { digits: &digits, reference: reference.as_deref(), again_after_ms: *again_after_ms };
                (Some(notes::challenge(payment, &code)), notes::choices(&code, &person.language))
            }
            _ if is_proven => (notes::private(payment, audience, about), Vec::new()),
            _ => (notes::discreet(payment, audience, about), Vec::new()),
        };
        let Some(text) = text else { return Ok(Composed::Nothing) };
        // In public nothing may be said but to the one who wrote in public, and only where to look.
        let wrote = origin.by == way.to && origin.public && way.channel == *origin.source;
        let fallback = wrote.then(|| notes::public_where_to_look(&person.language));
        let reply_to = wrote.then(|| origin.message.as_deref().map(str::to_owned)).flatten();
        let note = Note { key, to: way.to.clone(), private: true, text, reply_to, fallback, choices };
        Ok(Composed::Note(way, note))
    }
}

/// Whether what is late is no news any more.
fn is_overtaken(payment: &Payment, about: &About, delay: Option<&Delay>) -> bool {
    let is_over = match about {
        About::WrongCode { .. } => payment.state != State::AwaitingConfirmation,
        About::Pending | About::ActionRequired { .. } => payment.state.is_terminal(),
        _ => false,
    };
    delay.is_some() && is_over
}

fn is_worth_a_try(failure: &Failure) -> bool {
    failure.is_retryable() || failure.source == Source::Host
}

fn not_read(error: &StoreError) -> Failure {
    Failure::new(Source::Host, "store", error.to_string())
}
