//! What it costs to verify and open a token, on one core and beside the primitives that it needs, in a line of JSON each:
//! `cargo xtask bench --only token`.
#![allow(clippy::unwrap_used, reason = "a measurement may fail loudly")]

#[path = "../tests/mint/mod.rs"]
mod mint;

use std::hint::black_box;
use std::time::{Duration, Instant};

use aws_lc_rs::agreement::{self, ECDH_P256};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::{
    KeySize, OAEP_SHA256_MGF1SHA256, OaepPrivateDecryptingKey, OaepPublicEncryptingKey, PrivateDecryptingKey,
};
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_ASN1, ECDSA_P256_SHA256_ASN1_SIGNING, ECDSA_P384_SHA384_ASN1, ECDSA_P384_SHA384_ASN1_SIGNING,
    EcdsaKeyPair, EcdsaSigningAlgorithm, EcdsaVerificationAlgorithm, KeyPair, UnparsedPublicKey,
};
use mint::NOW_MS;
use mint::apple::{Chain, Draft, Wallet};
use sportello_wallet_token::apple::{Apple, Binding};

/// What a token may cost, in milliseconds.
const AT_MOST_MS: f64 = 1.0;
/// How often each is measured, and how long.
const ROUNDS: usize = 5;
const SPAN: Duration = Duration::from_millis(100);

/// What `work` costs on what `prepare` makes for it, in microseconds: the median of a round, for others on this machine
/// cost it nothing, and of the rounds the best.
fn microseconds<T>(mut prepare: impl FnMut() -> T, mut work: impl FnMut(&T)) -> f64 {
    work(&prepare());
    let mut round = || {
        let began = Instant::now();
        let mut spans = Vec::new();
        while began.elapsed() < SPAN {
            let prepared = prepare();
            let one = Instant::now();
            work(&prepared);
            spans.push(one.elapsed());
        }
        spans.sort_unstable();
        spans.get(spans.len() / 2).map_or(0.0, |median| median.as_secs_f64() * 1e6)
    };
    (0..ROUNDS).map(|_| round()).fold(f64::INFINITY, f64::min)
}

/// One verification of ECDSA.
fn verify(signing: &'static EcdsaSigningAlgorithm, verifying: &'static EcdsaVerificationAlgorithm) -> f64 {
    let pair = EcdsaKeyPair::generate(signing).unwrap();
    let signature = pair.sign(&SystemRandom::new(), b"a token").unwrap();
    let public = UnparsedPublicKey::new(verifying, pair.public_key().as_ref());
    microseconds(|| (), |()| public.verify(black_box(b"a token"), signature.as_ref()).unwrap())
}

/// One agreement with a point as it came.
fn agree() -> f64 {
    let [own, theirs] = [(); 2].map(|()| agreement::PrivateKey::generate(&ECDH_P256).unwrap());
    let theirs = theirs.compute_public_key().unwrap();
    let point = || agreement::UnparsedPublicKey::new(&ECDH_P256, black_box(theirs.as_ref()));
    let secret = |shared: &[u8]| Ok(black_box(shared.len()));
    microseconds(point, |point| assert_eq!(agreement::agree(&own, *point, (), secret), Ok(32)))
}

/// One private operation of RSA-OAEP, blinded and in the same time for every key.
fn unwrap() -> f64 {
    let key = PrivateDecryptingKey::generate(KeySize::Rsa2048).unwrap();
    let public = OaepPublicEncryptingKey::new(key.public_key()).unwrap();
    let mut wrapped = vec![0; public.ciphertext_size()];
    public.encrypt(&OAEP_SHA256_MGF1SHA256, &[7; 16], &mut wrapped, None).unwrap();
    let key = OaepPrivateDecryptingKey::new(key).unwrap();
    let content = || vec![0; key.min_output_size()];
    microseconds(content, |content| {
        let unwrapped = key.decrypt(&OAEP_SHA256_MGF1SHA256, black_box(&wrapped), &mut content.clone(), None).map(drop);
        unwrapped.unwrap();
    })
}

fn open(merchant: &Apple, token: &str) {
    let verified = merchant.verify(token.as_bytes(), NOW_MS, Binding::WherePresent(b"")).unwrap();
    drop(black_box(verified.open().unwrap()));
}

fn main() {
    let wallet = Wallet::new(&Chain::default());
    let merchant = wallet.merchant();
    let ec = wallet.mint(&Draft::default()).to_string();
    let rsa = wallet.mint(&Draft { is_rsa: true, ..Draft::default() }).to_string();
    let google = mint::google::mint(&mint::google::Draft::default()).to_string();
    let google_merchant = mint::google::merchant(None);

    let known = |token: &str| microseconds(|| (), |()| open(&merchant, token));
    // Every chain is a new one to a merchant who was just made.
    let first = |token: &str| microseconds(|| wallet.merchant(), |merchant| open(merchant, token));
    let google = microseconds(
        || (),
        |()| drop(black_box(google_merchant.verify(google.as_bytes(), NOW_MS).unwrap().open().unwrap())),
    );

    let signature = verify(&ECDSA_P256_SHA256_ASN1_SIGNING, &ECDSA_P256_SHA256_ASN1);
    // Of a chain that was never seen: the leaf's signature, and the intermediate's, which is by a P-384 root.
    let chain = signature + verify(&ECDSA_P384_SHA384_ASN1_SIGNING, &ECDSA_P384_SHA384_ASN1);
    let (agree, unwrap) = (agree(), unwrap());
    let lines = [
        ("apple-pay-ec", known(&ec), signature + agree),
        ("apple-pay-ec-new-chain", first(&ec), signature + agree + chain),
        ("apple-pay-rsa", known(&rsa), signature + unwrap),
        ("apple-pay-rsa-new-chain", first(&rsa), signature + unwrap + chain),
        ("google-pay", google, signature + agree),
    ];
    for (name, us, limit_us) in lines {
        let (ms, limit_ms) = (us / 1e3, limit_us / 1e3);
        println!(r#"{{"name":"{name}","value":{ms:.3},"unit":"ms","at_most":{AT_MOST_MS:?},"limit":{limit_ms:.3}}}"#);
    }
}
