//! Which addresses a granted name may lead to.
//!
//! Whoever has a name chooses its addresses, and may choose another one for every question (DNS rebinding): a grant of
//! `https://*` would so lead to whatever listens inside the operator's own network. So an address is looked at after the name
//! was resolved, and it is that very address which is connected to.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use sportello_sdk::Failure;
use url::Host;

/// How far a grant goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reach {
    /// The operator wrote this very host: it may be inside their network.
    Named,
    /// It is one of many that a pattern with `*` matches: the whole internet, and nothing inside.
    Public,
}

/// One for each reach, where what is kept for one must not serve the other.
pub(crate) struct PerReach<T> {
    pub(crate) named: T,
    pub(crate) public: T,
}

impl<T> PerReach<T> {
    pub(crate) fn of(&self, reach: Reach) -> &T {
        match reach {
            Reach::Named => &self.named,
            Reach::Public => &self.public,
        }
    }
}

/// Why an address is not connected to. It tells the address to nobody.
pub(crate) const NOT_THERE: &str = "its name leads into the gateway's own network, which is not granted: write this very \
                                    host among `grants` if it is meant";

/// The same, told to a plugin.
pub(crate) fn not_there() -> Failure {
    Failure::settings("not_granted", NOT_THERE)
}

impl Reach {
    /// Whether what `host` has led to may be connected to.
    pub(crate) fn allows(self, host: &Host<String>, address: IpAddr) -> bool {
        let address = unmapped(address);
        match (self, host) {
            (Self::Public, _) => is_public(address),
            // An address that the operator wrote is meant.
            (Self::Named, Host::Ipv4(_) | Host::Ipv6(_)) => true,
            (Self::Named, Host::Domain(name)) => is_local_name(name) || !is_of_this_machine(address),
        }
    }

    /// Those of the addresses that may be connected to.
    ///
    /// # Errors
    /// [`NOT_THERE`], where there are some and none of them may be.
    pub(crate) fn of(self, host: &Host<String>, mut addresses: Vec<SocketAddr>) -> Result<Vec<SocketAddr>, String> {
        let had_some = !addresses.is_empty();
        addresses.retain(|address| self.allows(host, address.ip()));
        if had_some && addresses.is_empty() { Err(NOT_THERE.to_owned()) } else { Ok(addresses) }
    }
}

/// `localhost` and what is under it (RFC 6761, section 6.3).
fn is_local_name(name: &str) -> bool {
    name == "localhost" || name.ends_with(".localhost")
}

/// An IPv4 address in an IPv6 one is the IPv4 one.
fn unmapped(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V6(v6) => v6.to_ipv4_mapped().or_else(|| embedded(v6)).map_or(address, IpAddr::V4),
        IpAddr::V4(_) => address,
    }
}

/// The IPv4 address that a translator takes out of this one (RFC 6052, section 2.1; RFC 3056, section 2).
fn embedded(v6: Ipv6Addr) -> Option<Ipv4Addr> {
    let [a, b, c, .., g, h] = v6.segments();
    let four = |high: u16, low: u16| Ipv4Addr::from(u32::from(high) << 16 | u32::from(low));
    match (a, b) {
        (0x64, 0xff9b) => Some(four(g, h)),
        (0x2002, _) => Some(four(b, c)),
        _ => None,
    }
}

/// What never leaves this machine or its link: loopback, no address at all, link-local (where clouds answer for their
/// machines' credentials), and many at once.
fn is_of_this_machine(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(v4) => {
            v4.is_loopback() || v4.octets()[0] == 0 || v4.is_link_local() || v4.is_multicast() || v4.is_broadcast()
        }
        IpAddr::V6(v6) => v6.is_loopback() || v6.is_unspecified() || v6.is_multicast() || v6.is_unicast_link_local(),
    }
}

/// What is reached over the internet (IANA's registries of special-purpose addresses, RFC 6890).
fn is_public(address: IpAddr) -> bool {
    if is_of_this_machine(address) {
        return false;
    }
    match address {
        IpAddr::V4(v4) => {
            let [a, b, c, _] = v4.octets();
            let special = v4.is_private()
                || v4.is_documentation()
                // Shared behind a provider (RFC 6598), protocols' own (RFC 6890), benchmarks (RFC 2544), and the rest.
                || (a == 100 && (64..128).contains(&b))
                || (a == 192 && b == 0 && c == 0)
                || (a == 198 && (18..20).contains(&b))
                || a >= 240;
            !special
        }
        IpAddr::V6(v6) => {
            let [a, b, ..] = v6.segments();
            // What is given out is 2000::/3; of that, 2001:db8::/32 is for documents.
            a & 0xe000 == 0x2000 && !(a == 0x2001 && b == 0xdb8)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn where_a_grant_leads() {
        let check = |host: &str, address: &str, named: bool, public: bool| {
            let host = Host::parse(host).unwrap();
            let address: IpAddr = address.parse().unwrap();
            let found = [Reach::Named, Reach::Public].map(|reach| reach.allows(&host, address));
            assert_eq!(found, [named, public], "{host} {address}");
        };
        check("bank.example", "93.184.215.14", true, true);
        check("bank.example", "2606:2800:21f::1", true, true);
        // Inside the operator's network.
        check("bank.example", "10.1.2.3", true, false);
        check("bank.example", "192.168.0.1", true, false);
        check("bank.example", "172.16.0.1", true, false);
        check("bank.example", "172.32.0.1", true, true);
        check("bank.example", "100.64.0.1", true, false);
        check("bank.example", "fd00::1", true, false);
        check("bank.example", "198.18.0.1", true, false);
        check("bank.example", "203.0.113.7", true, false);
        check("bank.example", "2001:db8::1", true, false);
        // This machine and its link.
        check("bank.example", "127.0.0.1", false, false);
        check("bank.example", "127.255.0.1", false, false);
        check("bank.example", "169.254.169.254", false, false);
        check("bank.example", "0.0.0.0", false, false);
        check("bank.example", "0.1.2.3", false, false);
        check("bank.example", "224.0.0.1", false, false);
        check("bank.example", "255.255.255.255", false, false);
        check("bank.example", "::1", false, false);
        check("bank.example", "::", false, false);
        check("bank.example", "fe80::1", false, false);
        check("bank.example", "ff02::1", false, false);
        // In disguise.
        check("bank.example", "::ffff:127.0.0.1", false, false);
        check("bank.example", "::ffff:10.0.0.1", true, false);
        check("bank.example", "64:ff9b::7f00:1", false, false);
        check("bank.example", "2002:7f00:1::", false, false);
        // Written by the operator.
        check("localhost", "127.0.0.1", true, false);
        check("smsc.localhost", "::1", true, false);
        check("notlocalhost", "127.0.0.1", false, false);
        check("127.0.0.1", "127.0.0.1", true, false);
        check("169.254.169.254", "169.254.169.254", true, false);
        check("8.8.8.8", "8.8.8.8", true, true);
    }

    #[test]
    fn of_many_addresses_those_that_may_be_are_left() {
        let host = Host::parse("bank.example").unwrap();
        let all = |texts: &[&str]| texts.iter().map(|text| text.parse().unwrap()).collect::<Vec<SocketAddr>>();
        let check = |addresses: &[&str], expected: Option<&[&str]>| {
            assert_eq!(Reach::Public.of(&host, all(addresses)).ok(), expected.map(all), "{addresses:?}");
        };
        check(&["8.8.8.8:443", "10.0.0.1:443"], Some(&["8.8.8.8:443"]));
        check(&["10.0.0.1:443", "127.0.0.1:443"], None);
        check(&[], Some(&[]));
    }
}
