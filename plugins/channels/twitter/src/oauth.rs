//! OAuth 1.0a with the account's own token (RFC 5849): every request is signed over its method, its URL and its query.
//! JSON bodies are no part of the signature.

use std::num::NonZeroU64;

use oauth1_request::{Builder, Credentials, HMAC_SHA1, ParameterList};
use sportello_sdk::{Failure, Host, Secret};

/// The application's keys and the account's.
pub(crate) struct Keys {
    consumer_key: Secret,
    consumer_secret: Secret,
    access_token: Secret,
    access_token_secret: Secret,
}

impl Keys {
    /// Asks the host for them. They are asked for with every request, so that an exchanged secret counts at once.
    ///
    /// # Errors
    /// `no_such_secret`.
    pub(crate) async fn load(host: &Host) -> Result<Self, Failure> {
        Ok(Self {
            consumer_key: host.secret("consumer_key").await?,
            consumer_secret: host.secret("consumer_secret").await?,
            access_token: host.secret("access_token").await?,
            access_token_secret: host.secret("access_token_secret").await?,
        })
    }

    /// The `Authorization` header of a request. `url` has no query; `nonce` is never used twice in a second.
    pub(crate) fn authorization(
        &self,
        method: &str,
        url: &str,
        query: &[(&str, &str)],
        nonce: &str,
        timestamp_s: u64,
    ) -> String {
        let client = Credentials::new(self.consumer_key.reveal(), self.consumer_secret.reveal());
        let token = Credentials::new(self.access_token.reveal(), self.access_token_secret.reveal());
        let mut request = Builder::new(client, HMAC_SHA1);
        request.token(token).nonce(nonce).timestamp(NonZeroU64::new(timestamp_s)).version(true);
        request.authorize(method, url, &ParameterList::new(query.to_vec()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example of X's page "Creating a signature", as republished for `api.x.com`.
    #[test]
    fn signs_as_published() {
        let keys = Keys {
            consumer_key: Secret::new("xvz1evFS4wEEPTGEFPHBog"),
            consumer_secret: Secret::new("kAcSOqF21Fu85e7zjz7ZN2U4ZRhfV3WpwPAoE3Z7kBw"),
            access_token: Secret::new("370773112-GmHxMAgYyLbNEtIKZeRNFsMKPR9EyMZeS9weJAEb"),
            access_token_secret: Secret::new("LswwdoUaIvS8ltyTt5jkRh4J50vUPVVHtR2YPi5kE"),
        };
        let check = |url: &str, expected: &str| {
            let query = [("include_entities", "true"), ("status", "Hello Ladies + Gentlemen, a signed OAuth request!")];
            let nonce = "kYjzVBB8Y0ZFabxSWbWovY3uYSQ2pTgmZeNu2VS4cg";
            let header = keys.authorization("POST", url, &query, nonce, 1_318_622_958);
            assert!(header.starts_with("OAuth oauth_consumer_key=\"xvz1evFS4wEEPTGEFPHBog\""));
            let signature = format!("oauth_signature=\"{expected}\"");
            assert!(header.contains(&signature), "{header}");
        };
        check("https://api.x.com/1.1/statuses/update.json", "Ls93hJiZbQ3akF3HF3x1Bz8%2FzU4%3D");
        check("https://api.twitter.com/1.1/statuses/update.json", "hCtSmYh%2BiHYCEqBWrE7C7hYmtUk%3D");
    }
}
