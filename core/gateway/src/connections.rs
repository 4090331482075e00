//! Connections: how many there may be, and how long each may keep us waiting.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::Router;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::{Service, service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio::time::Sleep;

use crate::pages;

/// What callers are granted.
pub(crate) struct Limits {
    /// How many there may be at once; more wait until another has gone.
    pub(crate) places: usize,
    /// How long one may take to begin and to end the head of a request.
    pub(crate) head_within: Duration,
    /// How long one may take none of what is being sent to them.
    pub(crate) taken_within: Duration,
}

/// Longer than proxies keep a silent connection (a minute, as a rule), so that it is they who close it, and never under a
/// request that is on its way.
const HEAD_WITHIN: Duration = Duration::from_secs(75);

/// Whoever reads at all has read something by then, over the worst of lines.
const TAKEN_WITHIN: Duration = Duration::from_secs(30);

/// An idle caller costs some 10 kB.
const CONNECTIONS_MAX: usize = 4_096;

/// What is kept free of a process's open files for the store, plugins' own connections and all else.
const FILES_KEPT: u64 = 256;

/// How long to wait where the system has no room for a connection.
const BREATH: Duration = Duration::from_millis(100);

impl Limits {
    /// As this process can have them.
    pub(crate) fn of_this_process() -> Self {
        Self { places: places(), head_within: HEAD_WITHIN, taken_within: TAKEN_WITHIN }
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
        let peer = stream.peer_addr().ok().map(|address| address.ip());
        let (http, router, mut ended) = (http.clone(), router.clone(), end.subscribe());
        let stream = Impatient { stream, within: limits.taken_within, stuck: None };
        tokio::spawn(async move {
            let _place = place;
            let router = TowerToHyperService::new(router);
            let served = service_fn(move |mut request: http::Request<Incoming>| {
                // Who is at the other end matters to pages alone.
                if let Some(peer) = peer.filter(|_| pages::are_at(request.uri().path())) {
                    request.extensions_mut().insert(pages::Peer(peer));
                }
                router.call(request)
            });
            let conversation = http.serve_connection(TokioIo::new(stream), served);
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

/// A stream to a caller who must take what they are sent: otherwise one who asks and never reads would keep their place
/// for ever.
struct Impatient {
    stream: TcpStream,
    within: Duration,
    /// Runs while nothing can be written; there is none as long as all goes well.
    stuck: Option<Pin<Box<Sleep>>>,
}

impl Impatient {
    /// What came of writing, or the end of our patience.
    fn wrote(&mut self, cx: &mut Context<'_>, written: Poll<io::Result<usize>>) -> Poll<io::Result<usize>> {
        if written.is_ready() {
            self.stuck = None;
            return written;
        }
        let stuck = self.stuck.get_or_insert_with(|| Box::pin(tokio::time::sleep(self.within)));
        stuck.as_mut().poll(cx).map(|()| Err(io::ErrorKind::TimedOut.into()))
    }
}

impl AsyncRead for Impatient {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, into: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, into)
    }
}

impl AsyncWrite for Impatient {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, from: &[u8]) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write(cx, from);
        self.wrote(cx, written)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        from: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write_vectored(cx, from);
        self.wrote(cx, written)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    /// A TCP stream holds nothing back, so that this is always done at once, and says nothing about the caller.
    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
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

    /// For what is to run out.
    const SOON: Duration = Duration::from_millis(50);
    /// For what is not.
    const LATE: Duration = Duration::from_secs(30);

    const SEEN: &[u8] = b"GET /seen HTTP/1.1\r\nhost: x\r\n\r\n";
    const LAST_SEEN: &[u8] = b"GET /seen HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n";

    /// Serves who comes to this listener.
    fn start(listener: TcpListener, limits: Limits) {
        let read = post(async |body: Unread| body.read_within(SOON).await.map(|_| "read"));
        let much = get(async || vec![b'a'; 1 << 20]);
        let router = Router::new().route("/", read).route("/seen", get(async || "seen")).route("/much", much);
        tokio::spawn(serve(listener, router, limits, std::future::pending()));
    }

    /// A server with one place.
    async fn one_place(taken_within: Duration) -> std::net::SocketAddr {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        start(listener, Limits { places: 1, head_within: LATE, taken_within });
        address
    }

    /// Who has come and said this.
    async fn caller(to: std::net::SocketAddr, sent: &[u8]) -> TcpStream {
        let mut stream = TcpStream::connect(to).await.unwrap();
        stream.write_all(sent).await.unwrap();
        stream
    }

    /// What comes back until the server hangs up.
    async fn heard(mut stream: TcpStream) -> String {
        let mut heard = String::new();
        tokio::time::timeout(LATE, stream.read_to_string(&mut heard)).await.expect("an end").unwrap();
        heard
    }

    #[tokio::test]
    async fn who_does_not_go_on_is_sent_away() {
        let check = async |sent: &str, expected: &str| {
            let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
            // All is there before anybody looks at a clock.
            let caller = caller(listener.local_addr().unwrap(), sent.as_bytes()).await;
            start(listener, Limits { places: 9, head_within: SOON, taken_within: LATE });
            let heard = heard(caller).await;
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
        let address = one_place(LATE).await;
        let mut first = TcpStream::connect(address).await.unwrap();
        let second = caller(address, LAST_SEEN).await;
        // Time enough to serve the second too, if there were room.
        for _ in 0..20 {
            first.write_all(SEEN).await.unwrap();
            let mut heard = Vec::new();
            while !heard.ends_with(b"seen") {
                assert_ne!(first.read_buf(&mut heard).await.unwrap(), 0, "the first was sent away");
            }
        }
        let nothing = second.try_read(&mut [0]).unwrap_err();
        assert_eq!(nothing.kind(), io::ErrorKind::WouldBlock);
        drop(first);
        assert!(heard(second).await.starts_with("HTTP/1.1 200 "));
    }

    #[tokio::test]
    async fn who_takes_no_answers_loses_their_place() {
        let address = one_place(SOON).await;
        // More than all buffers on the way can hold.
        let deaf = caller(address, &b"GET /much HTTP/1.1\r\nhost: x\r\n\r\n".repeat(100)).await;
        let next = caller(address, LAST_SEEN).await;
        assert!(heard(next).await.starts_with("HTTP/1.1 200 "));
        drop(deaf);
    }
}
