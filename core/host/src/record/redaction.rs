//! What of a frame may be written down.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use serde_json::Value;
use sportello_sdk::frames::{host_method, plugin_method};

use super::written::without_named_secrets;
use super::{Body, Passed, Redact};

/// What stands where something was taken out. In a replay it is like whatever stands there.
pub(crate) const LEFT_OUT: &str = "<left out>";

/// Whether something was taken out of a text.
pub(crate) fn is_left_out(text: &str) -> bool {
    text.contains(LEFT_OUT) || text.contains("[redacted]") || text.contains("[card]")
}

/// Where the value of a secret stands in the host's answer (RFC 6901).
pub(crate) const SECRET_AT: &str = "/result/value";

/// Numbers that the host puts into frames. A replay needs them, and a random one may look like a card's.
const FRAME_OWN: [&str; 4] = ["call", "deadline_ms", "now_ms", "seed"];

/// Headers whose name has one of these in it: their value lets somebody in, or is derived from what does.
const SECRET_HEADERS: [&str; 7] = ["authorization", "cookie", "signature", "token", "secret", "api-key", "password"];

/// The same of what stands under a name in JSON or among parameters, such as `access_token`, and not `token_type`: its name
/// ends so, hyphens and underscores aside. What is fetched at run time is known by nothing else.
const SECRET_NAMES: [&str; 7] = ["authorization", "cookie", "signature", "token", "secret", "apikey", "password"];

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
        // What is read and written piece by piece holds what no search of a piece finds.
        let of_stream = method.starts_with("stream.");
        let body = if passed.body.is_empty() {
            Body::Empty
        } else if of_vault || of_stream || self.without_bodies {
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
            && let Some(secret) = value.pointer_mut(SECRET_AT)
        {
            *secret = LEFT_OUT.into();
        }
        let own = FRAME_OWN.map(|name| Some((name, value.get(name)?.as_u64()?)));
        // Settings are no secrets, whatever they are called: those have been taken out of them, and a replay needs the rest.
        self.walk(&mut value, method == plugin_method::OPEN);
        if let Some(frame) = value.as_object_mut() {
            frame.extend(own.into_iter().flatten().map(|(name, number)| (name.to_owned(), number.into())));
        }
        value
    }

    fn walk(&self, value: &mut Value, are_settings: bool) {
        match value {
            Value::String(text) => *text = self.text(text),
            Value::Array(all) => {
                // A header is a pair of a name and a value.
                if let [Value::String(name), Value::String(value)] = all.as_mut_slice()
                    && is_secret_header(name)
                {
                    *value = LEFT_OUT.to_owned();
                }
                all.iter_mut().for_each(|one| self.walk(one, are_settings));
            }
            Value::Object(all) => {
                for (name, one) in all.iter_mut() {
                    match one {
                        Value::String(_) | Value::Number(_) if !are_settings && is_secret_name(name) => {
                            *one = LEFT_OUT.into();
                        }
                        // As some write headers: a list of values under each name.
                        Value::Array(values) if !are_settings && is_secret_name(name) => {
                            for value in values {
                                match value {
                                    Value::String(_) | Value::Number(_) => *value = LEFT_OUT.into(),
                                    value => self.walk(value, are_settings),
                                }
                            }
                        }
                        one => self.walk(one, are_settings),
                    }
                }
                if all.keys().any(|name| (self.redact)(name) != *name) {
                    *all = std::mem::take(all).into_iter().map(|(name, one)| ((self.redact)(&name), one)).collect();
                }
            }
            Value::Number(number) => {
                // A card number is one, too.
                let written = number.to_string();
                let clean = (self.redact)(&written);
                if clean != written {
                    *value = clean.into();
                }
            }
            Value::Null | Value::Bool(_) => {}
        }
    }

    /// A text without what nobody should read; all of it is left out where that stands in it in another guise.
    fn text(&self, text: &str) -> String {
        let clean = without_named_secrets(&(self.redact)(text));
        let is_in = |text: &str| (self.redact)(text) != text || without_named_secrets(text) != text;
        if clean.contains('\0') && is_in(&clean.replace('\0', "")) || clean.contains('%') && is_in(&unescaped(&clean)) {
            return LEFT_OUT.to_owned();
        }
        clean
    }

    fn body(&self, body: &Bytes) -> Body {
        match std::str::from_utf8(body) {
            Ok(text) => match serde_json::from_str::<Value>(text) {
                Ok(value) => {
                    let mut clean = value.clone();
                    self.walk(&mut clean, false);
                    // As it was written, where nothing stands in it.
                    let written = if clean == value { text.to_owned() } else { clean.to_string() };
                    // What was written twice under one name was read once.
                    Body::Text(without_named_secrets(&(self.redact)(&written)))
                }
                Err(_) => Body::Text(self.text(text)),
            },
            Err(_) => {
                // What a search would find in a text, it must not find between other bytes, nor in letters of two bytes each.
                let lossy = String::from_utf8_lossy(body);
                let dense = lossy.replace('\0', "");
                if self.text(&lossy) == lossy && self.text(&dense) == dense {
                    Body::Base64(STANDARD.encode(body))
                } else {
                    Body::LeftOut(body.len())
                }
            }
        }
    }
}

/// A text with the bytes that are written as in URLs (RFC 3986, section 2.1) as what they are.
pub(crate) fn unescaped(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        let escaped = after.split_at_checked(2).filter(|_| *first == b'%');
        let read = escaped.and_then(|(digits, after)| {
            let digits =
                std::str::from_utf8(digits).ok().filter(|digits| digits.bytes().all(|b| b.is_ascii_hexdigit()))?;
            Some((u8::from_str_radix(digits, 16).ok()?, after))
        });
        let (byte, left) = read.unwrap_or((*first, after));
        bytes.push(byte);
        rest = left;
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

/// Whether only secrets have this name.
pub(super) fn is_secret_name(name: &str) -> bool {
    let name = name.to_ascii_lowercase().replace(['-', '_'], "");
    SECRET_NAMES.iter().any(|secret| name.ends_with(secret))
}

fn is_secret_header(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    SECRET_HEADERS.iter().any(|secret| name.contains(secret))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn redaction() -> Redaction {
        // As the program takes secrets and card numbers out.
        let redact = |text: &str| text.replace("s3cret!", "[redacted]").replace("4111111111111111", "[card]");
        Redaction { redact: std::sync::Arc::new(redact), without_bodies: false }
    }

    fn passed(frame: &str, body: &[u8]) -> Passed {
        Passed { frame: Bytes::copy_from_slice(frame.as_bytes()), body: Bytes::copy_from_slice(body) }
    }

    #[test]
    fn what_of_a_frame_is_written() {
        let check = |method: &str, frame: Value, expected: Value| {
            let (written, _) = redaction().of(method, &passed(&frame.to_string(), b""), false);
            assert_eq!(written, expected);
        };
        let left_out = LEFT_OUT;
        check("submit", json!({ "memo": "4111111111111111" }), json!({ "memo": "[card]" }));
        // What is fetched at run time is known by its name alone.
        check("submit", json!({ "access_token": "a", "n": 1 }), json!({ "access_token": left_out, "n": 1 }));
        check("submit", json!([{ "X-Api-Key": "a" }]), json!([{ "X-Api-Key": left_out }]));
        check("submit", json!({ "token_type": "bearer" }), json!({ "token_type": "bearer" }));
        check("submit", json!({ "token": { "id": "a" } }), json!({ "token": { "id": "a" } }));
        check("submit", json!({ "password": 1234 }), json!({ "password": left_out }));
        // Card numbers are numbers, and somebody may file something under one.
        check("submit", json!({ "n": 4_111_111_111_111_111_u64, "m": 1 }), json!({ "n": "[card]", "m": 1 }));
        check("submit", json!({ "4111111111111111": "a" }), json!({ "[card]": "a" }));
        // Errors quote what was sent.
        let failure = |text: &str| json!({ "code": "http", "message": text });
        // The host's own numbers are what they are.
        check("submit", json!({ "seed": 4_111_111_111_111_111_u64 }), json!({ "seed": 4_111_111_111_111_111_u64 }));
        check("", failure("401 for token=a"), failure(&format!("401 for token={left_out}")));
        check("", failure("401: Bearer abcdefgh"), failure(&format!("401: Bearer {left_out}")));
        check(
            "",
            failure(r#"it said {"access_token":"a"}"#),
            failure(&format!(r#"it said {{"access_token":"{left_out}"}}"#)),
        );
        check("open", json!({ "verify_token": "a" }), json!({ "verify_token": "a" }));
        check(
            "http",
            json!([["X-Password", "a"], ["Accept", "b"]]),
            json!([["X-Password", left_out], ["Accept", "b"]]),
        );
        let url = |query: &str| json!({ "url": format!("https://bank.example/?{query}") });
        check("http", url("client_secret=a&b=c"), url(&format!("client_secret={left_out}&b=c")));
        check("http", url("a=b&token=&c=d"), url("a=b&token=&c=d"));
        // In other guises.
        check("http", url("a=s3cret%21"), json!({ "url": left_out }));
        check("http", url("a=4%31%31%31111111111111"), json!({ "url": left_out }));
        check("http", url("a=100%"), url("a=100%"));
        check("submit", json!("4\u{0}111111111111111"), json!(left_out));
        check("submit", json!("a\u{0}b"), json!("a\u{0}b"));
    }

    #[test]
    fn a_secret_is_left_out_however_short_it_is() {
        let answer = passed(&json!({ "now_ms": 7, "result": { "value": "pw" } }).to_string(), b"");
        let (written, _) = redaction().of(host_method::SECRET, &answer, true);
        assert_eq!(written, json!({ "now_ms": 7, "result": { "value": LEFT_OUT } }));
    }

    #[test]
    fn what_of_a_body_is_written() {
        let check = |method: &str, body: &[u8], expected: Body| {
            let (_, written) = redaction().of(method, &passed("{}", body), true);
            assert_eq!(written, expected, "{}", String::from_utf8_lossy(body));
        };
        let text = |text: &str| Body::Text(text.to_owned());
        let wide = |text: &str| text.bytes().flat_map(|byte| [0, byte]).collect::<Vec<u8>>();
        check("http", b"", Body::Empty);
        check("http", b"{\"a\": 1.0}", text("{\"a\": 1.0}"));
        check("http", b"{\"refresh_token\":\"a\"}", text("{\"refresh_token\":\"<left out>\"}"));
        check("http", b"{\"pan\": 4111111111111111}", text("{\"pan\":\"[card]\"}"));
        check("http", br#"{"token": "a", "token": null}"#, text(r#"{"token": "<left out>", "token": null}"#));
        check("http", b"grant_type=a&password=b", text("grant_type=a&password=<left out>"));
        // A number in letters of two bytes, in a text and between other bytes.
        check("http", &wide("4111111111111111"), text(LEFT_OUT));
        check("http", &[&[0xff][..], &wide("4111111111111111")].concat(), Body::LeftOut(33));
        check("http", &[&[0xff][..], &wide("anna")].concat(), Body::Base64("/wBhAG4AbgBh".to_owned()));
        // Half of a number is none that is found; and the other half comes with the next piece.
        check("stream.read", b"41111111", Body::LeftOut(8));
        check("stream.write", b"41111111", Body::LeftOut(8));
    }
}
