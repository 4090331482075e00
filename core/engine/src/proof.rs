//! Handles that change hands: whether one is proven, and how it is.
//!
//! Whoever has such a handle (a telephone number) may have lost it to somebody else. So nobody pays from it, and no amount
//! and no name stands in a note to it, before a code that was sent to its owner came back. Where the owner can be reached
//! by another handle that needs no proof, or has one, the code goes there and must come back from the handle: whoever was
//! given the number since then never sees it. The state of a handle stands under one durable key, which is moved by
//! compare-and-set.

mod ask;

use std::collections::HashMap;

use parking_lot::Mutex;
use serde::{Deserialize, Serialize};
use sportello_model::payment::{About, Audience};
use sportello_model::{Handle, Message, PaymentId};

use crate::engine::{Engine, due_row};
use crate::job::{Delay, Due, Job};
use crate::reach::Way;
use crate::store::{EffectId, EffectRow, Found, Key, Link, StoreError};

/// How many codes go out to prove one handle in [`ASKED_WINDOW_MS`]: whoever forges a thousand messages makes us send no
/// more than these.
const ASKED_MAX: u8 = 5;
/// How long they are counted, in milliseconds.
const ASKED_WINDOW_MS: u64 = 24 * 3_600_000;
/// How old a proof is before a right code renews it, in milliseconds: a commit in a day is enough.
const RENEWED_AFTER_MS: u64 = 24 * 3_600_000;
/// Effects of a payment that are told after a proof: no version of a payment grows up to here.
const AFTER_PROOF: u64 = 1 << 60;

/// What is known of a handle that changes hands.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Proof {
    /// Grows by one whenever this is moved.
    version: u64,
    /// When it was last proven, in milliseconds since 1970.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    proven_at_ms: Option<u64>,
    /// When a note did not find anybody there, in milliseconds since 1970.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    withdrawn_at_ms: Option<u64>,
    /// Which of the handle's proofs was asked for last; part of what the code is derived from.
    number: u32,
    /// Which of the handle's owners it was last proven by, as far as anybody can tell: after a time without a proof it may be
    /// another one.
    #[serde(default, skip_serializing_if = "is_first")]
    owner: u32,
    /// How many were asked for since `asked_since_ms`.
    asked: u8,
    asked_since_ms: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pending: Option<Pending>,
}

fn is_first(owner: &u32) -> bool {
    *owner == 0
}

/// A proof that was asked for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Pending {
    /// Where the code went.
    way: Way,
    tries_left: u8,
    expires_at_ms: u64,
    /// What was written from the handle, to be obeyed once it is proven: the latest alone.
    held: Option<Held>,
    /// What is to be told once it is proven.
    withheld: Vec<Withheld>,
}

/// A message that waits for the proof of the handle that it came from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Held {
    pub(crate) channel: String,
    pub(crate) message: Message,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Withheld {
    payment: PaymentId,
    audience: Audience,
    about: About,
}

impl Proof {
    fn pending(&self, now_ms: u64) -> Option<&Pending> {
        self.pending.as_ref().filter(|pending| now_ms < pending.expires_at_ms)
    }

    /// The same with a new code asked for, which has this number; nothing where too many were.
    fn asked(&self, way: Way, number: u32, tries_left: u8, now_ms: u64, expires_at_ms: u64) -> Option<Self> {
        let mut next = self.clone();
        // Also where the clock was far ahead when they were asked for.
        if now_ms.abs_diff(next.asked_since_ms) >= ASKED_WINDOW_MS {
            (next.asked, next.asked_since_ms) = (0, now_ms);
        }
        if next.asked >= ASKED_MAX {
            return None;
        }
        next.asked += 1;
        next.number = number;
        // What nobody was told for want of a proof is still to be told.
        let withheld = next.pending.take().map(|pending| pending.withheld).unwrap_or_default();
        next.pending = Some(Pending { way, tries_left, expires_at_ms, held: None, withheld });
        Some(next)
    }
}

/// A proof that moves, and what it must have been until now.
#[derive(Debug, Clone)]
pub(crate) struct Move {
    handle: Handle,
    before: Option<Found>,
    next: Proof,
}

impl Move {
    /// As the store has it, from now on.
    fn found(&self) -> Result<Found, StoreError> {
        Ok((PaymentId(0), serde_json::to_vec(&self.next)?))
    }

    pub(crate) fn link(&self) -> Result<Link, StoreError> {
        let (payment, fingerprint) = self.found()?;
        let key = Key { scope: SCOPE.into(), key: self.handle.as_str().into(), payment, fingerprint };
        Ok(Link { key, before: self.before.clone() })
    }
}

const SCOPE: &str = "proof";
/// What keeps a note back.
const UNPROVEN: &str = "the handle has to be proven first";

/// The most proofs that are remembered; beyond it the memory begins anew.
const REMEMBERED_MAX: usize = 100_000;

/// The proofs that were looked up, as they were stored last: of those who take part.
#[derive(Debug, Default)]
pub(crate) struct Proofs(Mutex<HashMap<Handle, (Option<Found>, Proof)>>);

impl Proofs {
    /// What is remembered of a handle, without a copy of what waits for it; nothing where it was never looked up.
    fn look<T>(&self, handle: &Handle, see: impl FnOnce(&Proof) -> T) -> Option<T> {
        self.0.lock().get(handle).map(|(_, proof)| see(proof))
    }

    /// These are durable.
    pub(crate) fn moved(&self, moves: Vec<Move>) {
        for moved in moves {
            let Ok(found) = moved.found() else { continue };
            let mut known = self.0.lock();
            let is_newer = known.get(&moved.handle).is_none_or(|(_, there)| there.version < moved.next.version);
            if is_newer {
                known.insert(moved.handle, (Some(found), moved.next));
            }
        }
    }

    /// They were not what they were thought to be.
    pub(crate) fn forget(&self, moves: &[Move]) {
        let mut known = self.0.lock();
        for moved in moves {
            known.remove(&moved.handle);
        }
    }
}

/// What a code was, where a proof was asked for.
pub(crate) enum Proven {
    /// The handle is proven: what moves with that, what is to be told, and what was held.
    Right { moved: Box<Move>, told: Vec<(Due, EffectRow)>, held: Option<Box<Held>> },
    /// It fits none of them: each has a try less. With the fewest that are left.
    Wrong { moved: Vec<Move>, tries_left: u8 },
    /// No proof was asked for.
    NotAsked,
}

impl Engine {
    /// Whether a handle has to be proven from time to time.
    pub(crate) fn changes_hands(&self, handle: &Handle) -> bool {
        self.1.setup.channels.iter().any(|channel| channel.handles_change_hands && channel.carries(handle))
    }

    /// Whether amounts and names may be written to this handle, and payments taken from it.
    pub(crate) async fn is_proven(&self, handle: &Handle) -> Result<bool, StoreError> {
        if !self.changes_hands(handle) {
            return Ok(true);
        }
        let times = |proof: &Proof| (proof.proven_at_ms, proof.withdrawn_at_ms);
        let (proven_at_ms, withdrawn_at_ms) = match self.0.proofs.look(handle, times) {
            Some(times) => times,
            None => times(&self.proof(handle).await?.1),
        };
        let Some(proven_at_ms) = proven_at_ms.max(self.by_operator(handle)) else { return Ok(false) };
        let is_withdrawn = withdrawn_at_ms.is_some_and(|withdrawn_at_ms| withdrawn_at_ms >= proven_at_ms);
        let age_ms = self.now_ms().saturating_sub(proven_at_ms);
        Ok(!is_withdrawn && age_ms < self.1.setup.policy.verified_for_ms)
    }

    /// When the operator last made sure of it.
    fn by_operator(&self, handle: &Handle) -> Option<u64> {
        self.1.directory.profile(handle).and_then(|profile| profile.verified_at_ms)
    }

    async fn proof(&self, handle: &Handle) -> Result<(Option<Found>, Proof), StoreError> {
        if let Some(known) = self.0.proofs.0.lock().get(handle) {
            return Ok(known.clone());
        }
        let found = self.0.store.key(SCOPE, handle.as_str()).await?;
        let proof = match &found {
            Some((_, stored)) => serde_json::from_slice(stored)
                .map_err(|error| StoreError::Unreadable(format!("the proof of a handle: {error}")))?,
            None => Proof::default(),
        };
        let mut known = self.0.proofs.0.lock();
        if known.len() >= REMEMBERED_MAX {
            known.clear();
        }
        // A later one, if one has come about meanwhile, stays.
        Ok(known.entry(handle.clone()).or_insert((found, proof)).clone())
    }

    /// Which of a handle's owners has it now.
    pub(crate) async fn owner_of(&self, handle: &Handle) -> Result<u32, StoreError> {
        if !self.changes_hands(handle) {
            return Ok(0);
        }
        match self.0.proofs.look(handle, |proof| proof.owner) {
            Some(owner) => Ok(owner),
            None => Ok(self.proof(handle).await?.1.owner),
        }
    }

    /// The proofs that somebody was asked for and has not given, of all of their handles.
    async fn asked_proofs(&self, of: &Handle) -> Result<Vec<(Handle, Option<Found>, Proof)>, StoreError> {
        let mut asked = Vec::new();
        // Of a stranger nothing is asked: to look, and to remember that there was nothing, would be theirs to bring about.
        if !self.takes_part(of) {
            return Ok(asked);
        }
        let now_ms = self.now_ms();
        for handle in self.1.directory.handles(of).into_iter().filter(|handle| self.changes_hands(handle)) {
            if self.0.proofs.look(&handle, |proof| proof.pending(now_ms).is_none()) == Some(true) {
                continue;
            }
            let (found, proof) = self.proof(&handle).await?;
            if proof.pending(now_ms).is_some() {
                asked.push((handle, found, proof));
            }
        }
        Ok(asked)
    }

    /// The codes by which somebody can prove a handle now: no payment's code may be one of them.
    pub(crate) async fn proof_codes(&self, of: &Handle) -> Result<Vec<String>, StoreError> {
        let asked = self.asked_proofs(of).await?;
        Ok(asked.iter().map(|(handle, _, proof)| self.0.code_key.proof(handle, proof.number)).collect())
    }

    /// What an answer with this code means for the proofs that were asked for.
    pub(crate) async fn proven_by(&self, from: &Handle, code: &str) -> Result<Proven, StoreError> {
        let (mut moved, mut fewest) = (Vec::new(), None::<u8>);
        for (handle, before, mut next) in self.asked_proofs(from).await? {
            let Some(mut pending) = next.pending.take() else { continue };
            // A code that went elsewhere proves the handle only when it comes back from there.
            let may_answer = handle == *from || pending.way.to == handle;
            if !may_answer {
                continue;
            }
            next.version += 1;
            if self.0.code_key.proves(&handle, next.number, code) {
                // Where the code went to another handle, only its owner can have read it.
                if pending.way.to == handle && !self.is_proven(&handle).await? {
                    next.owner = next.owner.saturating_add(1);
                }
                next.proven_at_ms = Some(self.now_ms());
                next.withdrawn_at_ms = None;
                let told = self.to_be_told(next.number, pending.withheld)?;
                let held = pending.held.map(Box::new);
                return Ok(Proven::Right { moved: Box::new(Move { handle, before, next }), told, held });
            }
            pending.tries_left = pending.tries_left.saturating_sub(1);
            fewest = Some(fewest.unwrap_or(u8::MAX).min(pending.tries_left));
            if pending.tries_left == 0 {
                // Whoever guesses does not get to what is told behind it.
                (pending.held, pending.expires_at_ms) = (None, 0);
            }
            next.pending = Some(pending);
            moved.push(Move { handle, before, next });
        }
        Ok(match fewest {
            Some(tries_left) => Proven::Wrong { moved, tries_left },
            None => Proven::NotAsked,
        })
    }

    /// What waited for a proof, as effects of their payments.
    fn to_be_told(&self, number: u32, withheld: Vec<Withheld>) -> Result<Vec<(Due, EffectRow)>, StoreError> {
        let now_ms = self.now_ms();
        let told = withheld.into_iter().enumerate().map(|(index, Withheld { payment, audience, about })| {
            let id = EffectId { owner: payment, number: AFTER_PROOF | u64::from(number) << 8 | index as u64 };
            let delay = Delay { since_ms: now_ms, because: UNPROVEN.into(), closed: Vec::new() };
            due_row(id, now_ms, Job::Delayed { audience, about, delay })
        });
        told.collect()
    }

    /// A right code for a payment came from a handle: if it is the one that the code went to, that proves it anew.
    pub(crate) async fn renewed(
        &self,
        from: &Handle,
        payment: &sportello_model::Payment,
    ) -> Result<Option<Move>, StoreError> {
        if !self.changes_hands(from) || !self.is_proven(from).await? {
            return Ok(None);
        }
        let went_there = self.way(payment, Audience::Payer, true, &[]).await?.is_some_and(|(way, _)| way.to == *from);
        let (before, mut next) = self.proof(from).await?;
        let now_ms = self.now_ms();
        let is_old = next.proven_at_ms.is_none_or(|at_ms| now_ms.saturating_sub(at_ms) >= RENEWED_AFTER_MS);
        if !went_there || !is_old {
            return Ok(None);
        }
        next.version += 1;
        (next.proven_at_ms, next.withdrawn_at_ms) = (Some(now_ms), None);
        Ok(Some(Move { handle: from.clone(), before, next }))
    }

    /// A note found nobody at this handle: it is to be proven again.
    pub(crate) async fn withdrawn(&self, handle: &Handle) -> Result<Option<Move>, StoreError> {
        if !self.changes_hands(handle) || !self.takes_part(handle) {
            return Ok(None);
        }
        let (before, mut next) = self.proof(handle).await?;
        next.version += 1;
        // Whatever the clock says: it comes after the proof.
        let proven_at_ms = next.proven_at_ms.max(self.by_operator(handle)).unwrap_or(0);
        next.withdrawn_at_ms = Some(self.now_ms().max(proven_at_ms));
        Ok(Some(Move { handle: handle.clone(), before, next }))
    }
}
