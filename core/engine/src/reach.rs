//! Where somebody can be written to.

use serde::{Deserialize, Serialize};
use sportello_model::Handle;
use sportello_model::payment::Audience;

use crate::engine::Engine;
use crate::setup::ChannelSetup;
use crate::store::StoreError;

/// A channel, and somebody's handle there.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Way {
    /// The channel's instance.
    pub(crate) channel: String,
    /// Whom it reaches there.
    pub(crate) to: Handle,
}

impl Engine {
    pub(crate) fn channel(&self, instance: &str) -> Option<&ChannelSetup> {
        self.1.setup.channels.iter().find(|channel| channel.instance == instance)
    }

    /// Every way to whoever has this handle, the best one first: by that very handle; where it came from, if they have
    /// another one there; and by their other handles in their order. Of the channels that carry a handle, the one that it
    /// came from is asked first.
    pub(crate) fn ways(&self, handle: &Handle, source: &str) -> Vec<Way> {
        let channels = &self.1.setup.channels;
        let from = || channels.iter().filter(|channel| channel.instance == source);
        let others = self.1.directory.handles(handle);
        let named = from().chain(channels).map(|channel| (channel, handle));
        let there = from().flat_map(|channel| others.iter().map(move |other| (channel, other)));
        let elsewhere = others.iter().flat_map(|other| channels.iter().map(move |channel| (channel, other)));
        let mut ways: Vec<Way> = Vec::new();
        for (channel, to) in named.chain(there).chain(elsewhere).filter(|(channel, to)| channel.carries(to)) {
            let is_known = ways.iter().any(|way| way.channel == channel.instance && way.to == *to);
            if !is_known {
                ways.push(Way { channel: channel.instance.clone(), to: to.clone() });
            }
        }
        ways
    }

    /// The way to one of a payment's people that is open, and whether the handle at its end is proven. The payer, and who is
    /// to answer, is asked where that is so, if there is such a way; a payee who is only told is told where they were named.
    pub(crate) async fn way(
        &self,
        payment: &sportello_model::Payment,
        audience: Audience,
        has_to_answer: bool,
        closed: &[Way],
    ) -> Result<Option<(Way, bool)>, StoreError> {
        let intent = &payment.intent;
        let person = if audience == Audience::Payee { &intent.payee } else { &intent.payer };
        let mut first = None;
        for way in self.ways(&person.handle, &intent.origin.source) {
            if closed.contains(&way) {
                continue;
            }
            let is_proven = self.is_proven(&way.to).await?;
            if is_proven || (audience == Audience::Payee && !has_to_answer) {
                return Ok(Some((way, is_proven)));
            }
            first.get_or_insert((way, false));
        }
        Ok(first)
    }
}
