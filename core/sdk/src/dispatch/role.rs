//! What a kind of plugin adds to what all have in common.

use std::future::Future;
use std::marker::PhantomData;

use bytes::Bytes;
use schemars::JsonSchema;
use serde::de::DeserializeOwned;

use super::{Call, Method, answer};
use crate::frames::Reply;
use crate::{
    Channel, Failure, Host, Inquiry, Note, Outcome, PageReply, PageRequest, Rail, WebhookReply, WebhookRequest,
};

/// A kind of plugin, so that the dispatcher is written once.
pub(super) trait Role: Send + Sync + 'static {
    type Plugin: Send + Sync + 'static;
    type Settings: DeserializeOwned + JsonSchema + Send;

    fn open(settings: Self::Settings, host: &Host) -> impl Future<Output = Result<Self::Plugin, Failure>> + Send;

    /// The methods that this kind alone answers.
    fn act(plugin: &Self::Plugin, call: &Call<'_>) -> impl Future<Output = Result<Reply, Failure>> + Send;

    fn webhook(
        plugin: &Self::Plugin,
        request: WebhookRequest,
        host: &Host,
    ) -> impl Future<Output = Result<WebhookReply, Failure>> + Send;

    fn page(
        plugin: &Self::Plugin,
        request: PageRequest,
        host: &Host,
    ) -> impl Future<Output = Result<PageReply, Failure>> + Send;

    fn run(plugin: &Self::Plugin, host: &Host) -> impl Future<Output = Result<(), Failure>> + Send;

    fn close(plugin: &Self::Plugin, host: &Host) -> impl Future<Output = Result<(), Failure>> + Send;
}

pub(super) struct RailRole<R>(PhantomData<fn() -> R>);
pub(super) struct ChannelRole<C>(PhantomData<fn() -> C>);

/// What reads the same for both traits.
macro_rules! in_common {
    ($kind:ident as $trait:ident) => {
        type Plugin = $kind;
        type Settings = $kind::Settings;

        async fn open(settings: Self::Settings, host: &Host) -> Result<$kind, Failure> {
            <$kind as $trait>::open(settings, host).await
        }

        async fn webhook(plugin: &$kind, request: WebhookRequest, host: &Host) -> Result<WebhookReply, Failure> {
            plugin.webhook(request, host).await
        }

        async fn run(plugin: &$kind, host: &Host) -> Result<(), Failure> {
            plugin.run(host).await
        }

        async fn close(plugin: &$kind, host: &Host) -> Result<(), Failure> {
            plugin.close(host).await
        }
    };
}

impl<R: Rail> Role for RailRole<R> {
    in_common!(R as Rail);

    async fn page(rail: &R, request: PageRequest, host: &Host) -> Result<PageReply, Failure> {
        rail.page(request, host).await
    }

    async fn act(rail: &R, call: &Call<'_>) -> Result<Reply, Failure> {
        match call.method {
            Method::Submit => {
                let (order, host) = call.read_order()?;
                Ok(outcome(&rail.submit(order, &host).await?))
            }
            Method::Inquire => {
                let (inquiry, host) = call.read::<Inquiry>()?;
                Ok(outcome(&rail.inquire(inquiry, &host).await?))
            }
            other => Err(Failure::unsupported(other.name())),
        }
    }
}

fn outcome(outcome: &Outcome) -> Reply {
    Reply { ok: true, frame: outcome.to_json().into(), body: Bytes::new() }
}

impl<C: Channel> Role for ChannelRole<C> {
    in_common!(C as Channel);

    async fn page(_: &C, _: PageRequest, _: &Host) -> Result<PageReply, Failure> {
        Err(Failure::unsupported(Method::Page.name()))
    }

    async fn act(channel: &C, call: &Call<'_>) -> Result<Reply, Failure> {
        match call.method {
            Method::Send => {
                let (note, host) = call.read::<Note>()?;
                answer(&channel.send(note, &host).await?, Bytes::new())
            }
            other => Err(Failure::unsupported(other.name())),
        }
    }
}
