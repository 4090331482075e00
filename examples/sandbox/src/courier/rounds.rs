//! The two tasks of a provider that delivers: one has its webhook prove itself, one takes the deliveries there.

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use tokio::sync::mpsc;

use super::{Attempt, Faults, Provider};
use crate::{clock, lock::lock};

/// How long a challenge is waited for before it is sent again.
const CHALLENGE_PAUSE: Duration = Duration::from_millis(200);

/// Starts the two tasks: the one that challenges the webhook until it answers well, and the one that delivers.
pub(crate) fn start<P: Provider>(provider: &Arc<P>) {
    tokio::spawn(keep_challenged(Arc::clone(provider)));
    let waiting = lock(&provider.courier().waiting).take();
    if let Some(waiting) = waiting {
        tokio::spawn(keep_delivering(Arc::clone(provider), waiting));
    }
}

async fn keep_challenged<P: Provider>(provider: Arc<P>) {
    let mut hook = provider.courier().hook.subscribe();
    loop {
        let url = match hook.wait_for(|hook| hook.url.is_some() && !hook.verified).await {
            Ok(hook) => hook.url.clone(),
            Err(_) => return,
        };
        let Some(url) = url else { continue };
        let outcome = provider.challenge(&url).await;
        let verified = outcome.is_ok();
        provider.courier().hook.send_modify(|hook| {
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

async fn keep_delivering<P: Provider>(provider: Arc<P>, mut waiting: mpsc::UnboundedReceiver<u64>) {
    let mut hook = provider.courier().hook.subscribe();
    while let Some(id) = waiting.recv().await {
        if hook.wait_for(|hook| hook.verified).await.is_err() {
            return;
        }
        let faults = provider.delivery_faults();
        let held_back = Duration::from_millis(faults.reorder_wait_ms);
        if faults.reorder
            && let Ok(Some(overtaking)) = tokio::time::timeout(held_back, waiting.recv()).await
        {
            first_attempt(&provider, overtaking).await;
        }
        first_attempt(&provider, id).await;
    }
}

/// Tries once in order; a delivery that fails is tried again beside the others, so that it holds up none of them.
async fn first_attempt<P: Provider>(provider: &Arc<P>, id: u64) {
    if attempt(&**provider, id).await == Some(false) {
        tokio::spawn(retry(Arc::clone(provider), id));
    }
}

async fn retry<P: Provider>(provider: Arc<P>, id: u64) {
    let Faults { retries, retry_backoff_ms: mut pause_ms, .. } = provider.delivery_faults();
    for _ in 0..retries {
        tokio::time::sleep(Duration::from_millis(pause_ms)).await;
        pause_ms = pause_ms.saturating_mul(2);
        if attempt(&*provider, id).await != Some(false) {
            return;
        }
    }
    provider.courier().record(id, |record| record.state = "failed");
}

/// Whether it was accepted; `None` when the delivery was forgotten meanwhile.
async fn attempt<P: Provider>(provider: &P, id: u64) -> Option<bool> {
    let courier = provider.courier();
    let body = courier.record(id, |record| Bytes::from(record.body.clone()))?;
    let url = courier.hook().url.unwrap_or_default();
    let signatures = P::signatures(provider.secret(), &body);
    let started_ms = clock::now_ms();
    let outcome = courier.send(&url, body, signatures, provider.delivery_faults().delivery_timeout_ms).await;
    let accepted = outcome.as_ref().is_ok_and(|status| P::accepts(*status));
    courier.record(id, |record| {
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
