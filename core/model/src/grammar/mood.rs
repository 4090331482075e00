//! Whether a text wishes what its verb says: not if it is denied, asked, supposed, or told of somebody else.

use super::item::{Text, Verb, What};
use super::lexicon::{
    self, AND, ASKS, CONDITION, CONDITION_IN_MEMO, LEADS_A_DATE, LEADS_A_TIME, NOT, NOT_IN_FRENCH, NOT_IN_ITALIAN,
    POLITE, REPORT, TIMESPAN, TO, WEEKDAYS, correction, has, later, opener, pleasantry, polite_question, withdrawn,
};
use super::{Action, Language};

/// What stands before the verb.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Opening {
    /// The first item of the verb's own sentence.
    pub(super) from: usize,
    /// *Can you…*: a question mark at the end changes nothing.
    pub(super) is_polite: bool,
    /// A condition or somebody else's words.
    pub(super) is_told: bool,
    /// Words that we do not know.
    pub(super) is_strange: bool,
    /// Characters that cannot be seen.
    pub(super) hides: bool,
}

/// Reads what stands before the verb. A sentence's end and the gateway's name begin anew, but a condition stays one.
pub(super) fn opening(text: &Text<'_>, verb: Verb) -> Opening {
    let mut opening = Opening::default();
    let before = |at: usize| at.checked_sub(1).and_then(|at| text.what(at));
    let mut at = 0;
    while at < verb.at {
        let polite = text.phrase(at, polite_question);
        let known = text.phrase(at, opener);
        match text.what(at) {
            // "Just tweet @sportello pay…" is somebody's tale; "great dinner 🍕 @sportello pay…" is not.
            Some(What::Own) if opening.is_strange && !matches!(before(at), Some(What::Mark(c)) if *c != ':') => {}
            Some(What::Own | What::Mark('.' | '!' | '?' | ';' | '\n')) => {
                opening =
                    Opening { from: at + 1, is_told: opening.is_told, hides: opening.hides, ..Opening::default() };
            }
            Some(What::Hidden) => opening.hides = true,
            // A quotation, of which the end is missing.
            Some(What::Mark('"' | '“' | '„' | '«' | '‘' | '\'' | '`')) => opening.is_told = true,
            Some(What::Mark('>')) if !text.glued(at) => opening.is_told = true,
            Some(What::Quoted | What::Address) => opening.is_strange = true,
            Some(What::Word(_)) if polite > 0 => {
                opening.is_polite = true;
                at += polite;
                continue;
            }
            Some(What::Word(_)) if known > 0 => {
                at += known;
                continue;
            }
            Some(What::Word(word)) if has(CONDITION, word) || has(REPORT, word) => opening.is_told = true,
            Some(What::Word(word)) => {
                let leads = has(TO, word) && matches!(text.what(at + 1), Some(What::Person(_) | What::Amount { .. }));
                opening.is_strange |= !leads;
            }
            _ => {}
        }
        at += 1;
    }
    opening
}

/// Whether the item at `at` turns a wish around. *No, cancel* wishes to cancel.
fn is_not(text: &Text<'_>, at: usize, verb: Verb) -> bool {
    let language = verb.language;
    text.word(at).is_some_and(|word| {
        has(NOT, word) && !(word == "dont" && language == Language::Fr)
            || word.ends_with("n't")
            || has(NOT_IN_ITALIAN, word) && language != Language::Fr
            || has(NOT_IN_FRENCH, word) && language != Language::It
            || word == "plus" && language == Language::Fr && at == verb.at + 1
            || word == "no"
                && !(verb.action == Action::Cancel && text.what(at + 1) == Some(&What::Mark(',')))
                && !is_numero(text, at)
    })
}

/// *Invoice no. 12*
pub(super) fn is_numero(text: &Text<'_>, at: usize) -> bool {
    if !text.is_word(at, "no n nr num") {
        return false;
    }
    let behind = if text.what(at + 1) == Some(&What::Mark('.')) { at + 2 } else { at + 1 };
    let is_number = matches!(text.what(behind), Some(What::Amount { has_currency: false, .. }));
    is_number && at.checked_sub(1).is_some_and(|at| matches!(text.what(at), Some(What::Word(_))))
}

/// Whether the text denies what its verb says. `memo_from` is where a marked memo begins: *for not being late* is a
/// memo, and *for the pizza, don't* is not.
pub(super) fn is_negated(text: &Text<'_>, verb: Verb, memo_from: usize) -> bool {
    (0..text.items.len()).any(|at| {
        is_not(text, at, verb)
            && (at < memo_from || begins_clause(text, at) || ends_text(text, at) || before_verb(text, at))
    }) || is_withdrawn(text, verb, memo_from)
}

/// Whether the text ends by taking its wish back: *forget it*, *already paid*. *Cancel 5, already paid* is a reason.
fn is_withdrawn(text: &Text<'_>, verb: Verb, memo_from: usize) -> bool {
    let may_be_a_reason = matches!(verb.action, Action::Cancel | Action::Refund | Action::Status | Action::Help);
    !may_be_a_reason
        && (verb.at + 1..text.items.len()).any(|at| {
            // Verbs too: French *payé* is written as one.
            let words: Vec<&str> = (at..at + 5).map_while(|at| text.word(at)).collect();
            let len = withdrawn(&words, at < memo_from || begins_clause(text, at));
            len > 0 && says_no_more(text, at + len)
        })
}

/// Whether nothing but courtesies and marks stands from `at` on.
fn says_no_more(text: &Text<'_>, mut at: usize) -> bool {
    while let Some(what) = text.what(at) {
        at += match what {
            What::Mark(_) | What::Own | What::Visibility(_) | What::Tag => 1,
            _ if text.is_word(at, POLITE) => 1,
            _ => match text.phrase(at, pleasantry).max(text.phrase(at, correction)) {
                0 => return false,
                len => len,
            },
        };
    }
    true
}

fn ends_text(text: &Text<'_>, at: usize) -> bool {
    (at + 1..text.items.len()).take(8).all(|at| matches!(text.what(at), Some(What::Mark(_))))
}

fn before_verb(text: &Text<'_>, at: usize) -> bool {
    (at + 1..=at + 2).any(|at| matches!(text.what(at), Some(What::Verb(..))))
}

/// Whether something new begins at `at`: behind a comma, a stop, a line's end, the gateway's name or *and*.
pub(super) fn begins_clause(text: &Text<'_>, at: usize) -> bool {
    let Some(before) = at.checked_sub(1) else { return true };
    matches!(text.what(before), Some(What::Own | What::Mark(_))) || text.is_word(before, AND)
}

/// Whether the text asks, supposes or puts off. `memo_from` as above; `rest_from` is where the remaining words begin.
pub(super) fn is_question(text: &Text<'_>, verb: Verb, opening: Opening, rest_from: usize) -> bool {
    let asks = || {
        let marks = text.items.iter().skip(verb.at).any(|item| item.what == What::Mark('?'));
        marks && !opening.is_polite
    };
    // "20 € - tomorrow": the dash is no word.
    let rest_from = if matches!(text.what(rest_from), Some(What::Mark(_))) { rest_from + 1 } else { rest_from };
    let supposes = || {
        (verb.at + 1..text.items.len()).any(|at| match text.word(at) {
            Some("si") => verb.language != Language::It,
            Some("se") => verb.language != Language::Fr,
            Some("s'") => text.is_word(at + 1, "il ils") && text.phrase(at, pleasantry) == 0,
            Some(word) if verb.action == Action::Request && at <= rest_from && has(ASKS, word) => true,
            Some(_) if at <= rest_from && puts_off(text, at) => true,
            Some(word) => has(CONDITION_IN_MEMO, word) || at <= rest_from && has(CONDITION, word),
            None => false,
        })
    };
    opening.is_told || asks() || supposes()
}

/// Whether the words at `at` name another time, or many: *on friday*, *a month*, *al mese*, *alle 18*.
fn puts_off(text: &Text<'_>, at: usize) -> bool {
    let leads = (at..at + 2).take_while(|at| text.is_word(*at, LEADS_A_TIME)).count();
    let time = at + leads;
    let is_weekday = text.is_word(time, WEEKDAYS) && (leads > 0 || !matches!(text.what(time + 1), Some(What::Word(_))));
    let is_date = leads > 0
        && text.is_word(at, LEADS_A_DATE)
        && matches!(text.what(time), Some(What::Amount { has_currency: false, .. }));
    text.phrase(at, later) > 0 || is_weekday || is_date || leads > 0 && text.is_word(time, TIMESPAN)
}

/// Whether somebody named in a memo is one more to do it to: *…and @luca too*, *…, also @luca*, *…and to @luca*.
pub(super) fn is_added(text: &Text<'_>, at: usize) -> bool {
    let Some(before) = at.checked_sub(1) else { return false };
    let is_more = text.is_word(before, "also anche aussi")
        || text.is_word(at + 1, "also too anche pure aussi")
        || matches!(text.what(at + 1), Some(What::Amount { .. }));
    begins_clause(text, at) && is_more || text.is_word(before, TO) && begins_clause(text, before)
}

/// Whether a second thing to do stands in the memo: behind a stop or the gateway's name, or behind *and* or a comma with
/// something to do it to.
pub(super) fn is_second_command(text: &Text<'_>, at: usize) -> bool {
    let Some(What::Verb(action, _)) = text.what(at) else { return false };
    let does_much = !matches!(action, Action::Help | Action::Status | Action::Enrol | Action::Cart | Action::Add);
    let after_stop =
        matches!(at.checked_sub(1).and_then(|at| text.what(at)), Some(What::Own | What::Mark('.' | '!' | ';' | '\n')));
    let has_object = (at + 1..=at + 2).any(|at| matches!(text.what(at), Some(What::Person(_) | What::Amount { .. })))
        || text.is_word(at + 1, lexicon::TO)
        || text.is_word(at + 1, "it that this lo la ca cela");
    let near = |is: fn(&What) -> bool| (at + 1..=at + 4).any(|at| text.what(at).is_some_and(is));
    let says_all = near(|what| matches!(what, What::Person(_))) && near(|what| matches!(what, What::Amount { .. }));
    after_stop && does_much || begins_clause(text, at) && has_object || does_much && says_all
}
