//! From a loaded plugin to an open instance.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::future::BoxFuture;
use serde_json::Value;
use sportello_sdk::frames::{CONTRACT, Open, Peer, Reply, plugin_method};
use sportello_sdk::{Failure, Source};
use tokio::runtime::Handle;
use tokio::task::JoinHandle;

use crate::attest::{Calls, Sent};
use crate::call::{Ask, CallError, Reason, answer_of};
use crate::denied::Denied;
use crate::expansion;
use crate::frame::{Circumstances, Params};
use crate::grants::{Grants, PAN_GRANT};
use crate::hostcalls::HostCalls;
use crate::http::Answers;
use crate::inside::Inside;
use crate::keepalive::KeepAlive;
use crate::loaded::Loaded;
use crate::rate::Rate;
use crate::running::{Running, SLOTS_BESIDE, Shared, Way};
use crate::settings;
use crate::spec::{IN_FLIGHT_MAX, Spec, SpecError, SpecErrors};
use crate::streams::Streams;
use crate::tls::Tls;
use crate::world::{Clock, World};

/// How many lines a second an instance logs at most.
const LOG_LINES_PER_SECOND: u32 = 200;

/// How long a plugin may take to say what its settings look like. It has nothing to wait for.
const SCHEMA_WITHIN: Duration = Duration::from_secs(5);

/// Why an instance did not open.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// What the operator says of it is wrong.
    #[error("{instance}: {errors}")]
    Spec {
        /// The instance.
        instance: String,
        /// Everything that is wrong.
        errors: SpecErrors,
    },
    /// The plugin could not be asked, or said no.
    #[error("{instance}: the plugin `{plugin}` did not open: {error}")]
    Failed {
        /// The instance.
        instance: String,
        /// The plugin.
        plugin: String,
        /// What came of it.
        error: CallError,
    },
}

impl Loaded {
    /// The JSON Schema of the plugin's settings, as derived from their type. It is asked once.
    ///
    /// # Errors
    /// When the plugin does not say.
    pub async fn schema(&self) -> Result<Value, CallError> {
        self.schema.get_or_try_init(|| self.ask_schema()).await.cloned()
    }

    async fn ask_schema(&self) -> Result<Value, CallError> {
        let plugin = self.connect(Arc::new(NoHost));
        // What hangs here must not keep the deadline below from being noticed.
        let _awake = KeepAlive::of(&Handle::current());
        let circumstances = Circumstances { call: 0, now_ms: 0, deadline_ms: 0, seed: 0, trace: None };
        let frame = Params::raw(b"").frame(&circumstances);
        let whose: Arc<str> = self.manifest().name.as_str().into();
        let asking = Inside::new(&whose, &plugin, plugin_method::SCHEMA, frame, Bytes::new());
        // It is let go of there as well.
        drop(plugin);
        let mut asked = Asked(tokio::spawn(asking));
        let reply = match tokio::time::timeout(SCHEMA_WITHIN, &mut asked.0).await {
            Ok(Ok(reply)) => reply,
            Ok(Err(_)) => return Err(CallError::refused(Reason::Panicked)),
            Err(_) => {
                let within_ms = u64::try_from(SCHEMA_WITHIN.as_millis()).unwrap_or(u64::MAX);
                return Err(CallError::refused(Reason::Timeout { within_ms }));
            }
        };
        let schema: Value = answer_of(reply, Sent::Nothing)?.decode()?;
        let broken = |why| CallError {
            reason: Reason::Broken(format!("the schema of its settings is of no use: {why}")),
            sent: Sent::Nothing,
        };
        expansion::check(&schema).map_err(broken)?;
        Ok(schema)
    }

    /// Checks all that the operator says of an instance, without opening it.
    ///
    /// # Errors
    /// Everything that is wrong, at once; or that the plugin could not be asked.
    pub async fn check(&self, spec: &Spec) -> Result<(), OpenError> {
        self.prepare(&mut spec.clone()).await.map(|_| ())
    }

    /// Opens an instance: checks all that is said of it, and calls `open`. Must run inside a tokio runtime, on which
    /// the plugin then lives.
    ///
    /// # Errors
    /// As [`OpenError`] has it. Nothing is left behind.
    pub async fn open(&self, mut spec: Spec) -> Result<Running, OpenError> {
        let grants = self.prepare(&mut spec).await?;
        let sees_pan = self.manifest().pan && spec.grants.iter().any(|grant| grant == PAN_GRANT);
        let world = Arc::new(World {
            instance: spec.instance.as_str().into(),
            services: Arc::clone(&spec.services),
            runtime: Handle::current(),
            calls: Calls::new(2 * spec.limits.in_flight + SLOTS_BESIDE),
            secrets: std::mem::take(&mut spec.secrets),
            grants,
            sees_pan,
            tls: Tls::new(std::mem::take(&mut spec.tls)),
            answers: Answers::default(),
            lookups: Arc::default(),
            streams: Streams::default(),
            log_lines: Rate::new(LOG_LINES_PER_SECOND),
            denied: Denied::new(),
            clock: Clock::start(),
        });
        let host: Arc<dyn Peer> = Arc::new(HostCalls(Arc::clone(&world)));
        let connected = match &spec.recorder {
            Some(recorder) => recorder.between(host, |host| self.connected(host)),
            None => self.connected(host),
        };
        let shared = Arc::new(Shared::new(world, Arc::clone(self.manifest()), connected, &spec));
        let open = Open {
            contract: CONTRACT.to_string(),
            instance: spec.instance.clone(),
            settings: std::mem::take(&mut spec.settings),
        };
        let failed =
            |error| OpenError::Failed { instance: spec.instance.clone(), plugin: self.manifest().name.clone(), error };
        let asked = Ask::of(plugin_method::OPEN, &open).map_err(failed)?;
        let opened = shared.call(Way::Beside, asked).await;
        if let Err(error) = opened {
            shared.world.streams.end();
            return Err(failed(error));
        }
        Ok(Running(shared))
    }

    /// Takes the secrets out of the settings, and checks everything.
    async fn prepare(&self, spec: &mut Spec) -> Result<Grants, OpenError> {
        let manifest = self.manifest();
        let mut errors = Vec::new();
        let mut wrong = |pointer: &str, message: String| {
            errors.push(SpecError { pointer: pointer.to_owned(), message });
        };
        if !(1..=IN_FLIGHT_MAX).contains(&spec.limits.in_flight) {
            wrong("/limits/in_flight", format!("must be 1 to {IN_FLIGHT_MAX}"));
        }
        if spec.deadline.is_zero() {
            wrong("/deadline", "must be longer than nothing, as \"10s\"".to_owned());
        }
        for (index, grant) in spec.grants.iter().enumerate() {
            if grant == PAN_GRANT {
                if !manifest.pan {
                    let message = "the plugin does not ask for card numbers: take this out of the list".to_owned();
                    wrong(&format!("/grants/{index}"), message);
                }
            } else if let Err(error) = grant.parse::<crate::grants::Pattern>() {
                wrong(&format!("/grants/{index}"), error.to_string());
            }
        }
        if manifest.pan && spec.grants.iter().all(|grant| grant != PAN_GRANT) {
            let message = "the plugin asks for card numbers, and cannot work without them: add \"pan\" to the list if it \
                           may see them";
            wrong("/grants", message.to_owned());
        }
        for (pointer, why) in spec.tls.defects() {
            wrong(pointer, why);
        }
        let is_encrypted = |endpoint: &String| endpoint.starts_with("tls://") || endpoint.starts_with("https://");
        if spec.tls.is_set() && !manifest.endpoints.iter().any(is_encrypted) {
            wrong("/tls", "the plugin asks for no connection that is encrypted".to_owned());
        }
        let taken = settings::take_secrets(&mut spec.settings, manifest);
        for (name, secret) in taken {
            spec.secrets.entry(name).or_insert(secret);
        }
        for name in spec.secrets.keys().filter(|name| !manifest.secrets.contains(name)) {
            wrong(&format!("/settings/{name}"), "the plugin has no secret of this name".to_owned());
        }
        let schema = self.schema().await.map_err(|error| OpenError::Failed {
            instance: spec.instance.clone(),
            plugin: manifest.name.clone(),
            error,
        })?;
        let against_schema = settings::check(&schema, &spec.settings).err().map(|errors| errors.0);
        let missing = settings::missing_secrets(manifest, &spec.secrets);
        for error in against_schema.into_iter().flatten().chain(missing) {
            wrong(&format!("/settings{}", error.pointer), error.message);
        }
        let grants = Grants::new(&manifest.endpoints, &spec.grants).unwrap_or_default();
        if errors.is_empty() {
            return Ok(grants);
        }
        Err(OpenError::Spec { instance: spec.instance.clone(), errors: SpecErrors(errors) })
    }
}

/// A question that nobody may wait for any more: it is given up with this, and the process that was asked with it.
struct Asked(JoinHandle<Reply>);

impl Drop for Asked {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// The host of an instance that is only asked for its schema: there is nothing to ask.
struct NoHost;

impl Peer for NoHost {
    fn call(&self, _: u64, _: &str, _: Bytes, _: Bytes) -> BoxFuture<'static, Reply> {
        let failure = Failure::new(Source::Host, "call_over", "the instance is not open");
        Box::pin(std::future::ready(Reply::failure(&failure)))
    }

    fn notify(&self, _: &str, _: Bytes) {}
}
