//! Deliveries: the challenge before the first, signatures, order, retries, and a record of each.

use std::{collections::VecDeque, sync::Arc, sync::Mutex, time::Duration};

use base64::{Engine, engine::general_purpose::STANDARD};
use bytes::Bytes;
use hmac::{Hmac, KeyInit, Mac};
use serde::Serialize;
use sha2::Sha256;
use tokio::sync::{mpsc, watch};

use super::{X, events::Event};
use crate::{clock, lock::lock, serial::random};

/// How many deliveries the record keeps.
const RECORDS_MAX: usize = 10_000;
/// How long a challenge is waited for before it is sent again.
const CHALLENGE_PAUSE: Duration = Duration::from_millis(200);
const RETRIES: u32 = 3;

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
    /// The post or message that it is about.
    pub(crate) subject: String,
    pub(crate) envelope: &'static str,
    pub(crate) event: &'static str,
    /// `queued`, `delivered`, `failed` (every attempt) or `dropped` (an outage, or no webhook).
    pub(crate) state: &'static str,
    pub(crate) attempts: Vec<Attempt>,
    /// The very text that was signed and sent.
    pub(crate) body: String,
}

/// Takes events to the webhook.
#[derive(Debug)]
pub(crate) struct Courier {
    client: reqwest::Client,
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

    fn record<T>(&self, id: u64, change: impl FnOnce(&mut Record) -> T) -> Option<T> {
        lock(&self.records).iter_mut().find(|record| record.id == id).map(change)
    }
}

/// Queues events for delivery, with as many further copies as the faults ask for.
pub(crate) fn deliver(x: &X, events: Vec<Event>) {
    let (copies, outage) = {
        let faults = lock(&x.faults);
        (1 + faults.duplicate_deliveries, faults.drop_deliveries)
    };
    let dropped = outage || x.courier.hook.borrow().url.is_none();
    for event in events {
        for _ in 0..copies {
            let record = Record {
                id: x.ids.next(),
                subject: event.subject.to_string(),
                envelope: event.envelope,
                event: event.kind,
                state: if dropped { "dropped" } else { "queued" },
                attempts: Vec::new(),
                body: event.body.to_string(),
            };
            queue(x, record);
        }
    }
}

/// Delivers again, byte for byte, what was once delivered about a post or message. How many deliveries that is.
pub(crate) fn redeliver(x: &X, subject: &str) -> usize {
    let mut again: Vec<Record> = Vec::new();
    for record in x.courier.records(usize::MAX).into_iter().filter(|record| record.subject == subject) {
        if !again.iter().any(|known| known.body == record.body) {
            again.push(Record { id: x.ids.next(), state: "queued", attempts: Vec::new(), ..record });
        }
    }
    let count = again.len();
    again.into_iter().for_each(|record| queue(x, record));
    count
}

fn queue(x: &X, record: Record) {
    let (id, queued) = (record.id, record.state == "queued");
    {
        let mut records = lock(&x.courier.records);
        records.push_back(record);
        if records.len() > RECORDS_MAX {
            records.pop_front();
        }
    }
    if queued {
        // The other end is held by the task that runs as long as the sandbox: sending fails only when all ends.
        let _ends_with_the_sandbox = x.courier.queue.send(id);
    }
}

/// `sha256=` and the signature of `body` in base64, as in the header and in the answer to a challenge.
pub(crate) fn signature(secret: &str, body: &[u8]) -> String {
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(secret.as_bytes()) else { return String::new() };
    mac.update(body);
    format!("sha256={}", STANDARD.encode(mac.finalize().into_bytes()))
}

/// Sends one body; the status answered, or why there is none.
pub(crate) async fn send(x: &X, url: &str, body: Bytes, signature: Option<String>) -> Result<u16, String> {
    let timeout = Duration::from_millis(lock(&x.faults).delivery_timeout_ms);
    let mut request = x.courier.client.post(url).header("content-type", "application/json").timeout(timeout).body(body);
    if let Some(signature) = signature {
        request = request.header("x-twitter-webhooks-signature", signature);
    }
    request.send().await.map(|answer| answer.status().as_u16()).map_err(|error| reason(&error))
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

/// Starts the two tasks: the one that challenges the webhook until it answers well, and the one that delivers.
pub(crate) fn start(x: &Arc<X>) {
    tokio::spawn(keep_challenged(Arc::clone(x)));
    if let Some(waiting) = lock(&x.courier.waiting).take() {
        tokio::spawn(keep_delivering(Arc::clone(x), waiting));
    }
}

async fn keep_challenged(x: Arc<X>) {
    let mut hook = x.courier.hook.subscribe();
    loop {
        let url = match hook.wait_for(|hook| hook.url.is_some() && !hook.verified).await {
            Ok(hook) => hook.url.clone(),
            Err(_) => return,
        };
        let Some(url) = url else { continue };
        let outcome = challenge(&x, &url).await;
        let verified = outcome.is_ok();
        x.courier.hook.send_modify(|hook| {
            // The place may have been changed while the old one was asked.
            if hook.url.as_ref() == Some(&url) {
                hook.verified = verified;
                hook.challenge = outcome.err().unwrap_or_else(|| "answered well".to_owned());
            }
        });
        if !verified {
            tokio::time::sleep(CHALLENGE_PAUSE).await;
        }
    }
}

/// The challenge-response check: the place must sign a token with the consumer secret.
async fn challenge(x: &X, url: &str) -> Result<(), String> {
    let token = format!("{:016x}{:016x}", random(), random());
    let joint = if url.contains('?') { '&' } else { '?' };
    let request = x.courier.client.get(format!("{url}{joint}crc_token={token}")).timeout(Duration::from_secs(10));
    let answer = request.send().await.map_err(|error| reason(&error))?;
    let status = answer.status();
    if !status.is_success() {
        return Err(format!("answered {status}"));
    }
    let body: serde_json::Value = answer.json().await.map_err(|_| "the answer is no JSON".to_owned())?;
    let expected = signature(&x.credentials.consumer_secret, token.as_bytes());
    if body.get("response_token").and_then(serde_json::Value::as_str) != Some(&expected) {
        return Err("the response_token is wrong".to_owned());
    }
    Ok(())
}

async fn keep_delivering(x: Arc<X>, mut waiting: mpsc::UnboundedReceiver<u64>) {
    let mut hook = x.courier.hook.subscribe();
    while let Some(id) = waiting.recv().await {
        if hook.wait_for(|hook| hook.verified).await.is_err() {
            return;
        }
        let (reorder, held_back) = {
            let faults = lock(&x.faults);
            (faults.reorder, Duration::from_millis(faults.reorder_wait_ms))
        };
        if reorder && let Ok(Some(overtaking)) = tokio::time::timeout(held_back, waiting.recv()).await {
            first_attempt(&x, overtaking).await;
        }
        first_attempt(&x, id).await;
    }
}

/// Tries once in order; a delivery that fails is tried again beside the others, so that it holds up none of them.
async fn first_attempt(x: &Arc<X>, id: u64) {
    if attempt(x, id).await == Some(false) {
        tokio::spawn(retry(Arc::clone(x), id));
    }
}

async fn retry(x: Arc<X>, id: u64) {
    let mut pause_ms = lock(&x.faults).retry_backoff_ms;
    for _ in 0..RETRIES {
        tokio::time::sleep(Duration::from_millis(pause_ms)).await;
        pause_ms = pause_ms.saturating_mul(2);
        if attempt(&x, id).await != Some(false) {
            return;
        }
    }
    x.courier.record(id, |record| record.state = "failed");
}

/// Whether it was accepted; `None` when the delivery was forgotten meanwhile.
async fn attempt(x: &X, id: u64) -> Option<bool> {
    let body = x.courier.record(id, |record| Bytes::from(record.body.clone()))?;
    let url = x.courier.hook().url.unwrap_or_default();
    let signature = signature(&x.credentials.consumer_secret, &body);
    let started_ms = clock::now_ms();
    let outcome = send(x, &url, body, Some(signature)).await;
    let accepted = outcome.as_ref().is_ok_and(|status| (200..300).contains(status));
    x.courier.record(id, |record| {
        record.attempts.push(Attempt {
            at: clock::rfc3339(started_ms),
            status: outcome.as_ref().ok().copied(),
            error: outcome.err(),
            took_ms: clock::now_ms().saturating_sub(started_ms),
        });
        if accepted {
            record.state = "delivered";
        }
        accepted
    })
}
