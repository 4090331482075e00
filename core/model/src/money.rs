//! Money: integer minor units in a currency of ISO 4217. No floats, and no arithmetic that wraps.

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;

use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// The largest count of minor units: 2⁵³ − 1, so that a JSON number carries it exactly in every language.
pub const MINOR_MAX: u64 = (1 << 53) - 1;

/// A currency of ISO 4217 that has minor units (XAU and the like have none, and cannot be paid in).
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Currency(iso_currency::Currency);

impl Currency {
    /// The euro.
    pub const EUR: Self = Self(iso_currency::Currency::EUR);
    /// The United States dollar.
    pub const USD: Self = Self(iso_currency::Currency::USD);
    /// The pound sterling.
    pub const GBP: Self = Self(iso_currency::Currency::GBP);
    /// The yen.
    pub const JPY: Self = Self(iso_currency::Currency::JPY);
    /// The Swiss franc.
    pub const CHF: Self = Self(iso_currency::Currency::CHF);

    /// The alphabetic code, as `EUR`.
    pub fn code(self) -> &'static str {
        self.0.code()
    }

    /// How many decimal digits the minor unit has: 0 for JPY, 2 for EUR, 3 for KWD (ISO 4217, list one).
    pub fn exponent(self) -> u32 {
        self.0.exponent().map_or(0, u32::from)
    }
}

/// The text is no currency that can be paid in.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a currency of ISO 4217 that can be paid in")]
pub struct UnknownCurrency(pub String);

impl FromStr for Currency {
    type Err = UnknownCurrency;

    /// Reads the alphabetic code, in capitals.
    fn from_str(code: &str) -> Result<Self, Self::Err> {
        iso_currency::Currency::from_code(code)
            .filter(|currency| currency.exponent().is_some())
            .map(Self)
            .ok_or_else(|| UnknownCurrency(code.chars().take(8).collect()))
    }
}

impl PartialOrd for Currency {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Currency {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.code().cmp(other.code())
    }
}

impl std::hash::Hash for Currency {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        self.code().hash(state);
    }
}

impl fmt::Display for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

impl fmt::Debug for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

impl Serialize for Currency {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.code())
    }
}

impl<'de> Deserialize<'de> for Currency {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Code;
        impl serde::de::Visitor<'_> for Code {
            type Value = Currency;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a currency of ISO 4217")
            }
            fn visit_str<E: serde::de::Error>(self, code: &str) -> Result<Currency, E> {
                code.parse().map_err(E::custom)
            }
        }
        deserializer.deserialize_str(Code)
    }
}

impl JsonSchema for Currency {
    fn schema_name() -> Cow<'static, str> {
        "Currency".into()
    }
    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({ "type": "string", "pattern": "^[A-Z]{3}$", "description": "ISO 4217 alphabetic code" })
    }
}

/// An amount of money, never negative: `{"minor": 2000, "currency": "EUR"}` is 20 euros.
///
/// ```
/// use sportello_model::{Currency, Money};
/// let pizza = Money::new(2000, Currency::EUR)?;
/// assert_eq!(pizza.to_string(), "20.00 EUR");
/// assert!(pizza.checked_add(Money::new(1, Currency::JPY)?).is_err());
/// # Ok::<(), sportello_model::MoneyError>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, JsonSchema)]
pub struct Money {
    minor: u64,
    currency: Currency,
}

/// What money cannot do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum MoneyError {
    /// The amount leaves the range of 0 to [`MINOR_MAX`].
    #[error("the amount is outside what can be represented")]
    Overflow,
    /// Two currencies in one sum.
    #[error("{0} and {1} cannot be added up")]
    CurrencyMismatch(Currency, Currency),
}

impl Money {
    /// `minor` units of `currency`.
    ///
    /// # Errors
    /// [`MoneyError::Overflow`] past [`MINOR_MAX`].
    pub fn new(minor: u64, currency: Currency) -> Result<Self, MoneyError> {
        if minor > MINOR_MAX {
            return Err(MoneyError::Overflow);
        }
        Ok(Self { minor, currency })
    }

    /// Nothing, in `currency`.
    pub fn zero(currency: Currency) -> Self {
        Self { minor: 0, currency }
    }

    /// Minor units: cents for EUR, yen for JPY, fils for KWD.
    pub fn minor(self) -> u64 {
        self.minor
    }

    /// The currency.
    pub fn currency(self) -> Currency {
        self.currency
    }

    /// Whether this is no money at all.
    pub fn is_zero(self) -> bool {
        self.minor == 0
    }

    /// The sum.
    ///
    /// # Errors
    /// [`MoneyError::CurrencyMismatch`], [`MoneyError::Overflow`].
    pub fn checked_add(self, other: Self) -> Result<Self, MoneyError> {
        self.same_currency(other)?;
        Self::new(self.minor.checked_add(other.minor).ok_or(MoneyError::Overflow)?, self.currency)
    }

    /// The difference.
    ///
    /// # Errors
    /// [`MoneyError::CurrencyMismatch`], [`MoneyError::Overflow`] below zero.
    pub fn checked_sub(self, other: Self) -> Result<Self, MoneyError> {
        self.same_currency(other)?;
        Self::new(self.minor.checked_sub(other.minor).ok_or(MoneyError::Overflow)?, self.currency)
    }

    /// The amount in decimal notation, without the currency: `20.00`, `1500`, `1.250`.
    pub fn decimal(self) -> String {
        let exponent = self.currency.exponent();
        let unit = 10u64.pow(exponent);
        match exponent {
            0 => self.minor.to_string(),
            digits => format!("{}.{:0width$}", self.minor / unit, self.minor % unit, width = digits as usize),
        }
    }

    /// Reads what [`Money::decimal`] writes: digits, at most one dot, at most as many decimals as the currency has.
    ///
    /// # Errors
    /// [`MoneyError::Overflow`] for whatever else.
    pub fn from_decimal(text: &str, currency: Currency) -> Result<Self, MoneyError> {
        let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
        let exponent = currency.exponent() as usize;
        let digits_only = |part: &str| part.bytes().all(|b| b.is_ascii_digit());
        if whole.is_empty() || !digits_only(whole) || !digits_only(fraction) || fraction.len() > exponent {
            return Err(MoneyError::Overflow);
        }
        let digits = format!("{whole}{fraction:0<exponent$}");
        Self::new(digits.parse().map_err(|_| MoneyError::Overflow)?, currency)
    }

    fn same_currency(self, other: Self) -> Result<(), MoneyError> {
        if self.currency == other.currency {
            return Ok(());
        }
        Err(MoneyError::CurrencyMismatch(self.currency, other.currency))
    }
}

impl fmt::Display for Money {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.decimal(), self.currency)
    }
}

impl<'de> Deserialize<'de> for Money {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        struct Raw {
            minor: u64,
            currency: Currency,
        }
        let raw = Raw::deserialize(deserializer)?;
        Self::new(raw.minor, raw.currency).map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decimals_follow_the_exponent() {
        let check = |minor, code: &str, expected: &str| {
            let money = Money::new(minor, code.parse().unwrap()).unwrap();
            assert_eq!(money.decimal(), expected);
            assert_eq!(Money::from_decimal(expected, money.currency()), Ok(money));
        };
        check(2000, "EUR", "20.00");
        check(5, "EUR", "0.05");
        check(1500, "JPY", "1500");
        check(1250, "KWD", "1.250");
        check(MINOR_MAX, "EUR", "90071992547409.91");
    }

    #[test]
    fn what_is_no_amount_is_refused() {
        for text in ["", ".", ".5", "1.234", "-1", "+1", "1e3", "1 000", "99999999999999999999", "٣"] {
            assert!(Money::from_decimal(text, Currency::EUR).is_err(), "{text}");
        }
        assert_eq!(Money::new(MINOR_MAX + 1, Currency::EUR), Err(MoneyError::Overflow));
        for code in ["XAU", "XXX", "EURO", "eur", ""] {
            assert!(code.parse::<Currency>().is_err(), "{code}");
        }
        for json in [
            r#"{"minor":-1,"currency":"EUR"}"#,
            r#"{"minor":1.5,"currency":"EUR"}"#,
            r#"{"minor":9007199254740992,"currency":"EUR"}"#,
            r#"{"minor":1,"currency":"ZZZ"}"#,
        ] {
            assert!(serde_json::from_str::<Money>(json).is_err(), "{json}");
        }
    }
}
