//! What goes wrong at the acquirer when it is told to, and what its books say afterwards.
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

use serde_json::json;
use terminal::Terminal;
use tokio::net::TcpStream;
use world::Sandbox;

const VISA: &str = "4111111111111111";

async fn start(fault: &str) -> (Sandbox, Terminal) {
    let sandbox = Sandbox::start(&["--acquirer-fault", fault]).await;
    let terminal = Terminal::start(&sandbox.acquirer).await;
    (sandbox, terminal)
}

/// What the card paid, and what is held of it, in cents.
async fn books(sandbox: &Sandbox) -> (u64, u64) {
    let card = sandbox.card(VISA).await;
    let of = |key: &str| card[key]["EUR"].as_u64().unwrap_or(0);
    (of("taken_minor"), of("held_minor"))
}

#[tokio::test]
async fn a_lost_answer_has_charged_and_its_reversal_gives_back() {
    let (sandbox, mut terminal) = start("lose_answers=1").await;
    let payment = terminal.request(200, VISA, 2000, &[]);
    terminal.say(&payment).await;
    terminal.hears_nothing().await;
    assert_eq!(books(&sandbox).await, (2000, 0));
    assert_eq!(sandbox.card("1111").await["operations"][0]["answer"], "lost");
    sandbox.on_acquirer("faults", json!({ "lose_reversal_answers": 1 })).await;
    let mut reversal = terminal.about(420, &payment, &[]);
    terminal.say(&reversal).await;
    terminal.hears_nothing().await;
    assert_eq!(books(&sandbox).await, (0, 0));
    reversal.mti = 421;
    assert_eq!(terminal.ask(&reversal).await.code(), "00");
    assert_eq!(books(&sandbox).await, (0, 0));
}

#[tokio::test]
async fn a_lost_request_was_never_there() {
    let (sandbox, mut terminal) = start("lose_requests=1").await;
    let payment = terminal.request(200, VISA, 2000, &[]);
    terminal.say(&payment).await;
    terminal.hears_nothing().await;
    assert_eq!(books(&sandbox).await, (0, 0));
    let reversal = terminal.about(420, &payment, &[]);
    assert_eq!(terminal.ask(&reversal).await.code(), "25");
}

#[tokio::test]
async fn a_capture_is_repeated_until_it_is_answered() {
    let (sandbox, mut terminal) = start("on=captures").await;
    let authorization = terminal.request(100, VISA, 2000, &[]);
    let approval = terminal.ask(&authorization).await.get(38).to_owned();
    for switch in ["lose_requests", "lose_answers"] {
        sandbox.on_acquirer("faults", json!({ switch: 1 })).await;
        let mut capture = terminal.about(220, &authorization, &[(38, &approval), (4, "000000000500")]);
        terminal.say(&capture).await;
        terminal.hears_nothing().await;
        capture.mti = 221;
        for _ in 0..2 {
            assert_eq!(terminal.ask(&capture).await.code(), "00", "{switch}");
        }
    }
    assert_eq!(books(&sandbox).await, (1000, 1000));
}

#[tokio::test]
async fn a_capture_that_overtakes_its_authorization_is_taken_when_it_is_repeated() {
    let (sandbox, mut terminal) = start("hold_requests=1").await;
    let authorization = terminal.request(100, VISA, 2000, &[]);
    terminal.say(&authorization).await;
    let mut capture = terminal.about(220, &authorization, &[(38, "000001")]);
    assert_eq!(terminal.ask(&capture).await.code(), "25");
    sandbox.on_acquirer("release", json!({})).await;
    assert_eq!(terminal.answer().await.get(38), "000001");
    capture.mti = 221;
    assert_eq!(terminal.ask(&capture).await.code(), "00");
    assert_eq!(books(&sandbox).await, (2000, 0));
}

#[tokio::test]
async fn a_reversal_that_overtakes_its_original_is_remembered() {
    let check = async |fault: &str, expected: (&str, u64)| {
        let (sandbox, mut terminal) = start(fault).await;
        sandbox.on_acquirer("faults", json!({ "hold_requests": 1 })).await;
        let payment = terminal.request(200, VISA, 2000, &[]);
        terminal.say(&payment).await;
        let reversal = terminal.about(420, &payment, &[]);
        assert_eq!(terminal.ask(&reversal).await.code(), "25");
        assert_eq!(sandbox.on_acquirer("release", json!({})).await, json!({ "requests": 1, "answers": 0 }));
        let late = terminal.answer().await;
        assert_eq!((late.mti.as_str(), late.code()), ("0210", expected.0), "{fault}");
        assert_eq!(books(&sandbox).await, (expected.1, 0));
        // It is known now, and what it moved is given back.
        assert_eq!(terminal.ask(&reversal).await.code(), "00");
        assert_eq!(books(&sandbox).await, (0, 0));
    };
    check("decline_reversed=true", ("05", 0)).await;
    check("decline_reversed=false", ("00", 2000)).await;
}

#[tokio::test]
async fn answers_come_twice_late_broken_under_another_stan_or_not_before_they_are_released() {
    let (sandbox, mut terminal) = start("answer_twice=1").await;
    let request = terminal.request(100, VISA, 100, &[]);
    let first = terminal.ask(&request).await;
    assert_eq!(terminal.answer().await.fields, first.fields);

    sandbox.on_acquirer("faults", json!({ "wrong_stan": 1 })).await;
    let request = terminal.request(100, VISA, 100, &[]);
    let stray = terminal.ask(&request).await;
    assert!(stray.code() == "00" && stray.get(11) != request.fields[&11]);

    sandbox.on_acquirer("faults", json!({ "garbage": 1 })).await;
    let request = terminal.request(100, VISA, 100, &[]);
    terminal.say(&request).await;
    let half = terminal.frame().await.unwrap();
    assert!(half.starts_with(b"0110") && half.len() < 60);
    terminal.hears_nothing().await;

    sandbox.on_acquirer("faults", json!({ "hold_answers": 1 })).await;
    let request = terminal.request(100, VISA, 100, &[]);
    terminal.say(&request).await;
    terminal.hears_nothing().await;
    assert_eq!(books(&sandbox).await, (0, 400));
    assert_eq!(sandbox.on_acquirer("release", json!({})).await, json!({ "requests": 0, "answers": 1 }));
    assert_eq!(terminal.answer().await.get(11), request.fields[&11]);

    // Overtaken by an answer that was asked for later.
    sandbox.on_acquirer("faults", json!({ "late_answers": 1, "late_ms": 1500 })).await;
    let late = terminal.request(100, VISA, 100, &[]);
    let prompt = terminal.request(100, VISA, 100, &[]);
    terminal.say(&late).await;
    assert_eq!(terminal.ask(&prompt).await.get(11), prompt.fields[&11]);
    assert_eq!(terminal.answer().await.get(11), late.fields[&11]);
}

#[tokio::test]
async fn a_link_drops_after_the_booking() {
    let (sandbox, mut terminal) = start("drop_links=1").await;
    let payment = terminal.request(200, VISA, 2000, &[]);
    terminal.say(&payment).await;
    assert_eq!(terminal.frame().await, None);
    assert_eq!(books(&sandbox).await, (2000, 0));
    let mut again = Terminal::start(&sandbox.acquirer).await;
    for _ in 0..payment.fields.len() {
        // Past the STANs of the link before.
        again.hears_nothing().await;
    }
    let reversal = again.about(420, &payment, &[]);
    assert_eq!(again.ask(&reversal).await.code(), "00");
    assert_eq!(books(&sandbox).await, (0, 0));
    sandbox.on_acquirer("faults", json!({ "drop_links_now": true })).await;
    assert_eq!(again.frame().await, None);
}

#[tokio::test]
async fn it_answers_what_it_is_told_to_those_it_is_told() {
    let (sandbox, mut terminal) = start("on=reversals").await;
    let check = async |terminal: &mut Terminal, switches: serde_json::Value, expected: [&str; 3]| {
        sandbox.on_acquirer("faults", json!({ "answer_with": switches })).await;
        let payment = terminal.request(200, VISA, 100, &[]);
        let first = terminal.ask(&payment).await;
        let reversal = terminal.about(420, &payment, &[]);
        let second = terminal.ask(&reversal).await;
        let third = terminal.ask(&reversal).await;
        assert_eq!([first.code(), second.code(), third.code()], expected, "{switches}");
    };
    check(&mut terminal, json!({ "code": "91", "count": 1 }), ["00", "91", "00"]).await;
    check(&mut terminal, json!({ "code": "68", "count": 1, "after_work": true }), ["00", "68", "00"]).await;
    check(&mut terminal, json!({ "code": "25" }), ["00", "25", "25"]).await;
    assert_eq!(books(&sandbox).await, (100, 0));
    sandbox.on_acquirer("faults", json!({ "on": "requests", "answer_with": { "code": "96", "count": 1 } })).await;
    let payment = terminal.request(200, VISA, 100, &[]);
    assert_eq!(terminal.ask(&payment).await.code(), "96");
    // It was not booked, and so it is no duplicate.
    assert_eq!(terminal.ask(&payment).await.code(), "00");
}

#[tokio::test]
async fn sign_ons_are_refused_lost_and_ignored() {
    let sandbox = Sandbox::start(&["--acquirer-fault", "refuse_sign_ons=1"]).await;
    let mut terminal = Terminal::connect(&sandbox.acquirer).await;
    assert_eq!(terminal.manage("001").await.code(), "91");
    assert_eq!(terminal.manage("001").await.code(), "00");
    // What is not answered is overtaken by the answer to what comes next.
    sandbox.on_acquirer("faults", json!({ "ignore_echo": true })).await;
    terminal.manage_unheard("301").await;
    assert_eq!(terminal.manage("001").await.get(70), "001");
    sandbox.on_acquirer("faults", json!({ "ignore_echo": false, "lose_sign_on_answers": 1 })).await;
    terminal.manage_unheard("001").await;
    terminal.hears_nothing().await;
    sandbox.on_acquirer("faults", json!({ "silent": true })).await;
    let messages =
        async || sandbox.see(format!("{}/control/acquirer", sandbox.cards)).await["counters"]["messages"].clone();
    let before = messages().await;
    terminal.manage_unheard("001").await;
    while messages().await == before {}
    sandbox.on_acquirer("reset", json!({})).await;
    assert_eq!(terminal.manage("301").await.code(), "00");
}

#[tokio::test]
async fn the_acquirer_asks_whether_anybody_is_there() {
    let (sandbox, mut terminal) = start("silent=false").await;
    assert_eq!(sandbox.on_acquirer("echo", json!({})).await, json!({ "links": 1 }));
    let echo = terminal.answer().await;
    assert_eq!((echo.mti.as_str(), echo.get(70)), ("0800", "301"));
    let mut fields = echo.fields.clone();
    fields.insert(39, "00".to_owned());
    terminal.say(&terminal::Sent { mti: 810, fields: fields.clone() }).await;
    // A second answer answers nothing.
    terminal.say(&terminal::Sent { mti: 810, fields }).await;
    terminal.hears_nothing().await;
    let seen = sandbox.see(format!("{}/control/acquirer", sandbox.cards)).await;
    let counters = &seen["counters"];
    assert_eq!((&counters["echoes_answered"], &counters["strays"]), (&json!(1), &json!(1)));
    assert_eq!(sandbox.on_acquirer("raw", json!({ "hex": "0003 616263" })).await["octets"], 5);
    assert_eq!(terminal.frame().await.unwrap(), b"abc");
}

#[tokio::test]
async fn in_an_outage_nobody_gets_through() {
    let (sandbox, mut terminal) = start("silent=false").await;
    sandbox.on_acquirer("outage", json!({ "on": true })).await;
    assert_eq!(terminal.frame().await, None);
    assert!(TcpStream::connect(&sandbox.acquirer).await.is_err());
    sandbox.on_acquirer("outage", json!({ "on": false })).await;
    Terminal::start(&sandbox.acquirer).await;
}

#[tokio::test]
async fn many_requests_are_in_flight_on_many_links() {
    let (sandbox, _) = start("silent=false").await;
    let sale = async |number: usize| {
        let mut terminal = Terminal::start(&sandbox.acquirer).await;
        let name = format!("TERM{number:04}");
        let requests: Vec<_> = (0..200).map(|_| terminal.request(200, VISA, 1, &[(41, &name)])).collect();
        for request in &requests {
            terminal.say(request).await;
        }
        for _ in &requests {
            assert_eq!(terminal.answer().await.code(), "00");
        }
    };
    tokio::join!(sale(1), sale(2), sale(3), sale(4), sale(5));
    assert_eq!(books(&sandbox).await, (1000, 0));
}

#[tokio::test]
async fn bitmaps_may_be_written_in_hexadecimal() {
    let sandbox = Sandbox::start(&["--acquirer-bitmap", "hex"]).await;
    let mut terminal = Terminal::connect_hex(&sandbox.acquirer).await;
    assert_eq!(terminal.manage("001").await.code(), "00");
    let payment = terminal.request(200, VISA, 2000, &[]);
    assert_eq!(terminal.ask(&payment).await.code(), "00");
    let reversal = terminal.about(420, &payment, &[]);
    assert_eq!(terminal.ask(&reversal).await.code(), "00");
}
