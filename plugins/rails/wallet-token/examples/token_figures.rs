//! What it costs to verify and open a token, on one core and beside the primitives that it needs, in a line of JSON each:
//! `cargo xtask bench --only token`.
#![allow(clippy::unwrap_used, reason = "a measurement may fail loudly")]

#[path = "../tests/mint/mod.rs"]
mod mint;

use std::hint::black_box;
use std::time::{Duration, Instant};

use mint::apple::{Chain, Draft, Wallet};
use mint::{NOW_MS, key};
use p256::ecdsa::signature::{Signer, Verifier};
use rsa::pkcs8::DecodePrivateKey;
use sportello_wallet_token::apple::Binding;

/// How long each is measured.
const SPAN: Duration = Duration::from_millis(500);

/// The median of what `work` costs, in microseconds: others on this machine cost it nothing.
fn microseconds(mut work: impl FnMut()) -> f64 {
    work();
    let began = Instant::now();
    let mut spans = Vec::new();
    while began.elapsed() < SPAN {
        let one = Instant::now();
        work();
        spans.push(one.elapsed());
    }
    spans.sort_unstable();
    spans.get(spans.len() / 2).map_or(0.0, |median| median.as_secs_f64() * 1e6)
}

fn main() {
    let wallet = Wallet::new(&Chain::default());
    let merchant = wallet.merchant();
    let open = |merchant: &sportello_wallet_token::apple::Apple, token: &str| {
        let verified = merchant.verify(token.as_bytes(), NOW_MS, Binding::WherePresent(b"")).unwrap();
        drop(black_box(verified.open().unwrap()));
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
    let root: p384::ecdsa::SigningKey = p384::SecretKey::from_slice(&[7; 48]).unwrap().into();
    let signature: p384::ecdsa::Signature = root.sign(b"a certificate");
    let verifier = *root.verifying_key();
    let verify_root = microseconds(|| verifier.verify(black_box(b"a certificate"), &signature).unwrap());
    let rsa_key = rsa::PrivateKey::from_pkcs8_pem(mint::apple::MERCHANT_RSA).unwrap();
    let wrapped = rsa::PublicKey::from(&rsa_key).oaep_encrypt::<sha2::Sha256>(&[7; 16]).unwrap();
    let unwrap = microseconds(|| drop(black_box(rsa_key.oaep_decrypt::<sha2::Sha256>(black_box(&wrapped)).unwrap())));

    let ec_us = microseconds(|| open(&merchant, &ec));
    // Every chain is a new one to a merchant who was just made.
    let first_us = microseconds(|| open(&wallet.merchant(), &ec));
    let rsa_us = microseconds(|| open(&merchant, &rsa));
    let google_us = microseconds(|| {
        drop(black_box(google_merchant.verify(google.as_bytes(), NOW_MS).unwrap().open().unwrap()));
    });
    // Of a token whose chain is known: one signature is verified, and one secret agreed on.
    let primitives = verify + agree;
    let lines = [
        ("apple-pay-ec", ec_us, primitives),
        // A chain that was never seen: the leaf's signature as well, and the intermediate's, which is by a P-384 root.
        ("apple-pay-ec-new-chain", first_us, primitives + verify + verify_root),
        // One private operation, blinded and in the same time for every key.
        ("apple-pay-rsa", rsa_us, verify + unwrap),
        ("google-pay", google_us, primitives),
    ];
    for (name, us, limit_us) in lines {
        let (ms, limit_ms) = (us / 1e3, limit_us / 1e3);
        println!(r#"{{"name":"{name}","value":{ms:.3},"unit":"ms","at_most":1.0,"limit":{limit_ms:.3}}}"#);
    }
}
