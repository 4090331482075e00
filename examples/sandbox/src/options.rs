//! What a sandbox is started with.

use clap::{Parser, ValueEnum};

use crate::acquirer::Bitmap;

/// The bearer token that the bank accepts unless told otherwise.
pub const BANK_TOKEN: &str = "sandbox-bank-token";

/// How X words its webhooks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Envelope {
    /// Account Activity: `for_user_id`, `tweet_create_events`, `direct_message_events`.
    Aaa,
    /// X Activity: `data.event_type`, `data.payload`.
    Xaa,
    /// Both at once, as an account subscribed to both receives them.
    Both,
}

/// The four secrets of OAuth 1.0a, as an X application has them.
#[derive(Clone, Debug, clap::Args)]
pub struct Credentials {
    /// The application's key.
    #[arg(long, default_value = "sandbox-consumer-key")]
    pub consumer_key: String,
    /// The application's secret: it signs API calls with the token secret, and alone the webhooks.
    #[arg(long, default_value = "sandbox-consumer-secret")]
    pub consumer_secret: String,
    /// The access token of @sportello.
    #[arg(long, default_value = "9000-sandbox-token")]
    pub token: String,
    /// Its secret.
    #[arg(long, default_value = "sandbox-token-secret")]
    pub token_secret: String,
}

/// What is treated specially, for the end of the help.
fn tables() -> String {
    format!("{}\n\n{}", crate::acquirer::card::help(), crate::bank::declines::help())
}

/// Simulates X, Messenger, an SMSC, a bank, an acquirer, a 3DS server and wallets on their real protocols.
///
/// Prints one line of JSON with the addresses, then serves until SIGTERM or SIGINT.
#[derive(Clone, Debug, Parser)]
#[command(name = "sandbox", version, after_long_help = tables())]
pub struct Options {
    /// Where X listens; port 0 takes a free one.
    #[arg(long, default_value = "127.0.0.1:7001")]
    pub x: String,
    /// Where the bank listens; port 0 takes a free one.
    #[arg(long, default_value = "127.0.0.1:7002")]
    pub bank: String,
    /// Where the SMSC speaks SMPP; port 0 takes a free one.
    #[arg(long, default_value = "127.0.0.1:2775")]
    pub smsc: String,
    /// Where people's phones and the SMSC's switches are; port 0 takes a free one.
    #[arg(long, default_value = "127.0.0.1:7003")]
    pub phones: String,
    /// Where X delivers events; without it nothing is delivered until `POST /sandbox/webhook` names a place.
    #[arg(long)]
    pub webhook: Option<String>,
    /// How X words them.
    #[arg(long, value_enum, default_value = "both")]
    pub envelope: Envelope,
    /// The credentials that X checks and signs with.
    #[command(flatten)]
    pub credentials: Credentials,
    /// The bearer token that the bank accepts.
    #[arg(long, default_value = BANK_TOKEN)]
    pub bank_token: String,
    /// The system id that may bind to the SMSC.
    #[arg(long, default_value = "sportello")]
    pub system_id: String,
    /// Its password (8 characters at most).
    #[arg(long, default_value = "smsc-pw")]
    pub smsc_password: String,
    /// The number that people write to.
    #[arg(long, default_value = "40404")]
    pub short_code: String,
    /// A fault of X from the start, as key=value with the keys of `GET /sandbox/faults`; may be repeated.
    #[arg(long, value_name = "KEY=VALUE")]
    pub x_fault: Vec<String>,
    /// A fault of the bank from the start, as key=value with the keys of its `GET /sandbox/faults`; may be repeated.
    #[arg(long, value_name = "KEY=VALUE")]
    pub bank_fault: Vec<String>,
    /// Where Messenger listens; port 0 takes a free one.
    #[arg(long, default_value = "127.0.0.1:7004")]
    pub messenger: String,
    /// Where Messenger delivers events; without it nothing is delivered until `POST /sandbox/webhook` names a place.
    #[arg(long, value_name = "URL")]
    pub messenger_webhook: Option<String>,
    /// A fault of Messenger from the start, as key=value with the keys of its `GET /sandbox/faults`; may be repeated.
    #[arg(long, value_name = "KEY=VALUE")]
    pub messenger_fault: Vec<String>,
    /// A fault of the SMSC from the start, as key=value with the keys of its `GET /sandbox/faults`; may be repeated.
    #[arg(long, value_name = "KEY=VALUE")]
    pub smsc_fault: Vec<String>,
    /// Where the wallets are, and the page of a phone with them; port 0 takes a free one.
    #[arg(long, default_value = "127.0.0.1:7007")]
    pub wallets: String,
    /// A fault of the wallets from the start, as key=value with the keys of their `GET /sandbox/faults`; may be repeated.
    #[arg(long, value_name = "KEY=VALUE")]
    pub wallet_fault: Vec<String>,
    /// Where the acquirer speaks ISO 8583; port 0 takes a free one.
    #[arg(long, default_value = "127.0.0.1:8583")]
    pub acquirer: String,
    /// How the acquirer writes the bitmaps.
    #[arg(long, value_enum, default_value = "binary")]
    pub acquirer_bitmap: Bitmap,
    /// Where the acquirer's books and its switches are; port 0 takes a free one.
    #[arg(long, default_value = "127.0.0.1:7005")]
    pub cards: String,
    /// A fault of the acquirer from the start, as key=value with the keys of its `GET /control/faults`; may be repeated.
    #[arg(long, value_name = "KEY=VALUE")]
    pub acquirer_fault: Vec<String>,
    /// Where the 3DS server and the pages of its ACS are; port 0 takes a free one.
    #[arg(long, default_value = "127.0.0.1:7006")]
    pub threeds: String,
    /// The bearer token that the 3DS server accepts.
    #[arg(long, default_value = "sandbox-3ds-key")]
    pub threeds_key: String,
    /// A fault of the 3DS server from the start, as key=value with the keys of its `GET /control/faults`; may be repeated.
    #[arg(long, value_name = "KEY=VALUE")]
    pub threeds_fault: Vec<String>,
    /// Ends when standard input closes, so that a parent that dies takes the sandbox along.
    #[arg(long)]
    pub until_stdin_closes: bool,
}
