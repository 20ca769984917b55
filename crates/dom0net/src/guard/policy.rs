//! What a guest may send, as a value.

use std::fmt;
use std::net::IpAddr;

use ethernet::MacAddress;
use ipnet::{IpNet, Ipv4Net, Ipv6Net};
use serde::{Deserialize, Serialize};

/// What may come out of a vif. The only input of what the guard enforces.
///
/// ```
/// use dom0net::guard::Policy;
///
/// let policy = Policy::locked("00:16:3e:27:95:c0".parse()?, ["10.0.0.1/32".parse()?]);
/// assert_eq!(
///     policy.to_string(),
///     "only from 00:16:3e:27:95:c0, and only as 10.0.0.1 or fe80::216:3eff:fe27:95c0"
/// );
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Policy {
    /// The one MAC address that frames may come from.
    pub mac: MacAddress,
    /// Which IP addresses they may come from.
    pub sources: Sources,
}

/// The IP addresses that a guest may send from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Sources {
    /// Any, and every other protocol too: the guest has no `ip=`. It may still be no DHCP server and no router.
    Any,
    /// These alone, and no protocol but ARP, IPv4 and IPv6.
    Only {
        /// Not overlapping, in order.
        ipv4: Vec<Ipv4Net>,
        /// Not overlapping, in order; the link-local address that the MAC address makes is always among them.
        ipv6: Vec<Ipv6Net>,
    },
}

impl Policy {
    /// For a guest without `ip=`: its MAC address is its own, whatever its IP addresses.
    #[must_use]
    pub fn mac_only(mac: MacAddress) -> Self {
        Self { mac, sources: Sources::Any }
    }

    /// For a guest with `ip=`: these addresses and networks, and the link-local address that its MAC address makes.
    #[must_use]
    pub fn locked(mac: MacAddress, addresses: impl IntoIterator<Item = IpNet>) -> Self {
        let mut ipv4 = Vec::new();
        let mut ipv6 = vec![mac.link_local().into()];
        for network in addresses {
            match network {
                IpNet::V4(network) => ipv4.push(network.trunc()),
                IpNet::V6(network) => ipv6.push(network.trunc()),
            }
        }
        // The kernel takes no overlapping intervals, and neighbours that join are one comparison less.
        let ipv4 = Ipv4Net::aggregate(&ipv4);
        let ipv6 = Ipv6Net::aggregate(&ipv6);
        Self { mac, sources: Sources::Only { ipv4, ipv6 } }
    }

    /// True when the guest may send as this address.
    #[must_use]
    pub fn allows_source(&self, address: IpAddr) -> bool {
        match (&self.sources, address) {
            (Sources::Any, _) => true,
            (Sources::Only { ipv4, .. }, IpAddr::V4(address)) => {
                ipv4.iter().any(|net| net.contains(&address))
            }
            (Sources::Only { ipv6, .. }, IpAddr::V6(address)) => {
                ipv6.iter().any(|net| net.contains(&address))
            }
        }
    }
}

/// A network as people write it: an address alone when it is one.
struct Plain(IpNet);

impl fmt::Display for Plain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.prefix_len() == self.0.max_prefix_len() { self.0.addr().fmt(f) } else { self.0.fmt(f) }
    }
}

/// In words: `only from 00:16:3e:27:95:c0, and only as 10.0.0.1 or fe80::216:3eff:fe27:95c0`.
impl fmt::Display for Policy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "only from {}", self.mac)?;
        let Sources::Only { ipv4, ipv6 } = &self.sources else {
            return f.write_str(", as any address, but neither as a DHCP server nor as a router");
        };
        let networks = ipv4.iter().copied().map(IpNet::V4).chain(ipv6.iter().copied().map(IpNet::V6));
        let words: Vec<String> = networks.map(|network| Plain(network).to_string()).collect();
        match words.split_last() {
            Some((last, [])) => write!(f, ", and only as {last}"),
            Some((last, first)) => write!(f, ", and only as {} or {last}", first.join(", ")),
            None => Ok(()),
        }
    }
}

/// Why a frame was dropped: which step of the policy it failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Reason {
    /// It does not come from the vif's MAC address.
    Mac,
    /// It is no ARP, IPv4 or IPv6: a VLAN tag, a spanning tree or discovery protocol, or anything else.
    Ethertype,
    /// Its ARP part is malformed, or claims another sender.
    Arp,
    /// Its IPv4 source is not one of the guest's.
    Ipv4Source,
    /// Its IPv6 source is not one of the guest's.
    Ipv6Source,
    /// It is neighbour discovery that speaks for another, or hides behind extension headers.
    Neighbour,
    /// It does what only a DHCP server does, or asks for another's lease.
    Dhcp,
    /// It does what only a router does: advertisements, redirects, group queries.
    Router,
    /// Its IP header is not sound.
    Malformed,
}

impl Reason {
    /// All of them.
    pub const ALL: [Self; 9] = [
        Self::Mac,
        Self::Ethertype,
        Self::Arp,
        Self::Ipv4Source,
        Self::Ipv6Source,
        Self::Neighbour,
        Self::Dhcp,
        Self::Router,
        Self::Malformed,
    ];

    /// One word, the same in rule comments, JSON and metrics.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Mac => "mac",
            Self::Ethertype => "ethertype",
            Self::Arp => "arp",
            Self::Ipv4Source => "ipv4-source",
            Self::Ipv6Source => "ipv6-source",
            Self::Neighbour => "neighbour",
            Self::Dhcp => "dhcp",
            Self::Router => "router",
            Self::Malformed => "malformed",
        }
    }

    /// The reason with this word.
    #[must_use]
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|reason| reason.word() == word)
    }
}

/// For people, behind a number of frames: "frames dropped: ARP sender not its own".
impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Mac => "MAC address not its own",
            Self::Ethertype => "neither ARP nor IP",
            Self::Arp => "ARP sender not its own",
            Self::Ipv4Source => "IPv4 source not its own",
            Self::Ipv6Source => "IPv6 source not its own",
            Self::Neighbour => "neighbour discovery for another",
            Self::Dhcp => "DHCP as a server or for another",
            Self::Router => "router advertisement or redirect",
            Self::Malformed => "malformed IP header",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn net(text: &str) -> IpNet {
        text.parse::<IpNet>().or_else(|_| text.parse::<IpAddr>().map(IpNet::from)).unwrap()
    }

    fn locked(addresses: &[&str]) -> Policy {
        Policy::locked("00:16:3e:00:00:01".parse().unwrap(), addresses.iter().map(|text| net(text)))
    }

    #[test]
    fn an_address_with_a_prefix_length_stands_for_its_network() {
        let policy = locked(&["10.0.0.1/8"]);
        assert!(policy.allows_source("10.255.0.7".parse().unwrap()));
        assert!(!policy.allows_source("11.0.0.1".parse().unwrap()));
    }

    #[test]
    fn a_guest_with_ipv4_alone_has_only_its_link_local_ipv6_address() {
        let policy = locked(&["10.0.0.1"]);
        assert!(policy.allows_source("fe80::216:3eff:fe00:1".parse().unwrap()));
        assert!(!policy.allows_source("fe80::1".parse().unwrap()));
        assert!(!policy.allows_source("2001:db8::1".parse().unwrap()));
    }

    #[test]
    fn overlapping_networks_become_one() {
        assert_eq!(locked(&["10.0.0.0/24", "10.0.0.7", "10.0.0.0/25"]), locked(&["10.0.0.0/24"]));
    }

    #[test]
    fn every_reason_is_found_by_its_word() {
        for reason in Reason::ALL {
            assert_eq!(Reason::from_word(reason.word()), Some(reason));
        }
    }
}
