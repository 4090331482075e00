//! Why an Apple Pay token is not taken: one reason each, for the operator.

use std::fmt;

/// Why a token is not taken, in the order in which it is looked at. Nothing of the token itself is in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {
    /// Not the JSON of a token, or longer than any.
    Malformed,
    /// Neither `EC_v1` nor `RSA_v1`.
    Version,
    /// A member that is not the base64 or hexadecimal that it should be.
    Encoding,
    /// A transaction id that is not lower-case hexadecimal.
    TransactionId,
    /// The signature is no detached CMS signature.
    Container,
    /// Not exactly one signer.
    Signers,
    /// Signed in a way that is not one of the wallet's.
    Algorithm,
    /// No certificate, or more than one, that is marked as the signer's.
    Leaf,
    /// No certificate, or more than one, that is marked as the intermediate.
    Intermediate,
    /// A certificate that has no place in the chain.
    Certificates,
    /// The signer is not the one whose certificate is there.
    Signer,
    /// No configured root has signed the intermediate.
    Root,
    /// The intermediate has not signed the signer's certificate.
    CertificateSignature,
    /// A certificate that is used for what it was not given for.
    CertificateUse,
    /// A certificate that is not valid at the time.
    CertificateTime,
    /// The signed attributes are not there once each.
    Attributes,
    /// What the token holds is not what was signed.
    Digest,
    /// The signature is not the signer's.
    Signature,
    /// Signed too long before it arrived.
    Stale,
    /// Signed after it arrived.
    Future,
    /// Not bound to this payment.
    ApplicationData,
    /// Sealed for a key that is none of ours.
    Key,
    /// What leads to the content's key cannot be read.
    KeyMaterial,
    /// The content does not open.
    Sealed,
    /// The content is not that of a payment.
    Payload,
    /// The content is of a kind that the acquirer is not sent (EMV data).
    PaymentData,
    /// The number is none.
    Pan,
    /// The number has expired.
    Expired,
    /// Another currency than the payment's.
    Currency,
    /// Another amount than the payment's.
    Amount,
}

impl Refusal {
    /// A word to branch on.
    pub fn code(self) -> &'static str {
        self.row().0
    }

    #[rustfmt::skip]
    fn row(self) -> (&'static str, &'static str) {
        match self {
            Self::Malformed => ("apple_malformed", "this is not the JSON of an Apple Pay token"),
            Self::Version => ("apple_version", "the token is neither EC_v1 nor RSA_v1"),
            Self::Encoding => ("apple_encoding", "a member of the token is not properly encoded"),
            Self::TransactionId => ("apple_transaction_id", "the transaction id is not lower-case hexadecimal"),
            Self::Container => ("apple_container", "the signature is no detached CMS signature"),
            Self::Signers => ("apple_signers", "the signature has not exactly one signer"),
            Self::Algorithm => ("apple_algorithm", "the signature is of a kind that the wallet does not use"),
            Self::Leaf => ("apple_leaf", "the signer's certificate is not there, or does not carry its mark"),
            Self::Intermediate => ("apple_intermediate", "the intermediate certificate is not there, or does not carry its mark"),
            Self::Certificates => ("apple_certificates", "a certificate has no place in the chain"),
            Self::Signer => ("apple_signer", "the signer is another than the certificate's"),
            Self::Root => ("apple_root", "the chain leads to no root that is configured"),
            Self::CertificateSignature => ("apple_certificate_signature", "the signer's certificate is not signed by the intermediate"),
            Self::CertificateUse => ("apple_certificate_use", "a certificate is not meant for this use"),
            Self::CertificateTime => ("apple_certificate_time", "a certificate was not valid when the token arrived"),
            Self::Attributes => ("apple_attributes", "the signed attributes are not complete"),
            Self::Digest => ("apple_digest", "the token was altered after it was signed"),
            Self::Signature => ("apple_signature", "the signature is not the signer's"),
            Self::Stale => ("apple_stale", "the token was signed too long before it arrived"),
            Self::Future => ("apple_future", "the token was signed after it arrived: is the clock right?"),
            Self::ApplicationData => ("apple_application_data", "the token is not bound to this payment"),
            Self::Key => ("apple_key", "the token is sealed for a merchant key that is not configured"),
            Self::KeyMaterial => ("apple_key_material", "the token's key cannot be read"),
            Self::Sealed => ("apple_sealed", "the token does not open: is the merchant id right?"),
            Self::Payload => ("apple_payload", "the token holds no payment"),
            Self::PaymentData => ("apple_payment_data", "the token holds payment data of a kind that is not carried"),
            Self::Pan => ("apple_pan", "the token holds no valid number"),
            Self::Expired => ("apple_expired", "the number in the token has expired"),
            Self::Currency => ("apple_currency", "the token is for another currency"),
            Self::Amount => ("apple_amount", "the token is for another amount"),
        }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.row().1)
    }
}

impl std::error::Error for Refusal {}
