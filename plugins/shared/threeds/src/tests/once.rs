//! What is sent, and with what, once the payer has acted.

use super::*;
use crate::testing::{CAVV, DS};

#[test]
fn what_is_shown_of_the_payer() {
    let evidence = format!("05 {CAVV} {DS}");
    let check = |three_ds: Value, is_soft: bool, status: &str, expected: &[&str], word_expected: &str| {
        let stage = Stage::new(three_ds.clone(), Server::saying(status), is_soft);
        if word(&stage.submit()) == "act" {
            stage.post("/start", "javascript=true");
        }
        assert_eq!(word(&stage.submit()), word_expected, "{three_ds} {is_soft} {status}");
        // However often it comes.
        stage.submit().unwrap();
        assert_eq!(stage.sent(), expected, "{three_ds} {is_soft} {status}");
    };
    check(json!({}), false, "Y", &[&evidence], "settled");
    check(json!({}), false, "N", &[], "declined 3ds_n");
    check(json!({ "when": "never" }), false, "Y", &["nothing"], "settled");
    check(json!({ "when": "never" }), true, "Y", &["nothing"], "declined 1A");
    check(json!({ "when": "when-asked" }), false, "Y", &["nothing"], "settled");
    check(json!({ "when": "when-asked" }), true, "Y", &["nothing", &evidence], "settled");
    check(json!({ "when": "when-asked" }), true, "N", &["nothing"], "declined 3ds_n");
    check(json!({ "low_value": { "EUR": 2000 } }), false, "Y", &["low value"], "settled");
    check(json!({ "low_value": { "EUR": 2000 } }), true, "Y", &["low value", &evidence], "settled");
    check(json!({ "unavailable": "attempt" }), false, "U", &["nothing"], "settled");
}

/// Whose card is in no directory is charged without evidence; where nobody has said so, nothing is.
#[test]
fn only_the_directory_says_that_a_card_is_not_enrolled() {
    let check = |answer: (u16, Value), expected: &str, sent: &[&str]| {
        for unavailable in ["decline", "attempt"] {
            let server = Server { versioning: answer.clone(), ..Server::saying("Y") };
            let stage = Stage::approving(json!({ "unavailable": unavailable }), server);
            assert_eq!(word(&stage.submit()), "act");
            let call = stage.host.call();
            let start = request("POST", "/start", "javascript=true", "en");
            // A page that cannot go on may be a failure, too: the payer tries again.
            let _ = stage.host.block_on(stage.three_ds.page(&collect(), &start, &stage.till, &call));
            assert_eq!(word(&stage.submit()), expected, "{answer:?} {unavailable}");
            assert_eq!(stage.sent(), sent, "{answer:?} {unavailable}");
        }
    };
    check((404, json!({ "messageType": "Erro", "errorCode": "305", "errorComponent": "D" })), "settled", &["nothing"]);
    check((404, json!({ "errorCode": "101" })), "act", &[]);
    check((404, json!({ "error": "no such page" })), "act", &[]);
    check((404, json!("not found")), "act", &[]);
    check((200, json!({ "errorCode": "305" })), "act", &[]);
    check((500, json!({ "errorCode": "305" })), "act", &[]);
}

#[test]
fn evidence_outlives_what_was_not_sent_and_is_gone_with_what_was() {
    let stage = Stage::approving(json!({}), Server::saying("Y"));
    stage.submit().unwrap();
    stage.post("/start", "javascript=true");
    let is_kept = || stage.host.vaulted(&format!("3ds/{KEY}")).is_some();
    *stage.till.is_open.lock().unwrap() = false;
    assert_eq!(word(&stage.submit()), "failed no_link");
    assert!(is_kept());
    *stage.till.is_open.lock().unwrap() = true;
    assert_eq!(word(&stage.submit()), "settled");
    assert!(!is_kept());
    // Once it has served, what was recorded is told, and nothing is sent.
    assert_eq!(word(&stage.submit()), "settled");
    assert_eq!(stage.sent().len(), 1);
}

#[test]
fn the_till_is_told_of_a_payer_who_was_refused() {
    let check = |status: &str, acts: bool, expected: bool| {
        let stage = Stage::approving(json!({}), Server::saying(status));
        stage.submit().unwrap();
        if acts {
            stage.post("/start", "javascript=true");
        }
        stage.host.advance(3_600_000);
        stage.inquire();
        assert_eq!(*stage.till.refused.lock().unwrap() > 0, expected, "{status} {acts}");
    };
    check("Y", true, false);
    check("N", true, true);
    check("R", true, true);
    check("U", true, true);
    check("Y", false, true);
    check("C", true, true);
}

#[test]
fn a_result_that_is_brought_again_changes_nothing() {
    let stage = Stage::approving(json!({}), Server::saying("C"));
    stage.submit().unwrap();
    stage.post("/start", "javascript=true");
    stage.server.hears("Y");
    stage.post("/back", "cres=x");
    assert_eq!(word(&stage.submit()), "settled");
    let before = stage.host.stored(&format!("a/{KEY}"));
    // Whatever the 3DS server says by now.
    stage.server.hears("N");
    for path in ["/back", "/start", "/go", "/method"] {
        stage.post(path, "cres=x&javascript=true");
    }
    assert_eq!(stage.host.stored(&format!("a/{KEY}")), before);
    assert!(stage.reports().iter().all(|report| report == "proceed"), "{:?}", stage.reports());
    assert_eq!(word(&stage.submit()), "settled");
    assert_eq!(stage.sent().len(), 1);
    assert_eq!(*stage.till.refused.lock().unwrap(), 0);
}

#[test]
fn without_its_key_nobody_is_authenticated() {
    let merchant =
        || Merchant { name: String::new(), mcc: String::new(), acquirer_id: String::new(), merchant_id: String::new() };
    let check = |settings: Value, host: ScriptedHost, expected: &str| {
        let opened = host.block_on(Authentication::open(from_value(settings).unwrap(), merchant(), &host.call()));
        let message = opened.err().map(|failure| failure.message).unwrap_or_default();
        assert!(message.contains(expected), "{expected}: {message}");
    };
    check(json!({ "url": SERVER }), ScriptedHost::new(), "three_ds_key");
    check(json!({ "url": "3ds" }), ScriptedHost::new(), "`url`");
}
