use sportello_sdk::testing::ScriptedHost;
use sportello_sdk::{Order, Outcome, Rail, dispatch, kit, serde_json};

use super::{HelloRail, MANIFEST, Settings};

fn order(kind: &str, minor: u64, currency: &str) -> Order {
    serde_json::from_value(serde_json::json!({
        "key": "k-1", "payment": "0".repeat(32), "kind": kind,
        "amount": {"minor": minor, "currency": currency},
        "debtor": {"name": "Anna", "account": "hello:anna"},
        "creditor": {"name": "Paolo", "account": "hello:paolo"},
        "made_at_ms": 1_700_000_000_000_u64
    }))
    .unwrap()
}

#[test]
fn outcomes() {
    let check = |settings: &str, order: Order, expected: &str| {
        let host = ScriptedHost::new();
        let call = host.call();
        let settings: Settings = serde_json::from_str(settings).unwrap();
        let outcome = host.block_on(async {
            let rail = HelloRail::open(settings, &call).await?;
            rail.submit(order, &call).await
        });
        let got = match outcome.unwrap() {
            Outcome::Settled { amount, .. } => amount.to_string(),
            Outcome::Declined { code, .. } => code,
            other => format!("{other:?}"),
        };
        assert_eq!(got, expected);
        assert!(host.requests().is_empty());
    };
    check("{}", order("collect", 2000, "EUR"), "20.00 EUR");
    check("{}", order("pay_out", 1500, "JPY"), "1500 JPY");
    check("{}", order("authorize", 2000, "EUR"), "kind");
    check(r#"{"limit_minor":2000}"#, order("collect", 2000, "EUR"), "20.00 EUR");
    check(r#"{"limit_minor":2000}"#, order("collect", 2001, "EUR"), "AM02");
    check(r#"{"currency":"EUR"}"#, order("transfer", 1, "USD"), "AM03");
}

#[test]
fn conforms() {
    let options = kit::Options::new(serde_json::json!({"limit_minor": 100_000}));
    kit::check(MANIFEST, &dispatch::rail::<HelloRail>, &options).assert();
}
