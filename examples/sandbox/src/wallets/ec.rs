//! Points of P-256: as a wallet makes, writes and agrees on them.

use ring::{
    agreement::{ECDH_P256, EphemeralPrivateKey, UnparsedPublicKey, agree_ephemeral},
    rand::SystemRandom,
};

use super::der::{BIT_STRING, OID, SEQUENCE, element};

/// The length of an uncompressed point.
const POINT: usize = 65;

/// A point as a SubjectPublicKeyInfo (RFC 5480).
pub(crate) fn public_key_info(point: &[u8]) -> Vec<u8> {
    const EC_PUBLIC_KEY: [u8; 7] = [0x2a, 0x86, 0x48, 0xce, 0x3d, 2, 1];
    const PRIME256V1: [u8; 8] = [0x2a, 0x86, 0x48, 0xce, 0x3d, 3, 1, 7];
    let algorithm = element(SEQUENCE, &[&element(OID, &[&EC_PUBLIC_KEY]), &element(OID, &[&PRIME256V1])]);
    element(SEQUENCE, &[&algorithm, &element(BIT_STRING, &[&[0], point])])
}

/// The point at the end of a SubjectPublicKeyInfo.
pub(crate) fn point(public_key_info: &[u8]) -> Option<&[u8]> {
    public_key_info.len().checked_sub(POINT).and_then(|start| public_key_info.get(start..))
}

/// Makes a key for one use; its public point, and the X coordinate that its owner and the owner of `theirs` share.
pub(crate) fn agree(theirs: &[u8]) -> Result<(Vec<u8>, Vec<u8>), &'static str> {
    let ours = EphemeralPrivateKey::generate(&ECDH_P256, &SystemRandom::new()).map_err(|_| "no ephemeral key")?;
    let point = ours.compute_public_key().map_err(|_| "no ephemeral key")?.as_ref().to_vec();
    let theirs = UnparsedPublicKey::new(&ECDH_P256, theirs);
    let shared = agree_ephemeral(ours, &theirs, <[u8]>::to_vec).map_err(|_| "the merchant's key is no point")?;
    Ok((point, shared))
}

/// The point of a key that nobody has.
pub(crate) fn nobodys() -> Result<Vec<u8>, &'static str> {
    let lost = EphemeralPrivateKey::generate(&ECDH_P256, &SystemRandom::new()).map_err(|_| "no ephemeral key")?;
    Ok(lost.compute_public_key().map_err(|_| "no ephemeral key")?.as_ref().to_vec())
}
