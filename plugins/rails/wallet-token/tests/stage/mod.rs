//! The rail between a scripted host and a scripted acquirer, with tokens of the tests' own wallets.
#![allow(dead_code, reason = "each test file uses a part of it")]
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test may fail loudly, and so may its stage"
)]

use std::pin::pin;

use futures_util::future::{Either, select};
use serde_json::{Value, json};
use sportello_iso8583::testing::{Acquirer, beside, turns};
use sportello_iso8583::{Field, Message};
use sportello_sdk::testing::ScriptedHost;
use sportello_sdk::{
    Currency, Failure, Host, Inquiry, InstrumentFacts, Money, Order, OrderKind, Outcome, PageFrame, PagePurpose,
    PageReply, PageRequest, Party, PaymentId, Rail,
};
use sportello_threeds::testing::{SERVER, Server};
use sportello_wallet_token::WalletToken;

use crate::mint::apple::{Chain, MERCHANT_ID, MERCHANT_RSA, Wallet};
use crate::mint::google::{RECIPIENT, roots};
use crate::mint::{NOW_MS, key, pem};

pub(crate) const ADDRESS: &str = "tls://acquirer.example:8583";
pub(crate) const KEY: &str = "019a2b3c4d5e7f008000000000000001-1";
pub(crate) const REVERSAL_KEY: &str = "019a2b3c4d5e7f008000000000000001r1";
pub(crate) const ACCOUNT: &str = "token:one";
pub(crate) const URL: &str = "https://pay.example/enrol/secret";

/// Settings that work, for both wallets.
pub(crate) fn settings(wallet: &Wallet) -> Value {
    json!({
        "display_name": "Sportello",
        "country": "IT",
        "acquirer": {
            "address": ADDRESS,
            "terminals": ["TERM0001", "TERM0002"],
            "acquirer_id": "400123",
            "merchant_id": "SPORTELLO-1",
            "merchant_name": "Sportello",
            "merchant_city": "Milano",
            "merchant_country": "IT",
            "mcc": "5812",
            "answer_within_s": 8,
        },
        "apple": {"merchant_id": MERCHANT_ID, "roots": wallet.root_pem},
        "google": {"recipient_id": RECIPIENT, "root_keys": roots()},
    })
}

/// The keys of the tests, an old one and a new one, as secrets; and one of RSA.
pub(crate) fn secrets() -> Vec<(String, String)> {
    let keys = [1, 2].map(|seed| pem(&key(seed))).concat();
    [("apple_keys", format!("{keys}{MERCHANT_RSA}")), ("google_keys", keys)]
        .map(|(name, keys)| (name.to_owned(), keys))
        .into()
}

/// An open rail that is signed on.
pub(crate) struct Stage {
    pub(crate) host: ScriptedHost,
    pub(crate) wallet: Wallet,
    pub(crate) rail: WalletToken,
    pub(crate) acquirer: Acquirer,
    settings: Value,
}

impl Stage {
    pub(crate) fn new(acquirer: Acquirer) -> Self {
        Self::with(acquirer, |_| {})
    }

    /// The same, with settings that a test changes.
    pub(crate) fn with(acquirer: Acquirer, change: impl FnOnce(&mut Value)) -> Self {
        Self::among(acquirer, change, |host| host)
    }

    /// The same, with a 3DS server.
    pub(crate) fn asking(acquirer: Acquirer, server: &Server, three_ds: &Value) -> Self {
        let mut table = json!({ "url": SERVER });
        table.as_object_mut().unwrap().extend(three_ds.as_object().unwrap().clone());
        Self::among(acquirer, |settings| settings["three_ds"] = table, |host| server.listens(host))
    }

    fn among(
        acquirer: Acquirer,
        change: impl FnOnce(&mut Value),
        others: impl FnOnce(ScriptedHost) -> ScriptedHost,
    ) -> Self {
        let wallet = Wallet::new(&Chain::default());
        let mut settings = settings(&wallet);
        change(&mut settings);
        let mut host = others(acquirer.listens(ScriptedHost::new().now_ms(NOW_MS).ends_at_ms(2 * NOW_MS), ADDRESS));
        for (name, value) in secrets() {
            host = host.secret(&name, &value);
        }
        let rail = open(&host, &settings).unwrap_or_else(|failure| panic!("{failure}"));
        Self { host, wallet, rail, acquirer, settings }
    }

    /// The same plugin after a restart: all that is left is what is durable.
    pub(crate) fn restarted(self) -> Self {
        // Its terminal is free once its lease has ended.
        self.host.advance(60_000);
        let rail = open(&self.host, &self.settings).unwrap_or_else(|failure| panic!("{failure}"));
        Self { rail, ..self }
    }

    /// Puts a token into the vault as what a payment is paid with, durable at `received_ms`.
    pub(crate) fn hands_over(&self, token: &Value, received_ms: u64) {
        let facts =
            InstrumentFacts { label: "Apple Pay".to_owned(), received_at_ms: received_ms, payment: Some(PaymentId(1)) };
        let _same = self.host.clone().instrument(ACCOUNT, facts, token.to_string());
    }

    /// Gives an order to the rail, while `run` keeps the link.
    pub(crate) fn gives(&self, order: &Order) -> Result<Outcome, Failure> {
        self.run(async |host| self.rail.submit(order.clone(), &host).await)
    }

    /// The same, and the clock goes on for so long while it waits.
    pub(crate) fn gives_and_waits(&self, order: &Order, for_ms: u64) -> Result<Outcome, Failure> {
        self.run(async |host| {
            let given = pin!(self.rail.submit(order.clone(), &host));
            let clock = pin!(async {
                turns(8).await;
                self.host.advance(for_ms);
                std::future::pending::<()>().await;
            });
            match select(given, clock).await {
                Either::Left((told, _)) => told,
                Either::Right(_) => unreachable!(),
            }
        })
    }

    /// What became of the first order, whose payer was to act.
    pub(crate) fn inquires(&self) -> Outcome {
        let inquiry = Inquiry { order: order(OrderKind::Collect), reference: None, asked: 0 };
        self.run(async |host| self.rail.inquire(inquiry, &host).await).unwrap()
    }

    /// The payer of the first order posts a form to the page that its link opens.
    pub(crate) fn acts(&self, path: &str, body: &str) -> PageReply {
        let mut request = page_request("POST", path, body);
        request.head.purpose = PagePurpose::Act { order: Box::new(order(OrderKind::Collect)) };
        self.run(async |host| self.rail.page(request, &host).await).unwrap()
    }

    fn run<T>(&self, meanwhile: impl AsyncFnOnce(Host) -> T) -> T {
        beside(&self.host, async |host| self.rail.run(&host).await, meanwhile)
    }

    /// Asks for the page on which a token is handed over for the first payment.
    pub(crate) fn page(&self, method: &str, path: &str, body: &str) -> Result<PageReply, Failure> {
        let request = page_request(method, path, body);
        self.host.block_on(async { self.rail.page(request, &self.host.call()).await })
    }

    /// What was sent, each as its type and these fields.
    pub(crate) fn sent(&self, fields: &[u8]) -> Vec<String> {
        self.acquirer.received().iter().map(|message| drawn(message, fields)).collect()
    }

    /// All that is stored, logged and left in requests, for whoever looks for what must not be there.
    pub(crate) fn logs(&self) -> String {
        self.host.logs().iter().map(|line| format!("{}\n", line.message)).collect()
    }
}

pub(crate) fn open(host: &ScriptedHost, settings: &Value) -> Result<WalletToken, Failure> {
    let settings = serde_json::from_value(settings.clone()).map_err(|e| Failure::settings("bad", e.to_string()))?;
    host.block_on(async { WalletToken::open(settings, &host.call()).await })
}

pub(crate) fn page_request(method: &str, path: &str, body: &str) -> PageRequest {
    PageRequest {
        head: PageFrame {
            purpose: PagePurpose::HandOver {
                payment: PaymentId(1),
                amount: Money::new(2000, Currency::EUR).unwrap(),
                payee: "Paolo <{values}> & co".to_owned(),
                payer: "tel:+393331234567".parse().unwrap(),
            },
            method: method.to_owned(),
            path: path.to_owned(),
            query: String::new(),
            headers: Vec::new(),
            url: URL.to_owned(),
            remote_ip: "192.0.2.7".to_owned(),
            language: "en".to_owned(),
        },
        body: body.to_owned().into(),
    }
}

pub(crate) fn order(kind: OrderKind) -> Order {
    let party =
        |name: &str, account: &str| Party { name: name.to_owned(), account: account.parse().unwrap(), country: None };
    Order {
        key: KEY.to_owned(),
        payment: PaymentId(1),
        kind,
        amount: Money::new(2000, Currency::EUR).unwrap(),
        debtor: party("Anna", ACCOUNT),
        creditor: party("Sportello", "iban:DE89370400440532013000"),
        memo: Some("the pizza".to_owned()),
        refers_to: None,
        made_at_ms: NOW_MS,
    }
}

/// An order about the first.
pub(crate) fn about(kind: OrderKind, key: &str) -> Order {
    Order { key: key.to_owned(), refers_to: Some(KEY.to_owned()), ..order(kind) }
}

fn drawn(message: &Message, fields: &[u8]) -> String {
    let text = |number: &u8| message.text(Field::new(*number).unwrap()).unwrap_or("-").to_owned();
    let values: Vec<String> = fields.iter().map(text).collect();
    std::iter::once(message.mti().to_string()).chain(values).collect::<Vec<_>>().join(" ")
}

/// An outcome in a word or two.
pub(crate) fn word(told: &Result<Outcome, Failure>) -> String {
    match told {
        Ok(Outcome::Settled { amount, .. }) => format!("settled {amount}"),
        Ok(Outcome::Declined { code, elsewhere, .. }) => {
            format!("declined {code}{}", if *elsewhere { ", elsewhere" } else { "" })
        }
        Ok(Outcome::Unknown { .. }) => "unknown".to_owned(),
        Ok(Outcome::ActionRequired { .. }) => "act".to_owned(),
        Ok(Outcome::Proceed) => "proceed".to_owned(),
        Ok(other) => format!("{other:?}"),
        Err(failure) => format!("failed {}", failure.code),
    }
}
