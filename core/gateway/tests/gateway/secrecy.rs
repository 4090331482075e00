//! Card numbers stand nowhere but in the vault: not in any file of the store, not in an answer, not in the log.

use std::path::Path;
use std::sync::{Arc, Mutex};

use serde_json::json;
use sportello_gateway::config::{Log, LogFormat, LogLevel};
use sportello_gateway::redact::Redactor;

use crate::counter::{World, start, was_seen};

#[derive(Clone, Default)]
struct Kept(Arc<Mutex<Vec<u8>>>);

impl std::io::Write for Kept {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }
    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

const PANS: [&str; 3] = ["4111111111111111", "5555555555554444", "4242424242424242"];

/// A PAN as people and programs write it.
fn spellings(pan: &str) -> Vec<Vec<u8>> {
    let grouped = |separator: &str| {
        let groups: Vec<&str> = (0..4).map(|at| &pan[at * 4..at * 4 + 4]).collect();
        groups.join(separator).into_bytes()
    };
    let bcd: Vec<u8> = (0..8).map(|at| u8::from_str_radix(&pan[at * 2..at * 2 + 2], 16).unwrap()).collect();
    vec![pan.as_bytes().to_vec(), grouped(" "), grouped("-"), bcd]
}

fn assert_clean(what: &str, bytes: &[u8]) {
    for pan in PANS {
        for spelling in spellings(pan) {
            assert!(!bytes.windows(spelling.len()).any(|window| window == spelling), "{pan} in {what}");
        }
    }
}

fn assert_folder_is_clean(folder: &Path) -> usize {
    let files = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    files.map(|file| assert_clean(&file.display().to_string(), &std::fs::read(&file).unwrap())).count()
}

/// Everything that the interface tells of the payments.
async fn everything(world: &World) -> Vec<u8> {
    let get = async |path: String| {
        let asked = world.http.get(format!("{}{path}", world.base)).bearer_auth("key-that-may-do-all");
        asked.send().await.unwrap().bytes().await.unwrap()
    };
    let list = get("/v1/payments?limit=100".to_owned()).await;
    let listed: serde_json::Value = serde_json::from_slice(&list).unwrap();
    let mut all = list.to_vec();
    for payment in listed["payments"].as_array().unwrap() {
        let id = payment["id"].as_str().unwrap();
        all.extend(get(format!("/v1/payments/{id}")).await);
        all.extend(get(format!("/v1/payments/{id}/events")).await);
    }
    for path in ["/v1/ledger", "/v1/instances"] {
        all.extend(get(path.to_owned()).await);
    }
    all
}

#[tokio::test(flavor = "multi_thread")]
async fn card_numbers_stand_nowhere_but_sealed() {
    let kept = Kept::default();
    let writer = kept.clone();
    let log = Log { format: LogFormat::Json, level: LogLevel::Trace };
    sportello_gateway::logging::start_on(log, Redactor::default(), move || writer.clone()).unwrap();
    let world = start().await;

    // Typed in where it belongs: paid with, and challenged.
    let paid = world.wish("chat:3001", "the pizza").await;
    let link = world.link("chat:3001", "/enrol/").await;
    world.post(&link, "way=card&number=4111111111111111&expiry=12%2F30&keep=yes").await;
    world.confirm("chat:3001", "the pizza").await;
    world.until(&paid, "completed").await;
    assert!(was_seen("Visa ••1111 4111111111111111"));
    let challenged = world.wish("chat:3002", "the pasta").await;
    let link = world.link("chat:3002", "/enrol/").await;
    world.post(&link, "way=card&number=5555+5555+5555+4444&expiry=12%2F30").await;
    world.confirm("chat:3002", "the pasta").await;
    world.get(&world.link("chat:3002", "/act/").await).await;
    // Typed in where it does not: into the wrong field, a memo, a message, a handle, an address.
    let id = world.wish("chat:3003", "my card is 4242 4242 4242 4242").await;
    let link = world.link("chat:3003", "/enrol/").await;
    world.post(&link, "way=card&number=x&expiry=12%2F30&holder=4242424242424242").await;
    world.post(&link, "way=account-iban&account=4242424242424242").await;
    world.get(&format!("{link}?pan=4242424242424242")).await;
    world.get("/enrol/4242424242424242").await;
    world.get("/v1/4242-4242-4242-4242").await;
    assert_eq!(world.say("chat:3001", "pay @anna 7 € for 4242-4242-4242-4242").await, 200);
    let refused =
        json!({"payer": "card:4242424242424242", "payee": "chat:1001", "amount": {"minor": 1, "currency": "EUR"}});
    let asked = world.http.post(format!("{}/v1/payments", world.base)).bearer_auth("key-that-may-do-all");
    let refused = asked.header("idempotency-key", "x").json(&refused).send().await.unwrap();
    assert_eq!(refused.status().as_u16(), 422);
    assert_clean("a refusal", &refused.bytes().await.unwrap());

    let told = everything(&world).await;
    let text = String::from_utf8_lossy(&told).into_owned();
    assert!(text.contains("[card]") && text.contains(&id) && text.contains(&challenged), "{text}");
    assert_clean("what the interface tells", &told);
    assert!(assert_folder_is_clean(world.folder.path()) >= 4);
    let World { folder, gateway, .. } = world;
    gateway.drain().await;
    assert!(assert_folder_is_clean(folder.path()) >= 4);
    let logged = kept.0.lock().unwrap().clone();
    let text = String::from_utf8_lossy(&logged).into_owned();
    assert!(text.contains("charging [redacted]"), "the rail tried: {text}");
    assert_clean("the log", &logged);
    assert!(!text.contains("/enrol/A"), "{text}");
}
