//! A gateway whose people pay by card and wallet: rails that see card numbers, a channel that keeps its notes, and browsers.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{LazyLock, Mutex};

use hmac::{Hmac, KeyInit, Mac};
use reqwest::{Client, Method, Response};
use serde_json::{Value, json};
use sha2::Sha256;
use sportello_gateway::plugins::Plugins;
use sportello_gateway::{Gateway, RunningGateway};
use sportello_host::Loaded;
use sportello_sdk::{
    Card, Channel, Failure, Finality, Host, Note, Order, Outcome, PagePurpose, PageReply, PageRequest, Rail, Report,
    Sent, async_trait, dispatch, settings,
};
use tempfile::TempDir;

use crate::world::prepare_with;

settings! {
    /// Settings of the plugins here.
    pub(crate) struct NoSettings {}
}

/// Every note that was sent, by whom it was sent to.
static NOTES: LazyLock<Mutex<Vec<Note>>> = LazyLock::new(Mutex::default);

/// What rails saw, so that a test knows that they did.
static SEEN: LazyLock<Mutex<Vec<String>>> = LazyLock::new(Mutex::default);

struct Letters;

#[async_trait]
impl Channel for Letters {
    type Settings = NoSettings;
    async fn open(_: NoSettings, _: &Host) -> Result<Self, Failure> {
        Ok(Self)
    }
    async fn send(&self, note: Note, _: &Host) -> Result<Sent, Failure> {
        NOTES.lock().unwrap().push(note);
        Ok(Sent::default())
    }
    async fn webhook(
        &self,
        request: sportello_sdk::WebhookRequest,
        host: &Host,
    ) -> Result<sportello_sdk::WebhookReply, Failure> {
        let message: sportello_sdk::Message =
            serde_json::from_slice(&request.body).map_err(|error| Failure::input("bad", error.to_string()))?;
        host.message(&message).await?;
        Ok(sportello_sdk::WebhookReply::ok())
    }
}

fn settled(order: &Order) -> Outcome {
    Outcome::Settled {
        amount: order.amount,
        reference: Some(format!("R-{}", order.key)),
        finality: Finality::Final,
        fees: None,
        reversible_until_ms: None,
        valid_until_ms: None,
    }
}

struct Bank;

#[async_trait]
impl Rail for Bank {
    type Settings = NoSettings;
    async fn open(_: NoSettings, _: &Host) -> Result<Self, Failure> {
        Ok(Self)
    }
    async fn submit(&self, order: Order, _: &Host) -> Result<Outcome, Failure> {
        Ok(settled(&order))
    }
}

/// Charges cards; those of Mastercard once their owner has pressed the button on its page.
struct Cards;

#[async_trait]
impl Rail for Cards {
    type Settings = NoSettings;
    async fn open(_: NoSettings, _: &Host) -> Result<Self, Failure> {
        Ok(Self)
    }
    async fn submit(&self, order: Order, host: &Host) -> Result<Outcome, Failure> {
        let held = host.instrument(&order.debtor.account).await?;
        let card: Card = serde_json::from_slice(&held.secret).map_err(|_| Failure::input("bad", "this is no card"))?;
        SEEN.lock().unwrap().push(format!("{} {}", held.facts.label, card.pan));
        let done = format!("done-{}", order.key);
        if card.pan.starts_with('5') && host.load(&done).await?.0 == 0 {
            let until_ms = host.now_ms() + 600_000;
            let url = host.page_link(&order.key, until_ms).await?;
            return Ok(Outcome::ActionRequired { url, until_ms: Some(until_ms), reference: None });
        }
        // A plugin that logs what it must not.
        host.log(sportello_sdk::Level::Info, format!("charging {} of {}", card.pan, order.amount));
        Ok(settled(&order))
    }
    async fn page(&self, request: PageRequest, host: &Host) -> Result<PageReply, Failure> {
        let PagePurpose::Act { order } = request.head.purpose else {
            return Err(Failure::input("no", "there is no such page"));
        };
        if request.head.method == "POST" && request.head.path == "/back" {
            host.save(&format!("done-{}", order.key), 0, "yes").await?;
            host.report(&Report { key: order.key.clone(), outcome: Outcome::Proceed }).await?;
            return Ok(PageReply::html("<p>Well done"));
        }
        let told = json!({"ip": request.head.remote_ip, "language": request.head.language, "url": request.head.url});
        let mut reply = PageReply::html(format!("<script>go()</script><p>{told}"));
        reply.head.forms.push("https://acs.example".to_owned());
        Ok(reply)
    }
}

/// Takes what begins with `token:`, and charges it.
struct Wallet;

#[async_trait]
impl Rail for Wallet {
    type Settings = NoSettings;
    async fn open(_: NoSettings, _: &Host) -> Result<Self, Failure> {
        Ok(Self)
    }
    async fn submit(&self, order: Order, host: &Host) -> Result<Outcome, Failure> {
        let held = host.instrument(&order.debtor.account).await?;
        assert_eq!(held.facts.payment, Some(order.payment));
        SEEN.lock().unwrap().push(format!("{} {}", held.facts.label, String::from_utf8_lossy(&held.secret)));
        host.vault_remove(order.debtor.account.as_str()).await?;
        Ok(settled(&order))
    }
    async fn page(&self, request: PageRequest, _: &Host) -> Result<PageReply, Failure> {
        match request.head.purpose {
            PagePurpose::HandOver { payee, .. } if request.head.method == "GET" => Ok(PageReply::html(payee)),
            PagePurpose::HandOver { .. } if request.body.starts_with(b"token:") => {
                Ok(PageReply::hand_over("Visa ••3478", request.body))
            }
            PagePurpose::HandOver { .. } => Ok(PageReply::of(400, "text/html", "<p>That is no token")),
            _ => Err(Failure::input("no", "there is no such page")),
        }
    }
}

fn plugins() -> Plugins {
    let idempotent = json!({"doubt": "idempotent", "for_ms": 86_400_000});
    let rail = |name: &str, accounts: &str, pan: bool, orders: &[&str], hand_over: Value| {
        let orders: serde_json::Map<_, _> =
            orders.iter().map(|kind| ((*kind).to_owned(), idempotent.clone())).collect();
        serde_json::from_value(json!({"name": name, "kind": "rail", "version": "1.0.0", "contract": "1.2", "pan": pan,
            "rail": {"accounts": [accounts], "orders": orders, "hand_over": hand_over}}))
        .unwrap()
    };
    let channel = json!({"name": "letters", "kind": "channel", "version": "1.0.0", "contract": "1.0",
        "secrets": ["key"], "webhook": {"signature": {"scheme": "hmac", "hash": "sha256", "header": "x-signature",
            "encoding": "hex", "secret": "key"}},
        "channel": {"scheme": "chat", "message_ids": "strong", "senders": "strong"}});
    let page = json!({"by": "page", "label": "A wallet"});
    Plugins::BuiltIn(vec![
        Loaded::built_in(serde_json::from_value(channel).unwrap(), dispatch::channel::<Letters>),
        Loaded::built_in(rail("bank", "iban", false, &["transfer", "pay_out"], Value::Null), dispatch::rail::<Bank>),
        Loaded::built_in(rail("cards", "card", true, &["collect"], json!({"by": "card"})), dispatch::rail::<Cards>),
        Loaded::built_in(rail("wallet", "token", true, &["collect"], page), dispatch::rail::<Wallet>),
    ])
}

pub(crate) const CONFIG: &str = r#"
[gateway]
isolation = "in-process"
listen = "127.0.0.1:0"
store = "sqlite:store.db"
plugins = ["none"]
key = { file = "key" }
public_url = "https://pay.example"
client_ip_header = "x-forwarded-for"

[vault]
key = { file = "vault.key" }

[house]
name = "Sportello"
account = "iban:DE89370400440532013000"

[policy]
enrolment = true

[[keys]]
name = "all"
secret = "key-that-may-do-all"
scopes = ["payments:read", "payments:write", "payments:confirmed"]

[[profiles]]
name = "Anna <Rossi>"
handles = ["chat:1001", "chat:@anna"]
account = "iban:FR1420041010050500013M02606"

[[profiles]]
name = "Paolo Bianchi"
handles = ["chat:1002"]
language = "it"

[channels.letters]
plugin = "letters"
[channels.letters.settings]
key = "webhook-secret-of-the-test"

[rails.cards]
plugin = "cards"
grants = ["pan"]

[rails.wallet]
plugin = "wallet"
grants = ["pan"]

[rails.bank]
plugin = "bank"

[[routes]]
name = "all"
collect = ["cards", "wallet"]
payout = ["bank"]

[[routes]]
name = "accounts"
transfer = ["bank"]
"#;

/// Such a gateway, and a browser.
pub(crate) struct World {
    pub(crate) folder: TempDir,
    pub(crate) gateway: RunningGateway,
    pub(crate) http: Client,
    pub(crate) base: String,
}

/// What a browser is shown.
pub(crate) struct Shown {
    pub(crate) status: u16,
    pub(crate) headers: http::HeaderMap,
    pub(crate) page: String,
}

pub(crate) async fn start() -> World {
    start_in(tempfile::tempdir().unwrap()).await
}

pub(crate) async fn start_in(folder: TempDir) -> World {
    let deployment = prepare(folder.path(), CONFIG).await.unwrap();
    let gateway = Gateway::start(deployment).await.unwrap();
    let _ = rustls::crypto::ring::default_provider().install_default();
    let http = Client::builder().no_proxy().build().unwrap();
    let base = format!("http://{}", gateway.address());
    World { folder, gateway, http, base }
}

pub(crate) async fn prepare(
    folder: &std::path::Path,
    config: &str,
) -> Result<sportello_gateway::plugins::Deployment, Vec<String>> {
    prepare_with(folder, config, plugins()).await
}

/// Whether a rail saw this.
pub(crate) fn was_seen(what: &str) -> bool {
    SEEN.lock().unwrap().iter().any(|seen| seen == what)
}

impl World {
    /// Makes a payment from `payer`, which waits for an account; answers with its id.
    pub(crate) async fn wish(&self, payer: &str, memo: &str) -> String {
        self.wish_for(payer, "chat:1001", memo).await
    }

    /// The same for somebody else.
    pub(crate) async fn wish_for(&self, payer: &str, payee: &str, memo: &str) -> String {
        let body = json!({"payer": payer, "payee": payee, "amount": {"minor": 2000, "currency": "EUR"},
            "memo": memo, "confirmed": true});
        let key = format!("{payer}-{memo}").replace(|c: char| !c.is_ascii_alphanumeric(), "-");
        let asked = self.http.request(Method::POST, format!("{}/v1/payments", self.base));
        let asked = asked.bearer_auth("key-that-may-do-all").header("idempotency-key", key).json(&body);
        let made: Value = asked.send().await.unwrap().json().await.unwrap();
        assert_eq!(made["state"], "awaiting_enrolment", "{made}");
        made["id"].as_str().unwrap().to_owned()
    }

    /// The payment.
    pub(crate) async fn payment(&self, id: &str) -> Value {
        let asked = self.http.get(format!("{}/v1/payments/{id}", self.base)).bearer_auth("key-that-may-do-all");
        asked.send().await.unwrap().json().await.unwrap()
    }

    /// Waits until the payment stands there.
    pub(crate) async fn until(&self, id: &str, state: &str) {
        let began = std::time::Instant::now();
        loop {
            let payment = self.payment(id).await;
            if payment["state"] == state {
                return;
            }
            assert!(began.elapsed().as_secs() < 20, "{payment}");
        }
    }

    /// The path of the last link that `person` was sent which holds `part`.
    pub(crate) async fn link(&self, person: &str, part: &str) -> String {
        let began = std::time::Instant::now();
        loop {
            let notes = NOTES.lock().unwrap().clone();
            let of_person = notes.iter().rev().filter(|note| note.to.as_str() == person && note.private);
            let words = of_person.flat_map(|note| note.text.split_whitespace());
            let mut links = words.filter_map(|word| word.strip_prefix("https://pay.example"));
            if let Some(link) = links.find(|link| link.starts_with(part)) {
                return link.trim_end_matches(['.', ',']).to_owned();
            }
            assert!(began.elapsed().as_secs() < 20, "{notes:?}");
            tokio::task::yield_now().await;
        }
    }

    /// Answers with the code that `person` was sent about a payment that has `about` in its note.
    pub(crate) async fn confirm(&self, person: &str, about: &str) {
        let began = std::time::Instant::now();
        let code = loop {
            let notes = NOTES.lock().unwrap().clone();
            let of_person = notes.iter().rev().filter(|note| note.to.as_str() == person && note.text.contains(about));
            let mut words = of_person.flat_map(|note| note.text.split(|c: char| !c.is_ascii_digit()));
            match words.find(|word| word.len() == 6) {
                Some(code) => break code.to_owned(),
                None => assert!(began.elapsed().as_secs() < 20, "{notes:?}"),
            }
            tokio::task::yield_now().await;
        };
        assert_eq!(self.say(person, &code).await, 200);
    }

    /// Has `person` write something on the channel.
    pub(crate) async fn say(&self, person: &str, text: &str) -> u16 {
        static SAID: AtomicU64 = AtomicU64::new(0);
        let id = SAID.fetch_add(1, Ordering::SeqCst).to_string();
        let message = json!({"id": id, "from": person, "text": text, "private": true,
            "mentions": [{"name": "chat:@anna", "handle": "chat:1001"}]})
        .to_string();
        let mac = Hmac::<Sha256>::new_from_slice(b"webhook-secret-of-the-test").unwrap().chain_update(&message);
        let signed: String = mac.finalize().into_bytes().iter().map(|byte| format!("{byte:02x}")).collect();
        let delivered = self.http.post(format!("{}/in/letters", self.base)).header("x-signature", signed);
        delivered.body(message).send().await.unwrap().status().as_u16()
    }

    pub(crate) async fn get(&self, path: &str) -> Shown {
        shown(self.http.get(format!("{}{path}", self.base)).send().await.unwrap()).await
    }

    pub(crate) async fn post(&self, path: &str, body: &str) -> Shown {
        let asked = self.http.post(format!("{}{path}", self.base));
        let asked = asked.header("content-type", "application/x-www-form-urlencoded").body(body.to_owned());
        shown(asked.send().await.unwrap()).await
    }
}

pub(crate) async fn shown(response: Response) -> Shown {
    let (status, headers) = (response.status().as_u16(), response.headers().clone());
    Shown { status, headers, page: response.text().await.unwrap() }
}
