//! The link by which somebody gives an account.

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use sportello_model::payment::{Audience, Side, State};
use sportello_model::{Payment, PaymentId};
use subtle::ConstantTimeEq;

use crate::code::LINK_LEN;
use crate::engine::Engine;

/// What a link says, once it is certain that it was made here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Link {
    pub(crate) payment: PaymentId,
    pub(crate) side: Side,
    /// When it ends, in milliseconds since 1970.
    pub(crate) expires_at_ms: u64,
}

/// The payment's id, the side, the end, and what shows that we made it.
const TOKEN_LEN: usize = 16 + 1 + 8 + LINK_LEN;

fn mark(side: Side) -> (u8, &'static str) {
    match side {
        Side::Payer => (1, "payer"),
        Side::Payee => (2, "payee"),
    }
}

impl Engine {
    /// The address of the page where somebody gives an account; nothing where there are no pages.
    fn link(&self, link: &Link) -> Option<String> {
        let base = self.1.setup.public_url.as_deref()?;
        let (mark, name) = mark(link.side);
        let proof = self.0.code_key.link(&link.payment.to_string(), name, link.expires_at_ms)?;
        let mut token = Vec::with_capacity(TOKEN_LEN);
        token.extend(link.payment.0.to_be_bytes());
        token.push(mark);
        token.extend(link.expires_at_ms.to_be_bytes());
        token.extend(proof);
        Some(format!("{base}/enrol/{}", BASE64_URL_SAFE_NO_PAD.encode(token)))
    }

    /// The link for one of a payment's people, as long as an account of theirs is awaited.
    pub(crate) fn enrolment_link(&self, payment: &Payment, audience: Audience) -> Option<String> {
        let enrolling = payment.enrolment.as_ref().filter(|_| payment.state == State::AwaitingEnrolment)?;
        let side = enrolling.missing.iter().find(|side| side.audience() == audience)?;
        self.link(&Link { payment: payment.id, side: *side, expires_at_ms: enrolling.expires_at_ms })
    }

    /// What a token says; nothing where it was not made here.
    pub(crate) fn read_link(&self, token: &str) -> Option<Link> {
        let bytes = BASE64_URL_SAFE_NO_PAD.decode(token).ok()?;
        let (id, rest) = bytes.split_first_chunk::<16>()?;
        let (given, rest) = rest.split_first()?;
        let (expires, proof) = rest.split_first_chunk::<8>()?;
        let side = [Side::Payer, Side::Payee].into_iter().find(|side| mark(*side).0 == *given)?;
        let (payment, expires_at_ms) = (PaymentId(u128::from_be_bytes(*id)), u64::from_be_bytes(*expires));
        let right = self.0.code_key.link(&payment.to_string(), mark(side).1, expires_at_ms)?;
        bool::from(right.ct_eq(proof)).then_some(Link { payment, side, expires_at_ms })
    }
}
