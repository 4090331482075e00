//! The commands about a payment that exists (*confirm, cancel, refund, status*), and *enrol* and *help*.

use crate::Command;
use crate::Money;
use crate::command::Because;

use super::item::{Item, Text, Verb, What};
use super::lexicon::{ABOUT_A_PAYMENT, AND, Action, has, pleasantry};
use super::mood::{is_negated, is_question, opening};
use super::{token, unclear};

/// What a command says besides its verb.
#[derive(Default)]
struct Said {
    references: Vec<String>,
    amounts: Vec<Result<Money, Because>>,
    /// Words that we do not know, or somebody's name.
    is_strange: bool,
    is_two_commands: bool,
}

/// Reads a command about a payment.
pub(super) fn read(text: &Text<'_>, verb: Verb) -> Command {
    let opening = opening(text, verb);
    let said = said(text, verb);
    let count = text.items.len();
    let does_much = matches!(verb.action, Action::Confirm | Action::Cancel | Action::Refund);
    let takes_amount = verb.action == Action::Refund;
    let amount = said.amounts.first().copied().transpose();
    let is_lost =
        said.is_strange && (said.references.is_empty() || takes_amount) || !takes_amount && !said.amounts.is_empty();
    // One reason a line, in the order of `Because`; that the words make no command of ours is known last.
    let table = [
        (is_negated(text, verb, count), Because::Negated),
        (does_much && (opening.is_strange || is_question(text, verb, opening, count)), Because::Question),
        (said.is_two_commands || said.references.len() > 1, Because::TwoCommands),
        (said.amounts.len() > 1, Because::TwoAmounts),
        (is_lost || opening.is_strange || opening.is_told, Because::NoCommand),
    ];
    let because = table.into_iter().find_map(|(applies, because)| applies.then_some(because));
    let reference = said.references.into_iter().next();
    match (because, amount, verb.action) {
        (Some(because), ..) | (None, Err(because), _) => unclear(because, text.understood(Some(verb), None)),
        (None, Ok(_), Action::Confirm) => Command::Confirm { code: reference },
        (None, Ok(_), Action::Cancel) => Command::Cancel { reference },
        (None, Ok(amount), Action::Refund) => Command::Refund { reference, amount },
        (None, Ok(_), Action::Status) => Command::Status { reference },
        (None, Ok(_), Action::Enrol) => Command::Enrol,
        (None, Ok(_), _) => Command::Help,
    }
}

fn said(text: &Text<'_>, verb: Verb) -> Said {
    let mut said = Said::default();
    let mut known_until = 0;
    for (at, item) in text.items.iter().enumerate() {
        if at == verb.at || item.start < known_until {
            continue;
        }
        let is_behind = at > verb.at;
        match &item.what {
            What::Amount { value, has_currency: true } => said.amounts.push(*value),
            What::Amount { .. } | What::Word(_) | What::Tag | What::Verb(..)
                if is_behind && let Some((reference, end)) = reference(text, item, verb.action) =>
            {
                known_until = end;
                said.references.push(reference);
            }
            What::Verb(_, word) => {
                let is_noun = has(ABOUT_A_PAYMENT, word) && !text.is_word(at.saturating_sub(1), AND);
                said.is_two_commands |= !is_noun;
            }
            What::Word(word) if is_behind => {
                let is_known = has(ABOUT_A_PAYMENT, word) || has(AND, word) || text.phrase(at, pleasantry) > 0;
                let ends_phrase =
                    (1..=4).any(|back| at.checked_sub(back).is_some_and(|from| text.phrase(from, pleasantry) > back));
                said.is_strange |= !is_known && !ends_phrase;
            }
            What::Amount { .. } | What::Quoted | What::Address | What::Hidden | What::Tag => {
                said.is_strange |= is_behind
            }
            What::Person(_) => said.is_strange |= is_behind,
            What::Word(_) | What::Own | What::Visibility(_) | What::Sign | What::Mark(_) => {}
        }
    }
    said
}

/// What a payment or a code is named by: letters and digits (and `-`, `_`) without a space, a digit among them; for a
/// code, digits in groups. With the place where it ends.
fn reference(text: &Text<'_>, item: &Item, action: Action) -> Option<(String, usize)> {
    if action == Action::Confirm {
        return digits(text.raw(item)).map(|code| (code, item.end));
    }
    let rest = text.text.get(item.start..)?;
    let chunk = rest.get(..token::chunk_len(rest))?;
    let name = chunk.trim_start_matches('#').trim_end_matches(['.', ',', ';', ':', '!', '?', ')']);
    let is_name = name.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_'));
    let is_reference = is_name && name.len() <= 64 && name.bytes().any(|b| b.is_ascii_digit());
    is_reference.then(|| (name.to_owned(), item.start + chunk.len()))
}

/// The digits of a code, which spaces or hyphens may part in groups.
pub(super) fn digits(written: &str) -> Option<String> {
    let digits: String = written.chars().filter(char::is_ascii_digit).collect();
    let only_digits = written.chars().all(|c| c.is_ascii_digit() || matches!(c, ' ' | '-' | '\u{a0}'));
    (only_digits && !written.starts_with('-') && (1..=12).contains(&digits.len())).then_some(digits)
}
