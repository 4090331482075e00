//! Which refusals of a POST prove that nothing was done. Whatever is not here proves nothing: the outcome is unknown.
//!
//! Two tables: message codes, each at the status it is defined for, and bare statuses, for refusals that come without a
//! code from something in front of the bank's interface. A code that is not in the first table is not saved by the second:
//! it may say anything.

use serde_json::Value;

/// A refusal that proves that no payment was made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Refusal {
    /// The HTTP status.
    pub status: u16,
    /// The message code, or a name for the bare status.
    pub code: &'static str,
    /// The same for a person.
    pub sentence: &'static str,
}

const fn row(status: u16, code: &'static str, sentence: &'static str) -> Refusal {
    Refusal { status, code, sentence }
}

/// Message codes (NextGenPSD2 implementation guidelines 1.3.11, section 14.11: those of general use, and of PIS). Each
/// says that the request was turned down before a payment resource was made. All of them speak of this bank and this
/// access, so that another rail may answer differently.
///
/// Left out on purpose: `STATUS_INVALID` (409), `INTERNAL_SERVER_ERROR`, `RESOURCE_*`, `CANCELLATION_INVALID`, which
/// speak of something that exists; `REQUESTED_FORMATS_INVALID` (406), which frameworks say when they come to write the
/// answer, after the work; and 408 and 5xx whatever they carry.
#[rustfmt::skip]
const CODES: &[Refusal] = &[
    row(400, "FORMAT_ERROR", "the bank could not read the order"),
    row(400, "PARAMETER_NOT_CONSISTENT", "the bank finds the order inconsistent"),
    row(400, "PARAMETER_NOT_SUPPORTED", "the bank does not support a part of the order"),
    row(400, "EXECUTION_DATE_INVALID", "the bank does not take the date of the order"),
    row(400, "TIMESTAMP_INVALID", "the bank does not take the time of the order"),
    row(400, "SERVICE_INVALID", "the bank does not offer this service"),
    // "The payment initiation POST request failed during the initial process": for one, for want of funds.
    row(400, "PAYMENT_FAILED", "the bank turned the payment down"),
    row(401, "CERTIFICATE_INVALID", "the bank does not accept the gateway's certificate"),
    row(401, "CERTIFICATE_EXPIRED", "the gateway's certificate has expired"),
    row(401, "CERTIFICATE_BLOCKED", "the gateway's certificate is blocked"),
    row(401, "CERTIFICATE_REVOKED", "the gateway's certificate is revoked"),
    row(401, "CERTIFICATE_MISSING", "the bank wants a certificate"),
    row(401, "ROLE_INVALID", "the gateway may not initiate payments at this bank"),
    row(401, "SIGNATURE_INVALID", "the bank does not accept the gateway's signature"),
    row(401, "SIGNATURE_MISSING", "the bank wants a signature"),
    row(401, "CORPORATE_ID_INVALID", "the bank does not know the corporate customer"),
    row(401, "PSU_CREDENTIALS_INVALID", "the bank does not accept the customer's credentials"),
    row(401, "CONSENT_INVALID", "the bank does not accept the consent"),
    row(401, "CONSENT_EXPIRED", "the consent has expired"),
    row(401, "TOKEN_UNKNOWN", "the bank does not know the gateway's access token"),
    row(401, "TOKEN_INVALID", "the bank does not accept the gateway's access token"),
    row(401, "TOKEN_EXPIRED", "the gateway's access token has expired"),
    row(401, "REQUIRED_KID_MISSING", "the bank wants a KID reference"),
    row(403, "SERVICE_BLOCKED", "the bank has blocked this service for the gateway"),
    row(403, "PRODUCT_INVALID", "the customer cannot use this kind of payment"),
    row(403, "CONSENT_UNKNOWN", "the bank does not know the consent"),
    row(404, "PRODUCT_UNKNOWN", "the bank does not offer this kind of payment"),
    row(405, "SERVICE_INVALID", "the bank does not offer this service"),
    row(429, "ACCESS_EXCEEDED", "the bank takes no more requests now"),
];

/// Statuses that come with no code. 403 is not among them: a firewall that does not like the bank's answer says the same.
#[rustfmt::skip]
const STATUSES: &[Refusal] = &[
    // RFC 9110, 15.5.2: "the request has not been applied because it lacks valid authentication credentials".
    row(401, "UNAUTHORIZED", "the bank does not accept the gateway's access token"),
    // RFC 9110, 15.5.16: "refusing to service the request because the content is in a format not supported".
    row(415, "UNSUPPORTED_MEDIA_TYPE", "the bank does not take orders in this form"),
];

/// The refusal that `status` and `body` amount to, if they prove that nothing was done. What names a payment proves the
/// contrary.
pub(crate) fn refusal(status: u16, body: &[u8]) -> Option<Refusal> {
    let names_payment = serde_json::from_slice::<Value>(body).is_ok_and(|body| {
        let is_rejected = body.get("transactionStatus").is_none_or(|status| status == "RJCT");
        body.get("paymentId").is_some() || !is_rejected
    });
    if names_payment {
        return None;
    }
    let codes = codes(body);
    if codes.is_empty() {
        return STATUSES.iter().find(|row| row.status == status).copied();
    }
    let mut rows = codes.iter().map(|code| CODES.iter().find(|row| row.status == status && row.code == code));
    let first = rows.next()??;
    rows.all(|row| row.is_some()).then_some(*first)
}

/// The codes of all messages that are no mere warnings, in either form of an error: `tppMessages`, or a problem (RFC 7807)
/// with `code` and `additionalErrors`.
pub(crate) fn codes(body: &[u8]) -> Vec<String> {
    let Ok(body) = serde_json::from_slice::<Value>(body) else {
        return Vec::new();
    };
    let listed = |name: &str| body.get(name).and_then(Value::as_array).into_iter().flatten();
    let messages = listed("tppMessages")
        .filter(|message| message.get("category").and_then(Value::as_str) != Some("WARNING"))
        .chain(listed("additionalErrors"));
    std::iter::once(&body)
        .chain(messages)
        .filter_map(|message| message.get("code").and_then(Value::as_str))
        .map(str::to_owned)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_in_the_tables_proves_anything() {
        let check = |status, body: &str, expected: Option<&str>| {
            let read = refusal(status, body.as_bytes()).map(|row| row.code);
            assert_eq!(read, expected, "{status} {body}");
        };
        let messages = |codes: &[&str]| {
            let list: Vec<_> =
                codes.iter().map(|code| serde_json::json!({"category": "ERROR", "code": code, "text": "…"})).collect();
            serde_json::json!({ "tppMessages": list }).to_string()
        };
        check(400, &messages(&["FORMAT_ERROR"]), Some("FORMAT_ERROR"));
        check(400, &messages(&["PAYMENT_FAILED"]), Some("PAYMENT_FAILED"));
        check(401, &messages(&["TOKEN_EXPIRED"]), Some("TOKEN_EXPIRED"));
        check(429, &messages(&["ACCESS_EXCEEDED"]), Some("ACCESS_EXCEEDED"));
        check(400, r#"{"type":"https://b/err","title":"x","code":"FORMAT_ERROR"}"#, Some("FORMAT_ERROR"));
        check(401, "", Some("UNAUTHORIZED"));
        // A code at the wrong status, two codes of which one is new, a new code at a status that would do without.
        check(500, &messages(&["FORMAT_ERROR"]), None);
        check(409, &messages(&["FORMAT_ERROR"]), None);
        check(400, &messages(&["FORMAT_ERROR", "SOMETHING_NEW"]), None);
        check(401, &messages(&["SOMETHING_NEW"]), None);
        for status in [400, 403, 404, 405, 406, 408, 409, 418, 429, 500, 502, 503, 504] {
            check(status, "", None);
            check(status, "{}", None);
            check(status, &messages(&["SOMETHING_NEW"]), None);
        }
        check(400, r#"{"tppMessages":[{"category":"WARNING","code":"FORMAT_ERROR"}]}"#, None);
        check(400, r#"{"tppMessages":"FORMAT_ERROR"}"#, None);
    }
}
