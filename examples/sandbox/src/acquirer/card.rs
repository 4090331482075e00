//! The cards that the sandbox's issuers know, and what they answer.

/// What an issuer does with a card.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Treatment {
    /// Approves; evidence, where it is brought, must be right.
    Approve,
    /// Approves what the payer was authenticated for, and asks for that (1A) where nothing is brought.
    ApproveAuthenticated,
    /// Approves a half.
    ApproveHalf,
    /// A network token: it comes with a cryptogram that a wallet minted for it.
    ApproveCryptogram,
    /// Declines with this code.
    Decline(&'static str),
}

/// How the directory and the ACS of the 3DS server answer for a card.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Authentication {
    /// With this status at once (EMV 3-D Secure, `transStatus`), or `C` for a challenge.
    Status(&'static str),
    NotEnrolled,
}

/// One card.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Card {
    pub(crate) pan: &'static str,
    /// What it is for, in a few words.
    pub(crate) name: &'static str,
    pub(crate) treatment: Treatment,
    pub(crate) authentication: Authentication,
}

/// When all of them expire, as field 14 has it (YYMM).
pub(crate) const EXPIRY: &str = "3012";

/// All of them.
pub(crate) const CARDS: [Card; 13] = {
    use Authentication::{NotEnrolled, Status};
    use Treatment::{Approve, ApproveAuthenticated, ApproveCryptogram, ApproveHalf, Decline};
    [
        card("4111111111111111", "frictionless", Approve, Status("Y")),
        card("5555555555554444", "challenge", Approve, Status("C")),
        card("4242424242424242", "not enrolled for 3-D Secure", Approve, NotEnrolled),
        card("4000002500003155", "authentication demanded", ApproveAuthenticated, Status("C")),
        card("6011000990139424", "approved in part", ApproveHalf, Status("Y")),
        card("3530111333300000", "frictionless, from Japan", Approve, Status("Y")),
        card("4000000000000002", "declined", Decline("05"), Status("Y")),
        card("4000000000009995", "no funds", Decline("51"), Status("Y")),
        card("4000000000000069", "expired", Decline("54"), Status("Y")),
        card("4000000000003220", "not authenticated", Decline("05"), Status("N")),
        card("4000000000000341", "stolen", Decline("43"), Status("Y")),
        card("4895370012003478", "Apple Pay token", ApproveCryptogram, NotEnrolled),
        card("5204240250197840", "Google Pay token", ApproveCryptogram, NotEnrolled),
    ]
};

type Text = &'static str;

const fn card(pan: Text, name: Text, treatment: Treatment, authentication: Authentication) -> Card {
    Card { pan, name, treatment, authentication }
}

/// The card with that number.
pub(crate) fn find(pan: &str) -> Option<&'static Card> {
    CARDS.iter().find(|card| card.pan == pan)
}

/// The table, for people.
pub(crate) fn help() -> String {
    let line = |card: &Card| {
        let acquirer = match card.treatment {
            Treatment::Approve => "approved".to_owned(),
            Treatment::ApproveAuthenticated => "approved with evidence, else 1A".to_owned(),
            Treatment::ApproveHalf => "a half approved (10)".to_owned(),
            Treatment::ApproveCryptogram => "approved with a wallet's cryptogram".to_owned(),
            Treatment::Decline(code) => format!("declined, {code}"),
        };
        let threeds = match card.authentication {
            Authentication::Status("C") => "3DS challenge, the code is 123456".to_owned(),
            Authentication::Status(status) => format!("3DS {status}"),
            Authentication::NotEnrolled => "not enrolled for 3DS".to_owned(),
        };
        format!("  {:>24}  {acquirer}; {threeds}", card.pan)
    };
    let lines: Vec<String> = CARDS.iter().map(line).collect();
    format!("The cards of the acquirer, all until 2030-12:\n{}", lines.join("\n"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_cards_are_cards_and_their_last_digits_tell_them_apart() {
        let mut last: Vec<&str> = CARDS.iter().map(|card| super::super::last4(card.pan)).collect();
        assert!(CARDS.iter().all(|card| super::super::luhn(card.pan)));
        last.sort_unstable();
        assert!(last.is_sorted_by(|a, b| a < b), "{last:?}");
    }
}
