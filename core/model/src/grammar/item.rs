//! From tokens to items: what each piece of the text means by itself.

use crate::command::{Because, Understood, Visibility};
use crate::{Handle, Money};

use super::amount::amounts;
use super::lexicon::{self, Action, CART, has};
use super::token::{Kind, Token, tokens};
use super::{Context, Language, memo};

/// How many people and how many amounts an answer lists.
const UNDERSTOOD_MAX: usize = 5;

/// A piece of the text with a meaning.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Item {
    pub(super) what: What,
    /// Where it begins, in bytes.
    pub(super) start: usize,
    /// Where it ends, in bytes.
    pub(super) end: usize,
    /// Whether it touches the item before.
    pub(super) glued: bool,
}

/// What an item is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum What {
    /// The gateway's own name.
    Own,
    /// Somebody, or nothing where it only looks like somebody.
    Person(Option<Handle>),
    /// A number, with or without a currency.
    Amount { value: Result<Money, Because>, has_currency: bool },
    /// A verb, with the word that it was written as, folded.
    Verb(Action, String),
    /// Any other word, folded.
    Word(String),
    /// A hashtag that is none of ours.
    Tag,
    /// `#private`, `#public`.
    Visibility(Visibility),
    /// Something in quotation marks.
    Quoted,
    /// The sign of a currency beside no number.
    Sign,
    /// A web or mail address.
    Address,
    /// Anything that can be seen, and the end of a line.
    Mark(char),
    /// A character that cannot be seen.
    Hidden,
}

/// The verb that a text turns on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Verb {
    /// Which item it is.
    pub(super) at: usize,
    pub(super) action: Action,
    pub(super) language: Language,
}

/// A text with its items.
pub(super) struct Text<'a> {
    pub(super) text: &'a str,
    pub(super) items: Vec<Item>,
    pub(super) verb: Option<Verb>,
}

impl<'a> Text<'a> {
    pub(super) fn read(text: &'a str, context: &Context<'_>) -> Self {
        let items = items(text, context);
        let verb = first_verb(&items);
        Self { text, items, verb }
    }

    pub(super) fn what(&self, at: usize) -> Option<&What> {
        self.items.get(at).map(|item| &item.what)
    }

    /// The word at an item, a verb's too.
    pub(super) fn word(&self, at: usize) -> Option<&str> {
        match self.what(at)? {
            What::Word(word) | What::Verb(_, word) => Some(word),
            _ => None,
        }
    }

    pub(super) fn is_word(&self, at: usize, words: &str) -> bool {
        self.word(at).is_some_and(|word| has(words, word))
    }

    pub(super) fn glued(&self, at: usize) -> bool {
        self.items.get(at).is_some_and(|item| item.glued)
    }

    pub(super) fn raw(&self, item: &Item) -> &'a str {
        self.text.get(item.start..item.end).unwrap_or("")
    }

    /// How many items from `at` on a phrase takes up, where `phrase` says how many words it does. Hyphens between words
    /// count as nothing: *peux-tu*.
    pub(super) fn phrase(&self, at: usize, phrase: impl Fn(&[&str]) -> usize) -> usize {
        let mut words = Vec::new();
        let mut ends = Vec::new();
        for (index, item) in self.items.iter().enumerate().skip(at).take(10) {
            match &item.what {
                What::Word(word) => {
                    words.push(word.as_str());
                    ends.push(index + 1 - at);
                }
                What::Mark('-') if item.glued && !words.is_empty() => {}
                _ => break,
            }
        }
        if words.is_empty() {
            return 0;
        }
        phrase(&words).checked_sub(1).and_then(|last| ends.get(last).copied()).unwrap_or(0)
    }

    /// What was understood of the text: everybody named, every sound amount, as far as an answer can hold them.
    pub(super) fn understood(&self, verb: Option<Verb>, memo: Option<String>) -> Understood {
        let mut understood =
            Understood { verb: verb.map(|verb| verb.action.name().to_owned()), memo, ..Understood::default() };
        for item in &self.items {
            match &item.what {
                What::Person(Some(handle))
                    if understood.people.len() < UNDERSTOOD_MAX && !understood.people.contains(handle) =>
                {
                    understood.people.push(handle.clone())
                }
                What::Amount { value: Ok(money), .. }
                    if understood.amounts.len() < UNDERSTOOD_MAX && !understood.amounts.contains(money) =>
                {
                    understood.amounts.push(*money)
                }
                _ => {}
            }
        }
        understood
    }

    /// The memo that stands at these places, without what is no part of it.
    pub(super) fn memo(&self, places: &[(usize, usize)]) -> Option<String> {
        let cut = |item: &&Item| matches!(item.what, What::Visibility(_));
        let cuts: Vec<(usize, usize)> = self.items.iter().filter(cut).map(|item| (item.start, item.end)).collect();
        memo::clean(self.text, &self.joined(places), &cuts)
    }

    /// Neighbours become one place, so that what stood together stays together.
    fn joined(&self, places: &[(usize, usize)]) -> Vec<(usize, usize)> {
        let mut joined: Vec<(usize, usize)> = Vec::new();
        for (start, end) in places {
            let gap = |last: usize| self.text.get(last..*start).is_some_and(|gap| gap.chars().all(char::is_whitespace));
            match joined.last_mut() {
                Some((_, last)) if gap(*last) => *last = *end,
                _ => joined.push((*start, *end)),
            }
        }
        joined
    }

    /// Who may see it, where the text says so: private wins over public.
    pub(super) fn visibility(&self) -> Option<Visibility> {
        let said = |wanted| self.items.iter().any(|item| item.what == What::Visibility(wanted));
        [Visibility::Private, Visibility::Public].into_iter().find(|visibility| said(*visibility))
    }
}

fn items(text: &str, context: &Context<'_>) -> Vec<Item> {
    let tokens = tokens(text, context.scheme);
    let mut amounts = amounts(&tokens, text, context.default_currency).into_iter().peekable();
    let mut items = Vec::with_capacity(tokens.len());
    let mut at = 0;
    while let Some(first) = tokens.get(at) {
        if let Some(amount) = amounts.next_if(|amount| amount.first == at) {
            let end = tokens.get(amount.last).map_or(first.end, |last| last.end);
            let what = What::Amount { value: amount.value, has_currency: amount.has_currency };
            items.push(Item { what, start: first.start, end, glued: first.glued });
            at = amount.last + 1;
            continue;
        }
        items.push(Item { what: what(first, context), start: first.start, end: first.end, glued: first.glued });
        at += 1;
    }
    items
}

fn what(token: &Token, context: &Context<'_>) -> What {
    match &token.kind {
        Kind::Person(Some(handle)) if is_own(handle, context) => What::Own,
        Kind::Person(person) => What::Person(person.clone()),
        Kind::Word(word) => match lexicon::verb(word) {
            Some((action, _)) => What::Verb(action, word.clone()),
            None => What::Word(word.clone()),
        },
        Kind::Tag(tag) => match (tag.as_str(), lexicon::verb(tag)) {
            ("private" | "privato" | "privata" | "prive" | "privee", _) => What::Visibility(Visibility::Private),
            ("public" | "pubblico" | "pubblica" | "publique", _) => What::Visibility(Visibility::Public),
            (_, Some((action, _))) => What::Verb(action, tag.clone()),
            _ => What::Tag,
        },
        Kind::Quoted => What::Quoted,
        Kind::Sign(_) => What::Sign,
        Kind::Address => What::Address,
        Kind::Hidden => What::Hidden,
        Kind::Mark('？') => What::Mark('?'),
        Kind::Mark('！') => What::Mark('!'),
        Kind::Mark(c) => What::Mark(*c),
        // Every number is part of an amount; this arm is for a reader who wonders.
        Kind::Number(_) | Kind::Odd => What::Amount { value: Err(Because::BadAmount), has_currency: false },
    }
}

fn is_own(handle: &Handle, context: &Context<'_>) -> bool {
    let name = handle.rest().strip_prefix('@').filter(|_| handle.scheme() == context.scheme);
    name.is_some_and(|name| context.own_names.iter().any(|own| own.trim_start_matches('@').eq_ignore_ascii_case(name)))
}

/// The first verb. *Add* is one where a cart is named; Italian *dai* is none where it only cheers (*dai, paga…*).
fn first_verb(items: &[Item]) -> Option<Verb> {
    let names_cart =
        items.iter().any(|item| matches!(&item.what, What::Verb(_, word) | What::Word(word) if has(CART, word)));
    items.iter().enumerate().find_map(|(at, item)| {
        let What::Verb(action, word) = &item.what else { return None };
        let next = items.get(at + 1).map(|item| &item.what);
        let cheers = word == "dai" && matches!(next, None | Some(What::Mark(_) | What::Verb(..)));
        let is_verb = !cheers && (*action != Action::Add || names_cart);
        let (_, language) = lexicon::verb(word).filter(|_| is_verb)?;
        Some(Verb { at, action: *action, language })
    })
}
