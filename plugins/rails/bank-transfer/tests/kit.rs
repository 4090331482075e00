//! The conformance kit, with a bank that answers properly and with none.

#![allow(clippy::unwrap_used, reason = "a test may fail loudly: that is what it is for")]

use sportello_bank_transfer::{BankTransfer, MANIFEST};
use sportello_sdk::{dispatch, kit};

/// With a bank that takes an order and settles it by the time it is asked.
fn options() -> kit::Options {
    kit::Options::read(include_str!("../kit.json")).unwrap()
}

#[test]
fn no_bank_in_reach() {
    let options = kit::Options { rules: Vec::new(), ..options() };
    kit::check(MANIFEST, &dispatch::rail::<BankTransfer>, &options).assert();
}

#[test]
fn a_bank_that_answers_properly() {
    kit::check(MANIFEST, &dispatch::rail::<BankTransfer>, &options()).assert();
}
