//! What the operator says of the SMSC.

use sportello_sdk::serde::Deserialize;
use sportello_sdk::{Failure, JsonSchema};

use crate::number::{Country, Numbers};
use crate::pdu::{Address, Bind, Role};

/// `[channels.NAME.settings]`. Beside these stands the secret `password`, of at most 8 characters.
///
/// An instance is one account at one provider: receipts find their notes by the provider's ids, which two providers may
/// give twice.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// Where the SMSC listens: `["tls://smsc.example:3550"]`, or `tcp://…` without TLS. One link is made for each (two
    /// where `bind` says so); an address that stands there twice gets two. The grants must name each.
    pub addresses: Vec<String>,
    /// `transceiver`, one link both ways, or `transmitter-and-receiver`, a link for each way.
    #[serde(default)]
    pub bind: BindAs,
    /// The name of the account, at most 15 characters.
    pub system_id: String,
    /// What some SMSCs want to know besides, at most 12 characters.
    #[serde(default)]
    pub system_type: String,
    /// The version of SMPP that is offered: `3.4` or `5.0`.
    #[serde(default)]
    pub version: Version,
    /// Which numbers a receiver is for, where the SMSC wants to be told: at most 40 characters, in its own syntax.
    #[serde(default)]
    pub address_range: String,
    /// Whom notes come from: a short code (`40404`), a number (`+393331234567`) or up to 11 letters and digits.
    pub sender: String,
    /// The sender's type of number, where it is not what `sender` looks like: 1 for `+…`, 3 for a short code, 5 for
    /// letters.
    #[serde(default)]
    pub sender_ton: Option<u8>,
    /// The sender's numbering plan, where it is not what `sender` looks like: 1 for `+…`, 0 otherwise.
    #[serde(default)]
    pub sender_npi: Option<u8>,
    /// Where the SMSC is, as `IT` (ISO 3166-1): whose numbers it may write without a country code.
    #[serde(default)]
    pub country: Option<String>,
    /// How the SMSC writes numbers: `international` (`393331234567`), `plus` (`+393331234567`) or `national`
    /// (`3331234567` for those of `country`, `international` for others).
    #[serde(default)]
    pub number_format: NumberFormat,
    /// What `data_coding` 0 means at this SMSC: `gsm` (GSM 03.38, unpacked) or `latin1`.
    #[serde(default)]
    pub default_alphabet: Alphabet,
    /// How many submits may be unanswered on a link, 1 to 1000.
    #[serde(default = "window_default")]
    pub window: u16,
    /// How many messages of a link may be on their way to being durable, 1 to 10000. What comes beyond is put off with
    /// `ESME_RX_T_APPN`: more than the SMSC's own window.
    #[serde(default = "window_in_default")]
    pub window_in: u16,
    /// How many submits a link may make in a second; 0 for as many as the SMSC takes. It slows down by itself where the
    /// SMSC says that it is too much.
    #[serde(default)]
    pub submits_per_second: u32,
    /// How long a link may be silent before it is asked whether it is there, in seconds.
    #[serde(default = "enquire_link_every_default")]
    pub enquire_link_every_s: u32,
    /// How long the SMSC may take to answer, in seconds: a link that takes longer is made anew.
    #[serde(default = "answer_within_default")]
    pub answer_within_s: u32,
    /// How long the parts of a long message are waited for, in seconds. What is incomplete then is forgotten, and was
    /// never a message.
    #[serde(default = "parts_wait_default")]
    pub parts_wait_s: u32,
    /// The most short messages that one note may take, 1 to 255. A longer note fails, and is never cut.
    #[serde(default = "parts_max_default")]
    pub parts_max: u8,
    /// Whether the SMSC is asked for a delivery receipt (for the last part of a note).
    #[serde(default = "receipts_default")]
    pub receipts: bool,
    /// How the id in a receipt is written: the `same` as in the answer to the note, `hex-then-decimal` where the answer
    /// has it in hexadecimal and the receipt in decimal, or `decimal-then-hex`.
    #[serde(default)]
    pub receipt_ids: ReceiptIds,
}

fn window_default() -> u16 {
    10
}

fn window_in_default() -> u16 {
    1000
}

fn enquire_link_every_default() -> u32 {
    30
}

fn answer_within_default() -> u32 {
    10
}

fn parts_wait_default() -> u32 {
    600
}

// The longest note asks about a memo of 280 emoji: 13 short messages in UCS-2, in the wordiest language.
fn parts_max_default() -> u8 {
    16
}

fn receipts_default() -> bool {
    true
}

/// Which links are made to an address.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum BindAs {
    /// One, both ways.
    #[default]
    Transceiver,
    /// One for each way.
    TransmitterAndReceiver,
}

/// A version of SMPP.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, JsonSchema)]
pub enum Version {
    /// 3.4.
    #[default]
    #[serde(rename = "3.4")]
    V34,
    /// 5.0.
    #[serde(rename = "5.0")]
    V50,
}

/// How an SMSC writes numbers.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum NumberFormat {
    /// `393331234567`.
    #[default]
    International,
    /// `+393331234567`.
    Plus,
    /// `3331234567`, for numbers of the SMSC's own country.
    National,
}

/// What an SMSC's default alphabet is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Alphabet {
    /// GSM 03.38, one septet to an octet.
    #[default]
    Gsm,
    /// ISO 8859-1, of which the SMSC makes septets.
    Latin1,
}

/// How the id in a receipt is written, beside the one in the answer to the note.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum ReceiptIds {
    /// The same.
    #[default]
    Same,
    /// In decimal, where the answer is in hexadecimal.
    HexThenDecimal,
    /// In hexadecimal, where the answer is in decimal.
    DecimalThenHex,
}

impl Settings {
    /// What is wrong with them, but for what the other functions here say.
    ///
    /// # Errors
    /// `bad_settings`, which names the key.
    pub(crate) fn check(&self) -> Result<(), Failure> {
        let defect = self.defect();
        defect.map_or(Ok(()), |what| Err(Failure::settings("bad_settings", what)))
    }

    fn defect(&self) -> Option<&'static str> {
        let is_address = |address: &String| {
            let rest = address.strip_prefix("tcp://").or_else(|| address.strip_prefix("tls://"));
            let (host, port) = rest.and_then(|rest| rest.rsplit_once(':')).unwrap_or_default();
            !host.is_empty() && port.parse::<u16>().is_ok_and(|port| port > 0)
        };
        if self.addresses.is_empty() || !self.addresses.iter().all(is_address) {
            return Some("`addresses` lists addresses with a port, as `tls://smsc.example:3550`");
        }
        if self.addresses.len() > LINKS_MAX {
            return Some("`addresses` lists at most 16");
        }
        if !(1..=1000).contains(&self.window) {
            return Some("`window` is 1 to 1000");
        }
        if !(1..=10_000).contains(&self.window_in) {
            return Some("`window_in` is 1 to 10000");
        }
        if !(1..=3600).contains(&self.enquire_link_every_s) {
            return Some("`enquire_link_every_s` is 1 to 3600");
        }
        if !(1..=600).contains(&self.answer_within_s) {
            return Some("`answer_within_s` is 1 to 600");
        }
        if !(1..=86_400).contains(&self.parts_wait_s) {
            return Some("`parts_wait_s` is 1 to 86400");
        }
        if self.parts_max == 0 {
            return Some("`parts_max` is 1 to 255");
        }
        None
    }

    /// Every link: its address, and what it is for.
    pub(crate) fn links(&self) -> Vec<(String, Role)> {
        let roles: &[Role] = match self.bind {
            BindAs::Transceiver => &[Role::Transceiver],
            BindAs::TransmitterAndReceiver => &[Role::Transmitter, Role::Receiver],
        };
        let links = self.addresses.iter().flat_map(|address| roles.iter().map(|role| (address.clone(), *role)));
        links.collect()
    }

    /// What a link says of itself.
    ///
    /// # Errors
    /// `bad_settings` where the protocol has no room for it.
    pub(crate) fn bind(&self, password: &str) -> Result<Bind, Failure> {
        let version = match self.version {
            Version::V34 => 0x34,
            Version::V50 => 0x50,
        };
        Bind::new(&self.system_id, password, &self.system_type, version, &self.address_range)
            .map_err(|key| Failure::settings("bad_settings", format!("`{key}` is too long, or not plain ASCII")))
    }

    /// Whom notes come from.
    ///
    /// # Errors
    /// `bad_settings`.
    pub(crate) fn sender(&self) -> Result<Address, Failure> {
        let digits = self.sender.strip_prefix('+').unwrap_or(&self.sender);
        let is_digits = !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit());
        let is_plain = self.sender.bytes().all(|b| b == b' ' || b.is_ascii_graphic());
        let (ton, npi, text) = match (self.sender.starts_with('+'), is_digits, self.sender.len()) {
            (true, true, 5..=16) => (1, 1, self.numbers()?.written(digits)),
            (false, true, 1..=8) => (3, 0, digits.to_owned()),
            (false, true, 9..=15) => (1, 1, digits.to_owned()),
            (false, false, 1..=11) if is_plain => (5, 0, self.sender.clone()),
            _ => {
                let what = "`sender` is a short code, a number as `+393331234567`, or up to 11 letters and digits";
                return Err(Failure::settings("bad_settings", what));
            }
        };
        Ok(Address { ton: self.sender_ton.unwrap_or(ton), npi: self.sender_npi.unwrap_or(npi), text })
    }

    /// How numbers are read and written.
    ///
    /// # Errors
    /// `bad_settings`.
    pub(crate) fn numbers(&self) -> Result<Numbers, Failure> {
        let country = self.country.as_deref().map(Country::parse);
        if country == Some(None) {
            return Err(Failure::settings("bad_settings", "`country` is a country's code, as `IT`"));
        }
        if self.number_format == NumberFormat::National && country.is_none() {
            return Err(Failure::settings("bad_settings", "`country` is needed where `number_format` is `national`"));
        }
        Ok(Numbers { country: country.flatten(), format: self.number_format })
    }
}

/// The most addresses: an instance has only so many streams.
const LINKS_MAX: usize = 16;

#[cfg(test)]
#[path = "settings_tests.rs"]
mod tests;
