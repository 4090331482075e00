//! `sportello show`.

use clap::Args;
use serde_json::{Value, json};
use sportello_model::PaymentId;
use sportello_model::payment::{AttemptState, Taker};

use super::{money, say, say_json, table};
use crate::cli::{Failed, Setting};
use crate::client::Client;
use crate::instant::written;

/// Show one payment's life.
#[derive(Debug, Args)]
pub struct Show {
    /// The payment's id.
    id: PaymentId,
}

impl Show {
    /// Shows it.
    ///
    /// # Errors
    /// When the gateway cannot be asked, or there is no such payment.
    pub async fn run(self, setting: &Setting) -> Result<(), Failed> {
        let client = Client::open(&setting.config)?;
        let payment = client.get(&format!("/v1/payments/{}", self.id), &[]).await?;
        let events = client.get(&format!("/v1/payments/{}/events", self.id), &[]).await?;
        let events = events.get("events").cloned().unwrap_or_default();
        if setting.json {
            say_json(&json!({ "payment": payment, "events": events }));
            return Ok(());
        }
        head(&payment);
        attempts(&payment);
        let instances = client.get("/v1/instances", &[]).await?;
        for attempt in list(&payment, "attempts") {
            if let Some(told) = gone(attempt, &instances) {
                say(format_args!("! {told}"));
            }
        }
        notes(&payment);
        journal(&events);
        for incident in list(&payment, "incidents") {
            say(format_args!("! {}", text(incident, "/what")));
        }
        Ok(())
    }
}

fn text<'a>(value: &'a Value, pointer: &str) -> &'a str {
    value.pointer(pointer).and_then(Value::as_str).unwrap_or_default()
}

fn list<'a>(value: &'a Value, key: &str) -> &'a [Value] {
    value.get(key).and_then(Value::as_array).map_or(&[], Vec::as_slice)
}

fn moment(value: &Value, key: &str) -> String {
    value.get(key).and_then(Value::as_u64).map_or_else(String::new, written)
}

fn head(payment: &Value) {
    say(format_args!(
        "{} ({}) pays {} ({}) {}",
        text(payment, "/payer/name"),
        text(payment, "/payer/handle"),
        text(payment, "/payee/name"),
        text(payment, "/payee/handle"),
        money(payment.get("amount")),
    ));
    let rows = [
        ("memo", text(payment, "/memo").to_owned()),
        ("state", text(payment, "/state").replace('_', " ")),
        ("awaits", awaited(payment)),
        ("because", text(payment, "/reason").to_owned()),
        ("agreed by", text(payment, "/evidence/evidence").replace('_', " ")),
        ("route", text(payment, "/route").to_owned()),
        ("made", moment(payment, "made_at_ms")),
        ("changed", moment(payment, "changed_at_ms")),
    ];
    for (name, value) in rows.iter().filter(|(_, value)| !value.is_empty()) {
        say(format_args!("  {name:<10}{value}"));
    }
}

/// Whose account is asked for, and until when.
fn awaited(payment: &Value) -> String {
    let Some(enrolment) = payment.get("enrolment").filter(|enrolment| enrolment.is_object()) else {
        return String::new();
    };
    let missing: Vec<&str> = list(enrolment, "missing").iter().filter_map(Value::as_str).collect();
    format!("an account of the {}, until {}", missing.join(" and the "), moment(enrolment, "expires_at_ms"))
}

fn attempts(payment: &Value) {
    let attempts = list(payment, "attempts");
    if attempts.is_empty() {
        return;
    }
    let mut rows = table(["attempt", "leg", "rail", "state", "asked", "taken by", "reference", "word"]);
    for attempt in attempts {
        let number = |key: &str| attempt.get(key).and_then(Value::as_u64).unwrap_or_default().to_string();
        rows.add_row([
            number("number"),
            text(attempt, "/leg").to_owned(),
            text(attempt, "/rail").to_owned(),
            text(attempt, "/state").replace('_', " "),
            number("asked"),
            taker(attempt).map_or_else(String::new, |taker| taker.to_string()),
            text(attempt, "/reference").to_owned(),
            text(attempt, "/word").to_owned(),
        ]);
    }
    say(rows);
}

/// Who took an attempt's order.
fn taker(attempt: &Value) -> Option<Taker> {
    serde_json::from_value(attempt.get("taken_by")?.clone()).ok()
}

/// That an order is out at a version which is not there any more, and who is asked about it.
fn gone(attempt: &Value, instances: &Value) -> Option<String> {
    let taken_by = taker(attempt)?;
    let state: AttemptState = serde_json::from_value(attempt.get("state")?.clone()).ok()?;
    if !state.is_out() {
        return None;
    }
    let of = |shown: &Value| serde_json::from_value::<Taker>(shown.clone()).ok();
    let rail = text(attempt, "/rail");
    let instance = list(instances, "instances").iter().find(|instance| text(instance, "/name") == rail);
    let current = instance.and_then(of);
    let beside =
        instance.into_iter().flat_map(|instance| instance.get("canary").into_iter().chain(list(instance, "leaving")));
    if current.iter().cloned().chain(beside.filter_map(of)).any(|there| there == taken_by) {
        return None;
    }
    let number = attempt.get("number").and_then(Value::as_u64).unwrap_or_default();
    let asked = current.map_or_else(|| "nobody".to_owned(), |current| current.to_string());
    Some(format!(
        "the order of attempt {number} was taken by {taken_by}, which is not there any more: {asked} is asked about it"
    ))
}

/// What people have not been told yet, and why.
fn notes(payment: &Value) {
    let notes = list(payment, "notes");
    if notes.is_empty() {
        return;
    }
    let mut rows = table(["not told yet", "about", "tries", "next", "because"]);
    for note in notes {
        rows.add_row([
            text(note, "/to").to_owned(),
            text(note, "/about").replace('_', " "),
            note.get("tries").and_then(Value::as_u64).unwrap_or_default().to_string(),
            moment(note, "next_at_ms"),
            text(note, "/because").to_owned(),
        ]);
    }
    say(rows);
}

fn journal(events: &Value) {
    let mut rows = table(["at", "event", "what", "postings"]);
    for entry in events.as_array().map_or(&[][..], Vec::as_slice) {
        let event = entry.get("event").cloned().unwrap_or_default();
        let postings: Vec<String> = list(entry, "postings")
            .iter()
            .map(|posting| {
                let minor = posting.get("minor").and_then(Value::as_i64).unwrap_or_default();
                format!("{} {minor:+} {}", text(posting, "/account"), text(posting, "/currency"))
            })
            .collect();
        rows.add_row([
            moment(entry, "at_ms"),
            text(&event, "/event").replace('_', " "),
            what(&event),
            postings.join("\n"),
        ]);
    }
    say(rows);
}

/// What is worth reading of an event: everything in it that is short.
fn what(event: &Value) -> String {
    let Some(fields) = event.as_object() else {
        return String::new();
    };
    let mut parts = Vec::new();
    for (key, value) in fields {
        match value {
            Value::String(text) if key != "event" => parts.push(format!("{key}: {text}")),
            Value::Number(number) if key.ends_with("_ms") => {
                parts.push(format!(
                    "{}: {}",
                    key.trim_end_matches("_at_ms"),
                    number.as_u64().map_or_else(String::new, written)
                ));
            }
            Value::Number(number) => parts.push(format!("{key}: {number}")),
            Value::Object(inner) => {
                let tag = inner.get(key).and_then(Value::as_str);
                let because = ["because", "reason", "detail", "code", "reference", "key"]
                    .iter()
                    .filter_map(|name| inner.get(*name).and_then(Value::as_str));
                parts.extend(tag.into_iter().chain(because).map(str::to_owned));
            }
            _ => {}
        }
    }
    parts.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_order_is_told_of_whose_version_is_gone() {
        let facts = |version: &str| json!({"name": "bank", "plugin": "b", "version": version, "sha256": null});
        let check = |taken_by: &str, state: &str, instance: Value, expected: Option<&str>| {
            let taken_by = json!({"plugin": "b", "version": taken_by});
            let attempt = json!({"number": 1, "rail": "bank", "state": state, "taken_by": taken_by});
            let told = gone(&attempt, &json!({ "instances": [instance] }));
            assert_eq!(told.as_deref().map(|told| told.split(": ").nth(1).unwrap_or_default()), expected);
        };
        check("1.0.0", "unknown", facts("1.0.0"), None);
        check("1.0.0", "unknown", facts("1.1.0"), Some("b 1.1.0 is asked about it"));
        check("1.0.0", "settled", facts("1.1.0"), None);
        check("1.0.0", "unknown", json!({"name": "other"}), Some("nobody is asked about it"));
        let with = |key: &str, value: Value| {
            let mut facts = facts("1.1.0");
            facts[key] = value;
            facts
        };
        check("1.0.0", "in_flight", with("leaving", json!([facts("1.0.0")])), None);
        check("1.0.0", "pending", with("canary", facts("1.0.0")), None);
        check("1.0.0", "pending", with("sha256", json!("00")), Some("b 1.1.0 (00) is asked about it"));
    }
}
