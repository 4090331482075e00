//! On other systems nobody says whose code it was that ended this program.

use std::fs::File;
use std::io::Error;

/// Does nothing.
///
/// # Errors
/// None.
pub fn note_crashes(_: File) -> Result<(), Error> {
    Ok(())
}

/// Does nothing.
///
/// # Errors
/// None.
pub fn name_crashes() -> Result<(), Error> {
    Ok(())
}

/// Polls code of this instance's plugin.
pub(crate) fn within<T>(_: &str, poll: impl FnOnce() -> T) -> T {
    poll()
}
