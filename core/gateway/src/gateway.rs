//! A gateway, from a configuration to a program that listens.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use sportello_engine::{Clock, CodeKey, Engine, Parts, Store, SystemClock};
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tokio::time::Instant;

use crate::api::caller::Callers;
use crate::api::{App, router};
use crate::connections;
use crate::crash;
use crate::key::{KeyError, read_or_make};
use crate::pages::{self, Links, Pages};
use crate::plugins::Deployment;
use crate::switchboard::{Plan, Switchboard};
use crate::vault::{Rotation, Vault, VaultError, key, sweep_for_ever};
use crate::wire::{Counter, SystemEntropy, Wire, setup};

/// How long connections may take to end once all else has: long enough for an answer that is being written.
const HANG_UP_AFTER: Duration = Duration::from_secs(1);

/// Starts gateways.
pub struct Gateway;

/// A gateway that listens.
pub struct RunningGateway {
    address: SocketAddr,
    app: Arc<App>,
    connected: Connected,
    engine: Engine,
    switchboard: Arc<Switchboard>,
    hang_up: oneshot::Sender<()>,
    serving: JoinHandle<()>,
}

/// Keeps the vault: seals under the current key what is not, and destroys what is past its end.
async fn keep(store: Store, vault: Option<Vault>) {
    if let Some(vault) = vault {
        match vault.rotate().await {
            Ok(done) if done == Rotation::default() => {}
            Ok(Rotation { resealed, left }) => tracing::info!(resealed, left, "the vault's key has changed"),
            Err(error) => tracing::error!(%error, "the vault's key has not changed everywhere yet"),
        }
    }
    sweep_for_ever(store, Arc::new(SystemClock)).await;
}

/// Lets go when it is dropped: a gateway that nobody drains leaves its store to the next one all the same.
struct Connected {
    wire: Arc<Wire>,
    /// What keeps the vault, and the store with it; and what watches the files.
    keeping: Vec<JoinHandle<()>>,
    /// That this program was not ended by a plugin.
    _crash: Option<crash::Note>,
}

impl Drop for Connected {
    fn drop(&mut self) {
        self.wire.disconnect();
        self.keeping.iter().for_each(JoinHandle::abort);
    }
}

/// Why a gateway did not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// There is no key to derive one-time codes from.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// There is no key to the vault.
    #[error(transparent)]
    VaultKey(#[from] key::KeyError),
    /// The vault cannot be opened.
    #[error(transparent)]
    Vault(#[from] VaultError),
    /// The store cannot be used.
    #[error(transparent)]
    Store(#[from] sportello_engine::store::StoreError),
    /// The plugins cannot work with their settings.
    #[error("{}", .0.join("\n"))]
    Settings(Vec<String>),
    /// The address cannot be listened on.
    #[error("cannot listen on {address}: {error}; set gateway.listen to an address and a port that are free here")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// Why.
        error: std::io::Error,
    },
}

impl Gateway {
    /// Starts a gateway. It listens when this returns; what an earlier one left to be done is taken up.
    ///
    /// # Errors
    /// As [`StartError`] has it; then nothing of it is left running.
    pub async fn start(deployment: Deployment) -> Result<RunningGateway, StartError> {
        let config = deployment.config.clone();
        let gateway = &config.gateway;
        // What can fail without leaving a trace comes first.
        let listen = gateway.listen;
        let not_listening = |error| StartError::Listen { address: listen, error };
        let listener = TcpListener::bind(listen).await.map_err(not_listening)?;
        let address = listener.local_addr().map_err(not_listening)?;
        let code_key = read_or_make(&gateway.key, gateway.production)?;
        let links = gateway.public_url.as_ref().map(|base| Arc::new(Links::new(base, &code_key)));
        let ring = match &config.vault {
            Some(vault) => Some(key::ring(&vault.key, &vault.old_keys, gateway.production).await?),
            None => None,
        };
        let store = Store::open(&gateway.store)?;
        let crash = crash::Note::begin(&gateway.store);
        let vault = match ring {
            Some(ring) => Some(Vault::open(store.clone(), ring).await?),
            None => None,
        };
        let wire = Wire::new();
        wire.set_drain_versions(gateway.drain_versions);
        let engine = Engine::start(Parts {
            setup: setup(&deployment),
            store,
            ports: wire.clone(),
            clock: Arc::new(SystemClock),
            entropy: Arc::new(SystemEntropy),
            code_key: CodeKey(code_key),
        })
        .await?;
        wire.connect(Counter { engine: engine.clone(), vault: vault.clone(), links: links.clone() });
        let mut connected = Connected { wire, keeping: Vec::new(), _crash: crash };
        let plan = match open(&connected.wire, &engine, deployment).await {
            Ok(plan) => plan,
            Err(error) => {
                engine.drain(SystemClock.now_ms()).await;
                connected.wire.close(Duration::ZERO).await;
                return Err(error);
            }
        };
        connected.wire.tell_of_gone(&engine).await;
        connected.keeping.push(tokio::spawn(keep(engine.store().clone(), vault.clone())));
        let callers = Arc::new(Callers::new(&config.keys));
        let switchboard = Switchboard::new(connected.wire.clone(), engine.clone(), callers.clone(), plan);
        connected.keeping.push(tokio::spawn(Switchboard::watch(Arc::downgrade(&switchboard))));
        let app = App::new(callers, engine.clone(), connected.wire.clone(), switchboard.clone());
        let mut routes = router(app.clone());
        if let Some(links) = links {
            let header = gateway.client_ip_header.clone();
            let pages = Pages::new(app.clone(), engine.clone(), connected.wire.clone(), vault, links, header);
            routes = routes.merge(pages::router(pages));
        }
        let (hang_up, hung_up) = oneshot::channel();
        let serving =
            tokio::spawn(connections::serve(listener, routes, connections::Limits::of_this_process(), async {
                // A gateway that is dropped hangs up as well.
                let _ = hung_up.await;
            }));
        Ok(RunningGateway { address, app, connected, engine, switchboard, hang_up, serving })
    }
}

/// Opens what a deployment comes to, with what was decided beside it.
async fn open(wire: &Arc<Wire>, engine: &Engine, deployment: Deployment) -> Result<Plan, StartError> {
    let mut plan = Plan::new(engine, deployment, wire).await?;
    engine.reconfigure(setup(&plan.deployment));
    wire.open(std::mem::take(&mut plan.intended)).await.map_err(StartError::Settings)?;
    Ok(plan)
}

impl RunningGateway {
    /// Where it is changed while it runs.
    pub fn switchboard(&self) -> &Arc<Switchboard> {
        &self.switchboard
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Takes nothing new, finishes what is in flight, closes the plugins, and hangs up. Answers whether all that was in
    /// flight ended within `gateway.drain`; what did not is in the store, and taken up at the next start.
    pub async fn drain(self) -> bool {
        let deadline = Instant::now() + self.switchboard.drain_within();
        // What a reload that is on its way opens gets no seat any more, and it is not waited for where that takes longer.
        self.connected.wire.stop();
        let at_rest = tokio::time::timeout_at(deadline, self.switchboard.at_rest());
        let served = tokio::time::timeout_at(deadline, self.app.shift().end());
        let (_, served) = tokio::join!(at_rest, served);
        let all_served = served.is_ok();
        let left = deadline.saturating_duration_since(Instant::now());
        let left_ms = u64::try_from(left.as_millis()).unwrap_or(u64::MAX);
        let all_done = self.engine.drain(SystemClock.now_ms().saturating_add(left_ms)).await;
        self.app.shift().close();
        self.connected.wire.close(deadline.saturating_duration_since(Instant::now())).await;
        // The receiver is gone where the server has ended by itself.
        let _ = self.hang_up.send(());
        let mut serving = self.serving;
        if tokio::time::timeout(HANG_UP_AFTER, &mut serving).await.is_err() {
            serving.abort();
        }
        drop(self.connected);
        self.engine.store().close().await;
        all_served && all_done
    }
}
