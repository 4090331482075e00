mod authentication;
mod orders;
mod silence;

use std::collections::BTreeMap;

use sportello_iso8583::testing::{Acquirer, Says, beside};
use sportello_sdk::serde_json::{Value, from_value, json};
use sportello_sdk::testing::ScriptedHost;
use sportello_sdk::{
    Currency, Failure, Host, Inquiry, InstrumentFacts, Money, Order, OrderKind, Outcome, PageFrame, PagePurpose,
    PageReply, PageRequest, Party, PaymentId, Rail, Report,
};
use sportello_threeds::testing::{CAVV, DS, SERVER, Server, TRANSACTION, said};

use crate::CardRail;

const ADDRESS: &str = "tls://acquirer.example:8583";
const PAN: &str = "4111111111111111";
const KEY: &str = "019a2b3c4d5e7f008000000000000001-1";
const LINK: &str = "https://pay.example/act/t0k3n";

/// A rail with its acquirer and its 3DS server.
struct Stage {
    host: ScriptedHost,
    rail: CardRail,
    acquirer: Acquirer,
    server: Server,
}

fn settings(three_ds: Value) -> Value {
    let mut settings = json!({
        "acquirer": {
            "address": ADDRESS, "terminals": ["TERM0001"], "acquirer_id": "400123", "merchant_id": "SPORTELLO-1",
            "merchant_name": "Sportello", "merchant_city": "Milano", "merchant_country": "IT", "mcc": "5812"
        },
        "three_ds": { "url": SERVER }
    });
    for (key, value) in three_ds.as_object().unwrap() {
        settings["three_ds"][key] = value.clone();
    }
    settings
}

fn with_card(host: ScriptedHost, pan: &str) -> ScriptedHost {
    let facts = InstrumentFacts { label: "Visa 1111".to_owned(), received_at_ms: 1, payment: None };
    let card = json!({ "pan": pan, "expiry_year": 2030, "expiry_month": 12 });
    host.instrument("card:1", facts, card.to_string())
}

impl Stage {
    fn new(three_ds: Value, server: Server, acquirer: Acquirer) -> Self {
        let host = server.listens(acquirer.listens(with_card(ScriptedHost::new(), PAN), ADDRESS));
        let settings = from_value(settings(three_ds)).unwrap();
        let rail = host.block_on(CardRail::open(settings, &host.call())).unwrap();
        Self { host, rail, acquirer, server }
    }

    /// An issuer that wants to be shown who pays.
    fn soft(three_ds: Value, server: Server) -> Self {
        let issuer = |message: &sportello_iso8583::Message| {
            let data = message.text(sportello_iso8583::Field::PRIVATE_DATA).unwrap_or_default();
            Says::Code(if data.starts_with("420205") { "00" } else { "1A" })
        };
        Self::new(three_ds, server, Acquirer::new(issuer))
    }

    fn approving(three_ds: Value, server: Server) -> Self {
        Self::new(three_ds, server, Acquirer::new(|_| Says::Code("00")))
    }

    fn run<T>(&self, meanwhile: impl AsyncFnOnce(Host) -> T) -> T {
        beside(&self.host, async |host| self.rail.run(&host).await, meanwhile)
    }

    fn submit(&self, order: &Order) -> Result<Outcome, Failure> {
        self.run(async |host| self.rail.submit(order.clone(), &host).await)
    }

    fn inquire(&self) -> Outcome {
        let inquiry = Inquiry { order: collect(), reference: None, asked: 0 };
        self.run(async |host| self.rail.inquire(inquiry, &host).await).unwrap()
    }

    fn get(&self) -> PageReply {
        self.ask("GET", "", "")
    }

    fn post(&self, path: &str, body: &str) -> PageReply {
        self.ask("POST", path, body)
    }

    fn ask(&self, method: &str, path: &str, body: &str) -> PageReply {
        let request = request(method, path, body, "en");
        self.run(async |host| self.rail.page(request, &host).await).unwrap()
    }

    /// What was sent to the acquirer, each as its type and field 48.
    fn sent(&self) -> Vec<String> {
        let received = self.acquirer.received();
        let drawn = |message: &sportello_iso8583::Message| {
            let data = message.text(sportello_iso8583::Field::PRIVATE_DATA).unwrap_or("-");
            format!("{} {data}", message.mti())
        };
        received.iter().map(drawn).collect()
    }

    fn reports(&self) -> Vec<String> {
        self.host.reports().into_iter().map(|Report { outcome, .. }| word(&Ok(outcome))).collect()
    }

    /// What the 3DS server was asked, by path.
    fn asked(&self, path: &str) -> Vec<Value> {
        let requests = self.host.requests().into_iter().filter(|request| request.head.url.ends_with(path));
        requests.map(|request| sportello_sdk::serde_json::from_slice(&request.body).unwrap()).collect()
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
    order(OrderKind::Collect)
}

fn order(kind: OrderKind) -> Order {
    let party =
        |name: &str, account: &str| Party { name: name.to_owned(), account: account.parse().unwrap(), country: None };
    Order {
        key: KEY.to_owned(),
        payment: PaymentId(1),
        kind,
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
        Ok(Outcome::Settled { amount, .. }) => format!("settled {amount}"),
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
