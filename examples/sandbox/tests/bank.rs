//! The bank from outside: NextGenPSD2 over HTTP, the books behind it, and what it does badly.
#![allow(
    unreachable_pub,
    dead_code,
    missing_docs,
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "tests may fail loudly, and use their shared module in part"
)]

mod world;

use std::{process::Command, time::Duration};

use serde_json::{Value, json};
use world::{Answer, Sandbox};

const PAOLO: &str = "IT60X0542811101000000123456";
const ANNA: &str = "FR1420041010050500013M02606";
const INSTANT: &str = "pain.001-instant-sepa-credit-transfers";
const USUAL: &str = "pain.001-sepa-credit-transfers";
const REQUEST_ID: &str = "99391c7e-ad88-49ec-a2ad-99ddcb1f7721";

/// A pain.001.001.09 from paolo, for today.
async fn order(sandbox: &Sandbox, amount: &str, creditor: &str, id: &str) -> String {
    let today = today(sandbox).await;
    format!(
        r#"<?xml version="1.0" encoding="UTF-8"?>
<Document xmlns="urn:iso:std:iso:20022:tech:xsd:pain.001.001.09"><CstmrCdtTrfInitn>
<GrpHdr><MsgId>{id}</MsgId><CreDtTm>{today}T10:00:00Z</CreDtTm><NbOfTxs>1</NbOfTxs><CtrlSum>{amount}</CtrlSum><InitgPty><Nm>Sportello</Nm></InitgPty></GrpHdr>
<PmtInf><PmtInfId>{id}</PmtInfId><PmtMtd>TRF</PmtMtd><NbOfTxs>1</NbOfTxs><CtrlSum>{amount}</CtrlSum>
<PmtTpInf><SvcLvl><Cd>SEPA</Cd></SvcLvl></PmtTpInf><ReqdExctnDt><Dt>{today}</Dt></ReqdExctnDt>
<Dbtr><Nm>Paolo</Nm></Dbtr><DbtrAcct><Id><IBAN>{PAOLO}</IBAN></Id></DbtrAcct>
<DbtrAgt><FinInstnId><Othr><Id>NOTPROVIDED</Id></Othr></FinInstnId></DbtrAgt><ChrgBr>SLEV</ChrgBr>
<CdtTrfTxInf><PmtId><EndToEndId>{id}</EndToEndId></PmtId><Amt><InstdAmt Ccy="EUR">{amount}</InstdAmt></Amt>
<Cdtr><Nm>Anna</Nm></Cdtr><CdtrAcct><Id><IBAN>{creditor}</IBAN></Id></CdtrAcct><RmtInf><Ustrd>for the pizza</Ustrd></RmtInf></CdtTrfTxInf>
</PmtInf></CstmrCdtTrfInitn></Document>"#
    )
}

/// Today as the bank has it: it is the bank's clock that counts.
async fn today(sandbox: &Sandbox) -> String {
    let balances = get(sandbox, "/v1/accounts/acc-paolo/balances").await;
    balances.json()["balances"][0]["referenceDate"].as_str().unwrap().to_owned()
}

/// Posts a body to a product; `None` when the connection was cut.
async fn initiate(sandbox: &Sandbox, product: &str, body: String) -> Option<Answer> {
    let request = sandbox
        .http
        .post(format!("{}/v1/payments/{product}", sandbox.bank))
        .header("x-request-id", REQUEST_ID)
        .header("psu-ip-address", "192.0.2.1")
        .header("authorization", "Bearer sandbox-bank-token")
        .header("content-type", "application/xml")
        .body(body);
    let response = request.send().await.ok()?;
    let (status, headers) = (response.status().as_u16(), response.headers().clone());
    Some(Answer { status, headers, text: response.text().await.unwrap() })
}

async fn get_as(sandbox: &Sandbox, path: &str, accept: &str) -> Answer {
    let request = sandbox
        .http
        .get(format!("{}{path}", sandbox.bank))
        .header("x-request-id", REQUEST_ID)
        .header("authorization", "Bearer sandbox-bank-token")
        .header("accept", accept);
    let response = request.send().await.unwrap();
    let (status, headers) = (response.status().as_u16(), response.headers().clone());
    Answer { status, headers, text: response.text().await.unwrap() }
}

async fn get(sandbox: &Sandbox, path: &str) -> Answer {
    get_as(sandbox, path, "application/json").await
}

/// Pays and returns the status in the answer, with the link to ask again.
async fn pay(sandbox: &Sandbox, product: &str, amount: &str, creditor: &str, id: &str) -> (Value, String) {
    let answer = initiate(sandbox, product, order(sandbox, amount, creditor, id).await).await.unwrap();
    assert_eq!(answer.status, 201, "{}", answer.text);
    assert_eq!(answer.headers["x-request-id"], REQUEST_ID);
    let body = answer.json();
    assert_eq!(answer.headers["location"], body["_links"]["self"]["href"].as_str().unwrap());
    (body.clone(), body["_links"]["status"]["href"].as_str().unwrap().to_owned())
}

/// Balances in cents: paolo's, anna's, and the total of all accounts.
async fn books(sandbox: &Sandbox) -> (i64, i64, i64) {
    let books = sandbox.see(format!("{}/sandbox/accounts", sandbox.bank)).await;
    let balance = |iban: &str| {
        let accounts = books["accounts"].as_array().unwrap();
        accounts.iter().find(|account| account["iban"] == iban).unwrap()["balance"].as_i64().unwrap()
    };
    (balance(PAOLO), balance(ANNA), books["total"].as_i64().unwrap())
}

#[tokio::test]
async fn payments_end_as_the_tables_say() {
    let sandbox = Sandbox::start(&["--bank-fault", "settle_after_ms=0"]).await;
    let check = async |product: &str, amount: &str, creditor: &str, expected: &str, reason: &str| {
        let (body, status) = pay(&sandbox, product, amount, creditor, "E2E-1").await;
        assert_eq!(body["transactionStatus"], expected, "{amount} to {creditor}");
        let asked = get(&sandbox, &status).await.json();
        assert_eq!(asked["transactionStatus"], expected, "{amount} to {creditor}");
        let text = asked["tppMessages"][0]["text"].as_str().unwrap_or_default();
        assert!(text.starts_with(reason), "{amount} to {creditor}: {text}");
        // The codes that the standard has for an answer and for a status, and words for the payer.
        let code = |answer: &Value| answer["tppMessages"][0]["code"].as_str().unwrap_or_default().to_owned();
        let codes = match reason {
            "" => ["", ""],
            "AM04" => ["WARNING", "FUNDS_NOT_AVAILABLE"],
            _ => ["WARNING", "WARNING"],
        };
        assert_eq!([code(&body), code(&asked)], codes, "{amount} to {creditor}");
        assert_eq!(asked["psuMessage"].is_string(), !reason.is_empty(), "{amount} to {creditor}");
    };
    check(INSTANT, "20.00", ANNA, "ACCC", "").await;
    check(USUAL, "20.00", ANNA, "ACSC", "").await;
    check(INSTANT, "13.13", ANNA, "RJCT", "AM04").await;
    check(INSTANT, "14.14", ANNA, "RJCT", "AC04").await;
    check(INSTANT, "19.19", ANNA, "RJCT", "AB05").await;
    check(INSTANT, "29.29", ANNA, "RJCT", "ZZ99").await;
    check(INSTANT, "5000.00", ANNA, "RJCT", "AM04").await;
    check(INSTANT, "5.00", "NL91ABNA0417164300", "RJCT", "AC06").await;
    // To another bank: the money leaves through the clearing account.
    check(INSTANT, "1.00", "GB29NWBK60161331926819", "ACCC", "").await;
    assert_eq!(books(&sandbox).await, (95_900, 9_000, 1_105_500));
    sandbox.on_bank("reset", json!({})).await;
    assert_eq!(books(&sandbox).await, (100_000, 5_000, 1_105_500));
}

#[tokio::test]
async fn what_is_late_waits_reserved_until_it_is_released() {
    let sandbox = Sandbox::start(&["--bank-fault", "hold=true"]).await;
    let (body, status) = pay(&sandbox, INSTANT, "900.00", ANNA, "LATE-1").await;
    assert_eq!(body["transactionStatus"], "RCVD");
    assert_eq!(get(&sandbox, &status).await.json()["transactionStatus"], "ACSP");
    sandbox.on_bank("faults", json!({ "pending_status": "PDNG" })).await;
    assert_eq!(get(&sandbox, &status).await.json()["transactionStatus"], "PDNG");
    // What is reserved cannot be spent again.
    let (second, _) = pay(&sandbox, INSTANT, "200.00", ANNA, "LATE-2").await;
    assert_eq!(second["transactionStatus"], "RJCT");
    assert_eq!(books(&sandbox).await, (100_000, 5_000, 1_105_500));
    let today = today(&sandbox).await;
    let list = format!("/v1/accounts/acc-paolo/transactions?bookingStatus=both&dateFrom={today}");
    let seen = get(&sandbox, &list).await.json();
    assert_eq!(seen["transactions"]["pending"][0]["endToEndId"], "LATE-1");
    assert_eq!(seen["transactions"]["booked"], json!([]));
    assert_eq!(sandbox.on_bank("release", json!({})).await["released"], 1);
    assert_eq!(get(&sandbox, &status).await.json()["transactionStatus"], "ACCC");
    assert_eq!(books(&sandbox).await, (10_000, 95_000, 1_105_500));
    // Never is far, and no further.
    sandbox.on_bank("faults", json!({ "settle_after_ms": u64::MAX, "hold": false })).await;
    let (_, status) = pay(&sandbox, INSTANT, "50.00", ANNA, "LATE-3").await;
    sandbox.on_bank("release", json!({ "reject": "AB05" })).await;
    assert_eq!(get(&sandbox, &status).await.json()["transactionStatus"], "RJCT");
    assert_eq!(books(&sandbox).await, (10_000, 95_000, 1_105_500));
}

#[tokio::test]
async fn the_bank_does_not_deduplicate_and_its_statement_shows_it() {
    let sandbox = Sandbox::start(&["--bank-fault", "lose_answers=1", "--bank-fault", "page_size=2"]).await;
    let body = order(&sandbox, "20.00", ANNA, "SAME-1").await;
    assert!(initiate(&sandbox, INSTANT, body.clone()).await.is_none(), "the answer is lost");
    assert_eq!(books(&sandbox).await, (98_000, 7_000, 1_105_500), "and the work is done");
    assert_eq!(initiate(&sandbox, INSTANT, body.clone()).await.unwrap().status, 201);
    sandbox.on_bank("faults", json!({ "lose_requests": 1 })).await;
    assert!(initiate(&sandbox, INSTANT, body.clone()).await.is_none(), "the request is lost");
    assert_eq!(books(&sandbox).await, (96_000, 9_000, 1_105_500), "and nothing is done");
    sandbox.on_bank("faults", json!({ "http_status": 503, "http_status_times": 1 })).await;
    assert_eq!(initiate(&sandbox, INSTANT, body.clone()).await.unwrap().status, 503);
    assert_eq!(books(&sandbox).await.0, 96_000);
    sandbox.on_bank("faults", json!({ "http_status_after_work": true, "http_status_times": 1 })).await;
    assert_eq!(initiate(&sandbox, INSTANT, body.clone()).await.unwrap().status, 503);
    assert_eq!(books(&sandbox).await.0, 94_000);
    sandbox.on_bank("faults", json!({ "malformed_answers": 1 })).await;
    let half = initiate(&sandbox, INSTANT, body).await.unwrap();
    assert_eq!((half.status, half.json()), (201, Value::Null));

    let today = today(&sandbox).await;
    let mut list = format!("/v1/accounts/acc-paolo/transactions?bookingStatus=booked&dateFrom={today}");
    let mut debits = Vec::new();
    loop {
        let page = get(&sandbox, &list).await.json();
        let entries = page["transactions"]["booked"].as_array().unwrap();
        assert!(entries.len() <= 2 && page["transactions"].get("pending").is_none());
        debits.extend(entries.clone());
        let Some(next) = page["transactions"]["_links"]["next"]["href"].as_str() else { break };
        list = next.to_owned();
    }
    assert_eq!(debits.len(), 4);
    assert!(debits.iter().all(|debit| debit["endToEndId"] == "SAME-1"
        && debit["transactionAmount"] == json!({ "currency": "EUR", "amount": "-20.00" })
        && debit["creditorAccount"]["iban"] == ANNA
        && debit["remittanceInformationUnstructured"] == "for the pizza"));
    let credits =
        get(&sandbox, &format!("/v1/accounts/acc-anna/transactions?bookingStatus=both&dateFrom={today}")).await;
    assert_eq!(credits.json()["transactions"]["booked"][0]["transactionAmount"]["amount"], "20.00");
    sandbox.on_bank("faults", json!({ "hide_transactions": true })).await;
    let hidden =
        get(&sandbox, &format!("/v1/accounts/acc-paolo/transactions?bookingStatus=both&dateFrom={today}")).await;
    assert_eq!(hidden.json()["transactions"]["booked"], json!([]));
}

#[tokio::test]
async fn work_goes_on_when_the_caller_has_given_up() {
    let sandbox = Sandbox::start(&["--bank-fault", "delay_ms=300"]).await;
    let body = order(&sandbox, "20.00", ANNA, "GONE-1").await;
    let impatient = reqwest::Client::builder().no_proxy().timeout(Duration::from_millis(30)).build().unwrap();
    let hasty = Sandbox { http: impatient, ..sandbox.clone() };
    assert!(initiate(&hasty, INSTANT, body).await.is_none(), "the caller has gone");
    let done = async { while books(&sandbox).await != (98_000, 7_000, 1_105_500) {} };
    tokio::time::timeout(world::PATIENCE, done).await.unwrap();
}

#[tokio::test]
async fn an_order_that_is_wrong_is_refused_with_its_path() {
    let sandbox = Sandbox::start(&[]).await;
    let good = order(&sandbox, "20.00", ANNA, "WRONG-1").await;
    let today = today(&sandbox).await;
    let check = async |product: &str, from: &str, to: &str, expected: (u16, &str)| {
        assert!(good.contains(from), "{from}");
        let answer = initiate(&sandbox, product, good.replacen(from, to, 1)).await.unwrap();
        assert_eq!(answer.status, expected.0, "{to}: {}", answer.text);
        let text = answer.json()["tppMessages"][0].to_string();
        assert!(text.contains(expected.1) && text.contains("\"ERROR\""), "{to}: {text}");
    };
    check(INSTANT, "<Document", "<Dokument", (400, "well-formed")).await;
    check(INSTANT, "pain.001.001.09", "pain.001.001.11", (400, "the root must be")).await;
    check(INSTANT, "<MsgId>WRONG-1</MsgId>", "", (400, "MsgId is expected first")).await;
    check(INSTANT, "<MsgId>WRONG-1<", &format!("<MsgId>{}<", "x".repeat(36)), (400, "GrpHdr/MsgId: holds at most 35"))
        .await;
    check(INSTANT, "<EndToEndId>WRONG-1<", "<EndToEndId>/WRONG<", (400, "slash")).await;
    check(INSTANT, "<NbOfTxs>1<", "<NbOfTxs>2<", (400, "NbOfTxs: must be 1")).await;
    check(INSTANT, "<CtrlSum>20.00<", "<CtrlSum>20.01<", (400, "not the sum")).await;
    check(INSTANT, "Ccy=\"EUR\">20.00<", "Ccy=\"USD\">20.00<", (400, "must be in EUR")).await;
    check(INSTANT, "Ccy=\"EUR\">20.00<", "Ccy=\"EUR\">20.001<", (400, "InstdAmt: must lie between")).await;
    check(INSTANT, PAOLO, "IT61X0542811101000000123456", (400, "DbtrAcct/Id/IBAN: is not a valid IBAN")).await;
    check(INSTANT, PAOLO, "GB29NWBK60161331926819", (400, "PAYMENT_FAILED")).await;
    check(INSTANT, "<Nm>Anna</Nm>", "<Nm>Ann\u{e0}</Nm>", (400, "SEPA character set")).await;
    check(INSTANT, "<Cdtr><Nm>Anna</Nm></Cdtr>", "", (400, "Cdtr is expected first")).await;
    check(INSTANT, "<ChrgBr>SLEV<", "<ChrgBr>SHAR<", (400, "ChrgBr: must be SLEV")).await;
    check(INSTANT, "</PmtId>", "</PmtId><Surprise/>", (400, "Surprise")).await;
    check(INSTANT, &format!("<Dt>{today}<"), "<Dt>2020-01-01<", (400, "EXECUTION_DATE_INVALID")).await;
    check(INSTANT, &format!("<Dt>{today}<"), "<Dt>soon<", (400, "is not a date")).await;
    check(INSTANT, "for the pizza", &"x".repeat(141), (400, "140")).await;
    check(USUAL, "</SvcLvl>", "</SvcLvl><LclInstrm><Cd>INST</Cd></LclInstrm>", (400, "does not fit this product"))
        .await;
    check("sepa-credit-transfers", "20", "20", (404, "PRODUCT_UNKNOWN")).await;
    let bomb = "<!DOCTYPE x [<!ENTITY a \"aa\">]><Document";
    check(INSTANT, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Document", bomb, (400, "DTD")).await;
    check(INSTANT, "<GrpHdr>", &"<a>".repeat(20_000), (400, "well-formed")).await;
    assert_eq!(initiate(&sandbox, INSTANT, "x".repeat(100_000)).await.unwrap().status, 413);
    assert_eq!(books(&sandbox).await, (100_000, 5_000, 1_105_500));
}

#[tokio::test]
async fn every_call_must_carry_its_headers() {
    let sandbox = Sandbox::start(&["--bank-fault", "require_consent=true"]).await;
    let check = async |leave: &str, change: (&str, &str), expected: (u16, &str)| {
        let headers = [
            ("x-request-id", REQUEST_ID),
            ("psu-ip-address", "192.0.2.1"),
            ("authorization", "Bearer sandbox-bank-token"),
            ("content-type", "application/xml"),
        ];
        let mut request = sandbox.http.post(format!("{}/v1/payments/{INSTANT}", sandbox.bank)).body("<a/>");
        for (name, value) in headers {
            if name != leave {
                request = request.header(name, if name == change.0 { change.1 } else { value });
            }
        }
        let response = request.send().await.unwrap();
        let (status, text) = (response.status().as_u16(), response.text().await.unwrap());
        assert_eq!(status, expected.0, "{text}");
        assert!(text.contains(expected.1), "{text}");
    };
    check("x-request-id", ("", ""), (400, "X-Request-ID")).await;
    check("", ("x-request-id", "17"), (400, "X-Request-ID")).await;
    check("authorization", ("", ""), (401, "TOKEN_UNKNOWN")).await;
    check("", ("authorization", "Bearer guess"), (401, "TOKEN_INVALID")).await;
    check("psu-ip-address", ("", ""), (400, "PSU-IP-Address")).await;
    check("", ("content-type", "application/json"), (415, "application/xml")).await;
    check("", ("", ""), (400, "the root must be")).await;
    assert_eq!(get(&sandbox, "/v1/accounts").await.status, 401);
    sandbox.on_bank("faults", json!({ "require_consent": false })).await;
    assert_eq!(get(&sandbox, "/v1/accounts").await.json()["accounts"].as_array().unwrap().len(), 5);
    assert_eq!(get(&sandbox, "/v1/accounts/nobody/balances").await.status, 404);
    assert_eq!(get(&sandbox, "/v1/accounts/acc-paolo/transactions?bookingStatus=both").await.status, 400);
    assert_eq!(get(&sandbox, &format!("/v1/payments/{INSTANT}/nothing/status")).await.status, 404);
}

#[tokio::test]
async fn a_payment_is_approved_or_refused_on_the_banks_page() {
    let sandbox = Sandbox::start(&["--bank-fault", "sca_from_cents=10000"]).await;
    let decide = async |amount: &str, decision: &str, expected: (&str, &str)| {
        let (body, status) = pay(&sandbox, INSTANT, amount, ANNA, "SCA-1").await;
        assert_eq!(body["transactionStatus"], "RCVD");
        let page = body["_links"]["scaRedirect"]["href"].as_str().unwrap();
        let sca = body["_links"]["scaStatus"]["href"].as_str().unwrap();
        let shown = sandbox.http.get(page).send().await.unwrap().text().await.unwrap();
        assert!(shown.contains(amount), "{shown}");
        assert_eq!(get(&sandbox, sca).await.json()["scaStatus"], "received", "looking changes nothing");
        sandbox.http.post(format!("{page}/{decision}")).send().await.unwrap();
        assert_eq!(get(&sandbox, sca).await.json()["scaStatus"], expected.0);
        assert_eq!(get(&sandbox, &status).await.json()["transactionStatus"], expected.1);
        let again = sandbox.http.post(format!("{page}/approve")).send().await.unwrap();
        assert_eq!(again.status().as_u16(), 409);
    };
    decide("100.00", "approve", ("finalised", "ACCC")).await;
    decide("31.31", "refuse", ("failed", "RJCT")).await;
    decide("5000.00", "approve", ("finalised", "RJCT")).await;
    let (body, _) = pay(&sandbox, INSTANT, "20.00", ANNA, "SCA-2").await;
    assert!(body["_links"].get("scaRedirect").is_none());
    assert_eq!(books(&sandbox).await, (88_000, 17_000, 1_105_500));
}

#[tokio::test]
#[allow(clippy::print_stdout, reason = "a test that skips says so")]
async fn the_status_in_xml_is_valid_by_the_official_schema() {
    let Some(fixtures) = world::fixtures() else { return };
    if Command::new("xmllint").arg("--version").output().is_err() {
        println!("skipped: xmllint is not here");
        return;
    }
    let sandbox = Sandbox::start(&[]).await;
    let check = async |version: &str, report: &str, amount: &str, expected: &str| {
        let mut body = order(&sandbox, amount, ANNA, "XML-1").await;
        if version == "pain.001.001.03" {
            let today = today(&sandbox).await;
            body = body.replace("pain.001.001.09", version).replace(&format!("<Dt>{today}</Dt>"), &today);
        }
        let schema = |name: &str| fixtures.join(format!("iso20022/xsd/{name}.xsd"));
        validate(&schema(version), &body);
        let answer = initiate(&sandbox, INSTANT, body.clone()).await.unwrap();
        let link =
            answer.json()["_links"]["status"]["href"].as_str().unwrap_or_else(|| panic!("{}", answer.text)).to_owned();
        let xml = get_as(&sandbox, &link, "application/xml").await;
        assert_eq!(xml.headers["content-type"], "application/xml");
        assert!(xml.text.contains(expected), "{}", xml.text);
        validate(&schema(report), &xml.text);
        let whole = get_as(&sandbox, link.trim_end_matches("/status"), "application/xml").await;
        assert_eq!(whole.text, body);
    };
    check("pain.001.001.09", "pain.002.001.10", "20.00", "<TxSts>ACCC</TxSts>").await;
    check("pain.001.001.09", "pain.002.001.10", "13.13", "<Cd>AM04</Cd>").await;
    check("pain.001.001.09", "pain.002.001.10", "41.41", "<TxSts>ACSP</TxSts>").await;
    check("pain.001.001.03", "pain.002.001.03", "20.00", "<TxSts>ACSC</TxSts>").await;
    check("pain.001.001.03", "pain.002.001.03", "14.14", "<Cd>AC04</Cd>").await;
}

fn validate(schema: &std::path::Path, xml: &str) {
    use std::io::Write;
    let mut judge = Command::new("xmllint")
        .args(["--noout", "--nonet", "--schema"])
        .arg(schema)
        .arg("-")
        .stdin(std::process::Stdio::piped())
        .stderr(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    judge.stdin.take().unwrap().write_all(xml.as_bytes()).unwrap();
    let verdict = judge.wait_with_output().unwrap();
    assert!(verdict.status.success(), "{}\n{xml}", String::from_utf8_lossy(&verdict.stderr));
}
