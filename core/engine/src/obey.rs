//! What a message brings about: a payment, an answer to a challenge, or a helpful word.

use sportello_model::command::{Command, Visibility};
use sportello_model::grammar;
use sportello_model::payment::{CancelledBy, Event, Evidence, Side, State};
use sportello_model::{Handle, Intent, IntentKind, Money, Note, Origin, Payment, PaymentId, Person};

use crate::code::is_code;
use crate::engine::{Batch, Engine, due_row};
use crate::intake::Incoming;
use crate::job::{Due, Job};
use crate::notes::{Answer, answer, public_where_to_look};
use crate::proof::{Held, Proven};
use crate::restraint::{Beginning, TooMany};
use crate::store::{EffectId, EffectRow, StoreError, Write};

impl Engine {
    /// Does what the message says, in one commit with whatever `batch` holds.
    pub(crate) async fn obey(&self, incoming: &Incoming<'_>, batch: Batch<'_>) -> Result<(), StoreError> {
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
        if is_for_the_owner(&command) && self.is_unproven(incoming).await? {
            let held = Held { channel: incoming.channel.instance.clone(), message: incoming.message.clone() };
            return self.hold(from, held, batch).await;
        }
        match command {
            Command::Pay { payee, amount, memo, visibility } => {
                self.pay(incoming, batch, IntentKind::Pay, &payee, amount, memo, visibility).await
            }
            Command::Request { payer, amount, memo, visibility } => {
                self.pay(incoming, batch, IntentKind::Request, &payer, amount, memo, visibility).await
            }
            // An edit that is no payment any more called its payment off, and that is all that it does.
            Command::Confirm { .. } | Command::Cancel { .. } if !batch.changes.is_empty() => self.only(batch).await,
            Command::Confirm { code } => self.confirm(incoming, batch, code).await,
            Command::Cancel { reference } => self.cancel_own(incoming, batch, reference).await,
            Command::Status { reference } => self.status(incoming, batch, reference).await,
            Command::Refund { .. } => self.reply(incoming, batch, &Answer::NotOffered { what: "refund" }).await,
            Command::Buy(_) => self.reply(incoming, batch, &Answer::NotOffered { what: "buy" }).await,
            Command::Cart(_) => self.reply(incoming, batch, &Answer::NotOffered { what: "cart" }).await,
            Command::Enrol => self.enrol_anew(incoming, batch).await,
            Command::Help => self.reply(incoming, batch, &Answer::Help { own_name: &incoming.own_name() }).await,
            Command::Unclear(unclear) => {
                if !self.0.chatter.may_help(from, &incoming.message.text, self.now_ms()) {
                    return self.only(batch).await;
                }
                let language = grammar::language_of(&incoming.message.text).unwrap_or(incoming.language);
                let text = grammar::explain(&unclear, language, &incoming.own_name());
                self.say(incoming, batch, text).await
            }
        }
    }

    /// What somebody gave to pay with or to be paid on is forgotten, so that they are asked for it anew.
    async fn enrol_anew(&self, incoming: &Incoming<'_>, mut batch: Batch<'_>) -> Result<(), StoreError> {
        let from = &incoming.message.from;
        if !self.takes_part(from) {
            return self.reply(incoming, batch, &Answer::NotEnrolled).await;
        }
        // Not for whoever forges their messages, or was given their number.
        let is_theirs = incoming.channel.senders_are_strong && self.is_proven(from).await?;
        let forgotten = if is_theirs { self.to_forget(from).await? } else { Vec::new() };
        if forgotten.is_empty() {
            return self.reply(incoming, batch, &Answer::Help { own_name: &incoming.own_name() }).await;
        }
        batch.write.links.extend(forgotten);
        self.reply(incoming, batch, &Answer::AskedAnew).await
    }

    /// Whether the message comes from the handle of somebody who takes part, and that may be somebody else's by now.
    async fn is_unproven(&self, incoming: &Incoming<'_>) -> Result<bool, StoreError> {
        let from = &incoming.message.from;
        let is_exempt = incoming.is_proven || !self.takes_part(from);
        Ok(!is_exempt && !self.is_proven(from).await?)
    }

    /// Writes what there is, and does no more.
    pub(crate) async fn only(&self, batch: Batch<'_>) -> Result<(), StoreError> {
        let due = self.commit(batch).await?;
        self.set_off(due);
        Ok(())
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
        let Incoming { channel, message, .. } = incoming;
        let (own_side, other_side) = match kind {
            IntentKind::Pay => (Side::Payer, Side::Payee),
            IntentKind::Request => (Side::Payee, Side::Payer),
        };
        let own_name = message.from_name.as_ref();
        let Some(writer) = self.person(&message.from, own_side, own_name, incoming.language).await? else {
            return self.reply(incoming, batch, &Answer::NotEnrolled).await;
        };
        // A name is only as good as the provider's own word for whom it stood when it was written.
        let pinned = if other.is_name() {
            message.mentions.iter().find(|m| m.name == *other).map(|m| &m.handle)
        } else {
            Some(other)
        };
        let person = match pinned {
            Some(handle) => self.person(handle, other_side, Some(other), incoming.language).await?,
            None => None,
        };
        let Some(person) = person else {
            return self.reply(incoming, batch, &Answer::UnknownPerson { name: other.rest() }).await;
        };
        let (payer, payee) = match kind {
            IntentKind::Pay => (writer, person),
            IntentKind::Request => (person, writer),
        };
        if self.are_one(&payer, &payee) {
            return self.reply(incoming, batch, &Answer::Yourself).await;
        }
        // Nobody can be asked by an account.
        if kind == IntentKind::Request && !self.takes_part(&payer.handle) {
            return self.reply(incoming, batch, &Answer::UnknownPerson { name: other.rest() }).await;
        }
        let policy = &self.1.setup.policy;
        // A stranger, too, makes us write to others.
        let is_stranger = self.1.directory.profile(&message.from).is_none();
        let beginning = match kind == IntentKind::Request || !channel.senders_are_strong || is_stranger {
            true => match self.restrained(&payer) {
                Ok(beginning) => Some(beginning),
                Err(TooMany::Open) if kind == IntentKind::Pay => {
                    return self.reply(incoming, batch, &Answer::TooManyOpen).await;
                }
                Err(_) => return self.reply(incoming, batch, &Answer::AskedTooOften).await,
            },
            false => None,
        };
        let profile_visibility = self.1.directory.profile(&payer.handle).map_or(Visibility::Private, |p| p.visibility);
        let intent = Intent {
            kind,
            payer,
            payee,
            amount,
            memo,
            visibility: visibility.unwrap_or(profile_visibility),
            origin: Origin {
                source: channel.instance.as_str().into(),
                by: message.from.clone(),
                message: incoming.id.as_deref().map(Into::into),
                first: incoming.first.as_deref().map(Into::into),
                public: !message.private,
            },
        };
        match self.missing(&intent) {
            None if intent.person(own_side).account.is_none() => {
                return self.reply(incoming, batch, &Answer::NotEnrolled).await;
            }
            None => return self.reply(incoming, batch, &Answer::UnknownPerson { name: other.rest() }).await,
            Some(_) => {}
        }
        let superseded: Vec<PaymentId> = batch.changes.iter().map(|(live, ..)| live.id).collect();
        let alike = self.alike(incoming, &intent, &superseded).await?;
        let id = alike.id;
        let is_wanted = alike.again_after_ms.is_none();
        let exempt = kind == IntentKind::Pay && channel.senders_are_strong && is_wanted && policy.exempts(amount);
        // Its first id stands for what it began, in its latest wording.
        let Write { keys, links, .. } = &mut batch.write;
        let scope = incoming.first_scope();
        let of_first =
            keys.iter_mut().chain(links.iter_mut().map(|link| &mut link.key)).filter(|key| key.scope == scope);
        of_first.for_each(|key| key.payment = id);
        links.push(alike.link);
        let evidence = exempt.then_some(Evidence::BelowLimit);
        let (_, due) = self.begin(id, intent, evidence, alike.again_after_ms, batch).await?;
        beginning.iter().for_each(Beginning::begun);
        self.set_off(due);
        Ok(())
    }

    /// Whoever forges somebody's messages, or asks money of them, must not flood them with codes.
    fn restrained(&self, payer: &Person) -> Result<Beginning<'_>, TooMany> {
        let open = || self.0.lives.count_asked_of(&self.1.directory.handles(&payer.handle));
        let open_max = usize::try_from(self.1.setup.policy.challenges_max).unwrap_or(usize::MAX);
        self.0.restraint.begin(&self.1.directory.identity(&payer.handle), open, open_max, self.now_ms())
    }

    /// A code: it answers the one challenge that it fits, proves a handle, or counts against all that is open.
    async fn confirm(
        &self,
        incoming: &Incoming<'_>,
        mut batch: Batch<'_>,
        code: Option<String>,
    ) -> Result<(), StoreError> {
        let from = &incoming.message.from;
        let mut open = self.open_of(from);
        open.retain(|payment| payment.state == State::AwaitingConfirmation);
        let is_asked = !open.is_empty() || !self.proof_codes(from).await?.is_empty();
        let code = match code {
            Some(code) if incoming.message.private => code,
            _ if !is_asked => return self.reply(incoming, batch, &Answer::NothingToConfirm).await,
            Some(_) => return self.reply(incoming, batch, &Answer::CodeInPublic).await,
            None => return self.reply(incoming, batch, &Answer::CodeNeeded).await,
        };
        let said = self.said(incoming.channel, from, "confirm", &code).await?;
        let is_repeat = said.is_repeat;
        // A mark for each code that somebody sends who was asked for none would fill the store.
        batch.write.links.extend(said.link.filter(|_| is_asked));
        if let Some(payment) = self.fitting(&open, &code) {
            self.0.restraint.answered(&self.1.directory.identity(&payment.intent.payer.handle));
            batch.proofs.extend(self.renewed(from, payment).await?);
            return self
                .change_all(batch, &[payment.id], |payment| match payment.challenge {
                    Some(challenge) => vec![
                        Event::Confirmed { evidence: Evidence::Code { challenge: challenge.number } },
                        self.route(&payment.intent),
                    ],
                    None => vec![Event::WrongCode],
                })
                .await;
        }
        match self.proven_by(from, &code).await? {
            Proven::Right { moved, told, held } => {
                batch.proofs.push(*moved);
                let (told, rows): (Vec<Due>, Vec<EffectRow>) = told.into_iter().unzip();
                batch.write.effects.extend(rows);
                match held {
                    Some(held) => self.obey_held(*held, batch).await?,
                    None if told.is_empty() => self.reply(incoming, batch, &Answer::Proven).await?,
                    None => self.only(batch).await?,
                }
                self.set_off(told);
                Ok(())
            }
            // It came once more, because nobody told the network that it had arrived.
            _ if is_repeat => self.only(batch).await,
            Proven::Wrong { moved, tries_left } if open.is_empty() => {
                batch.proofs.extend(moved);
                self.reply(incoming, batch, &Answer::WrongCode { tries_left }).await
            }
            Proven::Wrong { moved, .. } => {
                batch.proofs.extend(moved);
                self.wrong_code(batch, &open).await
            }
            Proven::NotAsked if open.is_empty() => self.reply(incoming, batch, &Answer::NothingToConfirm).await,
            Proven::NotAsked => self.wrong_code(batch, &open).await,
        }
    }

    /// The payment whose challenge has this code.
    fn fitting<'a>(&self, open: &'a [Payment], code: &str) -> Option<&'a Payment> {
        let key = &self.0.code_key;
        open.iter().find(|payment| payment.challenge.is_some_and(|c| key.matches(payment, c.number, code)))
    }

    /// A wrong code counts against all that is open: nobody can tell which one it was meant for.
    async fn wrong_code(&self, batch: Batch<'_>, open: &[Payment]) -> Result<(), StoreError> {
        let ids: Vec<PaymentId> = open.iter().map(|payment| payment.id).collect();
        self.change_all(batch, &ids, |_| vec![Event::WrongCode]).await
    }

    async fn cancel_own(
        &self,
        incoming: &Incoming<'_>,
        mut batch: Batch<'_>,
        reference: Option<String>,
    ) -> Result<(), StoreError> {
        let from = &incoming.message.from;
        let mut open = self.open_of(from);
        let by_payer = |_: &Payment| vec![Event::Cancelled { by: CancelledBy::Payer }];
        let senders_are_strong = incoming.channel.senders_are_strong;
        if let Some(code) = reference.as_deref().filter(|reference| is_code(reference)) {
            if !incoming.message.private {
                return self.reply(incoming, batch, &Answer::CodeInPublic).await;
            }
            let said = self.said(incoming.channel, from, "cancel", code).await?;
            let is_repeat = said.is_repeat;
            batch.write.links.extend(said.link.filter(|_| !open.is_empty()));
            return match self.fitting(&open, code) {
                Some(payment) => {
                    self.0.restraint.answered(&self.1.directory.identity(&payment.intent.payer.handle));
                    self.change_all(batch, &[payment.id], by_payer).await
                }
                None if is_repeat => self.only(batch).await,
                None if open.is_empty() || senders_are_strong => {
                    self.reply(incoming, batch, &Answer::NothingToCancel).await
                }
                // Else whoever forges a sender could try all codes this way.
                None => self.wrong_code(batch, &open).await,
            };
        }
        // Nobody has a code for what waits for an account: from here it just ends.
        if !senders_are_strong {
            open.retain(|payment| payment.state == State::AwaitingConfirmation);
        }
        if !senders_are_strong && !open.is_empty() {
            return self.reply(incoming, batch, &Answer::CancelNeedsCode).await;
        }
        if let Some(reference) = &reference {
            open.retain(|p| short(p.id) == reference.to_lowercase());
        }
        match open.as_slice() {
            [] => self.reply(incoming, batch, &Answer::NothingToCancel).await,
            [one] => self.change_all(batch, &[one.id], by_payer).await,
            several => {
                let list = list(several, |_| String::new());
                self.reply(incoming, batch, &Answer::WhichOne { list: &list }).await
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
        let from = &incoming.message.from;
        // Nothing is looked up that nobody would be told.
        if !self.0.chatter.is_listening(from, self.now_ms()) {
            return self.only(batch).await;
        }
        let handles = self.1.directory.handles(from);
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

    /// Changes some payments and writes the rest, in one commit: `batch` changes no payment by itself. What has moved on in the meantime is left out.
    async fn change_all(
        &self,
        mut batch: Batch<'_>,
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
        let (write, proofs) = (std::mem::take(&mut batch.write), std::mem::take(&mut batch.proofs));
        let due = self.commit(Batch { write, proofs, changes }).await?;
        drop(locked);
        self.set_off(due);
        Ok(())
    }

    /// What waits for a code of this person, on whatever channel they were asked, or for somebody's account.
    pub(crate) fn open_of(&self, handle: &Handle) -> Vec<Payment> {
        let mut open: Vec<_> = self.1.directory.handles(handle).iter().flat_map(|h| self.0.lives.asked_of(h)).collect();
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
            reply_to: incoming.id.clone().filter(|_| public),
            fallback: public.then(|| public_where_to_look(incoming.language.code())),
            choices: Vec::new(),
        };
        let job = Job::Reply { channel: incoming.channel.instance.clone(), note };
        due_row(id, self.now_ms(), job)
    }
}

/// What is done for the owner of a handle alone: not before it is known whose it is. A code speaks for itself.
fn is_for_the_owner(command: &Command) -> bool {
    match command {
        Command::Pay { .. } | Command::Request { .. } | Command::Status { .. } => true,
        Command::Cancel { reference } => !reference.as_deref().is_some_and(is_code),
        _ => false,
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
