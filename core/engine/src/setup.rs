//! What the operator has decided: people, channels, rails, routes and policy.

use sportello_model::command::Visibility;
use sportello_model::grammar::Language;
use sportello_model::{Currency, Handle, Money, Party};
use sportello_sdk::RailFacts;

/// All that an engine is told at its start.
#[derive(Debug, Clone, Default)]
pub struct Setup {
    /// The people and merchants that it knows.
    pub profiles: Vec<Profile>,
    /// The channels, by instance.
    pub channels: Vec<ChannelSetup>,
    /// The rails, by instance.
    pub rails: Vec<RailSetup>,
    /// The routes, in order: the first that fits is taken.
    pub routes: Vec<Route>,
    /// Us, on whose account stands what was collected. Without it no route collects and pays out.
    pub house: Option<Party>,
    /// What our own pages are reached by, without a slash at its end, as `https://pay.example`. Without it nobody is asked for
    /// an account.
    pub public_url: Option<String>,
    /// When a code is asked for, and how.
    pub policy: Policy,
}

/// A person or merchant.
#[derive(Debug, Clone)]
pub struct Profile {
    /// The name to show.
    pub name: String,
    /// Immutable handles, the preferred one first; and names (`twitter:@anna`) that the operator vouches for, by which
    /// they are found through the API but never through a channel.
    pub handles: Vec<Handle>,
    /// The account to debit and to credit; nothing for somebody who is asked for it.
    pub account: Option<Handle>,
    /// ISO 3166-1 alpha-2.
    pub country: Option<String>,
    /// What to speak to them.
    pub language: Language,
    /// Who may see their payments, unless a message says otherwise.
    pub visibility: Visibility,
    /// When the operator last made sure that the handles are theirs, in milliseconds since 1970. Matters for those that
    /// change hands.
    pub verified_at_ms: Option<u64>,
}

/// A channel.
#[derive(Debug, Clone)]
pub struct ChannelSetup {
    /// The instance's name.
    pub instance: String,
    /// The scheme of its handles.
    pub scheme: String,
    /// The gateway's own names there, without the `@`.
    pub own_names: Vec<String>,
    /// The currency of an amount that names none.
    pub default_currency: Option<Currency>,
    /// Whether the provider gives every message an id of its own: without it a repeat is asked about.
    pub ids_are_strong: bool,
    /// Whether a sender is who it seems: without it nobody is exempt from the code, and nothing is called off without one.
    pub senders_are_strong: bool,
    /// What stands, with a `/`, before every id of this instance; without it every handle of the scheme is its own.
    pub scope: Option<String>,
    /// Whether its handles are given to somebody else in time, and have to be proven.
    pub handles_change_hands: bool,
    /// Whether it tells what became of its notes.
    pub receipts: bool,
}

impl ChannelSetup {
    /// Whether this is a handle of the channel.
    pub(crate) fn carries(&self, handle: &Handle) -> bool {
        let is_in = |scope: &String| handle.rest().strip_prefix(scope.as_str()).is_some_and(|id| id.starts_with('/'));
        handle.scheme() == self.scheme && self.scope.as_ref().is_none_or(is_in)
    }
}

/// A rail.
#[derive(Debug, Clone)]
pub struct RailSetup {
    /// The instance's name.
    pub instance: String,
    /// What it says it can do.
    pub facts: RailFacts,
}

/// A rule that chooses rails.
#[derive(Debug, Clone, Default)]
pub struct Route {
    /// Its name.
    pub name: String,
    /// For payments in these currencies; in any, if there are none.
    pub currencies: Vec<Currency>,
    /// Account to account, by these rails in order of preference.
    pub transfer: Vec<String>,
    /// From the payer, by these rails in order of preference.
    pub collect: Vec<String>,
    /// To the payee, by these rails in order of preference.
    pub payout: Vec<String>,
}

/// When a code is asked for, and how.
#[derive(Debug, Clone)]
pub struct Policy {
    /// At or below these amounts no code is asked for; one for each currency.
    pub exempt: Vec<Money>,
    /// How long a code holds, in milliseconds.
    pub code_lifetime_ms: u64,
    /// How many wrong codes are let pass.
    pub code_tries: u8,
    /// How many attempts one leg may take.
    pub attempts_max: u32,
    /// How long the same payer, payee and amount may be the same wish, in milliseconds.
    pub repeat_window_ms: u64,
    /// How long a handle that changes hands counts as proven, in milliseconds.
    pub verified_for_ms: u64,
    /// How many codes one person may be asked for at a time by messages whose sender can be forged.
    pub challenges_max: u32,
    /// Whether people are asked for an account who have none: then payer and payee may be strangers.
    pub enrolment: bool,
    /// How long they have to give it, in milliseconds.
    pub enrolment_lifetime_ms: u64,
}

impl Default for Policy {
    fn default() -> Self {
        Self {
            exempt: Vec::new(),
            code_lifetime_ms: 600_000,
            code_tries: 3,
            attempts_max: 4,
            repeat_window_ms: 3_600_000,
            verified_for_ms: 180 * 86_400_000,
            challenges_max: 20,
            enrolment: false,
            enrolment_lifetime_ms: 1_800_000,
        }
    }
}

impl Policy {
    /// Whether this amount passes without a code.
    pub(crate) fn exempts(&self, amount: Money) -> bool {
        self.exempt.iter().any(|limit| limit.currency() == amount.currency() && amount.minor() <= limit.minor())
    }
}
