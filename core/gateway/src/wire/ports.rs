//! What the engine reaches rails and channels by.

use async_trait::async_trait;
use serde::Serialize;
use serde::de::DeserializeOwned;
use sportello_engine::{Ports, RailAnswer};
use sportello_host::{Answer, Ask, CallError, Reason, Running, Sent as Left};
use sportello_model::{Inquiry, Note, Order, Outcome, Sent};
use sportello_sdk::frames::plugin_method;
use sportello_sdk::{Failure, Source};

use super::{Stage, Wire};

#[async_trait]
impl Ports for Wire {
    async fn submit(&self, rail: &str, order: &Order) -> RailAnswer {
        let running = match self.open_or_why(rail).await {
            Ok(running) => running,
            Err(failure) => return RailAnswer { may_have_left: false, result: Err(failure) },
        };
        let (may_have_left, result) =
            match running.ask(Ask::new(plugin_method::SUBMIT, &order.to_json()).about(order.payment.0)).await {
                Ok(answer) => (answer.sent == Left::MaybeBytes, outcome(&answer)),
                Err(error) => (error.sent == Left::MaybeBytes, Err(failure(error))),
            };
        RailAnswer { may_have_left, result }
    }

    async fn inquire(&self, rail: &str, inquiry: &Inquiry) -> Result<Outcome, Failure> {
        let running = self.open_or_why(rail).await?;
        let params = serde_json::to_vec(inquiry).map_err(unwritable)?;
        let ask = Ask::new(plugin_method::INQUIRE, &params).about(inquiry.order.payment.0);
        running.ask(ask).await.and_then(|answer| answer.decode()).map_err(failure)
    }

    async fn send(&self, channel: &str, note: &Note) -> Result<Sent, Failure> {
        self.ask(channel, plugin_method::SEND, note).await
    }
}

impl Wire {
    async fn ask<T: DeserializeOwned>(
        &self,
        instance: &str,
        method: &'static str,
        params: &(impl Serialize + Sync),
    ) -> Result<T, Failure> {
        let running = self.open_or_why(instance).await?;
        running.call(method, params).await.and_then(|answer| answer.decode()).map_err(failure)
    }

    /// The instance, once it had its chance to open: what is taken up at the start of the program would otherwise find
    /// nobody, and go elsewhere.
    async fn open_or_why(&self, instance: &str) -> Result<Running, Failure> {
        if !*self.opened.borrow() {
            // The sender is `self`: it cannot be gone.
            let _ = self.opened.subscribe().wait_for(|opened| *opened).await;
        }
        let Some(slot) = self.slots.get(instance) else {
            let message = format!("no instance is called {instance:?} any more; put it back into gateway.toml");
            // The host's word, and no rail's: a question that could not be asked costs none.
            return Err(Failure::new(Source::Host, "no_such_instance", message).retry_after(60_000));
        };
        match slot.stage() {
            Stage::Open(running) => Ok(running),
            Stage::Closed(why) => Err(Failure::new(Source::Host, "not_open", why).retry_after(1_000)),
        }
    }
}

fn unwritable(error: serde_json::Error) -> Failure {
    Failure::new(Source::Host, "bad_frame", error.to_string())
}

fn outcome(answer: &Answer) -> Result<Outcome, Failure> {
    answer.read(Outcome::from_json).map_err(failure)
}

/// A call that brought no answer, as the engine knows failures.
fn failure(error: CallError) -> Failure {
    let retry_after_ms = error.retry_after_ms();
    let (source, code) = match error.reason {
        Reason::Failed(failure) => return failure,
        Reason::Stopping => (Source::Host, "stopping"),
        Reason::Quarantined => (Source::Host, "quarantined"),
        Reason::Busy { .. } => (Source::Host, "busy"),
        Reason::Resting { .. } => (Source::Host, "resting"),
        Reason::Timeout { .. } => (Source::Plugin, "timeout"),
        Reason::Panicked => (Source::Plugin, "panicked"),
        Reason::Broken(_) => (Source::Plugin, "bad_frame"),
    };
    let failure = Failure::new(source, code, error.reason.to_string());
    match retry_after_ms {
        Some(after_ms) => failure.retry_after(after_ms),
        None => failure,
    }
}
