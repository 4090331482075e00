//! How often somebody may ask for a page, and who that is.

use std::hash::{BuildHasher, RandomState};
use std::net::{IpAddr, SocketAddr};
use std::sync::{Mutex, PoisonError};

use http::{HeaderMap, HeaderName};

/// How long what was counted counts, in milliseconds.
const WINDOW_MS: u64 = 60_000;

/// How often one address may ask in that time. A proxy that does not say whom it speaks for is one address for all.
const PER_ADDRESS: u32 = 600;

/// How often one link may be asked for in that time.
const PER_LINK: u32 = 60;

/// How many places there are to count addresses in, and as many for links. Two who share one share its count: nobody is turned
/// away because there are many, nor can a few, with links that they make up, fill what the others need.
const PLACES: usize = 1 << 15;

/// Counts requests.
pub(super) struct Guard {
    hasher: RandomState,
    /// Of each place the window, and how many there were in it: those of addresses, then those of links.
    seen: Mutex<Box<[(u64, u32)]>>,
}

impl Guard {
    pub(super) fn new() -> Self {
        Self { hasher: RandomState::new(), seen: Mutex::new(vec![(0, 0); 2 * PLACES].into()) }
    }

    /// Whether this address may ask for this link.
    pub(super) fn admits(&self, from: IpAddr, link: &str, now_ms: u64) -> bool {
        let address = self.hasher.hash_one(("address", network(from)));
        let link = self.hasher.hash_one(("link", link));
        let window = now_ms / WINDOW_MS;
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        let mut count = |first: usize, hash: u64, most: u32| {
            let place = usize::try_from(hash % PLACES as u64).ok().and_then(|place| seen.get_mut(first + place));
            let Some((of, count)) = place else { return false };
            if *of != window {
                (*of, *count) = (window, 0);
            }
            *count = count.saturating_add(1);
            *count <= most
        };
        count(0, address, PER_ADDRESS) && count(PLACES, link, PER_LINK)
    }
}

/// What one subscriber has: an address, or the 64 bits that a network of IPv6 begins with (RFC 6177).
fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V4(address) => address.into(),
        IpAddr::V6(address) => (u128::from_be_bytes(address.octets()) >> 64 << 64).to_be_bytes().into(),
    }
}

/// Whom a connection is with: as the proxy in front of us has it, where one is configured and says so; else the other end.
/// Of several addresses the last one is the proxy's own word, and the others are whatever it was told.
pub(super) fn client(headers: &HeaderMap, trusted: Option<&HeaderName>, peer: IpAddr) -> IpAddr {
    let told = trusted.and_then(|name| headers.get_all(name).iter().next_back()).and_then(|value| value.to_str().ok());
    let last = told.and_then(|told| told.rsplit(',').next()).map(str::trim).unwrap_or_default();
    let address = last.parse().ok().or_else(|| last.parse::<SocketAddr>().ok().map(|address| address.ip()));
    address.unwrap_or(peer).to_canonical()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn so_many_and_no_more() {
        let guard = Guard::new();
        let ip = |text: &str| text.parse().unwrap();
        let ask = |from: &str, link: &str, times: u32, at_ms: u64| {
            (0..times).filter(|_| guard.admits(ip(from), link, at_ms)).count()
        };
        assert_eq!(ask("192.0.2.1", "a", 61, 0), 60);
        assert_eq!(ask("192.0.2.2", "a", 1, 59_999), 0);
        assert_eq!(ask("192.0.2.2", "a", 1, 60_000), 1);
        let links: Vec<String> = (0..700).map(|n| n.to_string()).collect();
        let many = |from: &dyn Fn(usize) -> String, at_ms: u64| {
            links.iter().enumerate().filter(|(n, link)| guard.admits(ip(&from(*n)), link, at_ms)).count()
        };
        assert_eq!(many(&|_| "192.0.2.3".to_owned(), 120_000), 600);
        // Whoever has one network has all of its addresses.
        assert_eq!(many(&|n| format!("2001:db8::{n:x}"), 180_000), 600);
    }

    #[test]
    fn a_crowd_does_not_shut_the_others_out() {
        let guard = Guard::new();
        // A hundred addresses, each with as many made-up links as it may ask for; and one link from everywhere.
        for n in 0..60_000_u32 {
            guard.admits(IpAddr::from((n % 100).to_be_bytes()), &n.to_string(), 0);
        }
        let everywhere = (1_000..3_000_u32).filter(|n| guard.admits(IpAddr::from(n.to_be_bytes()), "x", 0)).count();
        assert!(everywhere <= 60);
        let people = (0..100_u8).filter(|n| guard.admits(IpAddr::from([192, 0, 2, *n]), &format!("y{n}"), 0)).count();
        // One of them may share a place with one of the crowd.
        assert!(people >= 95, "{people}");
    }

    #[test]
    fn who_asks() {
        let check = |told: &[&str], trusted: bool, expected: &str| {
            let name = HeaderName::from_static("x-forwarded-for");
            let headers: HeaderMap = told.iter().map(|value| (name.clone(), value.parse().unwrap())).collect();
            let found = client(&headers, trusted.then_some(&name), "127.0.0.1".parse().unwrap());
            assert_eq!(found.to_string(), expected, "{told:?}");
        };
        check(&["192.0.2.1"], false, "127.0.0.1");
        check(&["192.0.2.1"], true, "192.0.2.1");
        check(&["10.9.9.9, 192.0.2.1"], true, "192.0.2.1");
        check(&["10.9.9.9", "192.0.2.1:4711"], true, "192.0.2.1");
        check(&["[2001:db8::1]:4711"], true, "2001:db8::1");
        check(&["::ffff:192.0.2.1"], true, "192.0.2.1");
        check(&["unknown"], true, "127.0.0.1");
        check(&[], true, "127.0.0.1");
    }
}
