//! Orders and settled outcomes as JSON, straight: they are on the path of every payment, on both sides of a plugin's
//! boundary, and serde spends more on them than all the rest of a call costs.
//!
//! What is written is what serde writes, byte for byte. What is read is that alone: fields in their order, nothing
//! between them, no escapes. All else (another language's spacing, a later contract's field) is left to serde, which
//! decides what it means.

use std::str::FromStr;

use serde::Deserialize;
use serde::de::value::{BorrowedStrDeserializer, Error};

use super::{Order, Outcome, Party};
use crate::Money;

impl Order {
    /// Writes the order as JSON, as serde does.
    pub fn to_json(&self) -> Vec<u8> {
        let Self { key, payment, kind, amount, debtor, creditor, memo, refers_to, made_at_ms } = self;
        let mut out = Writer(Vec::with_capacity(512));
        out.literal("{\"key\":").text(key);
        out.literal(",\"payment\":\"").literal(payment.digits(&mut [0; 32]));
        out.literal("\",\"kind\":").other(kind);
        out.literal(",\"amount\":").money(*amount);
        out.literal(",\"debtor\":").party(debtor);
        out.literal(",\"creditor\":").party(creditor);
        out.literal(",\"memo\":").or_null(memo.as_deref(), Writer::text);
        out.literal(",\"refers_to\":").or_null(refers_to.as_deref(), Writer::text);
        out.literal(",\"made_at_ms\":").other(made_at_ms).literal("}");
        out.0
    }

    /// Reads the order that `json` begins with, if it stands there as [`Order::to_json`] writes it, and says what
    /// follows it. Nothing means nothing but that serde is to be asked.
    pub fn read_compact(json: &str) -> Option<(Self, &str)> {
        let mut json = Reader(json);
        let order = Self {
            key: json.after("{\"key\":")?.text()?.to_owned(),
            payment: json.after(",\"payment\":")?.parsed()?,
            kind: json.after(",\"kind\":")?.named()?,
            amount: json.after(",\"amount\":")?.money()?,
            debtor: json.after(",\"debtor\":")?.party()?,
            creditor: json.after(",\"creditor\":")?.party()?,
            memo: json.after(",\"memo\":")?.or_null(Reader::owned)?,
            refers_to: json.after(",\"refers_to\":")?.or_null(Reader::owned)?,
            made_at_ms: json.after(",\"made_at_ms\":")?.number()?,
        };
        json.after("}")?;
        Some((order, json.0))
    }

    /// Reads the whole number that `json` begins with, and says what follows it: for what stands around an order.
    pub fn number_compact(json: &str) -> Option<(u64, &str)> {
        let mut number = 0u64;
        let mut len = 0;
        for digit in json.bytes().map_while(|byte| byte.is_ascii_digit().then(|| byte - b'0')) {
            number = number.checked_mul(10)?.checked_add(u64::from(digit))?;
            len += 1;
        }
        // JSON knows no zeros in front; and a fraction or an exponent is found where the next field should be.
        if len == 0 || (len > 1 && json.starts_with('0')) { None } else { Some((number, json.get(len..)?)) }
    }
}

impl Outcome {
    /// Writes the outcome as JSON, as serde does.
    pub fn to_json(&self) -> Vec<u8> {
        let mut out = Writer(Vec::with_capacity(256));
        let Self::Settled { amount, reference, finality, fees, reversible_until_ms, valid_until_ms } = self else {
            out.other(self);
            return out.0;
        };
        out.literal("{\"outcome\":\"settled\",\"amount\":").money(*amount);
        out.literal(",\"reference\":").or_null(reference.as_deref(), Writer::text);
        out.literal(",\"finality\":").other(finality);
        out.literal(",\"fees\":").or_null(*fees, Writer::money);
        out.literal(",\"reversible_until_ms\":").other(reversible_until_ms);
        out.literal(",\"valid_until_ms\":").other(valid_until_ms).literal("}");
        out.0
    }

    /// Reads what serde reads.
    ///
    /// # Errors
    /// Where it is no outcome.
    pub fn from_json(json: &[u8]) -> Result<Self, serde_json::Error> {
        match std::str::from_utf8(json).ok().and_then(Self::read_settled) {
            Some(settled) => Ok(settled),
            None => serde_json::from_slice(json),
        }
    }

    fn read_settled(json: &str) -> Option<Self> {
        let mut json = Reader(json);
        let settled = Self::Settled {
            amount: json.after("{\"outcome\":\"settled\",\"amount\":")?.money()?,
            reference: json.after(",\"reference\":")?.or_null(Reader::owned)?,
            finality: json.after(",\"finality\":")?.named()?,
            fees: json.after(",\"fees\":")?.or_null(Reader::money)?,
            reversible_until_ms: json.after(",\"reversible_until_ms\":")?.or_null(Reader::number)?,
            valid_until_ms: json.after(",\"valid_until_ms\":")?.or_null(Reader::number)?,
        };
        (json.0 == "}").then_some(settled)
    }
}

struct Writer(Vec<u8>);

impl Writer {
    fn literal(&mut self, literal: &str) -> &mut Self {
        self.0.extend_from_slice(literal.as_bytes());
        self
    }

    /// Whatever is neither long nor often: serde knows how. Into memory it always can be written.
    fn other(&mut self, value: &impl serde::Serialize) -> &mut Self {
        let _ = serde_json::to_writer(&mut self.0, value);
        self
    }

    fn text(&mut self, text: &str) -> &mut Self {
        if plain_len(text.as_bytes()) < text.len() {
            return self.other(&text);
        }
        self.literal("\"").literal(text).literal("\"")
    }

    fn or_null<T>(&mut self, value: Option<T>, write: impl FnOnce(&mut Self, T) -> &mut Self) -> &mut Self {
        match value {
            Some(value) => write(self, value),
            None => self.literal("null"),
        }
    }

    fn money(&mut self, money: Money) -> &mut Self {
        self.literal("{\"minor\":").other(&money.minor());
        self.literal(",\"currency\":").text(money.currency().code()).literal("}")
    }

    fn party(&mut self, party: &Party) -> &mut Self {
        let Party { name, account, country } = party;
        self.literal("{\"name\":").text(name);
        self.literal(",\"account\":").text(account.as_str());
        self.literal(",\"country\":").or_null(country.as_deref(), Self::text).literal("}")
    }
}

/// Whether JSON has this byte in a text as an escape alone (RFC 8259, section 7).
fn needs_escape(byte: u8) -> bool {
    byte < b' ' || byte == b'"' || byte == b'\\'
}

/// How many bytes there are before the first that needs one, eight at a time.
fn plain_len(bytes: &[u8]) -> usize {
    const fn all(byte: u8) -> u64 {
        u64::from_ne_bytes([byte; 8])
    }
    // A byte's highest bit is set where it is below `n`, or there is such a byte before it ("Bit Twiddling Hacks",
    // S. E. Anderson, "Determine if a word has a byte less than n"); nought is what is below 1.
    let below = |word: u64, n: u8| word.wrapping_sub(all(n)) & !word;
    let (words, rest) = bytes.as_chunks::<8>();
    for (index, word) in words.iter().enumerate() {
        let word = u64::from_le_bytes(*word);
        let found = below(word, b' ') | below(word ^ all(b'"'), 1) | below(word ^ all(b'\\'), 1);
        let found = found & all(0x80);
        if found != 0 {
            return index * 8 + (found.trailing_zeros() / 8) as usize;
        }
    }
    bytes.len() - rest.len() + rest.iter().position(|byte| needs_escape(*byte)).unwrap_or(rest.len())
}

/// What is still to be read.
struct Reader<'a>(&'a str);

impl<'a> Reader<'a> {
    fn after(&mut self, literal: &str) -> Option<&mut Self> {
        self.0 = self.0.strip_prefix(literal)?;
        Some(self)
    }

    fn text(&mut self) -> Option<&'a str> {
        let rest = self.0.strip_prefix('"')?;
        let (text, rest) = rest.split_at_checked(plain_len(rest.as_bytes()))?;
        self.0 = rest.strip_prefix('"')?;
        Some(text)
    }

    fn owned(&mut self) -> Option<String> {
        self.text().map(str::to_owned)
    }

    fn parsed<T: FromStr>(&mut self) -> Option<T> {
        self.text()?.parse().ok()
    }

    /// One of a list of names.
    fn named<T: Deserialize<'a>>(&mut self) -> Option<T> {
        T::deserialize(BorrowedStrDeserializer::<Error>::new(self.text()?)).ok()
    }

    fn number(&mut self) -> Option<u64> {
        let (number, rest) = Order::number_compact(self.0)?;
        self.0 = rest;
        Some(number)
    }

    fn or_null<T>(&mut self, read: impl FnOnce(&mut Self) -> Option<T>) -> Option<Option<T>> {
        match self.0.strip_prefix("null") {
            Some(rest) => {
                self.0 = rest;
                Some(None)
            }
            None => read(self).map(Some),
        }
    }

    fn money(&mut self) -> Option<Money> {
        let minor = self.after("{\"minor\":")?.number()?;
        let currency = self.after(",\"currency\":")?.parsed()?;
        self.after("}")?;
        Money::new(minor, currency).ok()
    }

    fn party(&mut self) -> Option<Party> {
        let party = Party {
            name: self.after("{\"name\":")?.owned()?,
            account: self.after(",\"account\":")?.parsed()?,
            country: self.after(",\"country\":")?.or_null(Self::owned)?,
        };
        self.after("}")?;
        Some(party)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::{Currency, Finality, OrderKind, PaymentId};

    fn moneys() -> impl Strategy<Value = Money> {
        let currency = prop::sample::select(vec![Currency::EUR, Currency::JPY, Currency::CHF]);
        (0..=crate::MINOR_MAX, currency).prop_map(|(minor, currency)| Money::new(minor, currency).unwrap())
    }

    /// Texts with all that JSON writes in a way of its own, and all that is written by somebody else.
    fn texts() -> impl Strategy<Value = String> {
        prop_oneof![Just(String::new()), "[a-zA-Z0-9 ]{1,20}", r#"["\\\x00-\x1f\x7f/é€😀nu]{0,8}"#, any::<String>()]
    }

    fn parties() -> impl Strategy<Value = Party> {
        (texts(), "[!-~]{1,30}", prop::option::of(texts())).prop_map(|(name, rest, country)| Party {
            name,
            account: format!("iban:x{rest}").parse().unwrap(),
            country,
        })
    }

    fn orders() -> impl Strategy<Value = Order> {
        let kinds = prop::sample::select(vec![OrderKind::PayOut, OrderKind::Transfer, OrderKind::Reverse]);
        let texts = (texts(), prop::option::of(texts()), prop::option::of(texts()));
        (texts, any::<u128>(), kinds, moneys(), (parties(), parties()), any::<u64>()).prop_map(
            |((key, memo, refers_to), id, kind, amount, (debtor, creditor), made_at_ms)| Order {
                key,
                payment: PaymentId(id),
                kind,
                amount,
                debtor,
                creditor,
                memo,
                refers_to,
                made_at_ms,
            },
        )
    }

    fn outcomes() -> impl Strategy<Value = Outcome> {
        let finality = prop::sample::select(vec![Finality::Accepted, Finality::Final]);
        let ends = (prop::option::of(any::<u64>()), prop::option::of(any::<u64>()));
        let settled = (moneys(), prop::option::of(texts()), finality, prop::option::of(moneys()), ends).prop_map(
            |(amount, reference, finality, fees, (reversible_until_ms, valid_until_ms))| Outcome::Settled {
                amount,
                reference,
                finality,
                fees,
                reversible_until_ms,
                valid_until_ms,
            },
        );
        let declined = (texts(), texts(), any::<bool>()).prop_map(|(code, reason, elsewhere)| Outcome::Declined {
            code,
            reason,
            elsewhere,
        });
        prop_oneof![4 => settled, 1 => declined, 1 => texts().prop_map(Outcome::unknown)]
    }

    /// Some bytes of it are other ones, or gone, or doubled: as nobody writes it, and as somebody might.
    fn damaged(mut json: Vec<u8>, damage: &[(prop::sample::Index, u8, u8)]) -> Vec<u8> {
        for (at, how, byte) in damage {
            if json.is_empty() {
                break;
            }
            let at = at.index(json.len());
            match how % 4 {
                0 => json[at] = *byte,
                1 => json.insert(at, b" 0,}\"\\nu"[usize::from(*byte) % 8]),
                2 => drop(json.remove(at)),
                _ => json.truncate(at + 1),
            }
        }
        json
    }

    proptest! {
        #[test]
        fn an_order_is_written_and_read_as_serde_does(order in orders()) {
            let json = order.to_json();
            prop_assert_eq!(std::str::from_utf8(&json).unwrap(), serde_json::to_string(&order).unwrap());
            let text = String::from_utf8(json).unwrap() + ",…";
            if let Some((read, rest)) = Order::read_compact(&text) {
                prop_assert_eq!((read, rest), (order, ",…"));
            } else {
                prop_assert!(text.contains('\\'), "{}", text);
            }
        }

        #[test]
        fn an_outcome_is_written_and_read_as_serde_does(outcome in outcomes()) {
            let json = outcome.to_json();
            prop_assert_eq!(std::str::from_utf8(&json).unwrap(), serde_json::to_string(&outcome).unwrap());
            prop_assert_eq!(Outcome::from_json(&json).unwrap(), outcome);
        }

        #[test]
        fn nothing_is_read_that_serde_reads_otherwise(
            order in orders(),
            outcome in outcomes(),
            damage in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>(), any::<u8>()), 1..4),
        ) {
            let json = damaged(order.to_json(), &damage);
            if let Some((read, rest)) = std::str::from_utf8(&json).ok().and_then(Order::read_compact) {
                let whole = json.get(..json.len() - rest.len()).unwrap();
                prop_assert_eq!(serde_json::from_slice::<Order>(whole).ok(), Some(read));
            }
            let json = damaged(outcome.to_json(), &damage);
            let (ours, serdes) = (Outcome::from_json(&json), serde_json::from_slice::<Outcome>(&json));
            prop_assert_eq!(ours.ok(), serdes.ok());
        }
    }

    #[test]
    fn what_is_plain_is_read_without_serde() {
        let check = |json: &str, expected: bool| {
            assert_eq!(Order::read_compact(json).is_some(), expected, "{json}");
            assert_eq!(serde_json::from_str::<Order>(json).is_ok(), !json.contains("0x"), "{json}");
        };
        let party = r#"{"name":"Anna €","account":"iban:IT60","country":null}"#;
        let order = |amount: &str, end: &str| {
            format!(
                r#"{{"key":"a-1","payment":"019a2b3c4d5e7f008000000000000001","kind":"transfer","amount":{amount},"debtor":{party},"creditor":{party},"memo":null,"refers_to":null,"made_at_ms":17{end}"#
            )
        };
        let amount = r#"{"minor":20,"currency":"EUR"}"#;
        check(&order(amount, "}"), true);
        check(&order(r#"{"currency":"EUR","minor":20}"#, "}"), false);
        check(&order(amount, " }"), false);
        check(&order(amount, r#","mood":"blue"}"#), false);
        check(&order(amount, "0x}"), false);
    }
}
