use sportello_sdk::frames::{Level, WebhookFrame, host_method};
use sportello_sdk::{Failure, Source, WebhookRequest};

use super::*;

fn webhook(host: &ScriptedHost, method: &str, body: &str) -> Result<u16, String> {
    let head =
        WebhookFrame { method: method.to_owned(), path: "/".to_owned(), query: String::new(), headers: Vec::new() };
    let request = WebhookRequest { head, body: body.to_owned().into() };
    let messenger = opened(host);
    let reply = host.block_on(messenger.webhook(request, &host.call()));
    assert!(host.requests().is_empty(), "Meta waits for the answer, and must not wait for Meta");
    reply.map(|reply| reply.status).map_err(|failure| failure.code)
}

/// An event of a person, whose message has this id.
fn said(person: &str, id: &str) -> Value {
    json!({ "sender": { "id": person }, "recipient": { "id": "1" }, "message": { "mid": id, "text": "help" } })
}

fn entry(page: &str, events: &[Value]) -> Value {
    json!({ "id": page, "time": 1, "messaging": events })
}

fn delivery(entries: &[Value]) -> String {
    json!({ "object": "page", "entry": entries }).to_string()
}

fn ids(host: &ScriptedHost) -> Vec<String> {
    host.messages().into_iter().map(|m| m.id.unwrap()).collect()
}

/// Delivers, and says what was handed in.
fn check(host: &ScriptedHost, body: &str, expected: Result<u16, &str>, handed_in: &[&str]) {
    host.forget();
    assert_eq!(webhook(host, "POST", body), expected.map_err(str::to_owned), "{body}");
    assert_eq!(ids(host), handed_in, "{body}");
    nothing_is_told(host, "", &["help"]);
}

#[test]
fn many_entries_and_events_arrive_in_order() {
    let host = host();
    let body = delivery(&[entry("1", &[said("2", "m_1"), said("3", "m_2")]), entry("1", &[said("2", "m_3")])]);
    check(&host, &body, Ok(200), &["m_1", "m_2", "m_3"]);
    // The same again is taken again, under the same ids: it is known by them.
    let first = host.messages();
    check(&host, &body, Ok(200), &["m_1", "m_2", "m_3"]);
    assert_eq!(host.messages(), first);
    // In another order, and together with others.
    let body = delivery(&[entry("1", &[said("2", "m_3"), said("4", "m_4"), said("2", "m_1")])]);
    check(&host, &body, Ok(200), &["m_3", "m_4", "m_1"]);
}

#[test]
fn a_delivery_from_the_wrong_page_is_never_a_message() {
    let host = host();
    check(&host, &delivery(&[entry("9", &[said("2", "m_1")])]), Ok(200), &[]);
    check(&host, &delivery(&[entry("9", &[said("2", "m_1")]), entry("1", &[said("2", "m_2")])]), Ok(200), &["m_2"]);
    let mut wrong = said("2", "m_1");
    wrong["recipient"]["id"] = "9".into();
    check(&host, &delivery(&[entry("1", &[wrong, said("2", "m_2")])]), Ok(200), &["m_2"]);
    let logs = host.logs();
    assert_eq!(logs.len(), 1);
    assert_eq!((logs[0].level, logs[0].message.as_str()), (Level::Warn, "1 left aside: for another page"));
}

#[test]
fn what_cannot_be_read_keeps_nothing_from_arriving() {
    let host = host();
    let broken = json!({ "sender": { "id": "2" }, "recipient": { "id": "1" }, "message": { "text": "help" } });
    let body = delivery(&[entry("1", &[said("2", "m_1"), broken.clone(), said("2", "m_2"), broken])]);
    check(&host, &body, Ok(200), &["m_1", "m_2"]);
    let lines: Vec<String> = host.logs().into_iter().map(|line| line.message).collect();
    assert_eq!(lines, ["2 left aside: cannot be read: message"]);
    check(&host, "{\"object\":\"page\"", Err("malformed"), &[]);
    check(&host, "", Err("malformed"), &[]);
    assert_eq!(webhook(&host, "GET", ""), Ok(405));
}

#[test]
fn what_is_not_durable_is_not_acknowledged() {
    let full = || Failure::new(Source::Host, "store", "the store is full");
    let body = delivery(&[entry("1", &[said("2", "m_1")])]);
    for failure in [full(), full().retry_after(1000), Failure::input("busy", "later").retry_after(1000)] {
        let host = host().fails(host_method::MESSAGE, failure);
        check(&host, &body, Ok(503), &[]);
        let host = host.works_again(host_method::MESSAGE);
        check(&host, &body, Ok(200), &["m_1"]);
    }
}

/// A person's later message must not overtake the one that could not be kept, and another person's need not wait.
#[test]
fn what_is_not_durable_holds_back_its_own_writer_alone() {
    let host = host().fails(host_method::MESSAGE, Failure::new(Source::Host, "store", "the store is full"));
    let body = delivery(&[entry("1", &[said("2", "m_1"), said("2", "m_2"), said("3", "m_3"), said("2", "m_4")])]);
    check(&host, &body, Ok(503), &[]);
    let tried = host.asked().into_iter().filter(|method| method == host_method::MESSAGE);
    assert_eq!(tried.count(), 2, "one for each person");
    let lines: Vec<String> = host.logs().into_iter().map(|line| line.message).collect();
    assert_eq!(lines, ["a delivery is not durable, for 2 people: store"]);
    let host = host.works_again(host_method::MESSAGE);
    check(&host, &body, Ok(200), &["m_1", "m_2", "m_3", "m_4"]);
}

#[test]
fn what_the_gateway_will_never_take_is_not_sent_again() {
    let host = host().fails(host_method::MESSAGE, Failure::input("bad_message", "…"));
    let body = delivery(&[entry("1", &[said("2", "m_1"), said("2", "m_2")])]);
    check(&host, &body, Ok(200), &[]);
    let tried = host.asked().into_iter().filter(|method| method == host_method::MESSAGE);
    assert_eq!(tried.count(), 2);
}
