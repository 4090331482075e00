//! The proof that a request comes from who holds the application's secret, and not from who found a token.

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use sportello_sdk::Secret;

/// `appsecret_proof`: the HMAC-SHA256 of the access token under the application's secret, in hexadecimal ("Secure Graph
/// API Calls", Meta). Where the application is set to require it, a stolen token alone is worth nothing.
pub(crate) fn appsecret_proof(token: &Secret, app_secret: &Secret) -> String {
    // An HMAC takes a key of any length: there is no error to have.
    let mac = Hmac::<Sha256>::new_from_slice(app_secret.reveal().as_bytes());
    let tag = mac.map(|mac| mac.chain_update(token.reveal().as_bytes()).finalize().into_bytes());
    tag.map(hex::encode).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 4231, test case 2.
    #[test]
    fn proves_as_published() {
        let check = |key: &str, data: &str, expected: &str| {
            assert_eq!(appsecret_proof(&Secret::new(data), &Secret::new(key)), expected);
        };
        let expected = "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843";
        check("Jefe", "what do ya want for nothing?", expected);
    }
}
