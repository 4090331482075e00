//! The SMSC: an SMPP 3.4 server with people's telephones behind it, and the control API that moves them.
//!
//! Written from the standard (SMPP Protocol Specification 3.4, issue 1.2) with no codec crate. It is strict where a real
//! SMSC is often lenient, because it is here to find out who is wrong.

mod address;
mod alphabet;
mod books;
mod centre;
pub(crate) mod control;
mod delivery;
mod faults;
mod link;
mod load;
mod message;
mod parts;
mod pdu;
mod phones;
mod post;
mod receipts;
mod session;
mod status;
mod tlv;
mod validity;
mod writing;

use std::{
    sync::{Arc, Mutex, MutexGuard},
    time::Duration,
};

use tokio::net::TcpStream;

use self::{centre::Centre, faults::Faults};
use crate::{
    disturb,
    gate::{Behind, Gate, Port},
    lock::lock,
    options::Options,
};

/// How often the SMSC looks at what is late.
const TICK: Duration = Duration::from_millis(20);

/// Who may bind, and the number that people write to.
#[derive(Clone, Debug)]
pub(crate) struct Account {
    pub(crate) system_id: String,
    pub(crate) password: String,
    pub(crate) short_code: String,
}

#[derive(Debug)]
pub(crate) struct Smsc {
    centre: Mutex<Centre>,
    /// The faults to go back to on a reset.
    faults_at_start: Faults,
}

impl Smsc {
    pub(crate) fn new(options: &Options) -> Result<Self, Box<dyn std::error::Error + Send + Sync>> {
        let faults = disturb::merged(&Faults::default(), &disturb::switches(&options.smsc_fault)?)
            .map_err(|error| format!("--smsc-fault: {error}"))?;
        let account = Account {
            system_id: options.system_id.clone(),
            password: options.smsc_password.clone(),
            short_code: options.short_code.clone(),
        };
        Ok(Self { centre: Mutex::new(Centre::new(account, faults.clone())), faults_at_start: faults })
    }

    fn centre(&self) -> MutexGuard<'_, Centre> {
        lock(&self.centre)
    }
}

impl Behind for Smsc {
    fn out(&self, is_out: bool) {
        self.centre().is_out = is_out;
    }

    fn drop_links(&self) {
        self.centre().drop_links();
    }

    async fn serve(self: Arc<Self>, stream: TcpStream) {
        link::serve(self, stream).await;
    }
}

/// Serves the SMPP port, and keeps its clock, until the runtime ends.
pub(crate) fn start(smsc: &Arc<Smsc>, port: Port) -> Gate {
    let ticking = Arc::clone(smsc);
    tokio::spawn(async move {
        let mut ticks = tokio::time::interval(TICK);
        loop {
            ticks.tick().await;
            ticking.centre().tick();
        }
    });
    Gate::serve(smsc, port)
}
