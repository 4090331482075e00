//! Carries an order out once, and finds out what became of it.

use sportello_sdk::{Failure, Finality, Host, HttpResponse, Inquiry, Level, Order, Outcome};

use crate::pain001;
use crate::psd2::{Answer, Bank, Created, NextStep, Posted};
use crate::reason::reason;
use crate::record::{Kept, Page, Record, posted_at_ms_max};
use crate::search::{Finding, Search};
use crate::status::{Meaning, status};
use crate::transfer::Transfer;
use crate::verdict::{Said, outcome};

/// After how many questions about a payment that the bank calls under way the account is read as well: at many banks the
/// last status is ACSP, and the debit shows in the transactions alone.
const ASKED_BEFORE_ACCOUNT: u32 = 3;

/// Submits `order`: posts it, or asks about it where it may have been posted before.
///
/// # Errors
/// Only where this call is the first for the order, so that the host's knowledge of whether a byte left in it is the whole
/// truth. A later call has nothing to say with an error: it answers `Unknown`.
pub(crate) async fn submit(bank: &Bank, order: &Order, host: &Host) -> Result<Outcome, Failure> {
    let kept = match Kept::load(host, order, bank.settings().product).await {
        Ok(kept) => kept,
        Err(failure) => {
            return Ok(Outcome::unknown(format!("whether it was posted before cannot be read: {failure}")));
        }
    };
    if kept.record.is_some() || host.now_ms() > posted_at_ms_max(order) {
        return Ok(ask_again(bank, order, kept, host).await);
    }
    let transfer = match Transfer::of(order) {
        Ok(transfer) => transfer,
        Err(declined) => return decline_unsent(bank, order, kept, declined, host).await,
    };
    post(bank, order, &transfer, kept, host).await
}

/// Finds out what became of an order.
///
/// # Errors
/// When the bank or the store gave no answer at all: the order stays as it was.
pub(crate) async fn inquire(bank: &Bank, inquiry: &Inquiry, host: &Host) -> Result<Outcome, Failure> {
    let order = &inquiry.order;
    let kept = Kept::load(host, order, bank.settings().product).await?;
    find_out(bank, order, inquiry.reference.as_deref(), inquiry.asked, kept, host).await
}

async fn ask_again(bank: &Bank, order: &Order, kept: Kept, host: &Host) -> Outcome {
    find_out(bank, order, None, 0, kept, host)
        .await
        .unwrap_or_else(|failure| Outcome::unknown(format!("it may have been posted before; asking failed: {failure}")))
}

/// Declines what was never sent, and makes sure that it never will be.
async fn decline_unsent(
    bank: &Bank,
    order: &Order,
    mut kept: Kept,
    declined: Outcome,
    host: &Host,
) -> Result<Outcome, Failure> {
    let mut record = Record::new(host.now_ms(), bank.settings().product);
    record.end = Some(declined.clone());
    if kept.put(host, Some(record)).await? {
        return Ok(declined);
    }
    Ok(Outcome::unknown(format!("{} is being submitted elsewhere", order.key)))
}

async fn post(
    bank: &Bank,
    order: &Order,
    transfer: &Transfer,
    mut kept: Kept,
    host: &Host,
) -> Result<Outcome, Failure> {
    let settings = bank.settings();
    let now_ms = host.now_ms();
    let document = pain001::write(transfer, settings.product, settings.bic.as_deref(), now_ms)
        .map_err(|e| Failure::new(sportello_sdk::Source::Plugin, "not_written", e.to_string()))?;
    let request = bank.order(document, host).await?;
    // The point of no return: whoever finds this record asks, and never posts.
    if !kept.put(host, Some(Record::new(now_ms, settings.product))).await? {
        return Ok(Outcome::unknown("the order is being submitted by another call"));
    }
    match host.http(request).await {
        Ok(response) => posted(bank, order, kept, &response, host).await,
        Err(failure) => {
            // The host refuses such a request before it opens a connection, so that the order can still be posted. Of all
            // other failures it alone knows whether a byte left.
            if failure.code == "not_granted" {
                let _ = kept.put(host, None).await;
            }
            Err(failure)
        }
    }
}

async fn posted(
    bank: &Bank,
    order: &Order,
    mut kept: Kept,
    response: &HttpResponse,
    host: &Host,
) -> Result<Outcome, Failure> {
    let created = match bank.posted(response) {
        Posted::Created(created) => created,
        Posted::Refused(refusal) => {
            host.log(Level::Warn, format!("{}: refused with {} ({})", order.key, refusal.status, refusal.code));
            let declined = Outcome::Declined {
                code: refusal.code.to_owned(),
                reason: refusal.sentence.to_owned(),
                // It speaks of this bank and this access, and of no account.
                elsewhere: true,
            };
            return Ok(close(&mut kept, declined, host).await);
        }
        Posted::Unclear(because) => return Ok(Outcome::unknown(because)),
    };
    let Created { payment_id, said, page } = created;
    let mut record = Record::new(host.now_ms(), bank.settings().product);
    if let Some(before) = &kept.record {
        record.at_ms = before.at_ms;
    }
    record.payment_id = payment_id.clone();
    if let NextStep::Open(url) = &page {
        let until_ms = host.now_ms() + u64::from(bank.settings().authorisation_minutes) * 60_000;
        record.page = Some(Page { url: url.clone(), until_ms });
    }
    keep(&mut kept, record, host).await;
    if let NextStep::Elsewhere(what) = page {
        host.log(Level::Warn, format!("{}: {what}", order.key));
    }
    let said = match payment_id.as_deref() {
        Some(id) if wants_explanation(&said) => explain(bank, order, id, said, host).await,
        _ => said,
    };
    Ok(conclude(bank, order, &mut kept, &said, payment_id, host).await)
}

/// Whether the bank rejected the order with no reason that is known: its JSON has no place for one, its pain.002 does.
fn wants_explanation(said: &Said) -> bool {
    is_rejected(said) && !said.reasons.iter().any(|code| reason(code).is_some())
}

fn is_rejected(said: &Said) -> bool {
    status(&said.status).is_some_and(|row| row.meaning == Meaning::Rejected)
}

/// The same with its reason, where the bank has one to give. What contradicts it takes its place, and makes it unknown.
async fn explain(bank: &Bank, order: &Order, payment_id: &str, said: Said, host: &Host) -> Said {
    let product = bank.settings().product;
    match bank.status(payment_id, product, &order.key, host).await {
        Ok(Answer::Told(more)) if more.status == said.status => more,
        Ok(Answer::Told(more)) => Said { status: format!("{}-then-{}", said.status, more.status), ..more },
        _ => said,
    }
}

/// From a status to the outcome, with what the record knows of the payer's authorisation.
async fn conclude(
    bank: &Bank,
    order: &Order,
    kept: &mut Kept,
    said: &Said,
    reference: Option<String>,
    host: &Host,
) -> Outcome {
    let is_received = status(&said.status).is_some_and(|row| row.meaning == Meaning::Received);
    let page = kept.record.as_ref().and_then(|record| record.page.clone());
    match page {
        // Past its end the bank will reject the payment (NextGenPSD2 1.3.11, status response): until then it is pending.
        Some(page) if is_received && host.now_ms() < page.until_ms => {
            Outcome::ActionRequired { url: page.url, until_ms: Some(page.until_ms), reference }
        }
        _ => {
            let outcome = outcome(said, order, reference, bank.settings().product.ask_after_ms());
            close(kept, outcome, host).await
        }
    }
}

async fn find_out(
    bank: &Bank,
    order: &Order,
    reference: Option<&str>,
    asked: u32,
    mut kept: Kept,
    host: &Host,
) -> Result<Outcome, Failure> {
    if let Some(end) = kept.record.as_ref().and_then(|record| record.end.clone()) {
        return Ok(end);
    }
    let known = kept.record.as_ref().and_then(|record| record.payment_id.clone());
    let product = kept.record.as_ref().map_or(bank.settings().product, |record| record.product);
    let Some(payment_id) = known.or_else(|| reference.map(str::to_owned)) else {
        return look_for(bank, order, None, kept, host).await;
    };
    let because = match bank.status(&payment_id, product, &order.key, host).await? {
        Answer::Told(said) => {
            let outcome = conclude(bank, order, &mut kept, &said, Some(payment_id.clone()), host).await;
            match &outcome {
                // Rejected, for a reason that leaves a doubt: the account ends it, either way.
                Outcome::Unknown { because } if is_rejected(&said) => {
                    return Ok(match look_for(bank, order, Some(payment_id), kept, host).await {
                        Ok(Outcome::Unknown { because: shown }) => Outcome::unknown(format!("{because}; {shown}")),
                        Ok(ended) => ended,
                        Err(_) => outcome,
                    });
                }
                Outcome::Unknown { because } => because.clone(),
                Outcome::Pending { .. } if asked >= ASKED_BEFORE_ACCOUNT => {
                    return Ok(booked(bank, order, &mut kept, Some(payment_id), host).await.unwrap_or(outcome));
                }
                _ => return Ok(outcome),
            }
        }
        Answer::NoSuch => "the bank does not know the payment by its own id".to_owned(),
        Answer::Unclear(because) => because,
    };
    // The account may still prove that the money moved. It cannot prove the contrary: the bank has made a payment of this.
    Ok(booked(bank, order, &mut kept, Some(payment_id), host).await.unwrap_or_else(|| Outcome::unknown(because)))
}

/// The settlement, if the account shows one.
async fn booked(
    bank: &Bank,
    order: &Order,
    kept: &mut Kept,
    payment_id: Option<String>,
    host: &Host,
) -> Option<Outcome> {
    let mut search = Search::new(order);
    let read = bank.transactions(&mut search, host.now_ms(), host).await;
    let Ok(Answer::Told(_)) = read else {
        return None;
    };
    match search.finding() {
        Finding::Booked { id, repeatedly } => {
            Some(close(kept, settled(order, payment_id.or(id), repeatedly, host), host).await)
        }
        Finding::Contradiction(because) => Some(Outcome::unknown(because)),
        Finding::Pending | Finding::Indistinct | Finding::Absent => None,
    }
}

/// Looks for an order in the account, by its end-to-end id: where its answer was lost, or leaves a doubt.
async fn look_for(
    bank: &Bank,
    order: &Order,
    payment_id: Option<String>,
    mut kept: Kept,
    host: &Host,
) -> Result<Outcome, Failure> {
    let mut search = Search::new(order);
    let posted_at_ms_max = kept.record.as_ref().map_or_else(|| posted_at_ms_max(order), |record| record.at_ms);
    let proven_at_ms = bank.settings().absence_proven_at_ms(posted_at_ms_max);
    // The time before the account was read: what is booked while it is being read may be missing.
    let asked_at_ms = host.now_ms();
    let is_all = match bank.transactions(&mut search, proven_at_ms, host).await? {
        Answer::Told(is_all) => is_all,
        Answer::NoSuch => return Ok(Outcome::unknown("the bank shows no such account to read transactions of")),
        Answer::Unclear(because) => return Ok(Outcome::unknown(because)),
    };
    Ok(match search.finding() {
        Finding::Booked { id, repeatedly } => {
            close(&mut kept, settled(order, payment_id.or(id), repeatedly, host), host).await
        }
        Finding::Pending => Outcome::Pending {
            reference: payment_id,
            detail: "the account shows that the debit is on its way".to_owned(),
            ask_after_ms: Some(bank.settings().product.ask_after_ms()),
        },
        Finding::Contradiction(because) => Outcome::unknown(because),
        Finding::Indistinct => {
            Outcome::unknown("the account shows an entry that may be this payment, without its end-to-end id")
        }
        Finding::Absent if asked_at_ms < proven_at_ms => Outcome::unknown("the account does not show the payment yet"),
        Finding::Absent if !is_all => {
            Outcome::unknown("what the bank shows of the account does not show the payment, and is not all of it")
        }
        Finding::Absent => absent(bank, &mut kept, host).await?,
    })
}

/// Declines what the bank's cut-off proved absent. The decline is written down first: an order declared absent is never
/// posted afterwards, not even by a call that is only now under way.
async fn absent(bank: &Bank, kept: &mut Kept, host: &Host) -> Result<Outcome, Failure> {
    let declined = Outcome::Declined {
        code: "ABSENT".to_owned(),
        reason: "the bank did not carry out the order: the account does not show it past the cut-off".to_owned(),
        elsewhere: true,
    };
    let mut record = kept.record.clone().unwrap_or_else(|| Record::new(host.now_ms(), bank.settings().product));
    record.end = Some(declined.clone());
    if kept.put(host, Some(record)).await? {
        return Ok(declined);
    }
    Ok(Outcome::unknown("the order is being submitted by another call"))
}

fn settled(order: &Order, reference: Option<String>, repeatedly: bool, host: &Host) -> Outcome {
    if repeatedly {
        host.log(
            Level::Error,
            format!("{}: the account shows this payment more than once, and it was posted once", order.key),
        );
    }
    Outcome::Settled {
        amount: order.amount,
        reference,
        // The payer's account was debited; that the payee has the money stands on another account.
        finality: Finality::Captured,
        fees: None,
        reversible_until_ms: None,
        valid_until_ms: None,
    }
}

/// Hands `outcome` on, and shrinks the record to it where nothing can follow.
async fn close(kept: &mut Kept, outcome: Outcome, host: &Host) -> Outcome {
    if outcome.is_final() {
        let at_ms = host.now_ms();
        let mut record = kept.record.clone().unwrap_or_else(|| Record::new(at_ms, crate::Product::default()));
        record.page = None;
        record.end = Some(outcome.clone());
        keep(kept, record, host).await;
    }
    outcome
}

/// Keeps `record`, as well as may be: the order was posted and a record says so, whatever becomes of this one. What is lost
/// with it is found out again.
async fn keep(kept: &mut Kept, record: Record, host: &Host) {
    if let Err(failure) = kept.put(host, Some(record)).await {
        host.log(Level::Warn, format!("what became of an order was not written down: {failure}"));
    }
}
