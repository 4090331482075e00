//! A rail that tries to get out of where it is kept: what it is to try is the order's memo, and what came of it is the
//! `detail` of its answer, "refused …" where it was kept from it and "done …" where not.

// It does what no plugin may, and most of that is not safe.
#![allow(unsafe_code, clippy::indexing_slicing, clippy::unwrap_used, clippy::panic)]

mod deeds;
mod misdeeds;

use std::sync::OnceLock;

use sportello_sdk::{Failure, Finality, Host, Inquiry, Order, Outcome, Rail, async_trait, export_rail, settings};

settings! {
    /// What to try, and when.
    pub struct Settings {
        /// What `open` tries.
        #[serde(default)]
        in_open: String,
        /// What `run` tries.
        #[serde(default)]
        in_run: String,
    }
}

/// The rail, open.
pub struct Escapes {
    in_run: String,
}

/// What came of what was tried while the library was loaded, before its host could know of it.
static WHILE_LOADING: OnceLock<String> = OnceLock::new();

extern "C" fn constructor() {
    let tried = ["file /etc/passwd", "udp", "thread", "memfd", "map-code", "shared", "map-own-code"];
    let came: Vec<String> = tried.iter().map(|what| misdeeds::perform(what)).collect();
    let _ = WHILE_LOADING.set(came.join("; "));
}

#[used]
#[unsafe(link_section = ".init_array")]
static CONSTRUCTOR: extern "C" fn() = constructor;

/// Closes the socket, and goes on for ever: for a library that has this as its first function.
#[unsafe(no_mangle)]
pub extern "C" fn hang_up() {
    // SAFETY: none of this is; that is what it is for.
    unsafe { libc::close(3) };
    loop {
        std::thread::sleep(std::time::Duration::from_secs(1));
    }
}

#[async_trait]
impl Rail for Escapes {
    type Settings = Settings;

    async fn open(settings: Settings, _: &Host) -> Result<Self, Failure> {
        if !settings.in_open.is_empty() {
            misdeeds::perform(&settings.in_open);
        }
        Ok(Self { in_run: settings.in_run })
    }

    async fn submit(&self, order: Order, host: &Host) -> Result<Outcome, Failure> {
        let what = order.memo.unwrap_or_default();
        let detail = match what.as_str() {
            "while-loading" => WHILE_LOADING.get().cloned().unwrap_or_default(),
            what => match deeds::perform(what, host).await {
                Some(done) => done?,
                None => misdeeds::perform(what),
            },
        };
        Ok(Outcome::Pending { reference: None, detail, ask_after_ms: None })
    }

    /// An order that reached a provider is settled, and of every other one it says that it waits.
    async fn inquire(&self, inquiry: Inquiry, host: &Host) -> Result<Outcome, Failure> {
        let Inquiry { order, .. } = inquiry;
        Ok(match deeds::is_known(order.memo.as_deref().unwrap_or_default(), host).await {
            Some(true) => Outcome::Settled {
                amount: order.amount,
                reference: None,
                finality: Finality::Final,
                fees: None,
                reversible_until_ms: None,
                valid_until_ms: None,
            },
            Some(false) => Outcome::unknown("the provider does not know it"),
            None => {
                Outcome::Pending { reference: None, detail: "nothing has come of it".to_owned(), ask_after_ms: None }
            }
        })
    }

    async fn run(&self, host: &Host) -> Result<(), Failure> {
        if !self.in_run.is_empty() {
            misdeeds::perform(&self.in_run);
        }
        host.sleep(3_600_000).await
    }
}

/// What the rail says of itself.
pub const MANIFEST: &str = include_str!("../manifest.json");

export_rail!(Escapes, manifest = MANIFEST);
