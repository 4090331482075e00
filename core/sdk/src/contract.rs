//! The contract as JSON Schemas, from the very types that are read and written.
//!
//! `sportello plugin schema` prints it, and `docs/contract.schema.json` holds it for whoever writes a plugin in another
//! language.

use schemars::{JsonSchema, SchemaGenerator, generate::SchemaSettings};
use serde_json::{Value, json};

use crate::frames::{
    CONTRACT, Connect, HttpRequestFrame, HttpResponseFrame, LogLine, Named, Open, SecretValue, Sleep, StorePut,
    StorePutDone, Stored, StreamId, StreamRead, WebhookFrame, WebhookReplyFrame, host_method, plugin_method,
};
use crate::{
    Accepted, Failure, Inquiry, InstrumentFacts, Manifest, Message, Note, Order, Outcome, PageAddress, PageFrame,
    PageLink, PageReplyFrame, Receipt, Report, Sent, VaultFound, VaultPut,
};

/// What a method takes and gives.
struct Method {
    name: &'static str,
    params: Value,
    result: Value,
}

fn method<P: JsonSchema, R: JsonSchema>(generator: &mut SchemaGenerator, name: &'static str) -> Method {
    Method { name, params: of::<P>(generator), result: of::<R>(generator) }
}

fn of<T: JsonSchema>(generator: &mut SchemaGenerator) -> Value {
    generator.subschema_for::<T>().to_value()
}

fn table(methods: Vec<Method>) -> Value {
    let row =
        |Method { name, params, result }: Method| (name.to_owned(), json!({ "params": params, "result": result }));
    Value::Object(methods.into_iter().map(row).collect())
}

/// The whole contract: `manifest`, `failure`, what a frame looks like in each direction, and each method's `params` and
/// `result`. The types are under `$defs`.
pub fn schema() -> Value {
    let generator = &mut SchemaSettings::draft2020_12().into_generator();
    let plugin = table(vec![
        method::<(), Value>(generator, plugin_method::SCHEMA),
        method::<Open, ()>(generator, plugin_method::OPEN),
        method::<Order, Outcome>(generator, plugin_method::SUBMIT),
        method::<Inquiry, Outcome>(generator, plugin_method::INQUIRE),
        method::<Note, Sent>(generator, plugin_method::SEND),
        method::<WebhookFrame, WebhookReplyFrame>(generator, plugin_method::WEBHOOK),
        method::<PageFrame, PageReplyFrame>(generator, plugin_method::PAGE),
        method::<(), ()>(generator, plugin_method::RUN),
        method::<(), ()>(generator, plugin_method::CLOSE),
    ]);
    let host = table(vec![
        method::<HttpRequestFrame, HttpResponseFrame>(generator, host_method::HTTP),
        method::<Sleep, ()>(generator, host_method::SLEEP),
        method::<Named, SecretValue>(generator, host_method::SECRET),
        method::<Named, Stored>(generator, host_method::STORE_GET),
        method::<StorePut, StorePutDone>(generator, host_method::STORE_PUT),
        method::<Message, Accepted>(generator, host_method::MESSAGE),
        method::<Report, ()>(generator, host_method::REPORT),
        method::<Receipt, ()>(generator, host_method::RECEIPT),
        method::<Connect, StreamId>(generator, host_method::STREAM_CONNECT),
        method::<StreamRead, ()>(generator, host_method::STREAM_READ),
        method::<StreamId, ()>(generator, host_method::STREAM_WRITE),
        method::<StreamId, ()>(generator, host_method::STREAM_CLOSE),
        method::<Named, InstrumentFacts>(generator, host_method::INSTRUMENT),
        method::<VaultPut, ()>(generator, host_method::VAULT_PUT),
        method::<Named, VaultFound>(generator, host_method::VAULT_GET),
        method::<Named, ()>(generator, host_method::VAULT_REMOVE),
        method::<PageLink, PageAddress>(generator, host_method::PAGE_LINK),
        method::<LogLine, ()>(generator, host_method::LOG),
    ]);
    let (manifest, failure) = (of::<Manifest>(generator), of::<Failure>(generator));
    let number = || json!({ "type": "integer", "minimum": 0, "maximum": 9_007_199_254_740_991_u64 });
    let (call, host_answer) = (
        json!({
            "description": "A call to a plugin: its frame, with a method's `params`.",
            "type": "object",
            "required": ["call", "now_ms", "deadline_ms", "seed", "params"],
            "properties": {
                "call": number(), "now_ms": number(), "deadline_ms": number(), "seed": number(),
                "trace": { "type": "string" }, "params": true,
            },
        }),
        json!({
            "description": "An answer of the host's: its frame, with a method's `result`.",
            "type": "object",
            "required": ["now_ms", "result"],
            "properties": { "now_ms": number(), "result": true },
        }),
    );
    json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "The contract between Sportello and its plugins",
        "contract": CONTRACT.to_string(),
        "manifest": manifest,
        "failure": failure,
        "call": call,
        "host_answer": host_answer,
        "plugin_methods": plugin,
        "host_methods": host,
        "$defs": generator.take_definitions(true),
    })
}
