//! One event of a delivery, and what of it is a message for the gateway.

use std::fmt;

use sha2::{Digest, Sha256};
use sportello_sdk::{Change, Handle, Level, Message};

use crate::fields::Fields;
use crate::id::{Id, handle};

/// The longest id of a message, in bytes. Meta's have about 140.
const MESSAGE_ID_LEN_MAX: usize = 400;

/// Why an event is no message for the gateway. It goes to the log, and so holds nothing that people wrote.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Left {
    /// The page wrote it itself: an echo.
    Own,
    /// It went to another page of the same application.
    OtherPage,
    /// The writer has no page-scoped id, but a reference that some plugin on a web site gave.
    Nobody,
    /// It has no text: a picture, a voice, a sticker, the like.
    NoText,
    /// A kind that is not for us: what was delivered or read, a reaction, what another application answers.
    Kind(String),
    /// An event of this kind is not as documented.
    Unreadable(String),
}

impl Left {
    /// Of a kind that is not for us.
    pub(crate) fn kind(kind: &str) -> Self {
        Self::Kind(for_log(kind))
    }

    /// How loud to say it: what should not have come at all is for the operator.
    pub(crate) fn level(&self) -> Level {
        match self {
            Self::OtherPage | Self::Unreadable(_) => Level::Warn,
            Self::Own | Self::Nobody | Self::NoText | Self::Kind(_) => Level::Debug,
        }
    }
}

impl fmt::Display for Left {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Own => f.write_str("written by the page itself"),
            Self::OtherPage => f.write_str("for another page"),
            Self::Nobody => f.write_str("written by somebody without a page-scoped id"),
            Self::NoText => f.write_str("without a text"),
            Self::Kind(kind) => write!(f, "of a kind that is not for us: {kind}"),
            Self::Unreadable(kind) => write!(f, "cannot be read: {kind}"),
        }
    }
}

/// A word of Meta's for the log: what cannot be in one is left out.
fn for_log(kind: &str) -> String {
    let is_plain = |c: &char| c.is_ascii_lowercase() || *c == '_';
    kind.chars().filter(is_plain).take(40).collect()
}

/// The message that an event is.
///
/// # Errors
/// Why it is none.
pub(crate) fn read(json: &str, page: &Id) -> Result<Message, Left> {
    let unreadable = |kind: &str| Left::Unreadable(kind.to_owned());
    let event = Fields::read(json).ok_or_else(|| unreadable("an event"))?;
    let kinds = ["message", "message_edit", "postback"];
    let Some((kind, content)) = kinds.iter().find_map(|kind| Some((*kind, event.get(kind)?))) else {
        let beside = ["sender", "recipient", "timestamp", "prior_message"];
        let kind = event.names().find(|name| !beside.contains(name));
        return Err(kind.map_or_else(|| unreadable("an event"), Left::kind));
    };
    let content = Fields::read(content).ok_or_else(|| unreadable(kind))?;
    let from = writer(&event, &content, page).map_err(|left| left.unwrap_or_else(|| unreadable(kind)))?;
    let at_ms = event.number("timestamp").map(in_ms);
    let said = match kind {
        "message" => Said::message(&content),
        "message_edit" => Said::edit(&content, at_ms),
        _ => Said::postback(&content, &from, at_ms),
    };
    let Said { id, first_id, change, text, in_reply_to } = said.ok_or_else(|| unreadable(kind))?;
    if text.trim().is_empty() && change != Change::Deleted {
        return Err(Left::NoText);
    }
    Ok(Message {
        id: Some(id),
        first_id: Some(first_id),
        change,
        from,
        from_name: None,
        text,
        private: true,
        mentions: Vec::new(),
        in_reply_to,
        written_at_ms: at_ms,
    })
}

/// Who wrote it, if that was to this page. `None` where the event does not say.
fn writer(event: &Fields<'_>, content: &Fields<'_>, page: &Id) -> Result<Handle, Option<Left>> {
    let id = |of: &str| event.object(of).and_then(|party| Id::parse(&party.text("id")?));
    let sender = id("sender");
    // An echo comes with the page as the sender, and tells of itself besides.
    if content.is_true("is_echo") || sender.as_ref() == Some(page) {
        return Err(Some(Left::Own));
    }
    if id("recipient").ok_or(None)? != *page {
        return Err(Some(Left::OtherPage));
    }
    let has_reference = || event.object("sender").is_some_and(|sender| sender.get("user_ref").is_some());
    let sender = sender.ok_or_else(|| has_reference().then_some(Left::Nobody))?;
    handle(page, &sender).ok_or(None)
}

/// Meta writes milliseconds; the sample of a postback in its reference has seconds.
fn in_ms(timestamp: u64) -> u64 {
    // As milliseconds, this is a day in 1973.
    match timestamp < 100_000_000_000 {
        true => timestamp.saturating_mul(1000),
        false => timestamp,
    }
}

/// What a person said, in whichever way.
struct Said {
    id: String,
    first_id: String,
    change: Change,
    text: String,
    in_reply_to: Option<String>,
}

impl Said {
    /// A text that was written, or a quick reply that was chosen: then its payload is what the choice says, and the text
    /// no more than what stood on the button.
    fn message(message: &Fields<'_>) -> Option<Self> {
        let id = message_id(message)?;
        // Documented for Instagram, which shares this interface; a page's conversations may follow.
        if message.is_true("is_deleted") {
            let (change, text) = (Change::Deleted, String::new());
            return Some(Self { id: format!("{id}:deleted"), first_id: id, change, text, in_reply_to: None });
        }
        let chosen = message.object("quick_reply").and_then(|reply| reply.text("payload"));
        let text = match (chosen.filter(|payload| !payload.trim().is_empty()), message.get("text")) {
            (Some(payload), _) => payload,
            (None, Some(_)) => message.text("text")?,
            (None, None) => String::new(),
        };
        let in_reply_to = message.object("reply_to").and_then(|answered| message_id(&answered));
        Some(Self { first_id: id.clone(), id, change: Change::Written, text, in_reply_to })
    }

    /// A text in place of one that was written. The id stays the same, so that the number of the edit is added.
    fn edit(edit: &Fields<'_>, at_ms: Option<u64>) -> Option<Self> {
        let first_id = message_id(edit)?;
        let (number, text) = (edit.number("num_edit"), edit.text("text"));
        // Nothing was edited so far: Meta is known to tell of that too, without a text.
        let text = if number == Some(0) { String::new() } else { text? };
        let id = match (number, at_ms) {
            (Some(number), _) => format!("{first_id}:edit:{number}"),
            (None, Some(at_ms)) => format!("{first_id}:edit-at:{at_ms}"),
            (None, None) => return None,
        };
        Some(Self { id, first_id, change: Change::Edited, text, in_reply_to: None })
    }

    /// A button that was pressed, in a menu or under a message.
    fn postback(postback: &Fields<'_>, from: &Handle, at_ms: Option<u64>) -> Option<Self> {
        let word = |name: &str| postback.text(name).filter(|text| !text.trim().is_empty());
        let text = word("payload").or_else(|| word("title"))?;
        let id = match postback.get("mid") {
            Some(_) => message_id(postback)?,
            // Older ones have none: a person presses a button once in a millisecond.
            None => {
                let payload = hex::encode(Sha256::digest(&text).get(..8)?);
                format!("postback:{}:{}:{payload}", from.rest(), at_ms?)
            }
        };
        Some(Self { first_id: id.clone(), id, change: Change::Written, text, in_reply_to: None })
    }
}

/// The id of a message: an opaque word.
fn message_id(of: &Fields<'_>) -> Option<String> {
    let is_word =
        |id: &String| (1..=MESSAGE_ID_LEN_MAX).contains(&id.len()) && id.bytes().all(|b| b.is_ascii_graphic());
    of.text("mid").filter(is_word)
}
