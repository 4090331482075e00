use super::*;

const NOW_MS: u64 = 1_700_000_000_000;

fn answer(status: u16, body: &str) -> HttpResponse {
    HttpResponse::new(status, "application/json", body.to_owned())
}

#[test]
fn every_refusal_has_its_place() {
    let check = |status: u16, body: &str, kind: Kind, code: &str, source: Source, is_retryable: bool| {
        let refusal = refusal(&answer(status, body), NOW_MS);
        assert_eq!(refusal.kind, kind, "{body}");
        assert_eq!(refusal.failure.code, code);
        assert_eq!(refusal.failure.source, source, "{body}");
        assert_eq!(refusal.failure.is_retryable(), is_retryable, "{body}");
        assert!(!refusal.failure.to_string().contains("123456"), "{}", refusal.failure);
    };
    use Kind::{Duplicate, Limited, Other, OutOfReach};
    use Source::{Plugin, Provider, Settings};

    let duplicate = r#"{"detail":"You are not allowed to create a Tweet with duplicate content.","type":"about:blank","title":"Forbidden","status":403}"#;
    check(403, duplicate, Duplicate, "forbidden", Provider, false);
    let old = r#"{"errors":[{"code":187,"message":"Status is a duplicate."}]}"#;
    check(403, old, Duplicate, "x_187", Provider, false);

    let closed = r#"{"detail":"You do not have permission to DM one or more participants.","type":"about:blank","title":"Forbidden","status":403}"#;
    check(403, closed, OutOfReach, "forbidden", Provider, false);
    for code in [150, 349, 476] {
        let old = format!(r#"{{"errors":[{{"code":{code},"message":"You cannot send messages to this user."}}]}}"#);
        check(403, &old, OutOfReach, &format!("x_{code}"), Provider, false);
    }
    let gone =
        r#"{"title":"Not Found Error","type":"https://api.x.com/2/problems/resource-not-found","detail":"123456"}"#;
    check(404, gone, OutOfReach, "resource-not-found", Provider, false);

    let permissions = r#"{"title":"Forbidden","detail":"…","type":"https://api.twitter.com/2/problems/oauth1-permissions","status":403}"#;
    check(403, permissions, Other, "oauth1-permissions", Settings, false);
    check(403, r#"{"errors":[{"code":326}]}"#, Other, "x_326", Settings, false);
    check(401, r#"{"title":"Unauthorized","type":"about:blank","status":401}"#, Other, "unauthorized", Settings, false);
    check(429, "Too Many Requests", Limited, "http_429", Provider, true);
    check(503, "<html>", Other, "http_503", Provider, true);
    check(500, "", Other, "http_500", Provider, true);
    let invalid = r#"{"errors":[{"message":"text 123456"}],"title":"Invalid Request","detail":"text 123456","type":"https://api.x.com/2/problems/invalid-request"}"#;
    check(400, invalid, Other, "invalid-request", Plugin, false);
    let partial = r#"{"errors":[{"title":"Not Found Error","detail":"123456","type":"https://api.x.com/2/problems/resource-not-found"}]}"#;
    check(200, partial, Other, "resource-not-found", Provider, false);
    check(302, "", Other, "http_302", Plugin, false);
    // A type that is a sentence, with a line break.
    check(418, r#"{"title":"I'm a\nteapot"}"#, Other, "i-m-a-teapot", Plugin, false);
    check(400, &"[".repeat(5000), Other, "http_400", Plugin, false);
}

#[test]
fn only_an_answer_of_4xx_is_sure_that_nothing_was_done() {
    let check = |status: u16, expected: bool| {
        assert_eq!(refusal(&answer(status, ""), NOW_MS).is_definite, expected, "{status}");
    };
    check(400, true);
    check(403, true);
    check(429, true);
    check(408, false);
    check(200, false);
    check(502, false);
}

#[test]
fn a_limit_says_until_when() {
    let check = |headers: &[(&str, &str)], expected_ms: u64| {
        let limited = headers.iter().fold(answer(429, ""), |answer, (name, value)| answer.with_header(name, *value));
        assert_eq!(refusal(&limited, NOW_MS).failure.retry_after_ms(), Some(expected_ms), "{headers:?}");
    };
    check(&[("x-rate-limit-reset", "1700000090")], 90_000);
    check(&[("x-rate-limit-remaining", "0"), ("x-rate-limit-reset", "1700000090")], 90_000);
    let day = [
        ("x-rate-limit-remaining", "40"),
        ("x-rate-limit-reset", "1700000090"),
        ("x-user-limit-24hour-remaining", "0"),
        ("x-user-limit-24hour-reset", "1700003600"),
    ];
    check(&day, 3_600_000);
    check(&[("x-rate-limit-reset", "1699999999")], 1000);
    check(&[("x-rate-limit-reset", "99999999999999999")], 86_400_000);
    check(&[("x-rate-limit-reset", "soon")], 30_000);
    check(&[], 30_000);
}
