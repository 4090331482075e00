use super::*;

fn answer(status: u16, body: &str) -> HttpResponse {
    HttpResponse::new(status, "application/json", body.to_owned())
}

fn error(code: u64, subcode: u64) -> String {
    format!(
        r#"{{"error":{{"message":"(#{code}) it said: your code is 431907","type":"OAuthException","code":{code},"error_subcode":{subcode},"fbtrace_id":"AX7"}}}}"#
    )
}

#[test]
fn every_refusal_has_its_place() {
    let check = |status: u16, body: &str, code: &str, source: Source, is_retryable: bool| {
        let failure = failure(&answer(status, body));
        assert_eq!((failure.code.as_str(), failure.source), (code, source), "{status} {body}");
        assert_eq!(failure.is_retryable(), is_retryable, "{status} {body}");
        assert!(!failure.to_string().contains("431907"), "{failure}");
    };
    use Source::{Plugin, Provider, Settings};
    check(400, &error(10, 2_018_278), "outside_window", Provider, false);
    check(403, &error(10, 2_018_065), "outside_window", Provider, false);
    check(400, &error(551, 1_545_041), "unavailable", Provider, false);
    check(400, &error(551, 0), "unavailable", Provider, false);
    check(400, &error(10, 2_018_108), "unavailable", Provider, false);
    check(400, &error(200, 1_545_041), "unavailable", Provider, false);
    check(400, &error(100, 2_018_001), "no_such_person", Provider, false);
    check(401, &error(190, 463), "token_refused", Settings, false);
    check(400, &error(190, 1_234_567), "token_refused", Settings, false);
    check(400, &error(102, 0), "token_refused", Settings, false);
    check(401, "", "token_refused", Settings, false);
    for code in [4, 17, 32, 341, 613, 80_001, 80_006] {
        check(400, &error(code, 0), "rate_limited", Provider, true);
    }
    check(403, &error(4, 2_018_022), "rate_limited", Provider, true);
    check(429, "<html>", "rate_limited", Provider, true);
    check(400, &error(368, 0), "blocked", Provider, false);
    for code in [3, 10, 200, 230, 299] {
        check(403, &error(code, 0), "no_permission", Settings, false);
    }
    for code in [1, 2, 1200] {
        check(400, &error(code, 0), "temporary", Provider, true);
    }
    check(400, r#"{"error":{"code":77,"is_transient":true}}"#, "temporary", Provider, true);
    // What is not in the table: an outage passes, a request that is not taken stays so.
    check(500, &error(77, 0), "temporary", Provider, true);
    check(503, "<html>", "temporary", Provider, true);
    check(502, "", "temporary", Provider, true);
    check(408, "", "temporary", Provider, true);
    check(400, &error(77, 0), "refused", Plugin, false);
    check(400, &error(100, 33), "refused", Plugin, false);
    check(404, "Not Found", "refused", Plugin, false);
    check(302, "", "refused", Plugin, false);
    check(400, r#"{"error":"#, "refused", Plugin, false);
    check(400, r#"{"error":{"code":"10","error_subcode":"2018278"}}"#, "outside_window", Provider, false);
    check(400, r#"{"error":{"code":-10,"error_subcode":[1]}}"#, "refused", Plugin, false);
    check(400, r#"{"error":["your code is 431907"]}"#, "refused", Plugin, false);
    check(400, &"[".repeat(5000), "refused", Plugin, false);
}

#[test]
fn metas_numbers_are_told() {
    let told = failure(&answer(400, &error(10, 2_018_278))).to_string();
    assert!(told.ends_with("(status 400, error 10, subcode 2018278) (outside_window)"), "{told}");
}

#[test]
fn pauses() {
    let check = |status: u16, body: &str, headers: &[(&str, &str)], expected: u64| {
        let response = headers.iter().fold(answer(status, body), |r, (name, value)| r.with_header(name, *value));
        assert_eq!(failure(&response).retry_after_ms(), Some(expected), "{headers:?}");
    };
    let limit = error(613, 0);
    let usage = |minutes: &str| {
        format!(
            r#"{{"1":[{{"type":"pages","call_count":9,"estimated_time_to_regain_access":0}},{{"type":"messenger","call_count":100,"estimated_time_to_regain_access":{minutes}}}],"2":[]}}"#
        )
    };
    let named = |value: &str, expected: u64| check(400, &limit, &[("X-Business-Use-Case-Usage", value)], expected);
    named(&usage("19"), 19 * 60_000);
    named(&usage("\"19\""), 19 * 60_000);
    named(&usage("0"), 60_000);
    named(&usage("-5"), 60_000);
    named(&usage("99999999999999999"), 24 * 3_600_000);
    named("{", 60_000);
    named("[[1]]", 60_000);
    named(r#"{"1":{"estimated_time_to_regain_access":19}}"#, 60_000);
    check(400, &limit, &[], 60_000);
    check(429, "", &[("retry-after", "7")], 7000);
    check(429, "", &[("retry-after", "7"), ("x-business-use-case-usage", &usage("1"))], 60_000);
    check(429, "", &[("retry-after", "Tue, 24 Nov 2026 14:41:28 GMT")], 60_000);
    check(503, "", &[("retry-after", "7")], 5000);
}
