//! The X Activity envelope: one event under `data`, named by its `event_type`.

use std::collections::BTreeMap;

use sportello_sdk::serde::Deserialize;
use sportello_sdk::serde_json::{self, value::RawValue};

use crate::delivery::{Delivery, kind_for_log};
use crate::event::{Deletion, Event};
use crate::id::{MaybeId, or_default};
use crate::settings::Account;
use crate::user::User;
use crate::v1::DmV1;
use crate::v2::{IncludesV2, PostV2};

#[derive(Deserialize)]
pub(crate) struct Activity {
    event_type: String,
    #[serde(default, deserialize_with = "or_default")]
    filter: Filter,
    #[serde(default)]
    payload: Option<Box<RawValue>>,
    #[serde(default)]
    includes: Option<Box<RawValue>>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Filter {
    user_id: MaybeId,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct DmPayload {
    #[serde(deserialize_with = "or_default")]
    direct_message_events: Vec<DmV1>,
    #[serde(deserialize_with = "or_default")]
    users: BTreeMap<String, User>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct DeletionPayload {
    id: MaybeId,
    author_id: MaybeId,
}

impl Activity {
    /// The events: X puts one in an envelope, or a list of direct messages.
    pub(crate) fn read(self, account: &Account) -> Delivery {
        let mut delivery = Delivery::default();
        let filtered_by = self.filter.user_id.0.as_ref();
        let is_for_other = filtered_by.is_some_and(|id| *id != account.id);
        match self.event_type.as_str() {
            // A deletion is filtered by whoever deleted.
            "post.delete" => delivery.push(self.deletion().map(Event::Deletion)),
            _ if is_for_other => delivery.left.push("for another account".to_owned()),
            "post.mention.create" | "post.reply.create" => {
                delivery.push(self.post().map(Event::Post));
            }
            "dm.received" => self.direct_messages(&mut delivery),
            "chat.received" => {
                let line = "an encrypted message, which only the X application can read";
                delivery.left.push(line.to_owned());
            }
            other => {
                let line = format!("of a kind that is not for us: {}", kind_for_log(other));
                delivery.left.push(line);
            }
        }
        delivery
    }

    fn deletion(&self) -> Option<Deletion> {
        let payload: DeletionPayload = self.payload()?;
        Some(Deletion { id: payload.id.0?, author: payload.author_id.0?, at_ms: None })
    }

    fn post(&self) -> Option<crate::event::Post> {
        let includes = self.includes.as_deref().map(RawValue::get);
        // What is expanded beside a post only adds names to ids: without it the post still stands.
        let includes = includes.and_then(|json| serde_json::from_str::<IncludesV2>(json).ok());
        let post: PostV2 = self.payload()?;
        post.read(&includes.unwrap_or_default().users)
    }

    fn direct_messages(&self, delivery: &mut Delivery) {
        let Some(payload) = self.payload::<DmPayload>() else {
            return delivery.push(None);
        };
        for dm in payload.direct_message_events {
            if dm.is_message() {
                delivery.push(dm.read(&payload.users).map(Event::Dm));
            }
        }
    }

    fn payload<T: for<'de> Deserialize<'de>>(&self) -> Option<T> {
        serde_json::from_str(self.payload.as_deref()?.get()).ok()
    }
}
