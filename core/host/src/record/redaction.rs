//! What of a frame may be written down.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use serde_json::Value;
use sportello_sdk::frames::host_method;

use super::{Body, Passed, Redact};

/// What stands where something was taken out. In a replay it is like whatever stands there.
pub(crate) const LEFT_OUT: &str = "<left out>";

/// Whether something was taken out of a text.
pub(crate) fn is_left_out(text: &str) -> bool {
    text.contains(LEFT_OUT) || text.contains("[redacted]") || text.contains("[card]")
}

/// Headers whose value lets somebody in, or is derived from what does.
const SECRET_HEADERS: [&str; 6] = ["authorization", "cookie", "signature", "token", "secret", "api-key"];

/// Takes out what nobody should read.
pub(crate) struct Redaction {
    pub(crate) redact: std::sync::Arc<Redact>,
    pub(crate) without_bodies: bool,
}

impl Redaction {
    /// What passed for `method`, as it may be written. `is_answer` of the host's.
    pub(crate) fn of(&self, method: &str, passed: &Passed, is_answer: bool) -> (Value, Body) {
        let frame = self.frame(method, &passed.frame, is_answer);
        let of_vault = method.starts_with("vault.") || method == host_method::INSTRUMENT;
        let body = if passed.body.is_empty() {
            Body::Empty
        } else if of_vault || self.without_bodies {
            Body::LeftOut(passed.body.len())
        } else {
            self.body(&passed.body)
        };
        (frame, body)
    }

    fn frame(&self, method: &str, frame: &Bytes, is_answer: bool) -> Value {
        if frame.is_empty() {
            return Value::Null;
        }
        let mut value = match serde_json::from_slice(frame) {
            Ok(value) => value,
            // Whatever it is: a reader sees that it was no JSON, and nothing of it.
            Err(_) => Value::String(format!("{LEFT_OUT}: {} bytes that are no JSON", frame.len())),
        };
        if method == host_method::SECRET
            && is_answer
            && let Some(secret) = value.pointer_mut("/value")
        {
            *secret = LEFT_OUT.into();
        }
        self.walk(&mut value);
        value
    }

    fn walk(&self, value: &mut Value) {
        match value {
            Value::String(text) => *text = (self.redact)(text),
            Value::Array(all) => {
                // A header is a pair of a name and a value.
                if let [Value::String(name), Value::String(value)] = all.as_mut_slice()
                    && is_secret_header(name)
                {
                    *value = LEFT_OUT.to_owned();
                }
                all.iter_mut().for_each(|one| self.walk(one));
            }
            Value::Object(all) => all.values_mut().for_each(|one| self.walk(one)),
            Value::Null | Value::Bool(_) | Value::Number(_) => {}
        }
    }

    fn body(&self, body: &Bytes) -> Body {
        match std::str::from_utf8(body) {
            Ok(text) => Body::Text((self.redact)(text)),
            Err(_) => {
                // What a search would find in a text, it must not find between other bytes.
                let lossy = String::from_utf8_lossy(body);
                if (self.redact)(&lossy) == lossy {
                    Body::Base64(STANDARD.encode(body))
                } else {
                    Body::LeftOut(body.len())
                }
            }
        }
    }
}

fn is_secret_header(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    SECRET_HEADERS.iter().any(|secret| name.contains(secret))
}
