//! A rail that breaks the promise that an order's memo names. It stands below the SDK: no fence is between it and the host,
//! its answers are whatever bytes it likes, and nobody keeps it from answering twice.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use abi_stable::prefix_type::PrefixTypeTrait;
use sportello_sdk::abi::{AbiPeer, PluginModule, PluginModuleRef};
use sportello_sdk::frames::{CallFrame, Peer, Reply};
use sportello_sdk::serde_json::{self, Value};
use sportello_sdk::{Bytes, Failure, Order, Outcome, Source};

mod misdeeds;

/// A future of the plugin's.
type Doing<T> = std::pin::Pin<Box<dyn Future<Output = T> + Send>>;

/// An instance.
struct Villain {
    host: Arc<dyn Peer>,
    kept: Arc<Kept>,
}

/// What outlasts an order.
#[derive(Default)]
struct Kept {
    /// What was taken and never given back.
    leaked: Mutex<Vec<Vec<u8>>>,
    /// Whether it never says goodbye.
    stays: AtomicBool,
}

impl Peer for Villain {
    fn call(&self, _: u64, method: &str, frame: Bytes, _: Bytes) -> Doing<Reply> {
        match method {
            // Before the program that it shares has begun.
            "schema" if std::env::var_os("VILLAIN_ABORTS").is_some() => std::process::abort(),
            "schema" => return ready(said(&serde_json::json!({ "type": "object" }))),
            "close" if self.kept.stays.load(Ordering::Relaxed) => return Box::pin(std::future::pending()),
            "open" | "close" | "run" => return ready(said(&Value::Null)),
            "submit" => {}
            // A question is answered as by a rail that knows of nothing.
            _ => return ready(outcome(&Outcome::unknown("nothing is known of it"))),
        }
        let order = match serde_json::from_slice::<CallFrame<Order>>(&frame) {
            Ok(order) => order,
            Err(error) => {
                return ready(Reply::failure(&Failure::new(Source::Plugin, "bad_frame", error.to_string())));
            }
        };
        let CallFrame { call, params: order, .. } = order;
        misdeeds::commit(Arc::clone(&self.host), Arc::clone(&self.kept), call, order)
    }

    fn notify(&self, _: &str, _: Bytes) {}
}

/// An answer that is there already.
fn ready(reply: Reply) -> Doing<Reply> {
    Box::pin(std::future::ready(reply))
}

/// An answer that is this value.
fn said(value: &Value) -> Reply {
    Reply { ok: true, frame: value.to_string().into(), body: Bytes::new() }
}

/// An answer that is this outcome.
fn outcome(outcome: &Outcome) -> Reply {
    Reply { ok: true, frame: outcome.to_json().into(), body: Bytes::new() }
}

fn module() -> PluginModuleRef {
    extern "C" fn connect(host: AbiPeer) -> AbiPeer {
        AbiPeer::new(Arc::new(Villain { host: host.into_peer(), kept: Arc::default() }))
    }
    PluginModule { connect }.leak_into_prefix()
}

impl Kept {
    /// Keeps these bytes for ever.
    fn leak(&self, bytes: Vec<u8>) {
        self.leaked.lock().unwrap_or_else(PoisonError::into_inner).push(bytes);
    }
}

/// What the rail says of itself.
pub const MANIFEST: &str = include_str!("../manifest.json");

sportello_sdk::__export!(module, MANIFEST);
