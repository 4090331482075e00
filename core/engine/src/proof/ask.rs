//! Asking for a proof, and what waits until it is given.

use std::sync::Arc;

use sportello_model::payment::Event;
use sportello_model::{Handle, Note};

use super::{Held, Move, Proof, UNPROVEN, Withheld};
use crate::engine::{Batch, Engine, due_row};
use crate::job::{Due, Job};
use crate::live::Live;
use crate::notes::{Ask, ask_for_proof};
use crate::reach::Way;
use crate::store::{EffectId, EffectRow, StoreError, Write};

/// The most notes that wait for one handle's proof.
const WITHHELD_MAX: usize = 8;
/// How often a proof is moved while others move it.
const MOVES_MAX: u32 = 16;

impl Engine {
    /// Holds a message until the handle that it came from is proven, and asks for that; or drops it, where that was asked
    /// for too often.
    pub(crate) async fn hold(&self, from: &Handle, held: Held, mut batch: Batch<'_>) -> Result<(), StoreError> {
        let (before, mut next) = self.proof(from).await?;
        let mut asked = None;
        if next.pending(self.now_ms()).is_none() {
            let way = self.way_to_prove(from, &held.channel).await?;
            match self.ask_for(from, &next, way).await? {
                Some((asking, due, row)) => {
                    next = asking;
                    batch.write.effects.push(row);
                    asked = Some(due);
                }
                None => {
                    tracing::warn!(
                        "a message is dropped: its sender's handle is not proven, and was asked about too often"
                    );
                    let due = self.commit(batch).await?;
                    self.set_off(due);
                    return Ok(());
                }
            }
        }
        if let Some(pending) = &mut next.pending {
            pending.held = Some(held);
        }
        next.version += 1;
        batch.proofs.push(Move { handle: from.clone(), before, next });
        let mut due = self.commit(batch).await?;
        due.extend(asked);
        self.set_off(due);
        Ok(())
    }

    /// Keeps a note back until the handle that it would go to is proven, and asks for that. Answers whether it is kept: not
    /// where that was asked for too often, and not where the person has another handle by which the number would have to be
    /// proven, and which does not take the note.
    pub(crate) async fn withhold(&self, due: &Due, live: &Arc<Live>, way: &Way) -> Result<bool, StoreError> {
        if self.way_to_prove(&way.to, &way.channel).await?.to != way.to {
            return Ok(false);
        }
        let Some((audience, about, delay)) = due.note() else { return Ok(true) };
        for _ in 0..MOVES_MAX {
            let (before, mut next) = self.proof(&way.to).await?;
            let mut write = Write { done: vec![due.id], ..Write::default() };
            let mut asked = None;
            if next.pending(self.now_ms()).is_none() {
                let Some((asking, due, row)) = self.ask_for(&way.to, &next, way.clone()).await? else {
                    return Ok(false);
                };
                next = asking;
                write.effects.push(row);
                asked = Some(due);
            }
            if let Some(pending) = &mut next.pending {
                pending.withheld.push(Withheld { payment: live.id, audience, about: about.clone() });
                let too_many = pending.withheld.len().saturating_sub(WITHHELD_MAX);
                pending.withheld.drain(..too_many);
            }
            next.version += 1;
            let proofs = vec![Move { handle: way.to.clone(), before, next }];
            let mut now = live.now.lock().await;
            let mut batch = Batch { write, proofs, ..Batch::default() };
            let event = Event::NoteDelayed { audience, about: about.clone(), because: UNPROVEN.into() };
            if delay.is_none()
                && let Some(prepared) = self.prepare_if(&now, &[event])?
            {
                batch.changes.push((live, &mut now, prepared));
            }
            match self.commit(batch).await {
                Ok(mut due) => {
                    due.extend(asked);
                    self.set_off(due);
                    return Ok(true);
                }
                Err(StoreError::Stale) => drop(now),
                Err(error) => return Err(error),
            }
        }
        Err(StoreError::Stale)
    }

    /// Where the code goes by which a handle is proven: to another handle of the same person that holds without, if there
    /// is one; else to the handle itself.
    async fn way_to_prove(&self, handle: &Handle, source: &str) -> Result<Way, StoreError> {
        let ways = self.ways(handle, source);
        for way in &ways {
            if way.to != *handle && self.is_proven(&way.to).await? {
                return Ok(way.clone());
            }
        }
        let own = ways.into_iter().find(|way| way.to == *handle);
        Ok(own.unwrap_or_else(|| Way { channel: source.to_owned(), to: handle.clone() }))
    }

    /// Asks for a proof, with a code that is like none of the person's other ones; nothing where too many were asked for.
    async fn ask_for(
        &self,
        handle: &Handle,
        proof: &Proof,
        way: Way,
    ) -> Result<Option<(Proof, Due, EffectRow)>, StoreError> {
        let policy = &self.1.setup.policy;
        let handles = self.1.directory.handles(handle);
        let others = self.proof_codes(handle).await?;
        let is_taken = |number: u32| {
            let code = self.0.code_key.proof(handle, number);
            others.contains(&code) || self.0.lives.has_code(&handles, &code)
        };
        let next = proof.number.saturating_add(1);
        let number = (next..next.saturating_add(100)).find(|number| !is_taken(*number)).unwrap_or(next);
        let now_ms = self.now_ms();
        let expires_at_ms = now_ms.saturating_add(policy.code_lifetime_ms);
        let Some(asking) = proof.asked(way, number, policy.code_tries, now_ms, expires_at_ms) else { return Ok(None) };
        let id = EffectId { owner: self.new_id(), number: 0 };
        let (due, row) = due_row(id, now_ms, Job::Prove { handle: handle.clone(), number })?;
        Ok(Some((asking, due, row)))
    }

    /// The note that asks for a proof; nothing where it is over.
    pub(crate) async fn note_of_proof(
        &self,
        handle: &Handle,
        number: u32,
        id: EffectId,
    ) -> Result<Option<(Way, Note)>, StoreError> {
        let (_, proof) = self.proof(handle).await?;
        let Some(pending) = proof.pending(self.now_ms()).filter(|_| proof.number == number) else { return Ok(None) };
        let code = self.0.code_key.proof(handle, number);
        let ask = match &pending.held {
            _ if pending.way.to != *handle => Ask::Elsewhere { handle: handle.rest() },
            Some(_) => Ask::Wrote,
            None => Ask::Awaited,
        };
        let language = self.1.directory.profile(handle).map(|profile| profile.language).unwrap_or_default();
        let note = Note {
            key: format!("{}-{}", id.owner, id.number),
            to: pending.way.to.clone(),
            private: true,
            text: ask_for_proof(&ask, &code, language.code()),
            reply_to: None,
            fallback: None,
            choices: Vec::new(),
        };
        Ok(Some((pending.way.clone(), note)))
    }
}
