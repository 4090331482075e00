//! The command grammar: from a message's text to what it says. Pure, and linear in the length of the text.
//!
//! It reads in three steps, a file each: tokens (`token`, `numeral`, `person`), items with their meaning (`item`,
//! `amount`, `lexicon`), and the command (`transfer` with `among_words` and `mood`, `purchase`, `reference`). It is generous about words and strict about
//! money: what could be read as another amount, another person or another wish is [`Command::Unclear`], with the reason and
//! with what was understood.
//!
//! How a message is cut up:
//! - **Before the verb**: greetings, politeness, mentions of the gateway and of those whom the platform adds to a reply.
//!   Nobody named here is a payee, unless *to* stands before. Another word makes it somebody's tale, and no wish.
//! - **The head**, from the verb until both a payee and an amount have come, in any order.
//! - **The memo**, after *for/per/pour*, a dash, a colon or in quotation marks; or else the remaining words. People in a
//!   marked memo are only spoken of (*for @luca's birthday*), unless it names nothing but them (*for @luca*); in the
//!   remaining words they are a second payee. A second amount with a currency, or behind a correction (*make it 30*), is
//!   asked about wherever it stands, except between quotation marks.
//! - Where the head lacks something, the memo's end may hold it: *pay 20 € for lunch to @anna*, *pay @anna for lunch 20 €*.

mod among_words;
mod amount;
mod currency;
mod explain;
mod iban;
mod item;
mod language;
mod lexicon;
mod memo;
mod mood;
mod number_word;
mod numeral;
mod person;
mod purchase;
mod reference;
#[cfg(test)]
mod tests;
mod token;
mod transfer;

pub use explain::{example, explain};
pub use language::{Language, language_of};
pub use memo::MEMO_CHARS_MAX;

use crate::command::{Because, Unclear, Understood};
use crate::{Command, Currency};
use item::{Text, What};
use lexicon::{AROUND_A_CODE, Action, NO, POLITE, YES, has};

/// The longest text that is read, in characters.
pub const TEXT_CHARS_MAX: usize = 4000;

/// Where a message was written. Whether it is meant for the gateway at all is the channel's to know: it delivers mentions,
/// replies and private messages, none of which need name the gateway in their text.
#[derive(Debug, Clone, Copy)]
pub struct Context<'a> {
    /// The scheme of the channel's handles: `@anna` is named as `scheme:@anna`.
    pub scheme: &'a str,
    /// The gateway's own names there, without `@`; they compare without case. They are never a payee.
    pub own_names: &'a [String],
    /// What an amount without a currency is in; nothing to ask about it.
    pub default_currency: Option<Currency>,
    /// Whether nobody else reads the message. Only then are a bare code and a bare *yes* an answer to a challenge.
    pub private: bool,
}

/// What `text` says.
///
/// ```
/// use sportello_model::grammar::{Context, parse};
/// let own_names = ["sportello".to_owned()];
/// let context = Context { scheme: "chat", own_names: &own_names, default_currency: None, private: false };
/// let command = parse("@sportello pay @anna 20 € for the pizza", &context);
/// let json = serde_json::to_value(command)?;
/// assert_eq!(json["command"], "pay");
/// assert_eq!(json["payee"], "chat:@anna");
/// assert_eq!(json["amount"]["minor"], 2000);
/// assert_eq!(json["memo"], "the pizza");
/// # Ok::<(), serde_json::Error>(())
/// ```
pub fn parse(text: &str, context: &Context<'_>) -> Command {
    if text.chars().nth(TEXT_CHARS_MAX).is_some() {
        return unclear(Because::TooLong, Understood::default());
    }
    let text = Text::read(text, context);
    if let Some(answer) = bare_answer(&text, context.private) {
        return answer;
    }
    let Some(verb) = text.verb else {
        return unclear(Because::NoCommand, text.understood(None, None));
    };
    match verb.action {
        Action::Pay | Action::Request => transfer::read(&text, verb),
        Action::Buy | Action::Cart | Action::Add => purchase::read(&text, verb),
        _ => reference::read(&text, verb),
    }
}

fn unclear(because: Because, understood: Understood) -> Command {
    Command::Unclear(Unclear { because, understood })
}

/// A message that is nothing but *yes*, *no*, a code or a question mark, with thanks or a pictogram.
fn bare_answer(text: &Text<'_>, private: bool) -> Option<Command> {
    let is_nothing = |what: &What| matches!(what, What::Own) || matches!(what, What::Mark(c) if *c != '?');
    let said: Vec<&What> = text.items.iter().map(|item| &item.what).filter(|what| !is_nothing(what)).collect();
    let without = |lists: &[&str]| -> Vec<&What> {
        let is_known = |what: &What| matches!(what, What::Word(word) if lists.iter().any(|words| has(words, word)));
        said.iter().copied().filter(|what| !is_known(what)).collect()
    };
    match *without(&[POLITE]).as_slice() {
        [What::Mark('?')] => return Some(Command::Help),
        [What::Word(word)] if private && has(YES, word) => return Some(Command::Confirm { code: None }),
        [What::Word(word)] if private && has(NO, word) => return Some(Command::Cancel { reference: None }),
        _ => {}
    }
    let [What::Amount { has_currency: false, .. }] = *without(&[POLITE, YES, AROUND_A_CODE]).as_slice() else {
        return None;
    };
    let number = text.items.iter().find(|item| matches!(item.what, What::Amount { .. })).filter(|_| private)?;
    let code = reference::digits(text.raw(number))?;
    (code.len() == 6).then_some(Command::Confirm { code: Some(code) })
}
