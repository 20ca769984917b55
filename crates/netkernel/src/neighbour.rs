//! Neighbours of IP hosts, and the forwarding tables of bridges (`RTM_*NEIGH`).

use std::net::IpAddr;

use ethernet::MacAddress;

use crate::family::{Family, ip_of, octets};
use crate::netlink::{Attributes, Cause, Context, Error, Message, flags, u16_of, u32_of};
use crate::rtnetlink::Rtnetlink;

/// States of a neighbour (`NUD_*`, `linux/neighbour.h`).
pub mod neighbour_state {
    /// It is being asked for the first time.
    pub const INCOMPLETE: u16 = 0x01;
    /// It was heard of lately.
    pub const REACHABLE: u16 = 0x02;
    /// It was known; it is used, and asked again on use.
    pub const STALE: u16 = 0x04;
    /// It is waited for confirmation from above.
    pub const DELAY: u16 = 0x08;
    /// It is being asked.
    pub const PROBE: u16 = 0x10;
    /// It did not answer.
    pub const FAILED: u16 = 0x20;
    /// It needs no asking; of a forwarding entry: it does not age.
    pub const NOARP: u16 = 0x40;
    /// It stays until it is removed.
    pub const PERMANENT: u16 = 0x80;
    /// All states in which its MAC address is known.
    pub const VALID: u16 = REACHABLE | STALE | DELAY | PROBE | NOARP | PERMANENT;
}

/// `NDA_MASTER`, which libc does not name for every C library.
const NDA_MASTER: u16 = 9;
/// `NTF_MASTER`: the entry is the bridge's that the device is a port of.
const NTF_MASTER: u8 = 0x04;
/// `NTF_PROXY`: we answer for this address.
const NTF_PROXY: u8 = 0x08;

/// An entry of the neighbour table: who has this address on this device; or, of a proxied one, that we answer for it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Neighbour {
    /// The device's index.
    pub link: u32,
    /// The address.
    pub address: IpAddr,
    /// Who has it; none while that is not known.
    pub mac: Option<MacAddress>,
    /// [`neighbour_state`].
    pub state: u16,
    /// `NTF_*`.
    pub flags: u8,
}

/// An entry of a bridge's forwarding table: which port an address is behind.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ForwardingEntry {
    /// The port's index.
    pub port: u32,
    /// The index of the bridge; none for entries of the device itself.
    pub bridge: Option<u32>,
    /// The address.
    pub mac: MacAddress,
    /// The VLAN; none without VLAN filtering.
    pub vlan: Option<u16>,
    /// [`neighbour_state`]: `PERMANENT` is the host's own, `NOARP` was set by someone, others were learned.
    pub state: u16,
}

/// `struct ndmsg`.
fn neighbour_header(family: Family, link: u32, state: u16, flags: u8) -> [u8; 12] {
    let mut header = [0; 12];
    header[0] = family as u8;
    header[4..8].copy_from_slice(&link.to_ne_bytes());
    header[8..10].copy_from_slice(&state.to_ne_bytes());
    header[10] = flags;
    header
}

impl Neighbour {
    /// Says that we answer for `address` on the device with index `link`.
    #[must_use]
    pub fn proxied(link: u32, address: IpAddr) -> Self {
        Self { link, address, mac: None, state: 0, flags: NTF_PROXY }
    }

    fn parse(payload: &[u8]) -> Option<Self> {
        let header = payload.first_chunk::<12>()?;
        let attributes = Attributes::new(&payload[12..]);
        Some(Self {
            link: u32_of(&header[4..])?,
            address: attributes.clone().find(libc::NDA_DST).and_then(ip_of)?,
            mac: attributes.find(libc::NDA_LLADDR).and_then(mac_of),
            state: u16_of(&header[8..])?,
            flags: header[10],
        })
    }

    /// True when the MAC address is known and may be used.
    #[must_use]
    pub fn is_valid(&self) -> bool {
        self.mac.is_some() && self.state & neighbour_state::VALID != 0
    }
}

impl ForwardingEntry {
    fn parse(payload: &[u8]) -> Option<Self> {
        let header = payload.first_chunk::<12>()?;
        if Family::from_number(header[0]) != Some(Family::Bridge) {
            return None;
        }
        let attributes = Attributes::new(&payload[12..]);
        let find = |kind| attributes.clone().find(kind);
        Some(Self {
            port: u32_of(&header[4..])?,
            bridge: find(NDA_MASTER).and_then(u32_of),
            mac: find(libc::NDA_LLADDR).and_then(mac_of)?,
            vlan: find(libc::NDA_VLAN).and_then(u16_of),
            state: u16_of(&header[8..])?,
        })
    }
}

fn mac_of(payload: &[u8]) -> Option<MacAddress> {
    <[u8; 6]>::try_from(payload).ok().map(MacAddress::new)
}

pub(crate) fn forwarding_message(
    kind: u16,
    state: u16,
    port: u32,
    mac: MacAddress,
    vlan: Option<u16>,
) -> Message {
    let mut message = Message::new(kind, 0);
    message.header(&neighbour_header(Family::Bridge, port, state, NTF_MASTER));
    message.attribute(libc::NDA_LLADDR, &mac.octets());
    if let Some(vlan) = vlan {
        message.u16(libc::NDA_VLAN, vlan);
    }
    message
}

impl Rtnetlink {
    /// The neighbours on the device with this index, of both families.
    pub fn neighbours(&mut self, link: u32) -> Result<Vec<Neighbour>, Error> {
        self.dump_neighbours(link, 0)
            .attempting(|| format!("list the neighbours on network device number {link}"))
    }

    /// The addresses that we answer for on the device with this index, of both families.
    pub fn proxied_neighbours(&mut self, link: u32) -> Result<Vec<Neighbour>, Error> {
        self.dump_neighbours(link, NTF_PROXY)
            .attempting(|| format!("list the addresses answered for on network device number {link}"))
    }

    fn dump_neighbours(&mut self, link: u32, flags: u8) -> Result<Vec<Neighbour>, Cause> {
        let mut neighbours = Vec::new();
        for family in [Family::Inet, Family::Inet6] {
            let mut message = Message::new(libc::RTM_GETNEIGH, 0);
            message.header(&neighbour_header(family, 0, 0, flags));
            // The kernel takes no filter by device when proxies are asked for.
            if flags == 0 {
                message.u32(libc::NDA_IFINDEX, link);
            }
            let found: Vec<Neighbour> = self
                .socket
                .dump(&message, Vec::new, |list, reply| list.extend(Neighbour::parse(reply.payload)))?;
            neighbours.extend(
                found.into_iter().filter(|entry| entry.link == link && entry.flags & NTF_PROXY == flags),
            );
        }
        Ok(neighbours)
    }

    /// Sets who has an address, in place of what was known.
    pub fn set_neighbour(&mut self, neighbour: &Neighbour) -> Result<(), Error> {
        let mut message = Message::new(libc::RTM_NEWNEIGH, flags::CREATE | flags::REPLACE);
        let family = Family::of(neighbour.address);
        message.header(&neighbour_header(family, neighbour.link, neighbour.state, neighbour.flags));
        message.attribute(libc::NDA_DST, &octets(neighbour.address));
        if let Some(mac) = neighbour.mac {
            message.attribute(libc::NDA_LLADDR, &mac.octets());
        }
        self.socket.request(message).attempting(|| {
            format!("set neighbour {} on network device number {}", neighbour.address, neighbour.link)
        })
    }

    /// Forgets who has an address.
    pub fn remove_neighbour(&mut self, neighbour: &Neighbour) -> Result<(), Error> {
        let mut message = Message::new(libc::RTM_DELNEIGH, 0);
        let family = Family::of(neighbour.address);
        message.header(&neighbour_header(family, neighbour.link, 0, neighbour.flags));
        message.attribute(libc::NDA_DST, &octets(neighbour.address));
        self.socket.request(message).attempting(|| {
            format!("remove neighbour {} from network device number {}", neighbour.address, neighbour.link)
        })
    }

    /// The forwarding table of the bridge with this index.
    pub fn forwarding_entries(&mut self, bridge: u32) -> Result<Vec<ForwardingEntry>, Error> {
        let mut message = Message::new(libc::RTM_GETNEIGH, 0);
        message.header(&neighbour_header(Family::Bridge, 0, 0, 0));
        message.u32(NDA_MASTER, bridge);
        let mut entries: Vec<ForwardingEntry> = self
            .socket
            .dump(&message, Vec::new, |list, reply| list.extend(ForwardingEntry::parse(reply.payload)))
            .attempting(|| format!("list the forwarding table of bridge number {bridge}"))?;
        entries.retain(|entry| entry.bridge == Some(bridge));
        Ok(entries)
    }

    /// Says for good that `mac` is behind this bridge port. The entry goes when the port leaves the bridge.
    pub fn add_forwarding_entry(
        &mut self,
        port: u32,
        mac: MacAddress,
        vlan: Option<u16>,
    ) -> Result<(), Error> {
        let mut message = forwarding_message(libc::RTM_NEWNEIGH, neighbour_state::NOARP, port, mac, vlan);
        message.add_flags(flags::CREATE | flags::REPLACE);
        self.socket.request(message).attempting(|| format!("tie {mac} to bridge port number {port}"))
    }

    /// Takes such an entry back.
    pub fn remove_forwarding_entry(
        &mut self,
        port: u32,
        mac: MacAddress,
        vlan: Option<u16>,
    ) -> Result<(), Error> {
        let message = forwarding_message(libc::RTM_DELNEIGH, 0, port, mac, vlan);
        self.socket.request(message).attempting(|| format!("untie {mac} from bridge port number {port}"))
    }
}
