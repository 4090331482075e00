//! Byte streams: what is taken, what is lost, what is attested, and whom TLS trusts.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use sportello_host::{Ask, Running, Sent, Spec};
use sportello_sdk::frames::{CallFrame, Reply};
use sportello_sdk::testing::poll_once;
use sportello_sdk::{Failure, Host, STREAM_WRITE_LEN_MAX, Stream};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use crate::world::{Asked, manifest, ok, raw, spec};

/// A plugin's side of a test: the host, and what is done with it.
pub(crate) async fn instance<F, R>(adapt: impl FnOnce(&mut Spec), act: F) -> Running
where
    F: Fn(Host) -> R + Clone + Send + Sync + 'static,
    R: Future<Output = Result<serde_json::Value, Failure>> + Send + 'static,
{
    let endpoints = serde_json::json!(["tcp://*:*", "tls://*:*"]);
    let plugin = raw(manifest(&[("contract", "1.1".into()), ("endpoints", endpoints)]), move |asked: Asked| {
        let frame = CallFrame { params: (), ..as_call(&asked) };
        let acting = act(Host::new(asked.host, &frame));
        async move {
            match acting.await {
                Ok(value) => ok(value),
                Err(failure) => Reply::failure(&failure),
            }
        }
    });
    let mut spec = spec();
    spec.grants = vec!["tcp://127.0.0.1:*".to_owned(), "tls://localhost:*".to_owned()];
    adapt(&mut spec);
    plugin.open(spec).await.unwrap()
}

fn as_call(asked: &Asked) -> CallFrame<()> {
    let CallFrame { call, now_ms, deadline_ms, seed, .. } = asked.frame;
    CallFrame { call, now_ms, deadline_ms, seed, trace: None, params: () }
}

async fn listen() -> (TcpListener, String) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("tcp://{}", listener.local_addr().unwrap());
    (listener, address)
}

/// Does `act` with a stream to `serve`, and answers with what came of it and what the host attests.
pub(crate) async fn with_stream<F, R, S>(
    act: F,
    serve: impl FnOnce(TcpStream) -> S,
) -> (Result<serde_json::Value, String>, Sent, S::Output)
where
    F: Fn(Host, Stream) -> R + Clone + Send + Sync + 'static,
    R: Future<Output = Result<serde_json::Value, Failure>> + Send + 'static,
    S: Future,
{
    let (listener, address) = listen().await;
    let running = instance(
        |_| {},
        move |host| {
            let (act, address) = (act.clone(), address.clone());
            async move {
                let stream = host.connect(&address).await?;
                act(host, stream).await
            }
        },
    )
    .await;
    let asking = running.ask(Ask::new("submit", b"").within(Duration::from_secs(10)));
    let serving = async {
        let (stream, _) = listener.accept().await.unwrap();
        serve(stream).await
    };
    let (answer, served) = tokio::join!(asking, serving);
    match answer {
        Ok(answer) => (Ok(answer.decode().unwrap()), answer.sent, served),
        Err(error) => (Err(error.failure().map_or_else(|| error.to_string(), |f| f.code.clone())), error.sent, served),
    }
}

#[tokio::test]
async fn what_is_written_arrives_in_order_and_what_comes_is_read() {
    let (answer, sent, seen) = with_stream(
        |host, stream| async move {
            stream.write(&host, "one ").await?;
            stream.write(&host, "two ").await?;
            stream.write(&host, "three").await?;
            let mut heard = Vec::new();
            loop {
                let bytes = stream.read(&host).await?;
                if bytes.is_empty() {
                    break;
                }
                heard.extend_from_slice(&bytes);
            }
            stream.close(&host).await?;
            Ok(String::from_utf8_lossy(&heard).into_owned().into())
        },
        |mut stream| async move {
            let mut heard = [0; 13];
            stream.read_exact(&mut heard).await.unwrap();
            stream.write_all(b"and back").await.unwrap();
            stream.shutdown().await.unwrap();
            assert_eq!(stream.read(&mut [0; 1]).await.unwrap(), 0);
            heard
        },
    )
    .await;
    assert_eq!((answer, sent, &seen), (Ok("and back".into()), Sent::MaybeBytes, b"one two three"));
}

#[tokio::test]
async fn what_was_read_is_given_again_until_it_was_taken() {
    let (listener, address) = listen().await;
    let plugin = raw(
        manifest(&[("contract", "1.1".into()), ("endpoints", serde_json::json!(["tcp://*:*"]))]),
        move |asked: Asked| {
            let address = address.clone();
            async move {
                let connected = asked.ask("stream.connect", serde_json::json!({ "address": address })).await;
                let connected: serde_json::Value = serde_json::from_slice(&connected.frame).unwrap();
                let stream = &connected["result"]["stream"];
                let mut seen = Vec::new();
                for position in asked.frame.params.as_array().unwrap() {
                    let read = serde_json::json!({ "stream": stream, "position": position });
                    let reply = asked.ask("stream.read", read).await;
                    let failure = serde_json::from_slice::<Failure>(&reply.frame);
                    seen.push(failure.map_or_else(|_| String::from_utf8_lossy(&reply.body).into_owned(), |f| f.code));
                }
                ok(seen.into())
            }
        },
    );
    let mut spec = spec();
    spec.grants = vec!["tcp://127.0.0.1:*".to_owned()];
    let running = plugin.open(spec).await.unwrap();
    let check = async |positions: &[u64], expected: &[&str]| {
        let serving = async {
            let (mut stream, _) = listener.accept().await.unwrap();
            stream.write_all(b"hello").await.unwrap();
            stream.shutdown().await.unwrap();
        };
        let (answer, ()) = tokio::join!(running.call("submit", &positions), serving);
        assert_eq!(answer.unwrap().decode::<Vec<String>>().unwrap(), expected, "{positions:?}");
    };
    check(&[0, 5, 5], &["hello", "", ""]).await;
    check(&[0, 0, 2, 2, 5], &["hello", "hello", "llo", "llo", ""]).await;
    check(&[0, 1, 0], &["hello", "ello", "bad_frame"]).await;
    check(&[0, 6, u64::MAX, 5], &["hello", "bad_frame", "bad_frame", ""]).await;
    check(&[1, 0], &["bad_frame", "hello"]).await;
}

#[tokio::test]
async fn a_write_that_is_given_up_while_it_waits_took_nothing() {
    let (tell, told) = tokio::sync::oneshot::channel();
    let tell = Arc::new(Mutex::new(Some(tell)));
    let (answer, sent, arrived) = with_stream(
        move |host, stream| {
            let tell = tell.clone();
            async move {
                let mut taken = 0u64;
                loop {
                    let mut writing = Box::pin(stream.write(&host, vec![b'x'; STREAM_WRITE_LEN_MAX]));
                    // Nobody reads: in the end there is no credit left.
                    let mut polls = 0;
                    let written = loop {
                        match poll_once(writing.as_mut()) {
                            std::task::Poll::Ready(written) => break Some(written),
                            std::task::Poll::Pending if polls == 2_000 => break None,
                            std::task::Poll::Pending => polls += 1,
                        }
                        tokio::task::yield_now().await;
                    };
                    match written {
                        Some(written) => written?,
                        None => break,
                    }
                    taken += 1;
                }
                tell.lock().unwrap().take().unwrap().send(()).unwrap();
                stream.close(&host).await?;
                Ok((taken * STREAM_WRITE_LEN_MAX as u64).into())
            }
        },
        |mut stream| async move {
            told.await.unwrap();
            let mut arrived = Vec::new();
            stream.read_to_end(&mut arrived).await.unwrap();
            arrived.len() as u64
        },
    )
    .await;
    assert_eq!((answer, sent), (Ok(arrived.into()), Sent::MaybeBytes));
    assert!(arrived >= 2 * STREAM_WRITE_LEN_MAX as u64);
}

#[tokio::test]
async fn what_the_host_attests_of_a_stream() {
    let check = async |act: fn(Host, Stream) -> futures_util::future::BoxFuture<'static, Result<(), Failure>>,
                       expected: Result<(), &str>,
                       expected_sent: Sent| {
        let act = move |host, stream| {
            let acting = act(host, stream);
            async move { acting.await.map(|()| serde_json::Value::Null) }
        };
        let (answer, sent, ()) = with_stream(act, |stream| async move { drop(stream) }).await;
        assert_eq!(answer.map(drop), expected.map_err(str::to_owned));
        assert_eq!(sent, expected_sent);
    };
    check(|_, _| Box::pin(async { Ok(()) }), Ok(()), Sent::Nothing).await;
    check(|host, stream| Box::pin(async move { stream.write(&host, "x").await }), Ok(()), Sent::MaybeBytes).await;
    check(|host, stream| Box::pin(async move { stream.write(&host, "").await }), Ok(()), Sent::Nothing).await;
    let too_large = |host, stream: Stream| -> futures_util::future::BoxFuture<'static, _> {
        Box::pin(async move { stream.write(&host, vec![0; STREAM_WRITE_LEN_MAX + 1]).await })
    };
    check(too_large, Err("too_large"), Sent::Nothing).await;
    let closed = |host, stream: Stream| -> futures_util::future::BoxFuture<'static, _> {
        Box::pin(async move {
            stream.close(&host).await?;
            stream.write(&host, "x").await
        })
    };
    check(closed, Err("no_such_stream"), Sent::Nothing).await;
    // The other side is gone: what is taken before that is noticed may have left.
    let broken = |host, stream: Stream| -> futures_util::future::BoxFuture<'static, _> {
        Box::pin(async move {
            loop {
                stream.write(&host, "x").await?;
                tokio::task::yield_now().await;
            }
        })
    };
    check(broken, Err("unreachable"), Sent::MaybeBytes).await;
}

#[tokio::test]
async fn a_stream_outlives_the_call_that_made_it_and_each_call_answers_for_its_own_bytes() {
    let (listener, address) = listen().await;
    let kept = Arc::new(Mutex::new(None::<Arc<Stream>>));
    let running = instance(
        |_| {},
        move |host| {
            let (kept, address) = (Arc::clone(&kept), address.clone());
            async move {
                let stream = kept.lock().unwrap().clone();
                match stream {
                    None => {
                        let stream = Arc::new(host.connect(&address).await?);
                        *kept.lock().unwrap() = Some(stream);
                    }
                    Some(stream) => stream.write(&host, "x").await?,
                }
                Ok(serde_json::Value::Null)
            }
        },
    )
    .await;
    let check = async |expected: Sent| {
        assert_eq!(running.ask(Ask::new("submit", b"")).await.unwrap().sent, expected);
    };
    check(Sent::Nothing).await;
    check(Sent::MaybeBytes).await;
    let (mut stream, _) = listener.accept().await.unwrap();
    assert_eq!(stream.read_u8().await.unwrap(), b'x');
    // With the instance ends its stream.
    running.drain(Duration::from_secs(1)).await.close().await.unwrap();
    assert_eq!(stream.read(&mut [0; 1]).await.unwrap(), 0);
}

#[tokio::test]
async fn where_no_stream_comes_to_be() {
    let (listener, address) = listen().await;
    let check = async |addresses: Vec<String>, expected: &str| {
        let running = instance(
            |_| {},
            move |host| {
                let addresses = addresses.clone();
                async move {
                    let mut streams = Vec::new();
                    for address in &addresses {
                        streams.push(host.connect(address).await?);
                    }
                    Ok(streams.len().into())
                }
            },
        )
        .await;
        let error = running.ask(Ask::new("submit", b"")).await.unwrap_err();
        assert_eq!((error.failure().unwrap().code.as_str(), error.sent), (expected, Sent::Nothing));
    };
    let gone = {
        let (gone, address) = listen().await;
        drop(gone);
        address
    };
    check(vec![gone], "unreachable").await;
    check(vec!["tcp://127.0.0.2:1".to_owned()], "not_granted").await;
    check(vec!["http://127.0.0.1:1".to_owned()], "not_granted").await;
    check(vec!["tcp://127.0.0.1".to_owned()], "not_granted").await;
    check(vec![address.clone(); sportello_host::STREAMS_MAX + 1], "too_many").await;
    // Dropped, each gives its place back.
    let again = address.clone();
    let running = instance(
        |_| {},
        move |host| {
            let address = again.clone();
            async move {
                for _ in 0..=sportello_host::STREAMS_MAX {
                    drop(host.connect(&address).await?);
                }
                Ok(serde_json::Value::Null)
            }
        },
    )
    .await;
    running.ask(Ask::new("submit", b"")).await.unwrap();
    drop(listener);
}
