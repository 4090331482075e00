//! What the payer's browser is shown, and what the issuer is told of it.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use super::*;

fn begun(status: &str) -> Stage {
    let stage = Stage::approving(json!({}), Server::saying(status));
    stage.submit().unwrap();
    stage
}

#[test]
fn a_link_that_is_only_opened_changes_nothing() {
    let stage = begun("Y");
    let before = stage.host.stored(&format!("a/{KEY}"));
    let page = stage.get();
    assert_eq!(page.head.status, 200);
    assert!(text(&page).contains(&format!(r#"<form method=post action="{LINK}/start">"#)));
    assert_eq!(stage.host.stored(&format!("a/{KEY}")), before);
    assert!(stage.host.requests().is_empty() && stage.reports().is_empty());
}

#[test]
fn what_others_wrote_is_shown_and_not_obeyed() {
    let page = text(&begun("Y").get());
    assert!(page.contains("20.00 EUR to Paolo &lt;&amp; sons&gt;."), "{page}");
}

#[test]
fn pages_are_in_the_payer_s_language() {
    let stage = begun("Y");
    for (language, title) in
        [("en", "Confirm your"), ("it", "Conferma il"), ("fr-CA", "Confirmez votre"), ("de", "Confirm your")]
    {
        let asked = request("GET", "", "", language);
        assert!(text(&stage.page(&asked)).contains(title), "{language}");
    }
}

#[test]
fn the_issuer_is_told_of_the_browser() {
    let check = |form: &str, expected: Value| {
        let stage = begun("Y");
        stage.post("/start", form);
        let asked = stage.asked("/3ds/authentication").remove(0);
        for (key, value) in expected.as_object().unwrap() {
            assert_eq!(&asked[key], value, "{key}");
        }
    };
    check(
        "javascript=true&java=false&language=it-IT&color_depth=30&height=1080&width=2560&tz=-60",
        json!({
            "browserJavascriptEnabled": true, "browserJavaEnabled": false, "browserLanguage": "it-IT",
            "browserColorDepth": "24", "browserScreenHeight": "1080", "browserScreenWidth": "2560", "browserTZ": "-60",
            "browserIP": "192.0.2.7", "browserUserAgent": "Browser/1.0", "browserAcceptHeader": "text/html",
            "threeDSCompInd": "U", "threeDSRequestorChallengeInd": "01", "deviceChannel": "02", "messageCategory": "01",
            "threeDSServerTransID": TRANSACTION, "acctNumber": PAN, "cardExpiryDate": "3012",
            "purchaseAmount": "2000", "purchaseCurrency": "978", "purchaseExponent": "2",
            "purchaseDate": "20231114221320", "merchantName": "Sportello", "mcc": "5812",
            "acquirerBIN": "400123", "acquirerMerchantID": "SPORTELLO-1",
            "notificationURL": format!("{LINK}/back")
        }),
    );
    // Without scripts, and with nonsense.
    check("", json!({ "browserJavascriptEnabled": false, "browserLanguage": "en", "browserTZ": null }));
    check(
        "javascript=true&tz=99999&color_depth=x&height=-5&width=99999999999999999999&language=%00",
        json!({
            "browserJavascriptEnabled": true, "browserTZ": "0", "browserColorDepth": "24", "browserScreenHeight": "0",
            "browserScreenWidth": "1920", "browserLanguage": "en"
        }),
    );
}

#[test]
fn the_issuer_may_look_at_the_browser_first() {
    let check = |form: &str, is_done: bool, expected: &str| {
        let mut server = Server::saying("C");
        server.versioning.1["threeDSMethodURL"] = json!("https://acs.example/method");
        let stage = Stage::approving(json!({}), server);
        stage.submit().unwrap();
        let page = stage.post("/start", form);
        if form.contains("javascript=true") {
            assert_eq!(page.head.frames, ["https://acs.example", "https://pay.example"]);
            assert_eq!(page.head.forms, ["https://acs.example"]);
            assert!(stage.asked("/3ds/authentication").is_empty());
            if is_done {
                stage.post("/method", "threeDSMethodData=e30");
            }
            let page = stage.post("/go", form);
            assert_eq!(page.head.forms, ["https://acs.example"]);
        }
        assert_eq!(stage.asked("/3ds/authentication")[0]["threeDSCompInd"], expected, "{form}");
    };
    check("javascript=true", true, "Y");
    check("javascript=true", false, "N");
    check("", false, "N");
}

#[test]
fn the_challenge_is_as_the_specification_draws_it() {
    let stage = begun("C");
    let page = text(&stage.post("/start", "javascript=true"));
    let (_, rest) = page.split_once("name=creq value=\"").unwrap();
    let (creq, _) = rest.split_once('"').unwrap();
    let creq = URL_SAFE_NO_PAD.decode(creq).unwrap();
    let creq: Value = serde_json::from_slice(&creq).unwrap();
    assert_eq!(
        creq,
        json!({
            "threeDSServerTransID": TRANSACTION, "acsTransID": "d7c1ee99-9478-44a6-b1f2-391e29c6b340",
            "messageVersion": "2.2.0", "messageType": "CReq", "challengeWindowSize": "05"
        })
    );
    assert!(page.contains("name=threeDSSessionData value=\""));
}

#[test]
fn nobody_is_sent_to_a_page_that_is_not_encrypted() {
    for address in ["http://acs.example/", "javascript:alert(1)", "data:text/html,x", "acs.example", ""] {
        let mut server = Server::saying("C");
        server.authentication.1["acsURL"] = json!(address);
        let stage = Stage::approving(json!({}), server);
        stage.submit().unwrap();
        let page = stage.post("/start", "javascript=true");
        assert!(page.head.forms.is_empty() && !text(&page).contains("alert"));
        assert_eq!(stage.reports(), ["declined 3ds_u"], "{address}");
    }
}

#[test]
fn a_payer_may_begin_anew_a_few_times() {
    let stage = begun("C");
    for _ in 0..3 {
        assert!(text(&stage.post("/start", "javascript=true")).contains("creq"));
    }
    stage.post("/start", "javascript=true");
    assert_eq!(stage.reports(), ["declined too_many_tries"]);
    assert_eq!(stage.asked("/3ds/authentication").len(), 3);
}

#[test]
fn a_link_of_yesterday_leads_nowhere() {
    let stage = begun("Y");
    stage.host.advance(15 * 60_000);
    for page in [stage.get(), stage.post("/start", "javascript=true")] {
        assert!(text(&page).contains("nothing to do here"));
    }
    assert!(stage.host.requests().is_empty());
}

#[test]
fn what_is_no_step_is_no_page() {
    let stage = begun("Y");
    assert_eq!(stage.post("/elsewhere", "").head.status, 404);
    assert_eq!(stage.ask("PUT", "/start", "").head.status, 404);
}
