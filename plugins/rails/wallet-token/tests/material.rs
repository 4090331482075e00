//! What leads to the content's key, under signatures that are right: whatever it is, it opens or it is refused, in one way.
#![allow(clippy::indexing_slicing, clippy::unwrap_used, reason = "a test may fail loudly: that is what it is for")]

mod mint;

use mint::apple::{CONTENT_KEY, Chain, Draft, MERCHANT_RSA, Wallet, wrapped};
use mint::{NOW_MS, google, key};
use p256::elliptic_curve::sec1::ToSec1Point;
use p256::pkcs8::EncodePublicKey;
use rsa::pkcs8::DecodePrivateKey;
use sha2::{Sha256, Sha384};
use sportello_wallet_token::apple::{Binding, Refusal};
use sportello_wallet_token::google::Refusal as GoogleRefusal;

#[test]
fn a_key_that_does_not_unwrap_is_refused_whatever_is_wrong_with_it() {
    let wallet = Wallet::new(&Chain::default());
    let merchant = wallet.merchant();
    let check = |material: Vec<u8>, expected: Result<(), Refusal>| {
        let draft = Draft { is_rsa: true, material: Some(material), ..Draft::default() };
        let token = wallet.mint(&draft).to_string();
        let verified = merchant.verify(token.as_bytes(), NOW_MS, Binding::WherePresent(b"")).unwrap();
        assert_eq!(verified.open().map(drop), expected, "{:02x?}", draft.material);
    };
    let right = wrapped(&CONTENT_KEY);
    check(right.clone(), Ok(()));
    // Of another length than the modulus, which some would fill with zeros.
    check(right[1..].to_vec(), Err(Refusal::KeyMaterial));
    check([&[0], right.as_slice()].concat(), Err(Refusal::KeyMaterial));
    check([right.as_slice(), &[0]].concat(), Err(Refusal::KeyMaterial));
    check(Vec::new(), Err(Refusal::KeyMaterial));
    // No number below the modulus, and numbers that are nothing wrapped.
    check(vec![0xff; 256], Err(Refusal::KeyMaterial));
    check(vec![0; 256], Err(Refusal::KeyMaterial));
    check([&[0; 255][..], &[1]].concat(), Err(Refusal::KeyMaterial));
    check(vec![7; 256], Err(Refusal::KeyMaterial));
    for at in [0, 100, 255] {
        let mut altered = right.clone();
        altered[at] ^= 1;
        check(altered, Err(Refusal::KeyMaterial));
    }
    // Wrapped in another way, or for another.
    let private = rsa::PrivateKey::from_pkcs8_pem(MERCHANT_RSA).unwrap();
    let public = rsa::PublicKey::from(&private);
    check(public.oaep_encrypt::<Sha384>(&CONTENT_KEY).unwrap(), Err(Refusal::KeyMaterial));
    check(public.pkcs1v15_encrypt(&CONTENT_KEY).unwrap(), Err(Refusal::KeyMaterial));
    let another = rsa::PrivateKey::from_pkcs8_pem(include_str!("mint/leaf-rsa.pem")).unwrap();
    let another = rsa::PublicKey::from(&another).oaep_encrypt::<Sha256>(&CONTENT_KEY).unwrap();
    check(another, Err(Refusal::KeyMaterial));
    // What unwraps, and is no key of the content's cipher, or not this content's.
    check(wrapped(&[]), Err(Refusal::KeyMaterial));
    check(wrapped(&[9; 15]), Err(Refusal::KeyMaterial));
    check(wrapped(&[9; 32]), Err(Refusal::KeyMaterial));
    check(wrapped(&[8; 16]), Err(Refusal::Sealed));
}

/// What may stand where an ephemeral key does, as a point: each with whether it is one of P-256.
fn points() -> Vec<(Vec<u8>, bool)> {
    let point = |seed: u8, is_compressed: bool| key(seed).public_key().to_sec1_point(is_compressed).as_bytes().to_vec();
    let whole = point(50, false);
    let mut beside = whole.clone();
    beside[64] ^= 1;
    vec![
        (whole.clone(), true),
        (point(50, true), true),
        (beside, false),
        ([&[6 | whole[64] & 1], &whole[1..]].concat(), false),
        (Vec::new(), false),
        (vec![0], false),
        (vec![0; 65], false),
        ([&[4], [0; 64].as_slice()].concat(), false),
        ([&[4], [0xff; 64].as_slice()].concat(), false),
        (whole[..64].to_vec(), false),
        ([whole.as_slice(), &[0]].concat(), false),
    ]
}

/// A key that lives for one token is chosen by whoever mints it: a point beside the curve could ask for ours, bit by bit.
#[test]
fn an_ephemeral_key_is_a_point_on_the_curve() {
    let wallet = Wallet::new(&Chain::default());
    let apple = wallet.merchant();
    let check_apple = |material: Vec<u8>, expected: Refusal| {
        let token = wallet.mint(&Draft { material: Some(material.clone()), ..Draft::default() }).to_string();
        let verified = apple.verify(token.as_bytes(), NOW_MS, Binding::WherePresent(b"")).unwrap();
        assert_eq!(verified.open().map(drop), Err(expected), "{material:02x?}");
    };
    let merchant = google::merchant(None);
    let check_google = |ephemeral: Vec<u8>, expected: GoogleRefusal| {
        let draft = google::Draft { ephemeral: Some(ephemeral.clone()), ..google::Draft::default() };
        let token = google::mint(&draft).to_string();
        let verified = merchant.verify(token.as_bytes(), NOW_MS).unwrap();
        assert_eq!(verified.open().map(drop), Err(expected), "{ephemeral:02x?}");
    };
    for (point, is_point) in points() {
        // A point of somebody's: agreed with, and what is sealed is for another.
        let (apple, google) = if is_point {
            (Refusal::Sealed, GoogleRefusal::Sealed)
        } else {
            (Refusal::KeyMaterial, GoogleRefusal::KeyMaterial)
        };
        check_apple(info(&[0x2a, 0x86, 0x48, 0xce, 0x3d, 3, 1, 7], &point), apple);
        // Of another curve, by its name.
        check_apple(info(&[0x2b, 0x81, 4, 0, 0x0a], &point), Refusal::KeyMaterial);
        // No key, but a point alone.
        check_apple(point.clone(), Refusal::KeyMaterial);
        check_google(point, google);
    }
    // A whole key in a point's place.
    let info = key(50).public_key().to_public_key_der().unwrap().into_vec();
    check_apple(info.clone(), Refusal::Sealed);
    check_apple([info.as_slice(), &[0]].concat(), Refusal::KeyMaterial);
    check_google(info, GoogleRefusal::KeyMaterial);
}

/// A SubjectPublicKeyInfo of the curve with this name.
fn info(curve: &[u8], point: &[u8]) -> Vec<u8> {
    const EC_PUBLIC_KEY: [u8; 9] = [6, 7, 0x2a, 0x86, 0x48, 0xce, 0x3d, 2, 1];
    let element = |tag: u8, content: &[u8]| [&[tag, u8::try_from(content.len()).unwrap()], content].concat();
    let algorithm = element(0x30, &[&EC_PUBLIC_KEY, element(6, curve).as_slice()].concat());
    element(0x30, &[algorithm, element(3, &[&[0], point].concat())].concat())
}
