//! A webhook delivery: the entries of pages, and the events in them.

use std::collections::BTreeMap;

use sportello_sdk::serde_json;
use sportello_sdk::{Failure, Message};

use crate::event::{self, Left};
use crate::fields::Fields;
use crate::id::Id;

/// What was found in a delivery.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Delivery {
    /// The messages, in the order of the delivery.
    pub(crate) messages: Vec<Message>,
    /// What was left aside, why, and how often.
    pub(crate) left: BTreeMap<Left, usize>,
}

impl Delivery {
    fn leave(&mut self, left: Left) {
        *self.left.entry(left).or_default() += 1;
    }

    /// Takes what is in the entry of one page.
    fn entry(&mut self, json: &str, page: &Id) {
        let unreadable = || Left::Unreadable("an entry".to_owned());
        let Some(entry) = Fields::read(json) else {
            return self.leave(unreadable());
        };
        match entry.text("id").and_then(|id| Id::parse(&id)) {
            Some(id) if id == *page => {}
            Some(_) => return self.leave(Left::OtherPage),
            None => return self.leave(unreadable()),
        }
        // Beside what people wrote to us: what they wrote to another application that has the conversation now, and what
        // happened on the page itself.
        for kind in entry.names().filter(|name| !matches!(*name, "id" | "time" | "messaging")) {
            self.leave(Left::kind(kind));
        }
        match (entry.get("messaging"), entry.list("messaging")) {
            (None, _) => {}
            (Some(_), None) => self.leave(unreadable()),
            (Some(_), Some(events)) => {
                for event in events {
                    match event::read(event.get(), page) {
                        Ok(message) => self.messages.push(message),
                        Err(left) => self.leave(left),
                    }
                }
            }
        }
    }
}

/// Reads a delivery. One that is about something else than pages is left aside as a whole.
///
/// # Errors
/// `malformed`, where it is no delivery of Meta's at all.
pub(crate) fn read(body: &[u8], page: &Id) -> Result<Delivery, Failure> {
    let envelope = Fields::of_bytes(body).map_err(|error| malformed(&error))?;
    let unlike = || Failure::input("malformed", "no delivery of Meta: it has no `object`");
    let object = envelope.text("object").ok_or_else(unlike)?;
    let mut delivery = Delivery::default();
    if object != "page" {
        delivery.leave(Left::kind(&object));
        return Ok(delivery);
    }
    let unlike = || Failure::input("malformed", "no delivery of Meta: it has no list of entries");
    for entry in envelope.list("entry").ok_or_else(unlike)? {
        delivery.entry(entry.get(), page);
    }
    Ok(delivery)
}

fn malformed(error: &serde_json::Error) -> Failure {
    let (kind, line, column) = (error.classify(), error.line(), error.column());
    let what = format!("no delivery of Meta: {kind:?} error at line {line}, column {column}");
    Failure::input("malformed", what)
}

#[cfg(test)]
#[path = "delivery_tests.rs"]
mod tests;
