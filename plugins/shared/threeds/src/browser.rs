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
    /// What only a script can tell.
    #[serde(flatten)]
    screen: Option<Screen>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
struct Screen {
    browser_java_enabled: bool,
    browser_color_depth: String,
    browser_screen_height: String,
    browser_screen_width: String,
    #[serde(rename = "browserTZ")]
    browser_tz: String,
}

/// The depths there are.
const DEPTHS: [i64; 8] = [1, 4, 8, 15, 16, 24, 32, 48];

/// The longest header that an AReq has room for.
const HEADER_LEN_MAX: usize = 2_048;

impl Browser {
    /// What the request itself says, and the form that our page's script has filled in. A form without it is that of a
    /// browser without scripts, and what is no value of its kind is one that is usual.
    pub(crate) fn of(request: &PageRequest, form: &[(String, String)]) -> Self {
        let given = |name: &str| form.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str());
        let header = |name: &str, usual: &str| {
            let text = request.header(name).unwrap_or_default().chars().filter(|c| matches!(c, ' '..='~'));
            Some(text.take(HEADER_LEN_MAX).collect::<String>())
                .filter(|text| !text.is_empty())
                .unwrap_or(usual.to_owned())
        };
        let has_scripts = given("javascript") == Some("true");
        Self {
            browser_accept_header: header("accept", "*/*"),
            browser_ip: request.head.remote_ip.clone(),
            browser_language: [given("language").unwrap_or_default(), &request.head.language, "en"]
                .into_iter()
                .map(tag)
                .find(|tag| !tag.is_empty())
                .unwrap_or_default(),
            browser_user_agent: header("user-agent", "unknown"),
            browser_javascript_enabled: has_scripts,
            screen: has_scripts.then(|| Screen::of(given)),
        }
    }
}

impl Screen {
    fn of<'a>(given: impl Fn(&str) -> Option<&'a str>) -> Self {
        let number = |name: &str, most: i64, usual: i64| {
            let value = given(name).and_then(|value| value.parse::<i64>().ok());
            value.filter(|value| (-most..=most).contains(value)).unwrap_or(usual)
        };
        let depth = number("color_depth", 48, 24);
        let depth = DEPTHS.iter().rev().find(|known| **known <= depth).unwrap_or(&24);
        Self {
            browser_java_enabled: given("java") == Some("true"),
            browser_color_depth: depth.to_string(),
            browser_screen_height: number("height", 999_999, 1080).max(0).to_string(),
            browser_screen_width: number("width", 999_999, 1920).max(0).to_string(),
            browser_tz: number("tz", 840, 0).to_string(),
        }
    }
}

/// The beginning of a language's tag (RFC 5646), as much as there is room for.
fn tag(text: &str) -> String {
    text.chars().filter(|c| c.is_ascii_alphanumeric() || *c == '-').take(8).collect()
}

/// The fields of a form (`application/x-www-form-urlencoded`).
pub(crate) fn form(body: &[u8]) -> Vec<(String, String)> {
    url::form_urlencoded::parse(body).into_owned().collect()
}
