//! Tokens of the wallets', with every program for real: each is charged once or refused, with the reason in the operator's
//! log and one sentence for the payer, by the acquirer's own books.
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
use till::Till;
use till::browser::Browser;

const APPLE: &str = "4895370012003478";
const GOOGLE: &str = "5204240250197840";
/// The card behind a token without a cryptogram.
const BARE: &str = "5555555555554444";

const REFUSED: &str = "The wallet&#39;s payment was not accepted. Nothing was charged.";

/// Hands a token over by an enrolment link. The status, and what the payer reads.
async fn hand_over(link: &str, token: &str) -> (u16, String) {
    let shown = Browser::new().post(&format!("{link}/with/wallets"), &[("token", token)]).await;
    (shown.status, shown.html)
}

async fn charged(till: &Till) -> [(i64, i64); 3] {
    [till.charged(APPLE).await, till.charged(GOOGLE).await, till.charged(BARE).await]
}

/// Every reason that the log gives for a token that was not taken, in order.
fn reasons(till: &Till) -> Vec<String> {
    let log = till.log();
    let said = log.lines().filter_map(|line| line.split_once("not taken: "));
    said.map(|(_, why)| why.split(|c: char| !c.is_ascii_alphanumeric() && c != '_').next().unwrap().to_owned())
        .collect()
}

/// Pays with a token that is good: it is charged once.
async fn pays(till: &Till, wallet: &str, dpan: &str, minor: u64, more: Value) -> String {
    let (before, _) = till.charged(dpan).await;
    let (payment, link) = till.asks("EUR", minor).await;
    let token = till.token(wallet, minor, &more).await;
    let told = till.notes("marco").await.len();
    let (status, page) = hand_over(&link, &token).await;
    assert_eq!(status, 200, "{wallet} {more}: {page}\n{}", till.log());
    till.confirms(told).await;
    till.payment(&payment, "a token to be charged", |payment| payment["state"] == "completed").await;
    assert_eq!(till.charged(dpan).await, (before + i64::try_from(minor).unwrap(), 0), "{wallet} {more}");
    token
}

#[tokio::test]
async fn a_token_of_each_kind_is_charged_once_and_never_for_another_payment() {
    // RSA_v1 is sealed for another of the merchant's keys.
    let keys = programs::root().join("examples/sandbox/keys/apple");
    let both = tempfile::NamedTempFile::new().unwrap();
    let pems =
        ["merchant-key.pem", "merchant-rsa-key.pem"].map(|name| std::fs::read_to_string(keys.join(name)).unwrap());
    std::fs::write(both.path(), pems.concat()).unwrap();
    let one = keys.join("merchant-key.pem").display().to_string();
    let till = Till::start_with(|config| config.replace(&one, both.path().to_str().unwrap())).await;

    let apple = pays(&till, "apple", APPLE, 3101, json!({})).await;
    pays(&till, "apple", APPLE, 3102, json!({ "version": "RSA_v1" })).await;
    let google = pays(&till, "google", GOOGLE, 3103, json!({})).await;
    let before = charged(&till).await;

    // Handed over once more, and the ids of tokens that were charged in tokens of their own.
    let (payment, link) = till.asks("EUR", 3101).await;
    for token in [&apple, &google] {
        let (status, page) = hand_over(&link, token).await;
        assert!(status == 422 && page.contains(REFUSED), "{page}");
    }
    assert_eq!(reasons(&till), ["replayed", "replayed"]);
    assert_eq!(till.payment(&payment, "it", |_| true).await["state"], "awaiting_enrolment");

    // Handed over for two payments before either is charged: one of them is.
    let (another, other_link) = till.asks("EUR", 3101).await;
    let token = till.token("apple", 3101, &json!({})).await;
    for (payment, link, state) in [(&payment, &link, "completed"), (&another, &other_link, "declined")] {
        let told = till.notes("marco").await.len();
        let (status, page) = hand_over(link, &token).await;
        // Charged before the other is handed over, or after: it depends on nothing.
        if state == "declined" && status == 422 {
            assert!(page.contains(REFUSED));
            continue;
        }
        assert_eq!(status, 200, "{page}");
        till.confirms(told).await;
        till.payment(payment, state, |payment| payment["state"] == state).await;
    }
    let [(apple, _), google, bare] = before;
    assert_eq!(charged(&till).await, [(apple + 3101, 0), google, bare]);
    till.stores_none_of(&[APPLE, GOOGLE, sealed(&token)]);
}

/// What nobody should find again of an Apple Pay token.
fn sealed(token: &str) -> &str {
    token.split("\"data\":\"").nth(1).unwrap().get(..40).unwrap()
}

#[tokio::test]
async fn whatever_is_wrong_with_a_token_is_told_to_the_operator_and_nothing_is_charged() {
    // Without a 3DS server nobody can be asked who pays with a bare card; its key, left where it stood, is not wanted.
    let till = Till::start_with(|config| {
        let (before, rest) = config.split_once("[rails.wallets.settings.three_ds]").unwrap();
        let (_, after) = rest.split_once("\n[").unwrap();
        format!("{before}[{after}")
    })
    .await;
    let before = charged(&till).await;
    let (payment, link) = till.asks("EUR", 3110).await;
    let fault = |fault: &str| json!({ "fault": fault });
    let altered = |field: &str| json!({ "altered": field });
    let tokens = [
        ("apple", fault("other_root"), "apple_root"),
        ("apple", fault("old_signing_time"), "apple_stale"),
        ("apple", fault("no_signing_time"), "apple_attributes"),
        ("apple", fault("no_leaf_marker"), "apple_leaf"),
        ("apple", fault("no_intermediate_marker"), "apple_intermediate"),
        ("apple", fault("expired_leaf"), "apple_certificate_time"),
        ("apple", fault("other_merchant"), "apple_key"),
        ("apple", fault("bad_seal"), "apple_sealed"),
        ("apple", fault("wrong_amount"), "apple_amount"),
        ("apple", fault("wrong_currency"), "apple_currency"),
        ("apple", altered("version"), "apple_malformed"),
        ("apple", altered("data"), "apple_digest"),
        ("apple", altered("signature"), "apple_signature"),
        ("apple", altered("ephemeralPublicKey"), "apple_digest"),
        ("apple", altered("publicKeyHash"), "apple_key"),
        ("apple", altered("transactionId"), "apple_digest"),
        ("google", fault("other_root"), "google_intermediate_signature"),
        ("google", fault("expired_key"), "google_intermediate_expired"),
        ("google", fault("other_merchant"), "google_sealed"),
        ("google", fault("bad_seal"), "google_sealed"),
        ("google", fault("expired_message"), "google_message_expired"),
        ("google", altered("protocolVersion"), "google_version"),
        ("google", altered("signature"), "google_signature"),
        ("google", altered("signatures"), "google_intermediate_signature"),
        ("google", altered("keyValue"), "google_intermediate_signature"),
        ("google", altered("keyExpiration"), "google_intermediate_signature"),
        ("google", altered("encryptedMessage"), "google_signature"),
        ("google", altered("ephemeralPublicKey"), "google_signature"),
        ("google", altered("tag"), "google_signature"),
        ("google", json!({ "merchant": "gateway:another" }), "google_signature"),
        ("google", json!({ "gateway_merchant": "another" }), "google_gateway_merchant"),
        ("google", json!({ "authMethod": "PAN_ONLY" }), "authentication_required"),
    ];
    let mut expected = Vec::new();
    for (wallet, wish, why) in tokens {
        let token = till.token(wallet, 3110, &wish).await;
        let (status, page) = hand_over(&link, &token).await;
        assert!(status == 422 && page.contains(REFUSED) && !page.contains(why), "{wallet} {wish}: {page}");
        expected.push(format!("{wallet} {wish} {why}"));
    }
    let told = reasons(&till);
    assert_eq!(told.len(), expected.len(), "{told:?}");
    for (line, told) in expected.iter().zip(&told) {
        assert!(line.ends_with(&format!(" {told}")), "{line} was told as {told}");
    }
    assert_eq!(till.payment(&payment, "it", |_| true).await["state"], "awaiting_enrolment");
    assert_eq!(charged(&till).await, before);
    // The link is as good as ever: what was refused has used nothing up.
    let told = till.notes("marco").await.len();
    let token = till.token("google", 3110, &json!({})).await;
    assert_eq!(hand_over(&link, &token).await.0, 200);
    till.confirms(told).await;
    till.payment(&payment, "completed", |payment| payment["state"] == "completed").await;
    let [apple, (google, _), bare] = before;
    assert_eq!(charged(&till).await, [apple, (google + 3110, 0), bare]);
    till.stores_none_of(&[APPLE, GOOGLE, BARE]);
}

#[tokio::test]
async fn a_token_whose_answer_was_lost_is_given_back_and_charged_no_more() {
    let soon = "terminals = [\"SPORT101\", \"SPORT102\", \"SPORT103\"]";
    let mut till = Till::start_with(|config| {
        assert!(config.contains(soon));
        config.replace(soon, &format!("answer_within_s = 1\n{soon}"))
    })
    .await;
    let before = charged(&till).await;
    // Lost by the acquirer, and by a gateway that is killed while it waits.
    for (minor, fault) in [(3120, json!({ "lose_answers": 1 })), (3121, json!({ "hold_answers": 1 }))] {
        let (payment, link) = till.asks("EUR", minor).await;
        let token = till.token("apple", minor, &json!({})).await;
        let told = till.notes("marco").await.len();
        assert_eq!(hand_over(&link, &token).await.0, 200);
        till.acquirer(fault.clone()).await;
        till.confirms(told).await;
        if fault["hold_answers"] == 1 {
            till.until("the acquirer to hold its answer", async || {
                (till.see("cards", "/control/acquirer").await["held_answers"] == 1).then_some(())
            })
            .await;
            till.kill();
            till.restart().await;
        }
        // The token is gone with the reversal: whatever is tried after that finds nothing to charge.
        let is_over = |payment: &Value| {
            payment["state"] == "declined"
                || ["not_sent", "declined"].iter().any(|end| payment["attempts"][1]["state"] == *end)
        };
        let payment = till.payment(&payment, "it to be given back", is_over).await;
        assert_eq!(payment["attempts"][0]["state"], "reversed", "{payment}");
        till.tell("cards", "/control/release", json!({})).await;
        assert_eq!(charged(&till).await, before, "{payment}");
    }
    till.stores_none_of(&[APPLE, GOOGLE]);
}
