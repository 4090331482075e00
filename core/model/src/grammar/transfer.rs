//! *Pay* and *request*: whom, how much, what for.

use crate::command::Because;
use crate::{Command, Handle, Money};

use super::item::{Text, Verb, What};
use super::lexicon::{self, AND, Action, BEFORE_A_NAME, FOR, FROM, OF, THANKS, TO, VAGUE, between, pleasantry};
use super::mood::{Opening, begins_clause, is_added, is_negated, is_numero, is_question, is_second_command, opening};
use super::number_word::is_number;
use super::{currency, unclear};

/// What was found, before anything is decided.
struct Parts<'a> {
    text: &'a Text<'a>,
    verb: Verb,
    opening: Opening,
    people: Vec<Option<Handle>>,
    /// Words stand where somebody should be named: *pay anna*, *pay everyone but @anna*.
    is_unsure_who: bool,
    amounts: Vec<Result<Money, Because>>,
    /// A number in words, a currency without its number, or words that make another amount of it.
    is_unsure_how_much: bool,
    /// The amount had no currency: then a currency anywhere is a riddle.
    is_bare: bool,
    is_two_commands: bool,
    /// Where the memo stands, in bytes.
    memo: Vec<(usize, usize)>,
    /// The item that a marked memo begins with; or the number of items.
    memo_from: usize,
    /// The item that the remaining words begin with; or as above.
    rest_from: usize,
}

/// Reads a payment or a request.
pub(super) fn read(text: &Text<'_>, verb: Verb) -> Command {
    let count = text.items.len();
    let mut parts = Parts {
        text,
        verb,
        opening: opening(text, verb),
        people: Vec::new(),
        is_unsure_who: false,
        amounts: Vec::new(),
        is_bare: false,
        is_unsure_how_much: false,
        is_two_commands: false,
        memo: Vec::new(),
        memo_from: count,
        rest_from: count,
    };
    parts.read_opening();
    match parts.read_head() {
        Rest::None => {}
        Rest::Marked(from) => parts.read_marked(from),
        Rest::Words(from) => parts.read_words(from),
    }
    parts.read_earlier_sentences();
    parts.decide()
}

/// What follows the head, by the item that it begins with.
enum Rest {
    None,
    Marked(usize),
    Words(usize),
}

impl Parts<'_> {
    fn is_complete(&self) -> bool {
        !self.people.is_empty() && !self.amounts.is_empty()
    }

    fn amount(&mut self, value: &Result<Money, Because>, has_currency: bool) {
        self.is_bare = self.amounts.is_empty() && !has_currency;
        self.amounts.push(*value);
    }

    fn person(&mut self, person: &Option<Handle>) {
        if person.is_none() || !self.people.contains(person) {
            self.people.push(person.clone());
        }
    }

    /// Whoever is mentioned before the verb is a payee only behind *to*; an amount is one in the verb's own sentence.
    fn read_opening(&mut self) {
        self.is_unsure_who |= self.opening.hides;
        for at in 0..self.verb.at {
            match self.text.what(at) {
                Some(What::Person(person)) if at > self.opening.from && self.text.is_word(at - 1, TO) => {
                    self.person(person)
                }
                Some(What::Amount { value, has_currency }) if at >= self.opening.from => {
                    let value = self.text.amount_among_words(at, self.verb.at, *value, *has_currency);
                    self.amount(&value, *has_currency);
                }
                _ => {}
            }
        }
    }

    /// An amount of an earlier sentence is not what is paid (*Dinner was 40 €! Pay @anna*), but a second one.
    fn read_earlier_sentences(&mut self) {
        for item in self.text.items.iter().take(self.opening.from) {
            match item.what {
                What::Amount { value, has_currency: true } if !self.amounts.is_empty() => self.amounts.push(value),
                _ => {}
            }
        }
    }

    fn read_head(&mut self) -> Rest {
        let text = self.text;
        let mut before = Before::Verb;
        let mut at = self.verb.at + 1;
        while let Some(item) = text.items.get(at) {
            let skipped = match text.phrase(at, pleasantry) {
                0 if !self.is_complete() => text.phrase(at, between),
                len => len,
            };
            let is_amount_next = matches!(text.what(at + 1), Some(What::Amount { .. }));
            let is_person_next = matches!(text.what(at + 1), Some(What::Person(_)));
            let stands_alone = !item.glued || !text.glued(at + 1);
            let mut now = Before::Nothing;
            match &item.what {
                What::Own | What::Visibility(_) => now = before,
                What::Hidden => self.is_unsure_who = true,
                What::Quoted => self.memo.push((item.start, item.end)),
                What::Word(_) if skipped > 0 => {
                    at += skipped;
                    continue;
                }
                What::Word(word) if lexicon::has(FOR, word) => {
                    if !(is_amount_next && self.amounts.is_empty()) {
                        return Rest::Marked(at + 1);
                    }
                }
                What::Mark('-' | '–' | '—') if stands_alone && is_amount_next && self.amounts.is_empty() => {
                    // "pay @anna - 20 €": a dash or a minus, who knows.
                    self.amount(&Err(Because::BadAmount), true);
                    return Rest::Words(at + 2);
                }
                What::Mark('-' | '–' | '—') if stands_alone => return Rest::Marked(at + 1),
                What::Mark(':') if self.is_complete() => return Rest::Marked(at + 1),
                What::Mark('+') if !self.amounts.is_empty() => self.is_unsure_how_much = true,
                What::Mark(c) if !self.is_complete() || ".,;:!?)/&\n".contains(*c) => {
                    now = if before == Before::And { before } else { Before::Nothing };
                }
                What::Verb(..) if self.is_asked_to_pay(at) => {}
                What::Verb(..) if !self.is_complete() => self.is_two_commands = true,
                _ if before == Before::And && self.is_complete() && matches!(item.what, What::Word(_)) => {
                    return Rest::Words(at - 1);
                }
                What::Word(word) if lexicon::has(AND, word) && (is_person_next || !lexicon::has(TO, word)) => {
                    now = Before::And;
                }
                What::Word(word) if self.is_complete() && is_person_next && lexicon::has(TO, word) => now = Before::To,
                What::Person(person) => {
                    self.is_unsure_who |=
                        matches!(before, Before::Words) || before == Before::From && self.verb.action == Action::Pay;
                    self.person(person);
                }
                What::Amount { value, has_currency } if !self.is_complete() => {
                    self.amount(&text.amount_among_words(at, self.verb.at, *value, *has_currency), *has_currency);
                }
                _ if self.is_complete() => return Rest::Words(at),
                What::Word(word)
                    if is_number(word)
                        || lexicon::has(VAGUE, word)
                        || !self.amounts.is_empty() && text.changes_the_amount(at) =>
                {
                    self.is_unsure_how_much = true;
                }
                What::Sign => self.is_unsure_how_much = true,
                What::Word(_) if currency::is_unit(text.raw(item)) => self.is_unsure_how_much = true,
                What::Word(word)
                    if self.verb.action == Action::Request
                        && !self.people.is_empty()
                        && lexicon::has("me mi moi m'", word) => {}
                What::Word(word) if lexicon::has(TO, word) && text.leads(at) => now = Before::To,
                What::Word(word)
                    if lexicon::has(OF, word) && text.leads_to(at, |what| matches!(what, What::Amount { .. })) =>
                {
                    self.is_unsure_how_much = true;
                }
                What::Word(word) if lexicon::has(FROM, word) && text.leads(at) => now = Before::From,
                What::Word(word)
                    if self.verb.action == Action::Request
                        && lexicon::has("to di de", word)
                        && self.is_asked_to_pay(at + 1) => {}
                What::Word(_) | What::Address | What::Tag => {
                    let nobody_yet = self.people.is_empty() && self.amounts.is_empty();
                    let led = matches!(before, Before::And)
                        || lexicon::has(TO, text.word(at).unwrap_or("")) && self.people.is_empty();
                    self.is_unsure_who |= nobody_yet || led || before == Before::To;
                    self.memo.push((item.start, item.end));
                    now = Before::Words;
                }
                What::Mark(_) | What::Verb(..) | What::Amount { .. } => {}
            }
            before = now;
            at += 1;
        }
        Rest::None
    }

    /// *Ask @anna to pay 20 €* is one thing to do.
    fn is_asked_to_pay(&self, at: usize) -> bool {
        let pays = matches!(self.text.what(at), Some(What::Verb(Action::Pay, _)));
        let asked = self.verb.action == Action::Request && !self.people.is_empty();
        pays && asked && at.checked_sub(1).is_some_and(|at| self.text.is_word(at, "to di de"))
    }

    /// The items of the memo without what is said to us at its end: our name, who may see it, *please*.
    fn memo_end(&self, from: usize) -> usize {
        let text = self.text;
        let mut end = text.items.len();
        while end > from {
            let said = (from..end)
                .rev()
                .take(4)
                .find(|at| *at + text.phrase(*at, pleasantry) == end && text.phrase(*at, pleasantry) > 0);
            end = match (text.what(end - 1), said) {
                (_, Some(at)) => at,
                (Some(What::Own | What::Visibility(_) | What::Mark('\n' | '?')), _) => end - 1,
                _ => break,
            };
        }
        end
    }

    fn remember(&mut self, from: usize, end: usize) {
        let first = self.text.items.get(from).filter(|_| from < end);
        let last = end.checked_sub(1).and_then(|last| self.text.items.get(last));
        if let (Some(first), Some(last)) = (first, last) {
            self.memo.push((first.start, last.end));
        }
    }

    /// A marked memo. Where the head lacks something, the memo's end may hold it.
    fn read_marked(&mut self, from: usize) {
        self.memo_from = from;
        self.rest_from = from.saturating_sub(1);
        let mut end = self.memo_end(from);
        while !self.is_complete() && end > from {
            let item = |back: usize| end.checked_sub(back).filter(|at| *at >= from).and_then(|at| self.text.what(at));
            let is_led = end >= from + 2 && self.text.is_word(end - 2, TO);
            match (item(2), item(1)) {
                (_, Some(What::Mark('.' | '!' | ',' | '\n'))) => end -= 1,
                (_, Some(What::Amount { value, has_currency: true })) if self.amounts.is_empty() => {
                    self.amount(&self.text.amount_among_words(end - 1, self.verb.at, *value, true), true);
                    end -= 1;
                }
                (_, Some(What::Person(person))) if self.people.is_empty() && is_led => {
                    self.person(person);
                    end -= 2;
                }
                (Some(What::Amount { value, has_currency: true }), Some(What::Person(person)))
                    if self.people.is_empty() && self.amounts.is_empty() =>
                {
                    self.amount(&self.text.amount_among_words(end - 2, self.verb.at, *value, true), true);
                    self.person(person);
                    end -= 2;
                }
                _ => break,
            }
        }
        let had_amount = !self.amounts.is_empty();
        let had_person = !self.people.is_empty();
        let friends = (from..end).take_while(|at| self.text.is_word(*at, BEFORE_A_NAME)).count();
        let named = from + self.text.phrase(from, between).max(friends);
        let is_for = |at: usize| {
            let lead = at.checked_sub(1).filter(|lead| *lead > from && self.text.is_word(*lead, FOR));
            lead.is_some_and(|lead| begins_clause(self.text, lead))
        };
        for at in from..end {
            if had_amount {
                self.correct(at);
            }
            match self.text.what(at) {
                // "for @luca" is another payee, if it is not "for @luca's birthday".
                Some(What::Person(person)) if had_person && (at == named || is_for(at)) && !self.text.owns(at) => {
                    self.person(person)
                }
                Some(What::Amount { value, has_currency: true }) if had_amount => self.amounts.push(*value),
                Some(What::Person(person)) if at > from && is_added(self.text, at) => self.person(person),
                _ => self.is_two_commands |= at > from && is_second_command(self.text, at),
            }
        }
        self.remember(from, end);
    }

    /// A number behind a correction is a second amount: *20 €, actually 30*, *20 €, make it thirty*.
    fn correct(&mut self, at: usize) {
        let Some(number) = self.text.corrected(at) else { return };
        match self.text.what(number) {
            Some(What::Amount { value, .. }) => self.amounts.push(*value),
            _ => self.is_unsure_how_much = true,
        }
    }

    /// The remaining words. Here everybody named is a second payee, and every amount a second one.
    fn read_words(&mut self, from: usize) {
        self.rest_from = from;
        let text = self.text;
        let end = self.memo_end(from);
        // "… to @anna and luca": somebody more may be meant; "… and thanks" names nobody.
        self.is_unsure_who |= text.is_word(from, AND) && end > from + 1 && !text.is_word(from + 1, THANKS);
        let first = (from..end).find(|at| !matches!(text.what(*at), Some(What::Mark(_)))).unwrap_or(end);
        self.is_unsure_how_much |=
            text.changes_the_amount(first) || (from..first).any(|at| text.what(at) == Some(&What::Mark('+')));
        for at in from..end {
            self.correct(at);
            let is_compared = (1..=2).any(|back| at.checked_sub(back).is_some_and(|at| text.is_word(at, VAGUE)));
            let begins = at == from
                || is_compared
                || text.is_word(at - 1, AND)
                || text.is_word(at - 1, TO)
                || matches!(text.what(at - 1), Some(What::Mark(_))) && !is_numero(text, at.saturating_sub(2));
            match text.what(at) {
                Some(What::Person(person)) => self.person(person),
                Some(What::Amount { value, has_currency }) if *has_currency || begins && !text.counts_things(at) => {
                    self.amounts.push(*value)
                }
                Some(What::Hidden) => self.is_unsure_who = true,
                Some(What::Sign) => self.is_unsure_how_much |= self.is_bare,
                Some(What::Word(_)) if text.items.get(at).is_some_and(|item| currency::is_unit(text.raw(item))) => {
                    // "20 € in USD"; but later a currency is only spoken of.
                    self.is_unsure_how_much |= self.is_bare || at <= first + 1;
                }
                Some(What::Verb(..)) => self.is_two_commands |= begins || is_second_command(text, at),
                _ => {}
            }
        }
        self.remember(from, end);
    }

    /// One reason a line, in the order of [`Because`].
    fn because(&self) -> Option<Because> {
        let Self { text, verb, opening, people, amounts, .. } = self;
        let amount = amounts.first().and_then(|amount| amount.err());
        let table = [
            (is_negated(text, *verb, self.memo_from), Because::Negated),
            (opening.is_strange || is_question(text, *verb, *opening, self.rest_from), Because::Question),
            (self.is_two_commands, Because::TwoCommands),
            (people.is_empty() && !self.is_unsure_who, Because::NoPayee),
            (people.len() > 1, Because::TwoPayees),
            (self.is_unsure_who || people.contains(&None), Because::BadPayee),
            (amounts.is_empty() && !self.is_unsure_how_much, Because::NoAmount),
            (amounts.len() > 1, Because::TwoAmounts),
            (amount == Some(Because::AmbiguousAmount), Because::AmbiguousAmount),
            (self.is_unsure_how_much, Because::BadAmount),
        ];
        table.into_iter().find_map(|(applies, because)| applies.then_some(because)).or(amount)
    }

    fn decide(self) -> Command {
        let mut places = self.memo.clone();
        places.sort_unstable();
        let memo = self.text.memo(&places);
        let because = self.because();
        let who = self.people.into_iter().flatten().next();
        let how_much = self.amounts.into_iter().find_map(Result::ok);
        match (because, who, how_much) {
            (None, Some(payee), Some(amount)) => {
                let visibility = self.text.visibility();
                match self.verb.action {
                    Action::Request => Command::Request { payer: payee, amount, memo, visibility },
                    _ => Command::Pay { payee, amount, memo, visibility },
                }
            }
            // Whoever is missing although no reason was found is missing all the same.
            (because, who, _) => {
                let missing = if who.is_none() { Because::NoPayee } else { Because::NoAmount };
                unclear(because.unwrap_or(missing), self.text.understood(Some(self.verb), memo))
            }
        }
    }
}

/// What the head's last word was.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Before {
    Verb,
    Nothing,
    To,
    From,
    And,
    Words,
}
