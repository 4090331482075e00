//! The one table of transaction statuses: what each says of the money, and the sentence for a person.
//!
//! Source: ISO 20022 external code lists `ExternalPaymentTransactionStatus1Code` and `ExternalPaymentGroupStatus1Code`, as
//! NextGenPSD2 1.3.11 (schema `transactionStatus`) takes them over. A status that is not here says nothing: the outcome is
//! unknown.

use sportello_sdk::Finality;

/// What a status says of the money.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Meaning {
    /// The bank has it, and the payer may still have to authorise it.
    Received,
    /// The bank is at work on it. Nothing is debited for good.
    InHand,
    /// The money moved, this far.
    Settled(Finality),
    /// The bank will not carry it out. The reason code says why.
    Rejected,
    /// It was withdrawn before it was carried out.
    Cancelled,
    /// It says something of many payments, and nothing of this one.
    Ambiguous,
}

/// A row: code, meaning, sentence.
pub(crate) struct Status {
    /// Four letters.
    pub code: &'static str,
    /// What it says of the money.
    pub meaning: Meaning,
    /// The same for a person.
    pub sentence: &'static str,
}

const fn row(code: &'static str, meaning: Meaning, sentence: &'static str) -> Status {
    Status { code, meaning, sentence }
}

/// The table.
pub(crate) const STATUSES: [Status; 14] = [
    // Before the order is accepted.
    row("RCVD", Meaning::Received, "the bank has received the order"),
    row("PDNG", Meaning::InHand, "the bank is still checking the order"),
    // Several people must authorise, and some have not: for one payer's page that is the same as received.
    row("PATC", Meaning::Received, "the order awaits a further authorisation"),
    row("ACTC", Meaning::InHand, "the bank has checked who gave the order and its form"),
    row("ACFC", Meaning::InHand, "the bank has checked the order, and the account holds enough"),
    row("ACCP", Meaning::InHand, "the bank has checked the order and its customer"),
    // "A change will be made, such as date or remittance": accepted, not executed.
    row("ACWC", Meaning::InHand, "the bank has accepted the order with a change"),
    // Accepted for execution: settlement between the banks is under way and can still fail (ED05, AB01 to AB10).
    row("ACSP", Meaning::InHand, "the bank is carrying out the order"),
    // The payee's bank took it and has not posted it: it can still be rejected there.
    row("ACWP", Meaning::InHand, "the payee's bank has the money and has not posted it yet"),
    // "Settlement on the debtor's account has been completed": the payer's money was taken. That it reached the payee is
    // ACCC's to say, so this is no more than captured, for an instant transfer too; a return by the payee's bank can follow.
    row("ACSC", Meaning::Settled(Finality::Captured), "the payer's account was debited"),
    // "Settlement on the creditor's account has been completed": only the payee can give it back now.
    row("ACCC", Meaning::Settled(Finality::Final), "the payee's account was credited"),
    // "Only in case of bulk payments": of a single one it is nonsense.
    row("PART", Meaning::Ambiguous, "the bank says that it accepted a part of many payments"),
    // The end.
    row("RJCT", Meaning::Rejected, "the bank rejected the order"),
    row("CANC", Meaning::Cancelled, "the order was cancelled before the bank carried it out"),
];

/// The row of a code, exactly as written.
pub(crate) fn status(code: &str) -> Option<&'static Status> {
    STATUSES.iter().find(|row| row.code == code)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_three_ways_end_an_order() {
        for row in &STATUSES {
            let ends = matches!(row.meaning, Meaning::Settled(_) | Meaning::Rejected | Meaning::Cancelled);
            assert_eq!(ends, matches!(row.code, "ACSC" | "ACCC" | "RJCT" | "CANC"), "{}", row.code);
            assert_eq!(status(row.code).map(|found| found.meaning), Some(row.meaning));
        }
    }

    #[test]
    fn what_is_not_in_the_table_says_nothing() {
        for code in ["", "acsc", "ACSC ", "BLCK", "ACIS", "RJCTX"] {
            assert!(status(code).is_none(), "{code}");
        }
    }
}
