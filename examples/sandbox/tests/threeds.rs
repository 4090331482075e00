//! The 3DS server and its ACS as a merchant's side and a payer's browser meet them.
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

use std::collections::BTreeMap;

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use serde_json::{Value, json};
use terminal::Terminal;
use world::{Answer, Sandbox, answer};

const FRICTIONLESS: &str = "4111111111111111";
const CHALLENGED: &str = "5555555555554444";
const BACK: &str = "https://pay.example/3ds/back";

/// Calls the 3DS server with its key.
async fn call(sandbox: &Sandbox, path: &str, body: Value) -> Answer {
    let request = sandbox.http.post(format!("{}/3ds/{path}", sandbox.threeds)).bearer_auth("sandbox-3ds-key");
    answer(request.json(&body).send().await.unwrap()).await
}

async fn result(sandbox: &Sandbox, id: &str) -> Answer {
    let request = sandbox.http.get(format!("{}/3ds/results/{id}", sandbox.threeds)).bearer_auth("sandbox-3ds-key");
    answer(request.send().await.unwrap()).await
}

/// Asks about a card and sends the AReq, with what `more` changes; the ARes.
async fn authenticate(sandbox: &Sandbox, pan: &str, more: Value) -> Answer {
    let begun = call(sandbox, "versioning", json!({ "acctNumber": pan })).await.json();
    let mut areq = json!({
        "threeDSServerTransID": begun["threeDSServerTransID"], "acctNumber": pan, "cardExpiryDate": "3012",
        "purchaseAmount": "2000", "purchaseCurrency": "978", "purchaseExponent": "2",
        "purchaseDate": "20261124190501", "messageCategory": "01", "deviceChannel": "02",
        "threeDSRequestorAuthenticationInd": "01", "threeDSRequestorChallengeInd": "01",
        "threeDSCompInd": if begun.get("threeDSMethodURL").is_some() { "N" } else { "U" },
        "merchantName": "Pizzeria", "mcc": "5812", "acquirerBIN": "400123", "acquirerMerchantID": "MERCHANT0000001",
        "notificationURL": BACK, "browserAcceptHeader": "text/html", "browserIP": "127.0.0.1",
        "browserJavaEnabled": false, "browserJavascriptEnabled": true, "browserLanguage": "it-IT",
        "browserColorDepth": "24", "browserScreenHeight": "1080", "browserScreenWidth": "1920", "browserTZ": "-60",
        "browserUserAgent": "Mozilla/5.0",
    });
    areq.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    call(sandbox, "authentication", areq).await
}

/// What a page of the ACS holds: where its form goes, and its hidden fields.
struct Page {
    status: u16,
    text: String,
    action: String,
    fields: BTreeMap<String, String>,
}

async fn open(sandbox: &Sandbox, path: &str, form: &[(&str, &str)]) -> Page {
    let body: String = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(form).finish();
    let request = sandbox.http.post(format!("{}{path}", sandbox.threeds));
    let kind = ("content-type", "application/x-www-form-urlencoded");
    let page = answer(request.header(kind.0, kind.1).body(body).send().await.unwrap()).await;
    let between = |text: &str, from: &str| text.split(from).nth(1).and_then(|t| t.split('"').next()).map(str::to_owned);
    let action = between(&page.text, "action=\"").unwrap_or_default();
    let hidden = page.text.split("type=\"hidden\" ").skip(1);
    let fields = hidden.map(|tag| (between(tag, "name=\"").unwrap(), between(tag, "value=\"").unwrap())).collect();
    Page { status: page.status, text: page.text, action, fields }
}

/// Opens the challenge of an ARes as a browser does.
async fn challenge(sandbox: &Sandbox, ares: &Value) -> Page {
    let creq = json!({
        "threeDSServerTransID": ares["threeDSServerTransID"], "acsTransID": ares["acsTransID"],
        "messageVersion": "2.2.0", "messageType": "CReq", "challengeWindowSize": "05",
    });
    let creq = URL_SAFE_NO_PAD.encode(creq.to_string());
    assert_eq!(ares["acsURL"], format!("{}/acs/challenge", sandbox.threeds));
    open(sandbox, "/acs/challenge", &[("creq", &creq), ("threeDSSessionData", "c2Vzc2lvbg")]).await
}

/// What the CRes on the way back says.
fn cres(page: &Page) -> Value {
    assert_eq!((page.status, page.action.as_str()), (200, BACK), "{}", page.text);
    assert_eq!(page.fields["threeDSSessionData"], "c2Vzc2lvbg");
    let cres: Value = serde_json::from_slice(&URL_SAFE_NO_PAD.decode(&page.fields["cres"]).unwrap()).unwrap();
    assert_eq!((&cres["messageType"], &cres["challengeCompletionInd"]), (&json!("CRes"), &json!("Y")));
    cres["transStatus"].clone()
}

/// Field 48 of an authorization that rests on this.
fn evidence(of: &Value) -> String {
    let [eci, cavv, id] = ["eci", "authenticationValue", "dsTransID"].map(|key| of[key].as_str().unwrap());
    format!("42{:02}{eci}43{:02}{cavv}66{:02}2{id}", eci.len(), cavv.len(), id.len() + 1)
}

#[tokio::test]
async fn each_card_is_authenticated_as_the_table_has_it() {
    let sandbox = Sandbox::start(&[]).await;
    let check = async |pan: &str, more: Value, expected: (&str, Option<&str>, Option<&str>)| {
        let ares = authenticate(&sandbox, pan, more).await;
        assert_eq!(ares.status, 200, "{pan}: {}", ares.text);
        let ares = ares.json();
        let told = (ares["transStatus"].as_str().unwrap(), ares["eci"].as_str(), ares["transStatusReason"].as_str());
        assert_eq!(told, expected, "{pan}");
        assert_eq!(ares.get("authenticationValue").is_some(), ares.get("eci").is_some());
        assert_eq!(ares.get("acsURL").is_some(), told.0 == "C");
        assert_eq!(result(&sandbox, ares["threeDSServerTransID"].as_str().unwrap()).await.status, 404);
    };
    let usual = || json!({});
    check(FRICTIONLESS, usual(), ("Y", Some("05"), None)).await;
    check("3530111333300000", json!({ "purchaseCurrency": "392", "purchaseExponent": "0" }), ("Y", Some("05"), None))
        .await;
    check(CHALLENGED, usual(), ("C", None, None)).await;
    check("4000002500003155", usual(), ("C", None, None)).await;
    check("4000000000003220", usual(), ("N", None, Some("01"))).await;
    check(FRICTIONLESS, json!({ "cardExpiryDate": "2911" }), ("N", None, Some("05"))).await;
    for (status, expected) in [
        ("Y", ("Y", Some("02"), None)),
        ("A", ("A", Some("01"), None)),
        ("N", ("N", None, Some("01"))),
        ("U", ("U", None, Some("22"))),
        ("R", ("R", None, Some("11"))),
        ("C", ("C", None, None)),
        ("I", ("I", None, None)),
    ] {
        sandbox.on_threeds("faults", json!({ "trans_status": status })).await;
        check(CHALLENGED, usual(), expected).await;
    }
}

#[tokio::test]
async fn what_is_wrong_is_refused_and_named() {
    let sandbox = Sandbox::start(&[]).await;
    let check = |answer: &Answer, expected: (u16, &str, &str)| {
        let body = answer.json();
        let told = (answer.status, body["errorCode"].as_str().unwrap(), body["errorDetail"].as_str().unwrap());
        assert_eq!(told, expected);
        assert_eq!(body["messageType"], "Erro");
    };
    let pan = json!({ "acctNumber": "4242424242424242" });
    let nobody = sandbox.control("POST", format!("{}/3ds/versioning", sandbox.threeds), pan.clone()).await;
    check(&nobody, (401, "303", "Authorization"));
    check(&call(&sandbox, "versioning", pan).await, (404, "305", "acctNumber"));
    check(&call(&sandbox, "versioning", json!({})).await, (400, "201", "acctNumber"));
    check(&call(&sandbox, "versioning", json!({ "acctNumber": "4242" })).await, (400, "203", "acctNumber"));
    check(&call(&sandbox, "versioning", json!([])).await, (400, "101", "the body is not a JSON object"));
    let areq = async |more: Value| authenticate(&sandbox, FRICTIONLESS, more).await;
    check(&areq(json!({ "purchaseAmount": 2000 })).await, (400, "203", "purchaseAmount"));
    check(&areq(json!({ "purchaseExponent": "0" })).await, (400, "305", "purchaseCurrency, purchaseExponent"));
    // The browser cannot have been on a page that there is not.
    check(&areq(json!({ "threeDSCompInd": "Y" })).await, (400, "305", "threeDSCompInd"));
    check(&areq(json!({ "acctNumber": CHALLENGED })).await, (400, "301", "threeDSServerTransID"));
    // One transaction is one authentication.
    let id = areq(json!({})).await.json()["threeDSServerTransID"].clone();
    check(&areq(json!({ "threeDSServerTransID": id })).await, (400, "305", "threeDSServerTransID"));
    sandbox.on_threeds("faults", json!({ "acs_down": true })).await;
    check(&areq(json!({})).await, (502, "405", "acsURL"));
    sandbox.on_threeds("faults", json!({ "acs_down": false, "http_status": 503, "http_status_times": 1 })).await;
    check(&call(&sandbox, "versioning", json!({ "acctNumber": FRICTIONLESS })).await, (503, "403", ""));
    assert_eq!(areq(json!({})).await.status, 200);
}

#[tokio::test]
async fn a_challenge_ends_in_a_result_before_the_browser_is_sent_back() {
    let sandbox = Sandbox::start(&[]).await;
    // The codes that a payer writes, nothing for a click on cancel; what the RReq says then.
    let check = async |codes: &[&str], expected: (&str, Option<&str>, Option<&str>, &str)| {
        let ares = authenticate(&sandbox, CHALLENGED, json!({})).await.json();
        let id = ares["threeDSServerTransID"].as_str().unwrap();
        let mut page = challenge(&sandbox, &ares).await;
        assert!(page.text.contains("20.00 EUR") && page.text.contains("Pizzeria") && page.text.contains("•••• 4444"));
        for code in codes {
            assert_eq!((page.status, page.action.as_str()), (200, "/acs/answer"), "{}", page.text);
            assert_eq!(result(&sandbox, id).await.status, 404);
            let acs = page.fields["acsTransID"].clone();
            let what = if code.is_empty() { ("cancel", "1") } else { ("code", *code) };
            page = open(&sandbox, "/acs/answer", &[("acsTransID", &acs), what]).await;
        }
        assert_eq!(cres(&page), if expected.0 == "Y" { "Y" } else { "N" });
        let result = result(&sandbox, id).await.json();
        let told = |key: &str| result[key].as_str();
        assert_eq!(told("transStatus"), Some(expected.0), "{codes:?} {result}");
        assert_eq!((told("transStatusReason"), told("challengeCancel")), (expected.1, expected.2), "{codes:?}");
        assert_eq!(told("interactionCounter"), Some(expected.3));
        assert_eq!(told("eci"), (expected.0 == "Y").then_some("02"));
        // Reloaded, the page is the same.
        assert_eq!(cres(&challenge(&sandbox, &ares).await), if expected.0 == "Y" { "Y" } else { "N" });
    };
    check(&["123456"], ("Y", None, None, "01")).await;
    check(&["000000", "123456"], ("Y", None, None, "02")).await;
    check(&["1", "2", "3"], ("N", Some("19"), None, "03")).await;
    check(&[""], ("N", Some("01"), Some("01"), "01")).await;
    check(&["1", ""], ("N", Some("01"), Some("01"), "02")).await;
}

#[tokio::test]
async fn an_issuer_waits_half_a_minute_for_the_browser_and_ten_minutes_for_the_payer() {
    let sandbox = Sandbox::start(&[]).await;
    let check = async |first_s: u64, then_s: Option<u64>, expected: Option<(&str, &str)>| {
        let ares = authenticate(&sandbox, CHALLENGED, json!({})).await.json();
        sandbox.on_threeds("clock", json!({ "advance_s": first_s })).await;
        let page = challenge(&sandbox, &ares).await;
        if let Some(then_s) = then_s {
            assert_eq!(page.action, "/acs/answer");
            sandbox.on_threeds("clock", json!({ "advance_s": then_s })).await;
        }
        let result = result(&sandbox, ares["threeDSServerTransID"].as_str().unwrap()).await;
        match expected {
            None => assert_eq!(result.status, 404),
            Some((reason, cancel)) => {
                let result = result.json();
                assert_eq!(result["transStatus"], "U");
                assert_eq!(
                    (&result["transStatusReason"], &result["challengeCancel"]),
                    (&json!(reason), &json!(cancel))
                );
                assert_eq!(cres(&challenge(&sandbox, &ares).await), "N");
            }
        }
    };
    check(29, None, None).await;
    check(31, None, Some(("14", "05"))).await;
    check(29, Some(598), None).await;
    check(29, Some(601), Some(("14", "04"))).await;
}

#[tokio::test]
async fn results_may_be_late_and_a_browser_may_lie() {
    let sandbox = Sandbox::start(&["--threeds-fault", "hold_results=true"]).await;
    let ares = authenticate(&sandbox, CHALLENGED, json!({})).await.json();
    let id = ares["threeDSServerTransID"].as_str().unwrap();
    let page = challenge(&sandbox, &ares).await;
    let form = [("acsTransID", page.fields["acsTransID"].as_str()), ("code", "123456")];
    assert_eq!(cres(&open(&sandbox, "/acs/answer", &form).await), "Y");
    assert_eq!(result(&sandbox, id).await.status, 404);
    assert_eq!(sandbox.on_threeds("release", json!({})).await, json!({ "released": 1 }));
    assert_eq!(result(&sandbox, id).await.json()["transStatus"], "Y");

    sandbox.on_threeds("faults", json!({ "hold_results": false, "lie_in_cres": true })).await;
    let ares = authenticate(&sandbox, CHALLENGED, json!({})).await.json();
    let page = challenge(&sandbox, &ares).await;
    let form = [("acsTransID", page.fields["acsTransID"].as_str()), ("cancel", "1")];
    assert_eq!(cres(&open(&sandbox, "/acs/answer", &form).await), "Y");
    let told = result(&sandbox, ares["threeDSServerTransID"].as_str().unwrap()).await.json();
    assert_eq!(told["transStatus"], "N");
    assert!(told.get("authenticationValue").is_none() && told.get("eci").is_none());

    let seen = sandbox.see(format!("{}/control/authentications", sandbox.threeds)).await;
    assert_eq!(seen["authentications"].as_array().unwrap().len(), 2);
    assert!(!seen.to_string().contains(CHALLENGED));
    sandbox.on_threeds("reset", json!({})).await;
    let seen = sandbox.see(format!("{}/sandbox/threeds/authentications", sandbox.x)).await;
    assert_eq!(seen, json!({ "authentications": [] }));
}

#[tokio::test]
async fn the_method_page_reports_that_the_browser_was_there() {
    let sandbox = Sandbox::start(&[]).await;
    let begun = call(&sandbox, "versioning", json!({ "acctNumber": CHALLENGED })).await.json();
    assert_eq!(begun["threeDSMethodURL"], format!("{}/acs/method", sandbox.threeds));
    let id = begun["threeDSServerTransID"].clone();
    let data = json!({ "threeDSServerTransID": id, "threeDSMethodNotificationURL": "https://pay.example/3ds/method" });
    let form = [("threeDSMethodData", URL_SAFE_NO_PAD.encode(data.to_string()))];
    let page = open(&sandbox, "/acs/method", &form.each_ref().map(|(name, data)| (*name, data.as_str()))).await;
    assert_eq!((page.status, page.action.as_str()), (200, "https://pay.example/3ds/method"));
    let reported = URL_SAFE_NO_PAD.decode(&page.fields["threeDSMethodData"]).unwrap();
    assert_eq!(serde_json::from_slice::<Value>(&reported).unwrap(), json!({ "threeDSServerTransID": id }));
    let done = json!({ "threeDSServerTransID": id, "threeDSCompInd": "Y" });
    assert_eq!(authenticate(&sandbox, CHALLENGED, done).await.json()["transStatus"], "C");
    assert_eq!(open(&sandbox, "/acs/method", &[("threeDSMethodData", "?")]).await.status, 400);
    assert_eq!(open(&sandbox, "/acs/challenge", &[("creq", "?")]).await.status, 400);
    assert_eq!(open(&sandbox, "/acs/answer", &[("code", "123456")]).await.status, 400);
}

#[tokio::test]
async fn the_acquirer_believes_only_what_was_issued_for_this_card_and_amount() {
    let sandbox = Sandbox::start(&[]).await;
    let mut terminal = Terminal::start(&sandbox.acquirer).await;
    let demanding = "4000002500003155";
    let ares = authenticate(&sandbox, demanding, json!({})).await.json();
    let page = challenge(&sandbox, &ares).await;
    let form = [("acsTransID", page.fields["acsTransID"].as_str()), ("code", "123456")];
    open(&sandbox, "/acs/answer", &form).await;
    let result = result(&sandbox, ares["threeDSServerTransID"].as_str().unwrap()).await.json();
    let good = evidence(&result);
    let other = evidence(&authenticate(&sandbox, FRICTIONLESS, json!({})).await.json());
    let mut check = async |pan: &str, minor: u64, more: &[(u8, &str)], expected: (&str, &str)| {
        let request = terminal.request(100, pan, minor, more);
        let answer = terminal.ask(&request).await;
        assert_eq!((answer.code(), answer.get(44)), expected, "{pan} {minor}");
    };
    let refused = ("05", "48: not of our 3DS server");
    check(demanding, 2000, &[], ("1A", "")).await;
    check(demanding, 2001, &[(48, &good)], refused).await;
    check(demanding, 2000, &[(48, &good), (49, "840")], refused).await;
    check(demanding, 2000, &[(48, &good.replace("420205", "420206"))], refused).await;
    check(demanding, 2000, &[(48, &other)], refused).await;
    check(FRICTIONLESS, 2000, &[(48, &good)], refused).await;
    check(demanding, 2000, &[(48, &good)], ("00", "")).await;
    check(FRICTIONLESS, 2000, &[(48, &other)], ("00", "")).await;
}
