//! Meta's Graph API: the one request that is made of it.

use sportello_sdk::serde::Serialize;
use sportello_sdk::{Failure, Host, HttpRequest, HttpResponse, serde_json};

use crate::fields::Fields;
use crate::id::Id;
use crate::problem::{PAUSE_MS, failure};
use crate::proof::appsecret_proof;
use crate::quick_reply::QuickReply;

/// Where a page's messages are sent to.
pub(crate) struct Graph {
    messages: String,
}

#[derive(Serialize)]
struct NewMessage<'a> {
    recipient: Recipient<'a>,
    messaging_type: &'static str,
    message: Content<'a>,
}

#[derive(Serialize)]
struct Recipient<'a> {
    id: &'a str,
}

#[derive(Serialize)]
struct Content<'a> {
    text: &'a str,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    quick_replies: &'a [QuickReply<'a>],
}

impl Graph {
    /// `base` is the API's address with its version, without a slash at its end.
    pub(crate) fn new(base: &str, page: &Id) -> Self {
        Self { messages: format!("{base}/{page}/messages") }
    }

    /// Writes to a person; the new message's id.
    ///
    /// # Errors
    /// As [`crate::problem`] has them, and the host's own where no answer came: the message may have arrived.
    pub(crate) async fn send(
        &self,
        to: &Id,
        text: &str,
        quick_replies: &[QuickReply<'_>],
        host: &Host,
    ) -> Result<String, Failure> {
        let message = NewMessage {
            recipient: Recipient { id: to.as_str() },
            messaging_type: "RESPONSE",
            message: Content { text, quick_replies },
        };
        let body = serde_json::to_vec(&message)
            .map_err(|_| Failure::input("not_json", "the note cannot be written as JSON"))?;
        // Both are asked for with every request, so that an exchanged secret counts at once. The token stands in a header:
        // a URL is written into logs on the way. The proof is worth nothing without it.
        let token = host.secret("page_token").await?;
        let proof = appsecret_proof(&token, &host.secret("app_secret").await?);
        let request = HttpRequest::new("POST", format!("{}?appsecret_proof={proof}", self.messages))
            .header("authorization", format!("Bearer {}", token.reveal()))
            .body("application/json", body);
        sent(&host.http(request).await?)
    }
}

/// The message that was sent. A success that names none is no success: it is not Meta who answered so.
fn sent(response: &HttpResponse) -> Result<String, Failure> {
    let answer = std::str::from_utf8(&response.body).ok().and_then(Fields::read);
    let has_error = answer.as_ref().is_some_and(|answer| answer.get("error").is_some());
    if !response.is_success() || has_error {
        return Err(failure(response));
    }
    let id = answer.and_then(|answer| answer.text("message_id")).filter(|id| !id.is_empty());
    id.ok_or_else(|| Failure::provider("bad_answer", "Meta's answer names no message").retry_after(PAUSE_MS))
}
