//! From events to the bodies of deliveries: how many stand in one, and in how many entries.

use std::{sync::Arc, time::Duration};

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{Messenger, cast::other_page, events::Event};
use crate::{
    courier::{self, Record},
    lock::lock,
};

/// Where the events of one delivery stand.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum BatchIn {
    /// Each in an entry of its own.
    #[default]
    Entries,
    /// Those of one page in one entry, as long as no other page's comes between.
    Messaging,
}

/// Events that wait for company.
#[derive(Debug, Default)]
pub(crate) struct Batch {
    waiting: Vec<Event>,
    /// How many batches there were, so that a timer knows whether the one it was set for is still there.
    serial: u64,
}

impl Batch {
    /// Ends this batch, whatever it holds.
    pub(crate) fn end(&mut self) -> Vec<Event> {
        self.serial += 1;
        std::mem::take(&mut self.waiting)
    }
}

/// Queues events for delivery, as the application subscribed to them and the faults would have them.
pub(crate) fn deliver(messenger: &Arc<Messenger>, events: Vec<Event>) {
    let (fields, size, wait_ms) = {
        let faults = messenger.faults.now();
        (faults.fields.clone(), faults.batch, faults.batch_wait_ms)
    };
    for event in events.into_iter().filter(|event| fields.iter().any(|field| field == event.field)) {
        if size <= 1 {
            send(messenger, &[event]);
            continue;
        }
        let (full, serial) = {
            let mut batch = lock(&messenger.batch);
            batch.waiting.push(event);
            let full = if batch.waiting.len() >= size { batch.end() } else { Vec::new() };
            (full, batch.serial)
        };
        send(messenger, &full);
        tokio::spawn(end_later(Arc::clone(messenger), serial, wait_ms));
    }
}

/// A batch that nothing more comes to is delivered as it is.
async fn end_later(messenger: Arc<Messenger>, serial: u64, wait_ms: u64) {
    tokio::time::sleep(Duration::from_millis(wait_ms)).await;
    let rest = {
        let mut batch = lock(&messenger.batch);
        if batch.serial == serial { batch.end() } else { Vec::new() }
    };
    send(&messenger, &rest);
}

fn send(messenger: &Messenger, events: &[Event]) {
    let Some(first) = events.first() else { return };
    let (batch_in, wrong_page) = {
        let faults = messenger.faults.now();
        (faults.batch_in, faults.wrong_page)
    };
    let mids: Vec<&str> = events.iter().map(|event| event.mid.as_str()).collect();
    let kind = if events.len() == 1 { first.field } else { "batch" };
    let mut body = body(events, batch_in);
    if wrong_page {
        body = body.replace(&first.page, other_page(&first.page));
    }
    courier::deliver(messenger, vec![Record::new(mids.join(" "), "page", kind, body)]);
}

/// The body of a delivery: the very text that is signed.
pub(crate) fn body(events: &[Event], batch_in: BatchIn) -> String {
    let mut entries: Vec<(&str, &str, u64, Vec<&Value>)> = Vec::new();
    for event in events {
        let place = if event.field == "standby" { "standby" } else { "messaging" };
        match entries.last_mut() {
            Some((page, known, _, list))
                if batch_in == BatchIn::Messaging && *page == event.page && *known == place =>
            {
                list.push(&event.body);
            }
            _ => entries.push((&event.page, place, event.at_ms, vec![&event.body])),
        }
    }
    let entry = |(page, place, at_ms, list): (&str, &str, u64, Vec<&Value>)| {
        let mut entry = json!({ "id": page, "time": at_ms });
        crate::json::put(&mut entry, place, json!(list));
        entry
    };
    let entries: Vec<Value> = entries.into_iter().map(entry).collect();
    escaped(&json!({ "object": "page", "entry": entries }).to_string())
}

/// JSON with every character beyond ASCII as `\uXXXX` in lower case, as Meta writes what it signs. Only strings hold
/// such characters, so that the text can be gone through as it is.
fn escaped(json: &str) -> String {
    let mut text = String::with_capacity(json.len());
    for c in json.chars() {
        if c.is_ascii() {
            text.push(c);
            continue;
        }
        for unit in c.encode_utf16(&mut [0; 2]) {
            text.push_str(&format!("\\u{unit:04x}"));
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use proptest::{collection::vec, prelude::*};

    use super::*;

    #[test]
    fn what_is_beyond_ascii_is_escaped_and_still_the_same_json() {
        let check = |text: &str, expected: &str| {
            let written = escaped(&json!(text).to_string());
            assert_eq!(written, format!("\"{expected}\""));
            assert_eq!(serde_json::from_str::<Value>(&written).ok(), Some(json!(text)));
        };
        check("äöå 5 €", "\\u00e4\\u00f6\\u00e5 5 \\u20ac");
        check("pizza 🍕", "pizza \\ud83c\\udf55");
        check("a \"quote\"\n", "a \\\"quote\\\"\\n");
        check("", "");
    }

    fn event(page: usize, aside: bool, text: &str) -> Event {
        let page = super::super::cast::PAGES.get(page).map_or("", |page| page.id).to_owned();
        let field = if aside { "standby" } else { "messages" };
        Event { page, mid: "m_1".to_owned(), field, at_ms: 1, body: json!({ "message": { "text": text } }) }
    }

    proptest! {
        /// Whatever is written and however it is grouped: every event comes, in order, under its own page, in ASCII.
        #[test]
        fn a_delivery_holds_its_events(
            asked in vec((0_usize..2, any::<bool>(), any::<String>()), 1..8),
            batch_in in prop_oneof![Just(BatchIn::Entries), Just(BatchIn::Messaging)],
        ) {
            let events: Vec<Event> = asked.iter().map(|(page, aside, text)| event(*page, *aside, text)).collect();
            let written = body(&events, batch_in);
            prop_assert!(written.is_ascii());
            let read: Value = serde_json::from_str(&written)?;
            let entries = read.get("entry").and_then(Value::as_array).cloned().unwrap_or_default();
            prop_assert!(batch_in == BatchIn::Messaging || entries.len() == events.len());
            let mut found = Vec::new();
            for entry in &entries {
                for place in ["messaging", "standby"] {
                    let list = entry.get(place).and_then(Value::as_array).cloned().unwrap_or_default();
                    found.extend(list.into_iter().map(|event| (entry.get("id").cloned(), place, event)));
                }
            }
            let expected: Vec<_> = events
                .iter()
                .map(|event| {
                    let place = if event.field == "standby" { "standby" } else { "messaging" };
                    (Some(json!(event.page)), place, event.body.clone())
                })
                .collect();
            prop_assert_eq!(found, expected);
        }
    }
}
