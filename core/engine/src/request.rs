//! Payments that are asked for through the API, and outcomes that rails report by themselves.

use std::sync::Arc;

use sportello_model::command::Visibility;
use sportello_model::grammar::Language;
use sportello_model::payment::{CancelledBy, Event, Evidence, Refusal, Side};
use sportello_model::{Handle, Intent, IntentKind, Money, Origin, Payment, PaymentId, Report};
use sportello_sdk::Failure;
use tokio::sync::oneshot;

use crate::engine::{Batch, ChangeError, Engine};
use crate::job::Due;
use crate::live::Live;
use crate::store::{Key, StoreError, Write};

/// A payment that is asked for through the API.
#[derive(Debug, Clone)]
pub struct Request {
    /// Who asks: the API key's name.
    pub caller: String,
    /// The caller's `Idempotency-Key`.
    pub idempotency_key: String,
    /// A hash of all that must be equal for a repeat to be the same request.
    pub fingerprint: Vec<u8>,
    /// Whose money.
    pub payer: Handle,
    /// For whom.
    pub payee: Handle,
    /// How much.
    pub amount: Money,
    /// What for.
    pub memo: Option<String>,
    /// Who may see it.
    pub visibility: Visibility,
    /// Whether the caller vouches that the payer agreed. Whether they may is for the one who calls this to check.
    pub confirmed: bool,
}

/// What came of a request.
#[derive(Debug)]
pub struct Created {
    live: Arc<Live>,
    /// Whether the same request had been made before, and this is what came of it then.
    pub replayed: bool,
}

impl Created {
    /// The payment's id.
    pub fn id(&self) -> PaymentId {
        self.live.id
    }

    /// The payment as it is now.
    pub async fn payment(&self) -> Payment {
        self.live.now.lock().await.payment.clone()
    }

    /// Returns when the payment is terminal.
    pub async fn ended(&self) {
        self.live.ended().await;
    }
}

/// Why a request came to nothing. The order is that in which they are checked.
#[derive(Debug, thiserror::Error)]
pub enum NotCreated {
    /// Nothing new is taken.
    #[error("the gateway is about to stop")]
    Draining,
    /// Nothing is no payment.
    #[error("the amount is zero")]
    ZeroAmount,
    /// Nobody is known under this handle.
    #[error("nobody is known as {0}")]
    UnknownPayer(Handle),
    /// Nobody is known under this handle.
    #[error("nobody is known as {0}")]
    UnknownPayee(Handle),
    /// Payer and payee are one.
    #[error("payer and payee are the same")]
    Yourself,
    /// The idempotency key was used for another request.
    #[error("this idempotency key was used for another request")]
    KeyReused,
    /// It is not durable.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Engine {
    /// Makes a payment, durably, and sets it off.
    ///
    /// # Errors
    /// As [`NotCreated`] has it; then no payment was made.
    pub async fn create(&self, request: Request) -> Result<Created, NotCreated> {
        self.latest().make(request).await
    }

    async fn make(&self, request: Request) -> Result<Created, NotCreated> {
        let busy = self.enter().ok_or(NotCreated::Draining)?;
        if request.amount.is_zero() {
            return Err(NotCreated::ZeroAmount);
        }
        let payer = self.person(&request.payer, Side::Payer, None, Language::default()).await?;
        let payer = payer.ok_or_else(|| NotCreated::UnknownPayer(request.payer.clone()))?;
        let payee = self.person(&request.payee, Side::Payee, None, Language::default()).await?;
        let payee = payee.ok_or_else(|| NotCreated::UnknownPayee(request.payee.clone()))?;
        if self.are_one(&payer, &payee) {
            return Err(NotCreated::Yourself);
        }
        let by = Handle::new("key", &request.caller).unwrap_or_else(|_| payer.handle.clone());
        let origin = Origin { source: "api".into(), by, message: None, first: None, public: false };
        let Request { amount, memo, visibility, .. } = request;
        let intent = Intent { kind: IntentKind::Pay, payer, payee, amount, memo, visibility, origin };
        if self.missing(&intent).is_none() {
            let is_payers = intent.payer.account.is_none();
            return Err(match is_payers {
                true => NotCreated::UnknownPayer(request.payer),
                false => NotCreated::UnknownPayee(request.payee),
            });
        }
        let evidence = request.confirmed.then(|| Evidence::Attested { key: request.caller.clone() });

        let id = self.new_id();
        let key = Key {
            scope: format!("api:{}", request.caller),
            key: request.idempotency_key,
            payment: id,
            fingerprint: request.fingerprint.clone(),
        };
        let write = Write { keys: vec![key], ..Write::default() };
        // A caller may hang up once the payment is durable: it goes on all the same.
        let engine = self.clone();
        let (tell, told) = oneshot::channel();
        busy.spawn(async move {
            let (begun, due) = match engine.begin(id, intent, evidence, None, write.into()).await {
                Ok((live, due)) => (Ok(live), due),
                Err(error) => (Err(error), Vec::new()),
            };
            let _ = tell.send(begun);
            engine.work(due).await;
        });
        match told.await.map_err(|_| StoreError::Closed)? {
            Ok(live) => Ok(Created { live, replayed: false }),
            Err(StoreError::Seen { payment, fingerprint }) if fingerprint == request.fingerprint => {
                let live = self.live(payment).await?.ok_or(StoreError::Stale)?;
                Ok(Created { live, replayed: true })
            }
            Err(StoreError::Seen { .. }) => Err(NotCreated::KeyReused),
            Err(error) => Err(error.into()),
        }
    }

    /// Makes a payment together with whatever `batch` holds: at once where there is evidence that the payer agreed, else
    /// with a challenge; and before that with the question for the account that somebody lacks. The challenge asks whether it is wanted again where the same was asked for so long before. Answers what
    /// is to be done next.
    pub(crate) async fn begin(
        &self,
        id: PaymentId,
        intent: Intent,
        evidence: Option<Evidence>,
        again_after_ms: Option<u64>,
        mut batch: Batch<'_>,
    ) -> Result<(Arc<Live>, Vec<Due>), StoreError> {
        let now_ms = self.now_ms();
        let payment = Payment::received(id, intent, now_ms);
        let received = Event::Received { intent: payment.intent.clone() };
        let mut events = vec![received];
        match self.missing(&payment.intent).unwrap_or_default() {
            missing if missing.is_empty() => events.extend(self.onward(&payment, evidence, again_after_ms).await?),
            missing => {
                let expires_at_ms = now_ms.saturating_add(self.1.setup.policy.enrolment_lifetime_ms);
                events.push(Event::Enrolling { missing, expires_at_ms, evidence, again_after_ms });
            }
        }
        let live = Live::new(payment, [0; 32]);
        let mut now = live.now.lock().await;
        let prepared = match self.prepare(&now, &events) {
            Ok(prepared) => prepared,
            Err(ChangeError::Store(error)) => return Err(error),
            Err(ChangeError::Refused(refusal)) => return Err(StoreError::Failed(refusal.to_string())),
        };
        // Before it is durable: whoever learns of it from the store finds this one, and waits for it.
        self.0.lives.keep(live.clone(), &now.payment);
        batch.changes.push((&live, &mut now, prepared));
        let committed = self.commit(batch).await;
        drop(now);
        match committed {
            Ok(due) => Ok((live, due)),
            Err(error) => {
                self.0.lives.let_go(id);
                Err(error)
            }
        }
    }

    /// A challenge whose code is like none of those that the payer may answer now, by whatever handle they were asked.
    pub(crate) async fn challenge(
        &self,
        payment: &Payment,
        again_after_ms: Option<u64>,
        now_ms: u64,
    ) -> Result<Event, StoreError> {
        let (policy, key) = (&self.1.setup.policy, &self.0.code_key);
        let payer = &payment.intent.payer.handle;
        let (handles, proofs) = (self.1.directory.handles(payer), self.proof_codes(payer).await?);
        let is_taken = |code: &String| proofs.contains(code) || self.0.lives.has_code(&handles, code);
        let number = (1..100).find(|number| !is_taken(&key.code(payment, *number))).unwrap_or(1);
        let expires_at_ms = now_ms.saturating_add(policy.code_lifetime_ms);
        Ok(Event::Challenged { number, tries: policy.code_tries, expires_at_ms, again_after_ms })
    }

    /// Calls a payment off for the owner of an API key.
    ///
    /// # Errors
    /// It can no longer be called off, or that is not durable.
    pub async fn cancel(&self, id: PaymentId) -> Result<Option<Payment>, ChangeError> {
        let Some(live) = self.live(id).await? else { return Ok(None) };
        let engine = self.latest();
        self.to_the_end(async move {
            let mut now = live.now.lock().await;
            let due = engine.change(&live, &mut now, &[Event::Cancelled { by: CancelledBy::Api }], None).await?;
            engine.set_off(due);
            Ok(Some(now.payment.clone()))
        })
        .await?
    }

    /// Takes an outcome that a rail reports by itself. It is durable when this returns.
    ///
    /// # Errors
    /// The order is not one that this rail was given; or it is not durable: let the rail report again.
    pub async fn report(&self, rail: &str, report: Report) -> Result<(), Failure> {
        let (engine, rail) = (self.latest(), rail.to_owned());
        self.to_the_end(async move { engine.take_report(&rail, report).await }).await.map_err(not_durable)?
    }

    async fn take_report(&self, rail: &str, report: Report) -> Result<(), Failure> {
        let unknown = || Failure::input("unknown_order", "this rail was given no such order");
        let id = report.key.split_once(['-', 'r']).and_then(|(id, _)| id.parse().ok()).ok_or_else(unknown)?;
        let live = self.live(id).await.map_err(not_durable)?.ok_or_else(unknown)?;
        let mut now = live.now.lock().await;
        let (of_order, of_reversal) =
            (now.payment.attempt_of_key(&report.key), now.payment.attempt_of_reversal(&report.key));
        let attempt = of_order.or(of_reversal).filter(|a| *a.rail == *rail).ok_or_else(unknown)?.number;
        let outcome = report.outcome.clipped();
        let event = match of_reversal {
            Some(_) => Event::ReversalAnswered { attempt, outcome },
            None => Event::Answered { attempt, asked: false, outcome },
        };
        match self.change(&live, &mut now, &[event], None).await {
            Ok(due) => {
                self.set_off(due);
                Ok(())
            }
            Err(ChangeError::Refused(Refusal::NothingNew)) => Ok(()),
            Err(ChangeError::Refused(refusal)) => Err(Failure::input("refused", refusal.to_string())),
            Err(ChangeError::Store(error)) => Err(not_durable(error)),
        }
    }

    /// The payment of this id, as it is now.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn payment(&self, id: PaymentId) -> Result<Option<Payment>, StoreError> {
        match self.live(id).await? {
            Some(live) => Ok(Some(live.now.lock().await.payment.clone())),
            None => Ok(None),
        }
    }
}

/// The store failed: whoever handed something in must do so again.
pub(crate) fn not_durable(error: StoreError) -> Failure {
    Failure::new(sportello_sdk::Source::Host, "not_durable", error.to_string()).retry_after(1_000)
}
