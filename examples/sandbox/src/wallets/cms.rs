//! Apple's signature: CMS SignedData (RFC 5652) with the content detached, the leaf and the intermediate inside, and the
//! outer elements of indefinite length, as Apple's own have them.

use ring::{
    rand::SystemRandom,
    signature::{EcdsaKeyPair, RSA_PKCS1_SHA256, RsaKeyPair},
};
use sha2::{Digest, Sha256};

use super::{
    der::{CONTEXT, INTEGER, NULL, OCTET_STRING, OID, SEQUENCE, SET, UTC_TIME, element, open_element},
    keys::{Chain, name},
};
use crate::clock;

const DATA: [u8; 9] = [0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 7, 1];
const SIGNED_DATA: [u8; 9] = [0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 7, 2];
const CONTENT_TYPE: [u8; 9] = [0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 9, 3];
const MESSAGE_DIGEST: [u8; 9] = [0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 9, 4];
const SIGNING_TIME: [u8; 9] = [0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 9, 5];
/// RFC 6211.
const ALGORITHM_PROTECTION: [u8; 9] = [0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 9, 52];
const SHA256: [u8; 9] = [0x60, 0x86, 0x48, 1, 0x65, 3, 4, 2, 1];
const ECDSA_WITH_SHA256: [u8; 8] = [0x2a, 0x86, 0x48, 0xce, 0x3d, 4, 3, 2];
const RSA_WITH_SHA256: [u8; 9] = [0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, 11];

/// With which key the leaf signs.
#[derive(Clone, Copy)]
pub(crate) enum Signer<'a> {
    Ec(&'a EcdsaKeyPair),
    Rsa(&'a RsaKeyPair),
}

impl Signer<'_> {
    fn algorithm(self) -> Vec<u8> {
        match self {
            Self::Ec(_) => element(SEQUENCE, &[&element(OID, &[&ECDSA_WITH_SHA256])]),
            Self::Rsa(_) => element(SEQUENCE, &[&element(OID, &[&RSA_WITH_SHA256]), &element(NULL, &[])]),
        }
    }

    fn sign(self, message: &[u8]) -> Result<Vec<u8>, &'static str> {
        let random = SystemRandom::new();
        match self {
            Self::Ec(key) => Ok(key.sign(&random, message).map_err(|_| "no ECDSA signature")?.as_ref().to_vec()),
            Self::Rsa(key) => {
                let mut signature = vec![0; key.public().modulus_len()];
                key.sign(&RSA_PKCS1_SHA256, &random, message, &mut signature).map_err(|_| "no RSA signature")?;
                Ok(signature)
            }
        }
    }
}

/// Signs `content`. Without a time there is no signing time among the signed attributes.
pub(crate) fn sign(
    content: &[u8],
    signer: Signer<'_>,
    chain: &Chain,
    signed_at_ms: Option<u64>,
) -> Result<Vec<u8>, &'static str> {
    let digest_algorithm = element(SEQUENCE, &[&element(OID, &[&SHA256]), &element(NULL, &[])]);
    let attributes = attributes(content, signer, &digest_algorithm, signed_at_ms)?;
    // What is signed is the attributes as a SET; what is written is the same as [0] (5.4).
    let signature = signer.sign(&element(SET, &[&attributes]))?;
    let (serial, issuer) = name(&chain.leaf)?;
    let version = element(INTEGER, &[&[1]]);
    let signer_info = element(
        SEQUENCE,
        &[
            &version,
            &element(SEQUENCE, &[issuer, serial]),
            &digest_algorithm,
            &element(CONTEXT[0], &[&attributes]),
            &signer.algorithm(),
            &element(OCTET_STRING, &[&signature]),
        ],
    );
    let signed_data = open_element(
        SEQUENCE,
        &[
            &version,
            &element(SET, &[&digest_algorithm]),
            &open_element(SEQUENCE, &[&element(OID, &[&DATA])]),
            &open_element(CONTEXT[0], &[&chain.leaf, &chain.intermediate]),
            &element(SET, &[&signer_info]),
        ],
    );
    Ok(open_element(SEQUENCE, &[&element(OID, &[&SIGNED_DATA]), &open_element(CONTEXT[0], &[&signed_data])]))
}

/// The signed attributes, in the order of their encodings (X.690, 11.6).
fn attributes(
    content: &[u8],
    signer: Signer<'_>,
    digest_algorithm: &[u8],
    signed_at_ms: Option<u64>,
) -> Result<Vec<u8>, &'static str> {
    let attribute = |kind: &[u8], value: &[u8]| element(SEQUENCE, &[&element(OID, &[kind]), &element(SET, &[value])]);
    let algorithm = signer.algorithm();
    // `signatureAlgorithm` is an implicit [1]: the same content under another tag.
    let algorithm = [&CONTEXT[1..], algorithm.get(1..).unwrap_or_default()].concat();
    let mut all = vec![
        attribute(&CONTENT_TYPE, &element(OID, &[&DATA])),
        attribute(&MESSAGE_DIGEST, &element(OCTET_STRING, &[&Sha256::digest(content)])),
        attribute(&ALGORITHM_PROTECTION, &element(SEQUENCE, &[digest_algorithm, &algorithm])),
    ];
    if let Some(ms) = signed_at_ms {
        all.push(attribute(&SIGNING_TIME, &element(UTC_TIME, &[utc_time(ms)?.as_bytes()])));
    }
    all.sort();
    Ok(all.concat())
}

/// `261124190000Z`, which holds years up to 2049 (RFC 5652, 11.3).
fn utc_time(ms: u64) -> Result<String, &'static str> {
    const YEAR_2050_MS: u64 = 2_524_608_000_000;
    if ms >= YEAR_2050_MS {
        return Err("a signing time beyond 2049");
    }
    let digits: String = clock::rfc3339(ms).chars().filter(char::is_ascii_digit).collect();
    Ok(format!("{}Z", digits.get(2..14).unwrap_or_default()))
}
