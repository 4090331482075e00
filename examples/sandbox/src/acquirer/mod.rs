//! The acquirer: a host of ISO 8583:1987 with the issuers of some test cards behind it, and its books.
//!
//! Written from the standard with no codec crate. It is strict where a real host is often lenient, because it is here to
//! find out who is wrong: what is not as it should be is answered with 30, and field 44 says which field it was.

mod authorize;
mod books;
pub(crate) mod card;
mod control;
mod evidence;
mod faults;
mod format;
mod host;
mod ledger;
mod link;
mod message;
pub(crate) mod money;
mod original;
mod page;
mod reverse;
mod rules;
mod settle;
mod work;

use std::sync::{Arc, Mutex, MutexGuard};

use axum::{Router, routing::get};
use tokio::net::TcpStream;

pub use self::message::Bitmap;
use self::{control::Desk, faults::Faults, host::Host};
pub(crate) use self::{money::last4, rules::luhn};
use crate::{
    disturb,
    gate::{Behind, Gate, Port},
    lock::lock,
    options::Options,
    proofs::Proofs,
    tokens::Minted,
};

#[derive(Debug)]
pub(crate) struct Acquirer {
    host: Mutex<Host>,
    /// The faults to go back to on a reset.
    faults_at_start: Faults,
}

impl Acquirer {
    /// `minted` and `proofs`: what the wallets and the 3DS server of this sandbox vouch for.
    pub(crate) fn new(options: &Options, minted: Arc<Minted>, proofs: Arc<Proofs>) -> Result<Self, String> {
        let faults = disturb::switches(&options.acquirer_fault)
            .and_then(|change| disturb::merged(&Faults::default(), &change))
            .map_err(|error| format!("--acquirer-fault: {error}"))?;
        let host = Host::new(options.acquirer_bitmap, minted, proofs, faults.clone());
        Ok(Self { host: Mutex::new(host), faults_at_start: faults })
    }

    fn host(&self) -> MutexGuard<'_, Host> {
        lock(&self.host)
    }
}

impl Behind for Acquirer {
    fn out(&self, is_out: bool) {
        self.host().is_out = is_out;
    }

    fn drop_links(&self) {
        self.host().drop_links();
    }

    async fn serve(self: Arc<Self>, stream: TcpStream) {
        link::serve(self, stream).await;
    }
}

/// Serves the acquirer's port until the runtime ends.
///
/// Answers with the pages of its books, and with its control API alone, to stand elsewhere too.
pub(crate) fn start(acquirer: Arc<Acquirer>, port: Port) -> (Router, Router) {
    let gate = Gate::serve(&acquirer, port);
    let desk = Arc::new(Desk { acquirer, gate });
    let controls = control::router(Arc::clone(&desk));
    let pages = Router::new().route("/", get(page::show)).with_state(desk).nest("/control", controls.clone());
    (pages, controls)
}
