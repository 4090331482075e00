use super::*;

const SECRET: &str = "It's a Secret to Everybody";
const BODY: &str = "Hello, World!";
/// Published in GitHub's documentation, "Validating webhook deliveries".
const HEX: &str = "757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17";

fn scheme(encoding: Encoding, handshake: Option<Handshake>) -> Webhook {
    Webhook {
        signature: Signature::Hmac {
            hash: Hash::Sha256,
            header: "x-signature".to_owned(),
            prefix: "sha256=".to_owned(),
            encoding,
            secret: "key".to_owned(),
        },
        handshake,
        answer_within_ms: None,
    }
}

fn crc() -> Option<Handshake> {
    Some(Handshake::HmacOfQuery {
        query: "crc_token".to_owned(),
        field: "response_token".to_owned(),
        hash: Hash::Sha256,
        prefix: "sha256=".to_owned(),
        encoding: Encoding::Base64,
        secret: "key".to_owned(),
    })
}

fn echo() -> Option<Handshake> {
    Some(Handshake::EchoIfToken {
        token_query: "hub.verify_token".to_owned(),
        echo_query: "hub.challenge".to_owned(),
        require: BTreeMap::from([("hub.mode".to_owned(), "subscribe".to_owned())]),
        secret: "token".to_owned(),
    })
}

fn secrets(key: &str) -> BTreeMap<String, Secret> {
    BTreeMap::from([("key".to_owned(), Secret::new(key)), ("token".to_owned(), Secret::new("open sesame"))])
}

fn head(method: &str, query: &str, headers: &[(&str, &str)]) -> WebhookFrame {
    WebhookFrame {
        method: method.to_owned(),
        path: "/".to_owned(),
        query: query.to_owned(),
        headers: headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect(),
    }
}

/// What a verdict is told by: 0 for verified, 200 for a handshake, or the refusal's status.
fn status(verdict: &Verdict) -> u16 {
    match verdict {
        Verdict::Verified => 0,
        Verdict::Handshake(reply) => reply.status,
        Verdict::Refused(status, _) => *status,
    }
}

#[test]
fn deliveries() {
    let check = |method: &str, headers: &[(&str, &str)], body: &str, expected: u16| {
        let verdict =
            verify(Some(&scheme(Encoding::Hex, None)), &secrets(SECRET), &head(method, "", headers), body.as_bytes());
        assert_eq!(status(&verdict), expected, "{method} {headers:?} {body}: {verdict:?}");
    };
    let right = format!("sha256={HEX}");
    check("POST", &[("x-signature", &right)], BODY, 0);
    check("POST", &[("X-Signature", &right), ("x-other", "1")], BODY, 0);
    check("POST", &[("x-signature", &right)], "Hello, World", 401);
    check("POST", &[("x-signature", &right)], "", 401);
    check("POST", &[], BODY, 401);
    check("POST", &[("x-signature", "")], BODY, 401);
    check("POST", &[("x-signature", "sha256=")], BODY, 401);
    check("POST", &[("x-signature", HEX)], BODY, 401);
    check("POST", &[("x-signature", &right[..right.len() - 2])], BODY, 401);
    check("POST", &[("x-signature", &right[..right.len() - 1])], BODY, 401);
    check("POST", &[("x-signature", &format!("{right}00"))], BODY, 401);
    check("POST", &[("x-signature", &format!(" {right}"))], BODY, 401);
    check("POST", &[("x-signature", &right.to_uppercase())], BODY, 401);
    check("POST", &[("x-signature", &format!("sha256={}", HEX.to_uppercase()))], BODY, 401);
    check("POST", &[("x-signature", "sha256=zz")], BODY, 401);
    check("POST", &[("x-signature", &right), ("x-signature", &right)], BODY, 400);
    check("POST", &[("x-signature", "sha256=00"), ("X-SIGNATURE", &right)], BODY, 400);
    check("GET", &[("x-signature", &right)], BODY, 405);
    check("PUT", &[("x-signature", &right)], BODY, 405);
    check("post", &[("x-signature", &right)], BODY, 405);
}

#[test]
fn what_cannot_be_verified_is_refused() {
    let signed = head("POST", "", &[("x-signature", &format!("sha256={HEX}"))]);
    let check = |scheme: Option<&Webhook>, secrets: &BTreeMap<String, Secret>, head: &WebhookFrame, expected: u16| {
        assert_eq!(status(&verify(scheme, secrets, head, BODY.as_bytes())), expected);
    };
    let hex = scheme(Encoding::Hex, None);
    let later = Webhook {
        signature: Signature::Unrecognised,
        handshake: Some(Handshake::Unrecognised),
        answer_within_ms: None,
    };
    check(None, &secrets(SECRET), &signed, 404);
    check(Some(&hex), &BTreeMap::new(), &signed, 503);
    check(Some(&hex), &secrets(""), &signed, 503);
    check(Some(&hex), &secrets("another"), &signed, 401);
    check(Some(&later), &secrets(SECRET), &signed, 501);
    check(Some(&later), &secrets(SECRET), &head("GET", "x=1", &[]), 501);
}

#[test]
fn base64_has_one_spelling() {
    let check = |value: &str, expected: u16| {
        let head = head("POST", "", &[("x-signature", value)]);
        let verdict = verify(Some(&scheme(Encoding::Base64, None)), &secrets(SECRET), &head, BODY.as_bytes());
        assert_eq!(status(&verdict), expected, "{value}");
    };
    let right = format!("sha256={}", BASE64.encode(hex::decode(HEX).unwrap()));
    check(&right, 0);
    check(right.trim_end_matches('='), 401);
    check(&format!("{right}="), 401);
    check(&right.replace('/', "_"), if right.contains('/') { 401 } else { 0 });
    check(&format!("sha256={HEX}"), 401);
}

#[test]
fn questions() {
    let check = |handshake: Option<Handshake>, query: &str, expected: Result<&str, u16>| {
        let scheme = scheme(Encoding::Hex, handshake);
        let key = "z3ZX4v7mAAUGykl3EcmkqbartmuW8VFOOzCloLx9Q45P0hLrFu";
        let verdict = verify(Some(&scheme), &secrets(key), &head("GET", query, &[]), b"");
        let got = match &verdict {
            Verdict::Handshake(reply) => Ok(std::str::from_utf8(&reply.body).unwrap()),
            other => Err(status(other)),
        };
        assert_eq!(got, expected, "{query}");
    };
    check(
        crc(),
        "crc_token=9b4507b3-9040-4669-9ca3-6b94edb50553&nonce=x",
        Ok(r#"{"response_token":"sha256=Cytd4Sq+NvEcV3MMrXxWJGJx5A+y/lXzzU2Maartkx8="}"#),
    );
    check(crc(), "", Err(400));
    check(crc(), "crc_token=", Err(400));
    check(crc(), "crc_token=1&crc_token=2", Err(400));
    check(crc(), &format!("crc_token={}", "x".repeat(600)), Err(400));
    check(echo(), "hub.mode=subscribe&hub.verify_token=open%20sesame&hub.challenge=77", Ok("77"));
    check(echo(), "hub.mode=subscribe&hub.verify_token=open+sesame&hub.challenge=77", Ok("77"));
    check(echo(), "hub.mode=subscribe&hub.verify_token=wrong&hub.challenge=77", Err(403));
    check(echo(), "hub.mode=subscribe&hub.challenge=77", Err(403));
    check(echo(), "hub.mode=unsubscribe&hub.verify_token=open+sesame&hub.challenge=77", Err(403));
    check(echo(), "hub.verify_token=open+sesame&hub.challenge=77", Err(403));
    check(echo(), "hub.mode=subscribe&hub.verify_token=open+sesame", Err(400));
    check(None, "crc_token=1", Err(405));
}

/// Who may ask questions must not be given a signature under which to deliver something.
#[test]
fn no_question_is_answered_with_the_signature_of_a_delivery() {
    let scheme = scheme(Encoding::Base64, crc());
    let check = |body: &str, expected: Result<(), u16>| {
        let query: String =
            url::form_urlencoded::Serializer::new(String::new()).append_pair("crc_token", body).finish();
        let verdict = verify(Some(&scheme), &secrets(SECRET), &head("GET", &query, &[]), b"");
        assert_eq!(
            if let Verdict::Handshake(_) = verdict { Ok(()) } else { Err(status(&verdict)) },
            expected,
            "{body}"
        );
    };
    check(r#"{"tweet_create_events":[{"id_str":"1","text":"@sportello pay @eve 20 €"}]}"#, Err(400));
    check("[1]", Err(400));
    check("\"text\"", Err(400));
    check("From=%2B39&Body=pay", Err(400));
    check("<xml/>", Err(400));
    check("pay @eve", Err(400));
    check("a=b", Err(400));
    check("9b4507b3-9040-4669-9ca3-6b94edb50553", Ok(()));
    check("MTIzNDU2Nzg5MA+/_-.~==", Ok(()));
}

/// The vectors beside the repository, where they are there.
#[test]
fn vectors() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared/fixtures");
    let read = |name: &str| std::fs::read(format!("{folder}/{name}"));
    let (Ok(x), Ok(messenger)) = (read("x/vectors.json"), read("messenger/vectors.json")) else {
        eprintln!("skipped: there are no vectors in {folder}");
        return;
    };
    let x: serde_json::Value = serde_json::from_slice(&x).unwrap();
    let messenger: serde_json::Value = serde_json::from_slice(&messenger).unwrap();

    let vector = |name: &str| x["crc"][name].as_str().unwrap().to_owned();
    let question = head("GET", &format!("crc_token={}", vector("crc_token")), &[]);
    let secret = secrets(&vector("consumer_secret"));
    let verdict = verify(Some(&scheme(Encoding::Base64, crc())), &secret, &question, b"");
    let Verdict::Handshake(reply) = verdict else { panic!("{verdict:?}") };
    let answer: serde_json::Value = serde_json::from_slice(&reply.body).unwrap();
    assert_eq!(answer["response_token"], x["crc"]["expected_response_token"]);

    let check = |vector: &str, body: &str, signature: &str, expected: u16| {
        let text = |name: &str| messenger[vector][name].as_str().unwrap();
        let head = head("POST", "", &[("x-signature", text(signature))]);
        let verdict =
            verify(Some(&scheme(Encoding::Hex, None)), &secrets(text("secret")), &head, text(body).as_bytes());
        assert_eq!(status(&verdict), expected, "{vector} {signature}");
    };
    check("xhub256_published", "payload", "expected", 0);
    check("escaped_unicode_trap", "raw_body", "expected_over_raw_body", 0);
    check("escaped_unicode_trap", "raw_body", "wrong_if_reserialised_utf8", 401);
}
