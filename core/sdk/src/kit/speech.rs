//! What a channel hands in and says.

use serde_json::Value;

use super::bench::{Bench, Instance, unreachable};
use super::{BenchCheck, Verdict};
use crate::frames::{WebhookReplyFrame, plugin_method};
use crate::{ChannelFacts, Failure, Message, Sent, Strength, WebhookRequest};

pub(super) const CHECKS: &[BenchCheck] = &[
    ("a note that was not delivered is not called sent", undelivered),
    ("a delivery becomes messages as the manifest has them", deliveries),
    ("a delivery repeated is the same message", repeated),
    ("what is not durable is not acknowledged", not_durable),
    ("no secret stands in a log, an answer or a failure", secrets_stay),
];

fn undelivered(bench: &Bench<'_>) -> Verdict {
    let mut tried = 0;
    for note in &bench.notes {
        let instance = bench.opened(&bench.host())?;
        let _fails = instance.host.clone().fails("http", unreachable());
        instance.host.forget();
        let sent = instance.tell::<Sent>(plugin_method::SEND, note);
        if !instance.tried_io() {
            continue;
        }
        match sent {
            Ok(sent) => return Err(format!("nothing left, and it said {sent:?}")),
            Err(failure) if failure.code == "panicked" => return Err(failure.message),
            Err(_) => tried += 1,
        }
    }
    Ok(format!("{tried} notes"))
}

fn deliver(instance: &Instance, webhook: &WebhookRequest) -> Result<WebhookReplyFrame, Failure> {
    let answer = instance.ask(plugin_method::WEBHOOK, &webhook.head, webhook.body.clone());
    Ok(answer?.0)
}

fn is_acknowledged(reply: &Result<WebhookReplyFrame, Failure>) -> bool {
    reply.as_ref().is_ok_and(|reply| (200..300).contains(&reply.status))
}

/// The messages of one good delivery.
fn messages(bench: &Bench<'_>, webhook: &WebhookRequest) -> Result<Vec<Message>, String> {
    let instance = bench.opened(&bench.host())?;
    instance.host.forget();
    let reply = deliver(&instance, webhook);
    if !is_acknowledged(&reply) {
        return Err(format!("a good delivery was answered with {reply:?}"));
    }
    match instance.host.messages() {
        messages if messages.is_empty() => Err("a good delivery brought no message".to_owned()),
        messages => Ok(messages),
    }
}

fn message_defect(facts: &ChannelFacts, message: &Message) -> Option<String> {
    if facts.message_ids == Strength::Strong && message.id.is_none() {
        return Some("has no id, which the manifest calls strong".to_owned());
    }
    if message.from.scheme() != facts.scheme {
        return Some(format!("is from {}, not {}:…", message.from, facts.scheme));
    }
    if message.from.is_name() {
        return Some(format!("is from {}, a name that changes hands", message.from));
    }
    None
}

fn deliveries(bench: &Bench<'_>) -> Verdict {
    let Some(facts) = &bench.manifest.channel else {
        return Ok("no channel".to_owned());
    };
    let mut count = 0;
    for webhook in &bench.options.webhooks {
        for message in messages(bench, webhook)? {
            if let Some(why) = message_defect(facts, &message) {
                return Err(format!("a message {why}"));
            }
            count += 1;
        }
    }
    Ok(format!("{count} messages"))
}

fn repeated(bench: &Bench<'_>) -> Verdict {
    for webhook in &bench.options.webhooks {
        let (first, second) = (messages(bench, webhook)?, messages(bench, webhook)?);
        if first != second {
            return Err(format!("first {first:?}, then {second:?}"));
        }
    }
    Ok(format!("{} deliveries", bench.options.webhooks.len()))
}

fn not_durable(bench: &Bench<'_>) -> Verdict {
    for webhook in &bench.options.webhooks {
        let instance = bench.opened(&bench.host())?;
        let _fails = instance.host.clone().fails("message", unreachable());
        let reply = deliver(&instance, webhook);
        if is_acknowledged(&reply) {
            return Err("a message that the host could not keep was acknowledged".to_owned());
        }
    }
    Ok(format!("{} deliveries", bench.options.webhooks.len()))
}

/// Looks at everything that the plugin said while things went well and while they did not.
fn secrets_stay(bench: &Bench<'_>) -> Verdict {
    // Shorter ones could stand there by chance.
    let secrets: Vec<_> = bench.secrets().into_iter().filter(|(_, value)| value.len() >= 8).collect();
    let mut said = Vec::new();
    for broken in [false, true] {
        let instance = bench.opened(&bench.host())?;
        if broken {
            let _fails = instance.host.clone().fails("http", unreachable());
        }
        for (method, params) in bench.work()? {
            said.push(match instance.tell::<Value>(method, &params) {
                Ok(answer) => answer.to_string(),
                Err(failure) => failure.to_string(),
            });
        }
        for webhook in &bench.options.webhooks {
            if let Err(failure) = deliver(&instance, webhook) {
                said.push(failure.to_string());
            }
        }
        said.extend(instance.host.logs().into_iter().map(|line| line.message));
    }
    for (name, value) in &secrets {
        if said.iter().any(|text| text.contains(value.as_str())) {
            return Err(format!("`{name}` was said aloud"));
        }
    }
    Ok(format!("{} secrets", secrets.len()))
}
