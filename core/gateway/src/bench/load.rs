//! The load generator: keep-alive connections, a request at a time on each, on the same cores as what it measures.

use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::JoinSet;

/// What a load is.
#[derive(Debug, Clone, Copy)]
pub(super) struct Load {
    pub(super) connections: usize,
    /// How long it counts, after a second to warm up.
    pub(super) seconds: u64,
    /// Requests a second over all connections; without it, as many as there can be.
    pub(super) rate: Option<f64>,
    /// What must stand in every answer.
    pub(super) expect: &'static str,
}

/// What a load brought.
#[derive(Debug, Default)]
pub(super) struct Brought {
    pub(super) per_second: f64,
    latencies_us: Vec<u32>,
}

impl Brought {
    /// The latency that this share of the requests stayed below, in milliseconds.
    pub(super) fn percentile_ms(&self, share: f64) -> f64 {
        let last = self.latencies_us.len().saturating_sub(1);
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "an index below the length")]
        let at = (last as f64 * share) as usize;
        self.latencies_us.get(at).map_or(0.0, |us| f64::from(*us) / 1e3)
    }
}

/// Loads `address` with `request`, in which `{n}` stands for a number never used before.
pub(super) async fn load(address: &str, request: &str, load: Load) -> Result<Brought, String> {
    let begun = Instant::now();
    let counted_from = begun + Duration::from_secs(1);
    let end = counted_from + Duration::from_secs(load.seconds);
    let mut connections = JoinSet::new();
    for number in 0..load.connections {
        let stream = TcpStream::connect(address).await.map_err(|e| e.to_string())?;
        stream.set_nodelay(true).map_err(|e| e.to_string())?;
        let request = request.to_owned();
        connections.spawn(connection(stream, request, number, load, begun, end));
    }
    let mut brought = Brought::default();
    while let Some(done) = connections.join_next().await {
        let latencies = done.map_err(|e| e.to_string())??;
        brought.latencies_us.extend(latencies.into_iter().filter(|(at, _)| *at >= counted_from).map(|(_, us)| us));
    }
    brought.latencies_us.sort_unstable();
    #[expect(clippy::cast_precision_loss, reason = "far below 2⁵³")]
    let per_second = brought.latencies_us.len() as f64 / load.seconds as f64;
    brought.per_second = per_second;
    Ok(brought)
}

/// One connection's answers: when each came, and how long it took.
async fn connection(
    mut stream: TcpStream,
    request: String,
    number: usize,
    load: Load,
    begun: Instant,
    end: Instant,
) -> Result<Vec<(Instant, u32)>, String> {
    let (head, tail) = request.split_once("{n}").ok_or("the request has no {n}")?;
    #[expect(clippy::cast_precision_loss, reason = "far below 2⁵³")]
    let pause = load.rate.map(|rate| Duration::from_secs_f64(load.connections as f64 / rate));
    let mut answers = Vec::with_capacity(64 * 1024);
    let mut buffer = Vec::with_capacity(8 * 1024);
    let mut out = Vec::with_capacity(1024);
    // Spread over the first pause, so that connections do not march in step.
    let mut due = begun + pause.map_or(Duration::ZERO, |p| p.mul_f64(offset(number, load.connections)));
    for n in 0u64.. {
        if let Some(pause) = pause {
            tokio::time::sleep_until(due.into()).await;
            due += pause;
        }
        let sent = Instant::now();
        if sent >= end {
            break;
        }
        out.clear();
        out.extend_from_slice(head.as_bytes());
        out.extend_from_slice(format!("{number:04}-{n:010}").as_bytes());
        out.extend_from_slice(tail.as_bytes());
        stream.write_all(&out).await.map_err(|e| e.to_string())?;
        buffer.clear();
        loop {
            let read = stream.read_buf(&mut buffer).await.map_err(|e| e.to_string())?;
            if read == 0 {
                return Err("the connection was closed".to_owned());
            }
            if is_whole(&buffer) {
                break;
            }
        }
        if memchr::memmem::find(&buffer, load.expect.as_bytes()).is_none() {
            return Err(format!("an answer was not as it should be: {}", String::from_utf8_lossy(&buffer)));
        }
        let us = u32::try_from(sent.elapsed().as_micros()).unwrap_or(u32::MAX);
        answers.push((Instant::now(), us));
    }
    Ok(answers)
}

#[expect(clippy::cast_precision_loss, reason = "some hundred connections")]
fn offset(number: usize, of: usize) -> f64 {
    number as f64 / of as f64
}

/// Whether a response with a `content-length` has arrived whole.
fn is_whole(buffer: &[u8]) -> bool {
    let mut headers = [httparse::EMPTY_HEADER; 16];
    let mut response = httparse::Response::new(&mut headers);
    let Ok(httparse::Status::Complete(head)) = response.parse(buffer) else { return false };
    let length = response.headers.iter().find(|header| header.name.eq_ignore_ascii_case("content-length"));
    let length = length.and_then(|header| std::str::from_utf8(header.value).ok()?.parse::<usize>().ok());
    length.is_some_and(|length| buffer.len() >= head + length)
}
