//! What people write to the gateway, and what it writes to them.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::Handle;

/// What somebody wrote on a channel.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Message {
    /// The provider's own id of this very text. Required of a channel whose manifest says that its ids are strong.
    pub id: Option<String>,
    /// The id under which the message was first written, where this is an edit or a deletion; else the same as `id`.
    pub first_id: Option<String>,
    /// Written, edited or deleted.
    #[serde(default)]
    pub change: Change,
    /// Who wrote it, as an immutable handle.
    pub from: Handle,
    /// The writer's name at the time, as `twitter:@anna`: a label for people to read.
    #[serde(default)]
    pub from_name: Option<Handle>,
    /// The text as the person wrote it, the provider's escapes undone. Empty for a deletion.
    #[serde(default)]
    pub text: String,
    /// Whether nobody but the writer and the gateway can read it.
    pub private: bool,
    /// The people that the provider itself recognised in the text.
    #[serde(default)]
    pub mentions: Vec<Mention>,
    /// The message that this one answers.
    #[serde(default)]
    pub in_reply_to: Option<String>,
    /// When the provider says it was written, in milliseconds since 1970.
    #[serde(default)]
    pub written_at_ms: Option<u64>,
}

/// What happened to a message.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Change {
    /// It is new.
    #[default]
    Written,
    /// It replaces the one of `first_id`.
    Edited,
    /// The one of `first_id` is gone.
    Deleted,
}

/// A name in a message, and whom the provider says it stood for when the message was written.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Mention {
    /// As written: `twitter:@anna`.
    pub name: Handle,
    /// As pinned: `twitter:1234567`.
    pub handle: Handle,
}

/// What the gateway has done with a message, once that is durable.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Accepted {
    /// Whether it was seen for the first time.
    pub fresh: bool,
}

/// What the gateway tells a person.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Note {
    /// The same for every try to deliver this note.
    pub key: String,
    /// Whom it is for.
    pub to: Handle,
    /// Whether nobody else may read `text`.
    pub private: bool,
    /// What to say.
    pub text: String,
    /// The message that this note answers; a public note is a reply to it.
    #[serde(default)]
    pub reply_to: Option<String>,
    /// What may be said in public, as a reply, where the person cannot be reached in private.
    #[serde(default)]
    pub fallback: Option<String>,
}

/// A note that the provider took.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Sent {
    /// The provider's id for it.
    #[serde(default)]
    pub id: Option<String>,
    /// Whether `fallback` was said in place of `text`.
    #[serde(default)]
    pub fell_back: bool,
}
