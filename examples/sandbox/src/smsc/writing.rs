//! What people write on their phones, cut into the messages that reach the SMSC.

use serde::Deserialize;

use super::{
    address::{self, ALPHANUMERIC, Address, INTERNATIONAL},
    alphabet::Alphabet,
    centre::Centre,
    message,
    parts::{self, Joint, Part},
    phones::Text,
    post::{Kind, Parcel},
    tlv,
};
use crate::{clock, serial};

#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Encoding {
    Gsm,
    Latin1,
    Ucs2,
    /// One message of any length, in `message_payload`.
    Payload,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewText {
    #[serde(rename = "as")]
    person: Option<String>,
    /// A number, in place of a person.
    from: Option<String>,
    /// Where to, if not to the gateway's short code.
    to: Option<String>,
    text: String,
    /// Without it, the shortest that holds the text.
    encoding: Option<Encoding>,
    #[serde(default)]
    parts: Joint,
    /// Makes parts of so few characters, of a text however short.
    characters_per_part: Option<usize>,
    /// Which parts come, in which order, from 0; one may come twice.
    order: Option<Vec<usize>>,
    /// Which parts never come.
    #[serde(default)]
    omit: Vec<usize>,
    #[serde(default = "international")]
    source_ton: u8,
    /// The source address as written, in place of the number.
    source: Option<String>,
}

fn international() -> u8 {
    INTERNATIONAL
}

/// What a phone shows, and what it sends.
#[derive(Debug)]
pub(crate) struct Written {
    pub(crate) text: Text,
    pub(crate) parcels: Vec<Parcel>,
}

impl NewText {
    /// The person or the number that writes.
    pub(crate) fn who(&self) -> Option<&str> {
        self.person.as_deref().or(self.from.as_deref())
    }

    /// Writes it on the phone `who`.
    ///
    /// # Errors
    /// A sentence: an address or an encoding that cannot be, or a part that is not there.
    pub(crate) fn written(self, who: u64, centre: &mut Centre) -> Result<Written, String> {
        let (alphabet, parts, total) = self.parts()?;
        let source = match &self.source {
            Some(text) if text.len() <= 20 && text.is_ascii() => {
                Address { ton: self.source_ton, npi: u8::from(self.source_ton != ALPHANUMERIC), text: text.clone() }
            }
            Some(_) => return Err("source: at most 20 characters of ASCII".to_owned()),
            None => Address::typed(who, self.source_ton),
        };
        let to = self.to.unwrap_or_else(|| centre.account.short_code.clone());
        let destination = match (to.starts_with('+'), address::number(&to)) {
            (true, Some(number)) => Address::international(number),
            (false, _) if to.len() <= 20 && to.is_ascii() => Address::short_code(&to),
            _ => return Err("to: a number as +39…, or at most 20 characters of ASCII".to_owned()),
        };
        let parcel = |part: &Part| {
            let body = message::deliver(&source, &destination, alphabet.data_coding(), part);
            Parcel { kind: Kind::Message, body }
        };
        let text = Text {
            from: format!("+{who}"),
            to: to.clone(),
            text: self.text,
            at_ms: clock::now_ms(),
            parts: total,
            encoding: alphabet,
            ids: parts.iter().map(|_| centre.ids.next().to_string()).collect(),
        };
        Ok(Written { text, parcels: parts.iter().map(parcel).collect() })
    }

    /// The alphabet and the parts, in the order in which they come.
    fn parts(&self) -> Result<(Alphabet, Vec<Part>, usize), String> {
        let alphabet = match self.encoding {
            Some(Encoding::Gsm) => Alphabet::Gsm,
            Some(Encoding::Latin1) => Alphabet::Latin1,
            Some(Encoding::Ucs2) => Alphabet::Ucs2,
            Some(Encoding::Payload) | None => Alphabet::shortest(&self.text),
        };
        if matches!(self.encoding, Some(Encoding::Payload)) {
            let octets = alphabet.encode(&self.text).unwrap_or_default();
            if octets.len() > 64_000 {
                return Err("a payload holds 64000 octets".to_owned());
            }
            let mut tlvs = Vec::new();
            tlv::push(&mut tlvs, tlv::PAYLOAD, &octets);
            return Ok((alphabet, vec![Part { tlvs, ..Part::default() }], 1));
        }
        let [_, _, _, _, _, _, high, low] = serial::random().to_be_bytes();
        let reference = u16::from_be_bytes([high, low]);
        let parts = parts::split(&self.text, alphabet, self.parts, reference, self.characters_per_part)?;
        let total = parts.len();
        let order = self.order.clone().unwrap_or_else(|| (0..total).collect());
        let come = order.iter().filter(|at| !self.omit.contains(at));
        let missing = |at: &usize| format!("there is no part {at}: the text has {total}");
        let parts = come.map(|at| parts.get(*at).cloned().ok_or_else(|| missing(at))).collect::<Result<_, _>>()?;
        Ok((alphabet, parts, total))
    }
}
