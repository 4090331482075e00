//! The Account Activity envelope: `for_user_id`, and a list of events under the name of their kind.

use std::collections::BTreeMap;

use sportello_sdk::serde::Deserialize;
use sportello_sdk::serde::de::IgnoredAny;

use crate::delivery::{Delivery, kind_for_log};
use crate::event::{Deletion, Event};
use crate::id::{MaybeId, or_default};
use crate::settings::Account;
use crate::user::User;
use crate::v1::{DmV1, PostV1};

#[derive(Deserialize)]
pub(crate) struct AccountActivity {
    #[serde(default)]
    for_user_id: MaybeId,
    #[serde(default, deserialize_with = "or_default")]
    tweet_create_events: Vec<PostV1>,
    #[serde(default, deserialize_with = "or_default")]
    direct_message_events: Vec<DmV1>,
    #[serde(default, deserialize_with = "or_default")]
    tweet_delete_events: Vec<DeletionV1>,
    #[serde(default, deserialize_with = "or_default")]
    users: BTreeMap<String, User>,
    #[serde(default)]
    user_event: Option<IgnoredAny>,
    #[serde(flatten)]
    others: BTreeMap<String, IgnoredAny>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct DeletionV1 {
    #[serde(deserialize_with = "or_default")]
    status: StatusV1,
    timestamp_ms: Option<String>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct StatusV1 {
    id: MaybeId,
    id_str: MaybeId,
    user_id: MaybeId,
    user_id_str: MaybeId,
}

impl DeletionV1 {
    fn read(self) -> Option<Deletion> {
        Some(Deletion {
            id: self.status.id_str.or(self.status.id)?,
            author: self.status.user_id_str.or(self.status.user_id)?,
            at_ms: self.timestamp_ms.and_then(|ms| ms.parse().ok()),
        })
    }
}

impl AccountActivity {
    /// The events; nothing where this is no such envelope.
    pub(crate) fn read(self, account: &Account) -> Option<Delivery> {
        let mut delivery = Delivery::default();
        if self.user_event.is_some() {
            let line = "the account's permission for this application was withdrawn";
            delivery.left.push(line.to_owned());
            return Some(delivery);
        }
        let for_user = self.for_user_id.0?;
        // Deletions alone are told to whoever was told of the post.
        if for_user == account.id {
            for post in self.tweet_create_events {
                delivery.push(post.read().map(Event::Post));
            }
            for dm in self.direct_message_events {
                if dm.is_message() {
                    delivery.push(dm.read(&self.users).map(Event::Dm));
                }
            }
        } else if self.tweet_delete_events.is_empty() {
            delivery.left.push("for another account".to_owned());
        }
        for deletion in self.tweet_delete_events {
            delivery.push(deletion.read().map(Event::Deletion));
        }
        let beside = ["apps", "user_has_blocked", "is_blocked_by"];
        let kinds = self.others.keys().filter(|k| !beside.contains(&k.as_str()));
        let kinds = kinds.take(8).map(|kind| kind_for_log(kind));
        let unknown = kinds.map(|kind| format!("of a kind that is not for us: {kind}"));
        delivery.left.extend(unknown);
        Some(delivery)
    }
}
