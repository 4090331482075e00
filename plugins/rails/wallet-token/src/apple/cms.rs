//! The signature over a token: a detached CMS signature with attributes (RFC 5652, section 5).

use cms::cert::CertificateChoices;
use cms::content_info::ContentInfo;
use cms::signed_data::{SignedData, SignerIdentifier, SignerInfo};
use sha2::{Digest, Sha256};
use x509_cert::Certificate;
use x509_cert::attr::Attributes;
use x509_cert::der::asn1::{ObjectIdentifier, OctetString};
use x509_cert::der::{Decode, DecodeOwned, Encode, EncodingRules};
use x509_cert::ext::pkix::SubjectKeyIdentifier;
use x509_cert::time::Time;

use super::Refusal;
use crate::signature::{Algorithm, PublicKey};

const ID_SIGNED_DATA: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.7.2");
const ID_DATA: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.7.1");
const SHA256: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.16.840.1.101.3.4.2.1");
const CONTENT_TYPE: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.9.3");
const MESSAGE_DIGEST: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.9.4");
const SIGNING_TIME: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.9.5");

/// A signature, read and not yet believed.
pub(crate) struct Signed {
    signer: SignerInfo,
    algorithm: Algorithm,
    pub(crate) certificates: Vec<Certificate>,
}

impl Signed {
    /// Reads a signature: BER, as the wallet writes it, of indefinite lengths.
    pub(crate) fn read(bytes: &[u8]) -> Result<Self, Refusal> {
        let info = ContentInfo::from_ber(bytes).map_err(|_| Refusal::Container)?;
        if info.content_type != ID_SIGNED_DATA {
            return Err(Refusal::Container);
        }
        let signed: SignedData = info.content.decode_as_encoding(EncodingRules::Ber).map_err(|_| Refusal::Container)?;
        let content = signed.encap_content_info;
        if content.econtent_type != ID_DATA || content.econtent.is_some() {
            return Err(Refusal::Container);
        }
        let [signer] = <[SignerInfo; 1]>::try_from(signed.signer_infos.0.into_vec()).map_err(|_| Refusal::Signers)?;
        if signer.digest_alg.oid != SHA256 {
            return Err(Refusal::Algorithm);
        }
        let algorithm = Algorithm::of_sha256_signer(&signer.signature_algorithm).ok_or(Refusal::Algorithm)?;
        let mut certificates = Vec::new();
        for certificate in signed.certificates.map(|set| set.0.into_vec()).unwrap_or_default() {
            match certificate {
                CertificateChoices::Certificate(certificate) => certificates.push(certificate),
                CertificateChoices::Other(_) => return Err(Refusal::Certificates),
            }
        }
        Ok(Self { signer, algorithm, certificates })
    }

    /// Whether this is the certificate of whoever signed.
    pub(crate) fn is_by(&self, certificate: &Certificate) -> bool {
        let facts = certificate.tbs_certificate();
        match &self.signer.sid {
            SignerIdentifier::IssuerAndSerialNumber(id) => {
                &id.issuer == facts.issuer() && &id.serial_number == facts.serial_number()
            }
            SignerIdentifier::SubjectKeyIdentifier(id) => facts
                .get_extension::<SubjectKeyIdentifier>()
                .is_ok_and(|found| found.is_some_and(|(_, identifier)| &identifier == id)),
        }
    }

    /// When `content` was signed by `key`, in seconds since 1970.
    pub(crate) fn verify(&self, content: &[u8], key: &PublicKey) -> Result<u64, Refusal> {
        let attributes = self.signer.signed_attrs.as_ref().ok_or(Refusal::Attributes)?;
        let content_type: ObjectIdentifier = only(attributes, CONTENT_TYPE)?;
        let digest: OctetString = only(attributes, MESSAGE_DIGEST)?;
        let signing_time: Time = only(attributes, SIGNING_TIME)?;
        if content_type != ID_DATA {
            return Err(Refusal::Attributes);
        }
        if digest.as_bytes() != Sha256::digest(content).as_slice() {
            return Err(Refusal::Digest);
        }
        // Signed is the DER of the set, whatever it was sent as (RFC 5652, section 5.4).
        let attributes = attributes.to_der().map_err(|_| Refusal::Attributes)?;
        if !key.verifies(self.algorithm, &attributes, self.signer.signature.as_bytes()) {
            return Err(Refusal::Signature);
        }
        Ok(signing_time.to_unix_duration().as_secs())
    }
}

/// The one value of an attribute that is there once.
fn only<T: DecodeOwned>(attributes: &Attributes, oid: ObjectIdentifier) -> Result<T, Refusal> {
    let mut found = attributes.iter().filter(|attribute| attribute.oid == oid);
    let (Some(attribute), None) = (found.next(), found.next()) else { return Err(Refusal::Attributes) };
    match attribute.values.as_slice() {
        [value] => {
            let value = value.to_der().map_err(|_| Refusal::Attributes)?;
            T::from_der(&value).map_err(|_| Refusal::Attributes)
        }
        _ => Err(Refusal::Attributes),
    }
}
