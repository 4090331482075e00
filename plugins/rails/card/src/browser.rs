//! What the issuer wants to know of the payer's browser (EMV 3-D Secure 2.2, annex A, browser data elements).

use serde::Serialize;
use sportello_sdk::PageRequest;

/// The browser's data, as they stand in an AReq.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Browser {
    browser_accept_header: String,
    #[serde(rename = "browserIP")]
    browser_ip: String,
    browser_language: String,
    browser_user_agent: String,
    browser_javascript_enabled: bool,
    browser_java_enabled: bool,
    browser_color_depth: String,
    browser_screen_height: String,
    browser_screen_width: String,
    #[serde(rename = "browserTZ")]
    browser_tz: String,
}

/// The depths there are.
const DEPTHS: [u32; 8] = [1, 4, 8, 15, 16, 24, 32, 48];

impl Browser {
    /// What the request itself says, and the form that our page's script has filled in. A form without it is that of a
    /// browser without scripts, and what is no value of its kind is one that is usual.
    pub(crate) fn of(request: &PageRequest, form: &[(String, String)]) -> Self {
        let given = |name: &str| form.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str());
        let header = |name: &str| printable(request.header(name).unwrap_or_default(), 2_048);
        let number = |name: &str, most: i64, usual: i64| {
            let value = given(name).and_then(|value| value.parse::<i64>().ok());
            value.filter(|value| (-most..=most).contains(value)).unwrap_or(usual)
        };
        let depth = u32::try_from(number("color_depth", 48, 24)).unwrap_or(24);
        let depth = DEPTHS.iter().rev().find(|known| **known <= depth).unwrap_or(&24);
        let language = given("language").map(|language| printable(language, 8)).filter(|language| !language.is_empty());
        Self {
            browser_accept_header: Some(header("accept"))
                .filter(|text| !text.is_empty())
                .unwrap_or_else(|| "*/*".to_owned()),
            browser_ip: request.head.remote_ip.clone(),
            browser_language: language.unwrap_or_else(|| printable(&request.head.language, 8)),
            browser_user_agent: header("user-agent"),
            browser_javascript_enabled: given("javascript") == Some("true"),
            browser_java_enabled: given("java") == Some("true"),
            browser_color_depth: depth.to_string(),
            browser_screen_height: number("height", 999_999, 1080).max(0).to_string(),
            browser_screen_width: number("width", 999_999, 1920).max(0).to_string(),
            browser_tz: number("tz", 840, 0).to_string(),
        }
    }
}

fn printable(text: &str, most: usize) -> String {
    text.chars().filter(|c| matches!(c, ' '..='~')).take(most).collect()
}

/// The fields of a form (`application/x-www-form-urlencoded`).
pub(crate) fn form(body: &[u8]) -> Vec<(String, String)> {
    url::form_urlencoded::parse(body).into_owned().collect()
}
