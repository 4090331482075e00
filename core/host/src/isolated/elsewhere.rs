//! What a system other than Linux has in place of plugins' own processes: nothing. Plugins run in this one there.

use std::path::PathBuf;
use std::sync::Arc;

use crate::confine::Confinement;
use crate::declared::{Declared, LoadError};
use crate::loaded::Loaded;
use crate::sealed::Sealed;

/// What there is to confine a plugin's own process with: nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Support {
    /// 0.
    pub landlock_abi: u32,
    /// Not here.
    pub seccomp: bool,
}

impl Support {
    /// What is missing, with its remedy.
    pub fn missing(&self) -> Vec<(&'static str, &'static str)> {
        vec![("this system has nothing to confine a plugin's own process with", "use Linux")]
    }
}

/// What this system has.
pub fn support() -> &'static Support {
    &Support { landlock_abi: 0, seccomp: false }
}

/// Does nothing: there are no children here.
pub fn main_if_child() {}

/// Does nothing.
pub fn use_program(_: impl Into<PathBuf>) {}

impl Declared {
    /// Is refused here.
    ///
    /// # Errors
    /// [`LoadError::Refused`], always.
    pub fn isolate(self, _: Confinement) -> Result<Loaded, LoadError> {
        let because = "this system has nothing to isolate a plugin with: isolation needs Linux".to_owned();
        Err(LoadError::Refused { path: self.path, because })
    }

    /// Does nothing here.
    ///
    /// # Errors
    /// None.
    pub fn rehearse(&self) -> Result<(), LoadError> {
        self.rehearsed().map(drop)
    }

    /// Nothing was tried out.
    pub(crate) fn rehearsed(&self) -> Result<Option<Arc<Sealed>>, LoadError> {
        Ok(None)
    }
}
