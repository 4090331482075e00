//! The gateway with its SMS plugin, against an SMSC that is not ours: npm's `smpp`.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test may fail loudly: that is what it is for"
)]

mod programs;

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use programs::{Program, built, root};
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader, Lines};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};

const PACKAGE: &str = "smpp@0.5.1";
const PATIENCE: Duration = Duration::from_secs(30);

/// Where the package is, fetched on first use; `None`, said loudly, where it is not to be had.
async fn package() -> Option<PathBuf> {
    let folder = root().join("target/peers/smpp");
    let found = folder.join("node_modules/smpp");
    if found.join("package.json").is_file() {
        return Some(found);
    }
    std::fs::create_dir_all(&folder).unwrap();
    let install = ["install", "--no-save", "--no-package-lock", "--no-audit", "--no-fund", PACKAGE];
    let why = match Command::new("npm").args(install).current_dir(&folder).output().await {
        Ok(output) if output.status.success() && found.is_dir() => return Some(found),
        Ok(output) => String::from_utf8_lossy(&output.stderr).trim().to_owned(),
        Err(error) => error.to_string(),
    };
    skipped(&why);
    None
}

#[allow(clippy::print_stderr, reason = "a test that skips says so")]
fn skipped(why: &str) {
    // Whoever has the package installed beforehand wants to know when it is not found.
    assert!(std::env::var_os("SPORTELLO_PEERS").is_none(), "{PACKAGE} should be here: {why}");
    eprintln!("SKIPPED: no SMSC to judge the SMS plugin with, for {PACKAGE} is not to be had: {why}");
}

/// The SMSC. It ends when dropped.
struct Smsc {
    port: u16,
    input: ChildStdin,
    lines: Lines<BufReader<ChildStdout>>,
    /// What came before it was asked for.
    early: Vec<Value>,
    _child: Child,
}

impl Smsc {
    async fn start(package: &Path) -> Self {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/peers/smsc.js");
        let mut child = Command::new("node")
            .arg(script)
            .arg(package)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let mut smsc = Self { port: 0, input: child.stdin.take().unwrap(), lines, early: Vec::new(), _child: child };
        let listening = smsc.sees("listening").await;
        smsc.port = listening["port"].as_u64().unwrap().try_into().unwrap();
        smsc
    }

    async fn tell(&mut self, command: Value) {
        self.input.write_all(format!("{command}\n").as_bytes()).await.unwrap();
    }

    /// The next event, which must be this one. Of what goes both ways at a time either may come first: that it has a message,
    /// and what it has to say to it.
    async fn sees(&mut self, event: &str) -> Value {
        const EITHER: [&str; 3] = ["answered", "submitted", "throttled"];
        if let Some(at) = self.early.iter().position(|said| said["event"] == event) {
            return self.early.remove(at);
        }
        loop {
            let line = tokio::time::timeout(PATIENCE, self.lines.next_line()).await;
            let line = line.unwrap_or_else(|_| panic!("waited in vain for {event:?}")).unwrap().unwrap();
            let said: Value = serde_json::from_str(&line).unwrap();
            let came = said["event"].as_str().unwrap();
            if came == event {
                return said;
            }
            assert!(EITHER.contains(&event) && EITHER.contains(&came), "{said}");
            self.early.push(said);
        }
    }

    /// What is submitted next, its parts joined.
    async fn hears(&mut self) -> (String, Value) {
        let first = self.sees("submitted").await;
        let mut text = first["text"].as_str().unwrap().to_owned();
        let mut last = first;
        while let Some([0 | 8, .., of, number]) = last["udh"][0].as_array().and_then(|udh| {
            let bytes: Option<Vec<u64>> = udh.iter().map(Value::as_u64).collect();
            bytes.map(|bytes| [bytes[0], 0, bytes[bytes.len() - 2], bytes[bytes.len() - 1]])
        }) {
            if of == number {
                break;
            }
            last = self.sees("submitted").await;
            text.push_str(last["text"].as_str().unwrap());
        }
        (text, last)
    }

    /// paolo writes, and it is acknowledged.
    async fn says(&mut self, text: &str) {
        self.delivers(json!([{ "source_addr": "393331234567", "short_message": text }])).await;
    }

    /// These are delivered, and every one is acknowledged.
    async fn delivers(&mut self, all: Value) {
        let count = all.as_array().unwrap().len();
        self.tell(json!({ "do": "deliver", "all": all })).await;
        for _ in 0..count {
            assert_eq!(self.sees("answered").await["status"], 0);
        }
    }
}

/// The code in a note.
fn code_in(note: &str) -> String {
    note.split(|c: char| !c.is_ascii_digit()).find(|word| word.len() == 6).expect(note).to_owned()
}

fn config(folder: &Path, programs: &Path, port: u16, password: &str) -> PathBuf {
    let text = format!(
        r#"[gateway]
listen = "127.0.0.1:0"
store = "sqlite:peer.db"
plugins = ["{}"]
key = {{ file = "peer.key" }}

[[keys]]
name = "test"
secret = "a-key-for-a-test-and-nothing-else"
scopes = ["payments:read"]

[[profiles]]
name = "Paolo Bianchi"
handles = ["tel:+393331234567"]
account = "hello:1"

[[profiles]]
name = "Anna Rossi"
handles = ["tel:+33612345678"]
account = "hello:2"

[channels.sms]
plugin = "sms"
grants = ["tcp://127.0.0.1:{port}"]
[channels.sms.settings]
addresses = ["tcp://127.0.0.1:{port}"]
system_id = "sportello"
password = "{password}"
sender = "40404"

[rails.instant]
plugin = "hello-rail"
[rails.instant.settings]

[[routes]]
name = "instant"
transfer = ["instant"]
"#,
        programs.display()
    );
    let file = folder.join("gateway.toml");
    std::fs::write(&file, text).unwrap();
    file
}

#[tokio::test]
async fn a_payment_by_sms_through_an_smsc_that_is_not_ours() {
    let Some(package) = package().await else { return };
    let mut smsc = Smsc::start(&package).await;
    let programs = built();
    let folder = tempfile::tempdir().unwrap();
    let gateway = Program::gateway(&programs, &config(folder.path(), &programs, smsc.port, "smsc-pw"));
    let bound = smsc.sees("bound").await;
    assert_eq!((bound["system_id"].as_str(), bound["version"].as_u64()), (Some("sportello"), Some(0x34)));

    // A number that was never seen proves itself first. The reply is from the short code, to the number as it came.
    smsc.says("pay +33612345678 20 € for the pizza [4 slices]").await;
    let (proof, told) = smsc.hears().await;
    assert!(!proof.contains("20.00") && !proof.contains("20 €"), "{proof}");
    assert_eq!((told["from"].as_str(), told["to"].as_str()), (Some("40404"), Some("393331234567")));
    assert_eq!(
        (&told["ton"], told["coding"].as_u64(), told["registered"].as_u64()),
        (&json!([3, 1]), Some(0), Some(1))
    );
    smsc.says(&code_in(&proof)).await;
    let (asked, _) = smsc.hears().await;
    assert!(asked.contains("20.00 EUR") && asked.contains("pizza [4 slices]"), "{asked}");

    // The SMSC says that it is too much: the note is told all the same, and so is the payee.
    smsc.tell(json!({ "do": "throttle", "times": 1 })).await;
    smsc.says(&code_in(&asked)).await;
    smsc.sees("throttled").await;
    let mut told = [smsc.hears().await, smsc.hears().await];
    told.sort_by_key(|(_, told)| told["to"].as_str().unwrap().len());
    assert!(told[0].1["to"] == "33612345678" && !told[0].0.contains("20.00"), "{}", told[0].0);
    assert!(told[1].0.contains("Done"), "{}", told[1].0);

    // Its receipt finds the payment.
    let id = told[1].1["id"].as_str().unwrap();
    let receipt =
        format!("id:{id} sub:001 dlvrd:001 submit date:2611241200 done date:2611241201 stat:DELIVRD err:000 text:");
    smsc.delivers(json!([{ "source_addr": "393331234567", "esm_class": 4, "short_message": receipt }])).await;
    // Refused only where another test was first.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let http = reqwest::Client::builder().no_proxy().build().unwrap();
    let ask = async |path: String| -> Value {
        let asked = http.get(format!("{}{path}", gateway.address("listening")));
        asked.bearer_auth("a-key-for-a-test-and-nothing-else").send().await.unwrap().json().await.unwrap()
    };
    let payments = ask("/v1/payments".to_owned()).await;
    let payment = payments["payments"][0]["id"].as_str().unwrap().to_owned();
    assert_eq!(payments["payments"][0]["state"], "completed");
    let events = ask(format!("/v1/payments/{payment}/events")).await.to_string();
    assert!(events.contains("note_delivered"), "{events}");

    // A long message, its last part first, with an emoji whose halves are in both; and one in UCS-2.
    let memo = "pizza ".repeat(20);
    let text = format!("pay +33612345678 21 EUR for {memo}🍕");
    let units: Vec<u16> = text.encode_utf16().collect();
    let (first, second) = units.split_at(67);
    let part = |number: u8, units: &[u16]| {
        json!({ "source_addr": "393331234567", "esm_class": 0x40, "data_coding": 8, "udh": [5, 0, 3, 7, 3, number],
            "short_message": String::from_utf16(units).unwrap() })
    };
    let (second, third) = second.split_at(67);
    smsc.delivers(json!([part(3, third), part(1, first), part(2, second)])).await;
    let (asked, told) = smsc.hears().await;
    assert!(asked.contains("21.00 EUR") && asked.contains('🍕'), "{asked}");
    assert_eq!(told["coding"], 8);

    // Asked whether it is there, it is; and the link that drops is made anew, with what waited told on it.
    smsc.tell(json!({ "do": "enquire" })).await;
    smsc.sees("enquired").await;
    smsc.tell(json!({ "do": "drop" })).await;
    smsc.sees("closed").await;
    smsc.sees("bound").await;
    smsc.says(&code_in(&asked)).await;
    let told = [smsc.hears().await.0, smsc.hears().await.0];
    assert!(told.iter().any(|note| note.contains("Done")), "{told:?}");

    // It says goodbye.
    let id = gateway.0.id().to_string();
    assert!(Command::new("kill").args(["-TERM", &id]).status().await.unwrap().success());
    smsc.sees("unbound").await;
}

#[tokio::test]
async fn a_wrong_password_is_said_once_and_not_tried_all_the_time() {
    let Some(package) = package().await else { return };
    let mut smsc = Smsc::start(&package).await;
    let programs = built();
    let folder = tempfile::tempdir().unwrap();
    let gateway = Program::gateway(&programs, &config(folder.path(), &programs, smsc.port, "wrong"));
    smsc.sees("refused").await;
    smsc.sees("closed").await;
    // Whatever else there is to do goes on.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let http = reqwest::Client::builder().no_proxy().build().unwrap();
    let ready = http.get(format!("{}/readyz", gateway.address("listening"))).send().await.unwrap();
    assert!(ready.status().is_success());
}
