//! What stands in the chats.

use std::collections::BTreeMap;

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use serde::{Deserialize, Serialize};

use super::cast::{Person, cast};
use crate::{clock, serial::random};

/// A button under a message, which answers it when tapped.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct QuickReply {
    pub(crate) title: String,
    pub(crate) payload: String,
}

/// One message of a chat.
#[derive(Clone, Debug)]
pub(crate) struct Message {
    pub(crate) mid: String,
    pub(crate) from_page: bool,
    pub(crate) text: String,
    pub(crate) quick_replies: Vec<QuickReply>,
    pub(crate) at_ms: u64,
    /// How many times its writer changed it.
    pub(crate) edits: u32,
}

/// The chat between one person and one page.
#[derive(Clone, Debug, Default)]
pub(crate) struct Thread {
    /// The oldest first.
    pub(crate) messages: Vec<Message>,
    /// When the person last wrote, tapped or reacted: the page may answer for 24 hours from then.
    pub(crate) heard_ms: Option<u64>,
}

/// Why a quick reply cannot be tapped.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum NotTapped {
    /// No message ever offered it.
    Unknown,
    /// A newer message came, and the buttons vanished.
    Stale,
}

impl Thread {
    /// The quick reply of that title, where the person still sees it.
    pub(crate) fn offered(&self, title: &str) -> Result<QuickReply, NotTapped> {
        let named = |message: &Message| message.quick_replies.iter().find(|reply| reply.title == title).cloned();
        match self.messages.last().and_then(named) {
            Some(reply) => Ok(reply),
            None if self.messages.iter().any(|message| named(message).is_some()) => Err(NotTapped::Stale),
            None => Err(NotTapped::Unknown),
        }
    }
}

/// All of Messenger.
#[derive(Debug)]
pub(crate) struct World {
    pub(crate) people: Vec<Person>,
    threads: BTreeMap<String, Thread>,
    /// How far the clock was moved ahead.
    ahead_ms: u64,
    last_ms: u64,
}

impl Default for World {
    fn default() -> Self {
        Self { people: cast(), threads: BTreeMap::new(), ahead_ms: 0, last_ms: 0 }
    }
}

impl World {
    /// The time, which no two events share.
    pub(crate) fn now_ms(&mut self) -> u64 {
        self.last_ms = clock::now_ms().saturating_add(self.ahead_ms).max(self.last_ms.saturating_add(1));
        self.last_ms
    }

    /// Moves the clock ahead.
    pub(crate) fn advance(&mut self, ms: u64) {
        self.ahead_ms = self.ahead_ms.saturating_add(ms);
    }

    /// The person of that name, case aside.
    pub(crate) fn named(&self, name: &str) -> Option<&Person> {
        self.people.iter().find(|person| person.name.eq_ignore_ascii_case(name))
    }

    /// Whose id towards `page` that is. The same person's id towards another page is nobody's.
    pub(crate) fn owner(&self, page: &str, psid: &str) -> Option<&Person> {
        self.people.iter().find(|person| person.psid(page) == psid)
    }

    /// The chat of whoever has that id; an id belongs to one page, and so names the chat.
    pub(crate) fn thread(&mut self, psid: &str) -> &mut Thread {
        self.threads.entry(psid.to_owned()).or_default()
    }
}

/// A message's id: long, and opaque.
pub(crate) fn new_mid() -> String {
    let bytes: Vec<u8> = (0..7).flat_map(|_| random().to_be_bytes()).collect();
    format!("m_{}", URL_SAFE_NO_PAD.encode(bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(titles: &[&str]) -> Message {
        let quick_replies =
            titles.iter().map(|title| QuickReply { title: (*title).to_owned(), payload: "p".to_owned() }).collect();
        Message { mid: new_mid(), from_page: true, text: String::new(), quick_replies, at_ms: 0, edits: 0 }
    }

    #[test]
    fn buttons_vanish_when_a_newer_message_comes() {
        let check = |messages: Vec<Message>, expected: Result<(), NotTapped>| {
            let thread = Thread { messages, heard_ms: None };
            assert_eq!(thread.offered("Confirm").map(|_| ()), expected);
        };
        check(vec![], Err(NotTapped::Unknown));
        check(vec![message(&["Cancel"])], Err(NotTapped::Unknown));
        check(vec![message(&["Confirm", "Cancel"])], Ok(()));
        check(vec![message(&["Confirm"]), message(&[])], Err(NotTapped::Stale));
        check(vec![message(&["Confirm"]), message(&["Cancel"])], Err(NotTapped::Stale));
        check(vec![message(&["Confirm"]), message(&["Confirm"])], Ok(()));
    }

    #[test]
    fn time_only_grows_and_can_be_moved_ahead() {
        let mut world = World::default();
        let (first, second) = (world.now_ms(), world.now_ms());
        world.advance(86_400_000);
        assert!(first < second && world.now_ms() >= second + 86_400_000 - 1);
    }
}
