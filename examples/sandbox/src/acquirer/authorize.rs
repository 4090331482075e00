//! Authorizations and payments in one step: what the issuer of a card says.

use super::{
    card::{self, Card, Treatment},
    evidence::{self, Evidence},
    ledger::{Ledger, Verdict},
    message::Message,
    money,
    original::Original,
};
use crate::{
    proofs::{Proof, Proofs},
    tokens::Minted,
};

/// Those who vouch for a payer.
#[derive(Clone, Copy)]
pub(crate) struct Vouchers<'a> {
    pub(crate) minted: &'a Minted,
    pub(crate) proofs: &'a Proofs,
}

impl Ledger {
    /// An authorization (0100) or a payment in one step (0200).
    pub(crate) fn authorize(&mut self, message: &Message, vouchers: Vouchers<'_>, decline_reversed: bool) {
        let verdict = self.judged(message, vouchers, decline_reversed);
        let approved = verdict.approved;
        let is_at_once = message.mti == 200;
        self.enter(message, verdict, None);
        if approved == 0 {
            return;
        }
        let money = self.money(message.get(2), message.get(49));
        money.authorized += approved;
        if is_at_once {
            money.captured += approved;
            money.taken += approved;
        } else {
            money.held += approved;
        }
        if let (true, Some(entry)) = (is_at_once, self.entries.last_mut()) {
            entry.captured = approved;
        }
    }

    fn judged(&mut self, message: &Message, vouchers: Vouchers<'_>, decline_reversed: bool) -> Verdict {
        let amount = message.number(4);
        if money::currency(message.get(49)).is_none() {
            return Verdict::refused("58", "49: not accepted here");
        }
        if amount == 0 {
            return Verdict::refused("13", "4: zero");
        }
        if decline_reversed && self.early.contains(&Original::of(message)) {
            return Verdict::refused("05", "it was reversed before");
        }
        let Some(card) = card::find(message.get(2)) else { return Verdict::refused("14", "") };
        if message.get(14) != card::EXPIRY {
            return Verdict::refused("54", "14: not this card's");
        }
        if let Treatment::Decline(code) = card.treatment {
            return Verdict::refused(code, "");
        }
        if let Err((code, note)) = consents(card, message, vouchers) {
            return Verdict::refused(code, note);
        }
        let (code, approved) = match card.treatment {
            Treatment::ApproveHalf => ("10", amount / 2),
            _ => ("00", amount),
        };
        if approved == 0 {
            return Verdict::refused("51", "nothing is left of a half");
        }
        Verdict::approved(code, approved, self.approval())
    }
}

/// Whether the payer consented, as far as this card's issuer wants to know.
fn consents(card: &Card, message: &Message, vouchers: Vouchers<'_>) -> Result<(), (&'static str, &'static str)> {
    let evidence = evidence::read(message.get(48)).unwrap_or_default();
    match (card.treatment, &evidence.cavv) {
        (Treatment::ApproveCryptogram, None) => Err(("05", "48.43: no cryptogram")),
        (Treatment::ApproveCryptogram, Some(cryptogram)) => match vouchers.minted.spend(card.pan, cryptogram) {
            true => Ok(()),
            false => Err(("05", "48.43: unknown, or used")),
        },
        (_, Some(cavv)) => match vouchers.proofs.holds(&proof(card, message, &evidence, cavv)) {
            true => Ok(()),
            false => Err(("05", "48: not of our 3DS server")),
        },
        (Treatment::ApproveAuthenticated, None) => Err(("1A", "")),
        // Full authentication and an attempt are claims that only a CAVV proves.
        (_, None) if matches!(evidence.eci.as_deref(), Some("05" | "06" | "02" | "01")) => {
            Err(("05", "48.42: nothing proves it"))
        }
        (_, None) => Ok(()),
    }
}

fn proof(card: &Card, message: &Message, evidence: &Evidence, cavv: &str) -> Proof {
    Proof {
        pan: card.pan.to_owned(),
        amount: message.number(4),
        currency: message.get(49).to_owned(),
        eci: evidence.eci.clone().unwrap_or_default(),
        cavv: cavv.to_owned(),
        ds_trans_id: evidence.ds_trans_id.clone().unwrap_or_default(),
    }
}
