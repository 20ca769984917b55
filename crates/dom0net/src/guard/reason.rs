//! Why the guard drops a frame.

use std::fmt;

/// Why a frame was dropped: which step of the policy it failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Reason {
    /// It does not come from one of the vif's MAC addresses.
    Mac,
    /// It carries a protocol that the guest may not speak: a VLAN tag, a spanning tree or discovery protocol, or
    /// anything else that is not allowed.
    Ethertype,
    /// It is tagged for a VLAN that is not the guest's.
    Vlan,
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
    /// It does what only a router does: advertisements, redirects, group queries, VRRP.
    Router,
    /// Its IP header is not sound.
    Malformed,
}

impl Reason {
    /// All of them.
    pub const ALL: [Self; 10] = [
        Self::Mac,
        Self::Ethertype,
        Self::Vlan,
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
            Self::Vlan => "vlan",
            Self::Arp => "arp",
            Self::Ipv4Source => "ipv4-source",
            Self::Ipv6Source => "ipv6-source",
            Self::Neighbour => "neighbour",
            Self::Dhcp => "dhcp",
            Self::Router => "router",
            Self::Malformed => "malformed",
        }
    }

    /// Its number in marks, from 1 to 15: it never changes, because rules of other versions of the program may be in force.
    pub(super) const fn number(self) -> u32 {
        match self {
            Self::Mac => 1,
            Self::Ethertype => 2,
            Self::Vlan => 3,
            Self::Arp => 4,
            Self::Ipv4Source => 5,
            Self::Ipv6Source => 6,
            Self::Neighbour => 7,
            Self::Dhcp => 8,
            Self::Router => 9,
            Self::Malformed => 10,
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
            Self::Ethertype => "protocol not allowed",
            Self::Vlan => "VLAN not its own",
            Self::Arp => "ARP sender not its own",
            Self::Ipv4Source => "IPv4 source not its own",
            Self::Ipv6Source => "IPv6 source not its own",
            Self::Neighbour => "neighbour discovery for another",
            Self::Dhcp => "DHCP as a server or for another",
            Self::Router => "router advertisement, redirect or VRRP",
            Self::Malformed => "malformed IP header",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_reason_is_found_by_its_word() {
        for reason in Reason::ALL {
            assert_eq!(Reason::from_word(reason.word()), Some(reason));
        }
    }
}
