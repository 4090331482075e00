//! The kit finds what it is for. Each module has plugins that break a rule, and one of the same kind that breaks none.

#![allow(clippy::panic, clippy::unwrap_used, clippy::indexing_slicing)] // A test may fail loudly, in its helpers too.

mod alone;
mod frames;
mod lies;
mod lost;
mod pages;
mod webhooks;

use sportello_sdk::kit::{self, Scorecard};

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

/// A check that nothing fails could say that all is well, whatever it is shown. What stands in these tables is asserted
/// by the test beside each.
#[test]
fn every_check_is_failed_by_a_lie() {
    let tables = [
        lies::RAILS,
        lies::CHANNELS,
        lost::RAILS,
        lost::CHANNELS,
        lost::GROWING,
        pages::PAGES,
        webhooks::RAILS,
        webhooks::CHANNELS,
        frames::LIES,
    ];
    let mut failed = vec![lies::LEAKY];
    failed.extend(tables.concat().iter().flat_map(|(_, ids)| *ids));
    failed.extend(lies::FACTS.iter().chain(lies::MANIFESTS).flat_map(|(_, _, ids)| *ids));
    failed.extend(alone::ALONE.iter().flat_map(|(_, _, ids)| *ids));
    failed.extend(alone::ABOUT_ANOTHER.iter().flat_map(|(_, _, ids)| *ids));
    let all: Vec<_> = kit::all().map(|(id, _, _)| id).collect();
    let never: Vec<_> = all.iter().filter(|id| !failed.contains(id)).collect();
    assert!(
        never.is_empty(),
        "no plugin here fails {never:?}: write one that breaks this rule, and put it into a table"
    );
    let unknown: Vec<_> = failed.iter().filter(|id| !all.contains(id)).collect();
    assert!(unknown.is_empty(), "{unknown:?}");
}
