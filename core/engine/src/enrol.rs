//! People who have nothing to pay with, or no account to be paid on: each is asked in private, by a link to a page of ours.
//!
//! The link names a payment, one of its two people and its end, under an HMAC: nobody makes one up, it is good for that
//! alone, and only once, since a payment takes one account for a side. What was given is kept for the handle, so that the
//! next payment asks for nothing.

mod kept;
mod link;
mod people;
mod ways;

use sportello_model::payment::{Enrolling, Event, Evidence, Side, State};
use sportello_model::{Handle, Money, Order, Payment, PaymentId};
use sportello_sdk::HandOver;

use crate::engine::{Batch, ChangeError, Engine};
use crate::store::{StoreError, Write};

pub use ways::EnrolmentWay;

/// How often an account is taken while others change what it changes.
const TAKES_MAX: u32 = 16;

/// What a link is about, for as long as it can be used.
#[derive(Debug, Clone)]
pub struct Enrolment {
    /// The payment.
    pub payment: PaymentId,
    /// Who is asked for an account.
    pub side: Side,
    /// The handle whose link it is.
    pub person: Handle,
    /// How much the payment is over.
    pub amount: Money,
    /// The other side's name.
    pub other: String,
    /// The language to speak, as `en`.
    pub language: Box<str>,
    /// How an account can be given: never none.
    pub ways: Vec<EnrolmentWay>,
    /// When the link ends, in milliseconds since 1970.
    pub expires_at_ms: u64,
}

/// Why a link is good for nothing. The order is that in which they are checked.
#[derive(Debug, thiserror::Error)]
pub enum EnrolmentError {
    /// It was not made here.
    #[error("there is no such link")]
    Unknown,
    /// This side has given an account.
    #[error("the link has been used")]
    Used,
    /// Its time is over.
    #[error("the link has expired")]
    Expired,
    /// The payment waits for no account any more.
    #[error("the payment was called off")]
    Over,
    /// No rail takes this account for this payment, or it is the other side's own.
    #[error("this payment does not take that account")]
    NotAccepted,
    /// It is not durable.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Engine {
    /// What a link is about.
    ///
    /// # Errors
    /// As [`EnrolmentError`] has it.
    pub async fn enrolment(&self, token: &str) -> Result<Enrolment, EnrolmentError> {
        self.latest().enrolment_of(token).await
    }

    async fn enrolment_of(&self, token: &str) -> Result<Enrolment, EnrolmentError> {
        let link = self.read_link(token).ok_or(EnrolmentError::Unknown)?;
        let payment = self.payment(link.payment).await?.ok_or(EnrolmentError::Unknown)?;
        let expires_at_ms = self.open_enrolment(&payment, &link)?.expires_at_ms;
        let intent = &payment.intent;
        let (person, other) = match link.side {
            Side::Payer => (&intent.payer, &intent.payee),
            Side::Payee => (&intent.payee, &intent.payer),
        };
        Ok(Enrolment {
            payment: payment.id,
            side: link.side,
            person: person.handle.clone(),
            amount: intent.amount,
            other: other.name.clone(),
            language: person.language.clone(),
            ways: self.enrolment_ways(intent, link.side),
            expires_at_ms,
        })
    }

    /// Takes the account that the holder of a link gives, durably, and goes on with the payment once nothing is missing.
    /// `label` is how a person recognises the account: never more than its last four digits. `keep` keeps it for this
    /// person's later payments, which what a rail's own page was handed is never good for.
    ///
    /// # Errors
    /// As [`EnrolmentError`] has it; then nothing was taken.
    pub async fn enrol(&self, token: &str, account: Handle, label: String, keep: bool) -> Result<(), EnrolmentError> {
        let (engine, token) = (self.latest(), token.to_owned());
        self.to_the_end(async move { engine.take_account(&token, account, label, keep).await }).await?
    }

    async fn take_account(
        &self,
        token: &str,
        account: Handle,
        label: String,
        keep: bool,
    ) -> Result<(), EnrolmentError> {
        let link = self.read_link(token).ok_or(EnrolmentError::Unknown)?;
        let side = link.side;
        let live = self.live(link.payment).await?.ok_or(EnrolmentError::Unknown)?;
        for _ in 0..TAKES_MAX {
            let mut now = live.now.lock().await;
            let open = self.open_enrolment(&now.payment, &link)?.clone();
            let mut after = (*now.payment.intent).clone();
            let way = self.way_of(&after, side, &account).ok_or(EnrolmentError::NotAccepted)?;
            after.enrolled(side, account.clone());
            if after.payer.account == after.payee.account {
                return Err(EnrolmentError::NotAccepted);
            }
            let mut events = vec![Event::Enrolled { side, account: account.clone(), label: label.clone() }];
            if open.missing == [side] {
                let evidence = open.evidence.filter(|_| side == Side::Payee);
                let payment = Payment { intent: after.clone().into(), ..now.payment.clone() };
                events.extend(self.onward(&payment, evidence, open.again_after_ms).await?);
            }
            let is_kept = keep && !matches!(way, EnrolmentWay::HandOver { hand_over: HandOver::Page { .. }, .. });
            let kept = match is_kept {
                true => self.to_keep(after.person(side), side, &account, &label).await?,
                false => None,
            };
            let batch = || Batch::from(Write { links: kept.iter().cloned().collect(), ..Write::default() });
            match self.change_with(&live, &mut now, &events, batch).await {
                Ok(due) => {
                    drop(now);
                    self.set_off(due);
                    return Ok(());
                }
                Err(ChangeError::Store(StoreError::Stale)) => {}
                Err(ChangeError::Store(error)) => return Err(error.into()),
                Err(ChangeError::Refused(_)) => return Err(EnrolmentError::Over),
            }
        }
        Err(StoreError::Stale.into())
    }

    /// What follows once nothing is missing: at once where there is evidence that the payer agreed, else a challenge.
    pub(crate) async fn onward(
        &self,
        payment: &Payment,
        evidence: Option<Evidence>,
        again_after_ms: Option<u64>,
    ) -> Result<Vec<Event>, StoreError> {
        Ok(match evidence {
            Some(evidence) => vec![Event::Confirmed { evidence }, self.route(&payment.intent)],
            None => vec![self.challenge(payment, again_after_ms, self.now_ms()).await?],
        })
    }

    /// The wait for an account that a link is about, if it goes on.
    fn open_enrolment<'a>(&self, payment: &'a Payment, link: &link::Link) -> Result<&'a Enrolling, EnrolmentError> {
        let made_for = |enrolling: &&Enrolling| enrolling.expires_at_ms == link.expires_at_ms;
        let enrolling = payment.enrolment.as_ref().filter(made_for).ok_or(EnrolmentError::Unknown)?;
        if !enrolling.missing.contains(&link.side) {
            return Err(EnrolmentError::Used);
        }
        if payment.state == State::Expired || self.now_ms() >= enrolling.expires_at_ms {
            return Err(EnrolmentError::Expired);
        }
        if payment.state != State::AwaitingEnrolment {
            return Err(EnrolmentError::Over);
        }
        Ok(enrolling)
    }

    /// The order with this key, and the instance of its rail, while its payer has to act; else nothing.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn order_of(&self, key: &str) -> Result<Option<(String, Order)>, StoreError> {
        let Some(id) = key.split_once('-').and_then(|(id, _)| id.parse().ok()) else { return Ok(None) };
        let Some(payment) = self.payment(id).await? else { return Ok(None) };
        let attempt = payment.attempt_of_key(key);
        let attempt = attempt.filter(|a| a.state == sportello_model::payment::AttemptState::ActionRequired);
        Ok(attempt.and_then(|attempt| Some((attempt.rail.to_string(), payment.order(attempt)?))))
    }
}
