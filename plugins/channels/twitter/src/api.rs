//! X's API: signed requests, and their answers as results or refusals.

use sportello_sdk::serde::de::{DeserializeOwned, IgnoredAny};
use sportello_sdk::serde::{Deserialize, Serialize};
use sportello_sdk::{Failure, Host, HttpRequest, HttpResponse, serde_json};

use crate::id::{Id, MaybeId};
use crate::oauth::Keys;
use crate::problem::{PAUSE_MS, Refusal, refusal};

/// Where the API is.
pub(crate) struct Api {
    base: String,
}

/// A post to make.
#[derive(Serialize)]
struct NewPost<'a> {
    text: &'a str,
    reply: Reply<'a>,
}

#[derive(Serialize)]
struct Reply<'a> {
    in_reply_to_tweet_id: &'a str,
}

#[derive(Serialize)]
struct NewDm<'a> {
    text: &'a str,
}

#[derive(Deserialize)]
struct Answer<T> {
    data: T,
}

/// What tells an empty list from an answer that holds nothing but `errors`: X gives both the status 200.
#[derive(Deserialize)]
struct Listing {
    data: Option<IgnoredAny>,
    meta: Option<IgnoredAny>,
    errors: Option<Vec<IgnoredAny>>,
}

impl Listing {
    /// Whether X listed what there is, be it nothing. Errors beside `data` are about what is expanded there.
    fn is_list(&self) -> bool {
        self.data.is_some() || (self.meta.is_some() && self.errors.as_ref().is_none_or(Vec::is_empty))
    }
}

#[derive(Deserialize)]
struct Created {
    #[serde(default)]
    id: MaybeId,
    #[serde(default)]
    dm_event_id: MaybeId,
}

impl Api {
    pub(crate) fn new(base: String) -> Self {
        Self { base }
    }

    /// Answers a post in public; the new post's id.
    pub(crate) async fn reply(&self, to: &Id, text: &str, host: &Host) -> Result<Option<Id>, Refusal> {
        let in_reply_to_tweet_id = to.as_str();
        let reply = Reply { in_reply_to_tweet_id };
        let created = self.post("/2/tweets", &NewPost { text, reply }, host).await?;
        Ok(created.id.0)
    }

    /// Writes to a person alone; the new message's id.
    pub(crate) async fn dm(&self, to: &Id, text: &str, host: &Host) -> Result<Option<Id>, Refusal> {
        let path = format!("/2/dm_conversations/with/{to}/messages");
        let created = self.post(&path, &NewDm { text }, host).await?;
        Ok(created.dm_event_id.0)
    }

    /// Reads a page of a list. `path` and `query` are as X documents them.
    pub(crate) async fn get<T: DeserializeOwned>(
        &self,
        path: &str,
        query: &[(&str, &str)],
        host: &Host,
    ) -> Result<T, Refusal> {
        let url = format!("{}{path}", self.base);
        let header = self.header("GET", &url, query, host).await?;
        let pairs = query.iter().map(|(k, v)| format!("{k}={}", encoded(v)));
        let whole = format!("{url}?{}", pairs.collect::<Vec<_>>().join("&"));
        let request = HttpRequest::new("GET", whole).header("authorization", header);
        let response = host.http(request).await?;
        if !response.is_success() {
            return Err(refusal(&response, host.now_ms()));
        }
        let unlike = |error: serde_json::Error| {
            let what = format!("X's answer is not as documented: {:?} error", error.classify());
            Failure::provider("bad_answer", what).retry_after(PAUSE_MS)
        };
        let listing: Listing = serde_json::from_slice(&response.body).map_err(unlike)?;
        if !listing.is_list() {
            let refusal = refusal(&response, host.now_ms());
            let failure = refusal.failure.retry_after(PAUSE_MS);
            return Err(Refusal { failure, ..refusal });
        }
        Ok(serde_json::from_slice(&response.body).map_err(unlike)?)
    }

    async fn post<B: Serialize>(&self, path: &str, body: &B, host: &Host) -> Result<Created, Refusal> {
        let url = format!("{}{path}", self.base);
        let body =
            serde_json::to_vec(body).map_err(|_| Failure::input("not_json", "the note cannot be written as JSON"))?;
        let header = self.header("POST", &url, &[], host).await?;
        let request = HttpRequest::new("POST", url).header("authorization", header).body("application/json", body);
        created(host.http(request).await?, host.now_ms())
    }

    async fn header(&self, method: &str, url: &str, query: &[(&str, &str)], host: &Host) -> Result<String, Failure> {
        let keys = Keys::load(host).await?;
        let nonce = format!("{:016x}{:016x}", host.random(), host.random());
        Ok(keys.authorization(method, url, query, &nonce, host.now_ms() / 1000))
    }
}

/// What was made. A success without `data` is none: X may answer 200 with nothing but `errors`.
fn created(response: HttpResponse, now_ms: u64) -> Result<Created, Refusal> {
    if !response.is_success() {
        return Err(refusal(&response, now_ms));
    }
    let answer: Result<Answer<Created>, _> = serde_json::from_slice(&response.body);
    answer.map(|answer| answer.data).map_err(|_| refusal(&response, now_ms))
}

/// Percent-encoding as OAuth wants it (RFC 3986, 2.3: all but letters, digits, `-`, `.`, `_` and `~`), so that what is
/// sent is what was signed.
fn encoded(value: &str) -> String {
    let encode = |b: u8| match b {
        b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => char::from(b).to_string(),
        b => format!("%{b:02X}"),
    };
    value.bytes().map(encode).collect()
}
