//! What is a signature and what is a key: the library's verdicts, beside another library's where that has one.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may fail loudly")]

use p256::ecdsa::signature::{Signer, Verifier};
use p256::elliptic_curve::sec1::ToSec1Point;
use p256::pkcs8::{DecodePrivateKey, EncodePublicKey};
use rcgen::{PublicKeyData as _, SigningKey as _};
use rsa::traits::PublicKeyParts;
use x509_cert::der::asn1::{Any, BitString, Null};

use super::*;

/// The order of P-256 (FIPS 186-5).
const ORDER: &str = "ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551";
const MESSAGE: &[u8] = b"a token";

fn key() -> p256::SecretKey {
    p256::SecretKey::from_slice(&[7; 32]).unwrap()
}

fn public() -> PublicKey {
    PublicKey::of_p256(key().public_key().to_public_key_der().unwrap().as_bytes()).unwrap()
}

/// An element of DER that has less than 256 bytes.
fn element(tag: u8, content: &[u8]) -> Vec<u8> {
    let length = u8::try_from(content.len()).unwrap();
    let head = if length < 128 { vec![tag, length] } else { vec![tag, 0x81, length] };
    [head.as_slice(), content].concat()
}

/// An INTEGER in as few bytes as it needs.
fn integer(number: &[u8]) -> Vec<u8> {
    let digits = &number[number.iter().take_while(|byte| **byte == 0).count().min(number.len() - 1)..];
    if digits[0] < 0x80 { element(2, digits) } else { element(2, &[&[0], digits].concat()) }
}

fn sequence(parts: &[&[u8]]) -> Vec<u8> {
    element(0x30, &parts.concat())
}

#[test]
fn a_signature_is_in_der_and_nothing_else() {
    let check = |signature: &[u8], expected: bool| {
        assert_eq!(public().verifies(Algorithm::ECDSA_SHA256, MESSAGE, signature), expected, "{signature:02x?}");
        let theirs = p256::ecdsa::Signature::from_der(signature).is_ok_and(|signature| {
            p256::ecdsa::SigningKey::from(key()).verifying_key().verify(MESSAGE, &signature).is_ok()
        });
        assert_eq!(theirs, expected, "as another library has it: {signature:02x?}");
    };
    let right: p256::ecdsa::Signature = p256::ecdsa::SigningKey::from(key()).sign(MESSAGE);
    let (r, s) = right.split_bytes();
    let other = p256::ecdsa::Signature::from_scalars(r, (-*right.s()).to_bytes()).unwrap().split_bytes().1;
    let order = hex::decode(ORDER).unwrap();
    let (r, s, other) = (r.as_slice(), s.as_slice(), other.as_slice());
    let (number, second) = (integer(r), integer(s));

    check(&sequence(&[&number, &second]), true);
    // Of S and its negative one is low: both are taken, as the wallets make them.
    check(&sequence(&[&number, &integer(other)]), true);

    // Zeros before a number, or a sign that it has not.
    check(&sequence(&[&element(2, &[&[0, 0], r].concat()), &second]), false);
    check(&sequence(&[&number, &element(2, &[&[0, 0], s].concat())]), false);
    check(&sequence(&[&element(2, &[&[0xff], r].concat()), &second]), false);
    let high = if s[0] < 0x80 { other } else { s };
    assert!(high[0] >= 0x80);
    check(&sequence(&[&number, &integer(high)]), true);
    check(&sequence(&[&number, &element(2, high)]), false);
    // Lengths in more bytes than they need, or in none.
    let both = [number.as_slice(), &second].concat();
    let length = u8::try_from(both.len()).unwrap();
    check(&[&[0x30, 0x81, length], both.as_slice()].concat(), false);
    check(&[&[0x30, 0x80], both.as_slice(), &[0, 0]].concat(), false);
    let long = [&[2, 0x81, number[1]], &number[2..]].concat();
    check(&sequence(&[&long, &second]), false);
    // Something after it, or in it, or missing.
    check(&[sequence(&[&both]).as_slice(), &[0]].concat(), false);
    check(&sequence(&[&both, &[5, 0]]), false);
    check(&sequence(&[&number]), false);
    check(&sequence(&[&both])[..both.len()], false);
    check(&[], false);
    // Numbers that no signature has.
    check(&sequence(&[&integer(&[0]), &second]), false);
    check(&sequence(&[&number, &integer(&[0])]), false);
    check(&sequence(&[&integer(&order), &second]), false);
    check(&sequence(&[&number, &integer(&order)]), false);
    check(&sequence(&[&number, &integer(&[0xff; 33])]), false);
    // Other forms: another set of the two, and the numbers side by side.
    check(&element(0x31, &both), false);
    check(&[r, s].concat(), false);
    // Another's, or over something else.
    check(&sequence(&[&second, &number]), false);
}

#[test]
fn each_kind_of_key_verifies_with_its_own_algorithms() {
    let p384 = rcgen::KeyPair::generate_for(&rcgen::PKCS_ECDSA_P384_SHA384).unwrap();
    let signature = p384.sign(MESSAGE).unwrap();
    let info = SubjectPublicKeyInfoOwned::from_der(&p384.subject_public_key_info()).unwrap();
    let p384 = PublicKey::of(&info).unwrap();
    let ecdsa = |hash| Algorithm { family: Family::Ecdsa, hash };
    assert!(p384.verifies(ecdsa(Hash::Sha384), MESSAGE, &signature));
    assert!(!p384.verifies(ecdsa(Hash::Sha256), MESSAGE, &signature));
    assert!(!p384.verifies(ecdsa(Hash::Sha384), b"another", &signature));
    assert!(!p384.verifies(ecdsa(Hash::Sha384), MESSAGE, &[&[0x30, 0x81], &signature[1..]].concat()));
    assert!(PublicKey::of_p256(&info.to_der().unwrap()).is_none());

    let pem = include_str!("../../tests/mint/leaf-rsa.pem");
    let private = rsa::PrivateKey::from_pkcs8_pem(pem).unwrap();
    let info = rsa::PublicKey::from(&private).to_public_key_der().unwrap();
    let rsa = PublicKey::of(&SubjectPublicKeyInfoOwned::from_der(info.as_bytes()).unwrap()).unwrap();
    let with_rsa = |hash| Algorithm { family: Family::Rsa, hash };
    let signature = private.pkcs1v15_sign::<sha2::Sha256>(MESSAGE).unwrap();
    assert!(rsa.verifies(with_rsa(Hash::Sha256), MESSAGE, &signature));
    assert!(!rsa.verifies(with_rsa(Hash::Sha384), MESSAGE, &signature));
    assert!(!rsa.verifies(ecdsa(Hash::Sha256), MESSAGE, &signature));
    assert!(!rsa.verifies(with_rsa(Hash::Sha256), MESSAGE, &signature[1..]));
    assert!(!rsa.verifies(with_rsa(Hash::Sha256), MESSAGE, &[&[0], signature.as_slice()].concat()));
    let signature = private.pkcs1v15_sign::<sha2::Sha512>(MESSAGE).unwrap();
    assert!(rsa.verifies(with_rsa(Hash::Sha512), MESSAGE, &signature));
    assert!(!public().verifies(with_rsa(Hash::Sha512), MESSAGE, &signature));
}

fn info(algorithm: ObjectIdentifier, parameters: Option<Any>, key: &[u8]) -> SubjectPublicKeyInfoOwned {
    let algorithm = AlgorithmIdentifierOwned { oid: algorithm, parameters };
    SubjectPublicKeyInfoOwned { algorithm, subject_public_key: BitString::from_bytes(key).unwrap() }
}

#[test]
fn a_key_is_a_point_on_its_curve() {
    let named = |curve: &str| Some(Any::encode_from(&ObjectIdentifier::new(curve).unwrap()).unwrap());
    let check_with = |parameters: Option<Any>, point: &[u8], expected: bool| {
        assert_eq!(PublicKey::of(&info(EC_PUBLIC_KEY, parameters, point)).is_some(), expected, "{point:02x?}");
    };
    let check = |point: &[u8], expected| check_with(named("1.2.840.10045.3.1.7"), point, expected);
    let point = key().public_key().to_sec1_point(false).as_bytes().to_vec();
    check(&point, true);
    check(key().public_key().to_sec1_point(true).as_bytes(), true);
    // The hybrid form, nothing, infinity, and a point that is too short or too long.
    check(&[&[6 | point[64] & 1], &point[1..]].concat(), false);
    check(&[], false);
    check(&[0], false);
    check(&[0; 65], false);
    check(&[&[4], [0; 64].as_slice()].concat(), false);
    check(&point[..64], false);
    check(&[point.as_slice(), &[0]].concat(), false);
    // Beside the curve, and beyond its field.
    let mut beside = point.clone();
    beside[64] ^= 1;
    check(&beside, false);
    check(&[&[4], [0xff; 64].as_slice()].concat(), false);
    check(&[&[2], [0xff; 32].as_slice()].concat(), false);
    // A whole key where its point should be.
    check(key().public_key().to_public_key_der().unwrap().as_bytes(), false);
    // Of another curve, of none, and of one that is described rather than named.
    check_with(named("1.3.132.0.34"), &point, false);
    check_with(named("1.3.132.0.10"), &point, false);
    check_with(None, &point, false);
    check_with(Some(Any::null()), &point, false);
    check_with(Some(Any::encode_from(&vec![Null; 6]).unwrap()), &point, false);
}

#[test]
fn a_key_of_rsa_is_long_enough() {
    let private = rsa::PrivateKey::from_pkcs8_pem(include_str!("../../tests/mint/leaf-rsa.pem")).unwrap();
    let modulus = private.n_bytes();
    let wide =
        |number: &[u8]| [&[0x30, 0x82], &u16::try_from(number.len()).unwrap().to_be_bytes()[..], number].concat();
    let number = |number: &[u8]| {
        [&[2, 0x82], &u16::try_from(1 + number.len()).unwrap().to_be_bytes()[..], &[0], number].concat()
    };
    let check = |modulus: &[u8], exponent: &[u8], expected: bool| {
        let key = wide(&[number(modulus), exponent.to_vec()].concat());
        let found = PublicKey::of(&info(RSA_ENCRYPTION, Some(Any::null()), &key)).is_some();
        assert_eq!(found, expected, "{} bytes, {exponent:?}", modulus.len());
    };
    let usual = [2, 3, 1, 0, 1];
    let odd = |length: usize| [&modulus[..length - 1], &[1]].concat();
    check(&modulus, &usual, true);
    check(&odd(128), &[2, 3, 1, 0, 1], false);
    check(&odd(255), &usual, false);
    check(&[&modulus[..255], &[2]].concat(), &usual, false);
    check(&modulus, &[2, 1, 1], false);
    check(&modulus, &[2, 1, 4], false);
    check(&modulus, &[2, 1, 0], false);
    assert!(PublicKey::of(&info(RSA_ENCRYPTION, Some(Any::null()), b"no key")).is_none());
}
