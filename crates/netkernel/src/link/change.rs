//! What can be asked of a network device.

use std::fmt;
use std::os::fd::{AsRawFd, BorrowedFd};

use ethernet::MacAddress;

use super::bridge::BridgeOptions;
use super::name::LinkName;
use crate::family::{Family, UNSPECIFIED};
use crate::netlink::Message;

const VETH_INFO_PEER: u16 = 1;
const IFLA_INET6_ADDR_GEN_MODE: u16 = 8;
const IFLA_VLAN_ID: u16 = 1;

/// How the kernel makes a device's link-local IPv6 address (`IFLA_INET6_ADDR_GEN_MODE`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[repr(u8)]
pub enum AddressGeneration {
    /// From the MAC address (modified EUI-64): the default.
    Eui64 = 0,
    /// Not at all: only addresses that someone adds.
    None = 1,
    /// A stable one that does not show the MAC (RFC 7217), from the namespace's secret.
    StablePrivacy = 2,
    /// As above, from a secret of the device's own.
    Random = 3,
}

impl AddressGeneration {
    pub(super) fn from_number(number: u8) -> Option<Self> {
        [Self::Eui64, Self::None, Self::StablePrivacy, Self::Random]
            .into_iter()
            .find(|mode| *mode as u8 == number)
    }
}

/// Whom a device belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub enum Master {
    /// The bridge or bond with this index.
    Link(u32),
    /// Nobody.
    Nobody,
}

impl From<Option<u32>> for Master {
    fn from(index: Option<u32>) -> Self {
        index.map_or(Self::Nobody, Self::Link)
    }
}

/// In words: "from the MAC address", "none".
impl fmt::Display for AddressGeneration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Eui64 => "from the MAC address",
            Self::None => "none",
            Self::StablePrivacy => "stable and private",
            Self::Random => "random",
        })
    }
}

/// A change of a device; what is `None` stays as it is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(default))]
pub struct LinkChange {
    /// Its name. The kernel refuses this while the device is up, unless it is newer than 6.1.
    pub name: Option<LinkName>,
    /// Its MAC address.
    pub mac: Option<MacAddress>,
    /// Its MTU, in bytes without the Ethernet header.
    pub mtu: Option<u32>,
    /// Whether it is up (`IFF_UP`).
    pub up: Option<bool>,
    /// Whether it answers ARP: the inverse of `IFF_NOARP`.
    pub arp: Option<bool>,
    /// The bridge or bond that it belongs to.
    pub master: Option<Master>,
    /// How its link-local IPv6 address is made.
    pub address_generation: Option<AddressGeneration>,
    /// A text that administrators see behind the name (`IFLA_IFALIAS`); empty removes it.
    pub alias: Option<String>,
    /// The group that it belongs to (`IFLA_GROUP`); 0 is where all begin.
    pub group: Option<u32>,
}

impl LinkChange {
    /// True when nothing would change.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// The flags to change, as (values, mask).
    pub(super) fn device_flags(&self) -> (u32, u32) {
        let flag = |wanted: Option<bool>, bit: i32| {
            let bit = bit.cast_unsigned();
            wanted.map_or((0, 0), |on| (if on { bit } else { 0 }, bit))
        };
        let up = flag(self.up, libc::IFF_UP);
        let no_arp = flag(self.arp.map(|arp| !arp), libc::IFF_NOARP);
        (up.0 | no_arp.0, up.1 | no_arp.1)
    }

    pub(super) fn write(&self, message: &mut Message) {
        if let Some(name) = &self.name {
            message.string(libc::IFLA_IFNAME, name.as_str());
        }
        if let Some(mac) = self.mac {
            message.attribute(libc::IFLA_ADDRESS, &mac.octets());
        }
        if let Some(mtu) = self.mtu {
            message.u32(libc::IFLA_MTU, mtu);
        }
        if let Some(group) = self.group {
            message.u32(libc::IFLA_GROUP, group);
        }
        if let Some(alias) = &self.alias {
            // The kernel's limit is IFALIASZ, 256 bytes; a longer text would make it refuse the rest too.
            let end = alias.floor_char_boundary(255);
            message.attribute(libc::IFLA_IFALIAS, &alias.as_bytes()[..end]);
        }
        if let Some(master) = self.master {
            let index = match master {
                Master::Link(index) => index,
                Master::Nobody => 0,
            };
            message.u32(libc::IFLA_MASTER, index);
        }
        if let Some(mode) = self.address_generation {
            message.nested(libc::IFLA_AF_SPEC, |families| {
                families.nested(Family::Inet6 as u16, |inet6| inet6.u8(IFLA_INET6_ADDR_GEN_MODE, mode as u8));
            });
        }
    }
}

/// Says what changes, as it goes behind "cannot": "set mtu 1500 and name http".
impl fmt::Display for LinkChange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut words = Vec::new();
        if let Some(name) = &self.name {
            words.push(format!("name {name}"));
        }
        if let Some(mac) = self.mac {
            words.push(format!("MAC {mac}"));
        }
        if let Some(mtu) = self.mtu {
            words.push(format!("MTU {mtu}"));
        }
        match self.master {
            Some(Master::Link(master)) => words.push(format!("master number {master}")),
            Some(Master::Nobody) => words.push("no master".into()),
            None => {}
        }
        if let Some(up) = self.up {
            words.push(if up { "state up" } else { "state down" }.into());
        }
        if let Some(arp) = self.arp {
            words.push(if arp { "ARP on" } else { "ARP off" }.into());
        }
        if let Some(mode) = self.address_generation {
            words.push(format!("IPv6 link-local address {mode}"));
        }
        if let Some(group) = self.group {
            words.push(format!("group {group:#x}"));
        }
        if self.alias.is_some() {
            words.push("alias".into());
        }
        write!(f, "set {}", words.join(" and "))
    }
}

/// The kinds of device that can be made.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum LinkKind<'a> {
    /// A bridge.
    Bridge(BridgeOptions),
    /// A pair of devices: what goes into one comes out of the other. Neither can be up before both exist.
    Veth {
        /// The other end's name.
        peer: LinkName,
        /// The other end's index, which no other device may have; none: the kernel's choice.
        peer_index: Option<u32>,
        /// What else the other end shall be.
        peer_change: LinkChange,
        /// The network namespace of the other end; none: the same.
        peer_namespace: Option<BorrowedFd<'a>>,
    },
    /// A device that swallows what is sent to it.
    Dummy,
    /// A VLAN of another device.
    Vlan {
        /// That device's index.
        parent: u32,
        /// 1 to 4094.
        id: u16,
    },
}

impl LinkKind<'_> {
    /// The kernel's word for the kind (`IFLA_INFO_KIND`).
    #[must_use]
    pub fn word(&self) -> &'static str {
        match self {
            Self::Bridge(_) => "bridge",
            Self::Veth { .. } => "veth",
            Self::Dummy => "dummy",
            Self::Vlan { .. } => "vlan",
        }
    }

    pub(crate) fn write(&self, message: &mut Message) {
        if let Self::Vlan { parent, .. } = self {
            message.u32(libc::IFLA_LINK, *parent);
        }
        message.nested(libc::IFLA_LINKINFO, |info| {
            info.string(libc::IFLA_INFO_KIND, self.word());
            match self {
                Self::Bridge(options) => info.nested(libc::IFLA_INFO_DATA, |data| options.write(data)),
                Self::Veth { peer, peer_index, peer_change, peer_namespace } => {
                    info.nested(libc::IFLA_INFO_DATA, |data| {
                        data.nested(VETH_INFO_PEER, |end| {
                            let (values, mask) = peer_change.device_flags();
                            let index = peer_index.unwrap_or(0);
                            end.header(&super::link_header(UNSPECIFIED, index, values, mask));
                            end.string(libc::IFLA_IFNAME, peer.as_str());
                            peer_change.write(end);
                            if let Some(namespace) = peer_namespace {
                                end.u32(libc::IFLA_NET_NS_FD, namespace.as_raw_fd().cast_unsigned());
                            }
                        });
                    });
                }
                Self::Vlan { id, .. } => {
                    info.nested(libc::IFLA_INFO_DATA, |data| data.u16(IFLA_VLAN_ID, *id));
                }
                Self::Dummy => {}
            }
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flags_are_changed_only_where_asked() {
        let change = |up, arp| LinkChange { up, arp, ..LinkChange::default() }.device_flags();
        let (up, no_arp) = (libc::IFF_UP.cast_unsigned(), libc::IFF_NOARP.cast_unsigned());
        assert_eq!(change(None, None), (0, 0));
        assert_eq!(change(Some(true), None), (up, up));
        assert_eq!(change(Some(false), Some(false)), (no_arp, up | no_arp));
    }

    #[test]
    fn a_change_says_what_it_does() {
        let change = LinkChange { mtu: Some(9000), master: Some(Master::Nobody), ..LinkChange::default() };
        assert_eq!(change.to_string(), "set MTU 9000 and no master");
    }
}
