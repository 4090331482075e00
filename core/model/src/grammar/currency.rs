//! The names and signs of currencies, as people write them.

use super::token::fold;
use crate::Currency;

/// What a word or a sign beside a number makes of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Unit {
    /// This currency.
    Of(Currency),
    /// Hundredths of this currency; nothing for a bare *cents*, which many currencies have.
    Minor(Option<Currency>),
    /// A currency, but not which one (`¥`, `kr`, *francs*), or one that is not of ISO 4217 (`BTC`).
    Shared,
}

/// Codes that are read in small letters too. The others must stand in capitals: *all*, *top*, *try* and *cup* are words.
const CODES_IN_ANY_CASE: [&str; 5] = ["eur", "usd", "gbp", "chf", "jpy"];

/// What people call a currency. A bare *dollar* is the United States', a bare *pound* is sterling: so does everybody mean
/// it who says no more; the confirmation names the code. Francs, crowns, pesos, rupees and dinars have no such owner.
const WORDS: [(&str, Option<&str>); 30] = [
    ("euro", Some("EUR")),
    ("euros", Some("EUR")),
    ("dollar", Some("USD")),
    ("dollars", Some("USD")),
    ("dollaro", Some("USD")),
    ("dollari", Some("USD")),
    ("pound", Some("GBP")),
    ("pounds", Some("GBP")),
    ("sterling", Some("GBP")),
    ("sterlina", Some("GBP")),
    ("sterline", Some("GBP")),
    ("yen", Some("JPY")),
    ("yuan", Some("CNY")),
    ("renminbi", Some("CNY")),
    ("franc", None),
    ("francs", None),
    ("franchi", None),
    ("fr", None),
    ("kr", None),
    ("kroner", None),
    ("kronor", None),
    ("crowns", None),
    ("corone", None),
    ("couronnes", None),
    ("pesos", None),
    ("rupees", None),
    ("roupies", None),
    ("dinars", None),
    ("btc", None),
    ("bitcoin", None),
];

const MINOR: [(&str, Option<&str>); 10] = [
    ("cent", None),
    ("cents", None),
    ("centesimo", None),
    ("centesimi", None),
    ("centime", None),
    ("centimes", None),
    ("eurocent", Some("EUR")),
    ("eurocents", Some("EUR")),
    ("pence", Some("GBP")),
    ("penny", Some("GBP")),
];

const SIGNS: [(char, &str); 15] = [
    ('€', "EUR"),
    ('$', "USD"),
    ('＄', "USD"),
    ('£', "GBP"),
    ('￡', "GBP"),
    ('₹', "INR"),
    ('₺', "TRY"),
    ('₽', "RUB"),
    ('₴', "UAH"),
    ('₪', "ILS"),
    ('₩', "KRW"),
    ('₫', "VND"),
    ('₦', "NGN"),
    ('₱', "PHP"),
    ('฿', "THB"),
];

/// What letters that touch a `$` say of it.
const DOLLARS: [(&str, &str); 16] = [
    ("us", "USD"),
    ("ca", "CAD"),
    ("can", "CAD"),
    ("c", "CAD"),
    ("cad", "CAD"),
    ("a", "AUD"),
    ("au", "AUD"),
    ("nz", "NZD"),
    ("hk", "HKD"),
    ("s", "SGD"),
    ("sg", "SGD"),
    ("r", "BRL"),
    ("mx", "MXN"),
    ("nt", "TWD"),
    ("usd", "USD"),
    ("aud", "AUD"),
];

fn of(code: &str) -> Unit {
    code.parse().map_or(Unit::Shared, Unit::Of)
}

/// Whether `word`, as written, is the code of a currency.
pub(super) fn is_code(word: &str) -> bool {
    let in_any_case = CODES_IN_ANY_CASE.iter().any(|code| code.eq_ignore_ascii_case(word));
    word.len() == 3 && (in_any_case || word.parse::<Currency>().is_ok())
}

/// What `word`, as written, makes of a number beside it.
pub(super) fn unit(word: &str) -> Option<Unit> {
    if is_code(word) {
        return Some(of(&word.to_ascii_uppercase()));
    }
    let word = fold(word);
    let named = WORDS.iter().find(|(name, _)| *name == word).map(|(_, code)| code.map_or(Unit::Shared, of));
    named.or_else(|| {
        let (_, code) = MINOR.iter().find(|(name, _)| *name == word)?;
        Some(Unit::Minor(code.and_then(|code| code.parse().ok())))
    })
}

/// Whether `word` makes an amount of a number that it touches.
pub(super) fn is_unit(word: &str) -> bool {
    unit(word).is_some()
}

/// Whether `word` looks like a code and is none: three capitals.
pub(super) fn is_foreign_code(word: &str) -> bool {
    word.len() == 3 && word.bytes().all(|b| b.is_ascii_uppercase()) && !is_code(word)
}

/// What `sign` makes of a number beside it, with the letters that touch it.
pub(super) fn signed(sign: char, letters: Option<&str>) -> Unit {
    match (sign, letters) {
        ('¢', None) => Unit::Minor(None),
        ('$' | '＄', Some(letters)) => {
            let letters = letters.to_ascii_lowercase();
            DOLLARS.iter().find(|(name, _)| *name == letters).map_or(Unit::Shared, |(_, code)| of(code))
        }
        (_, Some(_)) => Unit::Shared,
        (sign, None) => SIGNS.iter().find(|(known, _)| *known == sign).map_or(Unit::Shared, |(_, code)| of(code)),
    }
}

/// The currencies that are called dollars.
const DOLLAR_CODES: &str = "AUD BBD BMD BND BSD BZD CAD FJD GYD HKD JMD KYD LRD NAD NZD SBD SGD SRD TTD TWD USD XCD";

/// What two marks on one number say together: the same, or `$` made precise by the code of a dollar.
pub(super) fn both(one: Unit, other: Unit) -> Unit {
    let is_dollar = |currency: Currency| DOLLAR_CODES.split(' ').any(|code| code == currency.code());
    match (one, other) {
        _ if one == other => one,
        (Unit::Of(Currency::USD), Unit::Of(dollar)) if is_dollar(dollar) => other,
        _ => Unit::Shared,
    }
}

/// How words begin that make another currency of a dollar or a pound: *20 dollars canadiens*, *$20 Cdn*.
const NATIONS: [&str; 24] = [
    "canad", "cdn", "austral", "neozel", "neoz", "hong", "singap", "taiwan", "messic", "mexic", "jama", "giama",
    "namib", "fiji", "bahama", "barbad", "berm", "egypt", "egiz", "liban", "leban", "syri", "siri", "sudan",
];

/// What a word behind the name or sign of a dollar or a pound makes of it.
pub(super) fn of_nation(unit: Unit, word: &str) -> Option<Unit> {
    let word = fold(word);
    let is_american = matches!(word.as_str(), "us" | "usa") || word.starts_with("americ");
    match unit {
        Unit::Of(Currency::USD) if is_american => Some(unit),
        Unit::Of(Currency::USD) if word == "can" => Some(Unit::Shared),
        Unit::Of(Currency::USD | Currency::GBP) if NATIONS.iter().any(|nation| word.starts_with(nation)) => {
            Some(Unit::Shared)
        }
        _ => None,
    }
}
