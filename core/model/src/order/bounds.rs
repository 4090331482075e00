//! How much of what a rail says is taken: what it writes is kept for good, and shown to people.

use super::Outcome;

/// The longest text that is kept, in characters.
const TEXT_LEN_MAX: usize = 500;
/// The longest reference of a rail's own, in bytes.
const REFERENCE_LEN_MAX: usize = 500;
/// The longest address that a payer is sent to, in bytes.
const URL_LEN_MAX: usize = 2_048;

/// `text`, cut where it is longer than anybody reads.
pub fn clip(mut text: String) -> String {
    if let Some((end, _)) = text.char_indices().nth(TEXT_LEN_MAX) {
        text.truncate(end);
        text.push('…');
    }
    text
}

impl Outcome {
    /// The same with its texts cut. What would be another thing if it were cut is left out whole: an order is asked about by
    /// its key where its reference is too long; and nobody can act at an address that is, so that nothing is known of the order.
    #[must_use]
    pub fn clipped(mut self) -> Self {
        if matches!(&self, Self::ActionRequired { url, .. } if url.len() > URL_LEN_MAX) {
            return Self::unknown("the payer must act at an address that is too long to be sent");
        }
        for text in self.texts_mut() {
            *text = clip(std::mem::take(text));
        }
        match &mut self {
            Self::Settled { reference, .. }
            | Self::Pending { reference, .. }
            | Self::ActionRequired { reference, .. } => {
                *reference = reference.take().filter(|reference| reference.len() <= REFERENCE_LEN_MAX);
            }
            Self::Declined { .. } | Self::Unknown { .. } | Self::Proceed | Self::Unrecognised => {}
        }
        self
    }

    /// What is in it for people to read. A reference and an address are not: they are used as they stand.
    pub fn texts_mut(&mut self) -> Vec<&mut String> {
        match self {
            Self::Pending { detail, .. } => vec![detail],
            Self::Declined { code, reason, .. } => vec![code, reason],
            Self::Unknown { because } => vec![because],
            Self::Settled { .. } | Self::ActionRequired { .. } | Self::Proceed | Self::Unrecognised => Vec::new(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_rail_says_is_cut_and_never_into_another_thing() {
        let check = |said: Outcome, expected: Outcome| assert_eq!(said.clipped(), expected);
        let pending =
            |detail: String, reference: Option<String>| Outcome::Pending { reference, detail, ask_after_ms: None };
        let action = |url: String| Outcome::ActionRequired { url, until_ms: None, reference: None };
        let declined = |text: String| Outcome::Declined { code: text.clone(), reason: text, elsewhere: true };
        let (fits, cut) = ("é".repeat(500), format!("{}…", "é".repeat(500)));
        check(Outcome::unknown(fits.clone()), Outcome::unknown(fits.clone()));
        check(Outcome::unknown("é".repeat(501)), Outcome::unknown(cut.clone()));
        check(declined("é".repeat(1 << 20)), declined(cut.clone()));
        check(pending("é".repeat(501), Some("r".repeat(500))), pending(cut.clone(), Some("r".repeat(500))));
        check(pending(fits.clone(), Some("r".repeat(501))), pending(fits, None));
        check(action("u".repeat(2_048)), action("u".repeat(2_048)));
        let too_long = Outcome::unknown("the payer must act at an address that is too long to be sent");
        check(action("u".repeat(2_049)), too_long);
        check(Outcome::Proceed, Outcome::Proceed);
    }
}
