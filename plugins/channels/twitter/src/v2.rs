//! Posts and direct messages as API v2 writes them: in the X Activity envelope, and in what is caught up with.

use sportello_sdk::serde::Deserialize;

use crate::event::{Dm, Post};
use crate::id::{Id, MaybeId, first_of, or_default};
use crate::instant::instant_ms;
use crate::text::{Entity, Written};
use crate::user::{User, id_of, name_of};
use crate::v1::typed_from;

/// A post. The posts that it refers to are never looked into: what stands there is not the writer's.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct PostV2 {
    id: MaybeId,
    text: Option<String>,
    author_id: MaybeId,
    created_at: Option<String>,
    #[serde(deserialize_with = "or_default")]
    edit_history_tweet_ids: Vec<MaybeId>,
    in_reply_to_user_id: MaybeId,
    in_reply_to_tweet_id: MaybeId,
    #[serde(deserialize_with = "or_default")]
    referenced_tweets: Vec<ReferenceV2>,
    display_text_range: Option<Vec<usize>>,
    #[serde(deserialize_with = "or_default")]
    entities: EntitiesV2,
    /// The whole of a text of more than 280.
    note_tweet: Option<NoteV2>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct ReferenceV2 {
    #[serde(rename = "type")]
    kind: Option<String>,
    id: MaybeId,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct NoteV2 {
    text: Option<String>,
    #[serde(deserialize_with = "or_default")]
    entities: EntitiesV2,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct EntitiesV2 {
    #[serde(deserialize_with = "or_default")]
    mentions: Vec<MentionV2>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct MentionV2 {
    username: Option<String>,
    id: MaybeId,
    start: Option<usize>,
    end: Option<usize>,
}

impl EntitiesV2 {
    fn read(self, users: &[User]) -> Vec<Entity> {
        let read = |mention: MentionV2| {
            let name = mention.username?;
            Some(Entity {
                // Some of X's answers leave the id to the users that are expanded beside.
                id: mention.id.0.or_else(|| id_of(&name, users.iter())),
                name,
                start: mention.start?,
                end: mention.end?,
            })
        };
        self.mentions.into_iter().filter_map(read).collect()
    }
}

/// What an answer expands beside the posts or messages in it.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct IncludesV2 {
    #[serde(deserialize_with = "or_default")]
    pub(crate) users: Vec<User>,
}

impl PostV2 {
    pub(crate) fn id(&self) -> Option<Id> {
        self.id.0.clone()
    }

    /// The post; nothing where its id, its author or its text is missing.
    pub(crate) fn read(self, users: &[User]) -> Option<Post> {
        let id = self.id.0?;
        let author = self.author_id.0?;
        let (raw, entities) = match self.note_tweet {
            Some(NoteV2 { text: Some(text), entities }) => (text, entities),
            _ => (self.text?, self.entities),
        };
        let refers = |kind: &str| {
            let found = |r: &&ReferenceV2| r.kind.as_deref() == Some(kind);
            self.referenced_tweets.iter().find(found)
        };
        let in_reply_to =
            self.in_reply_to_tweet_id.or(refers("replied_to").map_or_else(MaybeId::default, |r| r.id.clone()));
        Some(Post {
            first_id: first_of(&id, self.edit_history_tweet_ids),
            id,
            author_name: name_of(&author, users.iter()),
            author,
            written: Written {
                raw,
                mentions: entities.read(users),
                typed_from: typed_from(in_reply_to.as_ref(), self.display_text_range),
            },
            is_retweet: self.referenced_tweets.iter().any(|r| r.kind.as_deref() == Some("retweeted")),
            in_reply_to,
            in_reply_to_user: self.in_reply_to_user_id.0,
            at_ms: self.created_at.as_deref().and_then(instant_ms),
        })
    }
}

/// An event of a conversation, as `GET /2/dm_events` lists it.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct DmEventV2 {
    id: MaybeId,
    event_type: Option<String>,
    text: Option<String>,
    sender_id: MaybeId,
    created_at: Option<String>,
    dm_conversation_id: Option<String>,
    #[serde(deserialize_with = "or_default")]
    entities: EntitiesV2,
}

impl DmEventV2 {
    pub(crate) fn id(&self) -> Option<Id> {
        self.id.0.clone()
    }

    /// The message; nothing where it is none, or where its id, its sender or its text is missing.
    pub(crate) fn read(self, users: &[User]) -> Option<Dm> {
        if self.event_type.is_some_and(|kind| kind != "MessageCreate") {
            return None;
        }
        let sender = self.sender_id.0?;
        Some(Dm {
            id: self.id.0?,
            sender_name: name_of(&sender, users.iter()),
            sender,
            recipient: None,
            // A conversation of two is named after both, `1-2`; a group has a number of its own.
            is_group: self.dm_conversation_id.is_some_and(|conversation| !conversation.contains('-')),
            written: Written { raw: self.text?, mentions: self.entities.read(users), typed_from: 0 },
            at_ms: self.created_at.as_deref().and_then(instant_ms),
        })
    }
}
