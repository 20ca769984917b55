//! Address families.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// The address families that a netlink message can be about (`AF_*`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[repr(u8)]
pub enum Family {
    /// IPv4.
    Inet = 2,
    /// Bridge ports and forwarding tables.
    Bridge = 7,
    /// IPv6.
    Inet6 = 10,
}

/// `AF_UNSPEC`: all families, or none.
pub(crate) const UNSPECIFIED: u8 = 0;

impl Family {
    /// The family of an address.
    #[must_use]
    pub fn of(address: IpAddr) -> Self {
        match address {
            IpAddr::V4(_) => Self::Inet,
            IpAddr::V6(_) => Self::Inet6,
        }
    }

    pub(crate) fn from_number(number: u8) -> Option<Self> {
        [Self::Inet, Self::Bridge, Self::Inet6].into_iter().find(|family| *family as u8 == number)
    }
}

/// The address in the payload of an attribute; its length tells the family.
pub(crate) fn ip_of(payload: &[u8]) -> Option<IpAddr> {
    match payload.len() {
        4 => payload.first_chunk().map(|octets: &[u8; 4]| Ipv4Addr::from(*octets).into()),
        16 => payload.first_chunk().map(|octets: &[u8; 16]| Ipv6Addr::from(*octets).into()),
        _ => None,
    }
}

/// The octets of an address, as they go into an attribute.
pub(crate) fn octets(address: IpAddr) -> Vec<u8> {
    match address {
        IpAddr::V4(address) => address.octets().to_vec(),
        IpAddr::V6(address) => address.octets().to_vec(),
    }
}
