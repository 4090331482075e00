//! The rail: what becomes of tokens and of the numbers in them.

mod mint;
mod stage;

use mint::apple::{Draft, Wallet};
use mint::{APPLE_PAN, CRYPTOGRAM, GOOGLE_PAN, NOW_MS, google};
use serde_json::{Value, json};
use sportello_iso8583::testing::{Acquirer, Says};
use sportello_sdk::{Currency, Failure, Money, Order, OrderKind, Outcome, PaymentId};
use stage::{ACCOUNT, KEY, REVERSAL_KEY, Stage, about, order, word};

fn approves() -> Acquirer {
    Acquirer::new(|_| Says::Code("00"))
}

fn number_at(key: &str) -> String {
    format!("number/{key}")
}

/// What the rail says to a token that an Apple Pay of the tests mints so.
fn check(draft: Draft, expected: &str) {
    check_order(draft, &order(OrderKind::Collect), expected);
}

fn check_order(draft: Draft, order: &Order, expected: &str) {
    let stage = Stage::new(approves());
    stage.hands_over(&stage.wallet.mint(&draft), NOW_MS);
    let told = stage.gives(order);
    assert_eq!(word(&told), expected);
    if let Ok(Outcome::Declined { reason, .. }) = told {
        assert_eq!(reason, "the wallet's payment was not accepted");
        assert!(stage.acquirer.received().is_empty(), "something was sent");
        assert!(stage.host.vaulted(&number_at(KEY)).is_none(), "its number was kept");
    }
}

#[test]
fn a_token_is_charged_with_its_cryptogram() {
    for (kind, expected) in [
        (OrderKind::Collect, "0200 4895370012003478 000000 000000002000 3012 978"),
        (OrderKind::Authorize, "0100 4895370012003478 000000 000000002000 3012 978"),
    ] {
        let stage = Stage::new(approves());
        stage.hands_over(&stage.wallet.mint(&Draft::default()), NOW_MS);
        assert_eq!(word(&stage.gives(&order(kind))), "settled 20.00 EUR");
        assert_eq!(stage.sent(&[2, 3, 4, 14, 49]), [expected]);
        assert_eq!(stage.sent(&[48]).len(), 1);
        let evidence = format!("42020743{}{CRYPTOGRAM}", CRYPTOGRAM.len());
        assert!(stage.sent(&[48])[0].ends_with(&evidence), "{:?}", stage.sent(&[48]));
    }
}

#[test]
fn a_google_pay_token_is_charged_too() {
    let stage = Stage::new(approves());
    stage.hands_over(&google::mint(&google::Draft::default()), NOW_MS);
    assert_eq!(word(&stage.gives(&order(OrderKind::Collect))), "settled 20.00 EUR");
    assert_eq!(stage.sent(&[2, 14]), [format!("0200 {GOOGLE_PAN} 3012")]);
}

#[test]
fn a_token_that_is_not_believed_is_never_sent() {
    let payload = |pointer: &str, value: Value| {
        let mut draft = Draft::default();
        *draft.payload.pointer_mut(pointer).unwrap() = value;
        draft
    };
    check(Draft::default(), "settled 20.00 EUR");
    check(payload("/transactionAmount", json!(1999)), "declined apple_amount");
    check(payload("/currencyCode", json!("840")), "declined apple_currency");
    check(payload("/applicationExpirationDate", json!("250101")), "declined apple_expired");
    check(payload("/applicationPrimaryAccountNumber", json!("4895370012003479")), "declined apple_pan");
    check(Draft { key: 3, ..Draft::default() }, "declined apple_key");
    check(Draft { merchant_id: "merchant.another", ..Draft::default() }, "declined apple_sealed");
    // Of what does not unwrap, or unwraps to another key, the payer hears the same.
    let rsa = |material| Draft { is_rsa: true, material, ..Draft::default() };
    check(rsa(None), "settled 20.00 EUR");
    check(rsa(Some(vec![0; 256])), "declined apple_key_material");
    check(rsa(Some(vec![7; 255])), "declined apple_key_material");
    let wrapped = mint::apple::wrapped(&[8; 16]);
    check(rsa(Some(wrapped)), "declined apple_sealed");
    check(Draft { signed_ms: NOW_MS - 301_000, ..Draft::default() }, "declined apple_stale");
    check(Draft { signed_ms: NOW_MS + 2000, ..Draft::default() }, "declined apple_future");
    check(Draft { digest: Some(vec![0; 32]), ..Draft::default() }, "declined apple_digest");
    let of_payment = |id: &'static [u8]| Draft { application_data: Some(id), ..Draft::default() };
    check(of_payment(b"00000000000000000000000000000001"), "settled 20.00 EUR");
    check(of_payment(b"00000000000000000000000000000002"), "declined apple_application_data");
    let of_yen = Order { amount: Money::new(2000, Currency::JPY).unwrap(), ..order(OrderKind::Collect) };
    check_order(payload("/currencyCode", json!("392")), &of_yen, "settled 2000 JPY");
    let of_another = Order { payment: PaymentId(2), ..order(OrderKind::Collect) };
    check_order(Draft::default(), &of_another, "declined another_payment");
}

#[test]
fn what_is_no_token_is_never_sent() {
    let check = |token: Value, expected: &str| {
        let stage = Stage::new(approves());
        stage.hands_over(&token, NOW_MS);
        assert_eq!(word(&stage.gives(&order(OrderKind::Collect))), expected, "{token}");
        assert!(stage.acquirer.received().is_empty());
    };
    check(json!(null), "declined no_wallet");
    check(json!("EC_v1"), "declined no_wallet");
    check(json!({"version": "EC_v1", "protocolVersion": "ECv2"}), "declined no_wallet");
    check(json!({"version": "EC_v1"}), "declined apple_malformed");
    check(json!({"protocolVersion": "ECv2"}), "declined google_malformed");
}

#[test]
fn a_wallet_that_is_not_configured_is_not_taken() {
    let stage = Stage::with(approves(), |settings| settings["google"] = Value::Null);
    stage.hands_over(&google::mint(&google::Draft::default()), NOW_MS);
    assert_eq!(word(&stage.gives(&order(OrderKind::Collect))), "declined no_wallet");
}

#[test]
fn a_number_without_a_cryptogram_needs_its_bank() {
    let mut draft = google::Draft::default();
    draft.payload["paymentMethodDetails"]["authMethod"] = json!("PAN_ONLY");
    let stage = Stage::new(approves());
    stage.hands_over(&google::mint(&draft), NOW_MS);
    assert_eq!(word(&stage.gives(&order(OrderKind::Collect))), "declined authentication_required, elsewhere");
    assert!(stage.acquirer.received().is_empty());
}

/// The signing time is judged at the durable receipt, however long the order waits after it.
#[test]
fn a_token_that_arrived_in_time_may_wait() {
    let stage = Stage::new(approves());
    stage.hands_over(&stage.wallet.mint(&Draft::default()), NOW_MS);
    stage.host.advance(3_600_000);
    assert_eq!(word(&stage.gives(&order(OrderKind::Collect))), "settled 20.00 EUR");
    let stage = Stage::new(approves());
    stage.hands_over(&stage.wallet.mint(&Draft::default()), NOW_MS + 3_600_000);
    assert_eq!(word(&stage.gives(&order(OrderKind::Collect))), "declined apple_stale");
}

#[test]
fn a_token_is_one_orders_for_ever() {
    let stage = Stage::new(approves());
    let token = stage.wallet.mint(&Draft::default());
    stage.hands_over(&token, NOW_MS);
    assert_eq!(word(&stage.gives(&order(OrderKind::Collect))), "settled 20.00 EUR");
    // The same order again is no replay, and no second charge.
    stage.hands_over(&token, NOW_MS);
    assert_eq!(word(&stage.gives(&order(OrderKind::Collect))), "settled 20.00 EUR");
    // Another order with the same token is one, and so it is after a restart.
    let another = Order { key: format!("{}2", &KEY[..33]), ..order(OrderKind::Collect) };
    stage.hands_over(&token, NOW_MS);
    assert_eq!(word(&stage.gives(&another)), "declined replayed");
    let stage = stage.restarted();
    stage.hands_over(&token, NOW_MS);
    assert_eq!(word(&stage.gives(&another)), "declined replayed");
    stage.hands_over(&token, NOW_MS);
    assert_eq!(word(&stage.gives(&order(OrderKind::Collect))), "settled 20.00 EUR");
    assert_eq!(stage.sent(&[]), ["0200"]);
    // A copy that is encoded otherwise is a copy.
    let mut copy = token;
    copy["header"]["unknown"] = json!(1);
    stage.hands_over(&copy, NOW_MS);
    assert_eq!(word(&stage.gives(&another)), "declined replayed");
}

/// An order that never left keeps its token, through a restart too.
#[test]
fn a_restart_does_not_take_its_own_token_for_a_replay() {
    let stage = Stage::new(approves());
    stage.hands_over(&stage.wallet.mint(&Draft::default()), NOW_MS);
    // Without `run` there is no link.
    let told = stage.host.block_on(async {
        use sportello_sdk::Rail as _;
        stage.rail.submit(order(OrderKind::Collect), &stage.host.call()).await
    });
    assert!(word(&told).starts_with("failed"), "{told:?}");
    assert!(stage.host.vaulted(ACCOUNT).is_some(), "the token is gone");
    assert!(stage.host.vaulted(&number_at(KEY)).is_none(), "a number is kept for nothing");
    let stage = stage.restarted();
    assert_eq!(word(&stage.gives(&order(OrderKind::Collect))), "settled 20.00 EUR");
}

/// What moved nothing is tried again under a key of its own.
#[test]
fn an_order_that_never_left_leaves_its_token_to_the_next() {
    let another = Order { key: format!("{}2", &KEY[..33]), ..order(OrderKind::Collect) };
    let check = |fails: Option<&str>, expected: &str| {
        let stage = Stage::new(approves());
        stage.hands_over(&stage.wallet.mint(&Draft::default()), NOW_MS);
        let told = match fails {
            Some(method) => {
                let _same = stage.host.clone().fails(method, Failure::provider("down", "not just now"));
                let told = stage.gives(&order(OrderKind::Collect));
                let _same = stage.host.clone().works_again(method);
                told
            }
            // Without `run` there is no link.
            None => stage.host.block_on(async {
                use sportello_sdk::Rail as _;
                stage.rail.submit(order(OrderKind::Collect), &stage.host.call()).await
            }),
        };
        assert_eq!(word(&told), expected);
        assert_eq!(word(&stage.gives(&another)), "settled 20.00 EUR", "{expected}");
        // Now it is that one's.
        let token = stage.wallet.mint(&Draft::default());
        stage.hands_over(&token, NOW_MS);
        assert_eq!(word(&stage.gives(&order(OrderKind::Collect))), "declined replayed");
        assert_eq!(stage.sent(&[]), ["0200"]);
    };
    check(None, "failed no_link");
    check(Some("vault.put"), "failed down");
}

#[test]
fn a_token_is_destroyed_and_its_number_is_kept() {
    let check = |code: &'static str, keeps: bool| {
        let stage = Stage::new(Acquirer::new(move |_| Says::Code(code)));
        stage.hands_over(&stage.wallet.mint(&Draft::default()), NOW_MS);
        let told = stage.gives(&order(OrderKind::Collect));
        assert!(stage.host.vaulted(ACCOUNT).is_none(), "{code}: {told:?}");
        let kept = stage.host.vaulted(&number_at(KEY));
        assert_eq!(kept.is_some(), keeps, "{code}: {told:?}");
        let kept = String::from_utf8(kept.unwrap_or_default().to_vec()).unwrap();
        assert!(!kept.contains(CRYPTOGRAM));
        if keeps {
            assert_eq!(kept, format!(r#"{{"pan":"{APPLE_PAN}","expiry_year":2030,"expiry_month":12}}"#));
        }
    };
    check("00", true);
    check("10", true);
    check("68", true);
    check("05", false);
    check("1A", false);
    check("58", false);
}

#[test]
fn without_a_place_for_its_number_nothing_is_sent() {
    let stage = Stage::new(approves());
    stage.hands_over(&stage.wallet.mint(&Draft::default()), NOW_MS);
    for method in ["vault.put", "store.put", "instrument"] {
        let _same = stage.host.clone().fails(method, Failure::provider("down", "not just now"));
        assert_eq!(word(&stage.gives(&order(OrderKind::Collect))), "failed down", "{method}");
        let _same = stage.host.clone().works_again(method);
        assert!(stage.acquirer.received().is_empty(), "{method}");
    }
    assert_eq!(word(&stage.gives(&order(OrderKind::Collect))), "settled 20.00 EUR");
}

#[test]
fn money_goes_back_to_the_number_that_was_charged() {
    let stage = Stage::new(approves());
    stage.hands_over(&stage.wallet.mint(&Draft::default()), NOW_MS);
    assert_eq!(word(&stage.gives(&order(OrderKind::Collect))), "settled 20.00 EUR");
    let part = Money::new(500, Currency::EUR).unwrap();
    let refund = Order { amount: part, ..about(OrderKind::Refund, "019a-refund-1") };
    assert_eq!(word(&stage.gives(&refund)), "settled 5.00 EUR");
    assert_eq!(word(&stage.gives(&refund)), "settled 5.00 EUR");
    assert_eq!(stage.sent(&[2, 3, 4, 48])[1..], [format!("0200 {APPLE_PAN} 200000 000000000500 -")]);
    let unknown = Order { refers_to: Some("019a-unknown".to_owned()), ..about(OrderKind::Refund, "019a-refund-2") };
    assert_eq!(word(&stage.gives(&unknown)), "failed number_gone");
    let nothing = Order { refers_to: None, ..about(OrderKind::Refund, "019a-refund-3") };
    assert_eq!(word(&stage.gives(&nothing)), "failed no_original");
}

#[test]
fn an_authorization_is_captured_and_given_back() {
    let stage = Stage::new(approves());
    stage.hands_over(&stage.wallet.mint(&Draft::default()), NOW_MS);
    assert_eq!(word(&stage.gives(&order(OrderKind::Authorize))), "settled 20.00 EUR");
    assert_eq!(word(&stage.gives(&about(OrderKind::Capture, "019a-capture"))), "settled 20.00 EUR");
    // A refund may name the capture.
    let refund = Order { refers_to: Some("019a-capture".to_owned()), ..about(OrderKind::Refund, "019a-refund") };
    assert_eq!(word(&stage.gives(&refund)), "settled 20.00 EUR");
    let sent = stage.sent(&[2]);
    assert_eq!(sent, ["0100", "0220", "0200"].map(|kind| format!("{kind} {APPLE_PAN}")));
}

#[test]
fn what_is_voided_needs_its_number_no_more() {
    let stage = Stage::new(approves());
    stage.hands_over(&stage.wallet.mint(&Draft::default()), NOW_MS);
    assert_eq!(word(&stage.gives(&order(OrderKind::Authorize))), "settled 20.00 EUR");
    assert!(stage.host.vaulted(&number_at(KEY)).is_some());
    assert_eq!(word(&stage.gives(&about(OrderKind::Void, "019a-void"))), "settled 20.00 EUR");
    assert!(stage.host.vaulted(&number_at(KEY)).is_none());
    // The same again is told the same.
    assert_eq!(word(&stage.gives(&about(OrderKind::Void, "019a-void"))), "settled 20.00 EUR");
    assert_eq!(stage.sent(&[2]), ["0100", "0400"].map(|kind| format!("{kind} {APPLE_PAN}")));
}

#[test]
fn doubt_ends_in_a_reversal_by_the_number() {
    let is_charge = |kind: &str| kind == "0200";
    let stage =
        Stage::new(Acquirer::new(
            move |message| {
                if is_charge(&message.mti().to_string()) { Says::Nothing } else { Says::Code("00") }
            },
        ));
    stage.hands_over(&stage.wallet.mint(&Draft::default()), NOW_MS);
    assert_eq!(word(&stage.gives_and_waits(&order(OrderKind::Collect), 9_000)), "unknown");
    assert!(stage.host.vaulted(ACCOUNT).is_none());
    assert!(stage.host.vaulted(&number_at(KEY)).is_some());
    let stage = stage.restarted();
    assert_eq!(word(&stage.gives(&about(OrderKind::Reverse, REVERSAL_KEY))), "settled 20.00 EUR");
    assert_eq!(stage.sent(&[2]), ["0200", "0420"].map(|kind| format!("{kind} {APPLE_PAN}")));
    assert!(stage.host.vaulted(&number_at(KEY)).is_none());
    // Nothing that comes later charges it.
    stage.hands_over(&stage.wallet.mint(&Draft::default()), NOW_MS);
    assert_ne!(word(&stage.gives(&order(OrderKind::Collect))), "settled 20.00 EUR");
    assert_eq!(stage.sent(&[]).len(), 2);
}

#[test]
fn an_order_that_never_left_is_reversed_without_a_word() {
    let stage = Stage::new(approves());
    stage.hands_over(&stage.wallet.mint(&Draft::default()), NOW_MS);
    assert_eq!(word(&stage.gives(&about(OrderKind::Reverse, REVERSAL_KEY))), "settled 20.00 EUR");
    assert!(stage.acquirer.received().is_empty());
    assert!(stage.host.vaulted(ACCOUNT).is_none());
}

#[test]
fn nothing_secret_is_logged_stored_or_told() {
    let wallet_secrets = [APPLE_PAN, CRYPTOGRAM, "BEGIN"];
    let drafts = [
        Draft::default(),
        Draft { key: 3, ..Draft::default() },
        Draft { signed_ms: NOW_MS - 400_000, ..Draft::default() },
        Draft { digest: Some(vec![0; 32]), ..Draft::default() },
    ];
    for draft in drafts {
        let stage = Stage::new(approves());
        let token = stage.wallet.mint(&draft);
        stage.hands_over(&token, NOW_MS);
        let told = format!("{:?}", stage.gives(&order(OrderKind::Collect)));
        let posted = format!("token={}", urlencoded(&token.to_string()));
        let page = stage.page("POST", "", &posted).unwrap();
        let page = if page.head.handed_over.is_some() {
            String::new()
        } else {
            String::from_utf8(page.body.to_vec()).unwrap()
        };
        let stored = ["o", "terminal"].map(|prefix| format!("{:?}", stage.host.stored(&format!("{prefix}/{KEY}"))));
        for text in [told, stage.logs(), stored.concat(), page] {
            for secret in wallet_secrets.iter().copied().chain([token["data"].as_str().unwrap()]) {
                assert!(!text.contains(secret), "{text}");
            }
        }
    }
}

fn urlencoded(text: &str) -> String {
    text.bytes().map(|byte| format!("%{byte:02X}")).collect()
}

#[test]
fn every_mistake_in_the_settings_is_told_at_once() {
    let wallet = Wallet::new(&mint::apple::Chain::default());
    let mut settings = stage::settings(&wallet);
    settings["display_name"] = json!("");
    settings["country"] = json!("Italy");
    settings["networks"] = json!(["visa", "diners"]);
    settings["apple"]["roots"] = json!("no PEM");
    settings["apple"]["validation_origins"] = json!(["https://*"]);
    settings["google"]["recipient_id"] = json!("somebody");
    settings["google"]["root_keys"] = json!("{}");
    let host = sportello_sdk::testing::ScriptedHost::new();
    let Err(failure) = stage::open(&host, &settings) else { panic!("it opened") };
    let named = ["display_name", "country", "networks", "roots", "validation_origins", "recipient_id", "root_keys"];
    for name in named {
        assert!(failure.message.contains(name), "{name}: {}", failure.message);
    }
    // And each of these by itself.
    let check = |change: fn(&mut Value), expected: &str| {
        let mut settings = stage::settings(&wallet);
        change(&mut settings);
        let mut host = sportello_sdk::testing::ScriptedHost::new();
        for (name, value) in stage::secrets() {
            host = host.secret(&name, &value);
        }
        let Err(failure) = stage::open(&host, &settings) else { panic!("it opened: {expected}") };
        assert!(failure.message.contains(expected), "{expected}: {}", failure.message);
    };
    check(
        |s| {
            s["apple"] = Value::Null;
            s["google"] = Value::Null;
        },
        "neither",
    );
    check(|s| s["google"]["recipient_id"] = json!("gateway:x"), "gateway_merchant_id");
    check(|s| s["acquirer"]["mcc"] = json!("x"), "mcc");
    for when in ["never", "when-asked"] {
        let mut settings = stage::settings(&wallet);
        settings["three_ds"] = json!({ "url": "https://3ds.example", "when": when });
        let Err(failure) = stage::open(&host, &settings) else { panic!("it opened: {when}") };
        assert!(failure.message.contains("`three_ds.when` is `always`"), "{when}: {}", failure.message);
    }
    check(|s| s["mood"] = json!("blue"), "mood");
}

#[test]
fn without_its_keys_it_does_not_open() {
    let wallet = Wallet::new(&mint::apple::Chain::default());
    let check = |name: &str, value: &str, expected: &str| {
        let mut host = sportello_sdk::testing::ScriptedHost::new();
        for (name, value) in stage::secrets() {
            host = host.secret(&name, &value);
        }
        host = host.secret(name, value);
        let Err(failure) = stage::open(&host, &stage::settings(&wallet)) else { panic!("it opened") };
        assert!(failure.message.contains(expected), "{}", failure.message);
        assert!(value.is_empty() || !failure.message.contains(value));
    };
    check("apple_keys", "", "apple_keys");
    check("apple_keys", "rubbish", "apple_keys");
    check("google_keys", "", "google_keys");
    check("google_keys", "cnViYmlzaA==", "google_keys");
}
