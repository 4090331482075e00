//! Byte streams in careless and in hostile hands: what waits when a stream ends, what is kept, and what is left behind.

use std::sync::{Arc, Mutex};
use std::task::Poll;
use std::time::Duration;

use bytes::Bytes;
use serde_json::json;
use sportello_host::{Ask, STREAMS_MAX};
use sportello_sdk::frames::Reply;
use sportello_sdk::testing::poll_once;
use sportello_sdk::{Failure, Host, STREAM_WRITE_LEN_MAX, Stream};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::sync::oneshot;

use crate::streams::{instance, with_stream};
use crate::world::{Asked, manifest, ok, raw, spec};

const FULL: usize = STREAM_WRITE_LEN_MAX;

/// What a method was answered with: the failure's code, or what stands beside the frame.
fn said(reply: &Reply) -> String {
    let failure = serde_json::from_slice::<Failure>(&reply.frame);
    failure.map_or_else(|_| String::from_utf8_lossy(&reply.body).into_owned(), |failure| failure.code)
}

impl Asked {
    async fn ask_with(&self, method: &str, params: serde_json::Value, body: Vec<u8>) -> Reply {
        self.host.call(self.frame.call, method, params.to_string().into(), Bytes::from(body)).await
    }

    async fn connected(&self, address: &str) -> serde_json::Value {
        let connected = self.ask("stream.connect", json!({ "address": address })).await;
        let connected: serde_json::Value = serde_json::from_slice(&connected.frame).unwrap();
        json!({ "stream": connected["result"]["stream"] })
    }
}

/// What the methods of a plugin below the SDK come to, with `serve` on the other side.
async fn with_raw<F, R, S>(act: F, serve: impl FnOnce(TcpStream) -> S) -> (Vec<String>, S::Output)
where
    F: Fn(Asked, serde_json::Value) -> R + Clone + Send + Sync + 'static,
    R: Future<Output = Vec<String>> + Send + 'static,
    S: Future,
{
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("tcp://{}", listener.local_addr().unwrap());
    let facts = manifest(&[("contract", "1.1".into()), ("endpoints", json!(["tcp://*:*"]))]);
    let plugin = raw(facts, move |asked: Asked| {
        let (act, address) = (act.clone(), address.clone());
        async move {
            let id = asked.connected(&address).await;
            ok(act(asked, id).await.into())
        }
    });
    let mut spec = spec();
    spec.grants = vec!["tcp://127.0.0.1:*".to_owned()];
    let running = plugin.open(spec).await.unwrap();
    let serving = async { serve(listener.accept().await.unwrap().0).await };
    let asking = running.ask(Ask::new("submit", b"").within(Duration::from_secs(10)));
    let (answer, served) = tokio::join!(asking, serving);
    (answer.unwrap().decode().unwrap(), served)
}

#[tokio::test]
async fn a_cut_ends_what_waits_on_the_stream() {
    let (tell, told) = oneshot::channel();
    let tell = Arc::new(Mutex::new(Some(tell)));
    let (said, ()) = with_raw(
        move |asked, id| {
            let tell = tell.lock().unwrap().take();
            async move {
                let read = json!({ "stream": id["stream"], "position": 0 });
                let mut reading = Box::pin(asked.ask("stream.read", read.clone()));
                assert!(poll_once(reading.as_mut()).is_pending());
                let full = || asked.ask_with("stream.write", id.clone(), vec![b'x'; FULL]);
                // Nobody reads: in the end one waits.
                let mut writing = Box::pin(full());
                let mut waits = 0;
                while waits < 2_000 {
                    match poll_once(writing.as_mut()) {
                        Poll::Ready(_) => (writing, waits) = (Box::pin(full()), 0),
                        Poll::Pending => waits += 1,
                    }
                    tokio::task::yield_now().await;
                }
                asked.host.notify("stream.close", id.to_string().into());
                let (read_said, written_said) = tokio::join!(reading, writing);
                let after = asked.ask("stream.read", read).await;
                tell.unwrap().send(()).unwrap();
                vec![said(&read_said), said(&written_said), said(&after)]
            }
        },
        |mut stream| async move {
            told.await.unwrap();
            // Broken off or ended: it comes to an end.
            let _ = stream.read_to_end(&mut Vec::new()).await;
        },
    )
    .await;
    assert_eq!(said, ["no_such_stream"; 3]);
}

#[tokio::test]
async fn a_close_ends_a_read_that_waits() {
    let (said, ()) = with_raw(
        |asked, id| async move {
            let read = json!({ "stream": id["stream"], "position": 0 });
            let mut reading = Box::pin(asked.ask("stream.read", read));
            assert!(poll_once(reading.as_mut()).is_pending());
            let closed = asked.ask("stream.close", id).await;
            vec![said(&closed), said(&reading.await)]
        },
        |mut stream| async move {
            assert_eq!(stream.read(&mut [0; 1]).await.unwrap(), 0);
            // It says nothing more, and does not end either, until the plugin's side is gone.
            assert_eq!(stream.read(&mut [0; 1]).await.unwrap(), 0);
        },
    )
    .await;
    assert_eq!(said, ["", "no_such_stream"]);
}

#[tokio::test]
async fn a_broken_connection_is_never_taken_for_one_that_ended() {
    let (said, ()) = with_raw(
        |asked, id| async move {
            let read = json!({ "stream": id["stream"], "position": 0 });
            let _ = asked.ask_with("stream.write", id, b"x".to_vec()).await;
            let first = asked.ask("stream.read", read.clone()).await;
            let second = asked.ask("stream.read", read).await;
            vec![said(&first), said(&second)]
        },
        |mut stream| async move {
            stream.read_u8().await.unwrap();
            stream.set_zero_linger().unwrap();
        },
    )
    .await;
    assert_eq!(said, ["unreachable", "unreachable"]);
}

#[tokio::test]
async fn what_was_taken_arrives_though_the_plugin_closes_with_something_unread() {
    let socket = TcpSocket::new_v4().unwrap();
    // Little room, so that much is still on its way when all is written.
    socket.set_recv_buffer_size(4096).unwrap();
    socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let listener = socket.listen(1).unwrap();
    let address = format!("tcp://{}", listener.local_addr().unwrap());
    let (tell, told) = oneshot::channel::<()>();
    let told = Arc::new(Mutex::new(Some(told)));
    let running = instance(
        |_| {},
        move |host| {
            let (told, address) = (told.lock().unwrap().take(), address.clone());
            async move {
                let stream = host.connect(&address).await?;
                told.unwrap().await.unwrap();
                stream.write(&host, vec![b'x'; FULL]).await?;
                stream.write(&host, vec![b'x'; FULL]).await?;
                stream.close(&host).await?;
                Ok(json!(null))
            }
        },
    )
    .await;
    let serving = async {
        let (mut stream, _) = listener.accept().await.unwrap();
        stream.write_all(b"nobody reads this").await.unwrap();
        tell.send(()).unwrap();
        let mut heard = Vec::new();
        let _ = stream.read_to_end(&mut heard).await;
        heard.len()
    };
    let (answer, arrived) = tokio::join!(running.ask(Ask::new("submit", b"")), serving);
    assert_eq!((answer.map(drop), arrived), (Ok(()), 2 * FULL));
}

#[tokio::test]
async fn a_write_does_not_overtake_one_that_waits() {
    let (tell, told) = oneshot::channel();
    let tell = Arc::new(Mutex::new(Some(tell)));
    let (answer, _, heard) = with_stream(
        move |host: Host, stream: Stream| {
            let tell = tell.clone();
            async move {
                let full = || stream.write(&host, vec![b'x'; FULL]);
                let mut first = Box::pin(full());
                let mut waits = 0;
                while waits < 2_000 {
                    match poll_once(first.as_mut()) {
                        Poll::Ready(written) => {
                            written?;
                            (first, waits) = (Box::pin(full()), 0);
                        }
                        Poll::Pending => waits += 1,
                    }
                    tokio::task::yield_now().await;
                }
                tell.lock().unwrap().take().unwrap().send(()).unwrap();
                // Whoever comes second is looked at first, each time.
                let mut second = Box::pin(stream.write(&host, "second"));
                let mut is_written = false;
                std::future::poll_fn(|context| {
                    is_written |= !is_written && second.as_mut().poll(context).is_ready();
                    first.as_mut().poll(context)
                })
                .await?;
                if !is_written {
                    second.await?;
                }
                stream.close(&host).await?;
                Ok(json!(null))
            }
        },
        |mut stream| async move {
            told.await.unwrap();
            let mut heard = Vec::new();
            stream.read_to_end(&mut heard).await.unwrap();
            heard
        },
    )
    .await;
    answer.unwrap();
    assert!(heard.ends_with(b"xsecond"), "the second came first");
}

#[tokio::test]
async fn those_that_still_connect_have_their_place_too() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    // It never says a word: no handshake comes to an end.
    let port = listener.local_addr().unwrap().port();
    let running = instance(
        |_| {},
        move |host| async move {
            let (encrypted, plain) = (format!("tls://localhost:{port}"), format!("tcp://127.0.0.1:{port}"));
            let mut connecting: Vec<_> = (0..STREAMS_MAX).map(|_| Box::pin(host.connect(&encrypted))).collect();
            assert!(connecting.iter_mut().all(|one| poll_once(one.as_mut()).is_pending()));
            let one_more = host.connect(&plain).await.map(drop).unwrap_err();
            assert_eq!(one_more.code, "too_many");
            drop(connecting);
            // Their places come back with the look-ups of their names.
            while host.connect(&plain).await.is_err() {
                tokio::task::yield_now().await;
            }
            Ok(json!(null))
        },
    )
    .await;
    running.ask(Ask::new("submit", b"")).await.unwrap();
}

#[tokio::test]
async fn a_stream_that_nobody_lets_go_of_ends_with_its_instance() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("tcp://{}", listener.local_addr().unwrap());
    let running = instance(
        |_| {},
        move |host| {
            let address = address.clone();
            async move {
                std::mem::forget(host.connect(&address).await?);
                std::mem::forget(host);
                Ok(json!(null))
            }
        },
    )
    .await;
    running.ask(Ask::new("submit", b"")).await.unwrap();
    let (mut stream, _) = listener.accept().await.unwrap();
    running.clone().drain(Duration::from_secs(1)).await.close().await.unwrap();
    let ended = tokio::time::timeout(Duration::from_secs(5), stream.read(&mut [0; 1])).await;
    assert_eq!(ended.unwrap().unwrap(), 0);
}
