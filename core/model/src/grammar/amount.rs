//! Amounts: a number and the currency beside it.

use crate::command::Because;
use crate::{Currency, Money};

use super::currency::{self, Unit, both, signed};
use super::number_word::{is_number, is_scale};
use super::numeral;
use super::token::{Kind, Token, fold};

/// An amount, or what would be one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Amount {
    /// Its first token.
    pub(super) first: usize,
    /// Its last token.
    pub(super) last: usize,
    /// What it says.
    pub(super) value: Result<Money, Because>,
    /// Whether a currency was written: what has none may as well be a number of pizzas.
    pub(super) has_currency: bool,
}

/// All amounts of a text, in their order. A number without a currency takes `default`.
pub(super) fn amounts(tokens: &[Token], text: &str, default: Option<Currency>) -> Vec<Amount> {
    let reader = Reader { tokens, text, default };
    let mut found: Vec<Amount> = Vec::new();
    let mut free_from = 0;
    for at in 0..tokens.len() {
        if at < free_from || !matches!(reader.kind(at), Some(Kind::Number(_) | Kind::Odd)) {
            continue;
        }
        let amount = reader.amount(at, free_from);
        free_from = amount.last + 1;
        found.push(amount);
    }
    found
}

struct Reader<'a> {
    tokens: &'a [Token],
    text: &'a str,
    default: Option<Currency>,
}

impl<'a> Reader<'a> {
    fn kind(&self, at: usize) -> Option<&'a Kind> {
        self.tokens.get(at).map(|token| &token.kind)
    }

    fn glued(&self, at: usize) -> bool {
        self.tokens.get(at).is_some_and(|token| token.glued)
    }

    fn raw(&self, at: usize) -> &'a str {
        self.tokens.get(at).and_then(|token| self.text.get(token.start..token.end)).unwrap_or("")
    }

    fn is_word(&self, at: usize, is: impl Fn(&str) -> bool) -> bool {
        matches!(self.kind(at), Some(Kind::Word(word)) if is(word))
    }

    /// The amount whose number stands at `at`; tokens before `free_from` belong to another one.
    fn amount(&self, at: usize, free_from: usize) -> Amount {
        if let Some(amount) = self.euros_in_the_middle(at) {
            return amount;
        }
        let before = self.unit_before(at, free_from);
        let scale = self.is_word(at + 1, |word| is_scale(word) || is_number(word)) && !self.is_cents(at + 1);
        let behind = if scale { at + 2 } else { at + 1 };
        let after = self.units_after(behind).or_else(|| self.unit_again(behind, before?.1));
        let first = before.map_or(at, |(first, _)| first);
        let last = after.map_or(if scale { at + 1 } else { at }, |(last, _)| last);
        let unit = match (before, after) {
            (Some((_, before)), Some((_, after))) => Some(both(before, after)),
            (before, after) => before.or(after).map(|(_, unit)| unit),
        };
        let is_plain = !scale && !self.goes_on(last, after.is_some()) && !self.is_multiplied(first, free_from);
        let value = match self.kind(at) {
            Some(Kind::Number(written)) if is_plain => self.value(written, unit),
            _ => Err(Because::BadAmount),
        };
        Amount { first, last, value, has_currency: unit.is_some() }
    }

    fn value(&self, written: &str, unit: Option<Unit>) -> Result<Money, Because> {
        match unit {
            Some(Unit::Of(currency)) => numeral::money(written, currency),
            Some(Unit::Shared) => Err(Because::UnknownCurrency),
            Some(Unit::Minor(currency)) => {
                let currency = currency.or(self.default).ok_or(Because::NoCurrency)?;
                let is_whole =
                    written.bytes().all(|b| b.is_ascii_digit()) && !(written.len() > 1 && written.starts_with('0'));
                if !is_whole || currency.exponent() != 2 {
                    return Err(Because::BadAmount);
                }
                let minor = written.parse().map_err(|_| Because::AmountTooLarge)?;
                let money = Money::new(minor, currency).map_err(|_| Because::AmountTooLarge)?;
                if money.is_zero() { Err(Because::ZeroAmount) } else { Ok(money) }
            }
            // What is wrong with the number itself is said first: it is wrong in every currency.
            None => match (numeral::money(written, self.default.unwrap_or(Currency::EUR)), self.default) {
                (Err(because), _) => Err(because),
                (Ok(money), Some(_)) => Ok(money),
                (Ok(_), None) => Err(Because::NoCurrency),
            },
        }
    }

    /// `5€50`, as the French write prices: the sign touches both numbers, and two digits stand behind it.
    fn euros_in_the_middle(&self, at: usize) -> Option<Amount> {
        let (Some(Kind::Number(whole)), Some(Kind::Sign(sign)), Some(Kind::Number(cents) | Kind::Word(cents))) =
            (self.kind(at), self.kind(at + 1), self.kind(at + 2))
        else {
            return self.odd_in_the_middle(at);
        };
        if !self.glued(at + 1) || !self.glued(at + 2) || matches!(self.kind(at + 2), Some(Kind::Word(_))) {
            return None;
        }
        let digits = |text: &str| text.bytes().all(|b| b.is_ascii_digit());
        let value = match signed(*sign, None) {
            Unit::Of(currency) if digits(whole) && digits(cents) && cents.len() == 2 && currency.exponent() == 2 => {
                numeral::money(&format!("{whole}.{cents}"), currency)
            }
            _ => Err(Because::BadAmount),
        };
        let has_more = self.goes_on(at + 2, false) || matches!(self.kind(at + 3), Some(Kind::Sign(_)));
        let value = if has_more { Err(Because::BadAmount) } else { value };
        Some(Amount { first: at, last: at + 2, value, has_currency: true })
    }

    fn odd_in_the_middle(&self, at: usize) -> Option<Amount> {
        let between = matches!(self.kind(at + 1), Some(Kind::Sign(_))) && matches!(self.kind(at + 2), Some(Kind::Odd));
        (between && self.glued(at + 1) && self.glued(at + 2)).then_some(Amount {
            first: at,
            last: at + 2,
            value: Err(Because::BadAmount),
            has_currency: true,
        })
    }

    fn is_cents(&self, at: usize) -> bool {
        let is_minor = matches!(currency::unit(self.raw(at)), Some(Unit::Minor(_)));
        is_minor && !self.is_word(at + 1, |word| currency::is_unit(word) && word.len() > 2)
    }

    fn unit_before(&self, at: usize, free_from: usize) -> Option<(usize, Unit)> {
        let before = at.checked_sub(1).filter(|before| *before >= free_from)?;
        match self.kind(before)? {
            Kind::Sign(sign) => {
                let letters = before.checked_sub(1).filter(|at| *at >= free_from && self.glued(before));
                let letters = letters.filter(|at| matches!(self.kind(*at), Some(Kind::Word(_))));
                Some((letters.unwrap_or(before), signed(*sign, letters.map(|at| self.raw(at)))))
            }
            Kind::Word(word) => {
                let leads = currency::is_code(self.raw(before)) || matches!(word.as_str(), "euro" | "euros");
                leads.then(|| currency::unit(self.raw(before))).flatten().map(|unit| (before, unit))
            }
            _ => None,
        }
    }

    /// The currency behind a number, and what makes another one of it: `20 $ CAD`, *20 dollars canadiens*, `20 € USD`.
    fn units_after(&self, at: usize) -> Option<(usize, Unit)> {
        let (mut last, mut unit) = self.unit_after(at)?;
        while let Some((next, more)) = self.unit_again(last + 1, unit) {
            (last, unit) = (next, both(unit, more));
        }
        Some((last, unit))
    }

    fn unit_again(&self, at: usize, unit: Unit) -> Option<(usize, Unit)> {
        let word = self.raw(at);
        match self.kind(at)? {
            // The fraction of it is another amount: "20 euros cents" is no number.
            Kind::Word(_) if matches!(currency::unit(word), Some(Unit::Minor(_))) => None,
            Kind::Word(_) => currency::unit(word).or_else(|| currency::of_nation(unit, word)).map(|unit| (at, unit)),
            Kind::Sign(_) => self.unit_after(at),
            _ => None,
        }
    }

    fn unit_after(&self, at: usize) -> Option<(usize, Unit)> {
        // In "20 €30" the sign is the second number's.
        let is_next_ones = matches!(self.kind(at + 1), Some(Kind::Number(_) | Kind::Odd)) && self.glued(at + 1);
        if is_next_ones && !self.glued(at) {
            return None;
        }
        match self.kind(at)? {
            Kind::Sign(sign) => {
                // "20 $US"; but in "20€to @anna" the letters are a word of its own, and "20$a @anna" can be either.
                let letters = self.raw(at + 1);
                let touches = matches!(self.kind(at + 1), Some(Kind::Word(_))) && self.glued(at + 1);
                let is_word = touches && !letters.starts_with(char::is_uppercase) && self.is_known_word(at + 1);
                let unit = signed(*sign, touches.then_some(letters));
                match is_word {
                    true if unit == Unit::Shared => Some((at, signed(*sign, None))),
                    true => Some((at + 1, Unit::Shared)),
                    false => Some((if touches { at + 1 } else { at }, unit)),
                }
            }
            Kind::Word(_) if matches!(self.kind(at + 1), Some(Kind::Sign(_))) && self.glued(at + 1) => {
                let Some(Kind::Sign(sign)) = self.kind(at + 1) else { return None };
                Some((at + 1, signed(*sign, Some(self.raw(at)))))
            }
            Kind::Word(word) if word == "us" && self.is_word(at + 1, |word| word.starts_with("dollar")) => {
                Some((at + 1, Unit::Of(Currency::USD)))
            }
            Kind::Word(word) if word == "euro" && self.is_cents(at + 1) => {
                Some((at + 1, Unit::Minor(Some(Currency::EUR))))
            }
            Kind::Word(_) if currency::is_foreign_code(self.raw(at)) && !self.is_known_word(at) => {
                Some((at, Unit::Shared))
            }
            Kind::Word(_) => currency::unit(self.raw(at)).map(|unit| (at, unit)),
            _ => None,
        }
    }

    /// Whether three capitals are a word of the grammar that is shouted: `PAY 20 FOR LUNCH`.
    fn is_known_word(&self, at: usize) -> bool {
        super::lexicon::is_command_word(&fold(self.raw(at)))
            || self.is_word(at, |word| super::lexicon::pleasantry(&[word]) > 0)
    }

    /// Whether what stands behind the amount makes another one of it: `€20 million`, `20 € x 3`, `20€/month`, `20 % `.
    fn goes_on(&self, last: usize, has_unit_after: bool) -> bool {
        let next = last + 1;
        let factor = matches!(self.kind(next + 1), Some(Kind::Number(_) | Kind::Odd));
        // "20 € - 2 pizzas" is a dash and a memo.
        let operand = factor && !matches!(self.kind(next + 2), Some(Kind::Word(_)));
        match self.kind(next) {
            Some(Kind::Word(word)) => {
                let unit_again = has_unit_after && currency::is_unit(word) && is_number(&fold(self.raw(last)));
                let is_percent = matches!(word.as_str(), "per" | "pour")
                    && self.is_word(next + 1, |word| matches!(word, "cent" | "cento"));
                is_scale(word) || unit_again || word == "x" && factor || is_percent
            }
            // "€20·50": whatever parts them, the digits belong together.
            Some(Kind::Mark(c)) if *c != '\n' && factor && self.glued(next) && self.glued(next + 1) => true,
            Some(Kind::Mark('×' | '*')) => factor,
            Some(Kind::Mark('-' | '−' | '–' | '+' | '/' | '÷')) => {
                operand || self.glued(next) && self.glued(next + 1)
            }
            Some(Kind::Mark('%' | '‰')) => true,
            Some(Kind::Hidden) => self.glued(next),
            _ => false,
        }
    }

    /// Whether a number in words stands before: `two hundred 20 €`.
    fn is_multiplied(&self, first: usize, free_from: usize) -> bool {
        let before = first.checked_sub(1).filter(|at| *at >= free_from);
        before.is_some_and(|at| {
            self.is_word(at, |word| is_number(word) || is_scale(word))
                || self.kind(at) == Some(&Kind::Hidden) && self.glued(first)
        })
    }
}
