//! What the 3DS server issued, so that the acquirer can tell evidence of an authentication that really took place.

use std::sync::Mutex;

use crate::lock::lock;

/// The evidence of one authentication, and the payment it is good for.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Proof {
    pub(crate) pan: String,
    /// In minor units.
    pub(crate) amount: u64,
    /// Numeric, of ISO 4217.
    pub(crate) currency: String,
    /// Two digits.
    pub(crate) eci: String,
    /// The authentication value, in base64.
    pub(crate) cavv: String,
    pub(crate) ds_trans_id: String,
}

/// How many proofs are kept, the newest.
const KEPT: usize = 10_000;

/// All that were issued.
#[derive(Default)]
pub(crate) struct Proofs(Mutex<std::collections::VecDeque<Proof>>);

impl Proofs {
    /// The 3DS server vouches for a payment.
    pub(crate) fn issue(&self, proof: Proof) {
        let mut proofs = lock(&self.0);
        if proofs.len() >= KEPT {
            proofs.pop_front();
        }
        proofs.push_back(proof);
    }

    /// Whether this very evidence was issued for this very payment.
    pub(crate) fn holds(&self, proof: &Proof) -> bool {
        lock(&self.0).iter().rev().any(|issued| issued == proof)
    }
}

impl std::fmt::Debug for Proofs {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Proofs").finish_non_exhaustive()
    }
}
