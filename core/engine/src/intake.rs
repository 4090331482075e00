//! What people write: from a message to a payment, an answer to a challenge, or a helpful word.
//!
//! Everything that a message brings about is in one commit with the message's own id, so that the same message
//! delivered twice brings it about once; and only after that commit is the provider told that we have it.

use sportello_model::command::{Command, Visibility};
use sportello_model::grammar::{self, Language};
use sportello_model::payment::{CancelledBy, Event, Evidence};
use sportello_model::{Accepted, Change, Handle, Intent, IntentKind, Message, Money, Note, Origin, Payment, PaymentId};
use sportello_sdk::Failure;

use crate::engine::{Batch, Engine, due_row};
use crate::job::{Due, Job};
use crate::notes::{Answer, answer, public_where_to_look};
use crate::request::not_durable;
use crate::setup::ChannelSetup;
use crate::store::{EffectId, EffectRow, Key, Link, StoreError, Write};

/// How often the change of a message is tried while other changes of it come in.
const TAKES_MAX: u32 = 8;
/// Stored with the first id of a message that was deleted.
const DELETED: &[u8] = b"deleted";

/// A message on its way in, and what is known about it.
struct Incoming<'a> {
    channel: &'a ChannelSetup,
    message: Message,
    id: String,
    first: String,
    language: Language,
}

impl Engine {
    /// Takes what somebody wrote on a channel. It is durable when this returns.
    ///
    /// # Errors
    /// It is not durable, or not as a message must be.
    pub async fn message(&self, channel: &str, message: Message) -> Result<Accepted, Failure> {
        let (engine, channel) = (self.clone(), channel.to_owned());
        self.to_the_end(async move { engine.take_in(&channel, message).await }).await.map_err(not_durable)?
    }

    async fn take_in(&self, channel: &str, message: Message) -> Result<Accepted, Failure> {
        if self.is_draining() {
            return Err(Failure::new(sportello_sdk::Source::Host, "draining", "the gateway is about to stop")
                .retry_after(5_000));
        }
        let channel = self.0.setup.channels.iter().find(|c| c.instance == channel);
        let channel =
            channel.ok_or_else(|| Failure::input("no_such_channel", "no channel of this name is configured"))?;
        let id = message.id.clone().ok_or_else(|| {
            Failure::input(
                "no_message_id",
                "this gateway needs the provider's id of a message, to know it when it comes again",
            )
        })?;
        if message.from.scheme() != channel.scheme || message.from.is_name() {
            return Err(Failure::input("bad_sender", "the sender is no immutable handle of this channel"));
        }
        let first = message.first_id.clone().unwrap_or_else(|| id.clone());
        let profile = self.0.directory.profile(&message.from);
        let language =
            profile.map(|p| p.language).or_else(|| grammar::language_of(&message.text)).unwrap_or(Language::En);
        let incoming = Incoming { channel, message, id, first, language };
        match self.take(&incoming).await {
            Ok(()) => Ok(Accepted { fresh: true }),
            Err(StoreError::Seen { .. }) => Ok(Accepted { fresh: false }),
            Err(error) => Err(not_durable(error)),
        }
    }

    async fn take(&self, incoming: &Incoming<'_>) -> Result<(), StoreError> {
        if incoming.message.change == Change::Written {
            return self.obey(incoming, incoming.keys().into()).await;
        }
        // Two wordings of one message may come at the same time: the later one to be written then begins anew.
        for _ in 1..TAKES_MAX {
            match self.take_change(incoming).await {
                Err(StoreError::Stale) => {}
                taken => return taken,
            }
        }
        self.take_change(incoming).await
    }

    /// Takes an edit or a deletion.
    async fn take_change(&self, incoming: &Incoming<'_>) -> Result<(), StoreError> {
        let mut write = incoming.keys();
        let before = self.0.store.key(&incoming.first_scope(), &incoming.first).await?;
        if before.as_ref().is_some_and(|(_, mark)| mark == DELETED) {
            return self.0.store.write(write).await;
        }
        let earlier = match &before {
            Some((payment, _)) => self.live(*payment).await?,
            None => None,
        };
        let is_deletion = incoming.message.change == Change::Deleted;
        let mut key = incoming.key(incoming.first_scope(), &incoming.first);
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
                let batch = Batch { write, changes: vec![(&earlier, &mut now, prepared)] };
                if !is_deletion {
                    return self.obey(incoming, batch).await;
                }
                let due = self.commit(batch).await?;
                self.set_off(due);
                Ok(())
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

    /// Does what the message says, in one commit with whatever `batch` holds.
    async fn obey(&self, incoming: &Incoming<'_>, batch: Batch<'_>) -> Result<(), StoreError> {
        let context = grammar::Context {
            scheme: &incoming.channel.scheme,
            own_names: &incoming.channel.own_names,
            default_currency: incoming.channel.default_currency,
            private: incoming.message.private,
        };
        let command = grammar::parse(&incoming.message.text, &context);
        let from = &incoming.message.from;
        if !matches!(command, Command::Unclear(_)) {
            self.0.chatter.understood(from);
        }
        match command {
            Command::Pay { payee, amount, memo, visibility } => {
                self.pay(incoming, batch, IntentKind::Pay, &payee, amount, memo, visibility).await
            }
            Command::Request { payer, amount, memo, visibility } => {
                self.pay(incoming, batch, IntentKind::Request, &payer, amount, memo, visibility).await
            }
            // An edit that is no payment any more called its payment off, and that is all that it does.
            Command::Confirm { .. } | Command::Cancel { .. } if !batch.changes.is_empty() => {
                let due = self.commit(batch).await?;
                self.set_off(due);
                Ok(())
            }
            Command::Confirm { code } => self.confirm(incoming, batch.write, code).await,
            Command::Cancel { reference } => self.cancel_own(incoming, batch.write, reference).await,
            Command::Status { reference } => self.status(incoming, batch, reference).await,
            Command::Refund { .. } => self.reply(incoming, batch, &Answer::NotOffered { what: "refund" }).await,
            Command::Buy(_) => self.reply(incoming, batch, &Answer::NotOffered { what: "buy" }).await,
            Command::Cart(_) => self.reply(incoming, batch, &Answer::NotOffered { what: "cart" }).await,
            Command::Enrol if self.0.directory.profile(from).is_none() => {
                self.reply(incoming, batch, &Answer::NotEnrolled).await
            }
            Command::Enrol | Command::Help => {
                self.reply(incoming, batch, &Answer::Help { own_name: &incoming.own_name() }).await
            }
            Command::Unclear(unclear) => {
                if !self.0.chatter.may_help(from, &incoming.message.text, self.now_ms()) {
                    let due = self.commit(batch).await?;
                    self.set_off(due);
                    return Ok(());
                }
                let language = grammar::language_of(&incoming.message.text).unwrap_or(incoming.language);
                let text = grammar::explain(&unclear, language, &incoming.own_name());
                self.say(incoming, batch, text).await
            }
        }
    }

    #[expect(clippy::too_many_arguments, reason = "the parts of a command, as the grammar gives them")]
    async fn pay(
        &self,
        incoming: &Incoming<'_>,
        mut batch: Batch<'_>,
        kind: IntentKind,
        other: &Handle,
        amount: Money,
        memo: Option<String>,
        visibility: Option<Visibility>,
    ) -> Result<(), StoreError> {
        let from = &incoming.message.from;
        let Some(writer) = self.0.directory.person(from) else {
            return self.reply(incoming, batch, &Answer::NotEnrolled).await;
        };
        // A name is only as good as the provider's own word for whom it stood when it was written.
        let pinned = if other.is_name() {
            incoming.message.mentions.iter().find(|m| m.name == *other).map(|m| &m.handle)
        } else {
            Some(other)
        };
        let Some(person) = pinned.and_then(|handle| self.0.directory.person(handle)) else {
            return self.reply(incoming, batch, &Answer::UnknownPerson { name: other.rest() }).await;
        };
        let (payer, payee) = match kind {
            IntentKind::Pay => (writer, person),
            IntentKind::Request => (person, writer),
        };
        if payer.account == payee.account {
            return self.reply(incoming, batch, &Answer::Yourself).await;
        }
        let profile_visibility = self.0.directory.profile(&payer.handle).map_or(Visibility::Private, |p| p.visibility);
        let exempt =
            kind == IntentKind::Pay && incoming.channel.senders_are_strong && self.0.setup.policy.exempts(amount);
        let intent = Intent {
            kind,
            payer,
            payee,
            amount,
            memo,
            visibility: visibility.unwrap_or(profile_visibility),
            origin: Origin {
                source: incoming.channel.instance.as_str().into(),
                by: from.clone(),
                message: Some(incoming.id.as_str().into()),
                first: Some(incoming.first.as_str().into()),
                public: !incoming.message.private,
            },
        };
        let id = self.new_id();
        // Its first id stands for what it began, in its latest wording.
        let Write { keys, links, .. } = &mut batch.write;
        let scope = incoming.first_scope();
        let of_first =
            keys.iter_mut().chain(links.iter_mut().map(|link| &mut link.key)).filter(|key| key.scope == scope);
        of_first.for_each(|key| key.payment = id);
        let (_, due) = self.begin(id, intent, exempt.then_some(Evidence::BelowLimit), batch).await?;
        self.set_off(due);
        Ok(())
    }

    /// A code: it answers the one challenge that it fits, or counts against all that are open.
    async fn confirm(&self, incoming: &Incoming<'_>, write: Write, code: Option<String>) -> Result<(), StoreError> {
        let open = self.open_of(&incoming.message.from);
        if open.is_empty() {
            return self.reply(incoming, write.into(), &Answer::NothingToConfirm).await;
        }
        let Some(code) = code else {
            return self.reply(incoming, write.into(), &Answer::CodeNeeded).await;
        };
        if !incoming.message.private {
            return self.reply(incoming, write.into(), &Answer::CodeInPublic).await;
        }
        let key = &self.0.code_key;
        let fits = |p: &&Payment| p.challenge.is_some_and(|c| key.matches(p, c.number, &code));
        let (ids, right): (Vec<PaymentId>, bool) = match open.iter().find(fits) {
            Some(payment) => (vec![payment.id], true),
            None => (open.iter().map(|p| p.id).collect(), false),
        };
        self.change_all(write, &ids, |payment| match payment.challenge {
            Some(challenge) if right => {
                vec![
                    Event::Confirmed { evidence: Evidence::Code { challenge: challenge.number } },
                    self.route(&payment.intent),
                ]
            }
            _ => vec![Event::WrongCode],
        })
        .await
    }

    async fn cancel_own(
        &self,
        incoming: &Incoming<'_>,
        write: Write,
        reference: Option<String>,
    ) -> Result<(), StoreError> {
        let mut open = self.open_of(&incoming.message.from);
        if let Some(reference) = &reference {
            open.retain(|p| short(p.id) == reference.to_lowercase());
        }
        match open.as_slice() {
            [] => self.reply(incoming, write.into(), &Answer::NothingToCancel).await,
            [one] => self.change_all(write, &[one.id], |_| vec![Event::Cancelled { by: CancelledBy::Payer }]).await,
            several => {
                let list = list(several, |_| String::new());
                self.reply(incoming, write.into(), &Answer::WhichOne { list: &list }).await
            }
        }
    }

    async fn status(
        &self,
        incoming: &Incoming<'_>,
        batch: Batch<'_>,
        reference: Option<String>,
    ) -> Result<(), StoreError> {
        /// How far back is looked for somebody's payments.
        const LOOK_BACK: u32 = 500;
        /// How many are told about.
        const TOLD_MAX: usize = 3;
        let handles = self.0.directory.handles(&incoming.message.from);
        let page = crate::store::Page { limit: LOOK_BACK, ..Default::default() };
        let mut own = self.0.store.payments(page).await?;
        own.retain(|p| handles.contains(&p.intent.payer.handle));
        if let Some(reference) = &reference {
            own.retain(|p| short(p.id) == reference.to_lowercase());
        }
        own.truncate(TOLD_MAX);
        if own.is_empty() {
            return self.reply(incoming, batch, &Answer::NoPayments).await;
        }
        let list = list(&own, |p| format!(": {}", p.state.name().replace('_', " ")));
        self.reply(incoming, batch, &Answer::Status { list: &list }).await
    }

    /// Changes some payments and writes the rest, in one commit. What has moved on in the meantime is left out.
    async fn change_all(
        &self,
        write: Write,
        ids: &[PaymentId],
        events: impl Fn(&Payment) -> Vec<Event>,
    ) -> Result<(), StoreError> {
        let mut lives = Vec::new();
        // In the order of their ids, so that two of these never wait for each other.
        for id in ids {
            lives.extend(self.live(*id).await?);
        }
        let mut locked = Vec::new();
        for live in &lives {
            locked.push((live, live.now.lock().await));
        }
        let mut changes = Vec::new();
        for (live, now) in &mut locked {
            if let Some(prepared) = self.prepare_if(now, &events(&now.payment))? {
                changes.push((*live, &mut **now, prepared));
            }
        }
        let due = self.commit(Batch { write, changes }).await?;
        drop(locked);
        self.set_off(due);
        Ok(())
    }

    /// What waits for a code of this person, on whatever channel they were asked.
    fn open_of(&self, handle: &Handle) -> Vec<Payment> {
        let mut open: Vec<_> = self.0.directory.handles(handle).iter().flat_map(|h| self.0.lives.asked_of(h)).collect();
        open.sort_by_key(|p| p.id);
        open
    }

    async fn reply(&self, incoming: &Incoming<'_>, batch: Batch<'_>, what: &Answer<'_>) -> Result<(), StoreError> {
        self.say(incoming, batch, answer(what, incoming.language.code())).await
    }

    /// Answers in private; where that cannot be, in public with nothing but where to look.
    async fn say(&self, incoming: &Incoming<'_>, mut batch: Batch<'_>, text: String) -> Result<(), StoreError> {
        let mut reply = None;
        if self.0.chatter.may_answer(&incoming.message.from, self.now_ms()) {
            let (due, row) = self.answer(incoming, text)?;
            batch.write.effects.push(row);
            reply = Some(due);
        }
        let mut due = self.commit(batch).await?;
        due.extend(reply);
        self.set_off(due);
        Ok(())
    }

    fn answer(&self, incoming: &Incoming<'_>, text: String) -> Result<(Due, EffectRow), StoreError> {
        let owner = self.new_id();
        let id = EffectId { owner, number: 0 };
        let public = !incoming.message.private;
        let note = Note {
            key: owner.to_string(),
            to: incoming.message.from.clone(),
            private: true,
            text,
            reply_to: public.then(|| incoming.id.clone()),
            fallback: public.then(|| public_where_to_look(incoming.language.code())),
            choices: Vec::new(),
        };
        let job = Job::Reply { channel: incoming.channel.instance.clone(), note };
        due_row(id, self.now_ms(), job)
    }
}

impl Incoming<'_> {
    /// The message itself, and the id it was first written under: neither was there before.
    fn keys(&self) -> Write {
        let mut keys = vec![self.key(format!("message:{}", self.channel.instance), &self.id)];
        if self.message.change == Change::Written {
            keys.push(self.key(self.first_scope(), &self.first));
        }
        Write { keys, ..Write::default() }
    }

    fn key(&self, scope: String, key: &str) -> Key {
        Key { scope, key: key.to_owned(), payment: PaymentId(0), fingerprint: Vec::new() }
    }

    fn first_scope(&self) -> String {
        format!("first:{}", self.channel.instance)
    }

    fn own_name(&self) -> String {
        self.channel.own_names.first().map(|name| format!("@{name}")).unwrap_or_default()
    }
}

/// A payment's number for people: the last eight digits of its id.
pub(crate) fn short(id: PaymentId) -> String {
    format!("{:08x}", id.0 & 0xffff_ffff)
}

fn list(payments: &[Payment], more: impl Fn(&Payment) -> String) -> String {
    let line = |p: &Payment| format!("{}: {} → {}{}", short(p.id), p.intent.amount, p.intent.payee.name, more(p));
    payments.iter().map(line).collect::<Vec<_>>().join("; ")
}
