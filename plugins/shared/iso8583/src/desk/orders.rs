//! Orders that are sent: authorize, collect and refund once, capture and void until they are answered.

use sportello_sdk::{Failure, Host, Order, OrderKind, Outcome};

use super::paying::{Pan, Paying};
use super::record::{Heard, Kept, Record, Sent};
use super::request;
use super::verdict::{Verdict, verdict};
use super::{Asked, Desk};
use crate::{Message, Mti};

/// Where an order stands when it is given.
#[expect(clippy::large_enum_variant, reason = "it lives for one call")]
enum Found {
    /// Nothing was sent: there is room for its record.
    Vacant(Kept),
    /// All has been said.
    Told(Verdict),
    /// Its message was sent, or was about to be, and was not answered.
    Open(Kept, Sent),
}

impl Desk {
    /// Carries out an order to authorize, collect or refund: at most once, however often it is given.
    ///
    /// Given again, the order has the outcome that was recorded, or is `Unknown`. A soft decline is the exception: with
    /// evidence that it did not have before, the order is sent a second time.
    ///
    /// # Errors
    /// When nothing was sent for it.
    pub async fn submit(&self, order: &Order, paying: &Paying, host: &Host) -> Result<Verdict, Failure> {
        let mti = match order.kind {
            OrderKind::Authorize | OrderKind::Collect | OrderKind::Refund => request::mti(order.kind),
            _ => None,
        };
        let mti = mti.ok_or_else(|| unsuited(order.kind))?;
        if let Err(declined) = request::check(order.amount) {
            return Ok(Verdict::Told(declined));
        }
        let trace = self.trace(host).await?;
        let sent = Sent {
            kind: order.kind,
            mti: mti.to_string(),
            numbers: request::numbers(&trace, &self.merchant),
            amount: order.amount,
            has_evidence: paying.evidence.is_some(),
            heard: None,
        };
        let record = Record::Sent { sent: sent.clone(), reversal: None };
        // Most orders are new: their records are made without a look.
        let mut kept = Kept::new(&order.key);
        if !kept.put(Some(record.clone()), host).await? {
            kept = match self.found(order, paying.evidence.is_some(), host).await? {
                Found::Vacant(kept) => kept,
                Found::Told(verdict) => return Ok(verdict),
                Found::Open(..) => return Ok(unanswered("it was sent before, and its answer is not known")),
            };
            if !kept.put(Some(record), host).await? {
                return Ok(unanswered("it is being sent by another call"));
            }
        }
        let message = request::original(mti, &sent, paying, &self.merchant);
        self.sent_once(&order.key, kept, sent, &message, host).await
    }

    /// Captures a part or all of what an order authorized: one that is not answered is repeated with the next call.
    ///
    /// # Errors
    /// When nothing was sent for it; `not_authorized` where the order that it refers to has no approval.
    pub async fn capture(&self, order: &Order, pan: Option<&Pan>, host: &Host) -> Result<Outcome, Failure> {
        let about = self.original(order, host).await?;
        let approved = about.approved().filter(|_| about.kind == OrderKind::Authorize);
        let approval = about.heard.as_ref().and_then(|heard| heard.authorization.clone());
        let (approved, approval) = approved.zip(approval).ok_or_else(not_authorized)?;
        if order.amount.currency() != approved.currency() || order.amount.minor() > approved.minor() {
            return Ok(Outcome::Declined {
                code: "above_authorization".to_owned(),
                reason: "more is to be captured than was authorized".to_owned(),
                elsewhere: false,
            });
        }
        self.advise(order, &about, host, |mti, sent| {
            request::completion(mti, sent, (&about, &approval), pan, &self.merchant)
        })
        .await
    }

    /// Lets go of what an order authorized: one that is not answered is repeated with the next call.
    ///
    /// # Errors
    /// When nothing was sent for it; `not_authorized` where the order that it refers to was never sent.
    pub async fn void(&self, order: &Order, pan: Option<&Pan>, host: &Host) -> Result<Outcome, Failure> {
        let about = self.original(order, host).await?;
        self.advise(order, &about, host, |mti, sent| {
            // A reversal has the amount of its original, and no other.
            request::reversal(mti, &sent.numbers, &about, pan, &self.merchant)
        })
        .await
    }

    /// What is known of an order that was given before; nothing where it was not sent.
    ///
    /// # Errors
    /// When the store cannot be asked.
    pub async fn recorded(&self, order: &Order, host: &Host) -> Result<Option<Verdict>, Failure> {
        Ok(match self.found(order, false, host).await? {
            Found::Vacant(_) => None,
            Found::Told(verdict) => Some(verdict),
            Found::Open(..) => Some(unanswered("it was sent, and its answer is not known")),
        })
    }

    /// Sends a message of which the record is made.
    async fn sent_once(
        &self,
        order_key: &str,
        mut kept: Kept,
        sent: Sent,
        message: &Message,
        host: &Host,
    ) -> Result<Verdict, Failure> {
        match self.ask(message, (&sent.numbers, order_key), false, host).await {
            Ok(Asked::Answered(heard)) => Ok(self.answered(kept, sent, heard, host).await),
            Ok(Asked::Unanswered(why)) => Ok(unanswered(&why)),
            Err(failure) => {
                // It may be given again. Where this is not stored, it is unknown then, and reversed in vain.
                let _ = kept.put(None, host).await;
                Err(failure)
            }
        }
    }

    /// What an answer comes to, and what is recorded of it.
    async fn answered(&self, mut kept: Kept, sent: Sent, heard: Heard, host: &Host) -> Verdict {
        let (told, sent_kind) = (verdict(&sent, &heard), sent.kind);
        let record = Record::Sent { sent: Sent { heard: Some(heard), ..sent }, reversal: None };
        match &told {
            // The order may come again, and must find that nothing moved: that has to be durable first.
            Verdict::Authenticate { .. } => match kept.put(Some(record), host).await {
                Ok(true) => told,
                Ok(false) | Err(_) => Verdict::Told(told.outcome()),
            },
            // What says nothing leaves the order as it was.
            Verdict::Told(outcome) if !outcome.is_final() => told,
            // Without its approval nothing can be captured: that has to outlive a crash.
            Verdict::Told(Outcome::Settled { .. })
                if sent_kind == OrderKind::Authorize && kept.put(Some(record.clone()), host).await.is_ok() =>
            {
                told
            }
            Verdict::Told(_) => {
                self.afterwards.keep(kept.name, kept.version, record, host).await;
                told
            }
        }
    }

    /// An advice: its message is sent under one set of numbers until it is answered.
    async fn advise(
        &self,
        order: &Order,
        about: &Sent,
        host: &Host,
        message: impl Fn(Mti, &Sent) -> Message,
    ) -> Result<Outcome, Failure> {
        let mti = request::mti(order.kind).ok_or_else(|| unsuited(order.kind))?;
        if let Err(declined) = request::check(order.amount) {
            return Ok(declined);
        }
        let (kept, sent, mti) = match self.found(order, false, host).await? {
            Found::Told(verdict) => return Ok(verdict.outcome()),
            Found::Open(kept, sent) => (kept, sent, mti.repeat()),
            Found::Vacant(mut kept) => {
                let trace = self.trace(host).await?;
                let sent = Sent {
                    kind: order.kind,
                    mti: mti.to_string(),
                    numbers: request::numbers_about(&about.numbers, &trace),
                    // What is let go of is let go of whole.
                    amount: if order.kind == OrderKind::Void { about.amount } else { order.amount },
                    has_evidence: false,
                    heard: None,
                };
                if !kept.put(Some(Record::Sent { sent: sent.clone(), reversal: None }), host).await? {
                    return Ok(Outcome::unknown("it is being sent by another call"));
                }
                (kept, sent, mti)
            }
        };
        let is_repeat = mti.repeat() == mti;
        let asked = self.ask(&message(mti, &sent), (&sent.numbers, &order.key), is_repeat, host).await?;
        Ok(match asked {
            Asked::Answered(heard) => self.answered(kept, sent, heard, host).await.outcome(),
            Asked::Unanswered(why) => unanswered(&why).outcome(),
        })
    }

    /// The message that this order is about, and what was answered to it.
    async fn original(&self, order: &Order, host: &Host) -> Result<Sent, Failure> {
        let refers_to = order.refers_to.as_deref().ok_or_else(not_authorized)?;
        let on_its_way = self.afterwards.record(&super::record::name(refers_to));
        let record = match on_its_way {
            Some(record) => Some(record),
            None => Kept::load(refers_to, host).await?.record,
        };
        match record {
            Some(Record::Sent { sent, .. }) => Ok(sent),
            Some(Record::Tombstone) | None => Err(not_authorized()),
        }
    }

    async fn found(&self, order: &Order, has_evidence: bool, host: &Host) -> Result<Found, Failure> {
        let mut kept = Kept::load(&order.key, host).await?;
        let on_its_way = self.afterwards.record(&kept.name);
        Ok(match on_its_way.or_else(|| kept.record.take()) {
            None => Found::Vacant(kept),
            Some(Record::Tombstone) => Found::Told(Verdict::Told(Outcome::Declined {
                code: "reversed".to_owned(),
                reason: "the order was taken back before it was sent".to_owned(),
                elsewhere: false,
            })),
            Some(Record::Sent { reversal: Some(_), .. }) => Found::Told(unanswered("it is being reversed")),
            Some(Record::Sent { sent, reversal: None }) => match &sent.heard {
                None => Found::Open(kept, sent),
                Some(heard) => match verdict(&sent, heard) {
                    Verdict::Authenticate { .. } if has_evidence && !sent.has_evidence => Found::Vacant(kept),
                    told => Found::Told(told),
                },
            },
        })
    }
}

fn unanswered(because: &str) -> Verdict {
    Verdict::Told(Outcome::unknown(because))
}

fn not_authorized() -> Failure {
    Failure::input("not_authorized", "the order that it refers to has no approval")
}

fn unsuited(kind: OrderKind) -> Failure {
    Failure::input("unsupported_order", format!("a card does not do this: {kind:?}"))
}
