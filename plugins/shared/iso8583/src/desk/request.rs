//! From an order to a message.

use sportello_sdk::{Currency, Money, Order, OrderKind, Outcome};

use super::paying::{Pan, Paying};
use super::record::{Numbers, Sent};
use super::settings::Merchant;
use crate::{Field, Message, Mti, Trace};

/// Field 4 has twelve digits.
const MINOR_MAX: u64 = 999_999_999_999;

/// Purchase, and refund (field 3).
const PURCHASE: &str = "000000";
const REFUND: &str = "200000";

/// Field 22: an electronic commerce credential. Field 25: an electronic commerce request.
const ENTRY_MODE: &str = "810";
const CONDITION: &str = "59";

/// Checks that a message can carry an amount: in minor units by the currency's own exponent, none for JPY, three digits for
/// KWD.
///
/// # Errors
/// The outcome of an order that cannot be sent.
pub(super) fn check(amount: Money) -> Result<(), Outcome> {
    let declined = |code: &str, reason: &str| {
        Err(Outcome::Declined { code: code.to_owned(), reason: reason.to_owned(), elsewhere: true })
    };
    if amount.is_zero() || amount.minor() > MINOR_MAX {
        return declined("amount_out_of_range", "a card cannot carry this amount");
    }
    if currency_code(amount.currency()).is_none() {
        return declined("no_such_currency", "a card cannot carry this currency");
    }
    Ok(())
}

/// The outcome of an order that no message can carry, whoever pays: known before anything else is.
pub fn refusal(order: &Order) -> Option<Outcome> {
    check(order.amount).err()
}

/// The three digits of a currency (ISO 4217).
pub(super) fn currency_code(currency: Currency) -> Option<String> {
    iso_currency::Currency::from_code(currency.code()).map(|currency| format!("{:03}", currency.numeric()))
}

/// The numbers that an original message is known by, as a trace gives them.
pub(super) fn numbers(trace: &Trace, merchant: &Merchant) -> Numbers {
    Numbers {
        at: trace.at().date_time(),
        stan: trace.stan(),
        acquirer: merchant.acquirer.clone(),
        rrn: trace.rrn(),
        terminal: trace.terminal().to_string(),
    }
}

/// The numbers of a message about an earlier one: its own time and STAN, and the reference and terminal of the original,
/// which is found by them.
pub(super) fn numbers_about(original: &Numbers, trace: &Trace) -> Numbers {
    Numbers { at: trace.at().date_time(), stan: trace.stan(), ..original.clone() }
}

/// The type of message that carries out an order; `None` where none does.
pub(super) fn mti(kind: OrderKind) -> Option<Mti> {
    Some(match kind {
        OrderKind::Authorize => Mti::AUTHORIZATION,
        OrderKind::Collect | OrderKind::Refund => Mti::FINANCIAL,
        OrderKind::Capture => Mti::COMPLETION,
        OrderKind::Void => Mti::REVERSAL,
        OrderKind::Reverse => Mti::REVERSAL_ADVICE,
        OrderKind::PayOut | OrderKind::Transfer => return None,
    })
}

/// 0100 and 0200.
pub(super) fn original(mti: Mti, sent: &Sent, paying: &Paying, merchant: &Merchant) -> Message {
    let mut message = head(mti, sent, Some(&paying.pan));
    message.set(Field::EXPIRY, paying.expiry.as_str());
    at_merchant(&mut message, merchant);
    if let Some(data) = paying.private_data() {
        message.set(Field::PRIVATE_DATA, data);
    }
    message
}

/// 0220, of an authorization with this approval.
pub(super) fn completion(
    mti: Mti,
    sent: &Sent,
    (about, approval): (&Sent, &str),
    pan: Option<&Pan>,
    merchant: &Merchant,
) -> Message {
    let mut message = head(mti, sent, pan);
    at_merchant(&mut message, merchant);
    message.set(Field::AUTHORIZATION, approval).set(Field::ORIGINAL, original_data(about));
    message
}

/// 0400 and 0420.
pub(super) fn reversal(mti: Mti, numbers: &Numbers, about: &Sent, pan: Option<&Pan>, merchant: &Merchant) -> Message {
    let sent = Sent { numbers: numbers.clone(), ..about.clone() };
    let mut message = head(mti, &sent, pan);
    message.set(Field::MERCHANT, &merchant.id).set(Field::ORIGINAL, original_data(about));
    message
}

fn head(mti: Mti, sent: &Sent, pan: Option<&Pan>) -> Message {
    let Numbers { at, stan, acquirer, rrn, terminal } = &sent.numbers;
    let mut message = Message::new(mti);
    if let Some(pan) = pan {
        message.set(Field::PAN, pan.reveal());
    }
    message
        .set(Field::PROCESSING_CODE, if sent.kind == OrderKind::Refund { REFUND } else { PURCHASE })
        .set(Field::AMOUNT, format!("{:012}", sent.amount.minor()))
        .set(Field::TRANSMITTED_AT, at)
        .set(Field::STAN, stan)
        .set(Field::ACQUIRER, acquirer)
        .set(Field::RRN, rrn)
        .set(Field::TERMINAL, format!("{terminal:<8}"))
        .set(Field::CURRENCY, currency_code(sent.amount.currency()).unwrap_or_default());
    message
}

fn at_merchant(message: &mut Message, merchant: &Merchant) {
    if let Some(at) = message.text(Field::TRANSMITTED_AT).map(str::to_owned)
        && let Some((date, time)) = at.split_at_checked(4)
    {
        message.set(Field::LOCAL_TIME, time).set(Field::LOCAL_DATE, date);
    }
    message
        .set(Field::MERCHANT_TYPE, &merchant.category)
        .set(Field::ENTRY_MODE, ENTRY_MODE)
        .set(Field::CONDITION, CONDITION)
        .set(Field::MERCHANT, &merchant.id)
        .set(Field::MERCHANT_NAME, &merchant.name);
}

/// Field 90: the original's type, STAN, transmission time and acquirer, and no forwarder.
fn original_data(about: &Sent) -> String {
    let Numbers { at, stan, acquirer, .. } = &about.numbers;
    format!("{:0>4}{stan:0>6}{at:0>10}{acquirer:0>11}{:011}", about.mti, 0)
}
