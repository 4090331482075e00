//! The keys and certificates of `keys/`: fixed, public, and built in, so that a deployment names the same files.

use base64::{Engine, engine::general_purpose::STANDARD};
use ring::{
    rand::SystemRandom,
    signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, RsaKeyPair},
};

use super::der;

macro_rules! key {
    ($name:literal) => {
        include_str!(concat!("../../keys/", $name))
    };
}

/// Apple's root, as a verifier is configured with it.
pub(crate) const APPLE_ROOT_PEM: &str = key!("apple/root.pem");
/// Google's root signing keys, as Google publishes them.
pub(crate) const GOOGLE_ROOT_KEYS_JSON: &str = key!("google/root-keys.json");

/// A leaf and the intermediate above it, in DER, as a signature carries them.
#[derive(Debug)]
pub(crate) struct Chain {
    pub(crate) leaf: Vec<u8>,
    pub(crate) intermediate: Vec<u8>,
}

impl Chain {
    fn read(leaf: &str, intermediate: &str) -> Result<Self, &'static str> {
        Ok(Self { leaf: pem(leaf)?, intermediate: pem(intermediate)? })
    }
}

/// What Apple signs with, and for whom it seals.
#[derive(Debug)]
pub(crate) struct AppleKeys {
    pub(crate) signer: EcdsaKeyPair,
    pub(crate) rsa_signer: RsaKeyPair,
    pub(crate) chain: Chain,
    pub(crate) rsa_chain: Chain,
    /// The same names, under a root that nobody trusts.
    pub(crate) other_root: Chain,
    pub(crate) leaf_unmarked: Chain,
    pub(crate) intermediate_unmarked: Chain,
    pub(crate) leaf_expired: Chain,
    /// The SubjectPublicKeyInfo of the merchant's payment processing certificates.
    pub(crate) merchant: Vec<u8>,
    pub(crate) merchant_rsa: Vec<u8>,
    pub(crate) other_merchant: Vec<u8>,
    pub(crate) other_merchant_rsa: Vec<u8>,
}

impl AppleKeys {
    pub(crate) fn read() -> Result<Self, &'static str> {
        const LEAF: &str = key!("apple/leaf.pem");
        const INTERMEDIATE: &str = key!("apple/intermediate.pem");
        Ok(Self {
            signer: ec_signer(key!("apple/leaf-key.pem"))?,
            rsa_signer: RsaKeyPair::from_pkcs8(&pem(key!("apple/leaf-rsa-key.pem"))?).map_err(|_| "a wrong RSA key")?,
            chain: Chain::read(LEAF, INTERMEDIATE)?,
            rsa_chain: Chain::read(key!("apple/leaf-rsa.pem"), INTERMEDIATE)?,
            other_root: Chain::read(key!("apple/other-leaf.pem"), key!("apple/other-intermediate.pem"))?,
            leaf_unmarked: Chain::read(key!("apple/leaf-unmarked.pem"), INTERMEDIATE)?,
            intermediate_unmarked: Chain::read(LEAF, key!("apple/intermediate-unmarked.pem"))?,
            leaf_expired: Chain::read(key!("apple/leaf-expired.pem"), INTERMEDIATE)?,
            merchant: public_key_info(key!("apple/merchant.pem"))?,
            merchant_rsa: public_key_info(key!("apple/merchant-rsa.pem"))?,
            other_merchant: public_key_info(key!("apple/other-merchant.pem"))?,
            other_merchant_rsa: public_key_info(key!("apple/other-merchant-rsa.pem"))?,
        })
    }
}

/// What Google signs with, and for whom it seals.
#[derive(Debug)]
pub(crate) struct GoogleKeys {
    pub(crate) root: EcdsaKeyPair,
    /// The SubjectPublicKeyInfo of whoever opens tokens.
    pub(crate) merchant: Vec<u8>,
}

impl GoogleKeys {
    pub(crate) fn read() -> Result<Self, &'static str> {
        Ok(Self {
            root: ec_signer(key!("google/root-key.pem"))?,
            merchant: pem(key!("google/merchant-public-key.pem"))?,
        })
    }
}

fn ec_signer(text: &str) -> Result<EcdsaKeyPair, &'static str> {
    EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, &pem(text)?, &SystemRandom::new())
        .map_err(|_| "a wrong EC key")
}

/// A key pair made on the spot.
pub(crate) fn fresh_signer() -> Result<EcdsaKeyPair, &'static str> {
    let random = SystemRandom::new();
    let pkcs8 = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, &random).map_err(|_| "no fresh key")?;
    EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, pkcs8.as_ref(), &random).map_err(|_| "no fresh key")
}

/// What stands between the lines of a PEM file (RFC 7468).
fn pem(text: &str) -> Result<Vec<u8>, &'static str> {
    let inside: String = text.lines().filter(|line| !line.starts_with("-----")).collect();
    STANDARD.decode(inside).map_err(|_| "a file that is no PEM")
}

/// The fields of a certificate's signed part (RFC 5280, 4.1).
fn fields(certificate: &[u8]) -> Option<Vec<&[u8]>> {
    der::parts(certificate)?.first().copied().and_then(der::parts)
}

fn public_key_info(text: &str) -> Result<Vec<u8>, &'static str> {
    let certificate = pem(text)?;
    let info = fields(&certificate).and_then(|fields| fields.get(6).map(|info| info.to_vec()));
    info.ok_or("a file that is no certificate")
}

/// A certificate's serial number and issuer, which together name it.
pub(crate) fn name(certificate: &[u8]) -> Result<(&[u8], &[u8]), &'static str> {
    match fields(certificate).as_deref() {
        Some([_version, serial, _algorithm, issuer, ..]) => Ok((serial, issuer)),
        _ => Err("a file that is no certificate"),
    }
}
