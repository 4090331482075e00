//! A gateway and the sandbox's people, for the tests of what goes wrong between them.
#![allow(
    dead_code,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "each test uses a part of it, and may fail loudly"
)]

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::process::Command;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::programs::{Program, built};

/// How long anything may take that a test waits for, and how long until it looks again.
const PATIENCE: Duration = Duration::from_secs(45);
const LOOK_EVERY: Duration = Duration::from_millis(25);

/// What may stand in no log, whatever happens.
const SECRETS: [&str; 8] = [
    "sandbox-app-secret",
    "sandbox-page-token",
    "sandbox-verify-token",
    "sandbox-bank-token",
    "smsc-pw",
    "IT60X0542811101000000123456",
    "393331234567",
    "33612345678",
];

/// Anna, who is paid.
pub(crate) const ANNA: &str = "+33612345678";

/// Somebody of the crowd: they have telephones and nothing else, as the numbers of the SMSC's own load.
pub(crate) fn one_of_the_crowd(number: usize) -> String {
    format!("+39333{:07}", number)
}

/// The programs, and whoever talks to them.
pub(crate) struct World {
    folder: tempfile::TempDir,
    programs: PathBuf,
    pub(crate) sandbox: Program,
    gateway: Option<Program>,
    http: reqwest::Client,
    posts: AtomicUsize,
}

impl World {
    /// Starts all. `sms` is added to that channel's settings, and `crowd` people have telephones beside paolo and anna.
    pub(crate) async fn start(sms: &str, crowd: usize) -> Self {
        let programs = built();
        let sandbox = Program::sandbox(&programs, &[]);
        let folder = tempfile::tempdir().unwrap();
        let text = config(&programs.display().to_string(), &sandbox, sms, crowd);
        std::fs::write(folder.path().join("gateway.toml"), text).unwrap();
        // Refused only where another test was first.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let http = reqwest::Client::builder().no_proxy().build().unwrap();
        let mut world = Self { folder, programs, sandbox, gateway: None, http, posts: AtomicUsize::new(0) };
        world.restart().await;
        world
    }

    /// Starts the gateway, after [`World::kill`] with what it has stored by then, and waits until it is bound.
    pub(crate) async fn restart(&mut self) {
        let file = self.folder.path().join("gateway.toml");
        let log = std::fs::File::options().append(true).create(true).open(self.log_file()).unwrap();
        self.gateway = Some(Program::gateway_logging(&self.programs, &file, log.into()));
        let webhook = json!({ "url": format!("{}/in/messenger", self.place("gateway")) });
        self.post("messenger", "/sandbox/webhook", webhook).await;
        self.bound().await;
    }

    /// `kill -9`.
    pub(crate) fn kill(&mut self) {
        self.gateway.take().unwrap().0.kill().unwrap();
    }

    fn place(&self, place: &str) -> String {
        match place {
            "gateway" => self.gateway.as_ref().unwrap().address("listening"),
            place => self.sandbox.address(place),
        }
    }

    pub(crate) async fn post(&self, place: &str, path: &str, body: Value) -> Value {
        let request = self.http.post(format!("{}{path}", self.place(place))).json(&body);
        let request = request.header("idempotency-key", format!("\"{}\"", self.posts.fetch_add(1, Ordering::Relaxed)));
        let answer = request.bearer_auth("a-key-for-a-test-and-nothing-else").send().await.unwrap();
        let status = answer.status();
        let said = answer.text().await.unwrap();
        assert!(status.is_success(), "{path} {body}: {status} {said}");
        serde_json::from_str(&said).unwrap_or(Value::Null)
    }

    pub(crate) async fn get(&self, place: &str, path: &str) -> Value {
        let request = self.http.get(format!("{}{path}", self.place(place)));
        let answer = request.bearer_auth("a-key-for-a-test-and-nothing-else").send().await.unwrap();
        answer.json().await.unwrap()
    }

    /// Looks until there is something.
    pub(crate) async fn until<T>(&self, what: &str, mut look: impl AsyncFnMut() -> Option<T>) -> T {
        let begun = Instant::now();
        loop {
            if let Some(seen) = look().await {
                return seen;
            }
            if begun.elapsed() > PATIENCE {
                panic!(
                    "waited in vain for {what}\n{}\n{}",
                    self.get("phones", "/sandbox/smsc").await["counters"],
                    self.log()
                );
            }
            tokio::time::sleep(LOOK_EVERY).await;
        }
    }

    /// How often each thing happened at the SMSC.
    pub(crate) async fn count(&self, counter: &str) -> u64 {
        self.get("phones", "/sandbox/smsc").await["counters"][counter].as_u64().expect(counter)
    }

    pub(crate) async fn smsc(&self, faults: Value) {
        self.post("phones", "/sandbox/faults", faults).await;
    }

    pub(crate) async fn platform(&self, faults: Value) {
        self.post("messenger", "/sandbox/faults", faults).await;
    }

    /// Waits for a link to the SMSC.
    pub(crate) async fn bound(&self) {
        self.until("a link", async || {
            let smsc = self.get("phones", "/sandbox/smsc").await;
            smsc["links"].as_array().unwrap().iter().any(|link| !link["bound"].is_null()).then_some(())
        })
        .await;
    }

    /// Waits until the SMSC has nothing left to deliver, and all of it is answered.
    pub(crate) async fn delivered(&self) {
        self.until("the SMSC to be rid of all", async || {
            let smsc = self.get("phones", "/sandbox/smsc").await;
            let links = smsc["links"].as_array().unwrap().iter();
            let unanswered: u64 = links.map(|link| link["unanswered"].as_u64().unwrap()).sum();
            let c = |key: &str| smsc["counters"][key].as_u64().unwrap();
            let open = c("delivered") - c("acked") - c("deferred") - c("rejected") - c("unacked");
            (smsc["waiting"] == 0 && unanswered == 0 && open == 0).then_some(())
        })
        .await;
    }

    /// Somebody writes an SMS: `who` is a name, or a number with its plus.
    pub(crate) async fn texts(&self, who: &str, text: &str) {
        self.texts_as(who, text, json!({})).await;
    }

    /// The same, with more said of how.
    pub(crate) async fn texts_as(&self, who: &str, text: &str, how: Value) -> Value {
        let mut body = how;
        body[if who.starts_with('+') { "from" } else { "as" }] = who.into();
        body["text"] = text.into();
        self.post("phones", "/sandbox/sms", body).await
    }

    /// What somebody read on their phone from the gateway.
    pub(crate) async fn read_on_phone(&self, who: &str) -> Vec<String> {
        let phone = self.get("phones", &format!("/sandbox/phones/{who}")).await;
        let texts = phone["texts"].as_array().unwrap().iter();
        texts.filter(|text| text["from"] == "40404").map(|text| text["text"].as_str().unwrap().to_owned()).collect()
    }

    /// What somebody read in the chat from the page.
    pub(crate) async fn read_in_chat(&self, who: &str) -> Vec<String> {
        let thread = self.get("messenger", &format!("/sandbox/people/{who}/thread")).await;
        let messages = thread["messages"].as_array().unwrap().iter();
        let page = messages.filter(|message| message["from"] != who);
        page.map(|message| message["text"].as_str().unwrap_or_default().to_owned()).collect()
    }

    /// Waits for an SMS in which all of these stand.
    pub(crate) async fn hears(&self, who: &str, words: &[&str]) -> String {
        self.until(&format!("{words:?} on the phone of {who}"), async || {
            self.read_on_phone(who).await.into_iter().find(|text| words.iter().all(|word| text.contains(word)))
        })
        .await
    }

    /// Waits for a message in the chat in which all of these stand.
    pub(crate) async fn hears_in_chat(&self, who: &str, words: &[&str]) -> String {
        self.until(&format!("{words:?} in the chat of {who}"), async || {
            self.read_in_chat(who).await.into_iter().find(|text| words.iter().all(|word| text.contains(word)))
        })
        .await
    }

    /// Somebody whose number is proven pays anna by SMS, from the wish to its end.
    pub(crate) async fn pays(&self, who: &str, amount: &str) {
        self.texts(who, &format!("pay {ANNA} {amount} EUR for the pizza")).await;
        let asked = self.hears(who, &["To pay", amount]).await;
        self.confirms(who, &asked, amount).await;
    }

    /// Answers with the code in `asked`, and waits until it is paid.
    pub(crate) async fn confirms(&self, who: &str, asked: &str, amount: &str) {
        self.texts(who, &code_in(asked)).await;
        self.hears(who, &["Done", amount]).await;
    }

    /// The payments of this amount, the newest first.
    pub(crate) async fn payments_of(&self, amount: &str) -> Vec<Value> {
        let cents: u64 = amount.replace('.', "").parse().unwrap();
        let all = self.payments().await;
        all.into_iter().filter(|payment| payment["amount"]["minor"] == cents).collect()
    }

    /// All payments, the newest first.
    pub(crate) async fn payments(&self) -> Vec<Value> {
        let (mut all, mut path) = (Vec::new(), "/v1/payments?limit=100".to_owned());
        loop {
            let page = self.get("gateway", &path).await;
            all.extend(page["payments"].as_array().unwrap_or_else(|| panic!("{page}")).iter().cloned());
            let Some(cursor) = page["next_cursor"].as_str() else { return all };
            path = format!("/v1/payments?limit=100&cursor={cursor}");
        }
    }

    /// What happened to a payment, as the journal has it.
    pub(crate) async fn journal(&self, payment: &Value) -> String {
        self.get("gateway", &format!("/v1/payments/{}/events", payment["id"].as_str().unwrap())).await.to_string()
    }

    /// How often the bank moved each amount, in cents.
    pub(crate) async fn moved(&self) -> BTreeMap<u64, usize> {
        let seen = self.get("bank", "/sandbox/payments").await;
        let mut moved = BTreeMap::new();
        for payment in seen["payments"].as_array().unwrap() {
            *moved.entry(payment["amount"].as_u64().unwrap()).or_default() += 1;
        }
        moved
    }

    /// The bank moved each of these once, and nothing else.
    pub(crate) async fn moved_once(&self, amounts: &[&str]) {
        let expected: BTreeMap<u64, usize> = amounts.iter().map(|a| (a.replace('.', "").parse().unwrap(), 1)).collect();
        assert_eq!(self.moved().await, expected);
    }

    fn log_file(&self) -> PathBuf {
        self.folder.path().join("gateway.log")
    }

    pub(crate) fn log(&self) -> String {
        std::fs::read_to_string(self.log_file()).unwrap()
    }

    /// Nothing of what was said, and no secret, stands in the log: of the notes to these people, not their codes.
    pub(crate) async fn told_nobody(&self, people: &[&str]) {
        let log = self.log();
        // A line begins with its time, in which six digits stand as well.
        let lines = || log.lines().filter_map(|line| line.split_once(' '));
        for secret in SECRETS {
            assert!(!log.contains(secret), "{secret} stands in the log");
        }
        let mut codes = BTreeSet::new();
        for who in people {
            let mut notes = self.read_on_phone(who).await;
            if !who.starts_with('+') {
                notes.extend(self.read_in_chat(who).await);
            }
            codes.extend(notes.iter().flat_map(|note| all_codes(note)));
        }
        assert!(!codes.is_empty());
        for word in lines().flat_map(|(_, line)| line.split(|c: char| !c.is_ascii_alphanumeric())) {
            assert!(!codes.contains(word), "the code {word} stands in the log");
            assert!(!word.starts_with("39333"), "the number {word} stands in the log");
        }
    }
}

/// The words of six digits.
fn all_codes(note: &str) -> Vec<String> {
    let words = note.split(|c: char| !c.is_ascii_digit());
    words.filter(|word| word.len() == 6).map(str::to_owned).collect()
}

/// The code in a note.
pub(crate) fn code_in(note: &str) -> String {
    all_codes(note).into_iter().next().expect(note)
}

fn config(programs: &str, sandbox: &Program, sms: &str, crowd: usize) -> String {
    let (smsc, messenger, bank) = (sandbox.address("smsc"), sandbox.address("messenger"), sandbox.address("bank"));
    // The numbers are proven today: in a year they would have to be anew.
    let today = Command::new("date").args(["-u", "+%F"]).output().unwrap().stdout;
    let today = String::from_utf8(today).unwrap().trim().to_owned();
    let mut text = format!(
        r#"[gateway]
listen = "127.0.0.1:0"
store = "sqlite:faults.db"
plugins = ["{programs}"]
key = {{ file = "faults.key" }}
log = {{ level = "debug" }}

[policy]
# The crowd has one account.
challenges_max = 1000
verified_for = "365d"

[[keys]]
name = "test"
secret = "a-key-for-a-test-and-nothing-else"
scopes = ["payments:read", "payments:write"]

[[profiles]]
name = "Paolo Bianchi"
handles = ["tel:+393331234567", "messenger:104501234567890/6720845931207741"]
account = "iban:IT60X0542811101000000123456"
verified = "{today}"

[[profiles]]
name = "Anna Rossi"
handles = ["tel:{ANNA}", "messenger:104501234567890/5932118470264493"]
account = "iban:FR1420041010050500013M02606"

[[profiles]]
name = "Luca Verdi"
handles = ["messenger:104501234567890/7360294418835512"]
account = "iban:DE89370400440532013000"

[channels.sms]
plugin = "sms"
grants = ["tcp://{smsc}"]
[channels.sms.settings]
addresses = ["tcp://{smsc}"]
system_id = "sportello"
password = "smsc-pw"
sender = "40404"
{sms}

[channels.messenger]
plugin = "messenger"
grants = ["{messenger}"]
[channels.messenger.settings]
page_id = "104501234567890"
api = "{messenger}"
app_secret = "sandbox-app-secret"
verify_token = "sandbox-verify-token"
page_token = "sandbox-page-token"

[rails.instant]
plugin = "bank-transfer"
grants = ["{bank}"]
[rails.instant.settings]
base_url = "{bank}"
psu_ip_address = "192.0.2.1"
access_token = "sandbox-bank-token"

[[routes]]
name = "euro"
transfer = ["instant"]
"#
    );
    for number in 0..crowd {
        let handle = one_of_the_crowd(number);
        text.push_str(&format!(
            "\n[[profiles]]\nname = \"Number {number}\"\nhandles = [\"tel:{handle}\"]\nverified = \"{today}\"\n\
             account = \"iban:IT60X0542811101000000123456\"\n"
        ));
    }
    text
}
