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
    /// Answers that it offers. A channel that has buttons shows them; `text` says all that is needed without.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub choices: Vec<Choice>,
}

/// An answer that a note offers.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Choice {
    /// What stands on the button, in the person's language.
    pub label: String,
    /// The text of the message that choosing it stands for. May hold a code: not for a log.
    pub says: String,
}

impl std::fmt::Debug for Choice {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Choice").field("label", &self.label).finish_non_exhaustive()
    }
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

/// What became of a note after the provider had taken it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Receipt {
    /// The provider's id for the note, as in [`Sent::id`].
    pub id: String,
    /// What became of it.
    pub fate: Fate,
    /// The provider's own word for it.
    #[serde(default)]
    pub detail: Option<String>,
}

/// The end of a note's way. What is still on its way is not reported.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Fate {
    /// It has reached the person's device.
    Delivered,
    /// The person could not be reached for as long as the provider tries.
    Expired,
    /// The provider refuses to deliver it.
    Rejected,
    /// There is nobody to deliver it to: the handle may be given up, or somebody else's by now.
    Undeliverable,
    /// A fate of a later contract.
    #[serde(other)]
    Unrecognised,
}
