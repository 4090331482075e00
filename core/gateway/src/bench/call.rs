//! One call of a plugin in this process, beside a call of the same code as a static async trait.

use std::path::Path;
use std::time::Instant;

use async_trait::async_trait;
use sportello_host::{Ask, Declared, Running, Spec};
use sportello_model::{Currency, Finality, Money, Order, OrderKind, Outcome, Party, PaymentId};
use sportello_sdk::frames::plugin_method;
use tokio::sync::oneshot;

use super::{Figure, Folder};
use crate::wire::Wire;

const CALLS: u32 = 200_000;
const ROUNDS: u32 = 5;

#[async_trait]
trait Static {
    async fn submit(&self, order: Order) -> Outcome;
}

struct Settles;

#[async_trait]
impl Static for Settles {
    async fn submit(&self, order: Order) -> Outcome {
        Outcome::Settled {
            amount: order.amount,
            reference: Some(order.key),
            finality: Finality::Final,
            fees: None,
            reversible_until_ms: None,
            valid_until_ms: None,
        }
    }
}

pub(super) fn order() -> Result<Order, String> {
    let party = |name: &str, account: &str| {
        let account = account.parse().map_err(|e: sportello_model::HandleError| e.to_string())?;
        Ok::<_, String>(Party { name: name.to_owned(), account, country: Some("IT".to_owned()) })
    };
    Ok(Order {
        key: "019ab2c3d4e57f008000000000000001-1".to_owned(),
        payment: PaymentId(1),
        kind: OrderKind::Transfer,
        amount: Money::new(2000, Currency::EUR).map_err(|e| e.to_string())?,
        debtor: party("Paolo Bianchi", "iban:IT60X0542811101000000123456")?,
        creditor: party("Anna Rossi", "iban:FR1420041010050500013M02606")?,
        memo: Some("the pizza".to_owned()),
        refers_to: None,
        made_at_ms: 1_700_000_000_000,
    })
}

/// The best of some rounds: whatever else the machine does only adds.
pub(super) async fn measure(plugins: &Path) -> Result<Figure, String> {
    let library = Folder::library(plugins, "hello-rail");
    let loaded = Declared::read(&library).and_then(Declared::load).map_err(|e| e.to_string())?;
    let running = loaded.open(Spec::new("bench", Wire::unconnected())).await.map_err(|e| e.to_string())?;
    let order = order()?;
    // On a worker of the runtime, and started as a gateway starts its work.
    let (tell, told) = oneshot::channel();
    sportello_host::spawn(async move {
        // Whoever has gone away hears nothing.
        let _ = tell.send(rounds(&running, &order).await);
    });
    let [call, plain] = told.await.map_err(|e| e.to_string())??;
    Ok(Figure::at_most("plugin-call", call, "µs", 2.0, Some(plain)))
}

async fn rounds(running: &Running, order: &Order) -> Result<[f64; 2], String> {
    let mut best = [f64::MAX; 2];
    for _ in 0..ROUNDS {
        let begun = Instant::now();
        for _ in 0..CALLS {
            // As the gateway itself submits an order.
            let asked = running.ask(Ask::new(plugin_method::SUBMIT, &order.to_json())).await;
            let outcome = asked.and_then(|answer| answer.read(Outcome::from_json)).map_err(|e| e.to_string())?;
            std::hint::black_box(outcome);
        }
        best[0] = best[0].min(each_us(begun));
        let plain: Box<dyn Static + Send + Sync> = Box::new(Settles);
        let begun = Instant::now();
        for _ in 0..CALLS {
            std::hint::black_box(plain.submit(std::hint::black_box(order.clone())).await);
        }
        best[1] = best[1].min(each_us(begun));
    }
    Ok(best)
}

fn each_us(begun: Instant) -> f64 {
    begun.elapsed().as_secs_f64() * 1e6 / f64::from(CALLS)
}
