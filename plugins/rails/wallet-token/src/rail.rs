//! What an order does with a token, and what afterwards is done with its number.

use sportello_iso8583::desk::{Evidence, Paying, Verdict};
use sportello_sdk::{Failure, Host, Level, Order, OrderKind, Outcome, Source};

use crate::WalletToken;
use crate::number::{self, Number};
use crate::wallet::{Agreed, FOR_THE_PAYER, Proof, Refusal};

/// The scheme of what is handed over, as the manifest declares it.
const SCHEME: &str = "token";

impl WalletToken {
    /// Carries out an order that charges a token: once its wallet is believed, and bound to this order for ever.
    ///
    /// # Errors
    /// When nothing was sent.
    pub(crate) async fn charge_token(&self, order: &Order, host: &Host) -> Result<Outcome, Failure> {
        if order.debtor.account.scheme() != SCHEME {
            return Ok(Outcome::Declined {
                code: "no_token".to_owned(),
                reason: "only a wallet's token can be charged this way".to_owned(),
                elsewhere: true,
            });
        }
        // What was sent before is never judged again: the token may be gone, and too old by now. A soft decline is the
        // exception, while its token is there: the payer of a bare number can be authenticated.
        let softly = match self.desk.recorded(order, host).await? {
            Some(Verdict::Authenticate { code, reason }) if self.three_ds.is_some() => {
                Some(Outcome::Declined { code, reason, elsewhere: true })
            }
            Some(verdict) => return Ok(end(verdict.outcome(), order, host).await),
            None => None,
        };
        let agreed = match (self.agreed(order, host).await?, softly) {
            (Ok(agreed), None) => agreed,
            (Ok(agreed), Some(_)) if agreed.proof.is_none() => agreed,
            (_, Some(declined)) => return Ok(end(declined, order, host).await),
            (Err(why), None) => return Ok(declined(why, host)),
        };
        let evidence = agreed.proof.as_ref().map(in_message);
        if matches!((&evidence, &self.three_ds), (Some(None), _) | (None, None)) {
            return Ok(Outcome::Declined {
                code: "authentication_required".to_owned(),
                reason: "the payment needs to be confirmed with the card's bank".to_owned(),
                elsewhere: true,
            });
        }
        let Some(version) = bind(&agreed.seen, &order.key, host).await? else {
            return Ok(declined("replayed", host));
        };
        let submitted = match (evidence, &self.three_ds) {
            (None, Some(three_ds)) => three_ds.submit(order, self, host).await,
            (evidence, _) => match paying(&agreed, evidence.flatten()) {
                Ok(paying) => self.send(&Number::of(&agreed), order, &paying, host).await.map(Verdict::outcome),
                Err(failure) => Err(failure),
            },
        };
        match submitted {
            Ok(outcome) => Ok(end(outcome, order, host).await),
            Err(failure) => {
                // Nothing was sent: the token stays, since the order may come again, or another in its place.
                release(&agreed.seen, version, host).await;
                Err(failure)
            }
        }
    }

    /// What the payer of an order agreed to; or why their token is not taken.
    ///
    /// # Errors
    /// When the vault cannot be asked.
    pub(crate) async fn agreed(&self, order: &Order, host: &Host) -> Result<Result<Agreed, &'static str>, Failure> {
        let instrument = match host.instrument(&order.debtor.account).await {
            // It has served: an order before this one was sent with it. Nothing was, under this key.
            Err(failure) if failure.code == "no_such_instrument" => return Ok(Err("token_gone")),
            found => found?,
        };
        if instrument.facts.payment.is_some_and(|payment| payment != order.payment) {
            return Ok(Err("another_payment"));
        }
        let (payment, received_ms) = (order.payment.to_string(), instrument.facts.received_at_ms);
        let judged = self.wallets.judge(&instrument.secret, received_ms, &payment, order.amount);
        Ok(judged.map(|(_, agreed)| agreed).map_err(Refusal::code))
    }

    /// Sends an order, once its number is in the vault, by which it can be reversed.
    ///
    /// # Errors
    /// When nothing was sent: then no number is kept for it.
    pub(crate) async fn send(
        &self,
        number: &Number,
        order: &Order,
        paying: &Paying,
        host: &Host,
    ) -> Result<Verdict, Failure> {
        let submitted = async {
            number.keep(&order.key, self.days(), host).await?;
            self.desk.submit(order, paying, host).await
        };
        let submitted = submitted.await;
        if submitted.is_err() {
            number::forget(&order.key, host).await;
        }
        submitted
    }

    /// Gives money back to the number that was charged.
    ///
    /// # Errors
    /// When nothing was sent.
    pub(crate) async fn refund(&self, order: &Order, host: &Host) -> Result<Outcome, Failure> {
        if let Some(verdict) = self.desk.recorded(order, host).await? {
            return Ok(verdict.outcome());
        }
        let number = Number::kept(refers_to(order)?, host).await?;
        let parts = number.as_ref().and_then(|number| Some((number.pan()?, number.expiry()?)));
        let (Some(number), Some((pan, expiry))) = (number, parts) else {
            return Err(Failure::input(
                "number_gone",
                "the charge is too old: its number is not in the vault any more",
            ));
        };
        // A refund in doubt is reversed, and that needs the number too.
        number.keep(&order.key, self.days(), host).await?;
        let paying = Paying { pan, expiry, evidence: None, exemption: None };
        Ok(self.desk.submit(order, &paying, host).await?.outcome())
    }

    /// Captures or voids an authorization, or reverses an order in doubt.
    ///
    /// # Errors
    /// As the desk has it.
    pub(crate) async fn follow(&self, order: &Order, host: &Host) -> Result<Outcome, Failure> {
        let original = refers_to(order)?;
        let number = Number::kept(original, host).await?;
        let pan = number.as_ref().and_then(Number::pan);
        let outcome = match order.kind {
            OrderKind::Capture => {
                if let Some(number) = &number {
                    // A refund may name the capture that it gives back.
                    number.keep(&order.key, self.days(), host).await?;
                }
                self.desk.capture(order, pan.as_ref(), host).await?
            }
            OrderKind::Void => self.desk.void(order, pan.as_ref(), host).await?,
            _ => {
                forget_token(order, host).await;
                self.desk.reverse(order, pan.as_ref(), host).await?
            }
        };
        let is_undone = matches!(order.kind, OrderKind::Void | OrderKind::Reverse);
        if is_undone && matches!(outcome, Outcome::Settled { .. }) && number.is_some() {
            number::forget(original, host).await;
        }
        Ok(outcome)
    }

    /// For how many days a number is kept.
    fn days(&self) -> u32 {
        self.counter.settings.refundable_days
    }
}

/// The order that this one is about.
fn refers_to(order: &Order) -> Result<&str, Failure> {
    let missing = || Failure::input("no_original", "the order names no other that it is about");
    order.refers_to.as_deref().ok_or_else(missing)
}

/// What is charged.
pub(crate) fn paying(agreed: &Agreed, evidence: Option<Evidence>) -> Result<Paying, Failure> {
    let number = Number::of(agreed);
    let (Some(pan), Some(expiry)) = (number.pan(), number.expiry()) else {
        return Err(Failure::new(Source::Plugin, "bad_number", "what the wallet gave is no card's number"));
    };
    Ok(Paying { pan, expiry, evidence, exemption: None })
}

/// The wallet's proof that its owner was there, as a message has it; nothing where it fits in none.
fn in_message(proof: &Proof) -> Option<Evidence> {
    let eci = proof.eci.map(crate::Eci::digits);
    Evidence::new(eci.as_deref(), Some(proof.cryptogram.reveal()), None)
}

/// Binds a token to an order, durably: the same order may come with it again, and no other, unless it is released. Under
/// which version it is this order's; nothing where it is another's.
async fn bind(seen: &str, key: &str, host: &Host) -> Result<Option<u64>, Failure> {
    let first = host.save(seen, 0, key.to_owned()).await?;
    if first.stored {
        return Ok(Some(first.version));
    }
    let (version, bound) = host.load(seen).await?;
    if !bound.is_empty() {
        return Ok((bound == key.as_bytes()).then_some(version));
    }
    let again = host.save(seen, version, key.to_owned()).await?;
    Ok(again.stored.then_some(again.version))
}

/// Lets go of a token with which nothing was sent. Where that fails, it stays that order's.
async fn release(seen: &str, version: u64, host: &Host) {
    if let Err(failure) = host.save(seen, version, String::new()).await {
        host.log(Level::Warn, format!("a token with which nothing was sent stays its order's: {failure}"));
    }
}

/// What was told, once what is not needed any more is destroyed: the token, with its cryptogram, unless its payer is to act
/// first; and the number where nothing was charged.
async fn end(outcome: Outcome, order: &Order, host: &Host) -> Outcome {
    if matches!(outcome, Outcome::ActionRequired { .. }) {
        return outcome;
    }
    forget_token(order, host).await;
    if matches!(outcome, Outcome::Declined { .. }) {
        number::forget(&order.key, host).await;
    }
    outcome
}

pub(crate) async fn forget_token(order: &Order, host: &Host) {
    if order.debtor.account.scheme() != SCHEME {
        return;
    }
    if let Err(failure) = host.vault_remove(&order.debtor.account.to_string()).await {
        host.log(Level::Warn, format!("a token that has served stays in the vault until its end: {failure}"));
    }
}

/// A token that is not taken: why, for the operator; that it is not, for the payer.
fn declined(code: &str, host: &Host) -> Outcome {
    host.log(Level::Info, format!("a token was not taken: {code}"));
    Outcome::Declined { code: code.to_owned(), reason: FOR_THE_PAYER.to_owned(), elsewhere: false }
}
