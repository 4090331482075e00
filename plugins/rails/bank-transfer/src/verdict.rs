//! From what a bank says of a payment to the outcome of the order, by the tables.

use sportello_sdk::{Money, Order, Outcome};

use crate::charset::sepa;
use crate::reason::{Answer, reason};
use crate::status::{Meaning, status};

/// What a bank says of one payment, whichever way it says it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Said {
    /// The status code.
    pub status: String,
    /// Reason codes, those of ISO 20022 and the bank's own.
    pub reasons: Vec<String>,
    /// The bank's words.
    pub words: Option<String>,
    /// The amount, where the bank repeats it: in decimal notation, and the currency.
    pub amount: Option<(String, String)>,
}

/// The outcome of `order` by what the bank says of it.
///
/// A settlement has the amount of the order: a status does not repeat it, and an account-to-account transfer is carried out
/// whole or not at all. Where the bank does repeat it and it is another, nothing is known.
pub(crate) fn outcome(said: &Said, order: &Order, reference: Option<String>, ask_after_ms: u64) -> Outcome {
    let Some(row) = status(&said.status) else {
        return Outcome::unknown(format!(
            "the bank says `{}`, which is no status that is known here",
            code_of(&said.status)
        ));
    };
    if let Some((amount, currency)) = &said.amount
        && euros(amount, currency).is_none_or(|money| money != order.amount)
    {
        return Outcome::unknown(format!(
            "the bank speaks of {} {} and not of {}",
            sepa(amount, 24),
            sepa(currency, 3),
            order.amount
        ));
    }
    match row.meaning {
        Meaning::Received | Meaning::InHand => {
            Outcome::Pending { reference, detail: row.sentence.to_owned(), ask_after_ms: Some(ask_after_ms) }
        }
        Meaning::Settled(finality) => Outcome::Settled {
            amount: order.amount,
            reference,
            finality,
            fees: None,
            reversible_until_ms: None,
            valid_until_ms: None,
        },
        Meaning::Ambiguous => Outcome::unknown(row.sentence),
        Meaning::Cancelled => {
            Outcome::Declined { code: row.code.to_owned(), reason: row.sentence.to_owned(), elsewhere: false }
        }
        Meaning::Rejected => rejected(said, row.sentence),
    }
}

/// A rejection is definite where it gives no reason, or one that is in the table and does not speak of an execution. What a
/// reason that is not in the table speaks of, nobody knows.
fn rejected(said: &Said, sentence: &str) -> Outcome {
    let rows: Vec<_> = said.reasons.iter().map(|code| reason(code)).collect();
    let known = || rows.iter().flatten();
    if let Some(row) = known().find(|row| row.answer == Answer::Doubt) {
        return Outcome::unknown(format!("the bank rejected the order ({}): {}", row.code, row.sentence));
    }
    let words = || said.words.as_deref().map(|words| sepa(words, 140)).filter(|words| !words.is_empty());
    let first = known().find(|row| row.code != "NARR").or(known().next());
    let (code, because) = match (first, said.reasons.first()) {
        (Some(row), _) if row.code != "NARR" => (row.code.to_owned(), row.sentence.to_owned()),
        (Some(row), _) => (row.code.to_owned(), words().unwrap_or(row.sentence.to_owned())),
        (None, Some(code)) => {
            return Outcome::unknown(format!("{sentence}, for a reason that is not known here ({})", code_of(code)));
        }
        (None, None) => ("RJCT".to_owned(), words().unwrap_or(sentence.to_owned())),
    };
    let elsewhere = !rows.is_empty() && rows.iter().all(|row| row.is_some_and(|row| row.answer == Answer::Elsewhere));
    Outcome::Declined { code, reason: because, elsewhere }
}

/// A code as it came, without what could be no code.
fn code_of(code: &str) -> String {
    let code: String = code.chars().filter(char::is_ascii_graphic).take(35).collect();
    if code.is_empty() { "?".to_owned() } else { code }
}

/// An amount as banks write it: digits, perhaps a dot, and zeros beyond the currency's decimals. Never a sign or exponent.
pub(crate) fn euros(amount: &str, currency: &str) -> Option<Money> {
    let short = match amount.split_once('.') {
        Some((_, "")) | None => amount,
        Some(_) => amount.trim_end_matches('0').trim_end_matches('.'),
    };
    Money::from_decimal(short, currency.parse().ok()?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::order;
    use sportello_sdk::Finality;

    fn said(status: &str, reasons: &[&str], words: Option<&str>) -> Said {
        Said {
            status: status.to_owned(),
            reasons: reasons.iter().map(|&code| code.to_owned()).collect(),
            words: words.map(str::to_owned),
            amount: None,
        }
    }

    #[test]
    fn each_status_has_its_outcome() {
        let check = |code: &str, expected: &str| {
            let outcome = outcome(&said(code, &[], None), &order(), None, 1);
            let read = match &outcome {
                Outcome::Settled { finality: Finality::Captured, amount, .. } if *amount == order().amount => {
                    "captured"
                }
                Outcome::Settled { finality: Finality::Final, amount, .. } if *amount == order().amount => "final",
                Outcome::Pending { .. } => "pending",
                Outcome::Declined { elsewhere: false, .. } => "declined",
                Outcome::Unknown { .. } => "unknown",
                _ => "?",
            };
            assert_eq!(read, expected, "{code}");
        };
        for code in ["RCVD", "PDNG", "PATC", "ACTC", "ACWC", "ACWP", "ACCP", "ACFC", "ACSP"] {
            check(code, "pending");
        }
        check("ACSC", "captured");
        check("ACCC", "final");
        check("RJCT", "declined");
        check("CANC", "declined");
        for code in ["PART", "", "BLCK", "settled", "ACSC\u{0}"] {
            check(code, "unknown");
        }
    }

    #[test]
    fn each_reason_has_its_answer() {
        let check = |reasons: &[&str], words: Option<&str>, expected: Option<(&str, &str, bool)>| {
            let outcome = outcome(&said("RJCT", reasons, words), &order(), None, 1);
            let expected = match expected {
                Some((code, reason, elsewhere)) => {
                    Outcome::Declined { code: code.to_owned(), reason: reason.to_owned(), elsewhere }
                }
                None => match &outcome {
                    Outcome::Unknown { .. } => return,
                    _ => Outcome::unknown("…"),
                },
            };
            assert_eq!(outcome, expected, "{reasons:?}");
        };
        check(&["AM04"], None, Some(("AM04", "the account does not hold enough", true)));
        check(&["AC04"], None, Some(("AC04", "the account is closed", false)));
        check(&["AB06"], None, Some(("AB06", "a bank on the way did not answer in time", true)));
        check(&["NARR"], Some("Konto gepfändet"), Some(("NARR", "Konto gepfandet", false)));
        check(&["NARR", "AM04"], None, Some(("AM04", "the account does not hold enough", false)));
        check(&[], None, Some(("RJCT", "the bank rejected the order", false)));
        check(&["AM04", "X-77"], None, Some(("AM04", "the account does not hold enough", false)));
        for code in ["X-77", "am04", "\u{202e}\n", ""] {
            check(&[code], Some("no"), None);
        }
        for code in ["AM05", "DUPL", "DU04"] {
            check(&[code], None, None);
            check(&["AM04", code], None, None);
        }
    }

    #[test]
    fn another_amount_is_not_ours() {
        let check = |amount: &str, currency: &str, is_ours| {
            let mut said = said("ACSC", &[], None);
            said.amount = Some((amount.to_owned(), currency.to_owned()));
            let outcome = outcome(&said, &order(), None, 1);
            assert_eq!(matches!(outcome, Outcome::Settled { .. }), is_ours, "{amount} {currency}");
        };
        check("20.00", "EUR", true);
        check("20", "EUR", true);
        check("20.000", "EUR", true);
        for (amount, currency) in [
            ("20.01", "EUR"),
            ("-20.00", "EUR"),
            ("2e1", "EUR"),
            ("20.00", "USD"),
            ("", "EUR"),
            ("20.", ""),
            ("NaN", "EUR"),
            ("20.001", "EUR"),
            ("99999999999999999999", "EUR"),
        ] {
            check(amount, currency, false);
        }
    }
}
