mod once;
mod pages;

use std::collections::BTreeMap;
use std::sync::Mutex;

use async_trait::async_trait;
use serde_json::{Value, from_value, json};
use sportello_sdk::testing::ScriptedHost;
use sportello_sdk::{
    Card, Currency, Failure, Finality, Host, Money, Order, OrderKind, Outcome, PageFrame, PagePurpose, PageReply,
    PageRequest, Party, PaymentId, Report,
};

use crate::testing::{SERVER, Server, TRANSACTION};
use crate::{Authentication, Charged, Merchant, Shown, Till};

const PAN: &str = "4111111111111111";
const KEY: &str = "019a2b3c4d5e7f008000000000000001-1";
const LINK: &str = "https://pay.example/act/t0k3n";

/// A till whose acquirer approves, or asks for an authentication where none is shown.
struct Drawer {
    is_soft: bool,
    /// Whether it can be reached.
    is_open: Mutex<bool>,
    /// What was shown with each message.
    sent: Mutex<Vec<String>>,
    refused: Mutex<u32>,
}

impl Drawer {
    fn approved() -> Outcome {
        Outcome::Settled {
            amount: Money::new(2000, Currency::EUR).unwrap(),
            reference: None,
            finality: Finality::Captured,
            fees: None,
            reversible_until_ms: None,
            valid_until_ms: None,
        }
    }

    fn told(&self, is_softly: bool) -> Charged {
        match is_softly {
            true => Charged::Authenticate { code: "1A".to_owned(), reason: "asks".to_owned() },
            false => Charged::Told(Self::approved()),
        }
    }
}

#[async_trait]
impl Till for Drawer {
    async fn card(&self, _: &Order, _: &Host) -> Result<Card, Failure> {
        Ok(Card { pan: PAN.to_owned(), expiry_year: 2030, expiry_month: 12, holder: None })
    }

    async fn charge(&self, _: &Order, shown: Shown, _: &Host) -> Result<Charged, Failure> {
        if !*self.is_open.lock().unwrap() {
            return Err(Failure::provider("no_link", "nothing was sent"));
        }
        let shown = match &shown {
            Shown::Nothing => "nothing".to_owned(),
            Shown::LowValue => "low value".to_owned(),
            Shown::Evidence(evidence) => {
                let parts = [Some(evidence.eci()), evidence.authentication_value(), evidence.ds_transaction()];
                parts.into_iter().flatten().collect::<Vec<_>>().join(" ")
            }
        };
        let has_evidence = shown.contains(' ') && shown != "low value";
        let mut sent = self.sent.lock().unwrap();
        let softly = |sent: &[String]| self.is_soft && !sent.iter().any(|shown| shown.starts_with('0'));
        if sent.is_empty() || (softly(&sent) && has_evidence) {
            sent.push(shown);
        }
        Ok(self.told(softly(&sent)))
    }

    async fn recorded(&self, _: &Order, _: &Host) -> Result<Option<Outcome>, Failure> {
        let sent = self.sent.lock().unwrap();
        Ok((!sent.is_empty()).then(Self::approved))
    }

    async fn refused(&self, _: &Order, _: &Host) {
        *self.refused.lock().unwrap() += 1;
    }
}

/// An authentication with its till and its 3DS server.
struct Stage {
    host: ScriptedHost,
    three_ds: Authentication,
    till: Drawer,
    server: Server,
}

impl Stage {
    fn new(three_ds: Value, server: Server, is_soft: bool) -> Self {
        let host = server.listens(ScriptedHost::new());
        let mut settings = json!({ "url": SERVER });
        settings.as_object_mut().unwrap().extend(three_ds.as_object().unwrap().clone());
        let merchant = Merchant {
            name: "Sportello".to_owned(),
            mcc: "5812".to_owned(),
            acquirer_id: "400123".to_owned(),
            merchant_id: "SPORTELLO-1".to_owned(),
        };
        let call = host.call();
        let three_ds = host.block_on(Authentication::open(from_value(settings).unwrap(), merchant, &call)).unwrap();
        let till = Drawer { is_soft, is_open: Mutex::new(true), sent: Mutex::default(), refused: Mutex::default() };
        Self { host, three_ds, till, server }
    }

    fn approving(three_ds: Value, server: Server) -> Self {
        Self::new(three_ds, server, false)
    }

    fn submit(&self) -> Result<Outcome, Failure> {
        self.host.block_on(self.three_ds.submit(&collect(), &self.till, &self.host.call()))
    }

    fn inquire(&self) -> Outcome {
        self.host.block_on(self.three_ds.inquire(&collect(), &self.till, &self.host.call())).unwrap()
    }

    fn get(&self) -> PageReply {
        self.ask("GET", "", "")
    }

    fn post(&self, path: &str, body: &str) -> PageReply {
        self.ask("POST", path, body)
    }

    fn ask(&self, method: &str, path: &str, body: &str) -> PageReply {
        self.page(&request(method, path, body, "en"))
    }

    fn page(&self, request: &PageRequest) -> PageReply {
        let call = self.host.call();
        self.host.block_on(self.three_ds.page(&collect(), request, &self.till, &call)).unwrap()
    }

    fn sent(&self) -> Vec<String> {
        self.till.sent.lock().unwrap().clone()
    }

    fn reports(&self) -> Vec<String> {
        self.host.reports().into_iter().map(|Report { outcome, .. }| word(&Ok(outcome))).collect()
    }

    /// What the 3DS server was asked, by path.
    fn asked(&self, path: &str) -> Vec<Value> {
        let requests = self.host.requests().into_iter().filter(|request| request.head.url.ends_with(path));
        requests.map(|request| serde_json::from_slice(&request.body).unwrap()).collect()
    }
}

fn request(method: &str, path: &str, body: &str, language: &str) -> PageRequest {
    let headers = BTreeMap::from([
        ("accept", "text/html"),
        ("content-type", "application/x-www-form-urlencoded"),
        ("user-agent", "Browser/1.0"),
    ]);
    PageRequest {
        head: PageFrame {
            purpose: PagePurpose::Act { order: Box::new(collect()) },
            method: method.to_owned(),
            path: path.to_owned(),
            query: String::new(),
            headers: headers.into_iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect(),
            url: LINK.to_owned(),
            remote_ip: "192.0.2.7".to_owned(),
            language: language.to_owned(),
        },
        body: body.to_owned().into(),
    }
}

fn collect() -> Order {
    let party =
        |name: &str, account: &str| Party { name: name.to_owned(), account: account.parse().unwrap(), country: None };
    Order {
        key: KEY.to_owned(),
        payment: PaymentId(1),
        kind: OrderKind::Collect,
        amount: Money::new(2000, Currency::EUR).unwrap(),
        debtor: party("Anna", "card:1"),
        creditor: party("Paolo <& sons>", "iban:DE89370400440532013000"),
        memo: None,
        refers_to: None,
        made_at_ms: 1_700_000_000_000,
    }
}

/// An outcome in a word or two.
fn word(told: &Result<Outcome, Failure>) -> String {
    match told {
        Ok(Outcome::Settled { .. }) => "settled".to_owned(),
        Ok(Outcome::Declined { code, .. }) => format!("declined {code}"),
        Ok(Outcome::Unknown { .. }) => "unknown".to_owned(),
        Ok(Outcome::ActionRequired { .. }) => "act".to_owned(),
        Ok(Outcome::Proceed) => "proceed".to_owned(),
        Ok(other) => format!("{other:?}"),
        Err(failure) => format!("failed {}", failure.code),
    }
}

fn text(reply: &PageReply) -> String {
    String::from_utf8(reply.body.to_vec()).unwrap()
}
