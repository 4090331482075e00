//! Answers what a plugin asks of its host.

use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use serde::Serialize;
use serde::de::DeserializeOwned;
use sportello_sdk::frames::{
    Connect, FRAME_LEN_MAX, HostFrame, LogLine, Named, Peer, Reply, SecretValue, Sleep, StorePut, Stored, StreamId,
    StreamRead, host_method,
};
use sportello_sdk::{Failure, Level, PageAddress, PageLink, Source};
use tokio::runtime::Handle;

use crate::attest::Over;
use crate::denied::{QUESTIONS_MAX, SYSTEM_CALL};
use crate::vaulted::Vaulted;
use crate::world::World;

/// The largest value that a plugin may store, in bytes.
pub const STORED_LEN_MAX: usize = 1 << 20;

/// The longest name of a stored value, in bytes.
const NAME_LEN_MAX: usize = 200;

/// The longest line that a plugin logs, in characters. What is longer is cut.
const LOG_LINE_LEN_MAX: usize = 2000;

/// The longest name of a system call that is told, in bytes.
const CALL_NAME_LEN_MAX: usize = 30;

type Boxed<T> = Pin<Box<dyn Future<Output = T> + Send>>;

/// The host, as one instance sees it.
pub(crate) struct HostCalls(pub(crate) Arc<World>);

impl Peer for HostCalls {
    fn call(&self, parent: u64, method: &str, frame: Bytes, body: Bytes) -> Boxed<Reply> {
        let world = Arc::clone(&self.0);
        let runtime = world.runtime.clone();
        let method = Method::of(method);
        Box::pin(Entered {
            runtime,
            future: Box::pin(async move {
                let name = method.name();
                let answered = match world.denied.question() {
                    Some(_question) => answer(&world, parent, method, &frame, body).await,
                    None => Err(busy()),
                };
                answered.unwrap_or_else(|failure| {
                    world.denied.answered(&world.instance, world.clock.now_ns(), name, &failure);
                    Reply::failure(&failure)
                })
            }),
        })
    }

    fn notify(&self, method: &str, frame: Bytes) {
        match method {
            _ if frame.len() > FRAME_LEN_MAX => {}
            host_method::LOG => log(&self.0, &frame),
            SYSTEM_CALL => {
                let world = &self.0;
                // Whoever else says so tells on itself.
                let call = String::from_utf8_lossy(frame.get(..frame.len().min(CALL_NAME_LEN_MAX)).unwrap_or_default());
                world.denied.system_call(&world.instance, world.clock.now_ns(), &call);
            }
            host_method::STREAM_CLOSE => {
                if let Ok(StreamId { stream }) = serde_json::from_slice(&frame) {
                    self.0.streams.cut(stream);
                }
            }
            _ => {}
        }
    }
}

/// A host's future, polled by a plugin's: whatever thread that is on, the runtime is there; and what panics in it does
/// so no further than here.
struct Entered {
    runtime: Handle,
    future: Boxed<Reply>,
}

impl Future for Entered {
    type Output = Reply;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Reply> {
        let this = &mut *self;
        let _entered = this.runtime.enter();
        // A future that panicked is not polled again: it has answered.
        catch_unwind(AssertUnwindSafe(|| this.future.as_mut().poll(context))).unwrap_or_else(|_| {
            Poll::Ready(Reply::failure(&Failure::new(
                Source::Host,
                "panicked",
                "the gateway panicked while it answered; this is a defect of the gateway",
            )))
        })
    }
}

#[derive(Debug, Clone)]
enum Method {
    Http,
    Sleep,
    Secret,
    StoreGet,
    StorePut,
    Message,
    Report,
    Receipt,
    StreamConnect,
    StreamRead,
    StreamWrite,
    StreamClose,
    Vaulted(Vaulted),
    PageLink,
    Unknown(String),
}

impl Method {
    fn of(name: &str) -> Self {
        match name {
            host_method::HTTP => Self::Http,
            host_method::SLEEP => Self::Sleep,
            host_method::SECRET => Self::Secret,
            host_method::STORE_GET => Self::StoreGet,
            host_method::STORE_PUT => Self::StorePut,
            host_method::MESSAGE => Self::Message,
            host_method::REPORT => Self::Report,
            host_method::RECEIPT => Self::Receipt,
            host_method::STREAM_CONNECT => Self::StreamConnect,
            host_method::STREAM_READ => Self::StreamRead,
            host_method::STREAM_WRITE => Self::StreamWrite,
            host_method::STREAM_CLOSE => Self::StreamClose,
            host_method::INSTRUMENT => Self::Vaulted(Vaulted::Instrument),
            host_method::VAULT_PUT => Self::Vaulted(Vaulted::Put),
            host_method::VAULT_GET => Self::Vaulted(Vaulted::Get),
            host_method::VAULT_REMOVE => Self::Vaulted(Vaulted::Remove),
            host_method::PAGE_LINK => Self::PageLink,
            other => Self::Unknown(other.chars().take(40).collect()),
        }
    }

    /// As a plugin names it; what nobody knows has no name here.
    fn name(&self) -> &'static str {
        match self {
            Self::Http => host_method::HTTP,
            Self::Sleep => host_method::SLEEP,
            Self::Secret => host_method::SECRET,
            Self::StoreGet => host_method::STORE_GET,
            Self::StorePut => host_method::STORE_PUT,
            Self::Message => host_method::MESSAGE,
            Self::Report => host_method::REPORT,
            Self::Receipt => host_method::RECEIPT,
            Self::StreamConnect => host_method::STREAM_CONNECT,
            Self::StreamRead => host_method::STREAM_READ,
            Self::StreamWrite => host_method::STREAM_WRITE,
            Self::StreamClose => host_method::STREAM_CLOSE,
            Self::Vaulted(Vaulted::Instrument) => host_method::INSTRUMENT,
            Self::Vaulted(Vaulted::Put) => host_method::VAULT_PUT,
            Self::Vaulted(Vaulted::Get) => host_method::VAULT_GET,
            Self::Vaulted(Vaulted::Remove) => host_method::VAULT_REMOVE,
            Self::PageLink => host_method::PAGE_LINK,
            Self::Unknown(_) => "unknown",
        }
    }
}

async fn answer(world: &World, parent: u64, method: Method, frame: &[u8], body: Bytes) -> Result<Reply, Failure> {
    let deadline_ns = world.calls.deadline_ns(parent).map_err(over)?;
    match method {
        Method::Http => {
            let sending = world.calls.sending(parent).map_err(over)?;
            let within = world.clock.until(deadline_ns);
            let (head, body) = crate::http::send(world, sending, within, read(frame)?, body).await?;
            reply(world, &head, body)
        }
        Method::Sleep => {
            let Sleep { for_ms } = read(frame)?;
            let asked = Duration::from_millis(for_ms);
            tokio::time::sleep(world.clock.until(deadline_ns).map_or(asked, |left| left.min(asked))).await;
            reply(world, &(), Bytes::new())
        }
        Method::Secret => {
            let Named { name } = read(frame)?;
            let secret = world.secrets.get(&name).ok_or_else(|| no_such_secret(&name))?;
            let value = secret.reveal().to_owned();
            reply(world, &SecretValue { value }, Bytes::new())
        }
        Method::StoreGet => {
            let Named { name } = read(frame)?;
            check_name(&name)?;
            let (version, value) = world.services.store_get(&world.instance, &name).await?;
            reply(world, &Stored { version }, value)
        }
        Method::StorePut => {
            let StorePut { name, expected } = read(frame)?;
            check_name(&name)?;
            if body.len() > STORED_LEN_MAX {
                let message = format!("a stored value has at most {STORED_LEN_MAX} bytes, and this one {}", body.len());
                return Err(Failure::new(Source::Plugin, "too_large", message));
            }
            let done = world.services.store_put(&world.instance, &name, expected, body).await?;
            reply(world, &done, Bytes::new())
        }
        Method::Message => {
            let accepted = world.services.message(&world.instance, read(frame)?).await?;
            reply(world, &accepted, Bytes::new())
        }
        Method::Report => {
            world.services.report(&world.instance, read(frame)?).await?;
            reply(world, &(), Bytes::new())
        }
        Method::Receipt => {
            world.services.receipt(&world.instance, read(frame)?).await?;
            reply(world, &(), Bytes::new())
        }
        Method::StreamConnect => {
            let Connect { address } = read(frame)?;
            let within = world.clock.until(deadline_ns);
            let stream = world.streams.connect(world, within, &address).await?;
            reply(world, &StreamId { stream }, Bytes::new())
        }
        Method::StreamRead => {
            let asked: StreamRead = read(frame)?;
            let bytes = in_time(world, deadline_ns, world.streams.read(asked)).await?;
            reply(world, &(), bytes)
        }
        Method::StreamWrite => {
            let StreamId { stream } = read(frame)?;
            in_time(world, deadline_ns, world.streams.write(&world.calls, parent, stream, &body)).await?;
            reply(world, &(), Bytes::new())
        }
        Method::StreamClose => {
            let StreamId { stream } = read(frame)?;
            in_time(world, deadline_ns, world.streams.close(stream)).await?;
            reply(world, &(), Bytes::new())
        }
        Method::Vaulted(what) => crate::vaulted::answer(world, parent, what, frame, body).await,
        Method::PageLink => {
            let PageLink { order, until_ms } = read(frame)?;
            check_name(&order)?;
            let url = world.services.page_link(&world.instance, &order, until_ms).await?;
            reply(world, &PageAddress { url }, Bytes::new())
        }
        Method::Unknown(method) => {
            Err(Failure::new(Source::Host, "unsupported", format!("`{method}` is not offered here")))
        }
    }
}

fn busy() -> Failure {
    let message = format!("{QUESTIONS_MAX} questions of this instance are under way: it waits for some of them first");
    Failure::new(Source::Host, "busy", message).retry_after(100)
}

/// The call that was named is over, or never was one.
pub(crate) fn over(_: Over) -> Failure {
    Failure::new(Source::Host, "call_over", "the call that this belongs to is over, or there is none")
}

/// What `doing` comes to, if it does before the call ends.
async fn in_time<T>(
    world: &World,
    deadline_ns: u64,
    doing: impl Future<Output = Result<T, Failure>>,
) -> Result<T, Failure> {
    let Some(within) = world.clock.until(deadline_ns) else {
        return doing.await;
    };
    let late = |_| Failure::provider("timeout", "it did not come to an end in time").retry_after(1_000);
    tokio::time::timeout(within, doing).await.map_err(late)?
}

pub(crate) fn read<T: DeserializeOwned>(frame: &[u8]) -> Result<T, Failure> {
    let bad = |why: String| Failure::new(Source::Plugin, "bad_frame", why);
    if frame.len() > FRAME_LEN_MAX {
        return Err(bad(format!("a frame has at most {FRAME_LEN_MAX} bytes, and this one {}", frame.len())));
    }
    serde_json::from_slice(frame).map_err(|error| bad(format!("the frame is not as agreed: {error}")))
}

pub(crate) fn reply<T: Serialize>(world: &World, result: &T, body: Bytes) -> Result<Reply, Failure> {
    let now_ms = world.services.now_ms();
    let frame = serde_json::to_vec(&HostFrame { now_ms, result })
        .map_err(|error| Failure::new(Source::Host, "bad_frame", error.to_string()))?;
    Ok(Reply { ok: true, frame: frame.into(), body })
}

fn no_such_secret(name: &str) -> Failure {
    let name: String = name.chars().take(NAME_LEN_MAX).collect();
    Failure::settings("no_such_secret", format!("there is no secret `{name}` among this instance's settings"))
}

pub(crate) fn check_name(name: &str) -> Result<(), Failure> {
    if !name.is_empty() && name.len() <= NAME_LEN_MAX {
        return Ok(());
    }
    Err(Failure::new(Source::Plugin, "bad_frame", format!("the name of a stored value has 1 to {NAME_LEN_MAX} bytes")))
}

/// Writes the plugin's line under the instance's name, unless there are too many.
fn log(world: &World, frame: &[u8]) {
    let now_ns = world.clock.now_ns();
    if world.log_lines.admit(now_ns).is_err() {
        return world.denied.line(&world.instance, now_ns);
    }
    let Ok(LogLine { level, message }) = serde_json::from_slice(frame) else {
        return;
    };
    let instance = &*world.instance;
    let line = plain(&message);
    match level {
        Level::Error => tracing::error!(target: "sportello::plugin", instance, "{line}"),
        Level::Warn => tracing::warn!(target: "sportello::plugin", instance, "{line}"),
        Level::Info => tracing::info!(target: "sportello::plugin", instance, "{line}"),
        Level::Debug => tracing::debug!(target: "sportello::plugin", instance, "{line}"),
    }
}

/// The text with nothing in it that a terminal or a log's reader would take for more than text: a line break begins no
/// second entry, an escape sequence paints nothing, and a mark that turns the writing direction turns nothing.
pub(crate) fn plain(text: &str) -> String {
    let mut out = String::with_capacity(text.len().min(LOG_LINE_LEN_MAX));
    for (index, c) in text.chars().enumerate() {
        if index == LOG_LINE_LEN_MAX {
            out.push('…');
            break;
        }
        match c {
            '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}' => {
                out.extend(c.escape_unicode());
            }
            c if c.is_control() => out.extend(c.escape_default()),
            c => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn log_lines_are_plain() {
        let check = |text: &str, expected: &str| assert_eq!(plain(text), expected);
        check("paid 20 € to anna", "paid 20 € to anna");
        check("one\ntwo\r\u{1b}[31m", "one\\ntwo\\r\\u{1b}[31m");
        check("a\u{202e}b\u{2028}c\u{200b}", "a\\u{202e}b\\u{2028}c\\u{200b}");
        check(&"x".repeat(LOG_LINE_LEN_MAX + 5), &format!("{}…", "x".repeat(LOG_LINE_LEN_MAX)));
    }
}
