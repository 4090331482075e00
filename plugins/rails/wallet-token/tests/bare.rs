//! Tokens with the card's own number: their payers are authenticated by the card's bank, and charged once.
#![allow(clippy::indexing_slicing, reason = "a test may fail loudly: that is what it is for")]

mod mint;
mod stage;

use mint::apple::Draft;
use mint::{GOOGLE_PAN, NOW_MS, google};
use serde_json::{Value, json};
use sportello_iso8583::testing::{Acquirer, Says};
use sportello_iso8583::{Field, Message};
use sportello_sdk::{Order, OrderKind, Outcome};
use sportello_threeds::testing::{CAVV, DS, Server, said};
use stage::{ACCOUNT, KEY, Stage, order, word};

/// A token without a cryptogram.
fn bare() -> Value {
    let mut draft = google::Draft::default();
    draft.payload["paymentMethodDetails"]["authMethod"] = json!("PAN_ONLY");
    google::mint(&draft)
}

/// A rail with such a token, and an acquirer that approves.
fn waits(three_ds: &Value, server: &Server) -> Stage {
    waits_at(Acquirer::new(|_| Says::Code("00")), three_ds, server)
}

fn waits_at(acquirer: Acquirer, three_ds: &Value, server: &Server) -> Stage {
    let stage = Stage::asking(acquirer, server, three_ds);
    stage.hands_over(&bare(), NOW_MS);
    stage
}

fn gives(stage: &Stage) -> String {
    word(&stage.gives(&order(OrderKind::Collect)))
}

fn reports(stage: &Stage) -> Vec<String> {
    stage.host.reports().into_iter().map(|report| word(&Ok(report.outcome))).collect()
}

/// What is kept: the token, and the number.
fn kept(stage: &Stage) -> (bool, bool) {
    (stage.host.vaulted(ACCOUNT).is_some(), stage.host.vaulted(&format!("number/{KEY}")).is_some())
}

fn evidence(eci: &str) -> String {
    format!("0200 {GOOGLE_PAN} 3012 4202{eci}4328{CAVV}66372{DS}")
}

#[test]
fn nothing_is_sent_and_no_number_is_kept_before_the_payer_was_authenticated() {
    let stage = waits(&json!({}), &Server::saying("Y"));
    let told = stage.gives(&order(OrderKind::Collect)).unwrap();
    let url = format!("https://pay.example/act/{KEY}");
    assert_eq!(told, Outcome::ActionRequired { url, until_ms: Some(NOW_MS + 15 * 60_000), reference: None });
    assert_eq!(gives(&stage), "act");
    assert_eq!(stage.inquires(), told);
    assert!(stage.acquirer.received().is_empty() && stage.host.requests().is_empty());
    assert_eq!(kept(&stage), (true, false));
    // A restart changes nothing of that.
    let stage = stage.restarted();
    assert_eq!(gives(&stage), "act");
    stage.acts("/start", "javascript=true");
    assert_eq!(reports(&stage), ["proceed"]);
    assert_eq!(kept(&stage), (true, false));
    assert_eq!(gives(&stage), "settled 20.00 EUR");
    assert_eq!(stage.sent(&[2, 14, 48]), [evidence("05")]);
    assert_eq!(kept(&stage), (false, true));
    assert!(stage.host.vaulted(&format!("3ds/{KEY}")).is_none());
}

#[test]
fn what_the_bank_says_at_once() {
    let check = |status: &str, three_ds: Value, report: &str, then: &str, sent: &[String]| {
        let stage = waits(&three_ds, &Server::saying(status));
        assert_eq!(gives(&stage), "act", "{status}");
        stage.acts("/start", "javascript=true");
        assert_eq!(reports(&stage), [report], "{status}");
        assert_eq!(word(&Ok(stage.inquires())), report, "{status}");
        // Who was refused is not charged: there is nothing left to charge.
        assert_eq!(kept(&stage), (report == "proceed", false), "{status}");
        assert_eq!(gives(&stage), then, "{status}");
        assert_eq!(gives(&stage), if sent.is_empty() { "declined token_gone" } else { then }, "{status}");
        assert_eq!(stage.sent(&[2, 14, 48]), sent, "{status}");
    };
    let none = |told: &str| format!("declined {told}, elsewhere");
    check("Y", json!({}), "proceed", "settled 20.00 EUR", &[evidence("05")]);
    check("A", json!({}), "proceed", "settled 20.00 EUR", &[evidence("06")]);
    check("N", json!({}), &none("3ds_n"), "declined token_gone", &[]);
    check("R", json!({}), &none("3ds_r"), "declined token_gone", &[]);
    check("U", json!({}), &none("3ds_u"), "declined token_gone", &[]);
    let attempted = format!("0200 {GOOGLE_PAN} 3012 -");
    check("U", json!({ "unavailable": "attempt" }), "proceed", "settled 20.00 EUR", &[attempted]);
}

#[test]
fn a_challenge_ends_by_what_the_3ds_server_heard_and_is_charged_once() {
    let check = |heard: Value, report: &str, charged: bool| {
        let server = Server::saying("C");
        let stage = waits(&json!({}), &server);
        assert_eq!(gives(&stage), "act");
        assert_eq!(stage.acts("/start", "javascript=true").head.forms, ["https://acs.example"]);
        // The browser claims what it likes; nobody has heard of it.
        let cres = "cres=eyJtZXNzYWdlVHlwZSI6IkNSZXMiLCJ0cmFuc1N0YXR1cyI6IlkifQ";
        stage.acts("/back", cres);
        assert!(reports(&stage).is_empty());
        assert_eq!((gives(&stage).as_str(), stage.sent(&[]).len()), ("act", 0));
        server.hears_so(heard.clone());
        stage.acts("/back", cres);
        assert_eq!(reports(&stage), [report], "{heard}");
        let then = gives(&stage);
        assert_eq!(then == "settled 20.00 EUR", charged, "{heard}: {then}");
        // Brought again, and with another end: nothing changes.
        server.hears("Y");
        for _ in 0..2 {
            stage.acts("/back", cres);
            stage.acts("/start", "javascript=true");
        }
        assert_eq!(gives(&stage), then);
        assert!(reports(&stage).iter().all(|told| told == report), "{:?}", reports(&stage));
        assert_eq!(stage.sent(&[]).len(), usize::from(charged));
        assert_eq!(kept(&stage), (false, charged));
    };
    check(said("Y"), "proceed", true);
    check(said("N"), "declined 3ds_n, elsewhere", false);
    check(said("U"), "declined 3ds_u, elsewhere", false);
    let mut cancelled = said("N");
    cancelled["challengeCancel"] = json!("01");
    check(cancelled, "declined 3ds_cancelled, elsewhere", false);
}

#[test]
fn who_never_acts_is_not_waited_for_and_nothing_of_theirs_is_kept() {
    let server = Server::saying("C");
    let stage = waits(&json!({}), &server);
    assert_eq!(gives(&stage), "act");
    stage.acts("/start", "javascript=true");
    stage.host.advance(15 * 60_000);
    assert_eq!(word(&Ok(stage.inquires())), "declined authentication_expired, elsewhere");
    assert_eq!(kept(&stage), (false, false));
    server.hears("Y");
    stage.acts("/back", "cres=x");
    assert_eq!(word(&Ok(stage.inquires())), "declined authentication_expired, elsewhere");
    assert!(stage.sent(&[]).is_empty());
}

#[test]
fn an_issuer_that_asks_gets_what_it_asked_for_and_no_number_waits_meanwhile() {
    let issuer = |message: &Message| {
        let data = message.text(Field::PRIVATE_DATA).unwrap_or_default();
        Says::Code(if data.starts_with("420205") { "00" } else { "1A" })
    };
    let low = json!({ "low_value": { "EUR": 2000 } });
    let stage = waits_at(Acquirer::new(issuer), &low, &Server::saying("Y"));
    assert_eq!(gives(&stage), "act");
    assert_eq!(kept(&stage), (true, false));
    assert_eq!(gives(&stage), "act");
    stage.acts("/start", "javascript=true");
    assert_eq!(gives(&stage), "settled 20.00 EUR");
    assert_eq!(gives(&stage), "settled 20.00 EUR");
    assert_eq!(stage.sent(&[2, 14, 48]), [format!("0200 {GOOGLE_PAN} 3012 2206010204"), evidence("05")]);
    assert_eq!(kept(&stage), (false, true));
    // Asked in vain.
    let stage = waits_at(Acquirer::new(|_| Says::Code("1A")), &low, &Server::saying("Y"));
    assert_eq!(gives(&stage), "act");
    stage.acts("/start", "javascript=true");
    assert_eq!(gives(&stage), "declined 1A, elsewhere");
    assert_eq!(kept(&stage), (false, false));
    assert_eq!(gives(&stage), "declined 1A, elsewhere");
}

#[test]
fn a_token_that_waits_is_no_other_orders() {
    let stage = waits(&json!({}), &Server::saying("Y"));
    assert_eq!(gives(&stage), "act");
    let another = Order { key: format!("{}2", &KEY[..33]), ..order(OrderKind::Collect) };
    assert_eq!(word(&stage.gives(&another)), "declined replayed");
    stage.acts("/start", "javascript=true");
    assert_eq!(gives(&stage), "settled 20.00 EUR");
    assert_eq!(stage.sent(&[]).len(), 1);
}

#[test]
fn an_order_that_did_not_leave_may_come_again_with_its_evidence() {
    let stage = waits(&json!({}), &Server::saying("Y"));
    assert_eq!(gives(&stage), "act");
    stage.acts("/start", "javascript=true");
    // Without `run` there is no link.
    let told = stage.host.block_on(async {
        use sportello_sdk::Rail as _;
        stage.rail.submit(order(OrderKind::Collect), &stage.host.call()).await
    });
    assert_eq!(word(&told), "failed no_link");
    assert_eq!(kept(&stage), (true, false));
    assert_eq!(gives(&stage), "settled 20.00 EUR");
    assert_eq!(stage.sent(&[2, 14, 48]), [evidence("05")]);
}

/// A cryptogram is the payer's authentication; what it does not suffice for is declined.
#[test]
fn a_token_with_a_cryptogram_is_never_asked_about() {
    let check = |code: &'static str, expected: &str| {
        let stage = Stage::asking(Acquirer::new(move |_| Says::Code(code)), &Server::saying("Y"), &json!({}));
        for (token, key) in [
            (stage.wallet.mint(&Draft::default()), KEY.to_owned()),
            (google::mint(&google::Draft::default()), format!("{}2", &KEY[..33])),
        ] {
            stage.hands_over(&token, NOW_MS);
            let order = Order { key, ..order(OrderKind::Collect) };
            assert_eq!(word(&stage.gives(&order)), expected);
            assert_eq!(word(&stage.gives(&order)), expected);
        }
        assert!(stage.host.requests().is_empty());
        assert_eq!(stage.sent(&[]).len(), 2);
    };
    check("00", "settled 20.00 EUR");
    check("1A", "declined 1A, elsewhere");
}

#[test]
fn the_page_asks_for_such_numbers_and_takes_them() {
    let stage = Stage::asking(Acquirer::new(|_| Says::Code("00")), &Server::saying("Y"), &json!({}));
    let page = String::from_utf8(stage.page("GET", "", "").unwrap().body.to_vec()).unwrap();
    assert!(page.contains(r#""allowedAuthMethods":["CRYPTOGRAM_3DS","PAN_ONLY"]"#), "{page}");
    let written: String = bare().to_string().bytes().map(|byte| format!("%{byte:02X}")).collect();
    let reply = stage.page("POST", "", &format!("token={written}")).unwrap();
    assert_eq!(reply.head.handed_over.map(|handed| handed.label).as_deref(), Some("Google Pay"));
}

#[test]
fn nothing_of_the_card_is_told_logged_or_stored() {
    let mut told = Vec::new();
    for status in ["Y", "N", "C", "U"] {
        for code in ["00", "05", "ZZ", "1A"] {
            let server = Server::saying(status);
            let stage = waits_at(Acquirer::new(move |_| Says::Code(code)), &json!({}), &server);
            let token = bare()["signedMessage"].as_str().unwrap().to_owned();
            let text = |reply: sportello_sdk::PageReply| String::from_utf8(reply.body.to_vec()).unwrap();
            told.push(format!("{:?}", stage.gives(&order(OrderKind::Collect))));
            told.push(text(stage.acts("/start", "javascript=true")));
            server.hears("Y");
            told.push(text(stage.acts("/back", "cres=x")));
            told.push(format!("{:?}", stage.inquires()));
            told.push(format!("{:?}", stage.gives(&order(OrderKind::Collect))));
            for name in [format!("a/{KEY}"), format!("o/{KEY}")] {
                told.extend(stage.host.stored(&name).map(|value| String::from_utf8(value.to_vec()).unwrap()));
            }
            told.push(stage.logs());
            told.extend(stage.host.reports().iter().map(|report| format!("{report:?}")));
            for text in told.drain(..) {
                let secrets = [GOOGLE_PAN, CAVV, token.as_str(), sportello_threeds::testing::KEY];
                assert!(!secrets.iter().any(|secret| text.contains(secret)), "{text}");
            }
        }
    }
}
