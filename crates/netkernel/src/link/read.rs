//! Network devices as the kernel tells of them.

use std::borrow::Cow;

use ethernet::MacAddress;

use super::bridge::{BridgeOptions, PortOptions};
use super::change::AddressGeneration;
use crate::family::Family;
use crate::netlink::{Attributes, string_of, u32_of, u64_of};

const IFLA_INET6_ADDR_GEN_MODE: u16 = 8;
const IFLA_VXLAN_LINK: u16 = 3;

/// A network device.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Link {
    /// Its number, unique in its namespace and never used again.
    pub index: u32,
    /// Its name. Bytes that are no UTF-8, which the kernel allows, are replaced.
    pub name: String,
    /// The kernel's word for its kind (`bridge`, `veth`, `vlan`…); none for physical and Xen devices.
    pub kind: Option<Cow<'static, str>>,
    /// Its MAC address, when it has one of six octets.
    pub mac: Option<MacAddress>,
    /// The MAC address that the hardware was made with, when it tells.
    pub permanent_mac: Option<MacAddress>,
    /// The largest packet, in bytes without the Ethernet header.
    pub mtu: u32,
    /// `IFF_*`.
    pub flags: u32,
    /// The index of the bridge or bond that it belongs to.
    pub master: Option<u32>,
    /// The kind of that master, when it belongs to one (`bridge`, `bond`…).
    pub port_kind: Option<Cow<'static, str>>,
    /// The index of the device below (of a VLAN) or at the other end (of a veth), perhaps in another namespace.
    pub lower: Option<u32>,
    /// True when that other device is in another namespace.
    pub lower_is_elsewhere: bool,
    /// RFC 2863 state (`IF_OPER_*`); 6 is up.
    pub operational_state: u8,
    /// True when the device has a carrier.
    pub carrier: bool,
    /// The administrator's text behind the name.
    pub alias: Option<String>,
    /// The group that it belongs to; 0 is where all begin.
    pub group: u32,
    /// How its link-local IPv6 address is made; none when it has no IPv6.
    pub address_generation: Option<AddressGeneration>,
    /// The options of a bridge.
    pub bridge: Option<BridgeOptions>,
    /// The options of a bridge port.
    pub port: Option<PortOptions>,
    /// What has passed through.
    pub statistics: LinkStatistics,
}

/// Traffic counters of a device, since it came to be (`struct rtnl_link_stats64`).
///
/// Of a vif, "received" is what the guest sent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LinkStatistics {
    /// Packets that came in.
    pub received_packets: u64,
    /// Bytes that came in.
    pub received_bytes: u64,
    /// Packets that went out.
    pub sent_packets: u64,
    /// Bytes that went out.
    pub sent_bytes: u64,
    /// Packets that came in and were dropped.
    pub received_dropped: u64,
    /// Packets that should have gone out and were dropped.
    pub sent_dropped: u64,
}

impl Link {
    /// Reads the payload of an `RTM_NEWLINK`; none when it is too short to be one.
    pub(super) fn parse(payload: &[u8]) -> Option<Self> {
        let header = payload.first_chunk::<16>()?;
        let mut link = Self { index: u32_of(&header[4..])?, flags: u32_of(&header[8..])?, ..Self::default() };
        for (kind, payload) in Attributes::new(&payload[16..]) {
            match kind {
                libc::IFLA_IFNAME => link.name = string_of(payload),
                libc::IFLA_ADDRESS => link.mac = mac_of(payload),
                libc::IFLA_PERM_ADDRESS => link.permanent_mac = mac_of(payload),
                libc::IFLA_MTU => link.mtu = u32_of(payload).unwrap_or_default(),
                libc::IFLA_MASTER => link.master = u32_of(payload).filter(|&index| index != 0),
                libc::IFLA_GROUP => link.group = u32_of(payload).unwrap_or_default(),
                libc::IFLA_LINK => link.lower = u32_of(payload).filter(|&index| index != 0),
                libc::IFLA_LINK_NETNSID => link.lower_is_elsewhere = true,
                libc::IFLA_OPERSTATE => link.operational_state = payload.first().copied().unwrap_or_default(),
                libc::IFLA_CARRIER => link.carrier = payload.first() == Some(&1),
                libc::IFLA_IFALIAS => link.alias = Some(string_of(payload)),
                libc::IFLA_LINKINFO => link.read_kind(payload),
                libc::IFLA_AF_SPEC => link.address_generation = address_generation(payload),
                libc::IFLA_STATS64 => link.statistics = LinkStatistics::parse(payload),
                _ => {}
            }
        }
        Some(link)
    }

    fn read_kind(&mut self, info: &[u8]) {
        let (mut data, mut port_data) = (None, None);
        for (kind, payload) in Attributes::new(info) {
            match kind {
                libc::IFLA_INFO_KIND => self.kind = Some(kind_of(payload)),
                libc::IFLA_INFO_DATA => data = Some(payload),
                libc::IFLA_INFO_SLAVE_KIND => self.port_kind = Some(kind_of(payload)),
                libc::IFLA_INFO_SLAVE_DATA => port_data = Some(payload),
                _ => {}
            }
        }
        match self.kind.as_deref() {
            Some("vxlan") => {
                let lower = data.and_then(|data| Attributes::new(data).find(IFLA_VXLAN_LINK));
                self.lower = self.lower.or(lower.and_then(u32_of));
            }
            Some("bridge") => self.bridge = data.map(BridgeOptions::parse),
            _ => {}
        }
        if self.port_kind.as_deref() == Some("bridge") {
            self.port = port_data.map(PortOptions::parse);
        }
    }

    /// True when the administrator wants it up (`IFF_UP`).
    #[must_use]
    pub fn is_up(&self) -> bool {
        self.has(libc::IFF_UP)
    }

    /// True when it is up and can pass traffic (`IFF_RUNNING`).
    #[must_use]
    pub fn is_running(&self) -> bool {
        self.has(libc::IFF_RUNNING)
    }

    /// True for the loopback device.
    #[must_use]
    pub fn is_loopback(&self) -> bool {
        self.has(libc::IFF_LOOPBACK)
    }

    /// True for a bridge of the kernel's own (not of Open vSwitch).
    #[must_use]
    pub fn is_bridge(&self) -> bool {
        self.kind.as_deref() == Some("bridge")
    }

    fn has(&self, flag: i32) -> bool {
        self.flags & flag.cast_unsigned() != 0
    }
}

impl LinkStatistics {
    fn parse(payload: &[u8]) -> Self {
        let counter = |at: usize| payload.get(at * 8..).and_then(u64_of).unwrap_or_default();
        Self {
            received_packets: counter(0),
            sent_packets: counter(1),
            received_bytes: counter(2),
            sent_bytes: counter(3),
            received_dropped: counter(6),
            sent_dropped: counter(7),
        }
    }
}

/// A kind. Those that a host may have thousands of are not copied.
fn kind_of(payload: &[u8]) -> Cow<'static, str> {
    match payload {
        b"bridge\0" => "bridge".into(),
        b"veth\0" => "veth".into(),
        b"vlan\0" => "vlan".into(),
        b"tun\0" => "tun".into(),
        _ => string_of(payload).into(),
    }
}

fn mac_of(payload: &[u8]) -> Option<MacAddress> {
    <[u8; 6]>::try_from(payload).ok().map(MacAddress::new)
}

fn address_generation(families: &[u8]) -> Option<AddressGeneration> {
    let inet6 = Attributes::new(families).find(Family::Inet6 as u16)?;
    let mode = *Attributes::new(inet6).find(IFLA_INET6_ADDR_GEN_MODE)?.first()?;
    AddressGeneration::from_number(mode)
}
