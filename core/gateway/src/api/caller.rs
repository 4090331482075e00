//! Who calls: API keys, as `Authorization: Bearer …` (RFC 6750, section 2.1).

use std::sync::{Arc, PoisonError, RwLock};

use http::{HeaderMap, header};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

use super::problem::{Kind, Problem};
use crate::config::{Key, Scope};

/// The API keys, hashed once: what is compared with a stranger's bytes has always the same length.
pub struct Callers(RwLock<Vec<Arc<Caller>>>);

/// Somebody with an API key.
pub struct Caller {
    /// The key's name.
    pub name: String,
    hash: [u8; 32],
    scopes: Vec<Scope>,
}

impl Callers {
    /// Those who may call.
    pub fn new(keys: &[Key]) -> Self {
        Self(RwLock::new(keys.iter().map(Caller::new).map(Arc::new).collect()))
    }

    /// From now on it is these.
    pub fn replace(&self, keys: &[Key]) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = keys.iter().map(Caller::new).map(Arc::new).collect();
    }

    /// Who calls.
    ///
    /// # Errors
    /// 401 where nobody can tell, 403 where they may not do what needs `scope`.
    pub fn authorize(&self, headers: &HeaderMap, scope: Scope) -> Result<Arc<Caller>, Problem> {
        let caller = self.caller(headers)?;
        caller.require(scope)?;
        Ok(caller)
    }

    fn caller(&self, headers: &HeaderMap) -> Result<Arc<Caller>, Problem> {
        let unauthorized = |detail: &str| Problem::new(Kind::Unauthorized, detail);
        let mut values = headers.get_all(header::AUTHORIZATION).iter();
        let Some(value) = values.next() else {
            return Err(unauthorized("send Authorization: Bearer and one of the keys of gateway.toml"));
        };
        if values.next().is_some() {
            return Err(unauthorized("there is more than one Authorization header"));
        }
        let token = value
            .to_str()
            .ok()
            .and_then(|value| value.split_once(' '))
            .filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"))
            .map(|(_, token)| token.trim_start_matches(' '));
        let Some(token) = token else {
            return Err(unauthorized("the Authorization header is not of the form: Bearer KEY"));
        };
        let hash: [u8; 32] = Sha256::digest(token).into();
        // Every key is compared, whole, so that the time taken tells nothing.
        let mut found = None;
        for caller in self.0.read().unwrap_or_else(PoisonError::into_inner).iter() {
            if bool::from(caller.hash.ct_eq(&hash)) {
                found = Some(caller.clone());
            }
        }
        found.ok_or_else(|| unauthorized("this API key is not known here"))
    }
}

impl Caller {
    fn new(key: &Key) -> Self {
        let hash = Sha256::digest(key.secret.reveal()).into();
        Self { name: key.name.clone(), hash, scopes: key.scopes.clone() }
    }

    /// Lets pass who has the scope.
    ///
    /// # Errors
    /// 403.
    pub fn require(&self, scope: Scope) -> Result<(), Problem> {
        if self.scopes.contains(&scope) {
            return Ok(());
        }
        let detail = format!("the key {:?} lacks the scope {}", self.name, scope.as_str());
        Err(Problem::new(Kind::Forbidden, detail))
    }
}

#[cfg(test)]
mod tests {
    use sportello_sdk::Secret;

    use super::*;

    #[test]
    fn callers() {
        let key = |name: &str, secret: &str, scopes: &[Scope]| Key {
            name: name.into(),
            secret: Secret::new(secret),
            scopes: scopes.into(),
        };
        let callers = Callers::new(&[
            key("shop", "s3cret", &[Scope::PaymentsRead]),
            key("till", "other", &[Scope::PaymentsWrite]),
        ]);
        let check = |headers: &[&str], expected: Result<&str, Kind>| {
            let map = headers
                .iter()
                .map(|value| (header::AUTHORIZATION, http::HeaderValue::from_str(value).unwrap()))
                .collect();
            let found = callers.authorize(&map, Scope::PaymentsRead);
            assert_eq!(found.as_ref().map(|c| c.name.as_str()).map_err(|p| p.kind()), expected, "{headers:?}");
        };
        check(&["Bearer s3cret"], Ok("shop"));
        check(&["bearer s3cret"], Ok("shop"));
        check(&["Bearer other"], Err(Kind::Forbidden));
        check(&[], Err(Kind::Unauthorized));
        check(&["Bearer"], Err(Kind::Unauthorized));
        check(&["Bearer "], Err(Kind::Unauthorized));
        check(&["Bearer s3cre"], Err(Kind::Unauthorized));
        check(&["Bearer s3crets"], Err(Kind::Unauthorized));
        check(&["Basic s3cret"], Err(Kind::Unauthorized));
        check(&["Bearer s3cret", "Bearer s3cret"], Err(Kind::Unauthorized));
        check(&["s3cret"], Err(Kind::Unauthorized));
    }
}
