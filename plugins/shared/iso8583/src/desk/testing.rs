//! What the desk's tests share.

use std::pin::pin;

use futures_util::future::{Either, select};
use sportello_sdk::testing::ScriptedHost;
use sportello_sdk::{Currency, Failure, Host, Money, Order, OrderKind, Outcome, Party, PaymentId};

use super::settings::Bitmap;
use super::{Desk, DeskSettings, Expiry, Pan, Paying};
pub(super) use crate::testing::turns;
use crate::testing::{Acquirer, beside};
use crate::{Field, Message};

pub(super) const ADDRESS: &str = "tls://acquirer.example:8583";
pub(super) const PAN: &str = "4111111111111111";
pub(super) const KEY: &str = "019a2b3c4d5e7f008000000000000001-1";
pub(super) const REVERSAL_KEY: &str = "019a2b3c4d5e7f008000000000000001r1";

pub(super) fn settings() -> DeskSettings {
    DeskSettings {
        address: ADDRESS.to_owned(),
        bitmap: Bitmap::Binary,
        terminals: vec!["TERM0001".to_owned(), "TERM0002".to_owned()],
        acquirer_id: "400123".to_owned(),
        merchant_id: "SPORTELLO-1".to_owned(),
        merchant_name: "Sportello".to_owned(),
        merchant_city: "Milano".to_owned(),
        merchant_country: "IT".to_owned(),
        mcc: "5812".to_owned(),
        window: 64,
        answer_within_s: 8,
        echo_every_s: 30,
    }
}

/// A desk that is signed on to a scripted acquirer.
pub(super) struct Stage {
    pub(super) host: ScriptedHost,
    pub(super) desk: Desk,
    pub(super) acquirer: Acquirer,
}

impl Stage {
    pub(super) fn new(acquirer: Acquirer) -> Self {
        let host = acquirer.listens(ScriptedHost::new(), ADDRESS);
        let desk = Desk::open(&settings(), &host.call()).unwrap();
        Self { host, desk, acquirer }
    }

    /// The same plugin after a restart: all that is left is what is durable.
    pub(super) fn restarted(self) -> Self {
        // Its terminal is free once its lease has ended.
        self.host.advance(60_000);
        let desk = Desk::open(&settings(), &self.host.call()).unwrap();
        Self { desk, ..self }
    }

    /// Lets `run` go on while `meanwhile` does its work, and after it until all is written.
    pub(super) fn run<T>(&self, meanwhile: impl AsyncFnOnce(Host) -> T) -> T {
        beside(&self.host, async |host| self.desk.run(&host).await, meanwhile)
    }

    /// Gives an order to the desk.
    pub(super) fn give(&self, order: &Order, paying: &Paying) -> Result<Outcome, Failure> {
        self.run(async |host| given(&self.desk, order, paying, &host).await)
    }

    /// The same, and the clock goes on for so long while it waits.
    pub(super) fn give_and_wait(&self, order: &Order, paying: &Paying, for_ms: u64) -> Result<Outcome, Failure> {
        self.run(async |host| {
            let given = pin!(given(&self.desk, order, paying, &host));
            let clock = pin!(async {
                turns(5).await;
                self.host.advance(for_ms);
                std::future::pending::<()>().await;
            });
            match select(given, clock).await {
                Either::Left((told, _)) => told,
                Either::Right(_) => unreachable!(),
            }
        })
    }

    /// What was sent, each as its type and these fields.
    pub(super) fn sent(&self, fields: &[u8]) -> Vec<String> {
        self.acquirer.received().iter().map(|message| drawn(message, fields)).collect()
    }
}

pub(super) fn drawn(message: &Message, fields: &[u8]) -> String {
    let text = |number: &u8| message.text(Field::new(*number).unwrap()).unwrap_or("-").to_owned();
    let values: Vec<String> = fields.iter().map(text).collect();
    std::iter::once(message.mti().to_string()).chain(values).collect::<Vec<_>>().join(" ")
}

async fn given(desk: &Desk, order: &Order, paying: &Paying, host: &Host) -> Result<Outcome, Failure> {
    match order.kind {
        OrderKind::Capture => desk.capture(order, Some(&paying.pan), host).await,
        OrderKind::Void => desk.void(order, Some(&paying.pan), host).await,
        OrderKind::Reverse => desk.reverse(order, Some(&paying.pan), host).await,
        _ => desk.submit(order, paying, host).await.map(super::Verdict::outcome),
    }
}

pub(super) fn paying() -> Paying {
    Paying { pan: Pan::new(PAN).unwrap(), expiry: Expiry::new(2030, 12).unwrap(), evidence: None, exemption: None }
}

pub(super) fn order(kind: OrderKind) -> Order {
    let party =
        |name: &str, account: &str| Party { name: name.to_owned(), account: account.parse().unwrap(), country: None };
    Order {
        key: KEY.to_owned(),
        payment: PaymentId(1),
        kind,
        amount: Money::new(2000, Currency::EUR).unwrap(),
        debtor: party("Anna", "card:1"),
        creditor: party("Sportello", "iban:DE89370400440532013000"),
        memo: Some("the pizza".to_owned()),
        refers_to: None,
        made_at_ms: 1_700_000_000_000,
    }
}

/// An order about the first.
pub(super) fn about(kind: OrderKind, key: &str) -> Order {
    Order { key: key.to_owned(), refers_to: Some(KEY.to_owned()), ..order(kind) }
}

/// An outcome in a word or two.
pub(super) fn word(told: &Result<Outcome, Failure>) -> String {
    match told {
        Ok(Outcome::Settled { amount, .. }) => format!("settled {amount}"),
        Ok(Outcome::Declined { code, elsewhere, .. }) => {
            format!("declined {code}{}", if *elsewhere { ", elsewhere" } else { "" })
        }
        Ok(Outcome::Unknown { .. }) => "unknown".to_owned(),
        Ok(other) => format!("{other:?}"),
        Err(failure) => format!("failed {}", failure.code),
    }
}
