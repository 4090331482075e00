//! Optional parameters: tag, length, value (SMPP 3.4, sections 3.2.4 and 5.3).

use super::{pdu::Fields, status};

pub(crate) const RECEIPTED_MESSAGE_ID: u16 = 0x001e;
pub(crate) const USER_MESSAGE_REFERENCE: u16 = 0x0204;
pub(crate) const SAR_REFERENCE: u16 = 0x020c;
pub(crate) const SAR_TOTAL: u16 = 0x020e;
pub(crate) const SAR_NUMBER: u16 = 0x020f;
pub(crate) const INTERFACE_VERSION: u16 = 0x0210;
pub(crate) const NETWORK_ERROR: u16 = 0x0423;
pub(crate) const PAYLOAD: u16 = 0x0424;
pub(crate) const MESSAGE_STATE: u16 = 0x0427;

/// The optional parameters that the SMSC understands; all others are skipped, as section 3.3 asks.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Optional<'a> {
    pub(crate) payload: Option<&'a [u8]>,
    pub(crate) reference: Option<u16>,
    pub(crate) sar_reference: Option<u16>,
    pub(crate) sar_total: Option<u8>,
    pub(crate) sar_number: Option<u8>,
}

/// Reads what follows the mandatory part of a body.
///
/// # Errors
/// The status to answer: a parameter longer than the PDU, or one whose value has the wrong length.
pub(crate) fn read(bytes: &[u8]) -> Result<Optional<'_>, u32> {
    let mut fields = Fields(bytes);
    let mut found = Optional::default();
    while !fields.0.is_empty() {
        let (Some(tag), Some(length)) = (fields.two(), fields.two()) else { return Err(status::OPTIONAL_STREAM) };
        let Some(value) = fields.octets(usize::from(length)) else { return Err(status::OPTIONAL_STREAM) };
        match tag {
            PAYLOAD => found.payload = Some(value),
            USER_MESSAGE_REFERENCE => found.reference = Some(two(value)?),
            SAR_REFERENCE => found.sar_reference = Some(two(value)?),
            SAR_TOTAL => found.sar_total = Some(one(value)?),
            SAR_NUMBER => found.sar_number = Some(one(value)?),
            _ => {}
        }
    }
    Ok(found)
}

fn one(value: &[u8]) -> Result<u8, u32> {
    <[u8; 1]>::try_from(value).map(u8::from_be_bytes).map_err(|_| status::OPTIONAL_LENGTH)
}

fn two(value: &[u8]) -> Result<u16, u32> {
    <[u8; 2]>::try_from(value).map(u16::from_be_bytes).map_err(|_| status::OPTIONAL_LENGTH)
}

/// Appends one parameter; a value longer than its length field can say is cut there.
pub(crate) fn push(out: &mut Vec<u8>, tag: u16, value: &[u8]) {
    let length = u16::try_from(value.len()).unwrap_or(u16::MAX);
    out.extend(tag.to_be_bytes());
    out.extend(length.to_be_bytes());
    out.extend(value.iter().take(usize::from(length)));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_are_read_or_refused() {
        let check = |bytes: &[u8], expected: Result<(Option<&[u8]>, Option<u16>), u32>| {
            assert_eq!(read(bytes).map(|found| (found.payload, found.reference)), expected, "{bytes:02x?}");
        };
        let mut good = Vec::new();
        push(&mut good, 0x1501, b"of a vendor");
        push(&mut good, PAYLOAD, b"abc");
        push(&mut good, USER_MESSAGE_REFERENCE, &[1, 2]);
        check(&good, Ok((Some(b"abc"), Some(0x102))));
        check(&[], Ok((None, None)));
        check(&good[..good.len() - 1], Err(status::OPTIONAL_STREAM));
        check(&[4], Err(status::OPTIONAL_STREAM));
        check(&[2, 4, 0, 1, 9], Err(status::OPTIONAL_LENGTH));
    }
}
