//! What the operator says of the page.

use sportello_sdk::serde::Deserialize;
use sportello_sdk::{Failure, JsonSchema};

use crate::id::Id;

/// `[channels.NAME.settings]`. Beside these stand the secrets: `app_secret` (the application's, by which Meta signs its
/// deliveries and by which requests prove whose they are), `verify_token` (any text; the same is written where Meta asks
/// for the webhook's address) and `page_token` (the page's own access token, with `pages_messaging`).
///
/// The webhook must be subscribed to `messages` and `messaging_postbacks`, and should be to `message_edits`. What a button
/// of the page sends, as *Get started* does, is taken for what the person wrote: let it be `help`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// The page's numeric id, as digits: `"102938475610293"`. It stands in every handle: `messenger:PAGE/PERSON`.
    pub page_id: String,
    /// The page's username without `@`, as in `m.me/sportello`, so that it is not taken for a payee where people write it.
    #[serde(default)]
    pub handle: Option<String>,
    /// Where Meta's Graph API is. Another address only for a sandbox.
    #[serde(default = "api_default")]
    pub api: String,
    /// The version of the Graph API. Meta serves each for about two years.
    #[serde(default = "version_default")]
    pub version: String,
}

fn api_default() -> String {
    "https://graph.facebook.com".to_owned()
}

fn version_default() -> String {
    "v25.0".to_owned()
}

impl Settings {
    /// The page.
    ///
    /// # Errors
    /// `bad_page_id`, `bad_handle`.
    pub(crate) fn page(&self) -> Result<Id, Failure> {
        let is_name = |name: &String| {
            (1..=50).contains(&name.len()) && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'.')
        };
        if self.handle.as_ref().is_some_and(|name| !is_name(name)) {
            let what = "`handle` is the page's username without `@`: letters, digits and `.`";
            return Err(Failure::settings("bad_handle", what));
        }
        let what = "`page_id` is the page's numeric id on Facebook, as a string of digits";
        Id::parse(&self.page_id).ok_or_else(|| Failure::settings("bad_page_id", what))
    }

    /// The API's address with its version, without a slash at its end.
    ///
    /// # Errors
    /// `bad_api`, `bad_version`.
    pub(crate) fn base(&self) -> Result<String, Failure> {
        let api = self.api.trim_end_matches('/');
        let is_origin = api
            .strip_prefix("https://")
            .or_else(|| api.strip_prefix("http://"))
            .is_some_and(|host| !host.is_empty() && !host.contains(['/', '?', '#', '@']));
        if !is_origin || !api.bytes().all(|b| b.is_ascii_graphic()) {
            let what = "`api` is an origin, as `https://graph.facebook.com`";
            return Err(Failure::settings("bad_api", what));
        }
        let is_number = |text: &str| (1..=4).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_digit());
        let numbers = self.version.strip_prefix('v').and_then(|numbers| numbers.split_once('.'));
        if !numbers.is_some_and(|(major, minor)| is_number(major) && is_number(minor)) {
            return Err(Failure::settings("bad_version", "`version` is one of the Graph API, as `v25.0`"));
        }
        Ok(format!("{api}/{}", self.version))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use sportello_sdk::serde_json::{Value, from_value, json};

    #[test]
    fn settings() {
        let check = |changes: Value, expected: Result<&str, &str>| {
            let mut settings = json!({ "page_id": "1" });
            for (key, value) in changes.as_object().unwrap() {
                settings[key] = value.clone();
            }
            let read = from_value::<Settings>(settings)
                .map_err(|_| "shape".to_owned())
                .and_then(|s| s.page().and(s.base()).map_err(|failure| failure.code));
            assert_eq!(read.as_deref().map_err(String::as_str), expected, "{changes}");
        };
        check(json!({}), Ok("https://graph.facebook.com/v25.0"));
        check(json!({ "api": "http://127.0.0.1:4000/" }), Ok("http://127.0.0.1:4000/v25.0"));
        check(json!({ "version": "v9.0", "handle": "sportello.pay" }), Ok("https://graph.facebook.com/v9.0"));
        check(json!({ "handle": null }), Ok("https://graph.facebook.com/v25.0"));
        check(json!({ "handle": "@sportello" }), Err("bad_handle"));
        check(json!({ "handle": "" }), Err("bad_handle"));
        check(json!({ "page_id": "sportello" }), Err("bad_page_id"));
        check(json!({ "page_id": "1/2" }), Err("bad_page_id"));
        check(json!({ "page_id": 1 }), Err("shape"));
        check(json!({ "api": "graph.facebook.com" }), Err("bad_api"));
        check(json!({ "api": "https://graph.facebook.com/v25.0" }), Err("bad_api"));
        check(json!({ "api": "https://" }), Err("bad_api"));
        check(json!({ "api": "https://graph facebook" }), Err("bad_api"));
        for version in ["25.0", "v25", "v25.", "v25.0/", "v.0", "vx.0", "v25.0.1", "v99999.0"] {
            check(json!({ "version": version }), Err("bad_version"));
        }
        check(json!({ "page_token": "x" }), Err("shape"));
        check(json!({ "pages": [] }), Err("shape"));
    }
}
