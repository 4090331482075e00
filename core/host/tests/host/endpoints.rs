//! What a plugin asks of its host, and what the host attests of it.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::{Value, json};
use sportello_host::{Ask, CallError, Reason, Sent};
use sportello_sdk::frames::Reply;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpSocket};

use crate::world::{World, manifest, ok, open, raw, spec, until};

/// A provider that reads a request and answers with these bytes, then closes; with none, it never answers.
async fn provider(answer: Option<&'static [u8]>) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        let mut held = Vec::new();
        while let Ok((mut stream, _)) = listener.accept().await {
            let mut request = [0; 4096];
            let _ = stream.read(&mut request).await;
            match answer {
                Some(answer) => {
                    let _ = stream.write_all(answer).await;
                }
                None => held.push(stream),
            }
        }
    });
    format!("http://{address}")
}

/// The address of a port where nobody listens.
async fn nobody() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    format!("http://{}", listener.local_addr().unwrap())
}

#[tokio::test]
async fn whether_bytes_left_is_the_hosts_fact() {
    let check = async |url: String, expected: Result<u16, &str>, expected_sent: Sent| {
        let inner = url.clone();
        let running = open(spec(), move |asked| {
            let url = inner.clone();
            async move {
                match asked.get(&url).await {
                    Reply { ok: true, frame, body } => {
                        let frame: Value = serde_json::from_slice(&frame).unwrap();
                        Reply { body, ..ok(frame["result"]["status"].clone()) }
                    }
                    failure => failure,
                }
            }
        })
        .await;
        let got = running.ask(Ask::new("submit", b"").within(Duration::from_secs(2))).await;
        match (got, expected) {
            (Ok(answer), Ok(status)) => {
                assert_eq!(answer.decode::<u16>().unwrap(), status, "{url}");
                assert_eq!(answer.sent, expected_sent, "{url}");
            }
            (Err(error), Err(code)) => {
                assert_eq!(error.failure().map(|failure| failure.code.as_str()), Some(code), "{url}: {error}");
                assert_eq!(error.sent, expected_sent, "{url}: {error}");
            }
            (got, _) => panic!("{url}: {got:?}"),
        }
    };
    let answered = |answer| provider(Some(answer));
    check(answered(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok").await, Ok(200), Sent::MaybeBytes).await;
    check(answered(b"HTTP/1.1 500 Oh\r\ncontent-length: 0\r\n\r\n").await, Ok(500), Sent::MaybeBytes).await;
    let elsewhere = answered(b"HTTP/1.1 302 Found\r\nlocation: http://127.0.0.1:1/\r\ncontent-length: 0\r\n\r\n").await;
    check(elsewhere, Ok(302), Sent::MaybeBytes).await;
    check(answered(b"").await, Err("unreachable"), Sent::MaybeBytes).await;
    check(answered(b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nok").await, Err("unreachable"), Sent::MaybeBytes)
        .await;
    check(answered(b"SSH-2.0-OpenSSH\r\n").await, Err("unreachable"), Sent::MaybeBytes).await;
    check(provider(None).await, Err("timeout"), Sent::MaybeBytes).await;
    check(nobody().await, Err("unreachable"), Sent::Nothing).await;
    check("https://127.0.0.1:9".to_owned(), Err("not_granted"), Sent::Nothing).await;
    check("http://127.0.0.1@evil".to_owned(), Err("not_granted"), Sent::Nothing).await;
    check("http://localhost".to_owned(), Err("not_granted"), Sent::Nothing).await;
}

#[tokio::test]
async fn an_answer_that_has_no_end_is_cut_off() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\n\r\n").await;
        while stream.write_all(&[b'x'; 65536]).await.is_ok() {}
    });
    let running = open(spec(), move |asked| {
        let url = url.clone();
        async move { asked.get(&url).await }
    })
    .await;
    let error = running.ask(Ask::new("submit", b"")).await.unwrap_err();
    assert_eq!(error.failure().unwrap().code, "too_large");
}

#[tokio::test]
async fn a_call_cut_off_while_it_waits_for_its_provider_may_have_sent() {
    let url = provider(None).await;
    let running = open(spec(), move |asked| {
        let url = url.clone();
        async move {
            let _ = asked.get(&url).await;
            std::future::pending().await
        }
    })
    .await;
    let error = running.ask(Ask::new("submit", b"").within(Duration::from_millis(200))).await.unwrap_err();
    assert_eq!(error, CallError { reason: Reason::Timeout { within_ms: 200 }, sent: Sent::MaybeBytes });
}

#[tokio::test]
async fn nothing_is_done_for_a_call_that_is_over() {
    let url = provider(Some(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n")).await;
    let kept = Arc::new(Mutex::new(None));
    let keep = Arc::clone(&kept);
    let running = open(spec(), move |asked| {
        *keep.lock().unwrap() = Some(asked);
        async { ok(json!(1)) }
    })
    .await;
    assert_eq!(running.ask(Ask::new("submit", b"")).await.unwrap().sent, Sent::Nothing);
    let asked = kept.lock().unwrap().take().unwrap();
    let check = |reply: Reply, expected: &str| {
        let failure: sportello_sdk::Failure = serde_json::from_slice(&reply.frame).unwrap();
        assert!(!reply.ok);
        assert_eq!(failure.code, expected);
    };
    check(asked.get(&url).await, "call_over");
    check(asked.ask("secret", json!({ "name": "token" })).await, "call_over");
    check(asked.host.call(0, "secret", r#"{"name":"token"}"#.into(), "".into()).await, "call_over");
}

#[tokio::test]
async fn what_a_plugin_asks_of_its_host() {
    let world = Arc::new(World::default());
    let mut spec = spec();
    spec.services = world.clone();
    let running = open(spec, |asked| async move {
        let Value::Array(steps) = &asked.frame.params else { return ok(json!(null)) };
        let mut last = ok(json!(null));
        for step in steps {
            last = asked.ask(step[0].as_str().unwrap(), step[1].clone()).await;
        }
        last
    })
    .await;
    let check = async |steps: Value, expected: Result<Value, &str>| {
        let got = running.call("submit", &steps).await;
        match (got, expected) {
            (Ok(answer), Ok(expected)) => {
                let frame: Value = answer.decode().unwrap();
                assert_eq!(frame["now_ms"], 1_700_000_000_000_u64);
                assert_eq!(frame["result"], expected, "{steps}");
            }
            (Err(error), Err(code)) => assert_eq!(error.failure().unwrap().code, code, "{steps}"),
            (got, expected) => panic!("{steps}: {got:?}, not {expected:?}"),
        }
    };
    check(json!([["secret", { "name": "token" }]]), Ok(json!({ "value": "s3cret" }))).await;
    check(json!([["secret", { "name": "other" }]]), Err("no_such_secret")).await;
    check(json!([["sleep", { "for_ms": 1 }]]), Ok(json!(null))).await;
    check(json!([["store.get", { "name": "cursor" }]]), Ok(json!({ "version": 0 }))).await;
    let put = json!(["store.put", { "name": "cursor", "expected": 0 }]);
    check(json!([put]), Ok(json!({ "stored": true, "version": 1 }))).await;
    check(json!([put]), Ok(json!({ "stored": false, "version": 1 }))).await;
    check(json!([["store.get", { "name": "" }]]), Err("bad_frame")).await;
    check(json!([["store.get", { "name": "x".repeat(201) }]]), Err("bad_frame")).await;
    check(json!([["store.get", [1, 2, 3]]]), Err("bad_frame")).await;
    check(json!([["connect", {}]]), Err("unsupported")).await;
    let message = json!({ "id": "1", "first_id": "1", "from": "hello:1", "text": "pay", "private": false });
    check(json!([["message", message]]), Ok(json!({ "fresh": true }))).await;
    let messages = world.messages.lock().unwrap();
    assert_eq!((messages.len(), messages[0].0.as_str(), messages[0].1.text.as_str()), (1, "paolo", "pay"));
}

/// Whoever has a name chooses where it leads: a grant of all names is none of what stands inside.
#[tokio::test]
async fn a_name_leads_nowhere_that_was_not_meant() {
    let check = async |grant: &str, address: &str, expected: &str| {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = address.replace("PORT", &listener.local_addr().unwrap().port().to_string());
        let endpoints = json!(["https://*:*", "http://127.0.0.1:*", "http://localhost:*", "tls://*:*", "tcp://*:*"]);
        let mut spec = spec();
        spec.grants = vec![grant.to_owned()];
        let is_stream = address.starts_with("t");
        let asking = address.clone();
        let plugin = crate::world::raw(crate::world::manifest(&[("endpoints", endpoints)]), move |asked| {
            let address = asking.clone();
            async move {
                match is_stream {
                    true => asked.ask("stream.connect", json!({ "address": address })).await,
                    false => asked.get(&address).await,
                }
            }
        });
        let running = plugin.open(spec).await.unwrap();
        let accepting = async {
            // Whoever is let through is hung up on.
            let _ = listener.accept().await;
        };
        let asking = running.ask(Ask::new("submit", b"").within(Duration::from_secs(5)));
        let (answer, is_reached) = tokio::select! {
            answer = asking => (Some(answer), false),
            () = accepting => (None, true),
        };
        let said = match answer {
            None => "reached".to_owned(),
            Some(answer) => {
                let error = answer.unwrap_err();
                assert_eq!(error.sent, Sent::Nothing, "{grant} {address}");
                error.failure().map_or_else(|| error.to_string(), |failure| failure.code.clone())
            }
        };
        assert_eq!(said, expected, "{grant} {address}");
        assert_eq!(is_reached, expected == "reached");
    };
    check("https://*:*", "https://localhost:PORT/", "not_granted").await;
    check("https://*:*", "https://127.0.0.1:PORT/", "not_granted").await;
    check("https://*:*", "https://[::ffff:127.0.0.1]:PORT/", "not_granted").await;
    check("https://*:*", "https://2130706433:PORT/", "not_granted").await;
    check("https://localhost:*", "https://localhost:PORT/", "reached").await;
    check("https://127.0.0.1:*", "https://127.0.0.1:PORT/", "reached").await;
    check("http://localhost:*", "http://localhost:PORT/", "reached").await;
    check("tls://*:*", "tls://localhost:PORT", "not_granted").await;
    check("tcp://*:*", "tcp://127.0.0.1:PORT", "not_granted").await;
    check("tcp://localhost:*", "tcp://localhost:PORT", "reached").await;
}

/// A connection that is kept was made for whoever may reach that host, and is nobody else's way into the operator's network.
#[tokio::test]
async fn a_connection_that_is_kept_leads_nobody_where_they_may_not() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://localhost:{}/", listener.local_addr().unwrap().port());
    let served = Arc::new(AtomicUsize::new(0));
    let connected = Arc::new(AtomicUsize::new(0));
    let (count, connections) = (Arc::clone(&served), Arc::clone(&connected));
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            connections.fetch_add(1, Ordering::SeqCst);
            let count = Arc::clone(&count);
            tokio::spawn(async move {
                let mut request = [0; 4096];
                while stream.read(&mut request).await.is_ok_and(|len| len > 0) {
                    count.fetch_add(1, Ordering::SeqCst);
                    let _ = stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n").await;
                }
            });
        }
    });
    let get = async |grant: &str| {
        let endpoints = json!(["http://*:*"]);
        let url = url.clone();
        let plugin = raw(manifest(&[("endpoints", endpoints)]), move |asked| {
            let url = url.clone();
            async move { asked.get(&url).await }
        });
        let mut spec = spec();
        spec.grants = vec![grant.to_owned()];
        plugin.open(spec).await.unwrap().ask(Ask::new("submit", b"").within(Duration::from_secs(5))).await
    };
    // It is kept, and used by other instances of the same reach; though it may take a moment until it is there for them.
    for _ in 0..20 {
        get("http://localhost:*").await.unwrap();
    }
    let before = served.load(Ordering::SeqCst);
    assert!(before == 20 && connected.load(Ordering::SeqCst) < 20);
    let error = get("http://*:*").await.unwrap_err();
    assert_eq!((error.failure().unwrap().code.as_str(), error.sent), ("not_granted", Sent::Nothing));
    assert_eq!(served.load(Ordering::SeqCst), before);
}

/// A request of a few bytes brings megabytes: of those, so many are held at once, and the others wait where they come from.
#[tokio::test]
async fn of_long_answers_so_many_are_read_at_once() {
    let socket = TcpSocket::new_v4().unwrap();
    // What was written has been read, but for some hundred kilobytes.
    socket.set_send_buffer_size(64 << 10).unwrap();
    socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let listener = socket.listen(64).unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    let begun = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&begun);
    let (release, released) = tokio::sync::watch::channel(false);
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let (count, mut released) = (Arc::clone(&count), released.clone());
            tokio::spawn(async move {
                let mut request = [0; 4096];
                let len = stream.read(&mut request).await.unwrap();
                if request[..len].starts_with(b"GET /short") {
                    let answer = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\nconnection: close\r\n\r\nok";
                    return stream.write_all(answer).await.unwrap();
                }
                let half = vec![b'x'; 1 << 20];
                stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 2097152\r\n\r\n").await.unwrap();
                stream.write_all(&half).await.unwrap();
                count.fetch_add(1, Ordering::SeqCst);
                released.wait_for(|is_released| *is_released).await.unwrap();
                stream.write_all(&half).await.unwrap();
            });
        }
    });
    let running = open(spec(), move |asked| {
        let url = format!("{address}{}", asked.frame.params.as_str().unwrap());
        async move {
            let got = asked.get(&url).await;
            if got.ok { ok(json!(got.body.len())) } else { got }
        }
    })
    .await;
    let get = |path: &'static str| {
        let running = running.clone();
        async move {
            let asked = json!(path).to_string();
            let ask = Ask::new("submit", asked.as_bytes()).within(Duration::from_secs(60));
            running.ask(ask).await.unwrap().decode::<usize>().unwrap()
        }
    };
    let long: Vec<_> = (0..20).map(|_| tokio::spawn(get("/long"))).collect();
    until(|| begun.load(Ordering::SeqCst) == 16).await;
    for _ in 0..50 {
        assert_eq!(get("/short").await, 2);
    }
    assert_eq!(begun.load(Ordering::SeqCst), 16);
    release.send(true).unwrap();
    for one in long {
        assert_eq!(one.await.unwrap(), 2 << 20);
    }
}
