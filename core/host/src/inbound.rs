//! A provider's delivery, from the wire to the plugin: verified, then handed over, then answered.

use std::time::Duration;

use sportello_sdk::frames::{WebhookReplyFrame, plugin_method};
use sportello_sdk::{Source, WebhookReply, WebhookRequest};

use crate::call::{Ask, CallError};
use crate::running::{Running, Way};
use crate::webhook::{Verdict, verify};

/// The longest name or value of an answer's header, in bytes.
const HEADER_LEN_MAX: usize = 4096;

/// What became of a delivery.
#[derive(Debug)]
pub struct Delivered {
    /// What to answer the provider.
    pub reply: WebhookReply,
    /// Why it was refused before the plugin saw it, for the log and to be counted; nothing where the provider was heard.
    pub refused: Option<&'static str>,
    /// What went wrong behind it, for the log; nothing where it went well.
    pub error: Option<CallError>,
}

impl Running {
    /// Takes a delivery: refuses what the provider did not send, answers its question itself, and hands the rest to the
    /// plugin. Where that fails because of what was delivered the answer is 400, so that the provider does not deliver
    /// it again; else 503, so that it does. The answer comes within the deadline, or sooner where the provider wants it
    /// sooner: what the plugin had handed over by then is kept, and known when it comes again.
    pub async fn webhook(&self, request: WebhookRequest) -> Delivered {
        let shared = &self.0;
        let WebhookRequest { head, body } = request;
        match verify(shared.manifest.webhook.as_ref(), &shared.world.secrets, &head, &body) {
            Verdict::Verified => {}
            Verdict::Handshake(reply) => return Delivered { reply, refused: None, error: None },
            Verdict::Refused(status, why) => {
                return Delivered { reply: WebhookReply::status(status), refused: Some(why), error: None };
            }
        }
        let wanted_ms = shared.manifest.webhook.as_ref().and_then(|webhook| webhook.answer_within_ms);
        let within = wanted_ms.map_or(shared.deadline, |ms| shared.deadline.min(Duration::from_millis(ms)));
        let handed = match Ask::of(plugin_method::WEBHOOK, &head) {
            Ok(ask) => shared.call(Way::Incoming, ask.body(body).within(within)).await,
            Err(error) => Err(error),
        };
        let answered = handed.and_then(|answer| {
            let WebhookReplyFrame { status, headers } = answer.decode()?;
            Ok(WebhookReply { status, headers, body: answer.body })
        });
        match answered {
            Ok(mut reply) => {
                reply.headers.retain(|(name, value)| may_answer(name, value));
                if !(200..600).contains(&reply.status) {
                    reply.status = 503;
                }
                Delivered { reply, refused: None, error: None }
            }
            Err(error) => {
                let reply = WebhookReply::status(status_of(&error));
                Delivered { reply, refused: None, error: Some(error) }
            }
        }
    }
}

fn status_of(error: &CallError) -> u16 {
    match error.failure() {
        Some(failure) if failure.source == Source::Input && !failure.is_retryable() => 400,
        Some(failure) if failure.code == "unsupported" => 404,
        _ => 503,
    }
}

/// Whether a plugin may set this header: not those that frame the answer, set state in a browser, or open the gateway's
/// address to other sites.
fn may_answer(name: &str, value: &str) -> bool {
    let lower = name.to_ascii_lowercase();
    let reserved = matches!(
        lower.as_str(),
        "connection"
            | "content-length"
            | "keep-alive"
            | "location"
            | "set-cookie"
            | "te"
            | "trailer"
            | "transfer-encoding"
            | "upgrade"
    ) || lower.starts_with("access-control-")
        || lower.starts_with("proxy-");
    !reserved
        && name.len() <= HEADER_LEN_MAX
        && value.len() <= HEADER_LEN_MAX
        && http::HeaderName::try_from(name).is_ok()
        && http::HeaderValue::try_from(value).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_of_answers() {
        let check = |name: &str, value: &str, expected: bool| assert_eq!(may_answer(name, value), expected, "{name}");
        check("content-type", "application/json", true);
        check("X-Twitter-Nonce", "7", true);
        check("Content-Length", "7", false);
        check("transfer-encoding", "chunked", false);
        check("Set-Cookie", "a=b", false);
        check("Access-Control-Allow-Origin", "*", false);
        check("x", "1\r\ny: 2", false);
        check("x y", "1", false);
    }
}
