//! The same again: where nobody can tell whether a message is a new wish or the old one once more, it is asked.
//!
//! A channel whose messages have no ids brings one twice when an acknowledgement was lost; and somebody who is not sure
//! that one channel has heard writes on another. So each payment that a message begins leaves a durable mark of who pays
//! whom how much, which moves by compare-and-set in the same commit: of two that come at once, one sees the other.

use serde::{Deserialize, Serialize};
use sportello_model::payment::State;
use sportello_model::{Handle, Intent, PaymentId, Person};

use crate::engine::{Engine, written};
use crate::intake::Incoming;
use crate::setup::ChannelSetup;
use crate::store::{Key, Link, StoreError};

/// The most wishes that one mark remembers.
const WISHES_MAX: usize = 8;

/// A payment that a message began.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Wish {
    payment: PaymentId,
    at_ms: u64,
    /// The channel's instance.
    source: String,
}

/// How a wish stands to those before it.
pub(crate) struct Alike {
    /// The id of the payment that it begins: later than those of all wishes that were seen.
    pub(crate) id: PaymentId,
    /// How long ago the same was asked for, in milliseconds, where it may be that very wish.
    pub(crate) again_after_ms: Option<u64>,
    /// The mark, with this wish.
    pub(crate) link: Link,
}

/// How an answer stands to those before it.
pub(crate) struct Said {
    /// Whether the same was said within the window.
    pub(crate) is_repeat: bool,
    /// The mark, with this answer; nothing where none is needed.
    pub(crate) link: Option<Link>,
}

impl Engine {
    /// Whether what a message wishes may have been wished before. `superseded` are the payments that it replaces.
    pub(crate) async fn alike(
        &self,
        incoming: &Incoming<'_>,
        intent: &Intent,
        superseded: &[PaymentId],
    ) -> Result<Alike, StoreError> {
        // Whether it is paid or requested: money that was asked for is not to be sent a second time.
        let identity = |person: &Person| self.1.directory.identity(&person.handle);
        let key = format!("{} {} {}", identity(&intent.payer), identity(&intent.payee), intent.amount);
        let channel = incoming.channel;
        let before = match incoming.assumes_new {
            true => None,
            false => self.0.store.key(ALIKE, &key).await?,
        };
        let mut wishes: Vec<Wish> = match &before {
            Some((_, stored)) => serde_json::from_slice(stored)
                .map_err(|error| StoreError::Unreadable(format!("what was wished before: {error}")))?,
            None => Vec::new(),
        };
        let now_ms = self.now_ms();
        let window_ms = self.1.setup.policy.repeat_window_ms;
        wishes.retain(|wish| now_ms.saturating_sub(wish.at_ms) < window_ms && !superseded.contains(&wish.payment));
        // Under a provider's own ids, a second message on the same channel is a second wish.
        let may_be_same = |wish: &Wish| !channel.ids_are_strong || wish.source != channel.instance;
        let mut again_after_ms = None;
        let mut standing = Vec::with_capacity(wishes.len() + 1);
        for wish in wishes {
            let stands = !may_be_same(&wish) || self.still_stands(wish.payment).await?;
            if stands {
                if may_be_same(&wish) {
                    again_after_ms = Some(now_ms.saturating_sub(wish.at_ms));
                }
                standing.push(wish);
            }
        }
        // After the look: of two that are alike, the one that is asked about has the later id.
        let id = self.new_id();
        standing.push(Wish { payment: id, at_ms: now_ms, source: channel.instance.clone() });
        let too_many = standing.len().saturating_sub(WISHES_MAX);
        standing.drain(..too_many);
        let key = Key { scope: ALIKE.into(), key, payment: id, fingerprint: written(&standing)? };
        Ok(Alike { id, again_after_ms, link: Link { key, before } })
    }

    /// Whether what was begun before came to something, or may still. Looks at what is stored: whoever asks may hold the
    /// lock of another payment.
    async fn still_stands(&self, payment: PaymentId) -> Result<bool, StoreError> {
        let came_to_nothing = [State::Cancelled, State::Expired, State::Declined, State::Returned];
        let stored = self.0.store.payment(payment).await?;
        Ok(stored.is_some_and(|stored| !came_to_nothing.contains(&stored.payment.state)))
    }

    /// Whether the same answer came before from the same handle, where the channel cannot tell that: an acknowledgement
    /// that was lost must not make of a right code a wrong one.
    pub(crate) async fn said(
        &self,
        channel: &ChannelSetup,
        from: &Handle,
        verb: &str,
        code: &str,
    ) -> Result<Said, StoreError> {
        if channel.ids_are_strong {
            return Ok(Said { is_repeat: false, link: None });
        }
        // What is stored of it is a hash, and the code is spent by then, or was none.
        let key = format!("{from} {verb} {code}");
        let before = self.0.store.key(SAID, &key).await?;
        let now_ms = self.now_ms();
        let at_ms = before.as_ref().and_then(|(_, at)| Some(u64::from_be_bytes(at.as_slice().try_into().ok()?)));
        let window_ms = self.1.setup.policy.repeat_window_ms;
        let is_repeat = at_ms.is_some_and(|at_ms| now_ms.saturating_sub(at_ms) < window_ms);
        let key = Key { scope: SAID.into(), key, payment: PaymentId(0), fingerprint: now_ms.to_be_bytes().to_vec() };
        Ok(Said { is_repeat, link: Some(Link { key, before }) })
    }
}

const ALIKE: &str = "alike";
const SAID: &str = "said";
