//! The merchant's keys, as they stand in a secret.

use sportello_sdk::{Failure, Host};

use crate::apple::{self, merchant_id_hash};
use crate::google;
use crate::settings::{APPLE_KEYS, GOOGLE_KEYS};

/// The keys that Apple Pay tokens are sealed for.
///
/// # Errors
/// `no_such_secret`, `bad_settings`.
pub(crate) async fn apple(host: &Host, merchant_id: &str) -> Result<Vec<apple::MerchantKey>, Failure> {
    let secret = host.secret(APPLE_KEYS).await?;
    let hash = merchant_id_hash(merchant_id);
    let keys = blocks(secret.reveal()).map(|pem| apple::MerchantKey::from_pem(pem, hash)).collect::<Option<Vec<_>>>();
    some(keys).ok_or_else(|| Failure::settings("bad_settings", format!("`{APPLE_KEYS}` is not private keys in PEM")))
}

/// The keys that Google Pay tokens are sealed for.
///
/// # Errors
/// `no_such_secret`, `bad_settings`.
pub(crate) async fn google(host: &Host) -> Result<Vec<google::MerchantKey>, Failure> {
    let secret = host.secret(GOOGLE_KEYS).await?;
    let text = secret.reveal();
    let keys: Option<Vec<_>> = if text.contains("-----BEGIN") {
        blocks(text).map(google::MerchantKey::from_pem).collect()
    } else {
        text.split_whitespace().map(google::MerchantKey::from_base64).collect()
    };
    let what = "is not private keys of P-256 in PEM, or in base64 of PKCS#8";
    some(keys).ok_or_else(|| Failure::settings("bad_settings", format!("`{GOOGLE_KEYS}` {what}")))
}

fn some<T>(keys: Option<Vec<T>>) -> Option<Vec<T>> {
    keys.filter(|keys| !keys.is_empty())
}

/// The PEM blocks of a text (RFC 7468), one by one.
fn blocks(text: &str) -> impl Iterator<Item = &str> {
    let mut rest = text.trim();
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        // The line that ends a block; what has none is no block, and is found out to be none.
        let end = rest.find("-----END").and_then(|at| Some(at + rest.get(at..)?.find('\n')?)).unwrap_or(rest.len());
        let (block, after) = rest.split_at(end);
        rest = after.trim();
        Some(block.trim())
    })
}

#[cfg(test)]
mod tests {
    use super::blocks;

    #[test]
    fn blocks_follow_each_other() {
        let block = |name: &str| format!("-----BEGIN {name}-----\nAAAA\n-----END {name}-----");
        let check = |text: &str, expected: &[String]| {
            assert_eq!(blocks(text).collect::<Vec<_>>(), expected, "{text}");
        };
        let (one, two) = (block("PRIVATE KEY"), block("EC PRIVATE KEY"));
        check("", &[]);
        check(" \n", &[]);
        check(&one, std::slice::from_ref(&one));
        check(&format!("\n{one}\n"), std::slice::from_ref(&one));
        check(&format!("{one}\n{two}\n"), &[one.clone(), two.clone()]);
        check(&format!("{one}\r\n\r\n{two}"), &[one.clone(), two]);
        check(&format!("{one}\nrubbish"), &[one, "rubbish".to_owned()]);
    }
}
