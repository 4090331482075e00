//! What an authentication request must have, and how (EMV 3-D Secure 2.2, table A.1).

use serde_json::{Map, Value};

use super::erro::Erro;

/// When a field must be there.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Must {
    Always,
    /// Where the browser runs JavaScript.
    WithJavascript,
    Never,
}

type Format = fn(&str) -> bool;

/// The fields that are text, in the order in which they are complained about.
const TEXTS: [(&str, Must, Format); 25] = {
    use Must::{Always, Never, WithJavascript};
    [
        ("threeDSServerTransID", Always, crate::serial::is_uuid),
        ("acctNumber", Always, |text| digits(text, 13, 19) && crate::acquirer::luhn(text)),
        ("cardExpiryDate", Always, |text| digits(text, 4, 4) && within(text.get(2..), 1, 12)),
        ("purchaseAmount", Always, |text| digits(text, 1, 48) && text.parse::<u64>().is_ok()),
        ("purchaseCurrency", Always, |text| digits(text, 3, 3)),
        ("purchaseExponent", Always, |text| digits(text, 1, 1)),
        ("purchaseDate", Always, is_instant),
        ("messageCategory", Always, |text| text == "01"),
        ("deviceChannel", Always, |text| text == "02"),
        ("threeDSRequestorAuthenticationInd", Always, |text| digits(text, 2, 2) && within(Some(text), 1, 6)),
        ("threeDSRequestorChallengeInd", Never, |text| digits(text, 2, 2) && within(Some(text), 1, 9)),
        ("threeDSCompInd", Always, |text| matches!(text, "Y" | "N" | "U")),
        ("merchantName", Always, |text| long(text, 1, 40)),
        ("mcc", Always, |text| digits(text, 4, 4)),
        ("acquirerBIN", Always, |text| digits(text, 1, 11)),
        ("acquirerMerchantID", Always, |text| long(text, 1, 35)),
        ("notificationURL", Always, is_web),
        ("browserAcceptHeader", Always, |text| long(text, 1, 2048)),
        ("browserIP", Never, |text| text.parse::<std::net::IpAddr>().is_ok()),
        ("browserLanguage", Always, |text| long(text, 1, 8) && text.chars().all(|c| c == '-' || c.is_alphanumeric())),
        ("browserColorDepth", WithJavascript, |text| {
            matches!(text, "1" | "4" | "8" | "15" | "16" | "24" | "32" | "48")
        }),
        ("browserScreenHeight", WithJavascript, |text| digits(text, 1, 6)),
        ("browserScreenWidth", WithJavascript, |text| digits(text, 1, 6)),
        ("browserTZ", WithJavascript, is_offset),
        ("browserUserAgent", Always, |text| long(text, 1, 2048)),
    ]
};

/// The fields that are true or false.
const TRUTHS: [(&str, Must); 2] =
    [("browserJavascriptEnabled", Must::Always), ("browserJavaEnabled", Must::WithJavascript)];

/// Checks all fields at once; what is not known is left alone, as the specification has it (section 5.1.6).
///
/// # Errors
/// 201 with all that are missing, or else 203 with all whose format is wrong.
pub(crate) fn check(request: &Map<String, Value>) -> Result<(), Erro> {
    let runs_javascript = request.get("browserJavascriptEnabled") != Some(&Value::Bool(false));
    let is_due = |must: Must| must == Must::Always || must == Must::WithJavascript && runs_javascript;
    let texts = TEXTS.iter().map(|(name, must, _)| (*name, *must));
    let is_missing = |(name, must): &(&str, Must)| is_due(*must) && !request.contains_key(*name);
    let missing: Vec<&str> = texts.chain(TRUTHS).filter(is_missing).map(|(name, _)| name).collect();
    if !missing.is_empty() {
        return Err(Erro::missing(&missing));
    }
    let is_wrong_text = |name: &str, format: Format| match request.get(name) {
        Some(value) => !value.as_str().is_some_and(format),
        None => false,
    };
    let is_wrong_truth = |name: &str| request.get(name).is_some_and(|value| !value.is_boolean());
    let wrong_texts = TEXTS.iter().filter(|(name, _, format)| is_wrong_text(name, *format)).map(|(name, ..)| *name);
    let wrong_truths = TRUTHS.iter().filter(|(name, _)| is_wrong_truth(name)).map(|(name, _)| *name);
    let wrong: Vec<&str> = wrong_texts.chain(wrong_truths).collect();
    if wrong.is_empty() { Ok(()) } else { Err(Erro::format(&wrong)) }
}

pub(crate) fn digits(text: &str, min: usize, max: usize) -> bool {
    (min..=max).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_digit())
}

fn long(text: &str, min: usize, max: usize) -> bool {
    (min..=max).contains(&text.chars().count()) && !text.chars().any(char::is_control)
}

fn within(text: Option<&str>, from: u32, to: u32) -> bool {
    text.and_then(|text| text.parse::<u32>().ok()).is_some_and(|number| (from..=to).contains(&number))
}

/// `YYYYMMDDhhmmss`.
fn is_instant(text: &str) -> bool {
    let part = |from: usize, to: usize| text.get(from..to).unwrap_or_default();
    digits(text, 14, 14)
        && crate::clock::is_date(&format!("{}-{}-{}", part(0, 4), part(4, 6), part(6, 8)))
        && within(text.get(8..10), 0, 23)
        && within(text.get(10..12), 0, 59)
        && within(text.get(12..), 0, 59)
}

/// Minutes between UTC and the browser's time, with a sign where it is behind.
fn is_offset(text: &str) -> bool {
    let number = text.strip_prefix(['-', '+']).unwrap_or(text);
    digits(number, 1, 4) && within(Some(number), 0, 840)
}

/// A web address, whole.
pub(crate) fn is_web(text: &str) -> bool {
    let is_one = |url: url::Url| matches!(url.scheme(), "https" | "http") && url.has_host();
    text.len() <= 256 && url::Url::parse(text).is_ok_and(is_one)
}

#[cfg(test)]
mod tests {
    use axum::http::StatusCode;
    use serde_json::json;

    use super::*;

    /// A request with all that it may have.
    pub(crate) fn request() -> Value {
        json!({
            "threeDSServerTransID": "99391c7e-ad88-49ec-a2ad-99ddcb1f7721", "acctNumber": "4111111111111111",
            "cardExpiryDate": "3012", "purchaseAmount": "2000", "purchaseCurrency": "978", "purchaseExponent": "2",
            "purchaseDate": "20261124190501", "messageCategory": "01", "deviceChannel": "02",
            "threeDSRequestorAuthenticationInd": "01", "threeDSRequestorChallengeInd": "01", "threeDSCompInd": "U",
            "merchantName": "Pizzeria", "mcc": "5812", "acquirerBIN": "400123", "acquirerMerchantID": "MERCHANT0000001",
            "notificationURL": "https://pay.example/3ds/back", "browserAcceptHeader": "text/html", "browserIP": "::1",
            "browserJavaEnabled": false, "browserJavascriptEnabled": true, "browserLanguage": "it-IT",
            "browserColorDepth": "24", "browserScreenHeight": "1080", "browserScreenWidth": "1920", "browserTZ": "-60",
            "browserUserAgent": "Mozilla/5.0",
        })
    }

    #[test]
    fn every_field_is_checked_and_named() {
        let check = |change: Value, expected: Option<(&str, &str)>| {
            let mut request = request();
            for (name, value) in change.as_object().unwrap() {
                match value {
                    Value::Null => drop(request.as_object_mut().unwrap().remove(name)),
                    value => request[name] = value.clone(),
                }
            }
            let told = super::check(request.as_object().unwrap());
            let told = told.map_err(|erro| (erro.status(), erro.body()));
            let told = told.as_ref().map_err(|(status, body)| {
                assert_eq!(*status, StatusCode::BAD_REQUEST);
                (body["errorCode"].as_str().unwrap(), body["errorDetail"].as_str().unwrap())
            });
            assert_eq!(told.err(), expected, "{change}");
        };
        check(json!({}), None);
        check(json!({ "unknown": 1 }), None);
        check(json!({ "mcc": null, "acctNumber": null }), Some(("201", "acctNumber, mcc")));
        check(json!({ "browserIP": null, "threeDSRequestorChallengeInd": null }), None);
        check(json!({ "browserTZ": null }), Some(("201", "browserTZ")));
        check(json!({ "browserTZ": null, "browserJavaEnabled": null, "browserJavascriptEnabled": false }), None);
        let wrong = [
            ("threeDSServerTransID", json!("1")),
            ("acctNumber", json!("4111111111111112")),
            ("cardExpiryDate", json!("3013")),
            ("purchaseAmount", json!(2000)),
            ("purchaseAmount", json!("20.00")),
            ("purchaseCurrency", json!("EUR")),
            ("purchaseExponent", json!(2)),
            ("purchaseDate", json!("20260230190501")),
            ("purchaseDate", json!("20261124250501")),
            ("messageCategory", json!("02")),
            ("deviceChannel", json!("01")),
            ("threeDSRequestorAuthenticationInd", json!("07")),
            ("threeDSRequestorChallengeInd", json!("10")),
            ("threeDSCompInd", json!("X")),
            ("merchantName", json!("x".repeat(41))),
            ("mcc", json!("581")),
            ("acquirerBIN", json!("4001234567890")),
            ("acquirerMerchantID", json!("")),
            ("notificationURL", json!("/3ds/back")),
            ("browserAcceptHeader", json!("")),
            ("browserIP", json!("localhost")),
            ("browserLanguage", json!("it-IT-roma")),
            ("browserColorDepth", json!("30")),
            ("browserColorDepth", json!(24)),
            ("browserScreenHeight", json!("tall")),
            ("browserScreenWidth", json!("1920000")),
            ("browserTZ", json!("+900")),
            ("browserUserAgent", json!("x".repeat(2049))),
            ("browserJavascriptEnabled", json!("true")),
            ("browserJavaEnabled", json!("false")),
        ];
        for (name, value) in wrong {
            check(json!({ name: value }), Some(("203", name)));
        }
        check(json!({ "mcc": "x", "browserTZ": "x" }), Some(("203", "mcc, browserTZ")));
    }
}
