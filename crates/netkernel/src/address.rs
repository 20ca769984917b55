//! IP addresses of network devices (`RTM_*ADDR`).

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::family::{Family, UNSPECIFIED, ip_of, octets};
use crate::netlink::{Attributes, Context, Error, Message, flags, string_of, u32_of};
use crate::rtnetlink::Rtnetlink;

/// Flags of an address (`IFA_F_*`, `linux/if_addr.h`).
pub mod address_flags {
    /// IPv4: another address of the same network was there first. IPv6: a temporary address (RFC 8981).
    pub const SECONDARY: u32 = 0x01;
    /// IPv6: use it without asking whether another host has it.
    pub const NODAD: u32 = 0x02;
    /// IPv6: another host has it.
    pub const DADFAILED: u32 = 0x08;
    /// IPv6: whether another host has it is not known yet.
    pub const TENTATIVE: u32 = 0x40;
    /// It does not expire.
    pub const PERMANENT: u32 = 0x80;
    /// The kernel makes temporary addresses from it.
    pub const MANAGE_TEMPORARY: u32 = 0x100;
    /// It brings no route to its network.
    pub const NO_PREFIX_ROUTE: u32 = 0x200;

    /// What the kernel sets by itself, and nobody can ask for.
    pub(super) const STATE: u32 = SECONDARY | DADFAILED | TENTATIVE | PERMANENT;
}

/// An address of a network device.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Address {
    /// The device's index.
    pub link: u32,
    /// The address itself.
    pub local: IpAddr,
    /// The other end of a point-to-point link, when that is not the address itself.
    pub peer: Option<IpAddr>,
    /// The length of the network's prefix: at most 32 or 128.
    pub prefix_length: u8,
    /// `RT_SCOPE_*`: 0 is global, 253 link, 254 host.
    pub scope: u8,
    /// [`address_flags`].
    pub flags: u32,
    /// IPv4: the network's broadcast address.
    pub broadcast: Option<Ipv4Addr>,
    /// IPv4: a name for the address, the device's or one that begins with it (`eth0:1`).
    pub label: Option<String>,
    /// The metric of the route to the network.
    pub metric: Option<u32>,
    /// Who made the address (`IFAPROT_*`).
    pub protocol: Option<u8>,
    /// Seconds for which it may be used for new connections, and for which it is valid at all; none: for ever.
    pub lifetime: Option<Lifetime>,
}

/// What is left of an address's life, in seconds; [`Lifetime::FOREVER`] is no limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Lifetime {
    /// Until it is no longer used for new connections.
    pub preferred: u32,
    /// Until it goes.
    pub valid: u32,
}

impl Lifetime {
    /// No limit.
    pub const FOREVER: u32 = u32::MAX;
}

impl Address {
    /// An address for the device with index `link`, with the kernel's defaults.
    #[must_use]
    pub fn new(link: u32, local: IpAddr, prefix_length: u8) -> Self {
        Self {
            link,
            local,
            peer: None,
            prefix_length,
            scope: 0,
            flags: 0,
            broadcast: None,
            label: None,
            metric: None,
            protocol: None,
            lifetime: None,
        }
    }

    /// The family.
    #[must_use]
    pub fn family(&self) -> Family {
        Family::of(self.local)
    }

    /// The first address of its network.
    #[must_use]
    pub fn network(&self) -> IpAddr {
        masked(self.local, self.prefix_length)
    }

    /// True when this address is in the network of `other`.
    #[must_use]
    pub fn is_in_network_of(&self, other: &Self) -> bool {
        masked(self.local, other.prefix_length) == other.network()
    }

    /// True for an IPv6 address whose uniqueness is not known yet.
    #[must_use]
    pub fn is_tentative(&self) -> bool {
        self.flags & address_flags::TENTATIVE != 0
    }

    /// True for IPv6 link-local addresses.
    #[must_use]
    pub fn is_link_local(&self) -> bool {
        matches!(self.local, IpAddr::V6(address) if address.is_unicast_link_local())
    }

    /// Reads the payload of an `RTM_NEWADDR`; none when it is not one of an IP address.
    fn parse(payload: &[u8]) -> Option<Self> {
        let header = payload.first_chunk::<8>()?;
        Family::from_number(header[0])?;
        let attributes = Attributes::new(&payload[8..]);
        let find = |kind| attributes.clone().find(kind);
        let remote = find(libc::IFA_ADDRESS).and_then(ip_of);
        let local = find(libc::IFA_LOCAL).and_then(ip_of).or(remote)?;
        let mut address = Self::new(u32_of(&header[4..])?, local, header[1]);
        address.peer = remote.filter(|&remote| remote != local);
        address.flags = find(libc::IFA_FLAGS).and_then(u32_of).unwrap_or(header[2].into());
        address.scope = header[3];
        address.broadcast = match find(libc::IFA_BROADCAST).and_then(ip_of) {
            Some(IpAddr::V4(broadcast)) => Some(broadcast),
            _ => None,
        };
        address.label = find(libc::IFA_LABEL).map(string_of);
        address.metric = find(IFA_RT_PRIORITY).and_then(u32_of);
        address.protocol = find(IFA_PROTO).and_then(|payload| payload.first().copied());
        address.lifetime = find(libc::IFA_CACHEINFO).and_then(|payload| {
            let lifetime = Lifetime { preferred: u32_of(payload)?, valid: u32_of(payload.get(4..)?)? };
            let forever = Lifetime { preferred: Lifetime::FOREVER, valid: Lifetime::FOREVER };
            (lifetime != forever).then_some(lifetime)
        });
        Some(address)
    }

    pub(crate) fn write(&self, message: &mut Message) {
        let wanted = self.flags & !address_flags::STATE;
        let mut header = [0; 8];
        header[0] = self.family() as u8;
        header[1] = self.prefix_length;
        header[3] = self.scope;
        header[4..].copy_from_slice(&self.link.to_ne_bytes());
        message.header(&header);
        message.attribute(libc::IFA_LOCAL, &octets(self.local));
        message.attribute(libc::IFA_ADDRESS, &octets(self.peer.unwrap_or(self.local)));
        if let Some(broadcast) = self.broadcast {
            message.attribute(libc::IFA_BROADCAST, &broadcast.octets());
        }
        if let Some(label) = &self.label {
            message.string(libc::IFA_LABEL, label);
        }
        if wanted != 0 {
            message.u32(libc::IFA_FLAGS, wanted);
        }
        if let Some(metric) = self.metric {
            message.u32(IFA_RT_PRIORITY, metric);
        }
        if let Some(protocol) = self.protocol {
            message.u8(IFA_PROTO, protocol);
        }
        if let Some(lifetime) = self.lifetime {
            let mut info = [0; 16];
            info[..4].copy_from_slice(&lifetime.preferred.to_ne_bytes());
            info[4..8].copy_from_slice(&lifetime.valid.to_ne_bytes());
            message.attribute(libc::IFA_CACHEINFO, &info);
        }
    }
}

/// The address with all but its first `length` bits cleared.
fn masked(address: IpAddr, length: u8) -> IpAddr {
    match address {
        IpAddr::V4(address) => {
            let mask = u32::MAX.checked_shl(32_u32.saturating_sub(length.into())).unwrap_or(0);
            Ipv4Addr::from_bits(address.to_bits() & mask).into()
        }
        IpAddr::V6(address) => {
            let mask = u128::MAX.checked_shl(128_u32.saturating_sub(length.into())).unwrap_or(0);
            Ipv6Addr::from_bits(address.to_bits() & mask).into()
        }
    }
}

const IFA_RT_PRIORITY: u16 = 9;
const IFA_PROTO: u16 = 11;

/// As `ip` writes it: `10.0.0.1/24`, or `10.0.0.1 peer 10.0.0.2/32`.
impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.local)?;
        if let Some(peer) = self.peer {
            write!(f, " peer {peer}")?;
        }
        write!(f, "/{}", self.prefix_length)
    }
}

impl Rtnetlink {
    /// The addresses of the device with this index, or of all devices; both families, in the kernel's order.
    pub fn addresses(&mut self, link: Option<u32>) -> Result<Vec<Address>, Error> {
        let mut header = [0; 8];
        header[0] = UNSPECIFIED;
        header[4..].copy_from_slice(&link.unwrap_or(0).to_ne_bytes());
        let mut message = Message::new(libc::RTM_GETADDR, 0);
        message.header(&header);
        let mut addresses: Vec<Address> = self
            .socket
            .dump(&message, Vec::new, |list, reply| list.extend(Address::parse(reply.payload)))
            .attempting(|| match link {
                Some(index) => format!("list the addresses of network device number {index}"),
                None => "list the addresses of this host".into(),
            })?;
        addresses.retain(|address| link.is_none_or(|index| address.link == index));
        Ok(addresses)
    }

    /// Adds an address; one that is there already gets the flags and lifetimes of this one.
    pub fn add_address(&mut self, address: &Address) -> Result<(), Error> {
        let mut message = Message::new(libc::RTM_NEWADDR, flags::CREATE | flags::REPLACE);
        address.write(&mut message);
        self.socket
            .request(message)
            .attempting(|| format!("add address {address} to network device number {}", address.link))
    }

    /// Removes an address.
    pub fn remove_address(&mut self, address: &Address) -> Result<(), Error> {
        let mut message = Message::new(libc::RTM_DELADDR, 0);
        address.write(&mut message);
        self.socket
            .request(message)
            .attempting(|| format!("remove address {address} from network device number {}", address.link))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_told_by_their_networks() {
        let address = |text: &str, length| Address::new(1, text.parse().unwrap(), length);
        let network = |text: &str, length| address(text, length).network().to_string();
        assert_eq!(network("10.1.2.3", 24), "10.1.2.0");
        assert_eq!(network("10.1.2.3", 0), "0.0.0.0");
        assert_eq!(network("10.1.2.3", 32), "10.1.2.3");
        assert_eq!(network("2001:db8:5::1", 64), "2001:db8:5::");
        assert_eq!(network("2001:db8:5::1", 0), "::");
        assert!(address("2001:db8:5::9", 128).is_in_network_of(&address("2001:db8:5::1", 64)));
        assert!(!address("2001:db8:6::9", 64).is_in_network_of(&address("2001:db8:5::1", 64)));
    }
}
