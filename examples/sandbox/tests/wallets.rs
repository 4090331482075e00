//! What both wallets have in common: the page of the phone, the roots, the switches.
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

/// The texts between quotes on the line of the page that lists them for a wallet, below a heading.
fn listed(page: &str, heading: &str, wallet: &str) -> Vec<String> {
    let list = page.split_once(&format!("const {heading} = {{")).unwrap().1;
    let line = list.lines().find(|line| line.trim_start().starts_with(&format!("{wallet}: ["))).unwrap();
    line.split('"').skip(1).step_by(2).map(str::to_owned).collect()
}

#[tokio::test]
async fn whatever_the_page_offers_can_be_minted() {
    let sandbox = Sandbox::start(&[]).await;
    let page = sandbox.http.get(&sandbox.wallets).send().await.unwrap();
    let policy = page.headers()["content-security-policy"].to_str().unwrap().to_owned();
    assert!(policy.contains("connect-src 'self'") && policy.contains("form-action *"), "{policy}");
    let page = page.text().await.unwrap();
    for (wallet, faults, fields) in [("apple", 11, 8), ("google", 6, 8)] {
        // So that there is something to replay.
        sandbox.on_wallets(&format!("{wallet}/token"), json!({ "amount_minor": 1, "currency": "EUR" })).await;
        let offered = |key: &str, names: Vec<String>| -> Vec<Value> {
            names.into_iter().map(|name| json!({ "amount_minor": 1, "currency": "KWD", key: name })).collect()
        };
        let (faulty, altered) = (listed(&page, "faults", wallet), listed(&page, "fields", wallet));
        assert_eq!((faulty.len(), altered.len()), (faults, fields));
        for mut ask in [offered("fault", faulty), offered("altered", altered)].concat() {
            if ask["altered"] == "wrappedKey" {
                ask["version"] = json!("RSA_v1");
            }
            sandbox.on_wallets(&format!("{wallet}/token"), ask).await;
        }
    }
}

#[tokio::test]
async fn the_roots_are_those_of_the_folder_of_keys() {
    let sandbox = Sandbox::start(&[]).await;
    let keys = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("keys");
    for (path, file) in [("apple/root.pem", "apple/root.pem"), ("google/keys.json", "google/root-keys.json")] {
        let served = sandbox.http.get(format!("{}/{path}", sandbox.wallets)).send().await.unwrap();
        assert_eq!(served.text().await.unwrap(), std::fs::read_to_string(keys.join(file)).unwrap());
    }
}

#[tokio::test]
async fn calls_are_disturbed_as_the_switches_say() {
    let sandbox = Sandbox::start(&["--wallet-fault", "lose_answers=1"]).await;
    let url = format!("{}/google/token", sandbox.wallets);
    let call = || sandbox.http.post(&url).json(&json!({ "amount_minor": 1, "currency": "EUR" })).send();
    assert!(call().await.is_err(), "the answer is lost");
    assert!(call().await.unwrap().status().is_success());
    sandbox.on_wallets("sandbox/faults", json!({ "lose_requests": 1 })).await;
    assert!(call().await.is_err(), "the request is lost");
    sandbox.on_wallets("sandbox/faults", json!({ "refuse_sessions": true })).await;
    let wrong = sandbox.control("POST", format!("{}/sandbox/faults", sandbox.wallets), json!({ "x": 1 })).await;
    assert_eq!((wrong.status, wrong.text.contains("unknown field `x`")), (400, true), "{}", wrong.text);
    let switches = sandbox.see(format!("{}/sandbox/faults", sandbox.wallets)).await;
    assert_eq!((&switches["refuse_sessions"], &switches["lose_requests"]), (&json!(true), &json!(0)));
    sandbox.on_wallets("sandbox/reset", json!({})).await;
    let switches = sandbox.see(format!("{}/sandbox/faults", sandbox.wallets)).await;
    assert_eq!((&switches["refuse_sessions"], &switches["lose_answers"]), (&json!(false), &json!(1)));
}
