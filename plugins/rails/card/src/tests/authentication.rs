//! From an order to the payer's authentication, and back to the order.

use sportello_sdk::serde_json::json;
use sportello_sdk::{Money, Order, Outcome};

use super::*;

#[test]
fn nothing_is_sent_before_the_payer_was_authenticated() {
    let stage = Stage::approving(json!({}), Server::saying("Y"));
    let told = stage.submit(&collect()).unwrap();
    let expected = Outcome::ActionRequired {
        url: format!("https://pay.example/act/{KEY}"),
        until_ms: Some(1_700_000_000_000 + 15 * 60_000),
        reference: None,
    };
    assert_eq!(told, expected);
    // Given again, or asked about: the same.
    assert_eq!(stage.submit(&collect()).unwrap(), expected);
    assert_eq!(stage.inquire(), expected);
    // An issuer's page waits for half a minute only, and nobody has opened ours.
    assert!(stage.host.requests().is_empty() && stage.sent().is_empty());
}

#[test]
fn what_the_issuer_says_at_once() {
    let check = |status: &str, three_ds: Value, report: &str, then: &str, evidence: &str| {
        let stage = Stage::approving(three_ds, Server::saying(status));
        stage.submit(&collect()).unwrap();
        stage.post("/start", "javascript=true");
        assert_eq!(stage.reports(), [report], "{status}");
        assert_eq!(word(&Ok(stage.inquire())), report, "{status}");
        assert_eq!(word(&stage.submit(&collect())), then, "{status}");
        let sent = stage.sent();
        assert_eq!(sent.first().map_or("", |drawn| &drawn[5..]), evidence, "{status}");
        // Once it was sent, the evidence is gone; the order's outcome is not.
        assert!(stage.host.vaulted(&format!("3ds/{KEY}")).is_none());
        assert_eq!(word(&stage.submit(&collect())), then, "{status}");
        assert!(stage.sent().len() <= 1);
    };
    let evidence = |eci: &str| format!("4202{eci}4328{CAVV}66372{DS}");
    check("Y", json!({}), "proceed", "settled 20.00 EUR", &evidence("05"));
    check("A", json!({}), "proceed", "settled 20.00 EUR", &evidence("06"));
    check("N", json!({}), "declined 3ds_n", "declined 3ds_n", "");
    check("R", json!({}), "declined 3ds_r", "declined 3ds_r", "");
    check("U", json!({}), "declined 3ds_u", "declined 3ds_u", "");
    check("I", json!({}), "declined 3ds_u", "declined 3ds_u", "");
    check("X", json!({}), "declined 3ds_u", "declined 3ds_u", "");
    check("U", json!({ "unavailable": "attempt" }), "proceed", "settled 20.00 EUR", "-");
}

#[test]
fn a_challenge_ends_by_what_the_3ds_server_heard_and_not_by_the_browser() {
    let check = |claimed: &str, heard: &str, expected: &str| {
        let stage = Stage::approving(json!({}), Server::saying("C"));
        stage.submit(&collect()).unwrap();
        let page = stage.post("/start", "javascript=true");
        assert_eq!(page.head.forms, ["https://acs.example"]);
        let page = text(&page);
        assert!(page.contains(r#"action="https://acs.example/challenge?x=1&amp;y=2""#), "{page}");
        let cres = json!({ "threeDSServerTransID": TRANSACTION, "transStatus": claimed, "messageType": "CRes" });
        let cres = base64::Engine::encode(&base64::engine::general_purpose::URL_SAFE_NO_PAD, cres.to_string());
        let form = format!("cres={cres}&threeDSSessionData=x");
        // The RReq is late: whatever the browser claims.
        stage.post("/back", &form);
        assert!(stage.reports().is_empty());
        assert_eq!(word(&stage.submit(&collect())), "act");
        stage.server.hears(heard);
        stage.post("/back", &form);
        assert_eq!(stage.reports(), [expected], "{claimed} {heard}");
        let then = if expected == "proceed" { "settled 20.00 EUR" } else { expected };
        assert_eq!(word(&stage.submit(&collect())), then);
    };
    check("Y", "Y", "proceed");
    check("N", "Y", "proceed");
    check("Y", "N", "declined 3ds_n");
    check("Y", "R", "declined 3ds_r");
    check("Y", "U", "declined 3ds_u");
    check("Y", "C", "declined 3ds_u");
}

#[test]
fn a_browser_that_never_comes_back_is_not_waited_for() {
    let check = |heard: Option<&str>, later_ms: u64, expected: &str| {
        let stage = Stage::approving(json!({}), Server::saying("C"));
        stage.submit(&collect()).unwrap();
        stage.post("/start", "javascript=true");
        if let Some(heard) = heard {
            stage.server.hears(heard);
        }
        stage.host.advance(later_ms);
        assert_eq!(word(&Ok(stage.inquire())), expected, "{heard:?} {later_ms}");
        stage
    };
    let quarter = 15 * 60_000;
    check(Some("Y"), quarter, "proceed");
    check(Some("N"), quarter, "declined 3ds_n");
    check(None, quarter - 1, "act");
    let stage = check(None, quarter, "declined authentication_expired");
    // It is over, and stays so.
    stage.server.hears("Y");
    stage.post("/back", "cres=x");
    assert_eq!(word(&Ok(stage.inquire())), "declined authentication_expired");
    assert_eq!(word(&stage.submit(&collect())), "declined authentication_expired");
    assert!(stage.sent().is_empty());
}

#[test]
fn a_challenge_begun_at_the_last_minute_has_its_ten() {
    let stage = Stage::approving(json!({}), Server::saying("C"));
    stage.submit(&collect()).unwrap();
    stage.host.advance(14 * 60_000);
    stage.post("/start", "javascript=true");
    stage.host.advance(60_000);
    assert!(
        matches!(stage.inquire(), Outcome::ActionRequired { until_ms: Some(until_ms), .. } if until_ms > stage.host.clock_ms())
    );
    stage.host.advance(10 * 60_000);
    assert_eq!(word(&Ok(stage.inquire())), "declined authentication_expired");
}

#[test]
fn a_payer_who_gives_up_is_told_apart() {
    let stage = Stage::approving(json!({}), Server::saying("C"));
    stage.submit(&collect()).unwrap();
    stage.post("/start", "");
    let mut result = said("N");
    result["challengeCancel"] = json!("01");
    stage.server.hears_so(result);
    stage.post("/back", "cres=x");
    assert_eq!(stage.reports(), ["declined 3ds_cancelled"]);
}

#[test]
fn a_card_that_is_not_enrolled_is_sent_without_evidence() {
    let server = Server { versioning: (404, json!({ "errorCode": "305" })), ..Server::saying("Y") };
    let stage = Stage::approving(json!({}), server);
    stage.submit(&collect()).unwrap();
    stage.post("/start", "javascript=true");
    assert_eq!(stage.reports(), ["proceed"]);
    assert_eq!(word(&stage.submit(&collect())), "settled 20.00 EUR");
    assert_eq!(stage.sent(), ["0200 -"]);
}

#[test]
fn an_issuer_that_asks_gets_what_it_asked_for() {
    for three_ds in [json!({ "when": "when-asked" }), json!({ "low_value": { "EUR": 2000 } })] {
        let stage = Stage::soft(three_ds.clone(), Server::saying("C"));
        assert_eq!(word(&stage.submit(&collect())), "act");
        assert_eq!(word(&stage.submit(&collect())), "act");
        stage.post("/start", "javascript=true");
        stage.server.hears("Y");
        stage.post("/back", "cres=x");
        assert_eq!(stage.reports(), ["proceed"]);
        assert_eq!(word(&stage.submit(&collect())), "settled 20.00 EUR");
        assert_eq!(word(&stage.submit(&collect())), "settled 20.00 EUR");
        let first = if three_ds.get("low_value").is_some() { "0200 2206010204" } else { "0200 -" };
        assert_eq!(stage.asked("/3ds/authentication")[0]["threeDSRequestorChallengeInd"], "04");
        assert_eq!(stage.sent(), [first.to_owned(), format!("0200 4202054328{CAVV}66372{DS}")]);
    }
}

#[test]
fn an_issuer_that_asks_in_vain_declines() {
    let check = |three_ds: Value, status: &str, expected: &str| {
        let stage = Stage::soft(three_ds.clone(), Server::saying(status));
        if word(&stage.submit(&collect())) == "act" {
            stage.post("/start", "javascript=true");
        }
        assert_eq!(word(&stage.submit(&collect())), expected, "{three_ds} {status}");
    };
    check(json!({ "when": "never" }), "Y", "declined 1A");
    check(json!({ "when": "when-asked" }), "N", "declined 3ds_n");
    check(json!({ "when": "when-asked", "unavailable": "attempt" }), "U", "declined 1A");
    // It was shown that it was attempted, and wants more.
    check(json!({ "when": "always" }), "A", "declined 1A");
}

#[test]
fn low_values_are_by_currency_and_in_its_minor_units() {
    let check = |minor: u64, currency: &str, expected: &str| {
        let stage = Stage::approving(json!({ "low_value": { "EUR": 3000, "JPY": 3000 } }), Server::saying("Y"));
        let amount = Money::new(minor, currency.parse().unwrap()).unwrap();
        stage.submit(&Order { amount, ..collect() }).unwrap();
        assert_eq!(stage.sent().first().map_or("act", String::as_str), expected, "{minor} {currency}");
    };
    check(3000, "EUR", "0200 2206010204");
    check(3001, "EUR", "act");
    check(3000, "JPY", "0200 2206010204");
    check(100, "USD", "act");
}

#[test]
fn what_proves_nothing_is_no_evidence() {
    let mut answers = said("Y");
    answers["authenticationValue"] = json!("not base64: <script>");
    let server = Server { authentication: (200, answers), ..Server::saying("Y") };
    let stage = Stage::approving(json!({}), server);
    stage.submit(&collect()).unwrap();
    stage.post("/start", "");
    assert_eq!(stage.reports(), ["declined 3ds_u"]);
}

#[test]
fn a_3ds_server_that_fails_ends_nothing() {
    let check = |versioning: (u16, Value), authentication: (u16, Value)| {
        let server = Server { versioning, authentication, ..Server::saying("Y") };
        let stage = Stage::approving(json!({}), server);
        stage.submit(&collect()).unwrap();
        let page = stage.post("/start", "javascript=true");
        assert_eq!(page.head.status, 503);
        assert!(stage.reports().is_empty());
        assert_eq!(word(&Ok(stage.inquire())), "act");
    };
    let Server { versioning, authentication, .. } = Server::saying("Y");
    check((500, json!({})), authentication.clone());
    check((200, json!({ "threeDSServerTransID": "../../x", "messageVersion": "2.2.0" })), authentication.clone());
    check((200, json!("?")), authentication);
    check(versioning.clone(), (502, json!({})));
    check(versioning, (200, json!({ "eci": "05" })));
}
