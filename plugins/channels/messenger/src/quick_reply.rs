//! A note's choices as quick replies: buttons under a message, which are gone once one of them is pressed.

use sportello_sdk::Choice;
use sportello_sdk::serde::Serialize;

use crate::length::{len, start_of};

/// How many quick replies a message may have.
const QUICK_REPLIES_MAX: usize = 13;

/// The longest text on a button.
const TITLE_LEN_MAX: usize = 20;

/// The longest payload.
const PAYLOAD_LEN_MAX: usize = 1000;

/// A button, and what comes back when it is pressed.
#[derive(Serialize)]
pub(crate) struct QuickReply<'n> {
    content_type: &'static str,
    title: String,
    payload: &'n str,
}

/// The quick replies for these choices, as many as there may be. A choice that cannot be one is left out: the text says
/// all that is needed without.
pub(crate) fn quick_replies(choices: &[Choice]) -> Vec<QuickReply<'_>> {
    choices.iter().filter_map(quick_reply).take(QUICK_REPLIES_MAX).collect()
}

fn quick_reply(choice: &Choice) -> Option<QuickReply<'_>> {
    let is_sayable = !choice.says.trim().is_empty() && len(&choice.says) <= PAYLOAD_LEN_MAX;
    let label = choice.label.trim();
    (is_sayable && !label.is_empty()).then(|| QuickReply {
        content_type: "text",
        title: title(label),
        payload: &choice.says,
    })
}

fn title(label: &str) -> String {
    if len(label) <= TITLE_LEN_MAX {
        return label.to_owned();
    }
    format!("{}…", start_of(label, TITLE_LEN_MAX - 1).trim_end())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_fit_on_buttons() {
        let check = |label: &str, expected: &str| {
            let choices = [Choice { label: label.to_owned(), says: "yes".to_owned() }];
            let titles: Vec<String> = quick_replies(&choices).into_iter().map(|reply| reply.title).collect();
            assert_eq!(titles.join("|"), expected, "{label}");
            assert!(titles.iter().all(|title| len(title) <= TITLE_LEN_MAX), "{titles:?}");
        };
        check("Confirm", "Confirm");
        check("  Conferma ", "Conferma");
        check("", "");
        check(" \n", "");
        check("12345678901234567890", "12345678901234567890");
        check("123456789012345678901", "1234567890123456789…");
        check("Confirmer le paiement maintenant", "Confirmer le paieme…");
        check("Confirmer le paient maintenant", "Confirmer le paient…");
        // A family is eleven units, and never parted; a letter keeps its mark.
        check("👨‍👩‍👧‍👦👨‍👩‍👧‍👦", "👨‍👩‍👧‍👦…");
        check(&"e\u{301}".repeat(12), &format!("{}…", "e\u{301}".repeat(9)));
        check(&"🍕".repeat(11), &format!("{}…", "🍕".repeat(9)));
        check(&"🍕".repeat(10), &"🍕".repeat(10));
        // What is longer than a button by itself is parted after all.
        check(&format!("a{}", "\u{301}".repeat(30)), &format!("a{}…", "\u{301}".repeat(18)));
    }

    #[test]
    fn choices() {
        let check = |says: &[String], expected: usize| {
            let choice = |says: &String| Choice { label: "Confirm".to_owned(), says: says.clone() };
            let choices: Vec<Choice> = says.iter().map(choice).collect();
            assert_eq!(quick_replies(&choices).len(), expected);
        };
        check(&[], 0);
        check(&["yes 431907".to_owned()], 1);
        check(&["".to_owned(), " ".to_owned(), "no".to_owned()], 1);
        check(&["x".repeat(1000), "x".repeat(1001), "🍕".repeat(501)], 1);
        check(&vec!["yes".to_owned(); 20], 13);
    }
}
