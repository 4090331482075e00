//! What an order does with a token, and what afterwards is done with its number.

use sportello_iso8583::desk::{Desk, Evidence, Paying, Verdict};
use sportello_sdk::{Failure, Host, Level, Order, OrderKind, Outcome};

use crate::number::{self, Number};
use crate::wallet::{Agreed, FOR_THE_PAYER, Wallets};

/// The scheme of what is handed over, as the manifest declares it.
const SCHEME: &str = "token";

/// Carries out an order that charges a token: once its wallet is believed, and bound to this order for ever.
///
/// # Errors
/// When nothing was sent.
pub(crate) async fn charge(
    wallets: &Wallets,
    desk: &Desk,
    days: u32,
    order: &Order,
    host: &Host,
) -> Result<Outcome, Failure> {
    if order.debtor.account.scheme() != SCHEME {
        return Ok(Outcome::Declined {
            code: "no_token".to_owned(),
            reason: "only a wallet's token can be charged this way".to_owned(),
            elsewhere: true,
        });
    }
    // What was sent before is never judged again: the token may be gone, and too old by now.
    if let Some(verdict) = desk.recorded(order, host).await? {
        return Ok(end(verdict, order, host).await);
    }
    let instrument = match host.instrument(&order.debtor.account).await {
        // It has served: an order before this one was sent with it. Nothing was, under this key.
        Err(failure) if failure.code == "no_such_instrument" => return Ok(declined("token_gone", host)),
        found => found?,
    };
    if instrument.facts.payment.is_some_and(|payment| payment != order.payment) {
        return Ok(declined("another_payment", host));
    }
    let payment = order.payment.to_string();
    let judged = wallets.judge(&instrument.secret, instrument.facts.received_at_ms, &payment, order.amount);
    let (_, agreed) = match judged {
        Ok(judged) => judged,
        Err(why) => return Ok(declined(why.code(), host)),
    };
    let Some(paying) = paying(&agreed) else {
        return Ok(Outcome::Declined {
            code: "authentication_required".to_owned(),
            reason: "the payment needs to be confirmed with the card's bank".to_owned(),
            elsewhere: true,
        });
    };
    let Some(version) = bind(&agreed.seen, &order.key, host).await? else {
        return Ok(declined("replayed", host));
    };
    let submitted = async {
        Number::of(&agreed).keep(&order.key, days, host).await?;
        desk.submit(order, &paying, host).await
    };
    match submitted.await {
        Ok(verdict) => Ok(end(verdict, order, host).await),
        Err(failure) => {
            // Nothing was sent: the token stays, since the order may come again, or another in its place.
            number::forget(&order.key, host).await;
            release(&agreed.seen, version, host).await;
            Err(failure)
        }
    }
}

/// Gives money back to the number that was charged.
///
/// # Errors
/// When nothing was sent.
pub(crate) async fn refund(desk: &Desk, days: u32, order: &Order, host: &Host) -> Result<Outcome, Failure> {
    if let Some(verdict) = desk.recorded(order, host).await? {
        return Ok(verdict.outcome());
    }
    let number = Number::kept(refers_to(order)?, host).await?;
    let parts = number.as_ref().and_then(|number| Some((number.pan()?, number.expiry()?)));
    let (Some(number), Some((pan, expiry))) = (number, parts) else {
        return Err(Failure::input("number_gone", "the charge is too old: its number is not in the vault any more"));
    };
    // A refund in doubt is reversed, and that needs the number too.
    number.keep(&order.key, days, host).await?;
    let verdict = desk.submit(order, &Paying { pan, expiry, evidence: None, exemption: None }, host).await?;
    Ok(verdict.outcome())
}

/// Captures or voids an authorization, or reverses an order in doubt.
///
/// # Errors
/// As the desk has it.
pub(crate) async fn follow(desk: &Desk, days: u32, order: &Order, host: &Host) -> Result<Outcome, Failure> {
    let original = refers_to(order)?;
    let number = Number::kept(original, host).await?;
    let pan = number.as_ref().and_then(Number::pan);
    let outcome = match order.kind {
        OrderKind::Capture => {
            if let Some(number) = &number {
                // A refund may name the capture that it gives back.
                number.keep(&order.key, days, host).await?;
            }
            desk.capture(order, pan.as_ref(), host).await?
        }
        OrderKind::Void => desk.void(order, pan.as_ref(), host).await?,
        _ => {
            forget_token(order, host).await;
            desk.reverse(order, pan.as_ref(), host).await?
        }
    };
    let is_undone = matches!(order.kind, OrderKind::Void | OrderKind::Reverse);
    if is_undone && matches!(outcome, Outcome::Settled { .. }) && number.is_some() {
        number::forget(original, host).await;
    }
    Ok(outcome)
}

/// The order that this one is about.
fn refers_to(order: &Order) -> Result<&str, Failure> {
    let missing = || Failure::input("no_original", "the order names no other that it is about");
    order.refers_to.as_deref().ok_or_else(missing)
}

/// What is charged, if the wallet proves that its owner was there.
fn paying(agreed: &Agreed) -> Option<Paying> {
    let proof = agreed.proof.as_ref()?;
    let eci = proof.eci.map(crate::Eci::digits);
    Some(Paying {
        pan: Number::of(agreed).pan()?,
        expiry: Number::of(agreed).expiry()?,
        evidence: Some(Evidence::new(eci.as_deref(), Some(proof.cryptogram.reveal()), None)?),
        exemption: None,
    })
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

/// What was told, once what is not needed any more is destroyed: the token, with its cryptogram, in any case; and the number
/// where nothing was charged.
async fn end(verdict: Verdict, order: &Order, host: &Host) -> Outcome {
    let outcome = verdict.outcome();
    forget_token(order, host).await;
    if matches!(outcome, Outcome::Declined { .. }) {
        number::forget(&order.key, host).await;
    }
    outcome
}

async fn forget_token(order: &Order, host: &Host) {
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
