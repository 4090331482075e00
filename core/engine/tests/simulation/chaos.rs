//! A world that rolls dice: rails that lose answers, decline, hang and lie; channels that refuse; and what really moved.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use async_trait::async_trait;
use parking_lot::Mutex;
use sportello_engine::{Ports, RailAnswer};
use sportello_model::{Inquiry, Note, Order, OrderKind, Outcome, PaymentId, Sent};
use sportello_sdk::{Failure, Source};

use crate::stage::{JumpingClock, settled};

/// How long the rails that know an order again do so.
pub(crate) const KNOWN_AGAIN_MS: u64 = 3_600_000;

/// The rails whose orders are undone where their outcome is in doubt.
pub(crate) const UNDO: [&str; 2] = ["one", "two"];

/// Chance, from a seed (SplitMix64).
pub(crate) struct Dice(pub(crate) u64);

impl Dice {
    pub(crate) fn roll(&mut self, sides: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ self.0 >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ mixed >> 31) % sides
    }

    /// Any one of these.
    pub(crate) fn pick<T: Clone>(&mut self, of: &[T]) -> Option<T> {
        let index = self.roll(u64::try_from(of.len()).unwrap().max(1));
        of.get(usize::try_from(index).unwrap()).cloned()
    }
}

/// What became of an order in truth, whatever was said of it.
#[derive(Clone)]
pub(crate) struct Fact {
    pub(crate) rail: String,
    pub(crate) order: Order,
    pub(crate) sent_ms: u64,
    /// Whether the money moved; nothing while that is not decided.
    pub(crate) moved: Option<bool>,
    /// Whether the rail said that it had not, and it did.
    pub(crate) lied: bool,
    pub(crate) elsewhere: bool,
    /// Whether the payer has to do something before the rail goes on, and whether it has said that they have.
    pub(crate) acts: bool,
    pub(crate) proceeds: bool,
}

impl Fact {
    pub(crate) fn outcome(&self) -> Outcome {
        match self.moved {
            Some(true) => settled(self.order.amount),
            Some(false) => {
                Outcome::Declined { code: "AM04".into(), reason: "no money".into(), elsewhere: self.elsewhere }
            }
            None if self.proceeds => Outcome::Proceed,
            None if self.acts => {
                let until_ms = Some(self.sent_ms + 300_000);
                Outcome::ActionRequired { url: "https://pay.example/act".into(), until_ms, reference: None }
            }
            None => Outcome::Pending { reference: None, detail: "in hand".into(), ask_after_ms: None },
        }
    }
}

pub(crate) struct Chaos {
    pub(crate) dice: Dice,
    /// Which of the gateways is running: those that crashed reach nobody any more.
    pub(crate) running: u32,
    /// By how much the gateway's clock was set back: the rails' go on.
    pub(crate) set_back_ms: u64,
    /// Whether everything works.
    pub(crate) is_calm: bool,
    pub(crate) facts: HashMap<String, Fact>,
    pub(crate) notes: Vec<Note>,
    /// The notes that were sent over the channel that tells what became of them.
    pub(crate) sent: u64,
    /// What must never be.
    pub(crate) wrongs: Vec<String>,
}

impl Chaos {
    /// The answer to an order; nothing where none ever comes.
    fn submit(&mut self, rail: &str, order: &Order, now_ms: u64) -> Option<RailAnswer> {
        let roll = if self.is_calm { 15 } else { self.dice.roll(16) };
        let failure = Failure::provider("unreachable", "no route");
        if roll == 0 {
            return Some(RailAnswer { by: None, may_have_left: false, result: Err(failure) });
        }
        if order.kind == OrderKind::Reverse {
            return self.reverse(rail, order, now_ms, roll);
        }
        if let Some(known) = self.facts.get(&order.key) {
            if known.proceeds {
                // That is what it said.
            } else if rail != "slow-bank" {
                self.wrongs.push(format!("{} was sent twice", order.key));
            } else if now_ms >= known.sent_ms + KNOWN_AGAIN_MS + self.set_back_ms {
                self.wrongs.push(format!("{} was sent again when the rail had forgotten it", order.key));
            }
            if known.order != *order {
                self.wrongs.push(format!("{} names two orders", order.key));
            }
        }
        let (moved, elsewhere) = (self.dice.roll(8), self.dice.roll(2) == 0);
        let moved = if moved < 2 && !self.is_calm { None } else { Some(moved < 6) };
        let (rail, order, sent_ms) = (rail.to_owned(), order.clone(), now_ms);
        let acts =
            UNDO.contains(&&*rail) && !self.is_calm && order.kind == OrderKind::Collect && self.dice.roll(4) == 0;
        let first = moved.filter(|_| !acts);
        let proceeds = false;
        let fresh = Fact { rail, sent_ms, moved: first, lied: false, elsewhere, acts, proceeds, order: order.clone() };
        let fact = self.facts.entry(order.key).or_insert(fresh);
        // What it has declined meanwhile it does not carry out.
        if std::mem::take(&mut fact.proceeds) && fact.moved.is_none() {
            (fact.moved, fact.acts) = (Some(moved.unwrap_or(true)), false);
        }
        if self.is_calm {
            fact.moved.get_or_insert(moved.is_some());
        }
        let result = match roll {
            1 => return None,
            2 | 3 => Err(failure),
            4 | 5 => Ok(Outcome::unknown("?")),
            6 => Ok(Outcome::Unrecognised),
            _ => Ok(fact.outcome()),
        };
        Some(RailAnswer { by: None, may_have_left: true, result })
    }

    /// Undoes an order: what was never there, and at times what was, is not undone.
    fn reverse(&mut self, rail: &str, order: &Order, now_ms: u64, roll: u64) -> Option<RailAnswer> {
        let of = order.refers_to.clone().unwrap();
        let is_there = self.facts.contains_key(&of);
        let refuses = !self.is_calm && self.dice.roll(if is_there { 6 } else { 2 }) == 0;
        let for_good = self.dice.roll(3) == 0;
        let fresh = Fact {
            rail: rail.to_owned(),
            order: order.clone(),
            sent_ms: now_ms,
            moved: None,
            lied: false,
            elsewhere: false,
            acts: false,
            proceeds: false,
        };
        let known = self.facts.entry(order.key.clone()).or_insert(fresh).clone();
        if known.order != *order {
            self.wrongs.push(format!("{} names two orders", order.key));
        }
        if !refuses {
            self.undo(&order.key);
        }
        let no = || Outcome::Declined { code: "25".into(), reason: "no original".into(), elsewhere: false };
        let result = match roll {
            1 => return None,
            2 | 3 => Err(Failure::provider("unreachable", "no route")),
            4 => Ok(Outcome::Unrecognised),
            5 => Ok(Outcome::unknown("?")),
            _ if refuses && for_good => Ok(no()),
            _ if refuses => Ok(Outcome::unknown("no original")),
            _ => Ok(settled(order.amount)),
        };
        Some(RailAnswer { by: None, may_have_left: true, result })
    }

    /// The order that a reversal names moved nothing, or what it moved is back.
    pub(crate) fn undo(&mut self, reversal: &str) {
        let Some(fact) = self.facts.get_mut(reversal) else { return };
        fact.moved = Some(true);
        let of = fact.order.refers_to.clone().unwrap();
        if let Some(undone) = self.facts.get_mut(&of) {
            undone.moved = Some(false);
        }
    }

    /// Whether this order was to be undone.
    pub(crate) fn is_undone(&self, key: &str) -> bool {
        self.facts.contains_key(&key.replace('-', "r"))
    }

    fn inquire(&mut self, inquiry: &Inquiry) -> Result<Outcome, Failure> {
        let roll = if self.is_calm { 9 } else { self.dice.roll(10) };
        match roll {
            0 => return Err(Failure::new(Source::Host, "busy", "busy").retry_after(50)),
            1 => return Err(Failure::provider("unreachable", "no route")),
            2..4 => return Ok(Outcome::unknown("?")),
            _ => {}
        }
        let acts = self.dice.roll(3);
        if let Some(waiting) = self.facts.get_mut(&inquiry.order.key).filter(|fact| fact.acts && fact.moved.is_none()) {
            match acts {
                0 => waiting.moved = Some(false),
                1 => waiting.proceeds = true,
                _ => {}
            }
            return Ok(waiting.outcome());
        }
        // What a crash kept from ever leaving is not known here.
        Ok(self.decided(&inquiry.order.key).map_or_else(|| Outcome::unknown("no such order"), |fact| fact.outcome()))
    }

    /// An order whose end is decided now at the latest.
    pub(crate) fn decided(&mut self, key: &str) -> Option<Fact> {
        let (moves, proceeds) = (self.dice.roll(2) == 0, self.dice.roll(2) == 0);
        let is_calm = self.is_calm;
        let fact = self.facts.get_mut(key)?;
        if fact.acts && fact.moved.is_none() && !is_calm {
            fact.proceeds |= proceeds;
            return Some(fact.clone());
        }
        // What waits for its payer is not carried out by itself.
        fact.moved.get_or_insert(moves && !fact.acts);
        Some(fact.clone())
    }

    /// What was moved of this kind.
    pub(crate) fn moved(&self, kind: OrderKind, payment: Option<PaymentId>) -> Vec<&Fact> {
        let is_meant = |f: &&Fact| f.order.kind == kind && payment.is_none_or(|id| id == f.order.payment);
        self.facts.values().filter(is_meant).filter(|f| f.moved == Some(true)).collect()
    }
}

/// The world, as one of the gateways reaches it.
pub(crate) struct Reach {
    pub(crate) chaos: Arc<Mutex<Chaos>>,
    pub(crate) clock: Arc<JumpingClock>,
    pub(crate) gateway: u32,
}

impl Reach {
    async fn with<T>(&self, ask: impl FnOnce(&mut Chaos) -> Option<T>) -> T {
        tokio::task::yield_now().await;
        let answer = {
            let mut chaos = self.chaos.lock();
            if chaos.running == self.gateway { ask(&mut chaos) } else { None }
        };
        match answer {
            Some(answer) => answer,
            None => std::future::pending().await,
        }
    }
}

#[async_trait]
impl Ports for Reach {
    async fn submit(&self, rail: &str, order: &Order) -> RailAnswer {
        let now_ms = self.clock.now_ms.load(Ordering::SeqCst);
        self.with(|chaos| chaos.submit(rail, order, now_ms)).await
    }

    async fn inquire(&self, _: &str, inquiry: &Inquiry) -> Result<Outcome, Failure> {
        self.with(|chaos| Some(chaos.inquire(inquiry))).await
    }

    async fn send(&self, channel: &str, note: &Note) -> Result<Sent, Failure> {
        self.with(|chaos| {
            match if chaos.is_calm { 9 } else { chaos.dice.roll(10) } {
                0 => return Some(Err(Failure::input("blocked", "blocked"))),
                1 | 2 => return Some(Err(Failure::provider("down", "down").retry_after(1_000))),
                _ => {}
            }
            chaos.notes.push(note.clone());
            if channel != "line" {
                return Some(Ok(Sent::default()));
            }
            chaos.sent += 1;
            // This provider's ids begin anew after some time.
            Some(Ok(Sent { id: Some(format!("s{}", chaos.sent % 16)), fell_back: false }))
        })
        .await
    }
}
