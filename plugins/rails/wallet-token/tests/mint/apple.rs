//! An Apple Pay of the tests' own.

use aes_gcm::aead::consts::U16;
use aes_gcm::aead::{Aead, KeyInit};
use aes_gcm::aes::{Aes128, Aes256};
use aes_gcm::{AesGcm, Nonce};
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use cms::cert::{CertificateChoices, IssuerAndSerialNumber};
use cms::content_info::{CmsVersion, ContentInfo};
use cms::signed_data::{EncapsulatedContentInfo, SignedData, SignerIdentifier, SignerInfo};
use p256::ecdsa::signature::Signer;
use p256::pkcs8::{DecodePrivateKey, EncodePublicKey};
use rcgen::{BasicConstraints, CertificateParams, CustomExtension, DnType, IsCa, Issuer, KeyPair, KeyUsagePurpose};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use sportello_wallet_token::apple::{Apple, MerchantKey, merchant_id_hash, roots_from_pem};
use x509_cert::Certificate;
use x509_cert::attr::{Attribute, Attributes};
use x509_cert::der::asn1::{ObjectIdentifier, OctetString, SetOfVec, UtcTime};
use x509_cert::der::{Any, Decode, Encode};
use x509_cert::spki::AlgorithmIdentifierOwned;
use x509_cert::time::Time;

use super::{APPLE_PAN, CRYPTOGRAM, NOW_MS, key, pem};

pub(crate) const MERCHANT_ID: &str = "merchant.example.sportello";
pub(crate) const LEAF_MARK: &[u64] = &[1, 2, 840, 113_635, 100, 6, 29];
pub(crate) const INTERMEDIATE_MARK: &[u64] = &[1, 2, 840, 113_635, 100, 6, 2, 14];

/// What the content is encrypted with in a token of RSA_v1.
pub(crate) const CONTENT_KEY: [u8; 16] = [9; 16];
pub(crate) const MERCHANT_RSA: &str = include_str!("merchant-rsa.pem");
const LEAF_RSA: &str = include_str!("leaf-rsa.pem");

/// How a wallet's certificates are made, right unless a test spoils them.
#[derive(Clone)]
pub(crate) struct Chain {
    pub(crate) root: &'static str,
    pub(crate) leaf_mark: bool,
    pub(crate) intermediate_mark: bool,
    pub(crate) intermediate_is_authority: bool,
    pub(crate) intermediate_signs_certificates: bool,
    pub(crate) leaf_is_authority: bool,
    pub(crate) leaf_signs: bool,
    /// An extension that nobody knows, and whoever does not must turn the certificate down.
    pub(crate) leaf_unknown_critical: bool,
    pub(crate) leaf_from_year: i32,
    pub(crate) leaf_until_year: i32,
    pub(crate) intermediate_until_year: i32,
    pub(crate) root_until_year: i32,
    pub(crate) leaf_is_rsa: bool,
    /// The leaf is signed by a key that is not the intermediate's.
    pub(crate) leaf_by_another: bool,
}

impl Default for Chain {
    fn default() -> Self {
        Self {
            root: "Test Root CA",
            leaf_mark: true,
            intermediate_mark: true,
            intermediate_is_authority: true,
            intermediate_signs_certificates: true,
            leaf_is_authority: false,
            leaf_signs: true,
            leaf_unknown_critical: false,
            leaf_from_year: 2025,
            leaf_until_year: 2030,
            intermediate_until_year: 2032,
            root_until_year: 2040,
            leaf_is_rsa: false,
            leaf_by_another: false,
        }
    }
}

enum LeafKey {
    Ec(p256::ecdsa::SigningKey),
    Rsa(Box<rsa::PrivateKey>),
}

/// A wallet with its certificates.
pub(crate) struct Wallet {
    pub(crate) root_pem: String,
    pub(crate) root: Certificate,
    pub(crate) leaf: Certificate,
    pub(crate) intermediate: Certificate,
    leaf_key: LeafKey,
}

/// A content key, wrapped for the merchant's key of RSA.
pub(crate) fn wrapped(content_key: &[u8]) -> Vec<u8> {
    let private = rsa::PrivateKey::from_pkcs8_pem(MERCHANT_RSA).unwrap();
    rsa::PublicKey::from(&private).oaep_encrypt::<Sha256>(content_key).unwrap()
}

fn params(name: &str, from: i32, until: i32) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name.push(DnType::CommonName, name);
    params.not_before = rcgen::date_time_ymd(from, 1, 1);
    params.not_after = rcgen::date_time_ymd(until, 1, 1);
    params
}

/// A mark is an extension that holds NULL.
fn mark(oid: &[u64]) -> CustomExtension {
    CustomExtension::from_oid_content(oid, vec![5, 0])
}

fn pair(seed: u8) -> KeyPair {
    KeyPair::from_pem(&pem(&key(seed))).unwrap()
}

impl Wallet {
    pub(crate) fn new(chain: &Chain) -> Self {
        let root_pair = KeyPair::generate_for(&rcgen::PKCS_ECDSA_P384_SHA384).unwrap();
        let mut root = params(chain.root, 2020, chain.root_until_year);
        root.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        root.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        let root_certificate = root.self_signed(&root_pair).unwrap();
        let root_issuer = Issuer::new(root, root_pair);

        let intermediate_pair = pair(21);
        let mut intermediate = params("Test Application Integration CA", 2021, chain.intermediate_until_year);
        if chain.intermediate_is_authority {
            intermediate.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        } else {
            intermediate.is_ca = IsCa::ExplicitNoCa;
        }
        intermediate.key_usages = vec![KeyUsagePurpose::CrlSign];
        if chain.intermediate_signs_certificates {
            intermediate.key_usages.push(KeyUsagePurpose::KeyCertSign);
        }
        if chain.intermediate_mark {
            intermediate.custom_extensions.push(mark(INTERMEDIATE_MARK));
        }
        let intermediate_certificate = intermediate.signed_by(&intermediate_pair, &root_issuer).unwrap();
        let issuer_pair = if chain.leaf_by_another { pair(22) } else { intermediate_pair };
        let intermediate_issuer = Issuer::new(intermediate, issuer_pair);

        let mut leaf = params("ecc-smp-broker-sign_TEST", chain.leaf_from_year, chain.leaf_until_year);
        leaf.is_ca =
            if chain.leaf_is_authority { IsCa::Ca(BasicConstraints::Unconstrained) } else { IsCa::ExplicitNoCa };
        let usage = if chain.leaf_signs { KeyUsagePurpose::DigitalSignature } else { KeyUsagePurpose::KeyAgreement };
        leaf.key_usages = vec![usage];
        if chain.leaf_mark {
            leaf.custom_extensions.push(mark(LEAF_MARK));
        }
        if chain.leaf_unknown_critical {
            let mut unknown = mark(&[1, 2, 3, 4]);
            unknown.set_criticality(true);
            leaf.custom_extensions.push(unknown);
        }
        let (leaf_pair, leaf_key) = if chain.leaf_is_rsa {
            let key = rsa::PrivateKey::from_pkcs8_pem(LEAF_RSA).unwrap();
            (KeyPair::from_pem(LEAF_RSA).unwrap(), LeafKey::Rsa(Box::new(key)))
        } else {
            (pair(23), LeafKey::Ec(key(23).into()))
        };
        let leaf_certificate = leaf.signed_by(&leaf_pair, &intermediate_issuer).unwrap();

        let read = |certificate: &rcgen::Certificate| Certificate::from_der(certificate.der()).unwrap();
        Self {
            root_pem: root_certificate.pem(),
            root: read(&root_certificate),
            leaf: read(&leaf_certificate),
            intermediate: read(&intermediate_certificate),
            leaf_key,
        }
    }

    /// A merchant who believes this wallet, with the keys of the tests.
    pub(crate) fn merchant(&self) -> Apple {
        let hash = merchant_id_hash(MERCHANT_ID);
        let keys = vec![
            MerchantKey::from_pem(&pem(&key(1)), hash).unwrap(),
            MerchantKey::from_pem(&pem(&key(2)), hash).unwrap(),
            MerchantKey::from_pem(MERCHANT_RSA, hash).unwrap(),
        ];
        Apple::new(keys, roots_from_pem(&self.root_pem).unwrap())
    }

    /// A CMS signature over `content`.
    pub(crate) fn sign(&self, draft: &Draft, content: &[u8]) -> Vec<u8> {
        let digest = draft.digest.clone().unwrap_or_else(|| Sha256::digest(content).to_vec());
        let mut attributes = vec![
            attribute("1.2.840.113549.1.9.3", &ObjectIdentifier::new_unwrap("1.2.840.113549.1.7.1")),
            attribute("1.2.840.113549.1.9.4", &OctetString::new(digest).unwrap()),
            attribute("1.2.840.113549.1.9.5", &time(draft.signed_ms)),
        ];
        attributes.retain(|attribute| Some(attribute.oid) != draft.without.map(ObjectIdentifier::new_unwrap));
        if draft.twice {
            attributes.push(attribute("1.2.840.113549.1.9.5", &time(draft.signed_ms + 1000)));
        }
        let attributes: Attributes = SetOfVec::try_from(attributes).unwrap();
        let signed = attributes.to_der().unwrap();
        let (signature, algorithm) = match &self.leaf_key {
            LeafKey::Ec(key) => {
                let signature: p256::ecdsa::Signature = key.sign(&signed);
                (signature.to_der().as_bytes().to_vec(), "1.2.840.10045.4.3.2")
            }
            LeafKey::Rsa(key) => (key.pkcs1v15_sign::<Sha256>(&signed).unwrap(), "1.2.840.113549.1.1.1"),
        };
        let of = |oid: &str| AlgorithmIdentifierOwned { oid: ObjectIdentifier::new(oid).unwrap(), parameters: None };
        let facts = draft.signer.as_ref().unwrap_or(&self.leaf).tbs_certificate();
        let signer = SignerInfo {
            version: CmsVersion::V1,
            sid: SignerIdentifier::IssuerAndSerialNumber(IssuerAndSerialNumber {
                issuer: facts.issuer().clone(),
                serial_number: facts.serial_number().clone(),
            }),
            digest_alg: of("2.16.840.1.101.3.4.2.1"),
            signed_attrs: draft.attributes.then_some(attributes),
            signature_algorithm: of(algorithm),
            signature: OctetString::new(signature).unwrap(),
            unsigned_attrs: None,
        };
        let certificates =
            draft.certificates.clone().unwrap_or_else(|| vec![self.leaf.clone(), self.intermediate.clone()]);
        let certificates: Vec<_> = certificates.into_iter().map(CertificateChoices::Certificate).collect();
        let signers = vec![signer; draft.signers];
        let signed = SignedData {
            version: CmsVersion::V1,
            digest_algorithms: SetOfVec::try_from(vec![of("2.16.840.1.101.3.4.2.1")]).unwrap(),
            encap_content_info: EncapsulatedContentInfo {
                econtent_type: ObjectIdentifier::new_unwrap("1.2.840.113549.1.7.1"),
                econtent: draft.attached.then(|| Any::encode_from(&OctetString::new(content).unwrap()).unwrap()),
            },
            certificates: Some(certificates.try_into().unwrap()),
            crls: None,
            signer_infos: signers.try_into().unwrap(),
        };
        let info = ContentInfo {
            content_type: ObjectIdentifier::new_unwrap("1.2.840.113549.1.7.2"),
            content: Any::encode_from(&signed).unwrap(),
        };
        info.to_der().unwrap()
    }

    /// A token.
    pub(crate) fn mint(&self, draft: &Draft) -> Value {
        let plain = draft.payload.to_string();
        let nonce = Nonce::<U16>::default();
        let merchant_hash = merchant_id_hash(draft.merchant_id);
        let (version, member, material, public_key_hash, data) = if draft.is_rsa {
            let private = rsa::PrivateKey::from_pkcs8_pem(MERCHANT_RSA).unwrap();
            let public = rsa::PublicKey::from(&private);
            let data = AesGcm::<Aes128, U16>::new_from_slice(&CONTENT_KEY).unwrap().encrypt(&nonce, plain.as_bytes());
            let info = public.to_public_key_der().unwrap();
            ("RSA_v1", "wrappedKey", wrapped(&CONTENT_KEY), Sha256::digest(info.as_bytes()), data.unwrap())
        } else {
            let (ephemeral, own) = (key(99), key(draft.key).public_key());
            let shared = p256::ecdh::diffie_hellman(ephemeral.to_nonzero_scalar(), own.as_affine());
            let mut hash = Sha256::new();
            hash.update([0, 0, 0, 1]);
            hash.update(shared.raw_secret_bytes());
            hash.update(b"\x0Did-aes256-GCMApple");
            hash.update(merchant_hash);
            let cipher = AesGcm::<Aes256, U16>::new_from_slice(&hash.finalize()).unwrap();
            let data = cipher.encrypt(&nonce, plain.as_bytes()).unwrap();
            let info = ephemeral.public_key().to_public_key_der().unwrap().into_vec();
            let hash = Sha256::digest(own.to_public_key_der().unwrap().as_bytes());
            ("EC_v1", "ephemeralPublicKey", info, hash, data)
        };
        let material = draft.material.clone().unwrap_or(material);
        let application_data = draft.application_data.map(|data| Sha256::digest(data).to_vec());
        let id = hex::decode(&draft.transaction_id).unwrap();
        let content = [&material, &data, &id, application_data.as_deref().unwrap_or_default()].map(Vec::from).concat();
        let mut header = json!({
            (member): BASE64_STANDARD.encode(&material),
            "publicKeyHash": BASE64_STANDARD.encode(public_key_hash),
            "transactionId": draft.transaction_id,
        });
        if let Some(data) = application_data {
            header["applicationData"] = json!(hex::encode(data));
        }
        json!({
            "version": version,
            "data": BASE64_STANDARD.encode(&data),
            "signature": BASE64_STANDARD.encode(self.sign(draft, &content)),
            "header": header,
        })
    }
}

fn attribute(oid: &str, value: &impl Encode) -> Attribute {
    let value = Any::from_der(&value.to_der().unwrap()).unwrap();
    Attribute { oid: ObjectIdentifier::new(oid).unwrap(), values: SetOfVec::try_from(vec![value]).unwrap() }
}

fn time(at_ms: u64) -> Time {
    Time::UtcTime(UtcTime::from_unix_duration(std::time::Duration::from_millis(at_ms)).unwrap())
}

/// What a token is to be, right unless a test spoils it.
#[derive(Clone)]
pub(crate) struct Draft {
    pub(crate) payload: Value,
    pub(crate) is_rsa: bool,
    /// What the header has, and the wallet signs, in place of the ephemeral key or of the wrapped one.
    pub(crate) material: Option<Vec<u8>>,
    pub(crate) key: u8,
    pub(crate) merchant_id: &'static str,
    pub(crate) transaction_id: String,
    pub(crate) application_data: Option<&'static [u8]>,
    pub(crate) signed_ms: u64,
    pub(crate) digest: Option<Vec<u8>>,
    pub(crate) attributes: bool,
    pub(crate) without: Option<&'static str>,
    pub(crate) twice: bool,
    pub(crate) signers: usize,
    pub(crate) attached: bool,
    pub(crate) certificates: Option<Vec<Certificate>>,
    pub(crate) signer: Option<Certificate>,
}

impl Default for Draft {
    fn default() -> Self {
        Self {
            payload: json!({
                "applicationPrimaryAccountNumber": APPLE_PAN,
                "applicationExpirationDate": "301231",
                "currencyCode": "978",
                "transactionAmount": 2000,
                "deviceManufacturerIdentifier": "040010030273",
                "paymentDataType": "3DSecure",
                "paymentData": {"onlinePaymentCryptogram": CRYPTOGRAM, "eciIndicator": "7"},
            }),
            is_rsa: false,
            material: None,
            key: 1,
            merchant_id: MERCHANT_ID,
            transaction_id: "0badc0de".repeat(8),
            application_data: None,
            signed_ms: NOW_MS - 2000,
            digest: None,
            attributes: true,
            without: None,
            twice: false,
            signers: 1,
            attached: false,
            certificates: None,
            signer: None,
        }
    }
}
