//! A gateway that collects from cards, its people on X, and the acquirer's books: for the tests of what goes wrong
//! between them.
#![allow(
    dead_code,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "each test uses a part of it, and may fail loudly"
)]

pub(crate) mod browser;

use std::net::TcpListener;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use browser::Browser;

use crate::programs::{Program, built, deployment};

/// How long anything may take that a test waits for, and how long until it looks again.
const PATIENCE: Duration = Duration::from_secs(45);
const LOOK_EVERY: Duration = Duration::from_millis(25);

/// The card that marco gives.
pub(crate) const CARD: &str = "4111111111111111";

/// The programs, and whoever talks to them.
pub(crate) struct Till {
    folder: tempfile::TempDir,
    programs: PathBuf,
    sandbox: Program,
    gateway: Option<Program>,
    address: String,
    http: reqwest::Client,
    /// How many payments were asked for over HTTP.
    asked: AtomicU64,
}

impl Till {
    /// Starts all; an answer of the acquirer's is waited for one second.
    pub(crate) async fn start() -> Self {
        Self::start_with(|config| config).await
    }

    /// The same, with the deployment changed.
    pub(crate) async fn start_with(change: impl FnOnce(String) -> String) -> Self {
        let programs = built();
        let sandbox = Program::sandbox(&programs, &[]);
        let folder = tempfile::tempdir().unwrap();
        let file = deployment(folder.path(), &programs, &sandbox);
        // Links name the address: it must be known before.
        let address = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string();
        let config = std::fs::read_to_string(&file).unwrap();
        let config = config.replace("127.0.0.1:0", &address).replace("answer_within_s = 5", "answer_within_s = 1");
        std::fs::write(&file, change(config)).unwrap();
        // Refused only where another test was first.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let http = reqwest::Client::builder().no_proxy().build().unwrap();
        let mut till = Self { folder, programs, sandbox, gateway: None, address, http, asked: AtomicU64::new(0) };
        till.restart().await;
        till
    }

    /// Starts the gateway, after [`Till::kill`] with what it has stored by then.
    pub(crate) async fn restart(&mut self) {
        let file = self.folder.path().join("gateway.toml");
        let log = std::fs::File::options().append(true).create(true).open(self.folder.path().join("log")).unwrap();
        self.gateway = Some(Program::gateway_logging(&self.programs, &file, log.into()));
        let webhook = json!({ "url": format!("http://{}/in/twitter", self.address) });
        self.tell("x", "/sandbox/webhook", webhook).await;
        self.until("the webhook to be verified", async || {
            let deliveries = self.see("x", "/sandbox/deliveries").await;
            deliveries["webhook"]["verified"].as_bool().unwrap_or_default().then_some(())
        })
        .await;
    }

    /// `kill -9`.
    pub(crate) fn kill(&mut self) {
        self.gateway.take().unwrap().0.kill().unwrap();
    }

    fn url(&self, place: &str, path: &str) -> String {
        match place {
            "gateway" => format!("http://{}{path}", self.address),
            place => format!("{}{path}", self.sandbox.address(place)),
        }
    }

    pub(crate) async fn tell(&self, place: &str, path: &str, body: Value) -> Value {
        let answer = self.http.post(self.url(place, path)).json(&body).send().await.unwrap();
        let status = answer.status();
        let said = answer.text().await.unwrap();
        assert!(status.is_success(), "{path} {body}: {status} {said}");
        serde_json::from_str(&said).unwrap_or(Value::Null)
    }

    pub(crate) async fn see(&self, place: &str, path: &str) -> Value {
        let request = self.http.get(self.url(place, path)).bearer_auth("sandbox-api-key");
        request.send().await.unwrap().json().await.unwrap()
    }

    /// Asks for a payment of marco's to anna over HTTP, as confirmed. Answers it as it is by then.
    pub(crate) async fn pay(&self, minor: u64, prefer: &str) -> Value {
        self.pay_in("EUR", minor, prefer).await
    }

    async fn pay_in(&self, currency: &str, minor: u64, prefer: &str) -> Value {
        let body = json!({"payer": "twitter:1005", "payee": "twitter:1001", "confirmed": true,
            "amount": {"minor": minor, "currency": currency}});
        let request = self.http.post(self.url("gateway", "/v1/payments")).bearer_auth("sandbox-api-key");
        let request = request
            .header("idempotency-key", format!("\"{}\"", self.asked.fetch_add(1, Relaxed)))
            .header("prefer", prefer);
        request.json(&body).send().await.unwrap().json().await.unwrap()
    }

    /// The payment, once it is as `look` wants it.
    pub(crate) async fn payment(&self, payment: &Value, what: &str, look: impl Fn(&Value) -> bool) -> Value {
        let path = format!("/v1/payments/{}", payment["id"].as_str().unwrap_or_else(|| panic!("{payment}")));
        self.until(what, async || Some(self.see("gateway", &path).await).filter(|payment| look(payment))).await
    }

    /// Looks until there is something.
    pub(crate) async fn until<T>(&self, what: &str, mut look: impl AsyncFnMut() -> Option<T>) -> T {
        let begun = Instant::now();
        loop {
            if let Some(seen) = look().await {
                return seen;
            }
            if begun.elapsed() > PATIENCE {
                panic!("waited in vain for {what}\n{}", self.log());
            }
            tokio::time::sleep(LOOK_EVERY).await;
        }
    }

    /// What the acquirer does wrong from here on.
    pub(crate) async fn acquirer(&self, faults: Value) {
        self.tell("cards", "/control/faults", faults).await;
    }

    /// What was charged to a card in all, and what is held on it, in cents.
    pub(crate) async fn charged(&self, card: &str) -> (i64, i64) {
        let card = self.see("cards", &format!("/control/cards/{card}")).await;
        let minor = |part: &str| card[part]["EUR"].as_i64().unwrap_or(0);
        (minor("taken_minor"), minor("held_minor"))
    }

    /// The notes of the gateway's to somebody on X.
    pub(crate) async fn notes(&self, who: &str) -> Vec<String> {
        let thread = self.see("x", &format!("/sandbox/people/{who}/dms")).await;
        let all = thread["dms"].as_array().unwrap().iter();
        all.filter(|dm| dm["from"] == "sportello").map(|dm| dm["text"].as_str().unwrap().to_owned()).collect()
    }

    /// The newest note to somebody that says this, but for the first `after` ones.
    pub(crate) async fn hears(&self, who: &str, after: usize, what: &str) -> String {
        self.until(&format!("{who} to be told {what:?}"), async || {
            self.notes(who).await.into_iter().skip(after).find(|note| note.contains(what))
        })
        .await
    }

    /// marco writes that he pays anna, and gives his card by the link that he gets; he confirms, and the payment ends.
    pub(crate) async fn give_card(&self) {
        let wish = json!({ "as": "marco", "text": "@sportello pay @anna 9.99 EUR for the card" });
        self.tell("x", "/sandbox/posts", wish).await;
        let note = self.hears("marco", 0, "/enrol/").await;
        let link = note.split_whitespace().find(|word| word.starts_with("http")).unwrap();
        let form = format!("way=card&number={CARD}&expiry=12%2F30&holder=Marco&keep=yes");
        let request = self.http.post(link).header("content-type", "application/x-www-form-urlencoded");
        let status = request.body(form).send().await.unwrap().status();
        assert_eq!(status, 200);
        let asked = self.hears("marco", 1, "9.99 EUR").await;
        let code = asked.split(|c: char| !c.is_ascii_digit()).find(|word| word.len() == 6).unwrap().to_owned();
        self.tell("x", "/sandbox/dms", json!({ "as": "marco", "text": code })).await;
        self.hears("marco", 2, "Done").await;
    }

    /// A payment of marco's to anna, and the link by which he says what he pays with.
    pub(crate) async fn asks(&self, currency: &str, minor: u64) -> (Value, String) {
        let told = self.notes("marco").await.len();
        let payment = self.pay_in(currency, minor, "respond-async").await;
        (payment, link(&self.hears("marco", told, "/enrol/").await))
    }

    /// marco types in a card, for this payment alone, and answers with the code that he is asked for.
    pub(crate) async fn types_in(&self, link: &str, card: &str) {
        let told = self.notes("marco").await.len();
        let form = [("way", "card"), ("number", card), ("expiry", "12/30")];
        assert_eq!(Browser::new().post(link, &form).await.status, 200);
        self.confirms(told).await;
    }

    /// marco answers with the code of the first note after so many.
    pub(crate) async fn confirms(&self, told: usize) {
        let asked = self.hears("marco", told, "code").await;
        let code = asked.split(|c: char| !c.is_ascii_digit()).find(|word| word.len() == 6).unwrap().to_owned();
        self.tell("x", "/sandbox/dms", json!({ "as": "marco", "text": code })).await;
    }

    /// A token of a wallet's, `apple` or `google`.
    pub(crate) async fn token(&self, wallet: &str, minor: u64, more: &Value) -> String {
        let mut wish = json!({ "amount_minor": minor, "currency": "EUR" });
        wish.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        self.tell("wallets", &format!("/{wallet}/token"), wish).await.to_string()
    }

    /// Every file of the gateway's, its log among them, has none of these in it.
    pub(crate) fn stores_none_of(&self, secrets: &[&str]) {
        let mut folders = vec![self.folder.path().to_path_buf()];
        let mut files = 0;
        while let Some(folder) = folders.pop() {
            for entry in std::fs::read_dir(folder).unwrap() {
                let path = entry.unwrap().path();
                if path.is_dir() {
                    folders.push(path);
                    continue;
                }
                files += 1;
                let held = std::fs::read(&path).unwrap();
                for secret in secrets {
                    let is_there = held.windows(secret.len()).any(|bytes| bytes == secret.as_bytes());
                    assert!(!is_there, "{secret} stands in {}", path.display());
                }
            }
        }
        assert!(files > 3, "the store and the log are among them");
    }

    pub(crate) fn log(&self) -> String {
        std::fs::read_to_string(self.folder.path().join("log")).unwrap_or_default()
    }
}

/// The link in a note.
pub(crate) fn link(note: &str) -> String {
    let word = note.split_whitespace().find(|word| word.starts_with("http")).unwrap();
    word.trim_end_matches(['.', ',', ')']).to_owned()
}
