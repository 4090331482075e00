//! What an application is told, as entries of a delivery hold it.
//!
//! Source: Messenger Platform, Webhook Events Reference (`messages`, `messaging_postbacks`, `message_echoes`,
//! `message_deliveries`, `message_reads`, `message_reactions`, `message_edits`, `standby`).

use serde_json::{Value, json};

use super::{
    cast::APP_ID,
    world::{Message, QuickReply},
};
use crate::json::put;

/// The chat that an event is from, and when it happened.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Chat<'a> {
    pub(crate) page: &'a str,
    pub(crate) psid: &'a str,
    pub(crate) at_ms: u64,
}

/// One messaging event about to be delivered.
#[derive(Clone, Debug)]
pub(crate) struct Event {
    pub(crate) page: String,
    /// The message that it is about.
    pub(crate) mid: String,
    /// The field of the subscription that it belongs to.
    pub(crate) field: &'static str,
    pub(crate) at_ms: u64,
    pub(crate) body: Value,
}

/// What a person sends beside text.
#[derive(Clone, Debug, Default)]
pub(crate) struct Beside {
    pub(crate) reply_to: Option<String>,
    /// Each with its type (`image`, `file`, …) and its address.
    pub(crate) attachments: Vec<(String, String)>,
    pub(crate) quick_reply: Option<QuickReply>,
    /// Whether another application has the conversation, and this one only listens.
    pub(crate) standby: bool,
}

impl Chat<'_> {
    /// An event from the person to the page.
    fn event(self, field: &'static str, mid: &str, member: &str, value: Value) -> Event {
        let mut body = json!({
            "sender": { "id": self.psid },
            "recipient": { "id": self.page },
            "timestamp": self.at_ms,
        });
        put(&mut body, member, value);
        Event { page: self.page.to_owned(), mid: mid.to_owned(), field, at_ms: self.at_ms, body }
    }

    /// The person wrote, or tapped a quick reply.
    pub(crate) fn message(self, mid: &str, text: &str, beside: &Beside) -> Event {
        let mut message = json!({ "mid": mid });
        if !text.is_empty() {
            put(&mut message, "text", json!(text));
        }
        if let Some(reply) = &beside.quick_reply {
            put(&mut message, "quick_reply", json!({ "payload": reply.payload }));
        }
        if let Some(answered) = &beside.reply_to {
            put(&mut message, "reply_to", json!({ "mid": answered }));
        }
        if !beside.attachments.is_empty() {
            let attachment = |(kind, url): &(String, String)| json!({ "type": kind, "payload": { "url": url } });
            put(&mut message, "attachments", beside.attachments.iter().map(attachment).collect());
        }
        self.event(if beside.standby { "standby" } else { "messages" }, mid, "message", message)
    }

    /// The person tapped a button of a template or a menu. Older deliveries name no message.
    pub(crate) fn postback(self, mid: Option<&str>, title: &str, payload: &str) -> Event {
        let mut postback = json!({ "title": title, "payload": payload });
        if let Some(mid) = mid {
            put(&mut postback, "mid", json!(mid));
        }
        self.event("messaging_postbacks", mid.unwrap_or_default(), "postback", postback)
    }

    /// The page's own message, told to every application of the page.
    pub(crate) fn echo(self, message: &Message, metadata: Option<&str>) -> Event {
        let mut echo = json!({ "mid": message.mid, "text": message.text, "is_echo": true, "app_id": APP_ID });
        if let Some(metadata) = metadata {
            put(&mut echo, "metadata", json!(metadata));
        }
        let mut event = self.event("message_echoes", &message.mid, "message", echo);
        put(&mut event.body, "sender", json!({ "id": self.page }));
        put(&mut event.body, "recipient", json!({ "id": self.psid }));
        event
    }

    /// A message of the page's reached the person; everything up to `watermark` has.
    pub(crate) fn delivery(self, mid: &str, watermark: u64) -> Event {
        self.event("message_deliveries", mid, "delivery", json!({ "mids": [mid], "watermark": watermark }))
    }

    /// The person has read everything up to now.
    pub(crate) fn read(self) -> Event {
        self.event("message_reads", "", "read", json!({ "watermark": self.at_ms }))
    }

    /// The person reacted to a message, or took a reaction back (`action`: `react`, `unreact`).
    pub(crate) fn reaction(self, mid: &str, reaction: &str, emoji: &str, action: &str) -> Event {
        let mut value = json!({ "mid": mid, "action": action });
        if action == "react" {
            put(&mut value, "reaction", json!(reaction));
            put(&mut value, "emoji", json!(emoji));
        }
        self.event("message_reactions", mid, "reaction", value)
    }

    /// The person changed a message of theirs.
    pub(crate) fn edit(self, message: &Message) -> Event {
        let value = json!({ "mid": message.mid, "text": message.text, "num_edit": message.edits });
        self.event("message_edits", &message.mid, "message_edit", value)
    }
}
