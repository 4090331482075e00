//! PDUs: the header, and the bodies that are sent and received (SMPP 3.4, sections 3 to 5). The bodies' mandatory parts
//! are the codec crate's; optional parameters are read here, one by one, since what SMSCs write into them is not always
//! as the specification has it, and one that is wrong must not cost the message.

use bytes::{BufMut, Bytes, BytesMut};
use rusmpp_core::CommandId;
use rusmpp_core::decode::borrowed::DecodeWithLength;
use rusmpp_core::encode::owned::Encode;
use rusmpp_core::pdus::{borrowed, owned};
use rusmpp_core::types::owned::{COctetString, OctetString};
use rusmpp_core::values::{DataCoding, EsmClass, InterfaceVersion, Npi, RegisteredDelivery, Ton};

use crate::status;

/// A header's length, in octets.
pub(crate) const HEADER_LEN: usize = 16;

/// The longest PDU that is taken, in octets: one whose `message_payload` is as long as it can be has a little more than
/// 64 kB.
pub(crate) const PDU_LEN_MAX: usize = 68 << 10;

/// `esm_class`: the user data begins with a header (SMPP 3.4, section 5.2.12).
const UDH_INDICATOR: u8 = 0x40;

/// A PDU's header, without its length.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Header {
    /// What it is.
    pub(crate) command: CommandId,
    /// How a request went; 0 in requests.
    pub(crate) status: u32,
    /// Which request an answer is for.
    pub(crate) sequence: u32,
}

/// A PDU whose length made sense.
#[derive(Clone, PartialEq, Eq)]
#[cfg_attr(test, derive(Debug))]
pub(crate) struct Pdu {
    pub(crate) header: Header,
    pub(crate) body: Bytes,
}

/// A length that no PDU has: where the next one begins is not known any more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct BadLength {
    /// `sequence_number`, where there was one.
    pub(crate) sequence: u32,
}

/// Takes the next PDU from what has arrived; nothing while it is not all there.
///
/// # Errors
/// [`BadLength`].
pub(crate) fn next(arrived: &mut BytesMut) -> Option<Result<Pdu, BadLength>> {
    let word = |at: usize| arrived.get(at..at + 4).and_then(|octets| octets.try_into().ok()).map(u32::from_be_bytes);
    let len = usize::try_from(word(0)?).unwrap_or(usize::MAX);
    if !(HEADER_LEN..=PDU_LEN_MAX).contains(&len) {
        return Some(Err(BadLength { sequence: word(12).unwrap_or(0) }));
    }
    let header = Header { command: CommandId::from(word(4)?), status: word(8)?, sequence: word(12)? };
    if arrived.len() < len {
        return None;
    }
    let body = arrived.split_to(len).freeze().slice(HEADER_LEN..);
    Some(Ok(Pdu { header, body }))
}

/// Writes a PDU.
pub(crate) fn write(header: Header, body: &[u8], out: &mut BytesMut) {
    out.reserve(HEADER_LEN + body.len());
    // A body of ours is a few hundred octets.
    out.put_u32(u32::try_from(HEADER_LEN + body.len()).unwrap_or(u32::MAX));
    out.put_u32(header.command.into());
    out.put_u32(header.status);
    out.put_u32(header.sequence);
    out.put_slice(body);
}

/// What a link is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Role {
    /// Notes and messages.
    Transceiver,
    /// Notes.
    Transmitter,
    /// Messages.
    Receiver,
}

impl Role {
    /// The request that makes it so.
    pub(crate) fn command(self) -> CommandId {
        match self {
            Self::Transceiver => CommandId::BindTransceiver,
            Self::Transmitter => CommandId::BindTransmitter,
            Self::Receiver => CommandId::BindReceiver,
        }
    }

    /// Whether notes may be sent by it.
    pub(crate) fn transmits(self) -> bool {
        self != Self::Receiver
    }
}

/// The body of a bind, the same for every role. It holds the password, and shows itself to nobody.
#[derive(Clone)]
pub(crate) struct Bind(Bytes);

impl Bind {
    /// Who binds, and how (SMPP 3.4, section 4.1).
    ///
    /// # Errors
    /// The name of the setting that does not fit into its field.
    pub(crate) fn new(
        system_id: &str,
        password: &str,
        system_type: &str,
        version: u8,
        address_range: &str,
    ) -> Result<Self, &'static str> {
        let bind = owned::BindTransceiver::builder()
            .system_id(text(system_id).ok_or("system_id")?)
            .password(text(password).ok_or("password")?)
            .system_type(text(system_type).ok_or("system_type")?)
            .interface_version(InterfaceVersion::from(version))
            .address_range(text(address_range).ok_or("address_range")?)
            .build();
        Ok(Self(encoded(&bind)))
    }

    pub(crate) fn body(&self) -> &[u8] {
        &self.0
    }
}

/// A sender's or a receiver's address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Address {
    /// Type of number.
    pub(crate) ton: u8,
    /// Numbering plan.
    pub(crate) npi: u8,
    /// At most 20 characters of ASCII.
    pub(crate) text: String,
}

/// The body of a `submit_sm` (SMPP 3.4, section 4.4.1); nothing where something is too long for its field.
pub(crate) fn submit_sm(
    from: &Address,
    to: &Address,
    (coding, user_data, has_header): (u8, Vec<u8>, bool),
    wants_receipt: bool,
) -> Option<Bytes> {
    let submit = owned::SubmitSm::builder()
        .source_addr_ton(Ton::from(from.ton))
        .source_addr_npi(Npi::from(from.npi))
        .source_addr(text(&from.text)?)
        .dest_addr_ton(Ton::from(to.ton))
        .dest_addr_npi(Npi::from(to.npi))
        .destination_addr(text(&to.text)?)
        .esm_class(EsmClass::from(if has_header { UDH_INDICATOR } else { 0 }))
        .registered_delivery(RegisteredDelivery::from(u8::from(wants_receipt)))
        .data_coding(DataCoding::from(coding))
        .short_message(OctetString::from_vec(user_data).ok()?)
        .build();
    Some(encoded(&submit))
}

fn text<const MAX: usize>(text: &str) -> Option<COctetString<1, MAX>> {
    COctetString::from_string(text.to_owned()).ok()
}

fn encoded(body: &impl Encode) -> Bytes {
    let mut out = BytesMut::with_capacity(body.length());
    body.encode(&mut out);
    out.freeze()
}

/// A `deliver_sm` or a `data_sm`: somebody's message, or a receipt.
#[derive(Clone, PartialEq, Eq)]
#[cfg_attr(test, derive(Debug))]
pub(crate) struct Delivery {
    pub(crate) from: Address,
    pub(crate) to: String,
    pub(crate) esm_class: u8,
    pub(crate) coding: u8,
    /// `short_message`, or `message_payload` where there is none.
    pub(crate) user_data: Bytes,
    /// `sar_msg_ref_num`, `sar_total_segments` and `sar_segment_seqnum`, where all are there.
    pub(crate) sar: Option<(u16, u8, u8)>,
    pub(crate) receipted_message_id: Option<String>,
    pub(crate) message_state: Option<u8>,
}

impl Delivery {
    /// Whether the user data begins with a header.
    pub(crate) fn has_header(&self) -> bool {
        self.esm_class & UDH_INDICATOR != 0
    }

    /// Reads a body.
    ///
    /// # Errors
    /// The status to answer with.
    pub(crate) fn read(command: CommandId, body: &Bytes) -> Result<Self, u32> {
        let fields = if command == CommandId::DataSm { DATA_SM } else { DELIVER_SM };
        let len = mandatory_len(body, fields).ok_or(status::RINVCMDLEN)?;
        let mandatory = body.get(..len).unwrap_or_default();
        let mut delivery = if command == CommandId::DataSm {
            let (data, _) = borrowed::DataSm::<0>::decode(mandatory, len).map_err(|_| status::RINVCMDLEN)?;
            Self::new(
                (data.source_addr_ton.into(), data.source_addr_npi.into(), data.source_addr.as_str()),
                data.destination_addr.as_str(),
                (data.esm_class.into(), data.data_coding.into()),
                Bytes::new(),
            )
        } else {
            let (deliver, _) = borrowed::DeliverSm::<0>::decode(mandatory, len).map_err(|_| status::RINVCMDLEN)?;
            // It stands last.
            let start = len - usize::from(deliver.sm_length());
            Self::new(
                (deliver.source_addr_ton.into(), deliver.source_addr_npi.into(), deliver.source_addr.as_str()),
                deliver.destination_addr.as_str(),
                (deliver.esm_class.into(), deliver.data_coding.into()),
                body.slice(start..len),
            )
        };
        delivery.read_optional(body.slice(len..)).ok_or(status::RINVOPTPARSTREAM)?;
        Ok(delivery)
    }

    fn new(from: (u8, u8, &str), to: &str, (esm_class, coding): (u8, u8), user_data: Bytes) -> Self {
        let (ton, npi, text) = from;
        Self {
            from: Address { ton, npi, text: text.to_owned() },
            to: to.to_owned(),
            esm_class,
            coding,
            user_data,
            sar: None,
            receipted_message_id: None,
            message_state: None,
        }
    }

    /// Reads the optional parameters (SMPP 3.4, section 3.2.4.1); nothing where one goes beyond the end. What is unknown,
    /// or not as long as it should be, is passed over.
    fn read_optional(&mut self, mut rest: Bytes) -> Option<()> {
        let (mut reference, mut total, mut index) = (None, None, None);
        while !rest.is_empty() {
            let (tag, len) = (pair(&rest)?, usize::from(pair(rest.get(2..)?)?));
            if rest.len() < 4 + len {
                return None;
            }
            let value = rest.slice(4..4 + len);
            rest = rest.slice(4 + len..);
            match tag {
                0x001e => self.receipted_message_id = message_id(&value),
                0x020c => reference = pair(&value),
                0x020e => total = value.first().copied(),
                0x020f => index = value.first().copied(),
                0x0424 if self.user_data.is_empty() => self.user_data = value,
                0x0427 => self.message_state = value.first().copied(),
                _ => {}
            }
        }
        if let (Some(reference), Some(total), Some(index)) = (reference, total, index) {
            self.sar = Some((reference, total, index));
        }
        Some(())
    }
}

/// The id that a `submit_sm_resp` or a receipt gives: up to a NUL, which some leave out; nothing where it is none.
pub(crate) fn message_id(octets: &[u8]) -> Option<String> {
    let id = octets.split(|octet| *octet == 0).next().unwrap_or_default();
    let is_id = (1..=64).contains(&id.len()) && id.iter().all(u8::is_ascii_graphic);
    std::str::from_utf8(id).ok().filter(|_| is_id).map(str::to_owned)
}

fn pair(octets: &[u8]) -> Option<u16> {
    octets.first_chunk().map(|pair| u16::from_be_bytes(*pair))
}

/// How a mandatory part is laid out.
#[derive(Clone, Copy)]
enum Field {
    /// Up to and with a NUL.
    Text,
    /// So many octets.
    Octets(usize),
    /// An octet that says how many follow.
    Counted,
}

use Field::{Counted, Octets, Text};

/// SMPP 3.4, section 4.6.1.
const DELIVER_SM: &[Field] = &[Text, Octets(2), Text, Octets(2), Text, Octets(3), Text, Text, Octets(4), Counted];
/// SMPP 3.4, section 4.7.1.
const DATA_SM: &[Field] = &[Text, Octets(2), Text, Octets(2), Text, Octets(3)];

/// Where the mandatory part of a body ends; nothing where the body ends before.
fn mandatory_len(body: &[u8], fields: &[Field]) -> Option<usize> {
    let mut at = 0;
    for field in fields {
        let rest = body.get(at..)?;
        at += match field {
            Text => rest.iter().position(|octet| *octet == 0)? + 1,
            Octets(count) => *count,
            Counted => 1 + usize::from(*rest.first()?),
        };
    }
    (at <= body.len()).then_some(at)
}

#[cfg(test)]
#[path = "pdu_tests.rs"]
pub(crate) mod tests;
