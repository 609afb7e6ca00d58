//! Who calls, as limits see it.

use std::net::{IpAddr, Ipv6Addr};

/// What counts as one caller: an IPv4 address, or the 64-bit network that one IPv6 user commonly holds.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(super) struct Source(IpAddr);

impl Source {
    /// Callers that there is no room to tell apart.
    pub(super) const OTHERS: Source = Source(IpAddr::V6(Ipv6Addr::UNSPECIFIED));

    /// Who calls from `address`.
    pub(super) fn of(address: IpAddr) -> Source {
        match address.to_canonical() {
            IpAddr::V6(address) if !address.is_loopback() => {
                let network = u128::from(address) & !u128::from(u64::MAX);
                Source(IpAddr::V6(Ipv6Addr::from(network)))
            }
            address => Source(address),
        }
    }

    /// Whether it is this machine.
    pub(super) fn is_local(self) -> bool {
        self.0.is_loopback()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn source(text: &str) -> Source {
        Source::of(text.parse().unwrap())
    }

    #[test]
    fn one_ipv6_network_is_one_caller_and_so_is_an_address_in_either_form() {
        assert_eq!(source("2001:db8::1"), source("2001:db8::2"));
        assert_ne!(source("2001:db8::1"), source("2001:db8:0:1::1"));
        assert_eq!(source("::ffff:10.0.0.1"), source("10.0.0.1"));
        assert_ne!(source("10.0.0.1"), source("10.0.0.2"));
    }

    #[test]
    fn only_loopback_is_this_machine() {
        for local in ["127.0.0.1", "127.9.9.9", "::1", "::ffff:127.0.0.1"] {
            assert!(source(local).is_local(), "{local}");
        }
        assert!(!source("10.0.0.1").is_local() && !Source::OTHERS.is_local());
    }
}
