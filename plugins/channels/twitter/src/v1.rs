//! Posts and direct messages as API v1.1 writes them: in the Account Activity envelope, and (messages) in the X
//! Activity envelope as well.

use std::collections::BTreeMap;

use sportello_sdk::serde::Deserialize;
use sportello_sdk::serde::de::IgnoredAny;

use crate::event::{Dm, Post};
use crate::id::{Id, MaybeId, first_of, or_default};
use crate::instant::instant_ms;
use crate::text::{Entity, Written};
use crate::user::{User, name_of};

/// A post. Its quoted and retweeted posts are never looked into: what stands there is not the writer's.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct PostV1 {
    id: MaybeId,
    id_str: MaybeId,
    #[serde(deserialize_with = "or_default")]
    user: User,
    text: Option<String>,
    /// Whether `text` is only the beginning.
    truncated: Option<bool>,
    /// The whole text, where the post is shown in the extended way …
    full_text: Option<String>,
    display_text_range: Option<Vec<usize>>,
    #[serde(deserialize_with = "or_default")]
    entities: EntitiesV1,
    /// … or beside a cut one.
    extended_tweet: Option<Box<ExtendedV1>>,
    in_reply_to_status_id: MaybeId,
    in_reply_to_status_id_str: MaybeId,
    in_reply_to_user_id: MaybeId,
    in_reply_to_user_id_str: MaybeId,
    retweeted_status: Option<IgnoredAny>,
    edit_history: Option<EditHistoryV1>,
    /// The same as API v2 writes it.
    #[serde(deserialize_with = "or_default")]
    edit_history_tweet_ids: Vec<MaybeId>,
    created_at: Option<String>,
    timestamp_ms: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct ExtendedV1 {
    full_text: Option<String>,
    display_text_range: Option<Vec<usize>>,
    #[serde(deserialize_with = "or_default")]
    entities: EntitiesV1,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct EditHistoryV1 {
    initial_tweet_id: MaybeId,
    #[serde(deserialize_with = "or_default")]
    edit_tweet_ids: Vec<MaybeId>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct EntitiesV1 {
    #[serde(deserialize_with = "or_default")]
    user_mentions: Vec<MentionV1>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct MentionV1 {
    screen_name: Option<String>,
    id: MaybeId,
    id_str: MaybeId,
    #[serde(deserialize_with = "or_default")]
    indices: Vec<usize>,
}

impl EntitiesV1 {
    fn read(self) -> Vec<Entity> {
        let read = |mention: MentionV1| {
            Some(Entity {
                name: mention.screen_name?,
                id: mention.id_str.or(mention.id),
                start: *mention.indices.first()?,
                end: *mention.indices.get(1)?,
            })
        };
        self.user_mentions.into_iter().filter_map(read).collect()
    }
}

impl PostV1 {
    /// The post; nothing where its id, its author or its text is missing. The beginning of a text is none: an amount
    /// may be cut in its middle.
    pub(crate) fn read(self) -> Option<Post> {
        let id = self.id_str.or(self.id)?;
        let is_retweet = self.retweeted_status.is_some();
        let is_whole = self.truncated != Some(true) || is_retweet;
        let extended = self.extended_tweet.map(|e| *e).unwrap_or_default();
        let (raw, range, entities) = match extended.full_text {
            Some(text) => (text, extended.display_text_range, extended.entities),
            None => (self.full_text.or(self.text.filter(|_| is_whole))?, self.display_text_range, self.entities),
        };
        let in_reply_to = self.in_reply_to_status_id_str.or(self.in_reply_to_status_id);
        let history = self.edit_history.unwrap_or_default();
        let versions = history.edit_tweet_ids.into_iter().chain(self.edit_history_tweet_ids);
        Some(Post {
            first_id: first_of(&id, versions.chain([history.initial_tweet_id])),
            id,
            author: self.user.id()?,
            author_name: self.user.name(),
            written: Written { raw, mentions: entities.read(), typed_from: typed_from(in_reply_to.as_ref(), range) },
            in_reply_to,
            in_reply_to_user: self.in_reply_to_user_id_str.or(self.in_reply_to_user_id),
            is_retweet,
            at_ms: self
                .timestamp_ms
                .and_then(|ms| ms.parse().ok())
                .or_else(|| self.created_at.as_deref().and_then(instant_ms)),
        })
    }
}

/// Only in an answer does X put names in front.
pub(crate) fn typed_from(in_reply_to: Option<&Id>, range: Option<Vec<usize>>) -> usize {
    let start = range.and_then(|range| range.first().copied());
    in_reply_to.and(start).unwrap_or(0)
}

/// An event of a conversation.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct DmV1 {
    #[serde(rename = "type")]
    kind: Option<String>,
    id: MaybeId,
    created_timestamp: Option<String>,
    message_create: Option<MessageCreateV1>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct MessageCreateV1 {
    #[serde(deserialize_with = "or_default")]
    target: TargetV1,
    sender_id: MaybeId,
    #[serde(deserialize_with = "or_default")]
    message_data: MessageDataV1,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct TargetV1 {
    recipient_id: MaybeId,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct MessageDataV1 {
    text: Option<String>,
    #[serde(deserialize_with = "or_default")]
    entities: EntitiesV1,
}

impl DmV1 {
    /// Whether somebody wrote something: other events (somebody joined, a welcome) are not for us.
    pub(crate) fn is_message(&self) -> bool {
        self.kind.as_deref() == Some("message_create")
    }

    /// The message; nothing where its id, its sender or its text is missing.
    pub(crate) fn read(self, users: &BTreeMap<String, User>) -> Option<Dm> {
        let created = self.message_create?;
        let sender = created.sender_id.0?;
        Some(Dm {
            id: self.id.0?,
            sender_name: name_of(&sender, users.values()).or_else(|| users.get(sender.as_str()).and_then(User::name)),
            sender,
            recipient: created.target.recipient_id.0,
            is_group: false,
            written: Written {
                raw: created.message_data.text?,
                mentions: created.message_data.entities.read(),
                typed_from: 0,
            },
            at_ms: self.created_timestamp.and_then(|ms| ms.parse().ok()),
        })
    }
}
