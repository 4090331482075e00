//! Connections: how many there may be, and how long each may keep us waiting.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};

/// What callers are granted.
pub(crate) struct Limits {
    /// How many there may be at once; more wait until another has gone.
    pub(crate) places: usize,
    /// How long one may take to begin and to end the head of a request.
    pub(crate) head_within: Duration,
}

/// Longer than proxies keep a silent connection (a minute, as a rule), so that it is they who close it, and never under a
/// request that is on its way.
const HEAD_WITHIN: Duration = Duration::from_secs(75);

/// An idle caller costs some 10 kB.
const CONNECTIONS_MAX: usize = 4_096;

/// What is kept free of a process's open files for the store, plugins' own connections and all else.
const FILES_KEPT: u64 = 256;

/// How long to wait where the system has no room for a connection.
const BREATH: Duration = Duration::from_millis(100);

impl Limits {
    /// As this process can have them.
    pub(crate) fn of_this_process() -> Self {
        Self { places: places(), head_within: HEAD_WITHIN }
    }
}

/// Serves who comes, until `hung_up`; returns when the last answer is given.
pub(crate) async fn serve(listener: TcpListener, router: Router, limits: Limits, hung_up: impl Future<Output = ()>) {
    let places = Arc::new(Semaphore::new(limits.places));
    let end = watch::Sender::new(false);
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new()).header_read_timeout(limits.head_within);
    let mut hung_up = std::pin::pin!(hung_up);
    loop {
        let (stream, place) = tokio::select! {
            biased;
            () = &mut hung_up => break,
            Some(next) = next(&listener, &places) => next,
            else => break,
        };
        // An answer is one small packet: waiting for more of it helps nobody.
        let _ = stream.set_nodelay(true);
        let (http, router, mut ended) = (http.clone(), router.clone(), end.subscribe());
        tokio::spawn(async move {
            let _place = place;
            let conversation = http.serve_connection(TokioIo::new(stream), TowerToHyperService::new(router));
            let mut conversation = std::pin::pin!(conversation);
            let asked_to_end = async {
                // The sender waits for all of us.
                let _ = ended.wait_for(|ended| *ended).await;
            };
            // How a conversation ends is the caller's affair.
            tokio::select! {
                _ = conversation.as_mut() => return,
                () = asked_to_end => conversation.as_mut().graceful_shutdown(),
            }
            let _ = conversation.await;
        });
    }
    drop(listener);
    end.send_replace(true);
    end.closed().await;
}

/// The next caller for whom there is a place.
async fn next(listener: &TcpListener, places: &Arc<Semaphore>) -> Option<(TcpStream, OwnedSemaphorePermit)> {
    let place = places.clone().acquire_owned().await.ok()?;
    loop {
        match listener.accept().await {
            Ok((stream, _)) => return Some((stream, place)),
            // Whoever hung up before it was their turn.
            Err(error) if is_the_callers(&error) => {}
            Err(error) => {
                tracing::warn!(%error, "a connection could not be taken");
                tokio::time::sleep(BREATH).await;
            }
        }
    }
}

fn is_the_callers(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset};
    matches!(error.kind(), ConnectionAborted | ConnectionRefused | ConnectionReset)
}

/// How many callers there is room for. The limit of open files is raised as far as the system lets us: it is low by
/// tradition, for programs that could not count further.
fn places() -> usize {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    // Where it cannot be raised, what there is must do.
    let raised = setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum }).is_ok();
    let files = if raised { maximum } else { current };
    let room = files.map_or(usize::MAX, |files| {
        usize::try_from(files.saturating_sub(FILES_KEPT).max(files / 2)).unwrap_or(usize::MAX)
    });
    room.clamp(1, CONNECTIONS_MAX)
}

#[cfg(test)]
mod tests {
    use axum::routing::{get, post};
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    use super::*;
    use crate::api::body::Unread;

    const SOON: Duration = Duration::from_millis(50);

    /// A server with so many places.
    async fn server(places: usize) -> std::net::SocketAddr {
        let read = post(async |body: Unread| body.read_within(SOON).await.map(|_| "read"));
        let router = Router::new().route("/", read).route("/seen", get(async || "seen"));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(serve(listener, router, Limits { places, head_within: SOON }, std::future::pending()));
        address
    }

    /// What comes back until the server hangs up.
    async fn said(to: std::net::SocketAddr, sent: &str) -> String {
        let mut stream = TcpStream::connect(to).await.unwrap();
        stream.write_all(sent.as_bytes()).await.unwrap();
        let mut heard = String::new();
        stream.read_to_string(&mut heard).await.unwrap();
        heard
    }

    #[tokio::test]
    async fn who_does_not_go_on_is_sent_away() {
        let address = server(9).await;
        let check = async |sent: &str, expected: &str| {
            let heard = said(address, sent).await;
            assert!(heard.starts_with(expected) && heard.is_empty() == expected.is_empty(), "{sent:?}: {heard:?}");
        };
        check("", "").await;
        check("GET /seen HTTP/1.1\r\nhost: x\r\nx-slow: a", "").await;
        check("POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 9\r\n\r\nabc", "HTTP/1.1 408 ").await;
        check("POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 1048577\r\n\r\n", "HTTP/1.1 413 ").await;
        // A connection that is kept open is not kept for ever.
        check("GET /seen HTTP/1.1\r\nhost: x\r\n\r\n", "HTTP/1.1 200 ").await;
    }

    #[tokio::test]
    async fn who_finds_no_place_waits_for_one() {
        let address = server(1).await;
        let first = TcpStream::connect(address).await.unwrap();
        let second = tokio::spawn(said(address, "GET /seen HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n"));
        drop(first);
        assert!(second.await.unwrap().starts_with("HTTP/1.1 200 "));
    }
}
