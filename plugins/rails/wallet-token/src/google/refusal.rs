//! Why a Google Pay token is not taken: one reason each, for the operator.

use std::fmt;

/// Why a token is not taken, in the order in which it is looked at. Nothing of the token itself is in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {
    /// Not the JSON of a token, or longer than any.
    Malformed,
    /// Another protocol than `ECv2`.
    Version,
    /// A member that is not the base64 that it should be.
    Encoding,
    /// No root key is valid at the time.
    Roots,
    /// No root key has signed the intermediate key.
    IntermediateSignature,
    /// The intermediate key cannot be read.
    IntermediateKey,
    /// The intermediate key has expired.
    IntermediateExpired,
    /// The intermediate key has not signed this message for us.
    Signature,
    /// What leads to the content's key cannot be read.
    KeyMaterial,
    /// The content is sealed for none of our keys.
    Sealed,
    /// The content is not that of a payment.
    Payload,
    /// The message has expired.
    MessageExpired,
    /// For another merchant of the gateway's.
    GatewayMerchant,
    /// Not a card.
    PaymentMethod,
    /// Neither `PAN_ONLY` nor `CRYPTOGRAM_3DS`.
    AuthMethod,
    /// The cryptogram is missing or none.
    Cryptogram,
    /// The number is none.
    Pan,
    /// The number has expired.
    Expired,
}

impl Refusal {
    /// A word to branch on.
    pub fn code(self) -> &'static str {
        self.row().0
    }

    #[rustfmt::skip]
    fn row(self) -> (&'static str, &'static str) {
        match self {
            Self::Malformed => ("google_malformed", "this is not the JSON of a Google Pay token"),
            Self::Version => ("google_version", "the token is not of the protocol ECv2"),
            Self::Encoding => ("google_encoding", "a member of the token is not properly encoded"),
            Self::Roots => ("google_roots", "every configured root key has expired"),
            Self::IntermediateSignature => ("google_intermediate_signature", "no configured root key has signed the intermediate key"),
            Self::IntermediateKey => ("google_intermediate_key", "the intermediate key cannot be read"),
            Self::IntermediateExpired => ("google_intermediate_expired", "the intermediate key had expired when the token arrived"),
            Self::Signature => ("google_signature", "the message is not signed for this recipient id, or was altered"),
            Self::KeyMaterial => ("google_key_material", "the token's key cannot be read"),
            Self::Sealed => ("google_sealed", "the token is sealed for a merchant key that is not configured"),
            Self::Payload => ("google_payload", "the token holds no payment"),
            Self::MessageExpired => ("google_message_expired", "the token had expired when it arrived"),
            Self::GatewayMerchant => ("google_gateway_merchant", "the token is for another merchant of the gateway"),
            Self::PaymentMethod => ("google_payment_method", "the token holds another means of payment than a card"),
            Self::AuthMethod => ("google_auth_method", "the token is authenticated in a way that is not known"),
            Self::Cryptogram => ("google_cryptogram", "the token holds no valid cryptogram"),
            Self::Pan => ("google_pan", "the token holds no valid number"),
            Self::Expired => ("google_expired", "the number in the token has expired"),
        }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.row().1)
    }
}

impl std::error::Error for Refusal {}
