//! The conformance kit. It runs no `run`, and so there is no link: what it can see is what a rail does without one.

#![allow(clippy::unwrap_used, reason = "a test may fail loudly: that is what it is for")]

use sportello_sdk::{dispatch, kit};
use sportello_wallet_token::{MANIFEST, WalletToken};

#[test]
fn a_rail_without_its_link() {
    let options = kit::Options::read(include_str!("../kit.json")).unwrap();
    kit::check(MANIFEST, &dispatch::rail::<WalletToken>, &options).assert();
}
