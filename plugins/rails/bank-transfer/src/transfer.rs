//! What can be checked of an order before a byte leaves. What is refused here was never sent: that is certain.

use sportello_sdk::{Currency, Failure, Order, OrderKind, Outcome};

use crate::account::{Account, NoAccount};
use crate::charset::{NAME_LEN_MAX, REMITTANCE_LEN_MAX, sepa};

/// The largest amount of a SEPA transfer: 999,999,999.99 euros (EPC115-06 and EPC122-16, AT-04).
const CENTS_MAX: u64 = 99_999_999_999;
/// The longest reference, in characters (`Max35Text`).
const KEY_LEN_MAX: usize = 35;

/// An order that a bank can be asked to carry out: euros, two different accounts in the SEPA, texts that every bank takes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Transfer {
    /// The order's key: it is the end-to-end id, and the message's own.
    pub key: String,
    /// The amount, as `20.00`.
    pub amount: String,
    /// The payer.
    pub debtor_name: String,
    /// The account to debit.
    pub debtor: Account,
    /// The payee.
    pub creditor_name: String,
    /// The account to credit.
    pub creditor: Account,
    /// What for, if anything is left of it in the SEPA character set.
    pub remittance: Option<String>,
}

/// Whether this rail carries out such orders, under such a key.
///
/// # Errors
/// `unsupported`, `bad_key`: there is no outcome, since this order must not come here.
pub(crate) fn belongs_here(order: &Order) -> Result<(), Failure> {
    if !matches!(order.kind, OrderKind::Transfer | OrderKind::PayOut) {
        return Err(Failure::unsupported(&format!("{:?}", order.kind).to_lowercase()));
    }
    let is_key = (1..=KEY_LEN_MAX).contains(&order.key.len())
        && order.key.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'z' | b'-'));
    if !is_key {
        return Err(Failure::input("bad_key", "an order's key has 1 to 35 characters of [0-9a-z-]"));
    }
    Ok(())
}

impl Transfer {
    /// Checks `order`.
    ///
    /// # Errors
    /// The decline, with the reason code that a bank would give (ISO 20022, `ExternalStatusReason1Code`).
    pub(crate) fn of(order: &Order) -> Result<Self, Outcome> {
        if order.amount.currency() != Currency::EUR {
            return Err(declined("AM03", "a SEPA transfer is in euros", true));
        }
        if order.amount.is_zero() {
            return Err(declined("AM01", "the amount is zero", false));
        }
        if order.amount.minor() > CENTS_MAX {
            return Err(declined("AM02", "a SEPA transfer is below a thousand million euros", true));
        }
        let debtor = Account::of(&order.debtor.account).map_err(|no| no_account("AC02", "payer", no))?;
        let creditor = Account::of(&order.creditor.account).map_err(|no| no_account("AC03", "payee", no))?;
        if debtor == creditor {
            return Err(declined("SAME_ACCOUNT", "the payee's account is the payer's own", false));
        }
        let remittance =
            order.memo.as_deref().map(|memo| sepa(memo, REMITTANCE_LEN_MAX)).filter(|text| !text.is_empty());
        Ok(Self {
            key: order.key.clone(),
            amount: order.amount.decimal(),
            debtor_name: name(&order.debtor.name),
            debtor,
            creditor_name: name(&order.creditor.name),
            creditor,
            remittance,
        })
    }
}

/// A name of which something is left: the schemes want one, and say what to write where there is none.
fn name(name: &str) -> String {
    let written = sepa(name, NAME_LEN_MAX);
    if written.is_empty() {
        return "NOTPROVIDED".to_owned();
    }
    written
}

fn no_account(code: &str, whose: &str, no: NoAccount) -> Outcome {
    match no {
        NoAccount::Scheme => declined(code, &format!("the {whose} has no account with an IBAN"), true),
        NoAccount::Number => declined(code, &format!("the {whose}'s IBAN is wrong"), false),
        NoAccount::Country => declined(code, &format!("the {whose}'s bank is outside the SEPA"), true),
    }
}

fn declined(code: &str, reason: &str, elsewhere: bool) -> Outcome {
    Outcome::Declined { code: code.to_owned(), reason: reason.to_owned(), elsewhere }
}
