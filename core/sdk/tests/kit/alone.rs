//! What a rail can tell by itself it may tell, and an order about one that never was need not be carried out: the kit
//! knows either from a lie.

use serde_json::json;
use sportello_sdk::{
    Failure, Finality, Host, HttpRequest, Order, OrderKind, Outcome, Rail, async_trait, dispatch, kit, settings,
};

use crate::failed;

const MANIFEST: &str = r#"{
    "name": "desk", "kind": "rail", "version": "1.0.0", "contract": "1.2", "pan": true,
    "rail": {"accounts": ["token"], "orders": {
        "collect": {"doubt": "idempotent", "for_ms": 1000}, "refund": {"doubt": "idempotent", "for_ms": 1000}
    }}
}"#;

settings! {
    struct Settings {
        #[serde(default)]
        lie: String,
    }
}

/// A rail whose payers act first: it asks its vault, and no provider before they have.
struct Desk(String);

impl Desk {
    fn declined() -> Outcome {
        Outcome::Declined { code: "gone".to_owned(), reason: "the token is gone".to_owned(), elsewhere: false }
    }

    fn settled(order: &Order) -> Outcome {
        Outcome::Settled {
            amount: order.amount,
            reference: None,
            finality: Finality::Final,
            fees: None,
            reversible_until_ms: None,
            valid_until_ms: None,
        }
    }

    async fn collect(&self, order: &Order, host: &Host) -> Result<Outcome, Failure> {
        let act = |url| Outcome::ActionRequired { url, until_ms: None, reference: None };
        match self.0.as_str() {
            "settles by itself" => return Ok(Self::settled(order)),
            "has the payer act afterwards" => {
                let _told = host
                    .http(HttpRequest::new("POST", "https://desk.example").body("text/plain", order.key.clone()))
                    .await;
                return Ok(act("https://desk.example".to_owned()));
            }
            _ => {}
        }
        match host.instrument(&order.debtor.account).await {
            Ok(_) => Ok(act(host.page_link(&order.key, host.now_ms() + 1000).await?)),
            Err(failure) if failure.code == "no_such_instrument" || self.0 == "declines whatever fails" => {
                Ok(Self::declined())
            }
            Err(failure) => Err(failure),
        }
    }
}

#[async_trait]
impl Rail for Desk {
    type Settings = Settings;

    async fn open(settings: Settings, _: &Host) -> Result<Self, Failure> {
        Ok(Self(settings.lie))
    }

    async fn submit(&self, order: Order, host: &Host) -> Result<Outcome, Failure> {
        match (order.kind, self.0.as_str()) {
            (OrderKind::Refund, "offers no refund") => Err(Failure::unsupported("refund")),
            (OrderKind::Refund, "panics at a refund") => panic!("there is nothing to refund"),
            (OrderKind::Refund, _) => Err(Failure::input("not_collected", "nothing was collected under that key")),
            _ => self.collect(&order, host).await,
        }
    }
}

fn order(key: &str, kind: &str) -> Order {
    let party = json!({ "name": "Anna", "account": "token:anna" });
    let order = json!({
        "key": key, "payment": "0".repeat(32), "kind": kind, "made_at_ms": 1, "debtor": party, "creditor": party,
        "amount": { "minor": 2000, "currency": "EUR" }, "refers_to": (kind == "refund").then_some("kit-1"),
    });
    serde_json::from_value(order).unwrap()
}

/// A lie, what its vault holds, and the checks that it fails.
type Told = (&'static str, &'static [&'static str], &'static [&'static str]);

pub(crate) const ALONE: &[Told] = &[
    // Its token is gone from the vault; or it is there, and its payer gets a link.
    ("", &[], &[]),
    ("", &["token:anna"], &[]),
    ("declines whatever fails", &[], &["order-out-of-reach", "order-time-out"]),
    (
        "has the payer act afterwards",
        &[],
        &["order-out-of-reach", "order-garbage", "order-time-out", "refusal-unmapped"],
    ),
];

#[test]
fn what_a_rail_tells_by_itself() {
    for (lie, instruments, expected) in ALONE {
        let mut options = kit::Options::new(json!({ "lie": lie }));
        options.instruments =
            instruments.iter().map(|account| (account.parse().unwrap(), "a token of the kit".into())).collect();
        let card = kit::check(MANIFEST, &dispatch::rail::<Desk>, &options);
        assert_eq!(failed(&card), *expected, "{lie}\n{card}");
    }
}

/// A lie, the orders, and whether `order-good` fails.
type Asked = (&'static str, &'static [(&'static str, &'static str)], &'static [&'static str]);

pub(crate) const ABOUT_ANOTHER: &[Asked] = &[
    ("", &[], &[]),
    ("", &[("kit-2", "refund")], &[]),
    ("offers no refund", &[], &["order-good"]),
    ("panics at a refund", &[], &["order-good"]),
    // What is there is refunded; what only waits for its payer is not.
    ("settles by itself", &[("kit-1", "collect"), ("kit-2", "refund")], &["order-good"]),
    ("", &[("kit-1", "collect"), ("kit-2", "refund")], &[]),
];

#[test]
fn an_order_about_one_that_never_was() {
    for (lie, orders, expected) in ABOUT_ANOTHER {
        let mut options = kit::Options::new(json!({ "lie": lie }));
        options.orders = orders.iter().map(|(key, kind)| order(key, kind)).collect();
        let card = kit::check(MANIFEST, &dispatch::rail::<Desk>, &options);
        let good: Vec<_> = failed(&card).into_iter().filter(|id| *id == "order-good").collect();
        assert_eq!(good, *expected, "{lie}\n{card}");
    }
}
