//! Amounts and accounts that the bank treats in a special way, so that a story needs no switch.

/// What the bank does with a payment that it could carry out.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Treatment {
    /// Declines it, with this ISO 20022 reason.
    Decline(&'static str),
    /// Demands that the payer approve it on the bank's page.
    Challenge,
    /// Accepts it and leaves it pending until `POST /sandbox/release`.
    Hold,
}

use Treatment::{Challenge, Decline, Hold};

/// By amount, in cents.
const AMOUNTS: [(i64, Treatment); 15] = [
    (1313, Decline("AM04")),
    (1414, Decline("AC04")),
    (1515, Decline("AC06")),
    (1616, Decline("AC01")),
    (1717, Decline("RC01")),
    (1818, Decline("TM01")),
    (1919, Decline("AB05")),
    (2121, Decline("AB06")),
    (2323, Decline("AG01")),
    (2525, Decline("AM02")),
    (2626, Decline("MS03")),
    (2727, Decline("RR04")),
    (2929, Decline("ZZ99")),
    (3131, Challenge),
    (4141, Hold),
];

/// By the creditor's IBAN.
const CREDITORS: [(&str, Treatment); 4] = [
    ("GB33BUKB20201555555555", Decline("AC04")),
    ("NL91ABNA0417164300", Decline("AC06")),
    ("BE68539007547034", Decline("AC01")),
    ("AT611904300234573201", Decline("AB05")),
];

/// What is special about a payment, if anything.
pub(crate) fn treatment(cents: i64, creditor_iban: &str) -> Option<Treatment> {
    let by_amount = AMOUNTS.iter().find(|(amount, _)| *amount == cents).map(|(_, treatment)| *treatment);
    let by_creditor = CREDITORS.iter().find(|(iban, _)| *iban == creditor_iban).map(|(_, treatment)| *treatment);
    by_amount.or(by_creditor)
}

/// What a reason means (ISO 20022 external code set `ExternalStatusReason1Code`).
pub(crate) fn meaning(reason: &str) -> &'static str {
    match reason {
        "AM04" => "Insufficient funds",
        "AM02" => "Not allowed amount",
        "AC01" => "Incorrect account number",
        "AC04" => "Closed account number",
        "AC06" => "Blocked account",
        "RC01" => "Bank identifier incorrect",
        "TM01" => "Invalid cut-off time",
        "AB05" => "Timeout at the creditor agent",
        "AB06" => "Timeout at the instructed agent",
        "AG01" => "Transaction forbidden",
        "MS03" => "Reason not specified by the agent",
        "RR04" => "Regulatory reason",
        "DS02" => "Order cancelled by the payer",
        _ => "A reason that is on no list",
    }
}

/// The tables for `--help`.
pub(crate) fn help() -> String {
    let line = |what: String, treatment: Treatment| match treatment {
        Decline(reason) => format!("  {what:>24}  declined, {reason}: {}", meaning(reason)),
        Challenge => format!("  {what:>24}  demands approval on the bank's page (scaRedirect)"),
        Hold => format!("  {what:>24}  stays pending until POST /sandbox/release"),
    };
    let mut lines = vec!["What the bank does by amount, in euros:".to_owned()];
    lines.extend(AMOUNTS.iter().map(|(cents, treatment)| line(super::amount::written(*cents), *treatment)));
    lines.push("\nand by the account to be credited:".to_owned());
    lines.extend(CREDITORS.iter().map(|(iban, treatment)| line((*iban).to_owned(), *treatment)));
    lines.push("\nA payment above the debtor's balance is declined with AM04.".to_owned());
    lines.push(
        "\nFaults, as --x-fault key=value and --bank-fault key=value, or over HTTP: see GET /sandbox/faults on \
         either listener for the keys and what they are set to, and POST the ones to change."
            .to_owned(),
    );
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bank::iban;

    #[test]
    fn special_accounts_are_accounts() {
        for (iban, _) in CREDITORS {
            assert!(iban::is_valid(iban), "{iban}");
        }
    }
}
