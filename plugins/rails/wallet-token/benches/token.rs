//! What a token costs, beside the primitives that it needs: one line of JSON, in microseconds a token on one core.
//!
//! `cargo bench -p sportello-wallet-token`
#![allow(clippy::unwrap_used, reason = "a benchmark may fail loudly")]

#[path = "../tests/mint/mod.rs"]
mod mint;

use std::hint::black_box;
use std::time::{Duration, Instant};

use mint::apple::{Chain, Draft, Wallet};
use mint::{NOW_MS, key};
use p256::ecdsa::signature::{Signer, Verifier};
use sportello_wallet_token::apple::Binding;

/// How long each is measured.
const SPAN: Duration = Duration::from_millis(500);

/// The mean of what `work` costs, in microseconds.
fn microseconds(mut work: impl FnMut()) -> f64 {
    work();
    let (began, mut rounds) = (Instant::now(), 0_u32);
    while began.elapsed() < SPAN {
        work();
        rounds += 1;
    }
    began.elapsed().as_secs_f64() * 1e6 / f64::from(rounds)
}

fn main() {
    let wallet = Wallet::new(&Chain::default());
    let merchant = wallet.merchant();
    let open = |merchant: &sportello_wallet_token::apple::Apple, token: &str| {
        let verified = merchant.verify(token.as_bytes(), NOW_MS, Binding::WherePresent(b"")).unwrap();
        black_box(verified.open().map(drop).unwrap());
    };
    let ec = wallet.mint(&Draft::default()).to_string();
    let rsa = wallet.mint(&Draft { is_rsa: true, ..Draft::default() }).to_string();
    let google = mint::google::mint(&mint::google::Draft::default()).to_string();
    let google_merchant = mint::google::merchant(None);

    let signer: p256::ecdsa::SigningKey = key(7).into();
    let signature: p256::ecdsa::Signature = signer.sign(b"a token");
    let verifier = *signer.verifying_key();
    let verify = microseconds(|| verifier.verify(black_box(b"a token"), &signature).unwrap());
    let (own, theirs) = (key(1), key(2).public_key());
    let agree = microseconds(|| {
        black_box(p256::ecdh::diffie_hellman(black_box(&own).to_nonzero_scalar(), theirs.as_affine()));
    });

    let ec_us = microseconds(|| open(&merchant, &ec));
    // Every chain is a new one to a merchant who was just made.
    let first_us = microseconds(|| open(&wallet.merchant(), &ec));
    let rsa_us = microseconds(|| open(&merchant, &rsa));
    let google_us = microseconds(|| {
        black_box(google_merchant.verify(google.as_bytes(), NOW_MS).unwrap().open().map(drop).unwrap());
    });
    println!(
        "{{\"apple_ec_us\": {ec_us:.0}, \"apple_ec_new_chain_us\": {first_us:.0}, \"apple_rsa_us\": {rsa_us:.0}, \
         \"google_us\": {google_us:.0}, \"p256_verify_us\": {verify:.0}, \"p256_agree_us\": {agree:.0}}}"
    );
}
