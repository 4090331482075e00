//! What became of notes after their provider had taken them.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use sportello_model::payment::{About, Audience, Event};
use sportello_model::{Fate, Handle, Receipt, Sent};
use sportello_sdk::Failure;

use crate::engine::{Batch, ChangeError, Engine, written};
use crate::job::Due;
use crate::live::Live;
use crate::reach::Way;
use crate::request::not_durable;
use crate::store::{Key, Link, StoreError, Write};
use crate::word::word;

/// How often a receipt is tried while others change what it changes.
const TAKES_MAX: u32 = 16;

/// What is kept of a note that was sent, under the provider's id for it.
#[derive(Debug, Serialize, Deserialize)]
struct SentNote {
    /// To whom.
    to: Handle,
    /// For whom of the payment's people; nothing where it belongs to no payment.
    audience: Option<Audience>,
    /// What about.
    about: Option<About>,
}

impl Engine {
    /// The key under which a note that was just sent is kept; nothing where its channel tells nothing more of it.
    fn sent_key(&self, due: &Due, way: &Way, sent: &Sent) -> Option<Key> {
        let id = sent.id.clone().filter(|_| self.channel(&way.channel).is_some_and(|channel| channel.receipts))?;
        let (audience, about) = match due.note() {
            Some((audience, about, _)) => (Some(audience), Some(about.clone())),
            None => (None, None),
        };
        let fingerprint = written(&SentNote { to: way.to.clone(), audience, about }).ok()?;
        Some(Key { scope: sent_scope(&way.channel), key: id, payment: due.id.owner, fingerprint })
    }

    /// Takes note, in one commit, that a note was sent: its effect is done, its receipt will be known, and where it had been
    /// delayed the journal says that it is told. Answers whether its effect is still to be forgotten.
    pub(crate) async fn is_sent(&self, due: &Due, live: Option<&Arc<Live>>, way: &Way, sent: &Sent) -> bool {
        let key = self.sent_key(due, way, sent);
        let late = match (due.note(), live) {
            (Some((audience, about, Some(_))), Some(live)) => {
                Some((live, Event::NoteTold { audience, about: about.clone(), channel: Some(way.channel.clone()) }))
            }
            _ => None,
        };
        if key.is_none() && late.is_none() {
            return true;
        }
        let mut before = None;
        loop {
            let batch = || {
                let done = vec![due.id];
                Batch::from(match (key.clone(), before.clone()) {
                    (Some(key), None) => Write { keys: vec![key], done, ..Write::default() },
                    (Some(key), before) => Write { links: vec![Link { key, before }], done, ..Write::default() },
                    (None, _) => Write { done, ..Write::default() },
                })
            };
            let kept = match &late {
                Some((live, event)) => {
                    let mut now = live.now.lock().await;
                    self.change_with(live, &mut now, std::slice::from_ref(event), batch).await.map(drop)
                }
                None => self.commit(batch()).await.map(drop).map_err(ChangeError::Store),
            };
            match kept {
                Ok(()) => return false,
                // The provider has given the id before: from now on it stands for this note.
                Err(ChangeError::Store(StoreError::Seen { payment, fingerprint })) if before.is_none() => {
                    before = Some((payment, fingerprint));
                }
                // It was told, whatever becomes of saying so.
                Err(error) => {
                    tracing::error!(about = %due.id.owner, %error, "that a note was told cannot be written down");
                    return true;
                }
            }
        }
    }

    /// Takes what became of a note. Durable when this returns.
    ///
    /// # Errors
    /// `unknown_note` where the channel sent no such note, or none yet; else it is not durable: let the channel tell it
    /// again.
    pub async fn receipt(&self, channel: &str, receipt: Receipt) -> Result<(), Failure> {
        let (engine, channel) = (self.latest(), channel.to_owned());
        self.to_the_end(async move { engine.take_receipt(&channel, &receipt).await }).await.map_err(not_durable)?
    }

    async fn take_receipt(&self, channel: &str, receipt: &Receipt) -> Result<(), Failure> {
        let unknown = || Failure::input("unknown_note", "no note of this channel has that id").retry_after(1_000);
        let found = self.0.store.key(&sent_scope(channel), &receipt.id).await.map_err(not_durable)?;
        let (owner, stored) = found.ok_or_else(unknown)?;
        let note: SentNote = serde_json::from_slice(&stored)
            .map_err(|error| not_durable(StoreError::Unreadable(format!("a note that was sent: {error}"))))?;
        // What a later contract says of a note is nothing that this one could write down.
        if receipt.fate == Fate::Unrecognised {
            return Ok(());
        }
        let key = Key {
            scope: format!("receipt:{channel}"),
            // The provider may give an id twice, to notes of two owners.
            key: format!("{} {owner}", receipt.id),
            payment: owner,
            fingerprint: Vec::new(),
        };
        for _ in 1..TAKES_MAX {
            match self.journal_receipt(receipt, &note, &key).await {
                Err(StoreError::Stale) => {}
                // The first word counts.
                Ok(()) | Err(StoreError::Seen { .. }) => return Ok(()),
                Err(error) => return Err(not_durable(error)),
            }
        }
        Err(not_durable(StoreError::Stale))
    }

    async fn journal_receipt(&self, receipt: &Receipt, note: &SentNote, key: &Key) -> Result<(), StoreError> {
        let withdrawn = match receipt.fate {
            Fate::Undeliverable => self.withdrawn(&note.to).await?,
            _ => None,
        };
        let write = || Write { keys: vec![key.clone()], ..Write::default() };
        let batch = || Batch { write: write(), proofs: withdrawn.clone().into_iter().collect(), ..Batch::default() };
        let (Some(audience), Some(about)) = (note.audience, note.about.clone()) else {
            return self.commit(batch()).await.map(drop);
        };
        let Some(live) = self.live(key.payment).await? else { return self.commit(batch()).await.map(drop) };
        let event = match receipt.fate {
            Fate::Delivered => Event::NoteDelivered { audience, about },
            fate => Event::NoteUndelivered { audience, about, fate, detail: receipt.detail.as_deref().map(word) },
        };
        let mut now = live.now.lock().await;
        match self.change_with(&live, &mut now, &[event], batch).await {
            Ok(_) | Err(ChangeError::Refused(_)) => Ok(()),
            Err(ChangeError::Store(error)) => Err(error),
        }
    }
}

fn sent_scope(channel: &str) -> String {
    format!("sent:{channel}")
}
