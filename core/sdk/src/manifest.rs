//! What a plugin says of itself, read from its file without running anything of it.

mod defects;

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{Doubt, OrderKind};

/// What a plugin says of itself. Stands as JSON in the library's section `sportello.manifest`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Manifest {
    /// The plugin's name, as `plugin = "…"` in `gateway.toml` has it: 1 to 64 of `[a-z0-9-]`.
    pub name: String,
    /// Channel or rail.
    pub kind: Kind,
    /// The plugin's own version: 1 to 64 bytes.
    pub version: String,
    /// The contract it was built for, `major.minor`.
    pub contract: String,
    /// One line for people.
    #[serde(default)]
    pub description: String,
    /// The origins that it wants to reach: `https://api.x.com`, `https://*.bank.example` (what is under
    /// it), `https://*` (any host), `http://127.0.0.1:*` (any port; without TLS only this machine); and, for byte streams,
    /// `tls://smsc.example:3550` and `tcp://*:*` (whose port must be written). What it gets is what `grants` in
    /// `gateway.toml` gives besides.
    #[serde(default)]
    pub endpoints: Vec<String>,
    /// The settings that are secrets: they are asked for by [`Host::secret`](crate::Host::secret), and never stand
    /// among the settings that `open` is given.
    #[serde(default)]
    pub secrets: Vec<String>,
    /// Whether it asks to see card numbers, and what payers hand over: see [`Host::instrument`](crate::Host::instrument).
    /// It does where `grants` holds `"pan"` besides. Since contract 1.2.
    #[serde(default)]
    pub pan: bool,
    /// How the provider proves that a webhook is its own. Without it the host answers webhooks with 404.
    #[serde(default)]
    pub webhook: Option<Webhook>,
    /// What a channel knows. Required of a channel.
    #[serde(default)]
    pub channel: Option<ChannelFacts>,
    /// What a rail can do. Required of a rail.
    #[serde(default)]
    pub rail: Option<RailFacts>,
}

impl Manifest {
    /// The longest name and the longest version, in bytes.
    pub const NAME_LEN_MAX: usize = 64;
}

/// Channel or rail.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// Where people speak.
    Channel,
    /// How money moves.
    Rail,
}

/// How the provider proves that a webhook is its own. The host verifies; the plugin sees only what was verified.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Webhook {
    /// The signature of every delivery.
    pub signature: Signature,
    /// The provider's question whether this address is ours, if it asks one. The host answers it.
    #[serde(default)]
    pub handshake: Option<Handshake>,
    /// How soon the host answers a delivery, in milliseconds, where the instance's deadline is not sooner: less than the
    /// provider waits, by what the way takes. A delivery that takes longer is answered with 503, and comes again.
    #[serde(default)]
    pub answer_within_ms: Option<u64>,
}

/// A signature over the raw body.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "scheme", rename_all = "snake_case")]
pub enum Signature {
    /// `prefix` + encoded HMAC of the raw body, in a header.
    Hmac {
        /// The hash under the HMAC.
        hash: Hash,
        /// The header that carries it.
        header: String,
        /// What stands before the encoded bytes, as `sha256=`.
        #[serde(default)]
        prefix: String,
        /// How the bytes are written.
        encoding: Encoding,
        /// The secret that is the key, one of [`Manifest::secrets`].
        secret: String,
    },
    /// A scheme of a later contract: everything is refused.
    #[serde(other)]
    Unrecognised,
}

/// The provider's question whether an address is ours: a GET, answered with 200.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "scheme", rename_all = "snake_case")]
pub enum Handshake {
    /// The query carries a challenge; the answer is JSON with its HMAC: `{"<field>": "<prefix><encoded>"}`.
    HmacOfQuery {
        /// The query parameter with the challenge.
        query: String,
        /// The answer's field.
        field: String,
        /// The hash under the HMAC.
        hash: Hash,
        /// What stands before the encoded bytes.
        #[serde(default)]
        prefix: String,
        /// How the bytes are written.
        encoding: Encoding,
        /// The secret that is the key.
        secret: String,
    },
    /// The query carries a token that must be ours and a challenge that is echoed as plain text; 403 otherwise.
    EchoIfToken {
        /// The query parameter with the token.
        token_query: String,
        /// The query parameter to echo.
        echo_query: String,
        /// Other query parameters that must have these values.
        #[serde(default)]
        require: BTreeMap<String, String>,
        /// The secret that the token must equal.
        secret: String,
    },
    /// A scheme of a later contract: everything is refused.
    #[serde(other)]
    Unrecognised,
}

/// A hash function.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Hash {
    /// SHA-1 (RFC 3174), for providers that never moved on.
    Sha1,
    /// SHA-256 (FIPS 180-4).
    Sha256,
}

/// How bytes are written as text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Encoding {
    /// Base64 with padding (RFC 4648, section 4).
    Base64,
    /// Hexadecimal in small letters (RFC 4648, section 8).
    Hex,
}

/// What a channel knows of those who write to it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ChannelFacts {
    /// The scheme of its handles, as `tel`.
    pub scheme: String,
    /// Whether the provider gives every message an id of its own.
    pub message_ids: Strength,
    /// Whether the sender is who it seems.
    pub senders: Strength,
    /// The setting that holds the gateway's own name on this channel, so that it is not taken for a payee.
    #[serde(default)]
    pub own_name_setting: Option<String>,
    /// The setting that stands, with a `/`, before every id of this instance, where a provider's ids hold for one of its
    /// accounts alone: the page in `messenger:PAGE/PSID`. Without it every handle of the scheme is this instance's.
    #[serde(default)]
    pub scope_setting: Option<String>,
    /// Whether its handles are given to somebody else in time, as telephone numbers are. Whoever has such a handle must
    /// prove it from time to time, and until then no amount stands in a message to it.
    #[serde(default)]
    pub handles_change_hands: bool,
    /// Whether it tells what became of its notes, by [`Host::receipt`](crate::Host::receipt).
    #[serde(default)]
    pub receipts: bool,
}

/// How far something can be relied on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Strength {
    /// The provider vouches for it.
    Strong,
    /// It can be forged, or is not there.
    Weak,
}

/// What a rail can do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct RailFacts {
    /// ISO 4217 codes; empty for any.
    #[serde(default)]
    pub currencies: Vec<String>,
    /// The schemes of the accounts it can debit and credit, as `iban`.
    pub accounts: Vec<String>,
    /// The orders it carries out, and how doubt about each ends.
    pub orders: BTreeMap<OrderKind, Doubt>,
    /// How a payer who has nothing to pay with gives it, where that can be done on a page. Since contract 1.2.
    #[serde(default)]
    pub hand_over: Option<HandOver>,
}

/// How a payer gives what to pay with, tagged by `by`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "by", rename_all = "snake_case")]
pub enum HandOver {
    /// By typing in a card, on the gateway's own page. It is kept, and its account has the scheme `card`.
    Card,
    /// On a page of the rail's own, for one payment. Its account has the scheme that is the first of
    /// [`RailFacts::accounts`].
    Page {
        /// What the way is called, for people.
        label: String,
    },
    /// A way of a later contract.
    #[serde(other)]
    Unrecognised,
}
