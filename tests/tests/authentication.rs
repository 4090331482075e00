//! Payers who are asked by their card's bank, and cards of every kind, with every program for real: what the issuer's page
//! did decides, whatever a browser says, and a card that is not to be charged is not, by the acquirer's own books.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test may fail loudly: that is what it is for"
)]

mod programs;
mod till;

use serde_json::{Value, json};
use till::browser::{Browser, Shown};
use till::{Till, link};

const CHALLENGED: &str = "5555555555554444";

/// What a browser tells of itself.
const BROWSER: [(&str, &str); 7] = [
    ("javascript", "false"),
    ("java", "false"),
    ("language", "en"),
    ("color_depth", "24"),
    ("height", "900"),
    ("width", "1600"),
    ("tz", "-60"),
];

/// marco pays with a card, up to the link to the card's bank: the payment, and the page that asks there.
async fn challenged(till: &Till, browser: &Browser, card: &str, minor: u64) -> (Value, String, Shown) {
    let (payment, enrol) = till.asks("EUR", minor).await;
    let told = till.notes("marco").await.len();
    till.types_in(&enrol, card).await;
    let act = link(&till.hears("marco", told, "/act/").await);
    let page = begin(browser, &act).await;
    assert!(page.asks_for("code"), "{}", page.html);
    (payment, act, page)
}

/// From our page to the bank's.
async fn begin(browser: &Browser, act: &str) -> Shown {
    let mut page = browser.post(&format!("{act}/start"), &BROWSER).await;
    for _ in 0..3 {
        if page.asks_for("code") || page.form().is_none() {
            break;
        }
        page = browser.send(&page, &[]).await;
    }
    page
}

/// What the payer does on the bank's page, and then the way back to ours.
async fn answers(browser: &Browser, page: &Shown, fields: &[(&str, &str)]) -> Shown {
    let back = browser.send(page, fields).await;
    if back.asks_for("cres") { browser.send(&back, &[]).await } else { back }
}

/// The same for a bank that has no question.
async fn comes(till: &Till, enrol: &str, card: &str) {
    let told = till.notes("marco").await.len();
    till.types_in(enrol, card).await;
    let act = link(&till.hears("marco", told, "/act/").await);
    let page = begin(&Browser::new(), &act).await;
    assert!(page.status == 200 && page.form().is_none(), "{}", page.html);
}

/// It ends with this word of the issuer's for the operator, and the payer is told that no money moved.
async fn is_refused(till: &Till, payment: &Value, card: &str, says: &str) {
    let payment = ends(till, payment, "declined").await;
    assert!(word(&payment).contains(says), "{card}: {payment}");
    assert_eq!(till.charged(card).await, (0, 0), "{card}: {payment}");
    till.hears("marco", 0, &format!("no money moved: {}", payment["reason"].as_str().unwrap())).await;
}

async fn ends(till: &Till, payment: &Value, state: &str) -> Value {
    till.payment(payment, state, |payment| payment["state"] == state).await
}

/// What became of the orders, with what was said of them.
fn word(payment: &Value) -> String {
    payment["attempts"].as_array().unwrap().iter().map(|a| a["word"].as_str().unwrap_or_default()).collect()
}

#[tokio::test]
async fn what_the_banks_page_heard_decides_and_not_what_a_browser_says() {
    let till = Till::start().await;
    let browser = Browser::new();
    let (before, _) = till.charged(CHALLENGED).await;

    // Given up.
    let (payment, _, page) = challenged(&till, &browser, CHALLENGED, 4101).await;
    let over = answers(&browser, &page, &[("cancel", "1")]).await;
    assert!(over.html.contains("did not confirm"), "{}", over.html);
    let payment = ends(&till, &payment, "declined").await;
    assert!(word(&payment).contains("given up"), "{payment}");

    // The code is wrong three times.
    let (payment, _, mut page) = challenged(&till, &browser, CHALLENGED, 4102).await;
    for _ in 0..3 {
        page = answers(&browser, &page, &[("code", "111111")]).await;
    }
    assert!(page.html.contains("did not confirm"), "{}", page.html);
    ends(&till, &payment, "declined").await;

    // The browser says Y, and the 3DS server has heard N.
    till.tell("threeds", "/control/faults", json!({ "lie_in_cres": true })).await;
    let (payment, _, page) = challenged(&till, &browser, CHALLENGED, 4103).await;
    let over = answers(&browser, &page, &[("code", "123456")]).await;
    assert!(over.html.contains("did not confirm"), "{}", over.html);
    ends(&till, &payment, "declined").await;
    till.tell("threeds", "/control/faults", json!({ "lie_in_cres": false })).await;

    // Whoever never went there brings a Y of their own.
    let (payment, act, page) = challenged(&till, &browser, CHALLENGED, 4104).await;
    let cres = "eyJtZXNzYWdlVHlwZSI6IkNSZXMiLCJ0cmFuc1N0YXR1cyI6IlkifQ";
    let told = browser.post(&format!("{act}/back"), &[("cres", cres)]).await;
    assert!(told.html.contains("not confirmed yet"), "{}", told.html);
    assert_eq!(till.charged(CHALLENGED).await, (before, 0));

    // What was heard is held back: the payer is told so, and it goes on once it is there.
    till.tell("threeds", "/control/faults", json!({ "hold_results": true })).await;
    let over = answers(&browser, &page, &[("code", "123456")]).await;
    assert!(over.html.contains("not confirmed yet"), "{}", over.html);
    assert_eq!(till.charged(CHALLENGED).await, (before, 0));
    till.tell("threeds", "/control/faults", json!({ "hold_results": false })).await;
    till.tell("threeds", "/control/release", json!({})).await;
    let over = browser.send(&over, &BROWSER).await;
    assert!(over.html.contains("Done."), "{}", over.html);
    ends(&till, &payment, "completed").await;
    assert_eq!(till.charged(CHALLENGED).await, (before + 4104, 0));

    // As it should be; and the link is of no use any more.
    let (payment, act, page) = challenged(&till, &browser, CHALLENGED, 4105).await;
    let over = answers(&browser, &page, &[("code", "123456")]).await;
    assert!(over.html.contains("Done."), "{}", over.html);
    ends(&till, &payment, "completed").await;
    assert_eq!(begin(&browser, &act).await.status, 410);
    assert_eq!(till.charged(CHALLENGED).await, (before + 4104 + 4105, 0));
    till.stores_none_of(&[CHALLENGED]);
}

#[tokio::test]
async fn each_card_is_charged_as_its_issuer_says_and_no_other_way() {
    let till = Till::start_with(|config| {
        let francs = "[rails.francs]\nplugin = \"hello-rail\"\n[rails.francs.settings]\n\n[[routes]]\n\
            name = \"francs\"\ncurrencies = [\"CHF\"]\ncollect = [\"cards\"]\npayout = [\"francs\"]\n";
        format!("{config}\n{francs}")
    })
    .await;
    // What nobody types in: a number that is none, and a card that is past its end.
    let (payment, enrol) = till.asks("EUR", 4200).await;
    for (number, expiry) in [("4111111111111112", "12/30"), ("4111111111111111", "10/25")] {
        let form = [("way", "card"), ("number", number), ("expiry", expiry)];
        let shown = Browser::new().post(&enrol, &form).await;
        assert!(shown.status == 422 && !shown.html.contains(number), "{}", shown.html);
    }
    // A bank that takes no part: sent without evidence.
    comes(&till, &enrol, "4242424242424242").await;
    ends(&till, &payment, "completed").await;

    // Whom the bank recognises without a question, and whom it does not.
    for (minor, card, state) in [(4301, "3530111333300000", "completed"), (4302, "4000000000003220", "declined")] {
        let (payment, enrol) = till.asks("EUR", minor).await;
        comes(&till, &enrol, card).await;
        let payment = ends(&till, &payment, state).await;
        assert_eq!(word(&payment).contains("not recognise"), state == "declined", "{payment}");
        let charge = if state == "completed" { i64::try_from(minor).unwrap() } else { 0 };
        assert_eq!(till.charged(card).await, (charge, 0), "{payment}");
    }

    // So little that nobody is asked.
    let cards = [
        ("4000000000000002", "(05)"),
        ("4000000000009995", "(51)"),
        ("4000000000000069", "(54)"),
        ("4000000000000341", "(43)"),
        // Known to nobody.
        ("4012888888881881", "(14)"),
        // A half is not what was asked for.
        ("6011000990139424", "reversed: 4.53 EUR of 9.06 EUR"),
    ];
    for (minor, (card, says)) in (901..).zip(cards) {
        let (payment, enrol) = till.asks("EUR", minor).await;
        till.types_in(&enrol, card).await;
        is_refused(&till, &payment, card, says).await;
    }
    // A currency that the acquirer does not take.
    let (payment, enrol) = till.asks("CHF", 4303).await;
    comes(&till, &enrol, till::CARD).await;
    is_refused(&till, &payment, till::CARD, "(58)").await;
    assert_eq!(till.charged("4242424242424242").await, (4200, 0));
    till.stores_none_of(&cards.map(|(card, _)| card));
}

#[tokio::test]
async fn an_issuer_that_asks_for_its_payer_is_answered_and_charges_once() {
    let till = Till::start_with(|config| config.replace("when = \"always\"", "when = \"when-asked\"")).await;
    let browser = Browser::new();
    let card = "4000002500003155";
    let (payment, _, page) = challenged(&till, &browser, card, 4301).await;
    assert_eq!(till.charged(card).await, (0, 0));
    answers(&browser, &page, &[("code", "123456")]).await;
    let payment = ends(&till, &payment, "completed").await;
    assert_eq!(payment["attempts"].as_array().unwrap().len(), 2, "{payment}");
    assert_eq!(till.charged(card).await, (4301, 0));
    till.stores_none_of(&[card]);
}

/// marco hands over a token of Google Pay's with a bare card, up to the link to the card's bank: the payment, and the link.
async fn bare(till: &Till, card: &str, minor: u64) -> (Value, String) {
    let (payment, enrol) = till.asks("EUR", minor).await;
    let token = till.token("google", minor, &json!({ "authMethod": "PAN_ONLY", "card": card })).await;
    let told = till.notes("marco").await.len();
    let shown = Browser::new().post(&format!("{enrol}/with/wallets"), &[("token", &token)]).await;
    assert_eq!(shown.status, 200, "{}\n{}", shown.html, till.log());
    till.confirms(told).await;
    (payment, link(&till.hears("marco", told, "/act/").await))
}

#[tokio::test]
async fn a_bare_card_of_a_wallet_is_charged_once_its_bank_knows_who_pays() {
    let mut till = Till::start().await;
    let browser = Browser::new();
    let cres = [("cres", "eyJtZXNzYWdlVHlwZSI6IkNSZXMiLCJ0cmFuc1N0YXR1cyI6IlkifQ")];

    // Given up: nothing is charged, and a CRes that says otherwise is of no use before or after.
    let (payment, act) = bare(&till, CHALLENGED, 4601).await;
    let page = begin(&browser, &act).await;
    assert!(page.asks_for("code"), "{}", page.html);
    let told = browser.post(&format!("{act}/back"), &cres).await;
    assert!(told.html.contains("not confirmed yet"), "{}", told.html);
    let over = answers(&browser, &page, &[("cancel", "1")]).await;
    assert!(over.html.contains("did not confirm"), "{}", over.html);
    is_refused(&till, &payment, CHALLENGED, "given up").await;
    assert_eq!(browser.post(&format!("{act}/back"), &cres).await.status, 410);
    assert_eq!(till.charged(CHALLENGED).await, (0, 0));

    // Whom the bank does not recognise.
    let (payment, act) = bare(&till, "4000000000003220", 4602).await;
    begin(&browser, &act).await;
    is_refused(&till, &payment, "4000000000003220", "not recognise").await;

    // Recognised without a question, and charged for what was agreed to.
    let (payment, act) = bare(&till, till::CARD, 4603).await;
    let page = begin(&browser, &act).await;
    assert!(page.status == 200 && page.html.contains("Done."), "{}", page.html);
    ends(&till, &payment, "completed").await;
    assert_eq!(till.charged(till::CARD).await, (4603, 0));

    // Asked, killed while the payer is with the bank, and charged once.
    let (payment, act) = bare(&till, CHALLENGED, 4604).await;
    let page = begin(&browser, &act).await;
    till.kill();
    till.restart().await;
    assert_eq!(till.charged(CHALLENGED).await, (0, 0));
    let over = answers(&browser, &page, &[("code", "123456")]).await;
    assert!(over.html.contains("Done."), "{}", over.html);
    ends(&till, &payment, "completed").await;
    assert_eq!(till.charged(CHALLENGED).await, (4604, 0));
    // Brought again, by whoever has the link.
    for path in ["/back", "/start", "/go"] {
        assert_eq!(browser.post(&format!("{act}{path}"), &cres).await.status, 410, "{path}");
    }
    assert_eq!(till.charged(CHALLENGED).await, (4604, 0));
    till.stores_none_of(&[CHALLENGED, till::CARD, "4000000000003220"]);
}

#[tokio::test]
async fn a_link_that_nobody_followed_in_time_takes_no_card() {
    let late = |config: String| config.replace("enrolment_lifetime = \"30m\"", "enrolment_lifetime = \"1s\"");
    let till = Till::start_with(late).await;
    let (payment, enrol) = till.asks("EUR", 4401).await;
    ends(&till, &payment, "expired").await;
    let form = [("way", "card"), ("number", CHALLENGED), ("expiry", "12/30")];
    assert_eq!(Browser::new().post(&enrol, &form).await.status, 410);
    till.stores_none_of(&[CHALLENGED]);
}
