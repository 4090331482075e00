//! Work that keeps its thread: files that are read, processes that are waited for.

use tokio::runtime::{Handle, RuntimeFlavor};

/// Does what keeps this thread for a while, and lets others have what the runtime had for it to do.
pub fn blocking<T>(work: impl FnOnce() -> T) -> T {
    // A runtime with one thread has no other.
    let has_others = Handle::try_current().is_ok_and(|runtime| runtime.runtime_flavor() == RuntimeFlavor::MultiThread);
    if has_others { tokio::task::block_in_place(work) } else { work() }
}
