//! The acquirer as a rail meets it: who may speak, what is approved, and that money counts.
#![allow(
    unreachable_pub,
    dead_code,
    missing_docs,
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "tests may fail loudly, and use their shared modules in part"
)]

mod terminal;
mod world;

use serde_json::{Value, json};
use terminal::Terminal;
use world::Sandbox;

const VISA: &str = "4111111111111111";

async fn start() -> (Sandbox, Terminal) {
    let sandbox = Sandbox::start(&[]).await;
    let terminal = Terminal::start(&sandbox.acquirer).await;
    (sandbox, terminal)
}

/// What a card paid, what is held, what was reversed, in cents of euros.
async fn books(sandbox: &Sandbox, last4: &str) -> (u64, u64, u64) {
    let card = sandbox.card(last4).await;
    let of = |key: &str| card[key]["EUR"].as_u64().unwrap_or(0);
    (of("taken_minor"), of("held_minor"), of("reversed_minor"))
}

#[tokio::test]
async fn nobody_is_served_before_a_sign_on() {
    let sandbox = Sandbox::start(&[]).await;
    let mut terminal = Terminal::connect(&sandbox.acquirer).await;
    let request = terminal.request(100, VISA, 2000, &[]);
    let refused = terminal.ask(&request).await;
    assert_eq!((refused.mti.as_str(), refused.code(), refused.get(44)), ("0110", "91", "sign on first"));
    terminal.hears_nothing().await;
    assert_eq!(terminal.manage("001").await.code(), "00");
    // What was not served was not booked: the same message is a first one.
    assert_eq!(terminal.ask(&request).await.code(), "00");
    assert_eq!(terminal.manage("002").await.code(), "00");
    let request = terminal.request(100, VISA, 2000, &[]);
    assert_eq!(terminal.ask(&request).await.code(), "91");
    assert_eq!(terminal.manage("999").await.code(), "12");
}

#[tokio::test]
async fn each_test_card_answers_as_the_table_has_it() {
    let (sandbox, mut terminal) = start().await;
    let mut check = async |pan: &str, more: &[(u8, &str)], expected: (&str, &str)| {
        let request = terminal.request(100, pan, 2001, more);
        let answer = terminal.ask(&request).await;
        assert_eq!((answer.code(), answer.get(4).trim_start_matches('0')), expected, "{pan} {more:?} {answer:?}");
        assert_eq!(answer.get(38).len(), if matches!(answer.code(), "00" | "10") { 6 } else { 0 });
        for field in [3, 7, 11, 32, 37, 41, 42, 49] {
            assert_eq!(answer.get(field), request.fields[&field], "field {field}");
        }
    };
    let full = "2001";
    check(VISA, &[], ("00", full)).await;
    check("5555555555554444", &[], ("00", full)).await;
    check("4242424242424242", &[], ("00", full)).await;
    check("3530111333300000", &[(49, "392")], ("00", full)).await;
    check("6011000990139424", &[], ("10", "1000")).await;
    check("4000000000000002", &[], ("05", full)).await;
    check("4000000000009995", &[], ("51", full)).await;
    check("4000000000000069", &[], ("54", full)).await;
    check("4000000000000341", &[], ("43", full)).await;
    check("4000000000003220", &[], ("05", full)).await;
    check("4000002500003155", &[], ("1A", full)).await;
    check("4000002500003155", &[(48, "2206010204")], ("1A", full)).await;
    check("4012888888881881", &[], ("14", full)).await;
    check(VISA, &[(14, "2911")], ("54", full)).await;
    check(VISA, &[(49, "756")], ("58", full)).await;
    check(VISA, &[(4, "000000000000")], ("13", "")).await;
    // Network tokens, and claims of an authentication, that nobody vouches for.
    check("4895370012003478", &[], ("05", full)).await;
    check("5204240250197840", &[(48, "4304AAAA")], ("05", full)).await;
    check(VISA, &[(48, "420205")], ("05", full)).await;
    check(VISA, &[(48, "4202054304AAAA")], ("05", full)).await;
    check(VISA, &[(48, "420207")], ("00", full)).await;
    assert_eq!(books(&sandbox, "1111").await, (0, 4002, 0));
    assert_eq!(books(&sandbox, "9424").await, (0, 1000, 0));
    let operations = sandbox.card(VISA).await["operations"].clone();
    assert_eq!(operations.as_array().unwrap().len(), 7);
    assert_eq!(operations[0]["kind"], "authorization");
}

#[tokio::test]
async fn a_network_token_is_approved_once_with_a_cryptogram_that_was_minted_for_it() {
    let (sandbox, mut terminal) = start().await;
    let (apple, google) = ("4895370012003478", "5204240250197840");
    sandbox.on_acquirer("mint", json!({ "dpan": apple, "cryptogram": "AAAAAAAA" })).await;
    let mut check = async |dpan: &str, more: &[(u8, &str)], expected: &str| {
        let request = terminal.request(100, dpan, 100, &[&[(48, "4202054308AAAAAAAA")], more].concat());
        assert_eq!(terminal.ask(&request).await.code(), expected, "{dpan} {more:?}");
    };
    check(google, &[], "05").await;
    // What is declined for another reason spends nothing.
    check(apple, &[(14, "3011")], "54").await;
    check(apple, &[], "00").await;
    check(apple, &[], "05").await;
}

#[tokio::test]
async fn what_is_not_as_it_should_be_is_named() {
    let (sandbox, mut terminal) = start().await;
    let mut check = async |more: &[(u8, &str)], expected: &str| {
        let request = terminal.request(100, VISA, 2000, more);
        let answer = terminal.ask(&request).await;
        assert_eq!((answer.code(), answer.get(44)), ("30", expected), "{more:?}");
    };
    check(&[(2, "4111111111111112")], "2: its format").await;
    check(&[(43, "")], "43: missing").await;
    check(&[(38, "000001")], "38: not in 0100").await;
    check(&[(7, "1324190501")], "7: its format").await;
    check(&[(48, "9901x")], "48: an unknown tag").await;
    // Where a field ends cannot be told, or nobody knows how long the message is: no answer is possible.
    let check = async |octets: &[u8]| {
        let mut terminal = Terminal::start(&sandbox.acquirer).await;
        terminal.raw(octets).await;
        assert_eq!(terminal.frame().await, None);
    };
    check(b"\x00\x05hello").await;
    check(b"\x00\x1001x0\x40\x00\x00\x00\x00\x00\x00\x001234").await;
    check(b"\x00\x100100\x80\x00\x00\x00\x00\x00\x00\x001234").await;
    let seen = sandbox.see(format!("{}/control/acquirer", sandbox.cards)).await;
    assert_eq!((&seen["counters"]["malformed"], &seen["counters"]["format_errors"]), (&json!(3), &json!(5)));
    let complaints = seen["complaints"].as_array().unwrap();
    assert!(complaints.iter().all(|complaint| !complaint.as_str().unwrap().contains(VISA)), "{complaints:?}");
}

#[tokio::test]
async fn a_double_charge_shows_and_a_second_use_of_a_stan_does_not_charge() {
    let (sandbox, mut terminal) = start().await;
    let first = terminal.request(200, VISA, 2000, &[]);
    let approved = terminal.ask(&first).await;
    assert_eq!(approved.code(), "00");
    let again = terminal.ask(&first).await;
    assert_eq!((again.code(), again.get(44)), ("94", "was answered 00"));
    assert_eq!(again.get(38), approved.get(38));
    let mut other = first.clone();
    other.fields.insert(4, format!("{:012}", 1));
    let refused = terminal.ask(&other).await;
    assert_eq!((refused.code(), refused.get(44)), ("94", "11: used by another"));
    assert_eq!(books(&sandbox, "1111").await, (2000, 0, 0));
    let second = terminal.request(200, VISA, 2000, &[]);
    assert_eq!(terminal.ask(&second).await.code(), "00");
    assert_eq!(books(&sandbox, "1111").await, (4000, 0, 0));
}

#[tokio::test]
async fn captures_go_up_to_what_was_authorized_and_refunds_up_to_what_was_taken() {
    let (sandbox, mut terminal) = start().await;
    let authorization = terminal.request(100, VISA, 5000, &[]);
    let approval = terminal.ask(&authorization).await.get(38).to_owned();
    let part = terminal.about(220, &authorization, &[(38, &approval), (4, "000000002000")]);
    assert_eq!(terminal.ask(&part).await.code(), "00");
    assert_eq!(books(&sandbox, "1111").await, (2000, 3000, 0));
    // Repeated, even with a new time of transmission, it is the same capture.
    let mut repeated = part.clone();
    repeated.mti = 221;
    repeated.fields.insert(7, "1124190601".to_owned());
    let answer = terminal.ask(&repeated).await;
    assert_eq!((answer.mti.as_str(), answer.code(), answer.get(38)), ("0230", "00", approval.as_str()));
    assert_eq!(books(&sandbox, "1111").await, (2000, 3000, 0));

    let mut check = async |more: &[(u8, &str)], expected: (&str, &str)| {
        let capture = terminal.about(220, &authorization, &[&[(38, approval.as_str())], more].concat());
        let answer = terminal.ask(&capture).await;
        assert_eq!((answer.code(), answer.get(44)), expected, "{more:?}");
    };
    check(&[(4, "000000003001")], ("61", "4: beyond what is left")).await;
    check(&[(4, "000000000000")], ("13", "4: zero")).await;
    check(&[(38, "999999")], ("30", "38: not the original's")).await;
    check(&[(37, "000000000000")], ("30", "37: not the original's")).await;
    check(&[(90, "010099999911241905010000040012300000000000")], ("25", "90: no such original")).await;
    check(&[(4, "000000003000")], ("00", "")).await;
    assert_eq!(books(&sandbox, "1111").await, (5000, 0, 0));

    let mut check = async |minor: u64, more: &[(u8, &str)], expected: &str| {
        let refund = terminal.request(200, VISA, minor, &[&[(3, "200000")], more].concat());
        assert_eq!(terminal.ask(&refund).await.code(), expected, "{minor}");
    };
    check(5001, &[], "61").await;
    check(2001, &[(90, &part.elements())], "61").await;
    check(1500, &[(90, &part.elements())], "00").await;
    check(3501, &[], "61").await;
    check(3500, &[(14, "")], "00").await;
    assert_eq!(books(&sandbox, "1111").await, (0, 0, 0));
    assert_eq!(sandbox.card("1111").await["refunded_minor"]["EUR"], 5000);
}

#[tokio::test]
async fn a_reversal_gives_back_once_however_often_it_comes() {
    let (sandbox, mut terminal) = start().await;
    let authorization = terminal.request(100, VISA, 2000, &[]);
    let payment = terminal.request(200, VISA, 700, &[]);
    terminal.ask(&authorization).await;
    terminal.ask(&payment).await;
    assert_eq!(books(&sandbox, "1111").await, (700, 2000, 0));
    for mti in [400, 401, 420, 421] {
        let reversal = terminal.about(mti, &authorization, &[]);
        let answer = terminal.ask(&reversal).await;
        assert_eq!((answer.mti, answer.fields[&39].as_str()), (format!("{:04}", mti / 10 * 10 + 10), "00"));
        assert_eq!(terminal.ask(&reversal).await.code(), "00");
        assert_eq!(books(&sandbox, "1111").await, (700, 0, 2000));
    }
    let reversal = terminal.about(420, &payment, &[]);
    assert_eq!(terminal.ask(&reversal).await.code(), "00");
    assert_eq!(books(&sandbox, "1111").await, (0, 0, 2700));
    // A reversed authorization takes no capture, and nothing is refunded of a reversed payment.
    let capture = terminal.about(220, &authorization, &[(38, "000001")]);
    assert_eq!(terminal.ask(&capture).await.code(), "12");
    let refund = terminal.request(200, VISA, 1, &[(3, "200000"), (90, &payment.elements())]);
    assert_eq!(terminal.ask(&refund).await.code(), "61");

    let mut check = async |original: &terminal::Sent, more: &[(u8, &str)], expected: (&str, &str)| {
        let reversal = terminal.about(420, original, more);
        let answer = terminal.ask(&reversal).await;
        assert_eq!((answer.code(), answer.get(44)), expected, "{more:?}");
    };
    check(&payment, &[(41, "TERM0002")], ("25", "90: no such original")).await;
    check(&payment, &[(2, "4242424242424242")], ("30", "2: not the original's")).await;
    check(&payment, &[(4, "000000000600")], ("13", "4: not the original's")).await;
    check(&payment, &[(90, &"9".repeat(42))], ("30", "90: its format")).await;
}

#[tokio::test]
async fn a_reversed_capture_is_reserved_again_and_a_captured_authorization_is_not_reversed() {
    let (sandbox, mut terminal) = start().await;
    let authorization = terminal.request(100, VISA, 2000, &[]);
    let approval = terminal.ask(&authorization).await.get(38).to_owned();
    let capture = terminal.about(220, &authorization, &[(38, &approval)]);
    assert_eq!(terminal.ask(&capture).await.code(), "00");
    let void = terminal.about(400, &authorization, &[]);
    assert_eq!(terminal.ask(&void).await.get(44), "90: captured: refund it");
    let undo = terminal.about(420, &capture, &[]);
    assert_eq!(terminal.ask(&undo).await.code(), "00");
    assert_eq!(books(&sandbox, "1111").await, (0, 2000, 0));
    let void = terminal.about(400, &authorization, &[]);
    assert_eq!(terminal.ask(&void).await.code(), "00");
    assert_eq!(books(&sandbox, "1111").await, (0, 0, 2000));
}

#[tokio::test]
async fn the_page_shows_what_each_card_paid() {
    let (sandbox, mut terminal) = start().await;
    let payment = terminal.request(200, VISA, 2000, &[]);
    terminal.ask(&payment).await;
    let page = sandbox.http.get(&sandbox.cards).send().await.unwrap().text().await.unwrap();
    assert!(page.contains("paid 20.00 EUR") && !page.contains(VISA), "{page}");
    let cards: Value = sandbox.see(format!("{}/sandbox/cards/cards", sandbox.x)).await;
    assert_eq!(cards["cards"].as_array().unwrap().len(), 13);
    assert_eq!(cards["cards"][0]["taken_minor"]["EUR"], 2000);
}
