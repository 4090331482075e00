use sportello_sdk::{Failure, HttpRequest, Note};

use super::*;

const MESSAGES: &str = "https://graph.facebook.com/v25.0/1/messages?*";

type Answer = fn(&HttpRequest) -> Result<HttpResponse, Failure>;

fn note(changes: Value) -> Note {
    let mut note = json!({ "key": "note-1", "to": "messenger:1/2", "private": true, "text": "20,00 € to Anna?" });
    for (key, value) in changes.as_object().unwrap() {
        note[key] = value.clone();
    }
    from_value(note).unwrap()
}

fn body(request: &HttpRequest) -> Value {
    sportello_sdk::serde_json::from_slice(&request.body).unwrap()
}

/// A Meta that takes everything, and numbers it.
fn meta() -> ScriptedHost {
    let host = host();
    let seen = host.clone();
    host.on_http("POST", MESSAGES, move |_| {
        let id = format!("m_{}", seen.requests().len());
        Ok(answer(200, json!({ "recipient_id": "2", "message_id": id })))
    })
}

/// A Meta that answers every message like this.
fn meta_with(answer: Answer) -> ScriptedHost {
    host().on_http("POST", MESSAGES, answer)
}

/// What came of the note: its id or the failure's code, with `+` where it is worth another try; and what was said, each
/// text with its buttons.
fn outcome(host: &ScriptedHost, note: Note) -> (String, Vec<String>) {
    let result = host.block_on(opened(host).send(note, &host.call()));
    let said = |request: &HttpRequest| {
        let body = body(request);
        let button =
            |reply: &Value| format!(" [{}={}]", reply["title"].as_str().unwrap(), reply["payload"].as_str().unwrap());
        let buttons = body["message"].get("quick_replies").and_then(Value::as_array);
        let buttons: String = buttons.into_iter().flatten().map(button).collect();
        format!("{}: {}{buttons}", body["recipient"]["id"].as_str().unwrap(), body["message"]["text"].as_str().unwrap())
    };
    let told = match &result {
        Ok(sent) => {
            assert!(!sent.fell_back);
            sent.id.clone().unwrap()
        }
        Err(failure) => {
            nothing_is_told(host, &failure.to_string(), &["20,00", "431907"]);
            format!("{}{}", failure.code, if failure.is_retryable() { "+" } else { "" })
        }
    };
    nothing_is_told(host, &told, &["20,00", "431907"]);
    (told, host.requests().iter().map(said).collect())
}

fn check(host: &ScriptedHost, note: Note, expected: &str, said: &[&str]) {
    let (told, made) = outcome(host, note);
    assert_eq!((told.as_str(), made.iter().map(String::as_str).collect::<Vec<_>>()), (expected, said.to_vec()));
}

#[test]
fn a_note_is_one_request() {
    let host = meta();
    let choices = json!([{ "label": "Confirm", "says": "yes 431907" }, { "label": "Cancel", "says": "cancel" }]);
    check(
        &host,
        note(json!({ "choices": choices })),
        "m_1",
        &["2: 20,00 € to Anna? [Confirm=yes 431907] [Cancel=cancel]"],
    );
    let request = host.requests().remove(0);
    let reply = |title: &str, payload: &str| json!({ "content_type": "text", "title": title, "payload": payload });
    let expected = json!({
        "recipient": { "id": "2" }, "messaging_type": "RESPONSE",
        "message": { "text": "20,00 € to Anna?", "quick_replies": [reply("Confirm", "yes 431907"), reply("Cancel", "cancel")] },
    });
    assert_eq!(body(&request), expected);
    let header = |name: &str| request.head.headers.iter().find(|(n, _)| n == name).map(|(_, value)| value.as_str());
    assert_eq!(header("authorization"), Some("Bearer the-page_token"));
    assert_eq!(header("content-type"), Some("application/json"));
    // HMAC-SHA256 of `the-page_token` under `the-app_secret`.
    let proof = "005abaf9d6f87d4e39ac5b470b11ddb5014525fd9ad7ee60df586b21cd6990d2";
    assert_eq!(request.head.url, format!("https://graph.facebook.com/v25.0/1/messages?appsecret_proof={proof}"));
    // Without choices there is not even an empty list, which Meta refuses.
    let host = meta();
    check(&host, note(json!({})), "m_1", &["2: 20,00 € to Anna?"]);
    assert_eq!(body(&host.requests()[0])["message"], json!({ "text": "20,00 € to Anna?" }));
}

#[test]
fn a_note_goes_to_a_person_of_the_page_in_private_or_not_at_all() {
    check(&meta(), note(json!({ "private": false })), "no_public", &[]);
    check(&meta(), note(json!({ "private": false, "reply_to": "m_1", "fallback": "Look here." })), "no_public", &[]);
    check(&meta(), note(json!({ "to": "twitter:2" })), "foreign_handle", &[]);
    check(&meta(), note(json!({ "to": "messenger:9/2" })), "foreign_handle", &[]);
    check(&meta(), note(json!({ "to": "messenger:2" })), "not_pinned", &[]);
    check(&meta(), note(json!({ "to": "messenger:@anna" })), "not_pinned", &[]);
    check(&meta(), note(json!({ "to": "messenger:1/@anna" })), "not_pinned", &[]);
    check(&meta(), note(json!({ "to": "messenger:1/2/messages?x=" })), "not_pinned", &[]);
    check(&meta(), note(json!({ "text": " \n" })), "empty", &[]);
    check(&meta(), note(json!({ "text": " help " })), "m_1", &["2: help"]);
}

#[test]
fn a_long_note_is_several_messages_and_the_buttons_stand_under_the_last() {
    let choices = json!([{ "label": "Confirm", "says": "yes" }]);
    let (first, second) = ("a".repeat(1500), "b".repeat(1500));
    let long = |text: String| note(json!({ "text": text, "choices": choices }));
    let said = [format!("2: {first}"), format!("2: {second} [Confirm=yes]")];
    check(&meta(), long(format!("{first}\n\n{second}")), "m_2", &said.each_ref().map(String::as_str));
    let (told, made) = outcome(&meta(), long("x".repeat(20_000)));
    assert_eq!((told.as_str(), made.len()), ("m_10", 10));
    check(&meta(), long("x".repeat(20_001)), "too_long", &[]);
    // A part that is not taken ends it: what follows would make no sense.
    let refused = meta_with(|_| Ok(answer(400, json!({ "error": { "code": 551 } }))));
    check(&refused, long(format!("{first}\n\n{second}")), "unavailable", &[&said[0]]);
}

#[test]
fn what_meta_refuses_is_no_success_and_the_fallback_is_never_said() {
    let refused = |answer: Answer, expected: &str| {
        let fallback = note(json!({ "fallback": "Look into your messages.", "reply_to": "m_7" }));
        check(&meta_with(answer), fallback, expected, &["2: 20,00 € to Anna?"]);
    };
    refused(|_| Ok(answer(400, json!({ "error": { "code": 10, "error_subcode": 2_018_278 } }))), "outside_window");
    refused(|_| Ok(answer(400, json!({ "error": { "code": 190 } }))), "token_refused");
    refused(|_| Ok(answer(400, json!({ "error": { "code": 613 } }))), "rate_limited+");
    refused(|_| Ok(answer(500, json!({}))), "temporary+");
    // An error that comes as a success is one all the same.
    refused(|_| Ok(answer(200, json!({ "error": { "code": 100, "error_subcode": 2_018_001 } }))), "no_such_person");
    // What names no message was not answered by Meta.
    refused(|_| Ok(answer(200, json!({}))), "bad_answer+");
    refused(|_| Ok(answer(200, json!({ "message_id": "" }))), "bad_answer+");
    refused(|_| Ok(HttpResponse::new(200, "text/html", "<html>20,00 €")), "bad_answer+");
    refused(|_| Ok(HttpResponse::new(200, "application/json", vec![0xff])), "bad_answer+");
    refused(|_| Err(Failure::provider("timeout", "no answer came in time").retry_after(1000)), "timeout+");
}

/// A lost answer may be that of a message which arrived: the note is told again, for it may also not have.
#[test]
fn a_note_whose_answer_was_lost_is_sent_again() {
    let host = meta_with(|_| Err(Failure::provider("timeout", "no answer came in time").retry_after(1000)));
    check(&host, note(json!({})), "timeout+", &["2: 20,00 € to Anna?"]);
    let host = host.on_http("POST", MESSAGES, |_| Ok(answer(200, json!({ "message_id": "m_2" }))));
    check(&host, note(json!({})), "m_2", &["2: 20,00 € to Anna?", "2: 20,00 € to Anna?"]);
}

#[test]
fn another_api_and_version() {
    let host = host().on_http("POST", "http://127.0.0.1:4000/v26.0/77/messages?appsecret_proof=*", |_| {
        Ok(answer(200, json!({ "message_id": "m_1" })))
    });
    let settings = json!({ "page_id": "77", "api": "http://127.0.0.1:4000/", "version": "v26.0" });
    let messenger = host.block_on(Messenger::open(from_value(settings).unwrap(), &host.call())).unwrap();
    let sent = host.block_on(messenger.send(note(json!({ "to": "messenger:77/2" })), &host.call()));
    assert_eq!(sent.unwrap().id.as_deref(), Some("m_1"));
}

/// The samples of Meta's reference, where they are beside the repository.
#[test]
fn samples() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../../../../shared/fixtures/messenger/samples");
    let check = |name: &str, status: u16, expected: &str| {
        let Ok(sample) = std::fs::read(format!("{folder}/{name}.json")) else {
            eprintln!("skipped: there is no {name} in {folder}");
            return;
        };
        let host = host()
            .on_http("POST", MESSAGES, move |_| Ok(HttpResponse::new(status, "application/json", sample.clone())));
        check(&host, note(json!({})), expected, &["2: 20,00 € to Anna?"]);
    };
    check("send_api_success", 200, "AG5Hz2U...");
    check("send_api_error_190", 400, "token_refused");
    check("send_api_error_100_2018001", 400, "no_such_person");
}
