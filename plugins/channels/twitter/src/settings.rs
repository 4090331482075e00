//! What the operator says of the account.

use sportello_sdk::serde::Deserialize;
use sportello_sdk::{Failure, JsonSchema};

use crate::id::Id;
use crate::text::is_name;

/// `[channels.NAME.settings]`. Beside these stand the secrets `consumer_key`, `consumer_secret`, `access_token` and
/// `access_token_secret`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// The account's name on X, without `@`: `sportello`.
    pub handle: String,
    /// The account's numeric id, as digits: `"1234567890"`. The name can change hands; this cannot.
    pub user_id: String,
    /// Where X's API is. Another address only for a sandbox.
    #[serde(default = "api_default")]
    pub api: String,
    /// How often to look for what no webhook told of, in seconds; 0 for only once, at the start.
    #[serde(default = "catch_up_every_default")]
    pub catch_up_every_s: u64,
}

fn api_default() -> String {
    "https://api.x.com".to_owned()
}

fn catch_up_every_default() -> u64 {
    300
}

/// The account that people write to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Account {
    pub(crate) id: Id,
    pub(crate) name: String,
}

impl Settings {
    /// The account.
    ///
    /// # Errors
    /// `bad_handle`, `bad_user_id`.
    pub(crate) fn account(&self) -> Result<Account, Failure> {
        if !is_name(&self.handle) {
            let what = "`handle` is the account's name on X without `@`: letters, digits and `_`";
            return Err(Failure::settings("bad_handle", what));
        }
        let what = "`user_id` is the account's numeric id on X, as a string of digits";
        let id = Id::parse(&self.user_id).ok_or_else(|| Failure::settings("bad_user_id", what))?;
        Ok(Account { id, name: self.handle.clone() })
    }

    /// The API's address, without a slash at its end.
    ///
    /// # Errors
    /// `bad_api`.
    pub(crate) fn base(&self) -> Result<String, Failure> {
        let base = self.api.trim_end_matches('/');
        let is_origin = base
            .strip_prefix("https://")
            .or_else(|| base.strip_prefix("http://"))
            .is_some_and(|host| !host.is_empty() && !host.contains(['/', '?', '#', '@']));
        // OAuth signs the address in its normal form (RFC 5849, 3.4.1.2): anything else would fail at every request.
        if !is_origin || base.bytes().any(|b| b.is_ascii_uppercase() || b <= b' ') {
            let what = "`api` is an origin in small letters, as `https://api.x.com`";
            return Err(Failure::settings("bad_api", what));
        }
        Ok(base.to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use sportello_sdk::serde_json::{Value, from_value, json};

    #[test]
    fn settings() {
        let check = |changes: Value, expected: Result<(), &str>| {
            let mut settings = json!({ "handle": "sportello", "user_id": "1111111111111111111" });
            for (key, value) in changes.as_object().unwrap() {
                settings[key] = value.clone();
            }
            let read = from_value::<Settings>(settings)
                .map_err(|_| "shape".to_owned())
                .and_then(|s| s.account().and(s.base()).map_err(|failure| failure.code));
            assert_eq!(read.map(|_| ()), expected.map_err(str::to_owned), "{changes}");
        };
        check(json!({}), Ok(()));
        check(json!({ "api": "http://127.0.0.1:4000/", "catch_up_every_s": 0 }), Ok(()));
        check(json!({ "handle": "@sportello" }), Err("bad_handle"));
        check(json!({ "handle": "" }), Err("bad_handle"));
        check(json!({ "handle": "sp\u{200b}ortello" }), Err("bad_handle"));
        check(json!({ "user_id": "sportello" }), Err("bad_user_id"));
        check(json!({ "user_id": 7 }), Err("shape"));
        check(json!({ "api": "api.x.com" }), Err("bad_api"));
        check(json!({ "api": "https://API.x.com" }), Err("bad_api"));
        check(json!({ "api": "https://api.x.com/2" }), Err("bad_api"));
        check(json!({ "api": "https://" }), Err("bad_api"));
        check(json!({ "catch_up_every": 5 }), Err("shape"));
        check(json!({ "consumer_key": "x" }), Err("shape"));
    }
}
