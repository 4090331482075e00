//! The kit finds what it is for. Each module has plugins that break a rule, and one of the same kind that breaks none.

#![allow(clippy::panic, clippy::unwrap_used, clippy::indexing_slicing)] // A test may fail loudly, in its helpers too.

mod alone;
mod lies;
mod lost;
mod pages;
mod webhooks;

use sportello_sdk::kit::Scorecard;

/// What a plugin does, and the checks that it fails for it. The one that does nothing wrong has no name.
type Lie = (&'static str, &'static [&'static str]);

fn failed(card: &Scorecard) -> Vec<&str> {
    card.checks.iter().filter(|check| !check.passed).map(|check| check.id.as_str()).collect()
}

/// Each of these fails its checks, and no others.
fn check(lies: &[Lie], tried: impl Fn(&str) -> Scorecard) {
    for (lie, expected) in lies {
        let card = tried(lie);
        assert_eq!(failed(&card), *expected, "{lie}\n{card}");
    }
}
