//! What people write, on its way in: whether it was seen before, and what it replaces. What it brings about is in
//! [`crate::obey`].
//!
//! Everything that a message brings about is in one commit with the message's own id, so that the same message
//! delivered twice brings it about once; and only after that commit is the provider told that we have it.

use sportello_model::grammar::{self, Language};
use sportello_model::payment::{CancelledBy, Event};
use sportello_model::{Accepted, Change, Message, PaymentId};
use sportello_sdk::Failure;

use crate::engine::{Batch, Engine};
use crate::proof::Held;
use crate::request::not_durable;
use crate::setup::ChannelSetup;
use crate::store::{Key, Link, StoreError, Write};

/// How often a message is tried while others move what it moves: as many as may come in at once, and more.
const TAKES_MAX: u32 = 256;
/// Stored with the first id of a message that was deleted.
const DELETED: &[u8] = b"deleted";

/// A message on its way in, and what is known about it.
pub(crate) struct Incoming<'a> {
    pub(crate) channel: &'a ChannelSetup,
    pub(crate) message: Message,
    /// The provider's id; nothing where the channel's are weak and it gave none.
    pub(crate) id: Option<String>,
    /// The provider's id of the first wording.
    pub(crate) first: Option<String>,
    pub(crate) language: Language,
    /// Whether the sender's handle was proven by what this commit holds.
    pub(crate) is_proven: bool,
    /// Whether it is taken for the first of its kind without a look: nearly all are, and the commit of one that is not comes
    /// to nothing.
    pub(crate) assumes_new: bool,
}

impl Engine {
    /// Takes what somebody wrote on a channel. It is durable when this returns.
    ///
    /// # Errors
    /// It is not durable, or not as a message must be.
    pub async fn message(&self, channel: &str, message: Message) -> Result<Accepted, Failure> {
        let (engine, channel) = (self.latest(), channel.to_owned());
        self.to_the_end(async move { engine.take_in(&channel, message).await }).await.map_err(not_durable)?
    }

    async fn take_in(&self, channel: &str, message: Message) -> Result<Accepted, Failure> {
        if self.is_draining() {
            return Err(Failure::new(sportello_sdk::Source::Host, "draining", "the gateway is about to stop")
                .retry_after(5_000));
        }
        let channel = self.channel(channel);
        let channel =
            channel.ok_or_else(|| Failure::input("no_such_channel", "no channel of this name is configured"))?;
        let is_change = message.change != Change::Written;
        if message.id.is_none() && (channel.ids_are_strong || is_change) {
            return Err(Failure::input(
                "no_message_id",
                "this gateway needs the provider's id of this message, to know it when it comes again",
            ));
        }
        if is_change && !channel.senders_are_strong {
            return Err(Failure::input("weak_sender", "a sender who can be forged changes and deletes nothing"));
        }
        if !channel.carries(&message.from) || message.from.is_name() {
            return Err(Failure::input("bad_sender", "the sender is no immutable handle of this channel"));
        }
        let incoming = Incoming { assumes_new: true, ..self.incoming(channel, message) };
        match self.take(incoming).await {
            Ok(()) => Ok(Accepted { fresh: true }),
            Err(StoreError::Seen { .. }) => Ok(Accepted { fresh: false }),
            Err(error) => Err(not_durable(error)),
        }
    }

    fn incoming<'a>(&self, channel: &'a ChannelSetup, message: Message) -> Incoming<'a> {
        let id = message.id.clone();
        let first = message.first_id.clone().filter(|_| id.is_some()).or_else(|| id.clone());
        let profile = self.1.directory.profile(&message.from);
        let language =
            profile.map(|p| p.language).or_else(|| grammar::language_of(&message.text)).unwrap_or(Language::En);
        Incoming { channel, message, id, first, language, is_proven: false, assumes_new: false }
    }

    async fn take(&self, mut incoming: Incoming<'_>) -> Result<(), StoreError> {
        // Two wordings of one message, or two that wish the same, may come at the same time: the later one to be written
        // then begins anew.
        for _ in 1..TAKES_MAX {
            match self.take_once(&incoming).await {
                Err(StoreError::Stale) => incoming.assumes_new = false,
                taken => return taken,
            }
        }
        self.take_once(&incoming).await
    }

    async fn take_once(&self, incoming: &Incoming<'_>) -> Result<(), StoreError> {
        match (incoming.message.change, &incoming.first) {
            (Change::Edited | Change::Deleted, Some(first)) => self.take_change(incoming, first).await,
            _ => self.obey(incoming, incoming.keys().into()).await,
        }
    }

    /// Obeys a message that was held until the handle that it came from was proven, in one commit with that proof.
    pub(crate) async fn obey_held(&self, held: Held, mut batch: Batch<'_>) -> Result<(), StoreError> {
        let Some(channel) = self.channel(&held.channel) else {
            return self.only(batch).await;
        };
        let incoming = Incoming { is_proven: true, ..self.incoming(channel, held.message) };
        if let Some(first) = &incoming.first {
            let before = self.0.store.key(&incoming.first_scope(), first).await?;
            // It was edited or deleted since: then that holds.
            if before.as_ref().is_none_or(|(payment, mark)| *payment != PaymentId(0) || !mark.is_empty()) {
                return self.only(batch).await;
            }
            batch.write.links.push(Link { key: incoming.key(incoming.first_scope(), first), before });
        }
        // A message obeyed inside of another one: a future cannot hold itself.
        Box::pin(self.obey(&incoming, batch)).await
    }

    /// Takes an edit or a deletion.
    async fn take_change(&self, incoming: &Incoming<'_>, first: &str) -> Result<(), StoreError> {
        let mut write = incoming.keys();
        let before = self.0.store.key(&incoming.first_scope(), first).await?;
        if before.as_ref().is_some_and(|(_, mark)| mark == DELETED) {
            return self.0.store.write(write).await;
        }
        let earlier = match &before {
            Some((payment, _)) => self.live(*payment).await?,
            None => None,
        };
        let is_deletion = incoming.message.change == Change::Deleted;
        let mut key = incoming.key(incoming.first_scope(), first);
        key.payment = before.as_ref().map_or(PaymentId(0), |(payment, _)| *payment);
        if is_deletion {
            // Whatever comes under that id later is void, also what the deletion has overtaken.
            key.fingerprint = DELETED.to_vec();
        }
        write.links = vec![Link { key, before }];
        let Some(earlier) = earlier else {
            return match is_deletion {
                true => self.0.store.write(write).await,
                false => self.obey(incoming, write.into()).await,
            };
        };
        let mut now = earlier.now.lock().await;
        if now.payment.intent.origin.by != incoming.message.from {
            // Nobody changes what another wrote.
            return self.0.store.write(Write { links: Vec::new(), ..write }).await;
        }
        let by = if is_deletion { CancelledBy::Deletion } else { CancelledBy::Edit };
        let began_nothing = now.payment.cancelled_by == Some(CancelledBy::Edit);
        match self.prepare_if(&now, &[Event::Cancelled { by }])? {
            Some(prepared) => {
                let batch = Batch { write, changes: vec![(&earlier, &mut now, prepared)], ..Batch::default() };
                if !is_deletion {
                    return self.obey(incoming, batch).await;
                }
                self.only(batch).await
            }
            None if began_nothing && !is_deletion => {
                // What it says may be about other payments, which are locked in their order: so this one is not.
                drop(now);
                self.obey(incoming, write.into()).await
            }
            // What was confirmed stays confirmed, whatever the message says now.
            None => self.0.store.write(write).await,
        }
    }
}

impl Incoming<'_> {
    /// The message itself, and the id it was first written under: neither was there before.
    fn keys(&self) -> Write {
        let id = self.id.iter().map(|id| self.key(format!("message:{}", self.channel.instance), id));
        let first = self.first.iter().filter(|_| self.message.change == Change::Written);
        let keys = id.chain(first.map(|first| self.key(self.first_scope(), first))).collect();
        Write { keys, ..Write::default() }
    }

    fn key(&self, scope: String, key: &str) -> Key {
        Key { scope, key: key.to_owned(), payment: PaymentId(0), fingerprint: Vec::new() }
    }

    pub(crate) fn first_scope(&self) -> String {
        format!("first:{}", self.channel.instance)
    }

    pub(crate) fn own_name(&self) -> String {
        self.channel.own_names.first().map(|name| format!("@{name}")).unwrap_or_default()
    }
}
