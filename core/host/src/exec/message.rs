//! JSON-RPC 2.0, as it stands in a line: what is read of one, and how one is written.

use std::io::Write;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use serde::Deserialize;
use serde_json::value::RawValue;
use sportello_sdk::frames::{FRAME_LEN_MAX, Reply};
use sportello_sdk::{Failure, Source};

/// The longest line that either side writes, in bytes: the largest frame, and the largest body in base64 beside it.
pub(crate) const LINE_LEN_MAX: usize = 8 << 20;

/// The longest id that a plugin gives a question, in bytes.
const ID_LEN_MAX: usize = 128;

/// The longest message of an error that is not a whole failure, in characters.
const ERROR_LEN_MAX: usize = 500;

/// The codes of JSON-RPC 2.0, section 5.1.
pub(crate) mod code {
    pub(crate) const PARSE: i64 = -32700;
    pub(crate) const REQUEST: i64 = -32600;
    pub(crate) const METHOD: i64 = -32601;
    /// Whatever went wrong in a method: the first of those that are free for it.
    pub(crate) const FAILED: i64 = -32000;
}

/// What a line says.
pub(crate) enum Message {
    /// The other side asks.
    Request { id: Id, method: String, params: Params },
    /// The other side tells, and waits for nothing.
    Notification { method: String, params: Params },
    /// It answers what we asked under this id.
    Answer { id: u64, reply: Reply },
    /// It could not make anything of a line of ours.
    Complaint,
}

/// The id of a question of the plugin's, as it stands in the line: a number or a text.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Id(Box<str>);

/// What comes with a question.
#[derive(Default)]
pub(crate) struct Params {
    /// The call on whose behalf it is asked.
    pub(crate) parent: u64,
    pub(crate) frame: Bytes,
    pub(crate) body: Bytes,
    /// Of `$/cancel`: the id of what nobody waits for.
    pub(crate) cancelled: Option<Id>,
}

/// Why a line is none of the protocol's.
#[derive(Debug)]
pub(crate) struct Odd {
    /// What it is answered with.
    pub(crate) code: i64,
    /// For the operator. What stood in the line is not told: it may be what nobody should read.
    pub(crate) why: String,
}

#[derive(Deserialize)]
struct Line<'a> {
    #[serde(default)]
    jsonrpc: Option<String>,
    #[serde(borrow, default)]
    id: Option<&'a RawValue>,
    #[serde(default)]
    method: Option<String>,
    #[serde(borrow, default)]
    params: Option<&'a RawValue>,
    #[serde(borrow, default)]
    result: Option<&'a RawValue>,
    #[serde(borrow, default)]
    error: Option<&'a RawValue>,
}

/// `params` and `result`: a frame, and bytes beside it.
#[derive(Deserialize, Default)]
struct Envelope<'a> {
    #[serde(default)]
    parent: u64,
    #[serde(borrow, default)]
    frame: Option<&'a RawValue>,
    #[serde(borrow, default)]
    body: Option<&'a RawValue>,
    #[serde(borrow, default)]
    id: Option<&'a RawValue>,
}

#[derive(Deserialize)]
struct RpcError<'a> {
    #[serde(default)]
    code: i64,
    #[serde(default)]
    message: String,
    #[serde(borrow, default)]
    data: Option<&'a RawValue>,
}

impl Id {
    fn read(raw: &RawValue) -> Option<Self> {
        let text = raw.get();
        let is_number =
            text.bytes().all(|byte| byte.is_ascii_digit() || matches!(byte, b'-' | b'+' | b'.' | b'e' | b'E'));
        let is_fine = (is_number || text.starts_with('"')) && text.len() <= ID_LEN_MAX;
        is_fine.then(|| Self(text.into()))
    }
}

/// Reads a line, its end taken off.
pub(crate) fn read(line: &Bytes) -> Result<Message, Odd> {
    let odd = |code, why: &str| Odd { code, why: why.to_owned() };
    let text = std::str::from_utf8(line)
        .map_err(|error| odd(code::PARSE, &format!("it is not UTF-8 after byte {}", error.valid_up_to())))?;
    if text.trim_start().starts_with('[') {
        return Err(odd(code::REQUEST, "it is a batch, or a list: each message is a line of its own"));
    }
    let parsed: Line<'_> = serde_json::from_str(text).map_err(|error| odd(code::PARSE, &unreadable(&error)))?;
    if parsed.jsonrpc.as_deref() != Some("2.0") {
        return Err(odd(code::REQUEST, "it does not say \"jsonrpc\":\"2.0\""));
    }
    if let Some(method) = parsed.method {
        let params = match parsed.params {
            None => Params::default(),
            Some(params) => Params::read(line, params).map_err(|why| odd(code::REQUEST, &why))?,
        };
        return match parsed.id {
            None => Ok(Message::Notification { method, params }),
            Some(id) => match Id::read(id) {
                Some(id) => Ok(Message::Request { id, method, params }),
                None => Err(odd(code::REQUEST, "its id is neither a number nor a text of at most 128 bytes")),
            },
        };
    }
    match (parsed.id, parsed.result, parsed.error) {
        (None, _, Some(_)) => Ok(Message::Complaint),
        (None, ..) => Err(odd(code::REQUEST, "it has neither a method nor an id")),
        (Some(id), result, error) => {
            let id = id.get().parse().map_err(|_| odd(code::REQUEST, "it answers under an id that was never given"))?;
            let reply = match (result, error) {
                (Some(result), None) => answered(line, result),
                (_, Some(error)) => Err(failure_of(error)),
                (None, None) => Err(bad_answer("it has no `result`, which is an object with `frame`")),
            };
            Ok(Message::Answer { id, reply: reply.unwrap_or_else(|failure| Reply::failure(&failure)) })
        }
    }
}

/// Where the line stops to make sense, and not what stands there.
fn unreadable(error: &serde_json::Error) -> String {
    let what = if error.is_data() { "a member of it is not of its type" } else { "it is not JSON" };
    format!("{what}, at column {}", error.column())
}

impl Params {
    fn read(line: &Bytes, params: &RawValue) -> Result<Self, String> {
        let envelope: Envelope<'_> = serde_json::from_str(params.get())
            .map_err(|error| format!("its `params` are not an object with `frame`: {}", unreadable(&error)))?;
        let body = body_of(&envelope).map_err(str::to_owned)?;
        let cancelled = envelope.id.and_then(Id::read);
        Ok(Self { parent: envelope.parent, frame: frame_of(line, &envelope), body, cancelled })
    }
}

fn answered(line: &Bytes, result: &RawValue) -> Result<Reply, Failure> {
    let envelope: Envelope<'_> = serde_json::from_str(result.get())
        .map_err(|error| bad_answer(&format!("its `result` is not an object with `frame`: {}", unreadable(&error))))?;
    let body = body_of(&envelope).map_err(bad_answer)?;
    Ok(Reply { ok: true, frame: frame_of(line, &envelope), body })
}

/// The frame, which is a part of the line.
fn frame_of(line: &Bytes, envelope: &Envelope<'_>) -> Bytes {
    match envelope.frame {
        Some(frame) => line.slice_ref(frame.get().as_bytes()),
        None => Bytes::from_static(b"null"),
    }
}

fn body_of(envelope: &Envelope<'_>) -> Result<Bytes, &'static str> {
    let Some(raw) = envelope.body else {
        return Ok(Bytes::new());
    };
    let not_so = "its `body` is not base64 in a text";
    let written = raw.get().strip_prefix('"').and_then(|rest| rest.strip_suffix('"')).ok_or(not_so)?;
    // Some writers put a backslash before each slash.
    let decoded = match written.contains('\\') {
        false => STANDARD.decode(written),
        true => STANDARD.decode(serde_json::from_str::<String>(raw.get()).map_err(|_| not_so)?),
    };
    decoded.map(Bytes::from).map_err(|_| not_so)
}

fn bad_answer(why: &str) -> Failure {
    Failure::new(Source::Plugin, "bad_answer", format!("the plugin's answer is not as agreed: {why}"))
}

/// What an error says: a failure, whole, or as much of one as is there.
fn failure_of(error: &RawValue) -> Failure {
    let Ok(RpcError { code, message, data }) = serde_json::from_str(error.get()) else {
        return bad_answer("its `error` is not an object with `code` and `message`");
    };
    let whole = data.and_then(|data| serde_json::from_str::<Failure>(data.get()).ok());
    let part = || {
        let code = if code == code::METHOD { "unsupported" } else { "error" };
        Failure::new(Source::Plugin, code, message.chars().take(ERROR_LEN_MAX).collect::<String>())
    };
    whole.unwrap_or_else(part)
}

/// The number of the call in a frame to the plugin, which is JSON and not too long: else nothing of it is sent.
pub(crate) fn call_of(frame: &[u8]) -> Result<u64, Failure> {
    #[derive(Deserialize)]
    struct Circumstances {
        #[serde(default)]
        call: u64,
    }
    let bad = |why: String| Failure::new(Source::Host, "bad_frame", format!("the frame is not as agreed: {why}"));
    if frame.len() > FRAME_LEN_MAX {
        return Err(bad(format!("it has more than {FRAME_LEN_MAX} bytes")));
    }
    let text = std::str::from_utf8(frame).map_err(|error| bad(error.to_string()))?;
    let Circumstances { call } = serde_json::from_str(text).map_err(|error| bad(error.to_string()))?;
    Ok(call)
}

/// A line that asks `method` under `id`.
pub(crate) fn request(id: u64, method: &str, frame: &[u8], body: &[u8]) -> Vec<u8> {
    let mut line = begin(frame.len() + method.len() + body.len() / 3 * 4);
    let _ = write!(line, r#""id":{id},"method":"#);
    // Texts and numbers always can be written, and into memory always are.
    let _ = serde_json::to_writer(&mut line, method);
    line.extend_from_slice(br#","params":"#);
    envelope(&mut line, frame, body);
    line.extend_from_slice(b"}\n");
    line
}

/// A line that tells that nobody waits for the answer under this id.
pub(crate) fn cancel(id: u64) -> Vec<u8> {
    format!("{{\"jsonrpc\":\"2.0\",\"method\":\"$/cancel\",\"params\":{{\"id\":{id}}}}}\n").into_bytes()
}

/// A line that answers the plugin's question.
pub(crate) fn answer(id: &Id, reply: &Reply) -> Vec<u8> {
    let mut line = begin(reply.frame.len() + id.0.len() + reply.body.len() / 3 * 4);
    let _ = write!(line, r#""id":{},"#, id.0);
    if reply.ok {
        line.extend_from_slice(br#""result":"#);
        envelope(&mut line, &reply.frame, &reply.body);
    } else {
        let failure = serde_json::from_slice::<Failure>(&reply.frame)
            .unwrap_or_else(|_| Failure::new(Source::Host, "bad_frame", "the gateway's own failure cannot be read"));
        let code = if failure.code == "unsupported" { code::METHOD } else { code::FAILED };
        let _ = write!(line, r#""error":{{"code":{code},"message":"#);
        let _ = serde_json::to_writer(&mut line, &failure.message);
        line.extend_from_slice(br#","data":"#);
        let _ = serde_json::to_writer(&mut line, &failure);
        line.push(b'}');
    }
    line.extend_from_slice(b"}\n");
    line
}

/// A line that answers what is none of the protocol's.
pub(crate) fn refusal(odd: &Odd) -> Vec<u8> {
    let mut line = begin(odd.why.len());
    let _ = write!(line, r#""id":null,"error":{{"code":{},"message":"#, odd.code);
    let _ = serde_json::to_writer(&mut line, &odd.why);
    line.extend_from_slice(b"}}\n");
    line
}

fn begin(len: usize) -> Vec<u8> {
    let mut line = Vec::with_capacity(len + 128);
    line.extend_from_slice(br#"{"jsonrpc":"2.0","#);
    line
}

fn envelope(line: &mut Vec<u8>, frame: &[u8], body: &[u8]) {
    line.extend_from_slice(br#"{"frame":"#);
    // In JSON a line break stands between tokens alone, where a space is as good.
    line.extend(frame.iter().map(|byte| if matches!(byte, b'\n' | b'\r') { b' ' } else { *byte }));
    if !body.is_empty() {
        line.extend_from_slice(br#","body":""#);
        line.extend_from_slice(STANDARD.encode(body).as_bytes());
        line.push(b'"');
    }
    line.push(b'}');
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(line: &[u8]) -> String {
        let line = Bytes::copy_from_slice(line);
        let text = |bytes: &Bytes| String::from_utf8_lossy(bytes).into_owned();
        match read(&line) {
            Ok(Message::Request { id, method, params: Params { parent, frame, body, .. } }) => {
                format!("{} asks {method} for {parent}: {} + {}", id.0, text(&frame), text(&body))
            }
            Ok(Message::Notification { method, params: Params { cancelled, frame, .. } }) => match cancelled {
                Some(id) => format!("{method} {}", id.0),
                None => format!("{method} {}", text(&frame)),
            },
            Ok(Message::Answer { id, reply: Reply { ok: true, frame, body } }) => {
                format!("{id}: {} + {}", text(&frame), text(&body))
            }
            Ok(Message::Answer { id, reply }) => {
                let failure: Failure = serde_json::from_slice(&reply.frame).unwrap();
                format!("{id}: {:?} {} {}", failure.source, failure.code, failure.message)
            }
            Ok(Message::Complaint) => "complains".to_owned(),
            Err(odd) => format!("{} {}", odd.code, odd.why),
        }
    }

    #[test]
    fn lines_are_read_as_they_were_meant() {
        let check = |line: &str, expected: &str| {
            let line = line.replace("2.0", r#""jsonrpc":"2.0""#);
            assert_eq!(told(line.as_bytes()), expected, "{line}");
        };
        check(
            r#"{2.0,"id":"a","method":"http","params":{"parent":7,"frame":{"x":1},"body":"aGk="}}"#,
            r#""a" asks http for 7: {"x":1} + hi"#,
        );
        check(r#"{2.0,"id":7,"method":"sleep"}"#, "7 asks sleep for 0:  + ");
        check(r#"{2.0,"method":"log","params":{"frame":{"level":"info"}}}"#, r#"log {"level":"info"}"#);
        check(r#"{2.0,"method":"$/cancel","params":{"id":"a"}}"#, r#"$/cancel "a""#);
        check(r#" {"result":{"frame":{"a" : [1]}},"id":3,2.0,"mood":"blue"}"#, r#"3: {"a" : [1]} + "#);
        check(r#"{2.0,"id":3,"result":{}}"#, "3: null + ");
        check(r#"{2.0,"id":3,"result":{"frame":null,"body":"\/\/8="}}"#, "3: null + \u{fffd}\u{fffd}");
        check(r#"{2.0,"id":null,"error":{"code":-32700,"message":"?"}}"#, "complains");
        let failure = r#"{"source":"provider","retry":{"retry":"never"},"code":"closed","message":"closed"}"#;
        check(
            &format!(r#"{{2.0,"id":3,"error":{{"code":-32000,"message":"x","data":{failure}}}}}"#),
            "3: Provider closed closed",
        );
        check(r#"{2.0,"id":3,"error":{"code":-32601,"message":"no"}}"#, "3: Plugin unsupported no");
        check(r#"{2.0,"id":3,"error":{"code":1,"message":"no","data":{"x":1}}}"#, "3: Plugin error no");
        let broken = "3: Plugin bad_answer the plugin's answer is not as agreed: ";
        for (line, why) in [
            (r#"{2.0,"id":3,"error":7}"#, "its `error` is not an object with `code` and `message`"),
            (r#"{2.0,"id":3,"result":null}"#, "it has no `result`, which is an object with `frame`"),
            (r#"{2.0,"id":3,"result":{"body":7}}"#, "its `body` is not base64 in a text"),
            (r#"{2.0,"id":3,"result":{"body":"a"}}"#, "its `body` is not base64 in a text"),
            (
                r#"{2.0,"id":3,"result":7}"#,
                "its `result` is not an object with `frame`: a member of it is not of its type, at column 1",
            ),
        ] {
            check(line, &format!("{broken}{why}"));
        }
    }

    #[test]
    fn what_is_no_message_is_said_to_be_none_without_being_told() {
        let check = |line: &[u8], expected: &str| assert_eq!(told(line), expected);
        check(b"", "-32700 it is not JSON, at column 0");
        check(b"the PAN is 4111111111111111", "-32700 it is not JSON, at column 2");
        check(b"{\"jsonrpc\":\"2.0\",\"id\":\xff}", "-32700 it is not UTF-8 after byte 22");
        check(br#"{"jsonrpc":"2.0","method":["s3cret"]}"#, "-32700 a member of it is not of its type, at column 26");
        check(br#"[{"jsonrpc":"2.0"}]"#, "-32600 it is a batch, or a list: each message is a line of its own");
        check(br#"{"id":3,"result":{}}"#, "-32600 it does not say \"jsonrpc\":\"2.0\"");
        check(br#"{"jsonrpc":"2.0"}"#, "-32600 it has neither a method nor an id");
        check(br#"{"jsonrpc":"2.0","id":"x","result":{}}"#, "-32600 it answers under an id that was never given");
        check(
            br#"{"jsonrpc":"2.0","id":[1],"method":"http"}"#,
            "-32600 its id is neither a number nor a text of at most 128 bytes",
        );
        let deep = "[".repeat(100_000);
        check(
            format!(r#"{{"jsonrpc":"2.0","id":3,"result":{deep}"#).as_bytes(),
            "-32700 it is not JSON, at column 100033",
        );
    }

    #[test]
    fn a_frame_is_handed_on_as_it_is_in_one_line() {
        let check = |frame: &str, body: &str, expected: &str| {
            let line = request(7, "a\"b", frame.as_bytes(), body.as_bytes());
            assert_eq!(String::from_utf8(line).unwrap(), expected);
        };
        check(
            "{\"a\":\n1}",
            "",
            "{\"jsonrpc\":\"2.0\",\"id\":7,\"method\":\"a\\\"b\",\"params\":{\"frame\":{\"a\": 1}}}\n",
        );
        check(
            "null",
            "hi",
            "{\"jsonrpc\":\"2.0\",\"id\":7,\"method\":\"a\\\"b\",\"params\":{\"frame\":null,\"body\":\"aGk=\"}}\n",
        );
        let call = |frame: &str| call_of(frame.as_bytes()).map_err(|failure| failure.code);
        assert_eq!(call(r#"{"params":{"call":1},"call":9}"#), Ok(9));
        assert_eq!(call("{}"), Ok(0));
        for bad in ["", "null", r#"{"call":-1}"#, "{\"call\":1"] {
            assert_eq!(call(bad), Err("bad_frame".to_owned()), "{bad}");
        }
    }
}
