//! Field numbers.

use std::fmt;

/// The number of a field, 2 to 128. Field 1 is the secondary bitmap, and not a field of a message.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Field(u8);

macro_rules! fields {
    ($($(#[doc = $doc:literal])+ $name:ident = $number:literal;)*) => {
        impl Field {
            $($(#[doc = $doc])+ pub const $name: Self = Self($number);)*
        }
    };
}

fields! {
    /// Primary account number. Never told.
    PAN = 2;
    /// Processing code: what is done, and with which accounts.
    PROCESSING_CODE = 3;
    /// Amount of the transaction, in minor units of its currency.
    AMOUNT = 4;
    /// Transmission date and time, `MMDDhhmmss` in UTC.
    TRANSMITTED_AT = 7;
    /// Systems trace audit number.
    STAN = 11;
    /// Local time, `hhmmss`.
    LOCAL_TIME = 12;
    /// Local date, `MMDD`.
    LOCAL_DATE = 13;
    /// Expiry of the card, `YYMM`. Never told.
    EXPIRY = 14;
    /// Merchant category code.
    MERCHANT_TYPE = 18;
    /// How the card's data came in.
    ENTRY_MODE = 22;
    /// Under which conditions.
    CONDITION = 25;
    /// The acquirer's id.
    ACQUIRER = 32;
    /// Track 2. Never told.
    TRACK_2 = 35;
    /// Track 3. Never told.
    TRACK_3 = 36;
    /// Retrieval reference number.
    RRN = 37;
    /// The issuer's authorization.
    AUTHORIZATION = 38;
    /// Response code.
    RESPONSE = 39;
    /// Terminal id.
    TERMINAL = 41;
    /// Merchant id.
    MERCHANT = 42;
    /// The merchant's name and place.
    MERCHANT_NAME = 43;
    /// Track 1. Never told.
    TRACK_1 = 45;
    /// Additional private data: the evidence. Never told.
    PRIVATE_DATA = 48;
    /// Currency of the transaction, three digits (ISO 4217).
    CURRENCY = 49;
    /// PIN. Never told.
    PIN = 52;
    /// Data of the chip. Never told.
    CHIP_DATA = 55;
    /// Message authentication code, where there is no secondary bitmap.
    MAC = 64;
    /// What a network management message is about.
    NETWORK_CODE = 70;
    /// Which message this one is about: type, STAN, transmission time, acquirer and forwarder of the original.
    ORIGINAL = 90;
    /// Replacement amounts.
    REPLACEMENT = 95;
    /// Message authentication code, where there is a secondary bitmap.
    MAC_SECONDARY = 128;
}

impl Field {
    /// The field of this number; `None` for 0, 1, and what is above 128.
    pub const fn new(number: u8) -> Option<Self> {
        if number >= 2 && number <= 128 { Some(Self(number)) } else { None }
    }

    /// Its number.
    pub const fn number(self) -> u8 {
        self.0
    }

    /// Its bit in a bitmap whose first bit is the highest.
    pub(crate) const fn bit(self) -> u128 {
        1 << (128 - self.0 as u32)
    }

    /// Whether what is in it stands in no log: it is of a card, its holder, or proves something.
    pub const fn is_secret(self) -> bool {
        matches!(self.0, 2 | 14 | 34 | 35 | 36 | 45 | 48 | 52 | 55)
    }
}

impl fmt::Display for Field {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "field {}", self.0)
    }
}

impl fmt::Debug for Field {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}
