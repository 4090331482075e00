//! What is a private key, and what is none.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may fail loudly")]

use p256::elliptic_curve::sec1::ToSec1Point;
use p256::pkcs8::{DecodePrivateKey, EncodePrivateKey, EncodePublicKey, LineEnding};
use rsa::pkcs1::EncodeRsaPrivateKey;

use super::*;

const MERCHANT_RSA: &str = include_str!("../../tests/mint/merchant-rsa.pem");
/// Of 1024 bits.
const SHORT_RSA: &str = include_str!("../../tests/mint/short-rsa.pem");

fn key() -> p256::SecretKey {
    p256::SecretKey::from_slice(&[7; 32]).unwrap()
}

fn armoured(label: &str, der: &[u8]) -> String {
    pem::encode_string(label, LineEnding::LF, der).unwrap()
}

/// A private key of SEC 1 with whatever stands in it: version 1, the number, the curve and a public key where there is one.
fn sec1(number: &[u8], curve: &[u8], public: Option<&[u8]>) -> Vec<u8> {
    let element = |tag: u8, content: &[u8]| [&[tag, u8::try_from(content.len()).unwrap()], content].concat();
    let public = public.map(|point| element(0xa1, &element(3, &[&[0], point].concat()))).unwrap_or_default();
    let parts = [&[2, 1, 1], &element(4, number)[..], &element(0xa0, &element(6, curve)), &public].concat();
    element(0x30, &parts)
}

const P256: &[u8] = &[0x2a, 0x86, 0x48, 0xce, 0x3d, 3, 1, 7];
const P384: &[u8] = &[0x2b, 0x81, 4, 0, 0x22];

#[test]
fn an_elliptic_key_is_one_of_p256_and_whole() {
    let check = |text: &str, expected: bool| {
        let found = EcKey::from_pem(text);
        assert_eq!(found.is_some(), expected, "{text}");
        if let Some(found) = found {
            let public = key().public_key();
            assert_eq!(found.public_point().unwrap(), public.to_sec1_point(false).as_bytes());
            // A token names the key by the hash of this, whichever way the point stood in the file.
            assert_eq!(found.public_info().unwrap(), public.to_public_key_der().unwrap().as_bytes());
        }
    };
    check(&key().to_pkcs8_pem(LineEnding::LF).unwrap(), true);
    check(&key().to_sec1_pem(LineEnding::LF).unwrap(), true);
    let check_sec1 = |der: &[u8], expected| check(&armoured(SEC1, der), expected);
    let point = key().public_key().to_sec1_point(false).as_bytes().to_vec();
    check_sec1(&sec1(&[7; 32], P256, None), true);
    check_sec1(&sec1(&[7; 32], P256, Some(&point)), true);
    check_sec1(&sec1(&[7; 32], P256, Some(key().public_key().to_sec1_point(true).as_bytes())), true);
    // A public key that is another's, or no point; a number that no key has; another curve.
    let another = p256::SecretKey::from_slice(&[8; 32]).unwrap().public_key().to_sec1_point(false);
    check_sec1(&sec1(&[7; 32], P256, Some(another.as_bytes())), false);
    check_sec1(&sec1(&[7; 32], P256, Some(&[4; 65])), false);
    check_sec1(&sec1(&[0; 32], P256, None), false);
    check_sec1(&sec1(&[0xff; 32], P256, None), false);
    check_sec1(&sec1(&[7; 48], P384, None), false);
    check(&rcgen::KeyPair::generate_for(&rcgen::PKCS_ECDSA_P384_SHA384).unwrap().serialize_pem(), false);
    check(&rcgen::KeyPair::generate_for(&rcgen::PKCS_ED25519).unwrap().serialize_pem(), false);
    check(MERCHANT_RSA, false);
    // More than a key, less than one, and what is called something else.
    let der = key().to_pkcs8_der().unwrap();
    check(&armoured(PKCS8, &[der.as_bytes(), &[0]].concat()), false);
    check_sec1(&[sec1(&[7; 32], P256, None).as_slice(), &[0]].concat(), false);
    check(&armoured(PKCS8, &der.as_bytes()[..der.as_bytes().len() - 1]), false);
    check(&armoured("PUBLIC KEY", der.as_bytes()), false);
    check(&armoured("ENCRYPTED PRIVATE KEY", der.as_bytes()), false);
    check(&armoured(PKCS8, &[]), false);
    check("", false);
}

#[test]
fn a_key_of_rsa_is_long_enough_and_whole() {
    let private = rsa::PrivateKey::from_pkcs8_pem(MERCHANT_RSA).unwrap();
    let check = |text: &str, expected: bool| {
        let found = RsaKey::from_pem(text);
        assert_eq!(found.is_some(), expected, "{text}");
        if let Some(found) = found {
            let public = rsa::PublicKey::from(&private).to_public_key_der().unwrap();
            assert_eq!(found.public_info(), public.as_bytes());
        }
    };
    let pkcs1 = private.to_pkcs1_der().unwrap();
    check(MERCHANT_RSA, true);
    check(&armoured(PKCS1, pkcs1.as_bytes()), true);
    check(SHORT_RSA, false);
    check(&armoured(PKCS1, &[pkcs1.as_bytes(), &[0]].concat()), false);
    check(&armoured(PKCS8, pkcs1.as_bytes()), false);
    check(&armoured(PKCS1, private.to_pkcs8_der().unwrap().as_bytes()), false);
    // A digit of one of the primes is another: they are no longer those of the modulus.
    let mut spoilt = pkcs1.as_bytes().to_vec();
    let at = spoilt.len() * 3 / 5;
    spoilt[at] ^= 1;
    check(&armoured(PKCS1, &spoilt), false);
    check(&key().to_pkcs8_pem(LineEnding::LF).unwrap(), false);
}

#[test]
fn both_sides_agree_on_the_same_secret() {
    let (ours, theirs) = (EcKey::from_der(key().to_pkcs8_der().unwrap().as_bytes()).unwrap(), [9; 32]);
    let theirs = p256::SecretKey::from_slice(&theirs).unwrap();
    let expected = p256::ecdh::diffie_hellman(theirs.to_nonzero_scalar(), key().public_key().as_affine());
    for is_compressed in [false, true] {
        let point = theirs.public_key().to_sec1_point(is_compressed);
        let shared = ours.agree(point.as_bytes(), <[u8]>::to_vec).unwrap();
        assert_eq!(shared, expected.raw_secret_bytes().as_slice());
    }
}
