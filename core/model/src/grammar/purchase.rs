//! *Buy* and *cart*: what, how many, from whom.

use crate::command::{Because, Purchase};
use crate::{Command, Handle};

use super::item::{Text, Verb, What};
use super::lexicon::{Action, CART, FROM, THIS, TO, has, pleasantry};
use super::mood::{is_negated, is_question, is_second_command, opening};
use super::number_word::is_number;
use super::unclear;

/// The most that can be bought at once; a larger number is a slip.
const QUANTITY_MAX: u32 = 9_999;

/// Reads a purchase.
pub(super) fn read(text: &Text<'_>, verb: Verb) -> Command {
    let opening = opening(text, verb);
    let count = text.items.len();
    let (quantity, item_from) = quantity(text, verb.at + 1);
    let mut merchants: Vec<&Option<Handle>> = Vec::new();
    let mut places = Vec::new();
    let mut says_something = false;
    let mut is_two_commands = false;
    let mut at = item_from;
    while let Some(item) = text.items.get(at) {
        let polite = text.phrase(at, pleasantry);
        if polite > 0 {
            at += polite;
            continue;
        }
        let leads = text.is_word(at, FROM) || text.is_word(at, TO);
        let next = text.what(at + 1);
        match &item.what {
            What::Person(person) if !merchants.contains(&person) => merchants.push(person),
            What::Person(_) | What::Own | What::Visibility(_) => {}
            What::Word(_) if leads && matches!(next, Some(What::Person(_))) => {}
            // "…to my cart" says what the verb says already.
            What::Word(word) if is_into_cart(text, at) || has(CART, word) => {}
            What::Verb(Action::Cart, _) => {}
            _ => {
                is_two_commands |= at > item_from && is_second_command(text, at);
                let is_this =
                    matches!(&item.what, What::Word(word) if has(THIS, word)) || matches!(item.what, What::Mark(_));
                says_something |= !is_this;
                places.push((item.start, item.end));
            }
        }
        at += 1;
    }
    // One reason a line, in the order of `Because`.
    let table = [
        (is_negated(text, verb, count), Because::Negated),
        (opening.is_strange || is_question(text, verb, opening, item_from), Because::Question),
        (is_two_commands, Because::TwoCommands),
        (merchants.len() > 1, Because::TwoPayees),
        (merchants.contains(&&None) || opening.hides, Because::BadPayee),
        (text.word(item_from).is_some_and(is_number), Because::BadAmount),
    ];
    let item = text.memo(&places).filter(|_| says_something);
    let because = table.into_iter().find_map(|(applies, because)| applies.then_some(because));
    match (because, quantity) {
        (Some(because), _) | (None, Err(because)) => unclear(because, text.understood(Some(verb), item)),
        (None, Ok(quantity)) => {
            let merchant = merchants.into_iter().next().cloned().flatten();
            let purchase = Purchase { item, quantity, merchant };
            if verb.action == Action::Buy { Command::Buy(purchase) } else { Command::Cart(purchase) }
        }
    }
}

/// How many, and where the thing itself begins: `2 pizzas`, `2 x pizza`, `2x pizza`.
fn quantity(text: &Text<'_>, at: usize) -> (Result<u32, Because>, usize) {
    let Some((item, false)) = text.items.get(at).and_then(|item| match &item.what {
        What::Amount { has_currency, .. } => Some((item, *has_currency)),
        _ => None,
    }) else {
        return (Ok(1), at);
    };
    let written = text.raw(item);
    let digits = written.trim_end_matches(['x', '×']);
    let from = if text.is_word(at + 1, "x") || text.what(at + 1) == Some(&What::Mark('×')) { at + 2 } else { at + 1 };
    if digits.is_empty() || !digits.bytes().all(|b| b.is_ascii_digit()) {
        return (Err(Because::BadAmount), from);
    }
    match digits.parse::<u32>() {
        Ok(0) => (Err(Because::ZeroAmount), from),
        Ok(quantity) if quantity <= QUANTITY_MAX => (Ok(quantity), from),
        _ => (Err(Because::AmountTooLarge), from),
    }
}

/// Whether the words from `at` on lead to the cart: *to my cart*, *nel carrello*, *dans le panier*.
fn is_into_cart(text: &Text<'_>, at: usize) -> bool {
    let leads = text.is_word(at, "to in into nel al a au dans the my mio il le mon");
    let cart = (at + 1..=at + 3)
        .find(|at| matches!(text.what(*at), Some(What::Verb(Action::Cart, _))) || text.is_word(*at, CART));
    leads
        && cart.is_some_and(|cart| {
            (at + 1..cart).all(|at| text.is_word(at, "to in into nel al a au dans the my mio il le mon"))
        })
}
