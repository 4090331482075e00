//! The one table of response codes (field 39): what each says of the money, and a sentence for a person.
//!
//! Source: ISO 8583:1987, annex A, as the card networks use it; the codes with letters, and those of 2015 on about
//! authentication, are the networks' own. A code that is not here says nothing: the outcome is unknown.

/// What a response code says of the money.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Meaning {
    /// Done.
    Approved,
    /// Done, with a smaller amount.
    ApprovedInPart,
    /// Not done; it may be, once the payer was authenticated.
    Authenticate,
    /// Not done, and the same again will fare no better. Whether another rail may answer differently.
    Declined(Elsewhere),
    /// Not done just now.
    TryLater,
    /// Not done, and the card is to be kept: it was lost, stolen or forged.
    PickUp,
    /// What the message was about is not known.
    NoOriginal,
    /// It has come before.
    Duplicate,
    /// The answer says that it knows nothing.
    Unclear,
}

/// Whether another rail may answer differently.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Elsewhere {
    /// It is about this card, this acquirer, or this way of asking.
    Maybe,
    /// It is about the payer or the payment: another rail should not be tried.
    No,
}

pub(super) struct Row {
    pub(super) code: &'static str,
    pub(super) meaning: Meaning,
    pub(super) sentence: &'static str,
}

const fn row(code: &'static str, meaning: Meaning, sentence: &'static str) -> Row {
    Row { code, meaning, sentence }
}

const DECLINED: Meaning = Meaning::Declined(Elsewhere::Maybe);
const DECLINED_EVERYWHERE: Meaning = Meaning::Declined(Elsewhere::No);

#[rustfmt::skip]
const ROWS: &[Row] = &[
    row("00", Meaning::Approved, "approved"),
    row("10", Meaning::ApprovedInPart, "approved for a part of the amount"),

    row("1A", Meaning::Authenticate, "the card's bank wants its customer to confirm the payment"),
    // Once "exceeds frequency limit"; since PSD2 the networks' soft decline.
    row("65", Meaning::Authenticate, "the card's bank wants its customer to confirm the payment"),

    // About this card, this merchant, or this message: whoever asks another rail may fare better.
    row("01", DECLINED, "the card's bank wants to be called about this payment"),
    row("02", DECLINED, "the card's bank wants to be called about this payment"),
    row("03", DECLINED, "the acquirer does not know this merchant"),
    row("05", DECLINED, "the card's bank declined the payment"),
    row("06", DECLINED, "the card's bank could not carry out the payment"),
    row("12", DECLINED, "the card cannot be used for this kind of payment"),
    row("13", DECLINED, "the amount is not accepted for this card"),
    row("14", DECLINED, "there is no card with this number"),
    row("15", DECLINED, "the card's bank is not known"),
    row("30", DECLINED, "the acquirer could not read the payment"),
    row("31", DECLINED, "the card's bank is not connected"),
    row("39", DECLINED, "the card has no credit account"),
    row("40", DECLINED, "the card's bank does not offer this kind of payment"),
    row("42", DECLINED, "the card has no such account"),
    row("46", DECLINED, "the card's account is closed"),
    row("51", DECLINED, "there is not enough money on the card's account"),
    row("52", DECLINED, "the card has no such account"),
    row("53", DECLINED, "the card has no such account"),
    row("54", DECLINED, "the card has expired"),
    row("55", DECLINED, "the card's bank wants a PIN"),
    row("56", DECLINED, "there is no card with this number"),
    row("57", DECLINED, "the card may not be used for this payment"),
    row("58", DECLINED, "this payment, or its currency, is not accepted here by card"),
    row("5C", DECLINED, "the card's bank does not offer this kind of payment"),
    row("61", DECLINED, "the amount is above the card's limit"),
    row("62", DECLINED, "the card may not be used for this payment"),
    row("6P", DECLINED, "the cardholder's data could not be verified"),
    row("70", DECLINED, "the card's bank wants a PIN"),
    row("75", DECLINED, "the PIN was entered wrongly too often"),
    row("78", DECLINED, "the card is not active"),
    row("79", DECLINED, "the card is not valid any more"),
    row("82", DECLINED, "the card's bank did not accept the proof that came with the payment"),
    row("N7", DECLINED, "the card's security code is wrong"),

    // About the payer or the payment, whatever pays for it.
    row("59", DECLINED_EVERYWHERE, "the card's bank declined the payment for security reasons"),
    row("63", DECLINED_EVERYWHERE, "the card's bank declined the payment for security reasons"),
    row("66", DECLINED_EVERYWHERE, "the card's bank declined the payment for security reasons"),
    row("83", DECLINED_EVERYWHERE, "the card's bank declined the payment for security reasons"),
    row("93", DECLINED_EVERYWHERE, "the payment is not allowed by law"),
    row("9G", DECLINED_EVERYWHERE, "the cardholder has blocked such payments"),
    row("R0", DECLINED_EVERYWHERE, "the cardholder has stopped this payment"),
    row("R1", DECLINED_EVERYWHERE, "the cardholder has stopped all payments to this merchant"),
    row("R3", DECLINED_EVERYWHERE, "the cardholder has stopped all payments to this merchant"),

    row("04", Meaning::PickUp, "the card is blocked by its bank"),
    row("07", Meaning::PickUp, "the card is blocked by its bank"),
    row("33", Meaning::PickUp, "the card has expired and is blocked by its bank"),
    row("34", Meaning::PickUp, "the card is blocked by its bank"),
    row("35", Meaning::PickUp, "the card is blocked by its bank"),
    row("36", Meaning::PickUp, "the card is blocked by its bank"),
    row("37", Meaning::PickUp, "the card is blocked by its bank"),
    row("38", Meaning::PickUp, "the card is blocked: its PIN was entered wrongly too often"),
    row("41", Meaning::PickUp, "the card is blocked by its bank"),
    row("43", Meaning::PickUp, "the card is blocked by its bank"),
    row("67", Meaning::PickUp, "the card is blocked by its bank"),

    row("19", Meaning::TryLater, "the payment must be entered again"),
    row("90", Meaning::TryLater, "the card network is closing its day"),
    row("91", Meaning::TryLater, "the card's bank cannot be reached"),
    row("92", Meaning::TryLater, "the card's bank cannot be found just now"),
    row("96", Meaning::TryLater, "the card network has a malfunction"),

    row("25", Meaning::NoOriginal, "the acquirer does not know what the message is about"),
    row("94", Meaning::Duplicate, "the acquirer has had this message before"),

    // An answer came, and the request's fate is open all the same.
    row("09", Meaning::Unclear, "the acquirer is still at work on it"),
    row("68", Meaning::Unclear, "the acquirer heard too late from the card's bank"),
];

/// The row of a code, exactly as it came.
pub(super) fn response(code: &str) -> Option<&'static Row> {
    ROWS.iter().find(|row| row.code == code)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_stands_there_once() {
        for (at, row) in ROWS.iter().enumerate() {
            assert_eq!(row.code.len(), 2, "{}", row.code);
            assert!(!ROWS[..at].iter().any(|other| other.code == row.code), "{}", row.code);
            assert!(!row.sentence.is_empty());
        }
    }

    #[test]
    fn only_two_codes_say_that_money_moved() {
        let moved = |row: &&Row| matches!(row.meaning, Meaning::Approved | Meaning::ApprovedInPart);
        assert_eq!(ROWS.iter().filter(moved).map(|row| row.code).collect::<Vec<_>>(), ["00", "10"]);
    }

    #[test]
    fn what_is_not_in_the_table_says_nothing() {
        // Approvals of other kinds (08, 11, 16, 85) among them: what they approve is not what was asked.
        for code in ["", "0", "000", "08", "11", "16", "21", "85", "1a", "ZZ", "99", "  "] {
            assert!(response(code).is_none(), "{code}");
        }
    }
}
