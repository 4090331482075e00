//! What a payment is asked for with.

use std::convert::Infallible;
use std::future::poll_fn;
use std::pin::Pin;
use std::time::Duration;

use axum::body::{Body, HttpBody};
use axum::extract::{FromRequest, Request};
use bytes::Bytes;
use http::{HeaderMap, StatusCode, header};
use serde::Deserialize;
use sportello_model::command::Visibility;
use sportello_model::{Handle, Money};

use super::problem::{Kind, Problem};

/// The body of `POST /v1/payments`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PaymentBody {
    /// Whose money it is.
    pub payer: Handle,
    /// Who is to have it.
    pub payee: Handle,
    /// How much: `{"minor": 2000, "currency": "EUR"}` is 20 euros.
    pub amount: Money,
    /// What for.
    #[serde(default)]
    pub memo: Option<String>,
    /// Who may see that it took place; unless told, as the payer's profile has it.
    #[serde(default)]
    pub visibility: Option<Visibility>,
    /// Whether the caller vouches that the payer agreed.
    #[serde(default)]
    pub confirmed: bool,
}

/// Reads the body.
///
/// # Errors
/// 415 where it is not said to be JSON, 400 where it is none, 422 where it is not this.
pub fn read(headers: &HeaderMap, body: &[u8]) -> Result<PaymentBody, Problem> {
    require_json(headers)?;
    let asked: PaymentBody = serde_json::from_slice(body).map_err(|error| {
        let kind = match error.classify() {
            serde_json::error::Category::Data => Kind::Invalid,
            _ => Kind::BadJson,
        };
        Problem::new(kind, error.to_string())
    })?;
    if let Some(memo) = &asked.memo
        && (memo.chars().count() > MEMO_LEN_MAX || memo.chars().any(char::is_control))
    {
        let detail = format!("a memo has at most {MEMO_LEN_MAX} characters, all of them visible");
        return Err(Problem::new(Kind::Invalid, detail));
    }
    if [&asked.payer, &asked.payee].into_iter().any(|handle| handle.scheme() == crate::vault::CARD) {
        return Err(Problem::new(Kind::Invalid, "a card is given on a page of ours, and is nobody's handle"));
    }
    Ok(asked)
}

/// The longest memo, in characters: as many as a post has.
const MEMO_LEN_MAX: usize = 280;

fn require_json(headers: &HeaderMap) -> Result<(), Problem> {
    let said = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let media_type = said.split(';').next().unwrap_or_default().trim();
    if media_type.eq_ignore_ascii_case("application/json") {
        return Ok(());
    }
    Err(Problem::new(Kind::MediaType, "send the body as application/json"))
}

/// How long a body may take to arrive.
const BODY_WITHIN: Duration = Duration::from_secs(10);

/// The largest body that is taken, in bytes.
pub const BODY_LEN_MAX: usize = 1 << 20;

async fn thrown_away(mut body: Body) {
    while let Some(Ok(_)) = poll_fn(|context| Pin::new(&mut body).poll_frame(context)).await {}
}

/// A body that has not been read yet: it is not asked for while it is not known whether its sender may send one.
pub struct Unread(Request);

impl<S: Sync> FromRequest<S> for Unread {
    type Rejection = Infallible;

    async fn from_request(request: Request, _: &S) -> Result<Self, Infallible> {
        Ok(Self(request))
    }
}

impl Unread {
    /// The body's bytes.
    ///
    /// # Errors
    /// 413 where there are too many, 408 where they take too long, 400 where they end too early.
    pub async fn read(self) -> Result<Bytes, Problem> {
        self.read_within(BODY_WITHIN).await
    }

    pub(crate) async fn read_within(self, within: Duration) -> Result<Bytes, Problem> {
        let too_large = || Problem::new(Kind::TooLarge, "a body has at most 1 MB");
        let announced = self.0.body().size_hint().lower();
        if announced > BODY_LEN_MAX as u64 {
            // Whoever is still sending when the connection is closed may never see why: so what is a little too much is let
            // arrive, and thrown away.
            if announced <= 2 * BODY_LEN_MAX as u64 {
                let _ = tokio::time::timeout(within, thrown_away(self.0.into_body())).await;
            }
            return Err(too_large());
        }
        let arrived = tokio::time::timeout(within, Bytes::from_request(self.0, &()));
        let Ok(arrived) = arrived.await else {
            let detail = format!("a body arrives within {} seconds", within.as_secs());
            return Err(Problem::new(Kind::Slow, detail));
        };
        arrived.map_err(|rejection| match rejection.status() {
            StatusCode::PAYLOAD_TOO_LARGE => too_large(),
            _ => Problem::new(Kind::BadRequest, "the body ended before it was whole"),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bodies() {
        let check = |body: &str, expected: Result<u64, Kind>| {
            let headers = [(header::CONTENT_TYPE, "application/json; charset=utf-8".parse().unwrap())];
            let found = read(&headers.into_iter().collect(), body.as_bytes());
            assert_eq!(found.map(|body| body.amount.minor()).map_err(|p| p.kind()), expected, "{body}");
        };
        let with = |amount: &str| format!(r#"{{"payer":"x:1","payee":"x:2","amount":{amount}}}"#);
        check(&with(r#"{"minor":2000,"currency":"EUR"}"#), Ok(2000));
        check(&with(r#"{"minor":-1,"currency":"EUR"}"#), Err(Kind::Invalid));
        check(&with(r#"{"minor":1.5,"currency":"EUR"}"#), Err(Kind::Invalid));
        check(&with(r#"{"minor":9007199254740992,"currency":"EUR"}"#), Err(Kind::Invalid));
        check(&with(r#"{"minor":99999999999999999999,"currency":"EUR"}"#), Err(Kind::Invalid));
        check(&with(r#"{"minor":1,"currency":"ZZZ"}"#), Err(Kind::Invalid));
        check(&with("null"), Err(Kind::Invalid));
        check(r#"{"payer":"x:1","payee":"x:2"}"#, Err(Kind::Invalid));
        check(r#"{"payer":"x:\u202e1","payee":"x:2","amount":{"minor":1,"currency":"EUR"}}"#, Err(Kind::Invalid));
        check(
            r#"{"payer":"x:1","payee":"x:2","amount":{"minor":1,"currency":"EUR"},"confirmd":true}"#,
            Err(Kind::Invalid),
        );
        let memo = |memo: &str| {
            format!(r#"{{"payer":"x:1","payee":"x:2","amount":{{"minor":1,"currency":"EUR"}},"memo":{memo:?}}}"#)
        };
        check(&memo("the pizza"), Ok(1));
        check(&memo(&"p".repeat(281)), Err(Kind::Invalid));
        check(&memo("a\nb"), Err(Kind::Invalid));
        check(
            r#"{"payer":"card:4111111111111111","payee":"x:2","amount":{"minor":1,"currency":"EUR"}}"#,
            Err(Kind::Invalid),
        );
        check("[]", Err(Kind::Invalid));
        check("", Err(Kind::BadJson));
        check("{", Err(Kind::BadJson));
        check("\u{feff}{}", Err(Kind::BadJson));
        check(&"[".repeat(10_000), Err(Kind::Invalid));
    }

    #[test]
    fn media_types() {
        let check = |said: Option<&str>, expected: bool| {
            let headers = said.iter().map(|said| (header::CONTENT_TYPE, said.parse().unwrap())).collect();
            assert_eq!(require_json(&headers).is_ok(), expected, "{said:?}");
        };
        check(Some("application/json"), true);
        check(Some("Application/JSON;charset=utf-8"), true);
        check(Some("text/json"), false);
        check(Some("application/jsonx"), false);
        check(Some("application/x-www-form-urlencoded"), false);
        check(None, false);
    }
}
