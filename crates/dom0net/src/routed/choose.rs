//! What a network gets that its configuration leaves open.

use std::collections::BTreeSet;
use std::fs;
use std::net::{IpAddr, Ipv4Addr};

use ethernet::MacAddress;
use ipnet::{Ipv4Net, Ipv6Net};
use netkernel::Family;
use netkernel::link::LinkName;

use super::error::Error;
use crate::plan::Kernel;

/// The subnets that are chosen from, where none is named: this one and those that follow it.
const FIRST_CHOICE: Ipv4Addr = Ipv4Addr::new(10, 192, 0, 0);
/// How many are tried.
const CHOICES: u32 = 64;

/// A subnet that no address and no route of this host has a part of.
pub(super) fn free_subnet(kernel: &mut Kernel) -> Result<Ipv4Net, Error> {
    let mut taken: BTreeSet<(u32, u32)> = BTreeSet::new();
    for address in kernel.route.addresses(None)? {
        if let IpAddr::V4(own) = address.local
            && let Ok(net) = Ipv4Net::new(own, address.prefix_length)
        {
            taken.insert((net.network().into(), net.broadcast().into()));
        }
    }
    for route in kernel.route.routes(Family::Inet, None)? {
        if let Some(IpAddr::V4(destination)) = route.destination()
            && let Ok(net) = Ipv4Net::new(destination, route.destination_length)
            && net.prefix_len() > 8
        {
            taken.insert((net.network().into(), net.broadcast().into()));
        }
    }
    let is_free = |net: &Ipv4Net| {
        let (first, last) = (u32::from(net.network()), u32::from(net.broadcast()));
        taken.iter().all(|&(from, to)| to < first || last < from)
    };
    let choices = (0..CHOICES).filter_map(|number| {
        Ipv4Net::new(Ipv4Addr::from(u32::from(FIRST_CHOICE) + (number << 8) + 1), 24).ok()
    });
    choices.into_iter().find(|net| is_free(&net.trunc())).ok_or(Error::NoFreeSubnet)
}

/// A unique local subnet (RFC 4193) for this host and this name: as good as random, and the same each time.
pub(super) fn unique_local(name: &LinkName) -> Ipv6Net {
    let number = number_of(name, "subnet");
    let prefix = 0xfd_u128 << 120 | u128::from(number >> 8) << 64;
    // 64 is a length that a prefix can have.
    Ipv6Net::new((prefix | 1).into(), 64).unwrap_or_default()
}

/// A locally administered address for a bridge: the same each time, so that guests know the host again.
pub(super) fn mac_of(name: &LinkName) -> MacAddress {
    let mut octets = [0x02; 6];
    octets[1..].copy_from_slice(&number_of(name, "MAC").to_be_bytes()[3..]);
    MacAddress::new(octets)
}

/// A number made of this host's identity and a name (FNV-1a, which is the same in each version of this program).
fn number_of(name: &LinkName, purpose: &str) -> u64 {
    let host = fs::read_to_string("/etc/machine-id").unwrap_or_default();
    let bytes = [host.trim(), purpose, name.as_str()].join("/").into_bytes();
    bytes.into_iter().fold(0xcbf2_9ce4_8422_2325, |hash: u64, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_networks_own_numbers_are_of_the_right_kind_and_stay() {
        let name = |text: &str| LinkName::new(text).unwrap();
        let (one, other) = (unique_local(&name("nat0")), unique_local(&name("nat1")));
        assert_eq!(one.addr().segments()[0] >> 8, 0xfd);
        assert_eq!(one.addr().segments()[7], 1);
        assert_ne!(one, other);
        assert_eq!(unique_local(&name("nat0")), one);
        assert_eq!(mac_of(&name("nat0")).octets()[0], 2);
        assert_ne!(mac_of(&name("nat0")), mac_of(&name("nat1")));
    }
}
