//! OAuth 1.0a as RFC 5849 has it: the signature of every API call is computed again here and compared.

use std::collections::HashSet;

use base64::{Engine, engine::general_purpose::STANDARD};
use hmac::{Hmac, KeyInit, Mac};
use sha1::Sha1;

use crate::options::Credentials;

/// How far a call's timestamp may be from X's clock, in seconds.
const WINDOW_S: u64 = 300;

/// What is signed of a call.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Call<'a> {
    pub(crate) method: &'a str,
    /// Scheme, host and path, without the query.
    pub(crate) url: &'a str,
    /// The query as it was sent, or nothing.
    pub(crate) query: &'a str,
    /// The body where it is a form, or nothing.
    pub(crate) form: &'a str,
    /// The `Authorization` header.
    pub(crate) authorization: &'a str,
}

/// Nonces already seen, each with its timestamp.
#[derive(Debug, Default)]
pub(crate) struct Nonces(HashSet<(u64, String)>);

/// Checks a call.
///
/// # Errors
/// Why X would answer 401, for the `detail` of the problem.
pub(crate) fn verify(
    call: &Call<'_>,
    credentials: &Credentials,
    nonces: &mut Nonces,
    now_s: u64,
) -> Result<(), &'static str> {
    let oauth = header_params(call.authorization).ok_or("No OAuth 1.0a credentials in the Authorization header.")?;
    let param = |name: &str| oauth.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str());
    if param("oauth_consumer_key") != Some(&credentials.consumer_key) {
        return Err("The consumer key is not known.");
    }
    if param("oauth_token") != Some(&credentials.token) {
        return Err("The access token is not known.");
    }
    if param("oauth_signature_method") != Some("HMAC-SHA1") {
        return Err("The signature method must be HMAC-SHA1.");
    }
    if !matches!(param("oauth_version"), None | Some("1.0")) {
        return Err("The OAuth version must be 1.0.");
    }
    let timestamp = param("oauth_timestamp").and_then(|t| t.parse::<u64>().ok()).ok_or("The timestamp is missing.")?;
    if now_s.abs_diff(timestamp) > WINDOW_S {
        return Err("Timestamp out of bounds.");
    }
    let nonce = param("oauth_nonce").filter(|nonce| !nonce.is_empty()).ok_or("The nonce is missing.")?;
    let signature = param("oauth_signature")
        .and_then(|signature| STANDARD.decode(signature).ok())
        .ok_or("The signature is missing or not in base64.")?;
    let base = base_string(call, &oauth);
    let mac = mac(credentials, &base).ok_or("The signature cannot be computed.")?;
    mac.verify_slice(&signature).map_err(|_| "The signature does not match.")?;
    // Only a call that is genuine spends its nonce, or anybody could spend those of others.
    nonces.0.retain(|(seen, _)| now_s.abs_diff(*seen) <= WINDOW_S);
    if !nonces.0.insert((timestamp, nonce.to_owned())) {
        return Err("The nonce was used before.");
    }
    Ok(())
}

fn mac(credentials: &Credentials, base: &str) -> Option<Hmac<Sha1>> {
    let key = format!("{}&{}", encode(&credentials.consumer_secret), encode(&credentials.token_secret));
    let mut mac = Hmac::<Sha1>::new_from_slice(key.as_bytes()).ok()?;
    mac.update(base.as_bytes());
    Some(mac)
}

/// The signature base string (RFC 5849, section 3.4.1).
fn base_string(call: &Call<'_>, oauth: &[(String, String)]) -> String {
    let signed = oauth.iter().filter(|(key, _)| key != "realm" && key != "oauth_signature").cloned();
    let mut pairs: Vec<(String, String)> = signed
        .chain(form_pairs(call.query))
        .chain(form_pairs(call.form))
        .map(|(key, value)| (encode(&key), encode(&value)))
        .collect();
    pairs.sort();
    let joined: Vec<String> = pairs.into_iter().map(|(key, value)| format!("{key}={value}")).collect();
    format!("{}&{}&{}", call.method.to_ascii_uppercase(), encode(call.url), encode(&joined.join("&")))
}

fn header_params(header: &str) -> Option<Vec<(String, String)>> {
    let (scheme, params) = header.split_once(' ')?;
    if !scheme.eq_ignore_ascii_case("OAuth") {
        return None;
    }
    params
        .split(',')
        .map(|param| {
            let (key, value) = param.trim().split_once('=')?;
            let value = value.strip_prefix('"')?.strip_suffix('"')?;
            Some((decode(key, false), decode(value, false)))
        })
        .collect()
}

fn form_pairs(form: &str) -> impl Iterator<Item = (String, String)> + '_ {
    form.split('&').filter(|pair| !pair.is_empty()).map(|pair| {
        let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
        (decode(key, true), decode(value, true))
    })
}

/// Percent-encoding with RFC 3986's unreserved characters (RFC 5849, section 3.6).
pub(crate) fn encode(text: &str) -> String {
    text.bytes()
        .map(|byte| match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => char::from(byte).to_string(),
            _ => format!("%{byte:02X}"),
        })
        .collect()
}

fn decode(text: &str, plus_is_space: bool) -> String {
    let mut bytes = text.bytes();
    let mut out = Vec::with_capacity(text.len());
    while let Some(byte) = bytes.next() {
        let hex = || {
            let mut ahead = bytes.clone();
            let digits = [ahead.next()?, ahead.next()?];
            u8::from_str_radix(std::str::from_utf8(&digits).ok()?, 16).ok()
        };
        match byte {
            b'%' => match hex() {
                Some(decoded) => {
                    out.push(decoded);
                    bytes.nth(1);
                }
                None => out.push(byte),
            },
            b'+' if plus_is_space => out.push(b' '),
            _ => out.push(byte),
        }
    }
    String::from_utf8_lossy(&out).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fixture() -> Option<serde_json::Value> {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared/fixtures/x/vectors.json");
        std::fs::read(path).ok().and_then(|bytes| serde_json::from_slice(&bytes).ok())
    }

    #[test]
    #[allow(clippy::print_stdout, reason = "a test that skips says so")]
    fn the_published_vector_verifies_and_nothing_else_does() {
        let Some(vectors) = fixture() else {
            println!("skipped: the shared fixtures are not here");
            return;
        };
        let vector = &vectors["oauth1a_signature"];
        let text = |value: &serde_json::Value| value.as_str().unwrap().to_owned();
        let credentials = Credentials {
            consumer_key: text(&vector["oauth"]["oauth_consumer_key"]),
            consumer_secret: text(&vector["consumer_secret"]),
            token: text(&vector["oauth"]["oauth_token"]),
            token_secret: text(&vector["token_secret"]),
        };
        let header = |signature: &str| {
            let mut params: Vec<String> = vector["oauth"]
                .as_object()
                .unwrap()
                .iter()
                .map(|(key, value)| format!("{key}=\"{}\"", encode(value.as_str().unwrap())))
                .collect();
            params.push(format!("oauth_signature=\"{}\"", encode(signature)));
            format!("OAuth {}", params.join(", "))
        };
        let url = text(&vector["url"]);
        let (url, query) = url.split_once('?').unwrap();
        let form = format!("status={}", encode(vector["body_params"]["status"].as_str().unwrap()));
        let good = header(vector["expected"].as_str().unwrap());
        let other_host = header(vector["expected_same_input_host_api.twitter.com"].as_str().unwrap());
        let signed_at = 1_318_622_958;

        let mut nonces = Nonces::default();
        let mut check = |authorization: &str, url: &str, form: &str, now: u64, expected: Result<(), &str>| {
            let call = Call { method: "POST", url, query, form, authorization };
            assert_eq!(verify(&call, &credentials, &mut nonces, now), expected);
        };
        check("", url, &form, signed_at, Err("No OAuth 1.0a credentials in the Authorization header."));
        check("Bearer x", url, &form, signed_at, Err("No OAuth 1.0a credentials in the Authorization header."));
        check(&other_host, url, &form, signed_at, Err("The signature does not match."));
        check(&good, url, "status=Goodbye", signed_at, Err("The signature does not match."));
        check(&good, url, &form, signed_at + 301, Err("Timestamp out of bounds."));
        check(&good, url, &form, signed_at + 300, Ok(()));
        check(&good, url, &form, signed_at, Err("The nonce was used before."));
        check(
            &other_host,
            "https://api.twitter.com/1.1/statuses/update.json",
            &form,
            signed_at,
            Err("The nonce was used before."),
        );
    }

    #[test]
    fn percent_encoding_is_rfc_3986s() {
        let check = |plain: &str, encoded: &str| {
            assert_eq!(encode(plain), encoded);
            assert_eq!(decode(encoded, false), plain);
        };
        check("Ladies + Gentlemen", "Ladies%20%2B%20Gentlemen");
        check("An encoded string!", "An%20encoded%20string%21");
        check("Dogs, Cats & Mice", "Dogs%2C%20Cats%20%26%20Mice");
        check("☃", "%E2%98%83");
        check("-._~", "-._~");
        assert_eq!(decode("a+b%2", true), "a b%2");
    }
}
