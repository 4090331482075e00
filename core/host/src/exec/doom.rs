//! Why a process is to be ended, decided once.

use std::sync::OnceLock;

use tokio::sync::Notify;

/// Whether a process is to be ended, and why.
#[derive(Default)]
pub(crate) struct Doom {
    why: OnceLock<String>,
    sealed: Notify,
}

impl Doom {
    /// The process is to be ended. The first reason counts.
    pub(crate) fn seal(&self, why: &str) {
        let _ = self.why.set(why.to_owned());
        // Whoever waits later finds it as well.
        self.sealed.notify_one();
    }

    /// Why, once it is.
    pub(crate) async fn sealed(&self) -> &str {
        loop {
            if let Some(why) = self.why.get() {
                return why;
            }
            self.sealed.notified().await;
        }
    }

    /// Why, if it is.
    pub(crate) fn why(&self) -> Option<&str> {
        self.why.get().map(String::as_str)
    }
}
