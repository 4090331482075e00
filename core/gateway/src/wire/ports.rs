//! What the engine reaches rails and channels by.

use std::hash::{BuildHasher, BuildHasherDefault, DefaultHasher};
use std::pin::Pin;
use std::sync::{Arc, PoisonError};

use async_trait::async_trait;
use sportello_engine::{Ports, RailAnswer, Taker};
use sportello_host::{Answer, Ask, CallError, Reason, Running, Sent as Left};
use sportello_model::{Doubt, Inquiry, Note, Order, OrderKind, Outcome, Sent};
use sportello_sdk::frames::plugin_method;
use sportello_sdk::{Failure, RailFacts, Source};

use super::Wire;
use super::lineup::Asked;
use super::slot::{Slot, asked};
use super::version::{Stage, Version};

/// How often is looked for another version, where the one that was found takes nothing more.
const TURNED_AWAY_MAX: usize = 4;

/// A version that is asked, where it stands.
struct Desk {
    slot: Arc<Slot>,
    version: Arc<Version>,
    running: Running,
}

#[async_trait]
impl Ports for Wire {
    async fn taker(&self, rail: &str, order: &Order) -> Option<Arc<Taker>> {
        self.all_opened().await;
        let slot = self.slot(rail)?;
        let version = slot.seats().lineup.foresee(asked(order))?;
        Some(version.taker().clone())
    }

    async fn submit(&self, rail: &str, order: &Order) -> RailAnswer {
        self.submit_where(rail, order, |_| Ok(())).await
    }

    async fn submit_again(&self, rail: &str, order: &Order, for_ms: u64) -> RailAnswer {
        // The plan of the payment may be of another version than the one that has the order by now.
        let is_known = |version: &Version| {
            let facts = version.member.loaded.manifest().rail.as_ref();
            match facts.is_some_and(|facts| is_known_again(facts, order.kind, for_ms)) {
                true => Ok(()),
                false => {
                    let what =
                        format!("version {} of {rail:?} does not promise to know the order again", version.name());
                    Err(Failure::new(Source::Host, "not_known_again", what).retry_after(60_000))
                }
            }
        };
        self.submit_where(rail, order, is_known).await
    }

    async fn inquire(&self, rail: &str, inquiry: &Inquiry) -> Result<Outcome, Failure> {
        let params = serde_json::to_vec(inquiry).map_err(unwritable)?;
        let find = |slot: &Slot| slot.seats().lineup.inquire(asked(&inquiry.order));
        let ask = || Ask::new(plugin_method::INQUIRE, &params).about(inquiry.order.payment.0);
        let (desk, answer) = self.ask(rail, find, ask).await?;
        let result = desk.version.heard(answer.and_then(|answer| answer.decode::<Outcome>()).map_err(failure));
        if let Some(outcome) = result.as_ref().ok().filter(|outcome| outcome.is_final()) {
            desk.slot.over(&inquiry.order.key, is_settled(outcome));
        }
        // That nobody knows yet is what one asks about.
        self.judge(&desk, result.as_ref().err().is_some_and(is_fault));
        result
    }

    async fn send(&self, channel: &str, note: &Note) -> Result<Sent, Failure> {
        let params = serde_json::to_vec(note).map_err(unwritable)?;
        // The same person is written to by the same version.
        let person = u128::from(BuildHasherDefault::<DefaultHasher>::default().hash_one(note.to.as_str()));
        let find = |slot: &Slot| slot.seats().lineup.pick(person).cloned();
        let (desk, answer) = self.ask(channel, find, || Ask::new(plugin_method::SEND, &params)).await?;
        let result = answer.and_then(|answer| answer.decode()).map_err(|error| desk.version.clean(failure(error)));
        self.judge(&desk, result.as_ref().err().is_some_and(is_fault));
        result
    }

    fn start(&self, work: Pin<Box<dyn Future<Output = ()> + Send>>) {
        sportello_host::spawn(work);
    }
}

impl Wire {
    /// Gives an order to whoever has it or takes it, where `may` lets that one.
    async fn submit_where(
        &self,
        rail: &str,
        order: &Order,
        may: impl Fn(&Version) -> Result<(), Failure> + Send + Sync,
    ) -> RailAnswer {
        let json = order.to_json();
        self.all_opened().await;
        let (mut turned_away, mut past_canary, mut is_first) = (0, false, false);
        loop {
            let (desk, is_new) = match self.give(rail, Asked { past_canary, ..asked(order) }) {
                Ok(given) => given,
                Err(failure) => return RailAnswer { may_have_left: false, by: None, result: Err(failure) },
            };
            // One that was turned away is where it was: nothing of it has begun anywhere.
            is_first |= is_new;
            if let Err(failure) = may(&desk.version) {
                return RailAnswer { may_have_left: false, by: None, result: Err(failure) };
            }
            let answer = desk.running.ask(Ask::new(plugin_method::SUBMIT, &json).about(order.payment.0)).await;
            // It was just closed: nothing of this has begun there, and another one is in its place.
            if is_turned_away(&answer) && turned_away < TURNED_AWAY_MAX {
                turned_away += 1;
                continue;
            }
            // A canary that cannot even be called costs nobody a payment.
            if is_first && !past_canary && is_uncalled(&answer) && desk.slot.is_canary(&desk.version) {
                desk.slot.over(&order.key, false);
                self.judge(&desk, true);
                past_canary = true;
                continue;
            }
            let sent = answer.as_ref().map_or_else(|error| error.sent, |answer| answer.sent);
            let may_have_left = sent == Left::MaybeBytes;
            let result = desk.version.heard(answer.and_then(|answer| answer.read(Outcome::from_json)).map_err(failure));
            let is_over = match &result {
                Ok(outcome) => outcome.is_final(),
                // Of an order that was given before, this says nothing.
                Err(_) => is_first && !may_have_left,
            };
            if is_over {
                desk.slot.over(&order.key, result.as_ref().is_ok_and(is_settled));
            }
            let is_unknown = matches!(&result, Ok(Outcome::Unknown { .. }));
            self.judge(&desk, is_unknown || result.as_ref().err().is_some_and(is_fault));
            let by = Some(desk.version.taker().clone());
            return RailAnswer { may_have_left, by, result };
        }
    }

    /// Asks the version that `find` finds; where that one was just closed, the one that it finds then.
    async fn ask<'a>(
        &self,
        instance: &str,
        find: impl Fn(&Slot) -> Option<Arc<Version>>,
        ask: impl Fn() -> Ask<'a>,
    ) -> Result<(Desk, Result<Answer, CallError>), Failure> {
        self.all_opened().await;
        let mut turned_away = 0;
        loop {
            let desk = self.desk(instance, |slot| Some((find(slot)?, ())))?.0;
            let answer = desk.running.ask(ask()).await;
            if !is_turned_away(&answer) || turned_away >= TURNED_AWAY_MAX {
                return Ok((desk, answer));
            }
            turned_away += 1;
        }
    }

    /// Who is given this order, and whether it is given for the first time.
    fn give(&self, rail: &str, order: Asked<'_>) -> Result<(Desk, bool), Failure> {
        let mut is_first = false;
        let found = self.desk(rail, |slot| {
            let (version, first) = slot.seats().lineup.give(order)?;
            is_first = first;
            Some((version, first))
        });
        // It was not given after all.
        if found.is_err()
            && is_first
            && let Some(slot) = self.slot(rail)
        {
            slot.over(order.key, false);
        }
        found
    }

    /// The version that `find` finds, if it is open; with whatever it found beside. What it does is done in one moment with
    /// regard to an exchange.
    fn desk<T>(
        &self,
        instance: &str,
        find: impl FnOnce(&Slot) -> Option<(Arc<Version>, T)>,
    ) -> Result<(Desk, T), Failure> {
        let slots = self.slots.read().unwrap_or_else(PoisonError::into_inner);
        let Some(slot) = slots.get(instance) else {
            let message = format!("no instance is called {instance:?} any more; put it back into gateway.toml");
            // The host's word, and no rail's: a question that could not be asked costs none.
            return Err(Failure::new(Source::Host, "no_such_instance", message).retry_after(60_000));
        };
        let Some((version, beside)) = find(slot) else {
            let message = match slot.seats().off {
                Some(_) => format!("{instance:?} is switched off; switch it on: sportello plugin enable {instance}"),
                None => format!("{instance:?} is leaving, and takes nothing new; put it back into gateway.toml"),
            };
            return Err(Failure::new(Source::Host, "switched_off", message).retry_after(30_000));
        };
        match version.stage() {
            Stage::Open(running) => Ok((Desk { slot: slot.clone(), version, running }, beside)),
            Stage::Closed(why) => Err(Failure::new(Source::Host, "not_open", why).retry_after(1_000)),
        }
    }

    fn judge(&self, desk: &Desk, has_failed: bool) {
        self.count(&desk.slot, &desk.version, has_failed);
    }

    /// Every instance had its chance to open: what is taken up at the start of the program would otherwise find nobody, and
    /// go elsewhere.
    async fn all_opened(&self) {
        if !*self.opened.borrow() {
            // The sender is `self`: it cannot be gone.
            let _ = self.opened.subscribe().wait_for(|opened| *opened).await;
        }
    }
}

/// Whether a version took nothing of this because it is being closed.
fn is_turned_away(answer: &Result<Answer, CallError>) -> bool {
    matches!(answer, Err(CallError { reason: Reason::Stopping, sent: Left::Nothing }))
}

/// Whether the plugin was never called with this.
fn is_uncalled(answer: &Result<Answer, CallError>) -> bool {
    let is_refused =
        |reason: &Reason| matches!(reason, Reason::Quarantined | Reason::Busy { .. } | Reason::Resting { .. });
    answer.as_ref().err().is_some_and(|error| error.sent == Left::Nothing && is_refused(&error.reason))
}

/// Whether a rail of these facts knows an order of this kind again for as long.
fn is_known_again(facts: &RailFacts, kind: OrderKind, for_ms: u64) -> bool {
    matches!(facts.orders.get(&kind), Some(Doubt::Idempotent { for_ms: known_ms }) if *known_ms >= for_ms)
}

/// Whether an order has done what it is for: one that undoes another has undone it.
pub(super) fn is_settled(outcome: &Outcome) -> bool {
    matches!(outcome, Outcome::Settled { .. })
}

/// Whether this is a failure of the version, or of what stands behind it: not of what it was handed.
fn is_fault(failure: &Failure) -> bool {
    failure.source != Source::Input
}

fn unwritable(error: serde_json::Error) -> Failure {
    Failure::new(Source::Host, "bad_frame", error.to_string())
}

/// A call that brought no answer, as the engine knows failures.
fn failure(error: CallError) -> Failure {
    let retry_after_ms = error.retry_after_ms();
    let (source, code) = match error.reason {
        Reason::Failed(failure) => return failure,
        Reason::Stopping => (Source::Host, "stopping"),
        Reason::Quarantined => (Source::Host, "quarantined"),
        Reason::Busy { .. } => (Source::Host, "busy"),
        Reason::Resting { .. } => (Source::Host, "resting"),
        Reason::Timeout { .. } => (Source::Plugin, "timeout"),
        Reason::Panicked => (Source::Plugin, "panicked"),
        Reason::Broken(_) => (Source::Plugin, "bad_frame"),
    };
    let failure = Failure::new(source, code, error.reason.to_string());
    match retry_after_ms {
        Some(after_ms) => failure.retry_after(after_ms),
        None => failure,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    #[test]
    fn an_order_is_given_again_only_where_it_is_known_again() {
        let check = |orders: Value, expected: bool| {
            let facts = serde_json::from_value(json!({ "accounts": ["iban"], "orders": orders.clone() })).unwrap();
            assert_eq!(is_known_again(&facts, OrderKind::Transfer, 1_000), expected, "{orders}");
        };
        let known = |for_ms: u64| json!({ "doubt": "idempotent", "for_ms": for_ms });
        check(json!({ "transfer": known(1_000) }), true);
        check(json!({ "transfer": known(9_007_199_254_740_991) }), true);
        check(json!({ "transfer": known(999) }), false);
        check(json!({ "pay_out": known(1_000), "transfer": { "doubt": "statement" } }), false);
        check(json!({ "pay_out": known(1_000) }), false);
    }
}
