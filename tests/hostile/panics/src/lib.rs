//! A rail that panics where it is told to: in `open`, `submit`, `inquire`, `run`, `close`, or in the drop of a call
//! that was given up.

#![allow(clippy::panic)] // That is what it is for.

use sportello_sdk::{Failure, Host, Inquiry, Order, Outcome, Rail, async_trait, export_rail, settings};

settings! {
    /// Where to panic.
    pub struct Settings {
        /// `open`, `submit`, `inquire`, `run`, `close` or `drop`. Else it answers `Pending` to everything.
        #[serde(default)]
        panic_in: String,
    }
}

/// The rail, open.
pub struct Panics {
    panic_in: String,
}

/// Panics when the future that holds it is dropped.
struct PanicsWhenDropped;

impl Drop for PanicsWhenDropped {
    fn drop(&mut self) {
        panic!("told to panic in a future's drop");
    }
}

impl Panics {
    fn perhaps(&self, place: &str) {
        if self.panic_in == place {
            panic!("told to panic in {place}");
        }
    }
}

fn pending() -> Outcome {
    Outcome::Pending { reference: None, detail: "did not panic".to_owned(), ask_after_ms: None }
}

#[async_trait]
impl Rail for Panics {
    type Settings = Settings;

    async fn open(settings: Settings, _: &Host) -> Result<Self, Failure> {
        let rail = Self { panic_in: settings.panic_in };
        rail.perhaps("open");
        Ok(rail)
    }

    async fn submit(&self, _: Order, host: &Host) -> Result<Outcome, Failure> {
        self.perhaps("submit");
        if self.panic_in == "drop" {
            let _guard = PanicsWhenDropped;
            // Longer than any deadline: whoever gives the call up drops it here.
            host.sleep(3_600_000).await?;
        }
        Ok(pending())
    }

    async fn inquire(&self, _: Inquiry, _: &Host) -> Result<Outcome, Failure> {
        self.perhaps("inquire");
        Ok(pending())
    }

    async fn run(&self, _: &Host) -> Result<(), Failure> {
        self.perhaps("run");
        Ok(())
    }

    async fn close(&self, _: &Host) -> Result<(), Failure> {
        self.perhaps("close");
        Ok(())
    }
}

/// What the rail says of itself.
pub const MANIFEST: &str = include_str!("../manifest.json");

export_rail!(Panics, manifest = MANIFEST);
