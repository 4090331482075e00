#![allow(clippy::unwrap_used, clippy::print_stdout, missing_docs)]
use bytes::Bytes;
use sportello_host::*;
use sportello_sdk::frames::StorePutDone;
use sportello_sdk::*;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};
struct W(AtomicU64);
#[async_trait]
impl Services for W {
    fn now_ms(&self) -> u64 {
        std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_millis() as u64
    }
    fn random(&self) -> u64 {
        self.0.fetch_add(0x9e37_79b9_7f4a_7c15, Ordering::Relaxed)
    }
    async fn message(&self, _: &str, _: Message) -> Result<Accepted, Failure> {
        Ok(Accepted { fresh: true })
    }
    async fn report(&self, _: &str, _: Report) -> Result<(), Failure> {
        Ok(())
    }
    async fn store_get(&self, _: &str, _: &str) -> Result<(u64, Bytes), Failure> {
        Ok((0, Bytes::new()))
    }
    async fn store_put(&self, _: &str, _: &str, _: u64, _: Bytes) -> Result<StorePutDone, Failure> {
        Ok(StorePutDone { stored: true, version: 1 })
    }
}
struct R;
settings! { pub struct S {} }
#[async_trait]
impl Rail for R {
    type Settings = S;
    async fn open(_: S, _: &Host) -> Result<Self, Failure> {
        Ok(Self)
    }
    async fn submit(&self, order: Order, _: &Host) -> Result<Outcome, Failure> {
        Ok(Outcome::Settled {
            amount: order.amount,
            reference: Some(order.key),
            finality: Finality::Final,
            fees: None,
            reversible_until_ms: None,
            valid_until_ms: None,
        })
    }
}
#[tokio::main(flavor = "multi_thread", worker_threads = 2)]
async fn main() {
    let path = std::env::args().nth(1);
    let loaded = match path {
        Some(path) => {
            let t = Instant::now();
            let d = Declared::read(path).unwrap();
            println!("read {:?}", t.elapsed());
            let t = Instant::now();
            let l = d.load().unwrap();
            println!("load {:?}", t.elapsed());
            l
        }
        None => Loaded::built_in(
            serde_json::from_str(
                r#"{"name":"r","kind":"rail","version":"1","contract":"1.0","rail":{"accounts":["iban"],"orders":{}}}"#,
            )
            .unwrap(),
            dispatch::rail::<R>,
        ),
    };
    let running = loaded.open(Spec::new("r", Arc::new(W(AtomicU64::new(1))))).await.unwrap();
    let order: Order = serde_json::from_str(r#"{"key":"0123456789abcdef0123456789abcdef","payment":"0190f5fe7c007a00a3f1c0ffee000001","kind":"transfer","amount":{"minor":2000,"currency":"EUR"},"debtor":{"name":"Paolo Rossi","account":"iban:IT60X0542811101000000123456"},"creditor":{"name":"Anna Bianchi","account":"iban:IT60X0542811101000000654321"},"memo":"for the pizza","made_at_ms":1700000000000}"#).unwrap();
    tokio::spawn(async move {
        for round in 0..6 {
            let n = 200_000u32;
            let t = Instant::now();
            for _ in 0..n {
                let a = running.call("submit", &order).await.unwrap();
                let o: Outcome = a.decode().unwrap();
                std::hint::black_box(o);
            }
            println!("{round}: {} ns a call", t.elapsed().as_nanos() / u128::from(n));
        }
        let n = 500_000u32;
        let t = Instant::now();
        for _ in 0..n {
            let f = serde_json::to_vec(&order).unwrap();
            let o: Order = serde_json::from_slice(&f).unwrap();
            std::hint::black_box(o);
        }
        println!("encode+decode order: {} ns", t.elapsed().as_nanos() / u128::from(n));
        let t = Instant::now();
        for _ in 0..n {
            let _ = tokio::time::timeout(
                Duration::from_secs(10),
                tokio::spawn(async {
                    tokio::task::yield_now();
                    1
                }),
            )
            .await;
        }
        println!("bare timeout(spawn): {} ns", t.elapsed().as_nanos() / u128::from(n));
        println!("{:?}", running.stats().latency(50.0));
        running.drain(Duration::from_secs(1)).await.close().await.unwrap();
    })
    .await
    .unwrap();
}
