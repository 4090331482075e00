//! A user, in the shapes that X shows one.

use sportello_sdk::serde::Deserialize;

use crate::id::{Id, MaybeId};

/// A user as API v1.1 has it (`screen_name`), as v2 has it (`username`), or v2's inside a `data`.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(crate) struct User {
    id: MaybeId,
    id_str: MaybeId,
    screen_name: Option<String>,
    username: Option<String>,
    data: Option<Box<User>>,
}

impl User {
    pub(crate) fn id(&self) -> Option<Id> {
        let inner = || self.data.as_ref().and_then(|user| user.id());
        self.id_str.clone().or(self.id.clone()).or_else(inner)
    }

    pub(crate) fn name(&self) -> Option<String> {
        let inner = || self.data.as_ref().and_then(|user| user.name());
        self.screen_name.clone().or_else(|| self.username.clone()).or_else(inner)
    }
}

/// The name of the user of this id.
pub(crate) fn name_of<'u>(id: &Id, mut users: impl Iterator<Item = &'u User>) -> Option<String> {
    users.find(|user| user.id().as_ref() == Some(id)).and_then(User::name)
}

/// The id of the user of this name.
pub(crate) fn id_of<'u>(name: &str, mut users: impl Iterator<Item = &'u User>) -> Option<Id> {
    let bears = |user: &&User| user.name().is_some_and(|n| n.eq_ignore_ascii_case(name));
    users.find(bears).and_then(User::id)
}
