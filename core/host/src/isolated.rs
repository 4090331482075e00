//! Plugins in processes of their own: the gateway's program, started again as a child that can do nothing but compute
//! and speak with its host.
//!
//! ```text
//!  gateway                                         child
//!  ───────                                         ─────
//!  isolate: the library's bytes, sealed
//!              nursery, one thread for ever ──▶    the same program: `main_if_child`
//!              (who starts a child is who it       its socket, and no other file; waits for its orders
//!               dies with)
//!  connect ──────────── orders, library ────────▶  limits, another user, no rights, no files, no network
//!                                                  loads the library, under a first list of system calls
//!                                                  closes the list: none is left that opens or starts anything
//!  link    ◀────────────── hello ───────────────── serves calls, on one thread
//!  keeper: its pulse, its standard error, its end
//! ```

mod calls;
mod child;
mod connect;
mod ear;
mod keeper;
mod last_words;
mod nursery;
mod orders;
mod process;
mod program;
mod rehearse;
mod support;
mod verdict;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use serde_json::Value;
use tokio::sync::OnceCell;

use crate::confine::Confinement;
use crate::declared::{Declared, Fingerprint, LoadError};
use crate::loaded::Loaded;
use crate::sealed::Sealed;
use crate::vet::needs;
pub use program::{main_if_child, use_program};
pub use support::{Support, support};

/// A library for children: its bytes are in this machine's memory once, however many run it.
pub(crate) struct Library {
    pub(crate) name: String,
    sealed: Arc<Sealed>,
    /// The system's libraries that it needs, which are there before it comes: its process opens no file.
    needs: Vec<&'static str>,
    /// What a first instance said its settings look like: a process that is asked is not started for each.
    schema: Arc<OnceCell<Value>>,
}

/// The libraries that instances run, by what they contain.
static LIBRARIES: Mutex<Option<HashMap<Fingerprint, Weak<Library>>>> = Mutex::new(None);

impl Declared {
    /// Has each instance live in a process of its own, within these bounds. Nothing of the library runs in this one.
    ///
    /// # Errors
    /// [`LoadError::Refused`].
    pub fn isolate(self, confinement: Confinement) -> Result<Loaded, LoadError> {
        let library = Library::of(&self).map_err(|because| LoadError::Refused { path: self.path.clone(), because })?;
        let schema = Arc::clone(&library.schema);
        let connect = move |host| connect::connect(&library, confinement, host);
        Ok(Loaded::new(self.manifest, Some(self.fingerprint), connect).with_schema(schema))
    }
}

impl Library {
    fn of(declared: &Declared) -> Result<Arc<Self>, String> {
        let mut libraries = LIBRARIES.lock().unwrap_or_else(PoisonError::into_inner);
        let libraries = libraries.get_or_insert_with(HashMap::new);
        libraries.retain(|_, library| library.strong_count() > 0);
        if let Some(library) = libraries.get(&declared.fingerprint).and_then(Weak::upgrade) {
            return Ok(library);
        }
        let name = declared.manifest.name.clone();
        let sealed = Sealed::new(&name, &declared.bytes)
            .map_err(|error| format!("its bytes cannot be copied into sealed memory: {error}"))?;
        let needs = needs(&declared.bytes).map_err(|unfit| unfit.to_string())?;
        let library = Arc::new(Self { name, sealed: Arc::new(sealed), needs, schema: Arc::default() });
        libraries.insert(declared.fingerprint, Arc::downgrade(&library));
        Ok(library)
    }
}
