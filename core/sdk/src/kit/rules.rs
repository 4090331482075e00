//! A provider as data: to which request it answers what.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use serde::Deserialize;
use serde_json::Value;

use crate::testing::ScriptedHost;
use crate::{HttpRequest, HttpResponse};

/// To which request a provider answers what. Of several that fit, the last one counts.
///
/// A text of the answer may take something from the request: `{{header:NAME}}`, `{{body:/JSON/POINTER}}` (where the body
/// is JSON; a text that is nothing else becomes the value itself, as a number stays one) and `{{last}}` (the last part of
/// the path).
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rule {
    /// `POST`, or `*`.
    #[serde(default = "any")]
    pub method: String,
    /// The whole URL, where `*` stands for any characters.
    pub url: String,
    /// The status of the answer.
    #[serde(default = "ok")]
    pub status: u16,
    /// The answer, as JSON.
    #[serde(default)]
    pub json: Option<Value>,
    /// The answer as a text, where it is no JSON.
    #[serde(default)]
    pub text: Option<String>,
    /// The type of the answer. Unless written: `application/json`, or `text/plain` of a text.
    #[serde(default)]
    pub content_type: Option<String>,
    /// What the answer is remembered under, as a provider remembers idempotency keys: who asks again hears the same.
    #[serde(default)]
    pub remembers: Option<String>,
    /// What is recalled: the answer that was remembered under this, with this rule's status; 404 where there is none.
    #[serde(default)]
    pub recalls: Option<String>,
}

fn any() -> String {
    "*".to_owned()
}

fn ok() -> u16 {
    200
}

/// What a provider remembers: the status and the body.
type Memory = Arc<Mutex<BTreeMap<String, (u16, Vec<u8>)>>>;

/// Has `host` answer by these rules.
pub(super) fn provider(host: ScriptedHost, rules: &[Rule]) -> ScriptedHost {
    let memory = Memory::default();
    rules.iter().fold(host, |host, rule| {
        let (answering, memory) = (rule.clone(), Arc::clone(&memory));
        host.on_http(&rule.method, &rule.url, move |request| Ok(answering.answer(request, &memory)))
    })
}

impl Rule {
    fn answer(&self, request: &HttpRequest, memory: &Memory) -> HttpResponse {
        let mut memory = memory.lock().unwrap_or_else(PoisonError::into_inner);
        let json = serde_json::from_slice::<Value>(&request.body).unwrap_or_default();
        let fill = |text: &str| filled(text, request, &json);
        if let Some(name) = &self.recalls {
            return match memory.get(&as_text(&fill(name))) {
                Some((_, body)) => self.response(self.status, body.clone()),
                None => self.response(404, b"{}".to_vec()),
            };
        }
        let name = self.remembers.as_ref().map(|name| as_text(&fill(name)));
        if let Some((status, body)) = name.as_ref().and_then(|name| memory.get(name)) {
            return self.response(*status, body.clone());
        }
        let body = match (&self.json, &self.text) {
            (Some(json), _) => every_text(json, &fill).to_string().into_bytes(),
            (None, Some(text)) => as_text(&fill(text)).into_bytes(),
            (None, None) => Vec::new(),
        };
        if let Some(name) = name {
            memory.insert(name, (self.status, body.clone()));
        }
        self.response(self.status, body)
    }

    fn response(&self, status: u16, body: Vec<u8>) -> HttpResponse {
        let usual = if self.text.is_some() { "text/plain" } else { "application/json" };
        HttpResponse::new(status, self.content_type.as_deref().unwrap_or(usual), body)
    }
}

fn as_text(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

/// The same JSON with every text in it replaced.
fn every_text(json: &Value, replace: &dyn Fn(&str) -> Value) -> Value {
    match json {
        Value::String(text) => replace(text),
        Value::Array(items) => items.iter().map(|item| every_text(item, replace)).collect(),
        Value::Object(fields) => fields.iter().map(|(key, value)| (key.clone(), every_text(value, replace))).collect(),
        other => other.clone(),
    }
}

/// The text with what it takes from the request in its place.
fn filled(text: &str, request: &HttpRequest, json: &Value) -> Value {
    let mut whole = String::new();
    let mut rest = text;
    while let Some((before, name, after)) = rest
        .split_once("{{")
        .and_then(|(before, tail)| Some((before, tail.split_once("}}")?)).map(|(b, (n, a))| (b, n, a)))
    {
        let value = taken(name.trim(), request, json);
        if before.is_empty() && after.is_empty() && whole.is_empty() {
            return value;
        }
        whole.push_str(before);
        whole.push_str(&as_text(&value));
        rest = after;
    }
    whole.push_str(rest);
    whole.into()
}

fn taken(name: &str, request: &HttpRequest, json: &Value) -> Value {
    if let Some(header) = name.strip_prefix("header:") {
        let found = request.head.headers.iter().find(|(name, _)| name.eq_ignore_ascii_case(header));
        return found.map_or_else(|| "".into(), |(_, value)| value.clone().into());
    }
    if let Some(pointer) = name.strip_prefix("body:") {
        return json.pointer(pointer).cloned().unwrap_or_default();
    }
    let path = request.head.url.split(['?', '#']).next().unwrap_or_default();
    match name {
        "last" => path.rsplit('/').next().unwrap_or_default().into(),
        other => format!("{{{{{other}}}}}").into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn an_answer_takes_from_its_request() {
        let request = HttpRequest::new("POST", "https://bank.example/payments/k-1?x=y")
            .header("Idempotency-Key", "k-1")
            .body("application/json", r#"{"amount":{"minor":2000},"memo":"pizza"}"#);
        let check = |template: Value, expected: Value| {
            let rule: Rule = serde_json::from_value(json!({ "url": "*", "json": template })).unwrap();
            let answer = rule.answer(&request, &Memory::default());
            assert_eq!(serde_json::from_slice::<Value>(&answer.body).unwrap(), expected);
        };
        check(json!("{{header:idempotency-key}}"), json!("k-1"));
        check(
            json!({ "n": "{{body:/amount/minor}}", "is": [true, "{{last}}!"] }),
            json!({ "n": 2000, "is": [true, "k-1!"] }),
        );
        check(json!("for {{body:/memo}} and {{body:/nothing}}"), json!("for pizza and null"));
        check(json!("{{what}} {{"), json!("{{what}} {{"));
    }

    #[test]
    fn what_is_remembered_is_recalled() {
        let rule = |json: Value| serde_json::from_value::<Rule>(json).unwrap();
        let post = rule(json!({ "url": "*", "status": 201, "json": { "n": "{{body:/n}}" }, "remembers": "{{last}}" }));
        let get = rule(json!({ "url": "*", "recalls": "{{last}}" }));
        let memory = Memory::default();
        let ask = |rule: &Rule, url: &str, body: &'static str| {
            let answer = rule.answer(&HttpRequest::new("POST", url).body("application/json", body), &memory);
            (answer.status(), String::from_utf8(answer.body.to_vec()).unwrap())
        };
        assert_eq!(ask(&get, "https://b/1", ""), (404, "{}".to_owned()));
        assert_eq!(ask(&post, "https://b/1", r#"{"n":1}"#), (201, r#"{"n":1}"#.to_owned()));
        assert_eq!(ask(&post, "https://b/1", r#"{"n":2}"#), (201, r#"{"n":1}"#.to_owned()));
        assert_eq!(ask(&get, "https://b/1", ""), (200, r#"{"n":1}"#.to_owned()));
    }
}
