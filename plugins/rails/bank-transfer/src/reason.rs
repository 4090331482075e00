//! The one table of reason codes: why an order was rejected, what a person can read of it, and whether another rail may
//! answer differently.
//!
//! Source: ISO 20022 external code list `ExternalStatusReason1Code`; those marked EPC are named by the SEPA scheme
//! guidelines too (EPC115-06 for SCT and EPC122-16 for SCT Inst, "reject" datasets). A reject is final in both schemes
//! (EPC125-05 and EPC004-16, section 4.4): it comes in place of an execution, the time-outs AB01 to AB11 included, which
//! then say why nothing was executed. That is true of the status RJCT alone; a time-out without it is no answer at all.

use Answer::{Doubt, Elsewhere, Here};

/// What a reason says beyond the rejection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Answer {
    /// Declined, and another rail may answer differently.
    Elsewhere,
    /// Declined, and any rail would: the account, the person or the law is the reason, or somebody wished it so.
    Here,
    /// The bank says that it has this payment already. So something is known of an execution, and nothing is declined: the
    /// account's transactions will tell.
    Doubt,
}

/// A row: code, answer, sentence.
pub(crate) struct Reason {
    /// Four characters.
    pub code: &'static str,
    /// What it says beyond the rejection.
    pub answer: Answer,
    /// The same for a person.
    pub sentence: &'static str,
}

const fn row(code: &'static str, answer: Answer, sentence: &'static str) -> Reason {
    Reason { code, answer, sentence }
}

/// The table, in the order of codes.
#[rustfmt::skip]
pub(crate) const REASONS: &[Reason] = &[
    // Clearing and settlement did not come to pass (EPC for SCT Inst: AB05 to AB10).
    row("AB01", Elsewhere, "clearing between the banks took too long and was aborted"),
    row("AB02", Elsewhere, "clearing between the banks failed"),
    row("AB03", Elsewhere, "settlement between the banks took too long and was aborted"),
    row("AB04", Elsewhere, "settlement between the banks failed"),
    row("AB05", Elsewhere, "the payee's bank did not answer in time"),
    row("AB06", Elsewhere, "a bank on the way did not answer in time"),
    row("AB07", Elsewhere, "a bank on the way cannot be reached"),
    row("AB08", Elsewhere, "the payee's bank cannot be reached"),
    row("AB09", Elsewhere, "the payee's bank had an error"),
    row("AB10", Elsewhere, "a bank on the way had an error"),
    row("AB11", Elsewhere, "the payer's bank did not answer in time"),
    // Accounts (EPC: AC01, AC03, AC04, AC06).
    row("AC01", Here, "the account number is wrong"),
    row("AC02", Here, "the payer's account number is wrong"),
    row("AC03", Here, "the payee's account number is wrong"),
    row("AC04", Here, "the account is closed"),
    row("AC05", Here, "the payer's account is closed"),
    row("AC06", Here, "the account is blocked"),
    row("AC07", Here, "the payee's account is closed"),
    row("AC10", Elsewhere, "the payer's account is held in another currency"),
    row("AC11", Elsewhere, "the payee's account is held in another currency"),
    row("AC12", Elsewhere, "an account of this kind takes no such payments"),
    row("AC13", Elsewhere, "the payer's account is of a kind that makes no such payments"),
    row("AC14", Elsewhere, "the payee's account is of a kind that takes no such payments"),
    row("AC15", Here, "the payee's account has changed"),
    // Banks (EPC: AG01, AG02, AG09, AG10, AG11, AGNT).
    row("AG01", Elsewhere, "such a payment is not allowed on this account"),
    row("AG02", Elsewhere, "the bank does not offer this kind of payment"),
    row("AG03", Elsewhere, "the bank does not support this kind of payment"),
    row("AG10", Elsewhere, "a bank on the way is suspended"),
    row("AG11", Elsewhere, "the payee's bank is suspended"),
    row("AGNT", Elsewhere, "a bank on the way is wrong"),
    // Amounts (EPC: AM02, AM04, AM05, AM09, AM23).
    row("AM01", Here, "the amount is zero"),
    row("AM02", Elsewhere, "the amount is more than is allowed"),
    row("AM03", Elsewhere, "the currency is not allowed"),
    row("AM04", Elsewhere, "the account does not hold enough"),
    row("AM05", Doubt, "the bank takes this payment for one that it has already"),
    row("AM06", Elsewhere, "the amount is less than is allowed"),
    row("AM07", Here, "the money on the account is blocked"),
    row("AM09", Elsewhere, "the amount is not as agreed"),
    row("AM10", Elsewhere, "the sum of the amounts is wrong"),
    row("AM11", Elsewhere, "the currency of the payment is wrong"),
    row("AM12", Here, "the amount is wrong"),
    row("AM13", Elsewhere, "the amount is above the limit of the clearing system"),
    row("AM14", Elsewhere, "the amount is above the limit agreed with the bank"),
    row("AM15", Elsewhere, "the amount is below the minimum of the clearing system"),
    row("AM21", Elsewhere, "the amount is above a limit agreed with the bank"),
    row("AM23", Elsewhere, "the amount is above the settlement limit of the bank"),
    // People.
    row("BE01", Here, "the name does not belong to the account"),
    row("BE04", Elsewhere, "the payee's address is missing"),
    row("BE05", Elsewhere, "the bank does not know who initiated the payment"),
    row("BE06", Here, "the bank does not know the customer"),
    row("BE07", Elsewhere, "the payer's address is missing"),
    row("BE21", Elsewhere, "a name is missing"),
    row("BE22", Elsewhere, "the payee's name is missing"),
    // Reachability (EPC: CNOR, DNOR).
    row("CNOR", Elsewhere, "the payee's bank does not take part"),
    row("CURR", Elsewhere, "the currency of the payment is wrong"),
    row("CUST", Here, "the customer declined it"),
    row("DNOR", Elsewhere, "the payer's bank does not take part"),
    row("DS02", Here, "an authorised person cancelled the order"),
    row("DT01", Elsewhere, "the date is not valid"),
    row("DU01", Doubt, "the bank has a message of this number already"),
    row("DU02", Doubt, "the bank has a payment of this number already"),
    row("DU03", Doubt, "the bank has this transaction already"),
    row("DU04", Doubt, "the bank has a payment with this end-to-end id already"),
    row("DU05", Doubt, "the bank has an instruction of this number already"),
    row("DUPL", Doubt, "the bank takes this payment for one that it has already"),
    row("ED01", Elsewhere, "the bank on the way cannot carry it out"),
    row("ED05", Elsewhere, "settlement between the banks failed"),
    row("ED06", Elsewhere, "the settlement system is not available"),
    row("FF01", Elsewhere, "the bank could not read the order"),
    row("FF03", Elsewhere, "the bank does not take the type of payment"),
    row("FF05", Elsewhere, "the bank does not take this instrument"),
    row("FOCR", Here, "the payment was recalled"),
    row("FR01", Here, "the bank suspects fraud"),
    row("FRAD", Here, "the bank suspects fraud"),
    row("MD01", Here, "there is no mandate"),
    row("MD07", Here, "the customer has died"),
    row("MS02", Here, "the customer declined it, with no reason given"),
    row("MS03", Elsewhere, "the bank declined it, with no reason given"),
    row("NARR", Here, "the bank declined it, in words of its own"),
    row("NOAS", Here, "the customer did not answer the bank"),
    // Bank identifiers (EPC: RC01).
    row("RC01", Elsewhere, "the bank's identifier is wrong"),
    row("RC03", Elsewhere, "the identifier of the payer's bank is wrong"),
    row("RC04", Elsewhere, "the identifier of the payee's bank is wrong"),
    row("RF01", Doubt, "the reference of the transaction is not unique"),
    // Regulation (EPC: RR01 to RR04).
    row("RR01", Here, "the law asks for the payer's account or identification"),
    row("RR02", Here, "the law asks for the payer's name or address"),
    row("RR03", Here, "the law asks for the payee's name or address"),
    row("RR04", Here, "the law forbids it"),
    // Services that a customer agreed with the bank.
    row("SL01", Here, "a service of the payer's bank stopped it"),
    row("SL02", Here, "a service of the payee's bank stopped it"),
    row("SL11", Here, "the payee is not on the payer's list of allowed payees"),
    row("SL12", Here, "the payee is on the payer's list of blocked payees"),
    row("SL13", Here, "the payer's number of payments is used up"),
    row("SL14", Here, "the payer's limit for one payment is exceeded"),
    row("TA01", Elsewhere, "the transmission was aborted"),
    row("TM01", Elsewhere, "the order came after the bank's cut-off time"),
];

/// The row of a code, exactly as written.
pub(crate) fn reason(code: &str) -> Option<&'static Reason> {
    REASONS.iter().find(|row| row.code == code)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_code_stands_once_and_in_order() {
        assert!(REASONS.is_sorted_by(|a, b| a.code < b.code));
        assert!(REASONS.iter().all(|row| row.code.len() == 4 && !row.sentence.is_empty()));
    }

    #[test]
    fn what_may_have_been_executed_is_never_a_decline() {
        let check = |code: &str, expected| assert_eq!(reason(code).map(|row| row.answer), expected, "{code}");
        for code in ["AM05", "DUPL", "DU01", "DU03", "DU04", "RF01"] {
            check(code, Some(Doubt));
        }
        for code in ["AB05", "AB06", "AB07", "AB08", "AB09", "AB10", "AM04", "RC01", "TM01"] {
            check(code, Some(Elsewhere));
        }
        for code in ["AC01", "AC04", "AC06", "MD07", "FRAD", "RR04"] {
            check(code, Some(Here));
        }
        for code in ["", "ac01", "ZZ99", "AC01 "] {
            check(code, None);
        }
    }
}
