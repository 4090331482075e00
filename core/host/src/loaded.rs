//! Loads the very bytes that were checked, once for each content.
//!
//! To load a library is to trust it: so `unsafe` is here, and in what makes a plugin's own process.

#![allow(unsafe_code)]

use std::collections::HashMap;
use std::fmt;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use abi_stable::library::{AbiHeaderRef, ROOT_MODULE_LOADER_NAME_WITH_NUL};
use libloading::os::unix::{Library, RTLD_LOCAL, RTLD_NOW};
use serde_json::Value;
use sportello_sdk::Manifest;
use sportello_sdk::abi::{AbiPeer, PluginModuleRef};
use sportello_sdk::frames::Peer;
use tokio::sync::OnceCell;

use crate::crash::within;
use crate::declared::{Declared, Fingerprint, LoadError};
use crate::life::Connected;
use crate::resident::{Resident, footprint};
use crate::sealed::Sealed;
use crate::trust::Signer;

/// From the host's side of an instance to a new one of the plugin's.
type Connect = dyn Fn(Arc<dyn Peer>) -> Connected + Send + Sync;

/// A plugin of which instances can be made: in this process, or each in one of its own.
#[derive(Clone)]
pub struct Loaded {
    manifest: Arc<Manifest>,
    fingerprint: Option<Fingerprint>,
    signer: Option<Signer>,
    connect: Arc<Connect>,
    /// What it said its settings look like: they are derived from a type, and the same whenever it is asked.
    pub(crate) schema: Arc<OnceCell<Value>>,
}

impl fmt::Debug for Loaded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Loaded")
            .field("name", &self.manifest.name)
            .field("version", &self.manifest.version)
            .field("fingerprint", &self.fingerprint)
            .finish_non_exhaustive()
    }
}

impl Declared {
    /// Loads the bytes that were read, and checks that both sides mean the same by the ABI.
    ///
    /// A library stays loaded until the process ends: its code may be anywhere, in a thread-local's destructor for one.
    /// The same bytes are loaded once, however often they are asked for; and before that in a process of their own, which
    /// is thrown away: what kills whoever loads it kills that one ([`Declared::rehearse`]).
    ///
    /// # Errors
    /// [`LoadError::Refused`].
    pub fn load(self) -> Result<Loaded, LoadError> {
        let sealed = if is_loaded(self.fingerprint) { None } else { self.rehearsed()? };
        let name: Arc<str> = self.manifest.name.as_str().into();
        let root = within(&name, || root_of(&self, sealed))
            .map_err(|because| LoadError::Refused { path: self.path.clone(), because })?;
        let connect = move |host| {
            let peer = within(&name, || (root.connect())(AbiPeer::new(host)).into_peer());
            Connected::in_process(peer)
        };
        Ok(Loaded::new(self.manifest, Some(self.fingerprint), connect))
    }
}

impl Loaded {
    /// A plugin of which `connect` makes instances.
    pub(crate) fn new(
        manifest: Manifest,
        fingerprint: Option<Fingerprint>,
        connect: impl Fn(Arc<dyn Peer>) -> Connected + Send + Sync + 'static,
    ) -> Self {
        let schema = Arc::default();
        Self { manifest: Arc::new(manifest), fingerprint, signer: None, connect: Arc::new(connect), schema }
    }

    /// A plugin that is linked into the program, for a simulation, a benchmark or a test: `connect` is
    /// [`sportello_sdk::dispatch::rail`] or [`sportello_sdk::dispatch::channel`]. From here on it is like any other.
    pub fn built_in(
        manifest: Manifest,
        connect: impl Fn(Arc<dyn Peer>) -> Arc<dyn Peer> + Send + Sync + 'static,
    ) -> Self {
        Self::new(manifest, None, move |host| Connected::in_process(connect(host)))
    }

    /// What the plugin says of itself.
    pub fn manifest(&self) -> &Arc<Manifest> {
        &self.manifest
    }

    /// The same, where its schema is known already, or is shared with whatever else runs the same code.
    pub(crate) fn with_schema(self, schema: Arc<OnceCell<Value>>) -> Self {
        Self { schema, ..self }
    }

    /// The SHA-256 of its bytes; nothing where it is linked into the program.
    pub fn fingerprint(&self) -> Option<Fingerprint> {
        self.fingerprint
    }

    /// The same plugin with who signed it, as [`Declared::signer`] had it.
    #[must_use]
    pub fn signed_by(self, signer: Option<Signer>) -> Self {
        Self { signer, ..self }
    }

    /// Who signed it; nothing where nobody did, or nobody said.
    pub fn signer(&self) -> Option<&Signer> {
        self.signer.as_ref()
    }

    /// Makes a new instance that asks `host`, not yet open: what the conformance kit drives. Nothing stands between it and
    /// its caller; [`Loaded::open`] is for everybody else. A process of its own ends when what this returns is dropped.
    pub fn connect(&self, host: Arc<dyn Peer>) -> Arc<dyn Peer> {
        self.connected(host).into_peer()
    }

    /// The same with the process behind it apart, of which the kit measures the memory.
    pub fn connected(&self, host: Arc<dyn Peer>) -> Connected {
        (self.connect)(host)
    }
}

impl Declared {
    /// What it keeps, or would keep, of this process's memory; nothing more where the same bytes are loaded already, or
    /// were refused.
    pub fn resident(&self) -> Resident {
        Resident {
            name: self.manifest.name.clone(),
            version: self.manifest.version.clone(),
            fingerprint: self.fingerprint,
            bytes: footprint(&self.bytes),
        }
    }
}

/// The libraries in this process, by name and version. They stay until it ends.
pub fn residents() -> Vec<Resident> {
    let libraries = LIBRARIES.lock().unwrap_or_else(PoisonError::into_inner);
    let mut residents: Vec<Resident> =
        libraries.iter().flatten().filter_map(|(_, library)| Some(library.as_ref().ok()?.resident.clone())).collect();
    residents.sort_by(|one, other| (&one.name, &one.version).cmp(&(&other.name, &other.version)));
    residents
}

/// A library in this process.
struct InProcess {
    root: PluginModuleRef,
    /// The address of its header, which no other library has.
    header: usize,
    resident: Resident,
}

/// The libraries in this process, by what they contain. A failure is kept too: loading it again would run its
/// constructors again, to the same end.
static LIBRARIES: Mutex<Option<HashMap<Fingerprint, Result<InProcess, String>>>> = Mutex::new(None);

fn is_loaded(fingerprint: Fingerprint) -> bool {
    let libraries = LIBRARIES.lock().unwrap_or_else(PoisonError::into_inner);
    libraries.as_ref().is_some_and(|libraries| libraries.contains_key(&fingerprint))
}

/// The root module of a library, whose bytes are sealed already where they were tried out.
fn root_of(declared: &Declared, sealed: Option<Arc<Sealed>>) -> Result<PluginModuleRef, String> {
    // Held while loading: two loads of the same bytes must not both go on.
    let mut libraries = LIBRARIES.lock().unwrap_or_else(PoisonError::into_inner);
    let libraries = libraries.get_or_insert_with(HashMap::new);
    if let Some(known) = libraries.get(&declared.fingerprint) {
        return known.as_ref().map(|library| library.root).map_err(Clone::clone);
    }
    let sealed = sealed.map_or_else(|| Sealed::new(&declared.manifest.name, &declared.bytes).map(Arc::new), Ok);
    let loaded = sealed
        .map_err(|error| format!("its bytes cannot be copied into sealed memory: {error}"))
        .and_then(|sealed| {
            let library = open(sealed.path());
            // The memory keeps its name, by which the loader would take another library for this one.
            std::mem::forget(sealed);
            let (root, header) = library?;
            Ok(InProcess { root, header, resident: declared.resident() })
        })
        .and_then(|library| {
            let same = |other: &InProcess| other.header == library.header;
            if libraries.values().flatten().any(same) {
                return Err("the loader took it for another library that is loaded already".to_owned());
            }
            Ok(library)
        });
    let root = loaded.as_ref().map(|library| library.root).map_err(Clone::clone);
    libraries.insert(declared.fingerprint, loaded);
    root
}

/// The root module of the library at `path`, which stays loaded until the process ends.
#[cfg(target_os = "linux")]
pub(crate) fn root_at(path: &Path) -> Result<PluginModuleRef, String> {
    open(path).map(|(root, _)| root)
}

/// The library's root module, and the address of its header.
fn open(path: &Path) -> Result<(PluginModuleRef, usize), String> {
    // SAFETY: the library's constructors run here. It was vetted: it needs nothing but libc, and its segments are inside
    // the bytes, which are sealed. That its own code is sound is what its author vouches for.
    let library = unsafe { Library::open(Some(path), RTLD_NOW | RTLD_LOCAL) }
        .map_err(|error| format!("the loader refuses it: {error}"))?;
    // SAFETY: the symbol, which only `export_channel!` and `export_rail!` define, is a `LibHeader`, and `AbiHeaderRef`
    // is a pointer to one. What it points to lives for ever, since the library is never closed (below).
    let header =
        unsafe { library.get::<AbiHeaderRef>(ROOT_MODULE_LOADER_NAME_WITH_NUL.as_bytes()).map(|symbol| *symbol) };
    // Closed, it would take its code away from under whatever its constructors left behind.
    std::mem::forget(library);
    let header = header.map_err(|_| {
        "it has a manifest, but exports no plugin: call `export_channel!` or `export_rail!` once in it".to_owned()
    })?;
    let address = std::ptr::from_ref(&*header).addr();
    // The library's own header is asked, since `abi_stable` keeps only one root module of a type by itself.
    let root = header.upgrade().and_then(|header| header.init_root_module::<PluginModuleRef>()).map_err(|error| {
        format!("its ABI is not ours, build it with the `sportello-sdk` of this gateway's major version: {error}")
    })?;
    Ok((root, address))
}
