//! Card payments over one link to an acquirer that answers at once, through the host and with a store: each order has its
//! record on the disk before its bytes leave.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use bytes::Bytes;
use serde_json::json;
use sportello_engine::store::Store;
use sportello_engine::{Clock, Entropy, SystemClock};
use sportello_host::{Ask, Declared, Limits, Running, Services, Spec};
use sportello_model::{Currency, Money, Order, OrderKind, Outcome, Party, PaymentId};
use sportello_sdk::frames::{StorePutDone, plugin_method};
use sportello_sdk::{Accepted, Card, Failure, InstrumentFacts, Message, Receipt, Report};
use tokio::task::JoinSet;

use super::{Figure, Folder, acquirer};
use crate::wire::SystemEntropy;

/// How many orders may be unanswered.
const WINDOW: usize = 512;
const ROUNDS: usize = 3;
/// The memory is looked at after each of so many parts of a load.
const LOOKS: usize = 6;

/// What the rail is served with: a store of its own, and one card.
struct Till {
    store: Store,
}

#[async_trait]
impl Services for Till {
    fn now_ms(&self) -> u64 {
        SystemClock.now_ms()
    }

    fn random(&self) -> u64 {
        SystemEntropy.random()
    }

    async fn message(&self, _: &str, _: Message) -> Result<Accepted, Failure> {
        Err(Failure::unsupported("message"))
    }

    async fn report(&self, _: &str, _: Report) -> Result<(), Failure> {
        Ok(())
    }

    async fn receipt(&self, _: &str, _: Receipt) -> Result<(), Failure> {
        Err(Failure::unsupported("receipt"))
    }

    async fn store_get(&self, instance: &str, name: &str) -> Result<(u64, Bytes), Failure> {
        let (version, value) = self.store.get(instance, name).await.map_err(failed)?;
        Ok((version, value.into()))
    }

    async fn store_put(
        &self,
        instance: &str,
        name: &str,
        expected: u64,
        value: Bytes,
    ) -> Result<StorePutDone, Failure> {
        let (stored, version) = self.store.put(instance, name, expected, value.into()).await.map_err(failed)?;
        Ok(StorePutDone { stored, version })
    }

    async fn instrument(&self, _: &str, _: u128, _: &str) -> Result<(InstrumentFacts, Bytes), Failure> {
        let card = Card { pan: "4111111111111111".to_owned(), expiry_year: 2030, expiry_month: 12, holder: None };
        let facts = InstrumentFacts { label: "Visa ••1111".to_owned(), received_at_ms: 0, payment: None };
        Ok((facts, serde_json::to_vec(&card).unwrap_or_default().into()))
    }
}

fn failed(error: sportello_engine::store::StoreError) -> Failure {
    Failure::new(sportello_sdk::Source::Host, "store", error.to_string())
}

/// Authorizations a second over one link, the best of some rounds; and by how much memory grows meanwhile.
pub(super) async fn measure(here: &Folder, seconds: u64) -> Result<Vec<Figure>, String> {
    let lasting = Duration::from_secs(seconds);
    let address = acquirer::listen().await?;
    let (mut best, mut bare) = (0.0f64, 0.0f64);
    for round in 0..ROUNDS {
        let (till, running) = open(here, &address, round).await?;
        best = best.max(load(&running, lasting).await?);
        close(till, running).await?;
        bare = bare.max(acquirer::bare(&address, WINDOW, lasting).await?);
    }
    let (till, running) = open(here, &address, ROUNDS).await?;
    let mut looks = Vec::new();
    for _ in 0..LOOKS {
        load(&running, lasting).await?;
        looks.push(super::start::resident_mb("self")?);
    }
    close(till, running).await?;
    let early = looks.get(1).copied().unwrap_or(f64::MAX);
    let late = looks.last().copied().unwrap_or(f64::MAX);
    let growth = 100.0 * (late - early) / early;
    Ok(vec![
        Figure::at_least("authorizations-per-second", best, "/s", 5_000.0, Some(bare)),
        Figure::at_most("authorizations-memory-growth", growth, "%", 10.0, None),
    ])
}

async fn open(here: &Folder, address: &str, round: usize) -> Result<(Arc<Till>, Running), String> {
    let library = Folder::library(&here.plugins, "sportello-card");
    let loaded = Declared::read(&library).and_then(Declared::load).map_err(|e| e.to_string())?;
    let store = Store::open(&here.path.join(format!("cards-{round}.db"))).map_err(|e| e.to_string())?;
    let till = Arc::new(Till { store });
    let mut spec = Spec::new("bench", till.clone());
    spec.settings = json!({ "acquirer": {
        "address": format!("tcp://{address}"), "terminals": ["BENCH001"], "acquirer_id": "123456",
        "merchant_id": "BENCH", "merchant_name": "Bench", "merchant_city": "Milano", "merchant_country": "IT",
        "mcc": "5812", "window": WINDOW,
    } });
    spec.grants = vec![format!("tcp://{address}"), "pan".to_owned()];
    spec.limits = Limits { in_flight: 2 * WINDOW, ..Limits::default() };
    let running = loaded.open(spec).await.map_err(|e| e.to_string())?;
    running.start();
    Ok((till, running))
}

async fn close(till: Arc<Till>, running: Running) -> Result<(), String> {
    running.drain(Duration::from_secs(5)).await.close().await.map_err(|e| e.to_string())?;
    till.store.close().await;
    Ok(())
}

/// Orders as fast as they are answered, as many at a time as the window takes.
async fn load(running: &Running, lasting: Duration) -> Result<f64, String> {
    static NUMBER: AtomicU64 = AtomicU64::new(1);
    let begun = Instant::now();
    let mut payers = JoinSet::new();
    for _ in 0..WINDOW {
        let running = running.clone();
        payers.spawn(async move {
            let mut approved = 0u32;
            while begun.elapsed() < lasting {
                let order = order(NUMBER.fetch_add(1, Ordering::Relaxed))?;
                let ask = Ask::new(plugin_method::SUBMIT, &order.to_json());
                let answer = running.ask(ask).await.map_err(|e| e.to_string())?;
                match answer.read(Outcome::from_json).map_err(|e| e.to_string())? {
                    Outcome::Settled { .. } => approved += 1,
                    other => return Err(format!("an order ended in {other:?}")),
                }
            }
            Ok::<_, String>(approved)
        });
    }
    let mut approved = 0u32;
    while let Some(paid) = payers.join_next().await {
        approved += paid.map_err(|e| e.to_string())??;
    }
    Ok(f64::from(approved) / begun.elapsed().as_secs_f64())
}

fn order(number: u64) -> Result<Order, String> {
    let party = |name: &str, account: &str| {
        let account = account.parse().map_err(|e: sportello_model::HandleError| e.to_string())?;
        Ok::<_, String>(Party { name: name.to_owned(), account, country: Some("IT".to_owned()) })
    };
    let payment = PaymentId(u128::from(number));
    Ok(Order {
        key: format!("{payment}-1"),
        payment,
        kind: OrderKind::Collect,
        amount: Money::new(2000, Currency::EUR).map_err(|e| e.to_string())?,
        debtor: party("Marco Neri", "card:bench")?,
        creditor: party("Sportello", "iban:NL91ABNA0417164300")?,
        memo: None,
        refers_to: None,
        made_at_ms: SystemClock.now_ms(),
    })
}
