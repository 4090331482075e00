//! What becomes of an order that is submitted, for each way in which a bank can answer.

mod bench;

use bench::{ANNA, Bench, KEY, PAOLO, POST, STATUS, created, error, json_answer, open, order, pain002};
use serde_json::json;
use sportello_sdk::testing::ScriptedHost;
use sportello_sdk::{Currency, Failure, HttpResponse, Money, Order, OrderKind};

fn check(answer: HttpResponse, expected: &str) {
    let bench = Bench::new().answers("POST", POST, answer);
    let told = bench.submit();
    assert!(told.starts_with(expected), "{told}, and not {expected}");
    assert_eq!(bench.posts(), 1);
    // Whatever came: the same order again is not posted again.
    let _ = (bench.submit(), bench.restarted().submit());
    assert_eq!(bench.posts(), 1);
}

#[test]
fn a_payment_that_was_made_has_its_status() {
    for status in ["RCVD", "PDNG", "PATC", "ACTC", "ACWC", "ACWP", "ACCP", "ACFC", "ACSP"] {
        check(created(status), "pending P1");
    }
    check(created("ACSC"), "settled Captured 20.00 EUR P1");
    check(created("ACCC"), "settled Final 20.00 EUR P1");
    check(created("CANC"), "declined CANC");
    check(created("RJCT"), "declined RJCT");
    check(created("PART"), "unknown");
    check(created("XXXX"), "unknown: the bank says `XXXX`");
}

#[test]
fn a_payer_who_must_authorise_is_sent_to_the_bank() {
    let with = |links| json_answer(201, json!({"transactionStatus": "RCVD", "paymentId": "P1", "_links": links}));
    let redirect = |url: &str| with(json!({"scaRedirect": {"href": url}}));
    check(redirect("https://login.bank.example/sca?x=1"), "action https://login.bank.example/sca?x=1 P1");
    check(redirect("/v1/sca/1"), "action https://bank.example/v1/sca/1 P1");
    check(redirect("http://127.0.0.1:8081/sca/1"), "action http://127.0.0.1:8081/sca/1 P1");
    for bad in
        ["http://bank.example/sca", "javascript:alert(1)", "//evil.example", "https://bank.example@evil.example/", ""]
    {
        check(redirect(bad), "pending P1");
    }
    check(with(json!({"startAuthorisation": {"href": "/v1/x"}})), "pending P1");
    check(with(json!({"scaOAuth": {"href": "https://bank.example/oauth"}})), "pending P1");
    // What is settled needs nobody any more.
    let done = json!({"transactionStatus": "ACSC", "paymentId": "P1", "_links": {"scaRedirect": {"href": "https://b.example/"}}});
    check(json_answer(201, done), "settled Captured");
}

#[test]
fn a_rejection_is_asked_for_its_reason() {
    let check = |status: HttpResponse, expected: &str| {
        let bench = Bench::new().answers("POST", POST, created("RJCT")).answers("GET", STATUS, status);
        let told = bench.submit();
        assert!(told.starts_with(expected), "{told}, and not {expected}");
        if told.starts_with("declined") {
            assert_eq!(bench.submit(), told);
        }
    };
    check(pain002(KEY, "RJCT", "AM04"), "declined AM04 elsewhere");
    check(pain002(KEY, "RJCT", "AC04"), "declined AC04");
    check(pain002(KEY, "RJCT", "AB05"), "declined AB05 elsewhere");
    check(
        pain002(KEY, "RJCT", "ZZ99"),
        "unknown: the bank rejected the order, for a reason that is not known here (ZZ99)",
    );
    check(pain002("another", "ACSC", ""), "declined RJCT");
    check(HttpResponse::new(500, "text/plain", ""), "declined RJCT");
    // It may have this payment already, or say two things: nobody knows.
    check(pain002(KEY, "RJCT", "AM05"), "unknown");
    check(pain002(KEY, "ACSC", ""), "unknown");
}

#[test]
fn a_refusal_proves_itself_or_nothing() {
    check(error(400, "FORMAT_ERROR"), "declined FORMAT_ERROR elsewhere");
    check(error(400, "PAYMENT_FAILED"), "declined PAYMENT_FAILED elsewhere");
    check(error(401, "TOKEN_EXPIRED"), "declined TOKEN_EXPIRED elsewhere");
    check(error(403, "SERVICE_BLOCKED"), "declined SERVICE_BLOCKED elsewhere");
    check(error(404, "PRODUCT_UNKNOWN"), "declined PRODUCT_UNKNOWN elsewhere");
    check(HttpResponse::new(401, "text/html", "<html>"), "declined UNAUTHORIZED elsewhere");
    // A firewall says the same of the bank's answer, after the work.
    check(HttpResponse::new(403, "text/html", "<html>"), "unknown");
    check(error(406, "REQUESTED_FORMATS_INVALID"), "unknown");
    // It refuses, and names a payment that it made of the order.
    let refused = |more: &str| format!(r#"{{"tppMessages":[{{"category":"ERROR","code":"FORMAT_ERROR"}}]{more}}}"#);
    let refused = |more: &str| HttpResponse::new(400, "application/json", refused(more));
    check(refused(r#","paymentId":"P1""#), "unknown");
    check(refused(r#","transactionStatus":"ACSP""#), "unknown");
    check(refused(r#","transactionStatus":"RJCT""#), "declined FORMAT_ERROR elsewhere");
    check(error(400, "SOMETHING_NEW"), "unknown: the bank answered with status 400 SOMETHING_NEW");
    check(error(403, "SOMETHING_NEW"), "unknown");
    check(error(409, "STATUS_INVALID"), "unknown");
    for status in [400, 404, 408, 409, 418, 429, 500, 502, 503, 504] {
        check(HttpResponse::new(status, "text/plain", ""), "unknown");
        check(error(status, "INTERNAL_SERVER_ERROR"), "unknown");
    }
}

#[test]
fn villains_settle_nothing() {
    let json = |body: &str| HttpResponse::new(201, "application/json", body.to_owned());
    check(HttpResponse::new(200, "text/html", "<html>Please log in</html>"), "unknown");
    check(HttpResponse::new(201, "application/json", "<html>Please log in</html>"), "unknown");
    check(HttpResponse::new(302, "text/html", "").with_header("location", "https://evil.example/"), "unknown");
    check(HttpResponse::new(307, "text/html", "").with_header("location", POST), "unknown");
    for body in ["", "{", "null", "[]", "{}", r#""ACSC""#, r#"{"paymentId":7}"#, r#"{"transactionStatus":["ACSC"]}"#] {
        check(json(body), "unknown");
    }
    check(json(&"[".repeat(100_000)), "unknown");
    check(json(&format!(r#"{{"transactionStatus":"ACSC","pad":"{}"}}"#, "x".repeat(10_000_000))), "unknown");
    check(HttpResponse::new(403, "text/html", "x".repeat(10_000_000)), "unknown");
    // No id, or none that can be asked for: the payment was made, and its status is believed.
    for id in [json!(null), json!(7), json!("../../admin"), json!(""), json!("a/b"), json!("x".repeat(300))] {
        check(json_answer(201, json!({"transactionStatus": "RCVD", "paymentId": id})), "pending -");
    }
    check(json_answer(201, json!({"paymentId": "P1"})), "unknown");
}

#[test]
fn a_lost_answer_is_left_to_the_host() {
    for code in ["unreachable", "timeout", "too_large"] {
        let bench = Bench::new().on("POST", POST, move |_| Err(Failure::provider(code, "…")));
        assert_eq!(bench.submit(), format!("failure {code}"));
        // A byte may have left: from now on it is asked about, and no error makes the host believe that this call is all.
        assert!(bench.submit().starts_with("unknown"));
        assert!(bench.restarted().submit().starts_with("unknown"));
        assert_eq!(bench.posts(), 1);
    }
    // The host refused before it opened a connection: it can be posted once that is put right.
    let bench = Bench::new().on("POST", POST, |_| Err(Failure::settings("not_granted", "…")));
    assert_eq!(bench.submit(), "failure not_granted");
    let bench = bench.answers("POST", POST, created("ACSC"));
    assert_eq!(bench.submit(), "settled Captured 20.00 EUR P1");
}

#[test]
fn what_cannot_be_sent_is_declined_and_never_sent() {
    let check = |change: &dyn Fn(&mut Order), expected: &str| {
        let mut order = order();
        change(&mut order);
        let bench = Bench::new().answers("POST", POST, created("ACSC"));
        assert_eq!(bench.submit_this(order), expected);
        assert_eq!(bench.host.requests().len(), 0);
        if expected.starts_with("declined") {
            // Even where it comes again in a better form.
            assert_eq!(bench.submit(), expected);
            assert_eq!(bench.host.requests().len(), 0);
        }
    };
    let euros = |minor| Money::new(minor, Currency::EUR).unwrap();
    check(&|o| o.amount = euros(0), "declined AM01");
    check(&|o| o.amount = euros(100_000_000_000), "declined AM02 elsewhere");
    check(&|o| o.amount = Money::new(2000, Currency::USD).unwrap(), "declined AM03 elsewhere");
    check(&|o| o.debtor.account = "iban:DE00370400440532013000".parse().unwrap(), "declined AC02");
    check(&|o| o.debtor.account = "tel:+391".parse().unwrap(), "declined AC02 elsewhere");
    check(&|o| o.creditor.account = "iban:IT60X0542811101000000123457".parse().unwrap(), "declined AC03");
    check(&|o| o.creditor.account = "iban:BR1500000000000010932840814P2".parse().unwrap(), "declined AC03 elsewhere");
    check(&|o| o.creditor.account = format!("iban:{}", PAOLO.to_lowercase()).parse().unwrap(), "declined SAME_ACCOUNT");
    for kind in [
        OrderKind::Authorize,
        OrderKind::Capture,
        OrderKind::Void,
        OrderKind::Collect,
        OrderKind::Refund,
        OrderKind::Reverse,
    ] {
        check(&|o| o.kind = kind, "failure unsupported");
    }
    for key in ["", "A", "a b", "é", "x".repeat(36).as_str()] {
        check(&|o| o.key = key.to_owned(), "failure bad_key");
    }
}

#[test]
fn an_order_that_waited_too_long_is_not_posted() {
    let bench = Bench::new().answers("POST", POST, created("ACSC")).shows(json!([]), json!([]));
    bench.host.advance(24 * 3_600_000 + 1);
    assert!(bench.submit().starts_with("unknown"));
    assert_eq!(bench.posts(), 0);
}

#[test]
fn two_calls_at_once_post_once() {
    // Each of these lies between reading that there is no record and writing one.
    for moment in ["secret", "store.put"] {
        let bench = Bench::new().answers("POST", POST, created("ACSC"));
        let other = bench.restarted();
        let told = bench.submit_while(moment, move || assert!(other.submit().starts_with("settled")));
        assert_eq!(told, "unknown: the order is being submitted by another call", "{moment}");
        assert_eq!(bench.posts(), 1, "{moment}");
        assert!(bench.submit().starts_with("settled"));
    }
    // While the order is on its way, another call knows nothing of it, and does not post it.
    let bench = Bench::new().answers("POST", POST, created("ACSC")).shows(json!([]), json!([]));
    let other = bench.restarted();
    let told = bench.submit_while("http", move || assert!(other.submit().starts_with("unknown")));
    assert!(told.starts_with("settled"), "{told}");
    assert_eq!(bench.posts(), 1);
}

#[test]
fn what_was_declared_absent_is_not_posted_by_a_call_that_slept() {
    let bench = Bench::new().answers("POST", POST, created("ACSC")).shows(json!([]), json!([]));
    let other = bench.restarted();
    let told = bench.submit_while("store.put", move || {
        other.host.advance(30 * 24 * 3_600_000);
        assert_eq!(other.inquire(), "declined ABSENT elsewhere");
    });
    assert!(told.starts_with("unknown"), "{told}");
    assert_eq!(bench.posts(), 0);
}

#[test]
fn a_record_that_cannot_be_read_is_one() {
    for record in ["{", "[]", "\u{0}", r#"{"at_ms":-1}"#] {
        let bench = Bench::new().answers("POST", POST, created("ACSC"));
        let _ = bench.host.clone().store(&format!("order/{KEY}"), record.to_owned());
        assert!(bench.submit().starts_with("unknown"), "{record}");
        assert_eq!(bench.posts(), 0);
    }
}

#[test]
fn a_store_that_fails_posts_nothing() {
    let failure = || Failure::new(sportello_sdk::Source::Host, "store", "…");
    for (method, expected) in [("store.get", "unknown"), ("store.put", "failure store")] {
        let bench = Bench::new().answers("POST", POST, created("ACSC"));
        let _ = bench.host.clone().fails(method, failure());
        let told = bench.submit();
        assert!(told.starts_with(expected), "{told}");
        assert_eq!(bench.posts(), 0);
        let _ = bench.host.clone().works_again(method);
        assert_eq!(bench.submit(), "settled Captured 20.00 EUR P1");
    }
}

#[test]
fn the_request_is_as_the_standard_has_it() {
    let settings = json!({"tpp_redirect_uri": "https://sportello.example/back", "product": "credit-transfer"});
    let url = "https://bank.example/v1/payments/pain.001-sepa-credit-transfers";
    let bench = Bench::with(settings).answers("POST", url, created("ACSP"));
    assert_eq!(bench.submit(), "pending P1");
    let mut second = order();
    second.key = "second".to_owned();
    assert_eq!(bench.submit_this(second), "pending P1");
    let requests = bench.host.requests();
    let header = |at: usize, name: &str| {
        let headers = &requests[at].head.headers;
        headers.iter().find(|(of, _)| of.eq_ignore_ascii_case(name)).map(|(_, value)| value.clone()).unwrap_or_default()
    };
    let check = |name: &str, expected: &str| assert_eq!(header(0, name), expected, "{name}");
    check("content-type", "application/xml");
    check("accept", "application/json");
    check("authorization", "Bearer t0ken");
    check("psu-ip-address", "192.0.2.1");
    check("tpp-redirect-uri", "https://sportello.example/back");
    check("tpp-redirect-preferred", "true");
    let id = header(0, "x-request-id");
    assert_eq!(id.len(), 36);
    assert!(id.bytes().enumerate().all(|(at, b)| match at {
        8 | 13 | 18 | 23 => b == b'-',
        14 => b == b'4',
        19 => matches!(b, b'8' | b'9' | b'a' | b'b'),
        _ => b.is_ascii_hexdigit(),
    }));
    assert_ne!(id, header(1, "x-request-id"));
    let body = String::from_utf8(requests[0].body.to_vec()).unwrap();
    assert!(body.contains(&format!("<EndToEndId>{KEY}</EndToEndId>")) && body.contains(ANNA));
    assert!(bench.host.logs().iter().all(|line| !line.message.contains("t0ken")));
}

#[test]
fn settings_that_cannot_work_are_refused_all_at_once() {
    let check = |settings: serde_json::Value, expected: &[&str]| {
        let host = ScriptedHost::new().secret("access_token", "t");
        let told = match open(&host, settings) {
            Ok(_) => String::new(),
            Err(failure) => failure.message,
        };
        assert!(expected.iter().all(|part| told.contains(part)), "{told}");
        assert_eq!(expected.is_empty(), told.is_empty(), "{told}");
    };
    check(json!({}), &[]);
    check(
        json!({"base_url": "http://127.0.0.1:8081", "product": "instant", "status_format": "json", "report_format": "camt"}),
        &[],
    );
    check(json!({"base_url": "http://bank.example"}), &["base_url"]);
    check(
        json!({"base_url": "x", "psu_ip_address": "y", "bic": "z", "tpp_redirect_uri": "ftp://x"}),
        &["base_url", "psu_ip_address", "bic", "tpp_redirect_uri"],
    );
    check(json!({"absence_proven_after_minutes": 0}), &["absence_proven_after_minutes"]);
    check(json!({"acount_id": "x"}), &["acount_id"]);
    check(json!({"product": "express"}), &["express"]);
    let failure = open(&ScriptedHost::new(), json!({})).err().unwrap();
    assert_eq!(failure.code, "no_such_secret");
}
