//! The page on which a payer hands over a token.
#![allow(clippy::unwrap_used, reason = "a test may fail loudly: that is what it is for")]

mod mint;
mod stage;

use mint::apple::{Draft, MERCHANT_ID};
use mint::{NOW_MS, google};
use serde_json::{Value, json};
use sportello_iso8583::testing::{Acquirer, Says};
use sportello_sdk::{Failure, HttpResponse, OrderKind, PagePurpose, PageReply, Rail};
use stage::{Stage, URL, order, page_request, word};

fn stage() -> Stage {
    Stage::new(Acquirer::new(|_| Says::Code("00")))
}

fn text(reply: &PageReply) -> String {
    String::from_utf8(reply.body.to_vec()).unwrap()
}

fn posted(token: &str, card: &str) -> String {
    let written = |text: &str| text.bytes().map(|byte| format!("%{byte:02X}")).collect::<String>();
    format!("token={}&card={}", written(token), written(card))
}

#[test]
fn the_page_shows_what_is_paid_and_offers_both_wallets() {
    let stage = stage();
    let reply = stage.page("GET", "", "").unwrap();
    assert_eq!((reply.head.status, reply.head.content_type.as_str()), (200, "text/html; charset=utf-8"));
    assert!(reply.head.handed_over.is_none());
    assert_eq!(reply.head.frames, ["https://pay.google.com"]);
    let page = text(&reply);
    assert!(page.contains("20.00"), "{page}");
    assert!(page.contains("Paolo &lt;&#123;values&#125;&gt; &amp; co"), "{page}");
    let values: Value = serde_json::from_str(
        page.lines().find_map(|line| line.strip_prefix("const values = ")).unwrap().trim_end_matches(';'),
    )
    .unwrap();
    assert_eq!(values["session"], format!("{URL}/session"));
    assert_eq!(values["apple"]["total"], json!({"label": "Sportello", "amount": "20.00"}));
    assert_eq!(values["apple"]["supportedNetworks"], json!(["visa", "masterCard"]));
    // Base64 of the payment's id.
    assert_eq!(values["apple"]["applicationData"], "MDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDE=");
    let request = &values["google"]["request"];
    assert_eq!(request["transactionInfo"]["totalPrice"], "20.00");
    let method = &request["allowedPaymentMethods"][0];
    assert_eq!(method["parameters"]["allowedAuthMethods"], json!(["CRYPTOGRAM_3DS"]));
    assert_eq!(method["tokenizationSpecification"]["type"], "DIRECT");
    // Nothing to fill in is left.
    for place in ["{title}", "{amount}", "{payee}", "{values}", "{paste}", "{refused}", "{language}", "{to}"] {
        assert!(!page.contains(place), "{place}");
    }
    assert!(!page.contains("<textarea"));
    assert!(stage.host.requests().is_empty());
}

#[test]
fn the_page_speaks_the_payers_language() {
    let stage = stage();
    for (language, title) in [("it", "Paga con"), ("fr", "Payer avec"), ("de", "Pay with"), ("", "Pay with")] {
        let mut request = page_request("GET", "", "");
        request.head.language = language.to_owned();
        let reply = stage.host.block_on(async { stage.rail.page(request, &stage.host.call()).await }).unwrap();
        assert!(text(&reply).contains(title), "{language}");
    }
}

#[test]
fn a_gateways_page_names_the_gateway() {
    let stage = Stage::with(Acquirer::new(|_| Says::Code("00")), |settings| {
        settings["google"]["recipient_id"] = json!("gateway:sportello");
        settings["google"]["gateway_merchant_id"] = json!("shop-7");
        settings["apple"] = Value::Null;
    });
    let page = text(&stage.page("GET", "", "").unwrap());
    assert!(page.contains(r#""parameters":{"gateway":"sportello","gatewayMerchantId":"shop-7"}"#), "{page}");
    assert!(page.contains(r#""apple":null"#));
}

#[test]
fn a_token_that_is_handed_over_pays() {
    let stage = stage();
    let tokens = [
        (stage.wallet.mint(&Draft::default()).to_string(), "Visa 0492", "Apple Pay (Visa 0492)"),
        (google::mint(&google::Draft::default()).to_string(), "Mastercard 7840", "Google Pay (Mastercard 7840)"),
        (google::mint(&google::Draft::default()).to_string(), "5204240250197840", "Google Pay"),
        (google::mint(&google::Draft::default()).to_string(), "<b>", "Google Pay"),
    ];
    for (token, card, label) in tokens {
        let reply = stage.page("POST", "", &posted(&token, card)).unwrap();
        let handed_over = reply.head.handed_over.unwrap_or_else(|| panic!("{card}"));
        assert_eq!(handed_over.label, label);
        assert_eq!(reply.body, token.as_bytes());
    }
}

#[test]
fn a_token_may_come_as_its_wallet_wraps_it() {
    let stage = stage();
    let (apple, google) = (stage.wallet.mint(&Draft::default()), google::mint(&google::Draft::default()));
    let check = |wrapped: Value, inside: &Value| {
        let reply = stage.page("POST", "", &posted(&wrapped.to_string(), "")).unwrap();
        assert!(reply.head.handed_over.is_some(), "{wrapped}");
        assert_eq!(serde_json::from_slice::<Value>(&reply.body).unwrap(), *inside);
    };
    check(json!({"paymentData": apple, "transactionIdentifier": "X"}), &apple);
    check(json!({"token": {"paymentData": apple}}), &apple);
    check(json!({"paymentMethodData": {"tokenizationData": {"token": google.to_string()}}}), &google);
}

#[test]
fn what_is_not_taken_is_said_in_one_sentence() {
    let stage = stage();
    let used = stage.wallet.mint(&Draft::default());
    stage.hands_over(&used, NOW_MS);
    assert_eq!(word(&stage.gives(&order(OrderKind::Collect))), "settled 20.00 EUR");
    let mut pan_only = google::Draft::default();
    pan_only.payload["paymentMethodDetails"]["authMethod"] = json!("PAN_ONLY");
    let mut amount = Draft { transaction_id: "11".repeat(32), ..Draft::default() };
    amount.payload["transactionAmount"] = json!(1);
    let stale = Draft { signed_ms: NOW_MS - 400_000, ..Draft::default() };
    let tokens = [
        (used.to_string(), "replayed"),
        (google::mint(&pan_only).to_string(), "authentication_required"),
        (stage.wallet.mint(&amount).to_string(), "apple_amount"),
        (stage.wallet.mint(&stale).to_string(), "apple_stale"),
        ("{}".to_owned(), "no_wallet"),
        (String::new(), "no_wallet"),
    ];
    let mut pages = Vec::new();
    for (token, why) in tokens {
        stage.host.forget();
        let reply = stage.page("POST", "", &posted(&token, "")).unwrap();
        assert_eq!(reply.head.status, 422, "{why}");
        assert!(reply.head.handed_over.is_none(), "{why}");
        assert!(stage.logs().contains(why), "{why}: {}", stage.logs());
        pages.push(text(&reply));
    }
    assert!(pages[0].contains("was not accepted"));
    assert!(pages.windows(2).all(|two| two[0] == two[1]), "the payer can tell reasons apart");
}

#[test]
fn a_token_can_be_pasted_where_that_is_allowed() {
    let stage = Stage::with(Acquirer::new(|_| Says::Code("00")), |settings| settings["manual_handover"] = json!(true));
    let page = text(&stage.page("GET", "", "").unwrap());
    assert!(page.contains("<textarea id=\"paste\" name=\"token\""), "{page}");
}

#[test]
fn looking_changes_nothing_and_elsewhere_is_nothing() {
    let stage = stage();
    let token = posted(&stage.wallet.mint(&Draft::default()).to_string(), "");
    let check = |method: &str, path: &str, status: u16| {
        let reply = stage.page(method, path, &token).unwrap();
        assert_eq!(reply.head.status, status, "{method} {path}");
        assert!(reply.head.handed_over.is_none(), "{method} {path}");
    };
    check("GET", "", 200);
    check("GET", "/", 200);
    check("GET", "/session", 404);
    check("POST", "/other", 404);
    check("PUT", "", 404);
    assert!(stage.host.requests().is_empty());
    let act = PagePurpose::Act { order: Box::new(order(OrderKind::Collect)) };
    for purpose in [act, PagePurpose::Unrecognised] {
        let mut request = page_request("POST", "", &token);
        request.head.purpose = purpose;
        let told = stage.host.block_on(async { stage.rail.page(request, &stage.host.call()).await });
        assert_eq!(told.map(drop).unwrap_err().code, "unsupported");
    }
}

const VALIDATION: &str = "https://apple-pay-gateway.apple.com/paymentservices/startSession";

fn ask(stage: &Stage, url: &str) -> PageReply {
    stage.page("POST", "/session", &json!({ "validationUrl": url }).to_string()).unwrap()
}

#[test]
fn the_page_gets_its_merchant_session() {
    let stage = stage();
    let session = r#"{"merchantSessionIdentifier":"SSH1","nonce":"1f"}"#;
    let _same = stage
        .host
        .clone()
        .on_http("POST", VALIDATION, move |_| Ok(HttpResponse::new(200, "application/json", session)));
    let reply = ask(&stage, VALIDATION);
    assert_eq!((reply.head.status, text(&reply).as_str()), (200, session));
    let asked = stage.host.requests();
    let body: Value = serde_json::from_slice(&asked[0].body).unwrap();
    let expected = json!({
        "merchantIdentifier": MERCHANT_ID,
        "displayName": "Sportello",
        "initiative": "web",
        "initiativeContext": "pay.example",
    });
    assert_eq!(body, expected);
}

#[test]
fn only_apple_is_asked_for_a_merchant_session() {
    let stage = stage();
    for url in [
        "https://evil.example/paymentservices/startSession",
        "https://apple-pay-gateway.apple.com.evil.example/x",
        "https://apple-pay-gateway.apple.com@evil.example/x",
        "http://apple-pay-gateway.apple.com/x",
        "http://169.254.169.254/latest/meta-data",
        "http://127.0.0.1:8080/",
        "file:///etc/passwd",
        "",
    ] {
        assert_eq!(ask(&stage, url).head.status, 400, "{url}");
    }
    assert_eq!(stage.page("POST", "/session", "rubbish").unwrap().head.status, 400);
    assert!(stage.host.requests().is_empty(), "{:?}", stage.host.requests().len());
}

#[test]
fn a_session_that_is_not_given_is_none() {
    let stage = stage();
    let answers: [fn() -> Result<HttpResponse, Failure>; 4] = [
        || Ok(HttpResponse::new(417, "text/plain", "Payment Services Exception")),
        || Ok(HttpResponse::new(200, "text/html", "<html>")),
        || Ok(HttpResponse::new(200, "application/json", format!("{{\"a\":\"{}\"}}", "x".repeat(70_000)))),
        || Err(Failure::provider("unreachable", "no connection")),
    ];
    for answer in answers {
        let _same = stage.host.clone().on_http("POST", VALIDATION, move |_| answer());
        let reply = ask(&stage, VALIDATION);
        assert_eq!((reply.head.status, text(&reply).as_str()), (502, "{}"));
    }
}

#[test]
fn whatever_is_posted_nothing_panics_and_nothing_is_handed_over() {
    let stage = stage();
    let mut runner = proptest::test_runner::TestRunner::default();
    let posts = (proptest::sample::select(vec!["", "/session", "/other"]), ".{0,200}", proptest::bool::ANY);
    runner
        .run(&posts, |(path, text, is_token)| {
            let body = if is_token { posted(&text, &text) } else { text };
            let reply = stage.page("POST", path, &body).unwrap();
            proptest::prop_assert!(reply.head.status >= 400);
            proptest::prop_assert!(reply.head.handed_over.is_none());
            Ok(())
        })
        .unwrap();
}
