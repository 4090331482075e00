//! The world outside, simulated: X (Twitter), Messenger, an SMSC, a bank, the acquirer and the 3DS server of a card
//! payment, and wallets, each on its real protocol.
//!
//! The sandbox depends on nothing of the gateway's, and shares no code with it: a misunderstanding of a protocol would
//! otherwise stand on both sides of the wire and cancel out. OAuth 1.0a, the SEPA rules and the pain.002 it writes are
//! therefore its own work, judged by published vectors and by the official schemas; so are its SMPP and the tokens of its
//! wallets, judged by other implementations.
//!
//! [`start`] opens the listeners and returns their addresses; the program in `main.rs` is a command line around it.

mod acquirer;
mod bank;
mod clock;
mod control;
mod courier;
mod disturb;
mod gate;
mod html;
mod json;
mod limits;
mod lock;
mod messenger;
mod options;
mod outbox;
mod proofs;
mod serial;
mod smsc;
mod threeds;
mod tokens;
mod wallets;
mod wire;
mod x;

use std::sync::Arc;

pub use acquirer::Bitmap;
pub use options::{BANK_TOKEN, Credentials, Envelope, Options};

/// The addresses of a running sandbox, as base URLs without a trailing slash unless it says otherwise.
#[derive(Clone, Debug, serde::Serialize)]
pub struct Running {
    /// Where X's API and its control API are, and the phone page with the control APIs of all the others.
    pub x: String,
    /// Where the bank's API and its control API are.
    pub bank: String,
    /// Where Messenger's Send API and its control API are.
    pub messenger: String,
    /// Where the SMSC speaks SMPP, as `address:port`.
    pub smsc: String,
    /// Where people's phones and the SMSC's control API are.
    pub phones: String,
    /// Where the wallets mint tokens, with the page of a phone and their control API.
    pub wallets: String,
    /// Where the acquirer speaks ISO 8583, as `address:port`.
    pub acquirer: String,
    /// Where the acquirer's books and its control API are.
    pub cards: String,
    /// Where the 3DS server, the pages of its ACS and its control API are.
    pub threeds: String,
}

/// Opens the listeners and serves them until the runtime ends.
///
/// # Errors
/// When an address cannot be bound, or a fault switch in `options` is not one that the sandbox knows.
pub async fn start(options: Options) -> Result<Running, Box<dyn std::error::Error + Send + Sync>> {
    // A process may hold several sandboxes (tests do): the provider is then already there, which is no error.
    let _already_there = rustls::crypto::ring::default_provider().install_default();
    let bank_doors = wire::Doors::open(&options.bank).await?;
    let x_doors = wire::Doors::open(&options.x).await?;
    let messenger_doors = wire::Doors::open(&options.messenger).await?;
    let smsc_port = gate::Port::open(&options.smsc).await?;
    let phones_doors = wire::Doors::open(&options.phones).await?;
    let wallets_doors = wire::Doors::open(&options.wallets).await?;
    let acquirer_port = gate::Port::open(&options.acquirer).await?;
    let cards_doors = wire::Doors::open(&options.cards).await?;
    let threeds_doors = wire::Doors::open(&options.threeds).await?;
    let running = Running {
        x: x_doors.url()?,
        bank: bank_doors.url()?,
        messenger: messenger_doors.url()?,
        smsc: smsc_port.address().to_string(),
        phones: phones_doors.url()?,
        wallets: wallets_doors.url()?,
        acquirer: acquirer_port.address().to_string(),
        cards: cards_doors.url()?,
        threeds: threeds_doors.url()?,
    };

    let bank = Arc::new(bank::Bank::new(&options, running.bank.clone())?);
    let x = Arc::new(x::X::new(&options)?);
    let messenger = Arc::new(messenger::Messenger::new(&options)?);
    let smsc = Arc::new(smsc::Smsc::new(&options)?);
    let (minted, proofs) = (Arc::default(), Arc::default());
    let wallets = Arc::new(wallets::Wallets::new(&options, Arc::clone(&minted))?);
    let acquirer = acquirer::Acquirer::new(&options, minted, Arc::clone(&proofs))?;
    let threeds = threeds::ThreeDs::new(&options, running.threeds.clone(), proofs)?;
    courier::start(&x);
    courier::start(&messenger);
    bank_doors.serve(bank::router(Arc::clone(&bank)));
    let smsc_gate = smsc::start(&smsc, smsc_port);
    let phones = smsc::control::router(smsc, smsc_gate);
    let (cards_pages, cards) = acquirer::start(Arc::new(acquirer), acquirer_port);
    let (threeds_pages, threeds) = threeds::routers(Arc::new(threeds));
    let others = [
        ("bank", bank::control::router(bank)),
        ("smsc", phones.clone()),
        ("messenger", messenger::controls(Arc::clone(&messenger))),
        ("cards", cards),
        ("threeds", threeds),
    ];
    x_doors.serve(x::router(x, others));
    messenger_doors.serve(messenger::router(messenger));
    cards_doors.serve(cards_pages);
    threeds_doors.serve(threeds_pages);
    phones_doors.serve(axum::Router::new().nest("/sandbox", phones));
    wallets_doors.serve(wallets::router(wallets));
    Ok(running)
}
