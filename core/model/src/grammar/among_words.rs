//! What the words around a number make of it: money, a number of things, or another amount than it says.

use crate::Money;
use crate::command::Because;

use super::item::{Text, What};
use super::lexicon::{
    AND, BEHIND_A_CORRECTION, BESIDE_AN_AMOUNT, BOUND, FOR, FROM, MEASURES, OFF, THANKS, TIMES, TO, VAGUE, between,
    correction, has,
};
use super::mood::begins_clause;
use super::number_word::is_number;
use super::{currency, numeral};

impl Text<'_> {
    /// Whether the word at `at` can be the name of a thing.
    fn is_thing(&self, at: usize) -> bool {
        let is_thing = |word| ![TO, FROM, FOR, AND, TIMES, "di"].iter().any(|words| has(words, word));
        self.word(at).is_some_and(is_thing) && self.phrase(at, between) == 0
    }

    /// Whether the number at `at` counts things: `2 pizzas`.
    pub(super) fn counts_things(&self, at: usize) -> bool {
        self.is_thing(at + 1) && !self.is_word(at + 1, THANKS)
    }

    /// The amount at `at`, behind the verb at `verb_at`, where the words beside it leave it what it is.
    ///
    /// *Pay @anna 2 pizzas*: where amounts have a default currency, a number of things is none of it.
    /// *Pay @anna pizza 4 200 €*: 4,200, or 200 for pizza number 4.
    /// *Pay @anna for lunch without the 20 €*: anything but that.
    pub(super) fn amount_among_words(
        &self,
        at: usize,
        verb_at: usize,
        value: Result<Money, Because>,
        has_currency: bool,
    ) -> Result<Money, Because> {
        let is_spaced = self.items.get(at).is_some_and(|item| numeral::is_spaced(self.raw(item)));
        let is_behind_a_thing = at.checked_sub(1).is_some_and(|before| {
            before != verb_at && (self.is_thing(before) || matches!(self.what(before), Some(What::Tag)))
        });
        match value {
            Ok(_) if self.is_bounded(at) => Err(Because::BadAmount),
            Ok(_) if !has_currency && self.counts_things(at) => Err(Because::NoCurrency),
            Ok(_) if is_spaced && is_behind_a_thing => Err(Because::AmbiguousAmount),
            value => value,
        }
    }

    /// Whether the word before the amount at `at` says that another one is meant: *about*, *less than*, *without the*.
    fn is_bounded(&self, at: usize) -> bool {
        let is_bound =
            |at: usize| self.word(at).is_some_and(|word| [BOUND, VAGUE, OFF].iter().any(|words| has(words, word)));
        // "ca. 20 €": the stop is an abbreviation's.
        let is_stop = at.checked_sub(1).is_some_and(|at| self.what(at) == Some(&What::Mark('.')));
        let Some(before) = at.checked_sub(1 + usize::from(is_stop)) else { return false };
        is_bound(before) || self.is_word(before, BESIDE_AN_AMOUNT) && before.checked_sub(1).is_some_and(is_bound)
    }

    /// Whether the words behind an amount say that it is not all: *fifty*, *three times*, *x3*, *at most*, *plus tip*, *off*.
    pub(super) fn changes_the_amount(&self, first: usize) -> bool {
        let Some(word) = self.word(first) else { return false };
        let ends = |at| !self.is_thing(at) || self.items.get(at).is_some_and(|item| currency::is_unit(self.raw(item)));
        let is_factor = word.strip_prefix('x').is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_digit()));
        let is_vague = |at| [VAGUE, OFF].iter().any(|words| self.is_word(at, words));
        let leads_vague = || is_vague(first + 1) || has("de en", word) && self.is_word(first + 1, "plus");
        is_vague(first)
            || has(BESIDE_AN_AMOUNT, word) && leads_vague()
            || is_factor
            || has(TIMES, word)
            || is_number(word) && ends(first + 1)
    }

    /// The number that corrects another one, where a correction begins at `at` (*sorry, 30*) or the number does, and the
    /// correction follows it (*…, 30 actually*).
    pub(super) fn corrected(&self, at: usize) -> Option<usize> {
        if matches!(self.what(at), Some(What::Amount { .. })) {
            return (begins_clause(self, at) && self.phrase(at + 1, correction) > 0).then_some(at);
        }
        let mut number = at + Some(self.phrase(at, correction)).filter(|len| *len > 0)?;
        for _ in 0..10 {
            number += match self.what(number)? {
                What::Amount { .. } if self.is_word(number + 1, MEASURES) => return None,
                What::Amount { .. } => return Some(number),
                // Somebody's better half is none.
                What::Word(word) if is_number(word) && !(word == "half" && self.is_word(at, "better")) => {
                    return Some(number);
                }
                What::Mark(_) => 1,
                What::Word(word) if has(BEHIND_A_CORRECTION, word) || has(VAGUE, word) => 1,
                _ => Some(self.phrase(number, between).max(self.phrase(number, correction))).filter(|len| *len > 0)?,
            };
        }
        None
    }

    /// Whether the person at `at` stands before what is theirs: *@luca's birthday*, *@luca birthday*.
    pub(super) fn owns(&self, at: usize) -> bool {
        let is_possessive = self.items.get(at).is_some_and(|item| {
            let written = self.raw(item);
            written.ends_with("'s") || written.ends_with("’s")
        });
        is_possessive || self.counts_things(at) && !self.is_word(at + 1, "too pure")
    }

    /// Whether *to* or *from* at `at` leads somebody or something in, and is no part of a memo.
    pub(super) fn leads(&self, at: usize) -> bool {
        self.leads_to(at, |what| matches!(what, What::Person(_) | What::Amount { .. } | What::Own | What::Hidden))
    }

    /// Whether the word at `at` stands before such an item.
    pub(super) fn leads_to(&self, at: usize, is: impl Fn(&What) -> bool) -> bool {
        self.what(at + 1 + self.phrase(at + 1, between)).is_some_and(is)
    }
}
