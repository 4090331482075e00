//! The conformance kit. It runs no `run`, and so there is no link: what it can see is what a rail does without one.

mod mint;
mod stage;

use mint::apple::{Chain, Wallet};
use sportello_sdk::{Order, OrderKind, dispatch, kit};
use sportello_wallet_token::{MANIFEST, WalletToken};
use stage::{order, secrets, settings};

#[test]
fn a_rail_without_its_link() {
    let wallet = Wallet::new(&Chain::default());
    let mut options = kit::Options::new(settings(&wallet));
    options.secrets = secrets();
    // Nothing that this rail charges: declined before anybody is asked.
    let mut card = order(OrderKind::Collect);
    card.debtor.account = "card:1".parse().unwrap();
    options.orders = vec![Order { key: "kit-1".to_owned(), ..card }];
    kit::check(MANIFEST, &dispatch::rail::<WalletToken>, &options).assert();
}
