//! What happened on X, whichever way we hear of it, and what of it is a message for the gateway.

use sportello_sdk::{Change, Message};

use crate::id::{Id, MessageId};
use crate::settings::Account;
use crate::text::{Written, id_handle, name_handle};

/// Something that happened, in one shape for both envelopes of webhooks and for what is caught up with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Event {
    /// Somebody wrote or edited a post.
    Post(Post),
    /// Somebody wrote a direct message.
    Dm(Dm),
    /// Somebody deleted a post.
    Deletion(Deletion),
}

/// A post.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Post {
    pub(crate) id: Id,
    /// The id of its first version: X gives every edit a new one.
    pub(crate) first_id: Id,
    pub(crate) author: Id,
    pub(crate) author_name: Option<String>,
    pub(crate) written: Written,
    pub(crate) in_reply_to: Option<Id>,
    pub(crate) in_reply_to_user: Option<Id>,
    pub(crate) is_retweet: bool,
    pub(crate) at_ms: Option<u64>,
}

/// A direct message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Dm {
    pub(crate) id: Id,
    pub(crate) sender: Id,
    pub(crate) sender_name: Option<String>,
    /// Whom it went to, where that is told.
    pub(crate) recipient: Option<Id>,
    /// Whether more than two people read it.
    pub(crate) is_group: bool,
    pub(crate) written: Written,
    pub(crate) at_ms: Option<u64>,
}

/// A post that is gone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Deletion {
    pub(crate) id: Id,
    pub(crate) author: Id,
    pub(crate) at_ms: Option<u64>,
}

/// Why an event is no message for the gateway. Nothing is wrong with any of these.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ignored {
    /// The account wrote it itself: an echo.
    Own,
    /// Somebody passed on what somebody else wrote.
    PassedOn,
    /// It speaks neither to the account nor in answer to it.
    NotAddressed,
    /// It went to another account of the same application.
    OtherAccount,
    /// More people read it than the writer and the account, and X does not say who.
    Group,
}

impl Ignored {
    /// For the log: a reason without anything that people wrote.
    pub(crate) fn reason(self) -> &'static str {
        match self {
            Self::Own => "written by the account itself",
            Self::PassedOn => "a retweet",
            Self::NotAddressed => "not addressed to the account",
            Self::OtherAccount => "for another account",
            Self::Group => "a group conversation",
        }
    }
}

impl Event {
    /// The message for the gateway.
    pub(crate) fn into_message(self, account: &Account) -> Result<Message, Ignored> {
        match self {
            Self::Post(post) => post.into_message(account),
            Self::Dm(dm) => dm.into_message(account),
            Self::Deletion(deletion) => deletion.into_message(account),
        }
    }

    /// The id that the event is about.
    pub(crate) fn id(&self) -> MessageId {
        match self {
            Self::Post(post) => MessageId::Post(post.id.clone()),
            Self::Dm(dm) => MessageId::Dm(dm.id.clone()),
            Self::Deletion(deletion) => MessageId::Post(deletion.id.clone()),
        }
    }
}

impl Post {
    fn into_message(self, account: &Account) -> Result<Message, Ignored> {
        if self.author == account.id {
            return Err(Ignored::Own);
        }
        if self.is_retweet {
            return Err(Ignored::PassedOn);
        }
        let typed = self.written.typed();
        if typed.is_passed_on() {
            return Err(Ignored::PassedOn);
        }
        // X puts our name in front of every post in a thread that we are part of. Somebody who answers us talks to us;
        // somebody who answers somebody else does so only where our name was typed.
        let answers_us = self.in_reply_to_user.as_ref() == Some(&account.id);
        if !answers_us && !typed.addresses(&account.id, &account.name) {
            return Err(Ignored::NotAddressed);
        }
        let change = match self.id == self.first_id {
            true => Change::Written,
            false => Change::Edited,
        };
        Ok(Message {
            id: Some(MessageId::Post(self.id).to_string()),
            first_id: Some(MessageId::Post(self.first_id).to_string()),
            change,
            from: id_handle(&self.author).ok_or(Ignored::NotAddressed)?,
            from_name: self.author_name.as_deref().and_then(name_handle),
            mentions: typed.pinned(),
            text: typed.text,
            private: false,
            in_reply_to: self.in_reply_to.map(|id| MessageId::Post(id).to_string()),
            written_at_ms: self.at_ms,
        })
    }
}

impl Dm {
    fn into_message(self, account: &Account) -> Result<Message, Ignored> {
        if self.sender == account.id {
            return Err(Ignored::Own);
        }
        if self.is_group {
            return Err(Ignored::Group);
        }
        if self.recipient.is_some_and(|recipient| recipient != account.id) {
            return Err(Ignored::OtherAccount);
        }
        let typed = self.written.typed();
        let id = MessageId::Dm(self.id).to_string();
        Ok(Message {
            id: Some(id.clone()),
            first_id: Some(id),
            change: Change::Written,
            from: id_handle(&self.sender).ok_or(Ignored::NotAddressed)?,
            from_name: self.sender_name.as_deref().and_then(name_handle),
            mentions: typed.pinned(),
            text: typed.text,
            private: true,
            in_reply_to: None,
            written_at_ms: self.at_ms,
        })
    }
}

impl Deletion {
    fn into_message(self, account: &Account) -> Result<Message, Ignored> {
        if self.author == account.id {
            return Err(Ignored::Own);
        }
        let first_id = MessageId::Post(self.id).to_string();
        Ok(Message {
            id: Some(format!("{first_id}:deleted")),
            first_id: Some(first_id),
            change: Change::Deleted,
            from: id_handle(&self.author).ok_or(Ignored::NotAddressed)?,
            from_name: None,
            text: String::new(),
            private: false,
            mentions: Vec::new(),
            in_reply_to: None,
            written_at_ms: self.at_ms,
        })
    }
}
