//! What a plugin author implements.

use async_trait::async_trait;
use schemars::JsonSchema;
use serde::de::DeserializeOwned;

use crate::{Failure, Host, Inquiry, Note, Order, Outcome, PageReply, PageRequest, Sent, WebhookReply, WebhookRequest};

/// How money moves: carries out orders.
#[async_trait]
pub trait Rail: Sized + Send + Sync + 'static {
    /// What the operator writes under `[rails.NAME.settings]`. Unknown keys should be errors
    /// (`#[serde(deny_unknown_fields)]`): they are mistakes.
    type Settings: DeserializeOwned + JsonSchema + Send;

    /// Becomes ready. Called once, before all else.
    ///
    /// # Errors
    /// When the settings cannot work.
    async fn open(settings: Self::Settings, host: &Host) -> Result<Self, Failure>;

    /// Carries out an order.
    ///
    /// The same key may come again, and must not be carried out twice. Say `Declined` only where it is certain that the
    /// money did not and will not move. An `Err`, a time-out or a panic after a byte has left counts as
    /// [`Outcome::Unknown`].
    ///
    /// # Errors
    /// When there is no outcome to tell.
    async fn submit(&self, order: Order, host: &Host) -> Result<Outcome, Failure>;

    /// Finds out what became of an order. Never carries anything out.
    ///
    /// # Errors
    /// When there is no outcome to tell: the order stays as it was.
    async fn inquire(&self, inquiry: Inquiry, host: &Host) -> Result<Outcome, Failure> {
        let _ = (inquiry, host);
        Err(Failure::unsupported(crate::frames::plugin_method::INQUIRE))
    }

    /// Takes a webhook, which the host has verified.
    ///
    /// # Errors
    /// Answered to the provider as 400 where the input is at fault, as 503 otherwise.
    async fn webhook(&self, request: WebhookRequest, host: &Host) -> Result<WebhookReply, Failure> {
        let _ = (request, host);
        Err(Failure::unsupported(crate::frames::plugin_method::WEBHOOK))
    }

    /// Answers a payer's browser that has followed a link of [`Host::page_link`], or hands over what to pay with where the
    /// manifest says [`HandOver::Page`](crate::HandOver::Page). Moves no money: once the payer has done what was to be
    /// done, [`report`](Host::report) [`Outcome::Proceed`], and the order comes again.
    ///
    /// # Errors
    /// The payer is told that it cannot be done just now.
    async fn page(&self, request: PageRequest, host: &Host) -> Result<PageReply, Failure> {
        let _ = (request, host);
        Err(Failure::unsupported(crate::frames::plugin_method::PAGE))
    }

    /// Lives as long as the plugin does, if it has something to do by itself. Started again with back-off when it ends
    /// in an error; `Ok` means that there is nothing (more) to do.
    ///
    /// # Errors
    /// Whatever made it stop.
    async fn run(&self, host: &Host) -> Result<(), Failure> {
        let _ = host;
        Ok(())
    }

    /// Says goodbye. No call is under way or follows.
    ///
    /// # Errors
    /// Logged, and changes nothing.
    async fn close(&self, host: &Host) -> Result<(), Failure> {
        let _ = host;
        Ok(())
    }
}

/// Where people speak: turns provider traffic into messages, and notes into provider traffic.
#[async_trait]
pub trait Channel: Sized + Send + Sync + 'static {
    /// What the operator writes under `[channels.NAME.settings]`. Unknown keys should be errors
    /// (`#[serde(deny_unknown_fields)]`): they are mistakes.
    type Settings: DeserializeOwned + JsonSchema + Send;

    /// Becomes ready. Called once, before all else.
    ///
    /// # Errors
    /// When the settings cannot work.
    async fn open(settings: Self::Settings, host: &Host) -> Result<Self, Failure>;

    /// Delivers a note. What is private must never be said in public; where the person cannot be reached in private,
    /// say the note's `fallback` where that is possible, or fail.
    ///
    /// # Errors
    /// When it was not delivered.
    async fn send(&self, note: Note, host: &Host) -> Result<Sent, Failure>;

    /// Takes a webhook, which the host has verified. Every message in it goes to [`Host::message`] before this returns.
    ///
    /// # Errors
    /// Answered to the provider as 400 where the input is at fault, as 503 otherwise.
    async fn webhook(&self, request: WebhookRequest, host: &Host) -> Result<WebhookReply, Failure> {
        let _ = (request, host);
        Err(Failure::unsupported(crate::frames::plugin_method::WEBHOOK))
    }

    /// Lives as long as the plugin does, if it has something to do by itself, such as to catch up after an outage.
    /// Started again with back-off when it ends in an error; `Ok` means that there is nothing (more) to do.
    ///
    /// # Errors
    /// Whatever made it stop.
    async fn run(&self, host: &Host) -> Result<(), Failure> {
        let _ = host;
        Ok(())
    }

    /// Says goodbye. No call is under way or follows.
    ///
    /// # Errors
    /// Logged, and changes nothing.
    async fn close(&self, host: &Host) -> Result<(), Failure> {
        let _ = host;
        Ok(())
    }
}
