//! Deliveries to a webhook: the challenge before the first, order, retries, and a record of each. How a provider
//! challenges and signs is its own affair ([`Provider`]); the rest is the same for all of them.

mod rounds;

use std::{collections::VecDeque, sync::Mutex, time::Duration};

use bytes::Bytes;
use serde::{Deserialize, Serialize};
use tokio::sync::{mpsc, watch};

pub(crate) use self::rounds::start;
use crate::{lock::lock, serial::Snowflakes};

/// How many deliveries the record keeps of those that have ended.
const RECORDS_MAX: usize = 10_000;

/// What a delivery can be told to do badly; among the other switches of a provider.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Faults {
    /// How many further copies of each event are delivered.
    pub(crate) duplicate_deliveries: u32,
    /// Whether two events that come close together are delivered the wrong way round.
    pub(crate) reorder: bool,
    /// How long an event then waits to be overtaken, in milliseconds.
    pub(crate) reorder_wait_ms: u64,
    /// An outage: things happen, and nothing is delivered.
    pub(crate) drop_deliveries: bool,
    /// How long a delivery may take, in milliseconds.
    pub(crate) delivery_timeout_ms: u64,
    /// The wait before the first retry of a delivery, in milliseconds; each further one is twice as long.
    pub(crate) retry_backoff_ms: u64,
    /// How many times a delivery that failed is tried again.
    pub(crate) retries: u32,
}

impl Faults {
    /// None, with the provider's own number of retries.
    pub(crate) fn none(retries: u32) -> Self {
        Self {
            duplicate_deliveries: 0,
            reorder: false,
            reorder_wait_ms: 300,
            drop_deliveries: false,
            delivery_timeout_ms: 10_000,
            retry_backoff_ms: 250,
            retries,
        }
    }
}

/// The headers that carry a delivery's signatures.
pub(crate) type Headers = Vec<(&'static str, String)>;

/// What is the provider's own in a delivery.
pub(crate) trait Provider: Send + Sync + 'static {
    fn courier(&self) -> &Courier;

    /// The switches as they stand.
    fn delivery_faults(&self) -> Faults;

    /// The secret that it signs with.
    fn secret(&self) -> &str;

    /// The headers that sign `body` with `secret`.
    fn signatures(secret: &str, body: &[u8]) -> Headers;

    /// The headers of a forgery that only this provider's scheme allows; `None` where it knows no such `how`.
    fn forged(&self, how: &str, body: &[u8]) -> Option<Headers> {
        let _none_of_its_own = (how, body);
        None
    }

    /// Whether a delivery answered with this status has arrived.
    fn accepts(status: u16) -> bool;

    /// Has the place at `url` prove that it belongs to the application; why it did not.
    fn challenge(&self, url: &str) -> impl Future<Output = Result<(), String>> + Send;
}

/// Where events go, and whether the place has proved that it knows the secret.
#[derive(Clone, Debug, Default, Serialize)]
pub(crate) struct Hook {
    pub(crate) url: Option<String>,
    pub(crate) verified: bool,
    /// What the last challenge came to.
    pub(crate) challenge: String,
}

/// One attempt at a delivery.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Attempt {
    at: String,
    status: Option<u16>,
    error: Option<String>,
    took_ms: u64,
}

/// One delivery and what became of it.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Record {
    pub(crate) id: u64,
    /// The ids of the posts or messages that it is about, with spaces between them.
    pub(crate) subject: String,
    pub(crate) envelope: &'static str,
    pub(crate) event: &'static str,
    /// `queued`, `delivered`, `failed` (every attempt) or `dropped` (an outage, or no webhook).
    pub(crate) state: &'static str,
    pub(crate) attempts: Vec<Attempt>,
    /// The very text that was signed and sent.
    pub(crate) body: String,
}

impl Record {
    /// A delivery to be made.
    pub(crate) fn new(subject: String, envelope: &'static str, event: &'static str, body: String) -> Self {
        Self { id: 0, subject, envelope, event, state: "queued", attempts: Vec::new(), body }
    }
}

/// Takes events to the webhook.
#[derive(Debug)]
pub(crate) struct Courier {
    client: reqwest::Client,
    ids: Snowflakes,
    queue: mpsc::UnboundedSender<u64>,
    waiting: Mutex<Option<mpsc::UnboundedReceiver<u64>>>,
    records: Mutex<VecDeque<Record>>,
    hook: watch::Sender<Hook>,
}

impl Courier {
    pub(crate) fn new(url: Option<String>) -> Result<Self, reqwest::Error> {
        let (queue, waiting) = mpsc::unbounded_channel();
        Ok(Self {
            client: reqwest::Client::builder().no_proxy().build()?,
            ids: Snowflakes::default(),
            queue,
            waiting: Mutex::new(Some(waiting)),
            records: Mutex::new(VecDeque::new()),
            hook: watch::Sender::new(Hook { url, ..Hook::default() }),
        })
    }

    /// The state of the webhook.
    pub(crate) fn hook(&self) -> Hook {
        self.hook.borrow().clone()
    }

    /// Points the deliveries somewhere else, or has the place challenged again.
    pub(crate) fn challenge_again(&self, url: Option<String>) {
        self.hook.send_modify(|hook| {
            hook.verified = false;
            hook.url = url.or_else(|| hook.url.take());
        });
    }

    /// The newest deliveries on record, at most so many, the oldest of them first.
    pub(crate) fn records(&self, most: usize) -> Vec<Record> {
        let records = lock(&self.records);
        records.iter().skip(records.len().saturating_sub(most)).cloned().collect()
    }

    /// Forgets all deliveries; those under way find their record gone and stop.
    pub(crate) fn forget(&self) {
        lock(&self.records).clear();
    }

    /// Delivers again, byte for byte, what was once delivered about a post or message. How many deliveries that is.
    pub(crate) fn redeliver(&self, subject: &str) -> usize {
        let mut again: Vec<Record> = Vec::new();
        for record in self.records(usize::MAX) {
            let about_it = record.subject.split(' ').any(|id| id == subject);
            if about_it && !again.iter().any(|known| known.body == record.body) {
                again.push(Record { state: "queued", attempts: Vec::new(), ..record });
            }
        }
        let count = again.len();
        again.into_iter().for_each(|record| self.enqueue(record));
        count
    }

    /// Puts a delivery on record under an id of its own, and in the queue unless it is dropped.
    fn enqueue(&self, record: Record) {
        let queued = record.state == "queued";
        let id = {
            let mut records = lock(&self.records);
            // Drawn under the lock, so that the records are in the order of their ids.
            let id = self.ids.next();
            records.push_back(Record { id, ..record });
            // What is still to be delivered is not forgotten, however much of it there is.
            if records.len() > RECORDS_MAX && records.front().is_some_and(|oldest| oldest.state != "queued") {
                records.pop_front();
            }
            id
        };
        if queued {
            // The other end is held by the task that runs as long as the sandbox: sending fails only when all ends.
            let _ends_with_the_sandbox = self.queue.send(id);
        }
    }

    /// Asks a webhook with a query; the status and the body answered, or why there are none.
    pub(crate) async fn ask(&self, url: &str, query: &[(&str, &str)]) -> Result<(u16, Bytes), String> {
        let request = self.client.get(url).query(query).timeout(Duration::from_secs(10));
        let answer = request.send().await.map_err(|error| reason(&error))?;
        Ok((answer.status().as_u16(), answer.bytes().await.map_err(|error| reason(&error))?))
    }

    /// Sends one body; the status answered, or why there is none.
    pub(crate) async fn send(&self, url: &str, body: Bytes, headers: Headers, timeout_ms: u64) -> Result<u16, String> {
        let timeout = Duration::from_millis(timeout_ms);
        let mut request = self.client.post(url).header("content-type", "application/json").timeout(timeout).body(body);
        for (name, value) in headers {
            request = request.header(name, value);
        }
        request.send().await.map(|answer| answer.status().as_u16()).map_err(|error| reason(&error))
    }

    fn record<T>(&self, id: u64, change: impl FnOnce(&mut Record) -> T) -> Option<T> {
        let mut records = lock(&self.records);
        let at = records.binary_search_by_key(&id, |record| record.id).ok()?;
        records.get_mut(at).map(change)
    }
}

/// Queues deliveries, with as many further copies as the faults ask for.
pub(crate) fn deliver<P: Provider>(provider: &P, records: Vec<Record>) {
    let faults = provider.delivery_faults();
    let courier = provider.courier();
    let dropped = faults.drop_deliveries || courier.hook.borrow().url.is_none();
    for record in records {
        for _ in 0..=faults.duplicate_deliveries {
            courier.enqueue(Record { state: if dropped { "dropped" } else { "queued" }, ..record.clone() });
        }
    }
}

fn reason(error: &reqwest::Error) -> String {
    if error.is_timeout() {
        return "timed out".to_owned();
    }
    if error.is_connect() {
        return "cannot connect".to_owned();
    }
    error.to_string()
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test may fail loudly")]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_delivered_yet_is_kept_and_the_rest_in_part() {
        let _already_there = rustls::crypto::ring::default_provider().install_default();
        let check = |state: &'static str, expected: usize| {
            let courier = Courier::new(Some("http://127.0.0.1:1".to_owned())).unwrap();
            for at in 0..RECORDS_MAX + 100 {
                let record = Record::new(at.to_string(), "page", "messages", "{}".to_owned());
                courier.enqueue(Record { state, ..record });
            }
            let records = courier.records(usize::MAX);
            assert_eq!(records.len(), expected, "{state}");
            for record in [records.first(), records.last()].into_iter().flatten() {
                assert_eq!(courier.record(record.id, |found| found.subject.clone()), Some(record.subject.clone()));
            }
        };
        check("queued", RECORDS_MAX + 100);
        check("dropped", RECORDS_MAX);
    }
}
