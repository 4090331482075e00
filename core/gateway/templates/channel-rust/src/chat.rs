//! The provider: what it delivers, and what it wants to hear. This is the file to change.

use sportello_sdk::{Failure, Handle, HttpRequest, HttpResponse, Mention, Message, Note, Sent, serde, serde_json};

/// The scheme of this channel's handles, as the manifest has it.
const SCHEME: &str = "my-plugin";

/// A delivery of one message.
#[derive(serde::Deserialize)]
#[serde(crate = "sportello_sdk::serde")]
struct Delivery {
    /// The provider's own id of the message, which makes it one payment however often it comes.
    id: String,
    /// Who wrote it: an id that never changes hands, and no name.
    from: String,
    text: String,
    #[serde(default)]
    private: bool,
    /// The names in its text. Who is paid by a name is whoever the provider says that it stands for.
    #[serde(default)]
    mentions: Vec<Mentioned>,
}

/// A name in a text, and whose it was when that was written.
#[derive(serde::Deserialize)]
#[serde(crate = "sportello_sdk::serde")]
struct Mentioned {
    /// Without its @.
    name: String,
    id: String,
}

/// The messages in a delivery.
pub(crate) fn messages(body: &[u8]) -> Result<Vec<Message>, Failure> {
    let bad = |error: &dyn std::fmt::Display| Failure::input("bad_delivery", error.to_string());
    let delivery: Delivery = serde_json::from_slice(body).map_err(|error| bad(&error))?;
    let id_of = |id: &str| {
        let handle = Handle::new(SCHEME, id).map_err(|error| bad(&error))?;
        match handle.is_name() {
            true => Err(Failure::input("bad_delivery", "a name stands for an id, and names change hands")),
            false => Ok(handle),
        }
    };
    let mention = |Mentioned { name, id }: &Mentioned| {
        let name = Handle::new(SCHEME, &format!("@{name}")).map_err(|error| bad(&error))?;
        Ok(Mention { name, handle: id_of(id)? })
    };
    let mentions = delivery.mentions.iter().map(mention).collect::<Result<_, Failure>>()?;
    let from = id_of(&delivery.from)?;
    Ok(vec![Message {
        id: Some(delivery.id.clone()),
        first_id: Some(delivery.id),
        change: Default::default(),
        from,
        from_name: None,
        text: delivery.text,
        private: delivery.private,
        mentions,
        in_reply_to: None,
        written_at_ms: None,
    }])
}

/// The request that delivers a note: once for each key, however often it comes.
pub(crate) fn note(url: &str, note: &Note) -> Result<HttpRequest, Failure> {
    let body = serde_json::json!({
        "to": note.to.rest(),
        "text": note.text,
        "private": note.private,
        "reply_to": note.reply_to,
    });
    let body = serde_json::to_vec(&body).map_err(|error| Failure::input("note", error.to_string()))?;
    Ok(HttpRequest::new("POST", url).header("idempotency-key", &note.key).body("application/json", body))
}

/// What came of it. Whatever is not certain is a failure: the note is tried again.
pub(crate) fn sent(note: &Note, response: &HttpResponse) -> Result<Sent, Failure> {
    let message = format!("the note was answered with {}", response.status());
    match response.status() {
        200..=299 => Ok(Sent { id: Some(note.key.clone()), fell_back: false }),
        // Nobody is there, or the note is none that can be sent: the same again would fail the same.
        400 | 404 | 410 | 422 => Err(Failure::provider("refused", message)),
        _ => Err(Failure::provider("status", message).retry_after(1_000)),
    }
}
