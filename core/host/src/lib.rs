//! From a file to a running plugin: vet, judge, load, isolate, supervise.
//!
//! ```text
//!  file ──read──▶ Declared ──load──▶ Loaded ──open──▶ Running ──drain──▶ Drained ──close──▶ ·
//!                 read once,         those very       called, limited,   takes nothing
//!                 hashed, vetted,    bytes, sealed;   supervised; its    new, finishes
//!                 manifest read;     layout checked   webhooks verified  what it has
//!                 nothing has run
//! ```
//!
//! Each step is a type, and each arrow takes the one before: what is not in this order does not compile. A plugin's side
//! and the host's are the same two functions, `call` and `notify`; what goes through them are frames, of which this crate
//! reads no more than it must. It knows nothing of payments. Whether it may run at all is asked of what was read, before
//! the load ([`Declared::judge`]): a gateway opens nothing that it has not asked about.
//!
//! What stands between a bad plugin and everybody else:
//!
//! | the plugin | is met by |
//! |---|---|
//! | waits for ever | a deadline for every call, which nothing of the caller's is beneath ([`spawn`]) |
//! | never yields | [`Stats::quarantined`]: it is called no more, and another thread keeps the runtime awake |
//! | ends the program it shares | [`note_crashes`]: the operator is told whose code it was |
//! | never yields in its `run` | the same; and that has a thread of its own |
//! | panics | a fence on its side, and the task's on ours |
//! | is slow, or flooded | [`Limits`]: so many calls at once, so many a second, the rest is [`Reason::Busy`] |
//! | has lost its provider | the [breaker](BreakerLimits), which leaves it alone for a while |
//! | reaches for what is not its own | [`Grants`]: its manifest and the operator must agree on every endpoint, and on where its name leads |
//! | says that nothing was sent | [`Sent`]: that is the host's own fact |
//! | is handed a forged webhook | [`verify`]: it never sees it |
//! | is not its author's, or is one that was taken back | [`Trust`]: what nobody who may has signed does not run |
//! | wants card numbers | [`PAN_GRANT`]: the manifest asks and the operator grants, or it gets none |
//! | serves a page that opens up to strangers | [`Running::page`]: what a browser should not be shown is not handed on |
//!
//! ```no_run
//! # async fn pay(services: std::sync::Arc<dyn sportello_host::Services>) -> Result<(), Box<dyn std::error::Error>> {
//! use sportello_host::{Ask, Declared, Spec, Trust};
//!
//! let trust = Trust { required: true, ..Trust::default() };
//! let loaded = Declared::read("plugins/libhello_rail.so")?.judge(&trust)?.load()?;
//! let running = loaded.open(Spec::new("hello", services)).await?;
//! running.start();
//! let answer = running.ask(Ask::new("submit", br#"{"key":"a1"}"#)).await?;
//! println!("{:?}", answer.sent);
//! running.drain(std::time::Duration::from_secs(5)).await.close().await?;
//! # Ok(())
//! # }
//! ```

mod attest;
mod blocking;
mod breaker;
mod call;
mod confine;
#[cfg_attr(not(target_os = "linux"), path = "crash/elsewhere.rs")]
mod crash;
mod declared;
mod denied;
mod dial;
mod drain;
mod errand;
mod exec;
mod expansion;
mod frame;
mod grants;
mod hostcalls;
mod http;
mod inbound;
mod inside;
#[cfg_attr(not(target_os = "linux"), path = "isolated/elsewhere.rs")]
mod isolated;
mod keepalive;
mod lane;
mod life;
#[cfg(target_os = "linux")]
mod link;
mod loaded;
mod open;
mod page;
mod rate;
mod reach;
mod record;
mod replay;
mod resident;
mod running;
mod scan;
mod sealed;
mod services;
mod settings;
mod solo;
mod spec;
mod stats;
mod stream;
mod streams;
mod supervise;
mod task;
mod tls;
mod trust;
mod vaulted;
mod vet;
mod webhook;
mod world;

pub use attest::Sent;
pub use blocking::blocking;
pub use breaker::{BreakerLimits, BreakerState};
pub use call::{Answer, Ask, CallError, Reason};
pub use confine::Confinement;
pub use crash::{name_crashes, note_crashes};
pub use declared::{Declared, Fingerprint, LIBRARY_LEN_MAX, LoadError, MANIFEST_LEN_MAX, read_bounded};
pub use drain::Drained;
pub use errand::spawn;
pub use exec::{EXEC_LEN_MAX, Exec, ExecError, Patience};
pub use grants::{Grants, PAN_GRANT, Pattern, PatternError, Ungranted};
pub use hostcalls::STORED_LEN_MAX;
pub use http::BODY_LEN_MAX;
pub use inbound::Delivered;
pub use isolated::{Support, main_if_child, support, use_program};
pub use life::{Connected, Life};
pub use loaded::{Loaded, residents};
pub use open::OpenError;
pub use page::PAGE_LEN_MAX;
pub use record::{Body, Entry, FORMAT as RECORDING_FORMAT, RECORDING_LEN_MAX, Recorder, Redact, Subject};
pub use replay::{DIFFERENCES_MAX, Difference, Recording, RecordingError, Replay, Replayed};
pub use resident::{Resident, resident_bytes};
pub use running::Running;
pub use scan::{Found, PickError, choose_version, libraries, scan};
pub use services::Services;
pub use settings::{SettingsError, SettingsErrors, check as check_settings, take_secrets};
pub use spec::{Backoff, IN_FLIGHT_MAX, Limits, Spec, SpecError, SpecErrors};
pub use stats::{LATENCY_BUCKETS, Stats};
pub use streams::STREAMS_MAX;
pub use tls::TlsOptions;
pub use trust::{
    Distrust, Distrusted, KeyError, KeyId, PublicKey, RevokedKey, SIGNATURE_LEN_MAX, Signer, Trust, TrustedKey,
    read_signature, read_signed, signature_path,
};
pub use vaulted::VAULTED_LEN_MAX;
pub use vet::{Unfit, vet};
pub use webhook::{Verdict, verify};
