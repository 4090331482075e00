//! Points of elliptic curves, as certificates and tokens carry them.

use x509_cert::der::asn1::ObjectIdentifier;
use x509_cert::spki::SubjectPublicKeyInfoOwned;

pub(crate) const EC_PUBLIC_KEY: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.2.1");
const P256: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.3.1.7");
const P384: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.132.0.34");

/// A curve that the wallets use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Curve {
    P256,
    P384,
}

impl Curve {
    /// `bytes`, if they are written as a point of this curve is: uncompressed or compressed (SEC 1, section 2.3.3). The
    /// library that reads it next would also take the hybrid form, and whole keys in a point's place; that a point lies on
    /// its curve is for it to find.
    pub(crate) fn point(self, bytes: &[u8]) -> Option<&[u8]> {
        let coordinate = match self {
            Self::P256 => 32,
            Self::P384 => 48,
        };
        let is_point = match bytes.first()? {
            2 | 3 => bytes.len() == 1 + coordinate,
            4 => bytes.len() == 1 + 2 * coordinate,
            _ => false,
        };
        is_point.then_some(bytes)
    }
}

/// The curve of a key, by its name, and its point (RFC 5480). Nothing if it is no elliptic key, or of another curve.
pub(crate) fn of(info: &SubjectPublicKeyInfoOwned) -> Option<(Curve, &[u8])> {
    if info.algorithm.oid != EC_PUBLIC_KEY {
        return None;
    }
    let name: ObjectIdentifier = info.algorithm.parameters.as_ref()?.decode_as().ok()?;
    let curve = match name {
        P256 => Curve::P256,
        P384 => Curve::P384,
        _ => return None,
    };
    Some((curve, curve.point(info.subject_public_key.as_bytes()?)?))
}
