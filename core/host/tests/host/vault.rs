//! Who sees card numbers, and which pages a browser is shown.

use std::sync::Arc;

use bytes::Bytes;
use serde_json::{Value, json};
use sportello_host::{Ask, OpenError, VAULTED_LEN_MAX};
use sportello_sdk::frames::Reply;
use sportello_sdk::{PageFrame, PagePurpose, PageRequest};

use crate::world::{World, manifest, ok, raw, spec};

fn seeing(pan: bool) -> sportello_sdk::Manifest {
    manifest(&[("contract", "1.2".into()), ("pan", pan.into())])
}

#[tokio::test]
async fn card_numbers_are_seen_where_the_manifest_asks_and_the_operator_grants() {
    let check = async |asked: bool, grants: &[&str], expected: &[&str]| {
        let mut spec = spec();
        spec.grants = grants.iter().map(|grant| (*grant).to_owned()).collect();
        let found = match raw(seeing(asked), |_| async { ok(json!(null)) }).check(&spec).await {
            Ok(()) => Vec::new(),
            Err(OpenError::Spec { errors, .. }) => errors.0,
            Err(error) => panic!("{error}"),
        };
        let pointers: Vec<_> = found.iter().map(|error| error.pointer.as_str()).collect();
        assert_eq!(pointers, expected);
    };
    check(true, &["pan", "http://127.0.0.1:*"], &[]).await;
    check(false, &["http://127.0.0.1:*"], &[]).await;
    check(true, &["http://127.0.0.1:*"], &["/grants"]).await;
    check(false, &["http://127.0.0.1:*", "pan"], &["/grants/1"]).await;
    check(true, &["pan", "pans"], &["/grants/1"]).await;
}

/// What the host says to `method` with `params` and `body`: `ok`, or the failure's code.
async fn said(pan: bool, method: &'static str, params: Value, body: Bytes) -> (Result<Value, String>, Vec<String>) {
    let world = Arc::new(World::default());
    let mut spec = spec();
    spec.services = world.clone();
    if pan {
        spec.grants.push("pan".to_owned());
    }
    let plugin = raw(seeing(pan), move |asked| {
        let (params, body) = (params.clone(), body.clone());
        async move {
            let Reply { ok: is_ok, frame, .. } =
                asked.host.call(asked.frame.call, method, params.to_string().into(), body).await;
            ok(json!([is_ok, serde_json::from_slice::<Value>(&frame).unwrap()]))
        }
    });
    let answer = plugin.open(spec).await.unwrap().ask(Ask::new("submit", b"").about(77)).await.unwrap();
    let (is_ok, frame): (bool, Value) = answer.decode().unwrap();
    let result = match is_ok {
        true => Ok(frame["result"].clone()),
        false => Err(frame["code"].as_str().unwrap().to_owned()),
    };
    let asked = world.vaulted.lock().unwrap().clone();
    (result, asked)
}

#[tokio::test]
async fn what_is_asked_of_the_vault_comes_with_what_it_is_about() {
    let check = async |pan: bool, method, params: Value, len: usize, expected: Result<(), &str>, asked: &[&str]| {
        let (got, told) = said(pan, method, params, vec![0; len].into()).await;
        assert_eq!(got.map(drop), expected.map_err(str::to_owned), "{method}");
        assert_eq!(told, asked, "{method}");
    };
    let named = json!({ "name": "card:1" });
    check(true, "instrument", named.clone(), 0, Ok(()), &["instrument paolo 77 card:1"]).await;
    check(false, "instrument", named.clone(), 0, Err("not_granted"), &[]).await;
    check(true, "instrument", json!({ "name": "" }), 0, Err("bad_frame"), &[]).await;
    let put = json!({ "name": "dpan", "until_ms": 9 });
    check(true, "vault.put", put.clone(), VAULTED_LEN_MAX, Ok(()), &["put paolo dpan 9 65536"]).await;
    check(true, "vault.put", put.clone(), VAULTED_LEN_MAX + 1, Err("too_large"), &[]).await;
    check(false, "vault.put", put, 1, Err("not_granted"), &[]).await;
    check(false, "vault.get", named.clone(), 0, Err("not_granted"), &[]).await;
    check(false, "vault.remove", named.clone(), 0, Err("not_granted"), &[]).await;
    // A program without a vault says so.
    check(true, "vault.get", named, 0, Err("unsupported"), &[]).await;
    // A page needs no card numbers.
    let (got, _) = said(false, "page.link", json!({ "order": "o-1", "until_ms": 9 }), Bytes::new()).await;
    assert_eq!(got, Ok(json!({ "url": "https://pay.example/paolo/o-1" })));
}

#[tokio::test]
async fn what_a_browser_should_not_be_shown_is_not_handed_on() {
    let check = async |method: &str, reply: Value, len: usize, expected: Result<(), &str>| {
        let plugin = raw(seeing(false), move |asked| {
            assert_eq!(asked.method, "page");
            let reply = Reply { body: vec![b' '; len].into(), ..ok(reply.clone()) };
            async move { reply }
        });
        let head = PageFrame {
            purpose: PagePurpose::Unrecognised,
            method: method.to_owned(),
            path: String::new(),
            query: String::new(),
            headers: Vec::new(),
            url: "https://pay.example/act/1".to_owned(),
            remote_ip: "192.0.2.7".to_owned(),
            language: "en".to_owned(),
        };
        let got = plugin.open(spec()).await.unwrap().page(0, PageRequest { head, body: Bytes::new() }).await;
        match (got, expected) {
            (Ok(_), Ok(())) => {}
            (Err(error), Err(expected)) => assert!(error.to_string().contains(expected), "{error}"),
            (got, expected) => panic!("{:?}, {expected:?}", got.map(|reply| reply.head)),
        }
    };
    let page = |key: &str, value: Value| {
        let mut page = json!({ "status": 200, "content_type": "text/html; charset=utf-8" });
        page[key] = value;
        page
    };
    check("GET", page("forms", json!(["https://acs.example"])), 1 << 20, Ok(())).await;
    check("GET", page("forms", json!([])), (1 << 20) + 1, Err("1048577 bytes")).await;
    check("GET", page("status", json!(302)), 0, Err("302")).await;
    check("GET", page("content_type", json!("text/html\r\nx: y")), 0, Err("content_type")).await;
    check("GET", page("scripts", json!(["https://a.example 'unsafe-inline'"])), 0, Err("scripts")).await;
    let handed = page("handed_over", json!({ "label": "Visa ••1111" }));
    check("POST", handed.clone(), 7, Ok(())).await;
    check("GET", handed.clone(), 7, Err("only a POST")).await;
    check("POST", handed.clone(), 0, Err("0 bytes")).await;
    check("POST", handed, VAULTED_LEN_MAX + 1, Err("65537 bytes")).await;
    check("POST", page("handed_over", json!({ "label": "" })), 7, Err("label")).await;
    check("GET", json!({ "status": "fine" }), 0, Err("")).await;
}
