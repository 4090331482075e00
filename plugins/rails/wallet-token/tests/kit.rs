//! The conformance kit.

mod mint;
mod stage;

use mint::apple::{Chain, Wallet};
use sportello_sdk::{dispatch, kit};
use sportello_wallet_token::{MANIFEST, WalletToken};

#[test]
fn it_keeps_the_contract() {
    let wallet = Wallet::new(&Chain::default());
    let mut options = kit::Options::new(stage::settings(&wallet));
    options.secrets = stage::secrets();
    kit::check(MANIFEST, &dispatch::rail::<WalletToken>, &options).assert();
}
