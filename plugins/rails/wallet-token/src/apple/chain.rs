//! The chain of certificates: signer ← intermediate ← a root that the operator configured, and nothing else
//! (RFC 5280, section 6, for this one shape).

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use sha2::{Digest, Sha256};
use x509_cert::Certificate;
use x509_cert::certificate::Version;
use x509_cert::der::Encode;
use x509_cert::der::asn1::ObjectIdentifier;
use x509_cert::der::oid::AssociatedOid;
use x509_cert::ext::pkix::{BasicConstraints, ExtendedKeyUsage, KeyUsage};

use super::Refusal;
use crate::signature::{Algorithm, PublicKey};

/// Marks the certificate that tokens are signed with.
const LEAF: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113635.100.6.29");
/// Marks the one that it is signed with.
const INTERMEDIATE: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113635.100.6.2.14");

/// As many chains are remembered at most; the wallet has a few at a time.
const CHAINS_MAX: usize = 64;

/// The roots, and the chains that were found to lead to one: a chain that came once comes thousands of times.
pub(crate) struct Chains {
    roots: Vec<Certificate>,
    verified: Mutex<BTreeMap<[u8; 32], Verified>>,
}

/// A chain whose signatures and uses are right. When it is valid is asked at each token.
#[derive(Clone)]
struct Verified {
    key: PublicKey,
    from_s: u64,
    until_s: u64,
}

impl Chains {
    pub(crate) fn new(roots: Vec<Certificate>) -> Self {
        Self { roots, verified: Mutex::new(BTreeMap::new()) }
    }

    /// Which of these certificates is the signer's, and its key, if the chain is one at `at_ms`.
    pub(crate) fn verify<'a>(
        &self,
        certificates: &'a [Certificate],
        at_ms: u64,
    ) -> Result<(&'a Certificate, PublicKey), Refusal> {
        let leaf = marked(certificates, LEAF).ok_or(Refusal::Leaf)?;
        let intermediate = marked(certificates, INTERMEDIATE).ok_or(Refusal::Intermediate)?;
        let has_place = |one: &Certificate| one == leaf || one == intermediate || self.roots.contains(one);
        if leaf == intermediate || !certificates.iter().all(has_place) {
            return Err(Refusal::Certificates);
        }
        let name = Self::name(leaf, intermediate)?;
        let known = self.verified.lock().unwrap_or_else(PoisonError::into_inner).get(&name).cloned();
        let chain = match known {
            Some(chain) => chain,
            None => {
                let chain = self.judge(leaf, intermediate)?;
                let mut verified = self.verified.lock().unwrap_or_else(PoisonError::into_inner);
                if verified.len() >= CHAINS_MAX {
                    verified.clear();
                }
                verified.insert(name, chain.clone());
                chain
            }
        };
        if !(chain.from_s..=chain.until_s).contains(&(at_ms / 1000)) {
            return Err(Refusal::CertificateTime);
        }
        Ok((leaf, chain.key))
    }

    fn name(leaf: &Certificate, intermediate: &Certificate) -> Result<[u8; 32], Refusal> {
        let mut hash = Sha256::new();
        for certificate in [leaf, intermediate] {
            hash.update(certificate.to_der().map_err(|_| Refusal::Certificates)?);
        }
        Ok(hash.finalize().into())
    }

    fn judge(&self, leaf: &Certificate, intermediate: &Certificate) -> Result<Verified, Refusal> {
        let root = self.roots.iter().find(|root| is_signed_by(intermediate, root)).ok_or(Refusal::Root)?;
        if !is_signed_by(leaf, intermediate) {
            return Err(Refusal::CertificateSignature);
        }
        let is_meant = may_sign_certificates(root, 1) && may_sign_certificates(intermediate, 0) && may_sign(leaf);
        if !is_meant {
            return Err(Refusal::CertificateUse);
        }
        let key = PublicKey::of(leaf.tbs_certificate().subject_public_key_info()).ok_or(Refusal::Algorithm)?;
        let validities = [leaf, intermediate, root].map(|one| one.tbs_certificate().validity());
        let from_s = validities.iter().map(|v| v.not_before.to_unix_duration().as_secs()).max().unwrap_or(u64::MAX);
        let until_s = validities.iter().map(|v| v.not_after.to_unix_duration().as_secs()).min().unwrap_or(0);
        Ok(Verified { key, from_s, until_s })
    }
}

/// The one certificate that carries this mark.
fn marked(certificates: &[Certificate], mark: ObjectIdentifier) -> Option<&Certificate> {
    let mut found = certificates.iter().filter(|one| extensions(one).any(|(oid, _)| oid == mark));
    found.next().filter(|_| found.next().is_none())
}

/// The extensions of a certificate: which, and whether whoever does not know it must turn the certificate down.
fn extensions(certificate: &Certificate) -> impl Iterator<Item = (ObjectIdentifier, bool)> {
    let all = certificate.tbs_certificate().extensions().map(Vec::as_slice).unwrap_or_default();
    all.iter().map(|extension| (extension.extn_id, extension.critical))
}

fn is_signed_by(certificate: &Certificate, issuer: &Certificate) -> bool {
    let facts = certificate.tbs_certificate();
    if facts.issuer() != issuer.tbs_certificate().subject() || facts.signature() != certificate.signature_algorithm() {
        return false;
    }
    let key = PublicKey::of(issuer.tbs_certificate().subject_public_key_info());
    let algorithm = Algorithm::of_certificate(certificate.signature_algorithm());
    let signature = certificate.signature().as_bytes();
    let (Some(key), Some(algorithm), Some(signature)) = (key, algorithm, signature) else { return false };
    facts.to_der().is_ok_and(|signed| key.verifies(algorithm, &signed, signature))
}

/// Whether all that a certificate insists on is understood here.
fn is_understood(certificate: &Certificate) -> bool {
    let known = [BasicConstraints::OID, KeyUsage::OID, ExtendedKeyUsage::OID, LEAF, INTERMEDIATE];
    certificate.tbs_certificate().version() == Version::V3
        && extensions(certificate).all(|(oid, is_critical)| !is_critical || known.contains(&oid))
}

/// Whether a certificate is an authority's, with at most `below` further authorities under it.
fn may_sign_certificates(certificate: &Certificate, below: u8) -> bool {
    let facts = certificate.tbs_certificate();
    let is_authority = facts.get_extension::<BasicConstraints>().is_ok_and(|found| {
        found.is_some_and(|(_, limits)| limits.ca && limits.path_len_constraint.is_none_or(|most| most >= below))
    });
    let is_use =
        facts.get_extension::<KeyUsage>().is_ok_and(|found| found.is_none_or(|(_, usage)| usage.key_cert_sign()));
    is_authority && is_use && is_understood(certificate)
}

/// Whether a certificate is for signatures, and not an authority's.
fn may_sign(certificate: &Certificate) -> bool {
    let facts = certificate.tbs_certificate();
    let is_end =
        facts.get_extension::<BasicConstraints>().is_ok_and(|found| found.is_none_or(|(_, limits)| !limits.ca));
    let is_use =
        facts.get_extension::<KeyUsage>().is_ok_and(|found| found.is_none_or(|(_, usage)| usage.digital_signature()));
    is_end && is_use && is_understood(certificate)
}
