//! What a channel hands in and says.

use serde_json::Value;

use super::bench::{Bench, Instance, unreachable};
use super::deed::is_fallen;
use super::delivery::{brought, deliver};
use super::{BenchCheck, Verdict, apart, held, tried};
use crate::frames::{host_method, plugin_method};
use crate::{ChannelFacts, Choice, Failure, Message, Note, Sent, Strength};

pub(super) const CHECKS: &[BenchCheck] = &[
    ("note-undelivered", "a note that was not delivered is not called sent", undelivered),
    ("note-choices", "a note with choices is said as well as one without", choices),
    ("note-receipts", "what became of a note can be told where the manifest says so", receipts),
    ("delivery-messages", "a delivery becomes messages as the manifest has them", deliveries),
    ("secrets-kept", "no secret stands in a log, an answer or a failure", secrets_stay),
];

fn undelivered(bench: &Bench<'_>) -> Verdict {
    let mut count = 0;
    for note in &bench.notes {
        let instance = bench.opened(&bench.host())?;
        let unreached = instance.host.clone().fails(host_method::HTTP, unreachable());
        let _unreached = unreached.fails(host_method::STREAM_CONNECT, unreachable());
        instance.host.forget();
        let sent = instance.tell::<Sent>(plugin_method::SEND, note);
        if !instance.tried_io() {
            continue;
        }
        match sent {
            Ok(sent) => return Err(format!("nothing left, and it said {sent:?}")),
            Err(failure) if is_fallen(&failure) => return Err(failure.message),
            Err(_) => count += 1,
        }
    }
    tried(count, "notes")
}

/// A note sent well: what came of it, and all that the plugin told the provider meanwhile.
fn sent(bench: &Bench<'_>, note: &Note) -> Result<(Result<Sent, Failure>, Instance), String> {
    let instance = bench.opened(&bench.host())?;
    instance.host.forget();
    let sent = instance.tell::<Sent>(plugin_method::SEND, note);
    Ok((sent, instance))
}

/// The words of `text` that the provider was told, as far as they can be recognised: some protocols pack them.
fn words_told<'t>(instance: &Instance, text: &'t str) -> Vec<&'t str> {
    let told = instance.told_provider();
    text.split_whitespace().filter(|word| told.contains(word)).collect()
}

/// Buttons may be shown or not: the text says all that is needed, and is never given up for them.
fn choices(bench: &Bench<'_>) -> Verdict {
    let choice = |label: &str, says: &str| Choice { label: label.to_owned(), says: says.to_owned() };
    for note in &bench.notes {
        let plain = Note { choices: Vec::new(), ..note.clone() };
        let offering =
            Note { choices: vec![choice("Confirm", "yes 431907"), choice("Cancel", "cancel")], ..note.clone() };
        let (without, instance) = sent(bench, &plain)?;
        let words = words_told(&instance, &note.text);
        let (with, instance) = sent(bench, &offering)?;
        let code = |sent: &Result<Sent, Failure>| sent.as_ref().err().map(|failure| failure.code.clone());
        if code(&without) != code(&with) {
            return Err(format!("{without:?} without choices, {with:?} with two"));
        }
        let still_told = words_told(&instance, &note.text);
        if !words.iter().all(|word| still_told.contains(word)) {
            return Err("with choices, the text was not said, or not all of it".to_owned());
        }
    }
    tried(bench.notes.len(), "notes")
}

/// A receipt names a note by the id that it was sent under; and who declares none is not waited for.
fn receipts(bench: &Bench<'_>) -> Verdict {
    let Some(facts) = &bench.manifest.channel else {
        return apart("no channel");
    };
    let mut told = 0;
    for note in &bench.notes {
        let (sent, instance) = sent(bench, note)?;
        if facts.receipts && sent.is_ok_and(|sent| sent.id.is_none()) {
            return Err("a note was sent without an id, which its receipt could name".to_owned());
        }
        told += instance.host.receipts().len();
    }
    for webhook in &bench.options.webhooks {
        let instance = bench.opened(&bench.host())?;
        // Whatever is answered to it is judged elsewhere.
        let _answered = deliver(&instance, webhook);
        told += instance.host.receipts().len();
    }
    match (facts.receipts, told) {
        (false, 1..) => Err("it told what became of a note, and its manifest says that it does not".to_owned()),
        (true, told) => held(format!("{told} receipts")),
        (false, _) => apart("none declared"),
    }
}

fn message_defect(facts: &ChannelFacts, scope: Option<&str>, message: &Message) -> Option<String> {
    if facts.message_ids == Strength::Strong && message.id.is_none() {
        return Some("has no id, which the manifest calls strong".to_owned());
    }
    if message.from.scheme() != facts.scheme {
        return Some(format!("is from {}, not {}:…", message.from, facts.scheme));
    }
    if message.from.is_name() {
        return Some(format!("is from {}, a name that changes hands", message.from));
    }
    // The gateway finds the instance to answer by what stands in front of the id.
    if let Some(scope) = scope
        && !message.from.rest().strip_prefix(scope).is_some_and(|rest| rest.starts_with('/'))
    {
        return Some(format!("is from {}, not {}:{scope}/…", message.from, facts.scheme));
    }
    None
}

fn deliveries(bench: &Bench<'_>) -> Verdict {
    let Some(facts) = &bench.manifest.channel else {
        return apart("no channel");
    };
    let setting = facts.scope_setting.as_ref().and_then(|key| bench.options.settings.get(key));
    let scope = setting.and_then(Value::as_str);
    let mut count = 0;
    for webhook in &bench.options.webhooks {
        for message in &brought(bench, webhook)?.messages {
            if let Some(why) = message_defect(facts, scope, message) {
                return Err(format!("a message {why}"));
            }
            count += 1;
        }
    }
    tried(count, "messages")
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
    tried(secrets.len(), "secrets")
}
