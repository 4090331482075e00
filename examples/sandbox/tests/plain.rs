//! The bank's plain face: one transfer for each key, from the same books.
#![allow(
    unreachable_pub,
    dead_code,
    missing_docs,
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "tests may fail loudly, and use their shared module in part"
)]

mod world;

use serde_json::{Value, json};
use world::Sandbox;

const PAOLO: &str = "iban:IT60X0542811101000000123456";
const ANNA: &str = "iban:FR1420041010050500013M02606";

struct Bank {
    sandbox: Sandbox,
}

impl Bank {
    async fn order(&self, key: &str, body: Value) -> (u16, Value) {
        let request = self.sandbox.http.post(format!("{}/plain/transfers", self.sandbox.bank));
        let request = request.header("idempotency-key", key).bearer_auth("sandbox-bank-token").json(&body);
        let response = request.send().await.unwrap();
        (response.status().as_u16(), response.json().await.unwrap())
    }

    /// The same with the key in the address.
    async fn put(&self, key: &str, body: Value) -> (u16, Value) {
        let request = self.sandbox.http.put(format!("{}/plain/transfers/{key}", self.sandbox.bank));
        let response = request.bearer_auth("sandbox-bank-token").json(&body).send().await.unwrap();
        (response.status().as_u16(), response.json().await.unwrap())
    }

    async fn ask(&self, key: &str, token: &str) -> (u16, Value) {
        let request = self.sandbox.http.get(format!("{}/plain/transfers/{key}", self.sandbox.bank));
        let response = request.bearer_auth(token).send().await.unwrap();
        (response.status().as_u16(), response.json().await.unwrap())
    }

    async fn balance(&self, id: &str) -> i64 {
        let books = self.sandbox.http.get(format!("{}/sandbox/accounts", self.sandbox.bank));
        let books: Value = books.send().await.unwrap().json().await.unwrap();
        let accounts = books["accounts"].as_array().unwrap();
        let found = accounts.iter().find(|account| account["resource_id"] == id || account["iban"] == id);
        found.unwrap_or_else(|| panic!("{books}"))["balance"].as_i64().unwrap()
    }
}

fn transfer(amount_minor: i64) -> Value {
    json!({ "from": PAOLO, "to": ANNA, "amount_minor": amount_minor, "currency": "EUR", "memo": "pizza" })
}

#[tokio::test]
async fn a_key_is_one_transfer() {
    let bank = Bank { sandbox: Sandbox::start(&[]).await };
    let before = bank.balance("FR1420041010050500013M02606").await;
    let (status, first) = bank.order("k-1", transfer(2000)).await;
    assert_eq!((status, first["state"].as_str()), (201, Some("booked")));
    let (status, again) = bank.order("k-1", transfer(2000)).await;
    assert_eq!((status, &again), (200, &first));
    // However the key comes, it is the same.
    assert_eq!(bank.put("k-1", transfer(2000)).await, (200, first.clone()));
    assert_eq!(bank.ask("k-1", "sandbox-bank-token").await, (200, first));
    assert_eq!(bank.put("k-2", transfer(1)).await.0, 201);
    assert_eq!(bank.order("k-1", transfer(2001)).await.0, 409);
    assert_eq!(bank.balance("FR1420041010050500013M02606").await, before + 2001);
}

#[tokio::test]
async fn what_it_says_no_to() {
    let bank = Bank { sandbox: Sandbox::start(&[]).await };
    let (_, refused) = bank.order("k-13", transfer(1313)).await;
    assert_eq!((refused["state"].as_str(), refused["code"].as_str()), (Some("refused"), Some("AM04")));
    let (_, held) = bank.order("k-41", transfer(4141)).await;
    assert_eq!(held["state"], "pending");
    let check = async |key: &str, body: Value, expected: u16| {
        assert_eq!(bank.order(key, body.clone()).await.0, expected, "{key} {body}");
    };
    check("", transfer(1), 400).await;
    check("k 1", transfer(1), 400).await;
    check("k-0", transfer(0), 400).await;
    check("k-2", json!({ "from": PAOLO, "to": "iban:XX00", "amount_minor": 1, "currency": "EUR" }), 400).await;
    check("k-3", json!({ "from": ANNA, "to": PAOLO, "amount_minor": 1, "currency": "USD" }), 400).await;
    assert_eq!(bank.ask("k-9", "sandbox-bank-token").await.0, 404);
    assert_eq!(bank.ask("k-13", "another").await.0, 401);
}
