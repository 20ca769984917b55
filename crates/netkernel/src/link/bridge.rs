//! Options of bridges and of their ports (`linux/if_link.h`: `IFLA_BR_*`, `IFLA_BRPORT_*`).

use crate::netlink::{Attributes, Message, u16_of, u32_of};

const IFLA_BR_FORWARD_DELAY: u16 = 1;
const IFLA_BR_AGEING_TIME: u16 = 4;
const IFLA_BR_STP_STATE: u16 = 5;
const IFLA_BR_VLAN_FILTERING: u16 = 7;
const IFLA_BR_MCAST_SNOOPING: u16 = 23;
const IFLA_BR_VLAN_DEFAULT_PVID: u16 = 39;

const IFLA_BRPORT_MODE: u16 = 4;
const IFLA_BRPORT_GUARD: u16 = 5;
const IFLA_BRPORT_LEARNING: u16 = 8;
const IFLA_BRPORT_UNICAST_FLOOD: u16 = 9;
const IFLA_BRPORT_MCAST_FLOOD: u16 = 27;
const IFLA_BRPORT_BCAST_FLOOD: u16 = 30;
const IFLA_BRPORT_NEIGH_SUPPRESS: u16 = 32;
const IFLA_BRPORT_ISOLATED: u16 = 33;
const IFLA_BRPORT_LOCKED: u16 = 39;

/// `IFLA_PROTINFO`, which libc does not name for every C library.
const IFLA_PROTINFO: u16 = 12;

/// Options of a bridge; `None` is the kernel's default, or "as it is".
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(default))]
pub struct BridgeOptions {
    /// The spanning tree protocol.
    pub stp: Option<bool>,
    /// How long a new port listens and learns before it forwards, in hundredths of a second.
    pub forward_delay: Option<u32>,
    /// How long an address without traffic is remembered, in hundredths of a second.
    pub ageing_time: Option<u32>,
    /// Whether VLAN tags decide where a frame may go.
    pub vlan_filtering: Option<bool>,
    /// The VLAN that untagged frames of a new port belong to; 0: none.
    pub default_pvid: Option<u16>,
    /// Whether multicast goes only where it was asked for.
    pub multicast_snooping: Option<bool>,
}

impl BridgeOptions {
    pub(super) fn write(&self, message: &mut Message) {
        if let Some(value) = self.forward_delay {
            message.u32(IFLA_BR_FORWARD_DELAY, value);
        }
        if let Some(value) = self.ageing_time {
            message.u32(IFLA_BR_AGEING_TIME, value);
        }
        if let Some(on) = self.stp {
            message.u32(IFLA_BR_STP_STATE, on.into());
        }
        if let Some(on) = self.vlan_filtering {
            message.u8(IFLA_BR_VLAN_FILTERING, on.into());
        }
        if let Some(value) = self.default_pvid {
            message.u16(IFLA_BR_VLAN_DEFAULT_PVID, value);
        }
        if let Some(on) = self.multicast_snooping {
            message.u8(IFLA_BR_MCAST_SNOOPING, on.into());
        }
    }

    pub(super) fn parse(data: &[u8]) -> Self {
        let mut options = Self::default();
        for (kind, payload) in Attributes::new(data) {
            match kind {
                IFLA_BR_FORWARD_DELAY => options.forward_delay = u32_of(payload),
                IFLA_BR_AGEING_TIME => options.ageing_time = u32_of(payload),
                IFLA_BR_STP_STATE => options.stp = u32_of(payload).map(|state| state != 0),
                IFLA_BR_VLAN_FILTERING => options.vlan_filtering = bool_of(payload),
                IFLA_BR_VLAN_DEFAULT_PVID => options.default_pvid = u16_of(payload),
                IFLA_BR_MCAST_SNOOPING => options.multicast_snooping = bool_of(payload),
                _ => {}
            }
        }
        options
    }
}

/// Options of a bridge port; `None` is "as it is".
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(default))]
pub struct PortOptions {
    /// The bridge learns addresses from the frames that come in here.
    pub learning: Option<bool>,
    /// Only frames from addresses that the forwarding table has *for this port* come in (kernel 5.18 and later;
    /// older ones ignore this silently).
    pub locked: Option<bool>,
    /// No traffic to and from other isolated ports.
    pub isolated: Option<bool>,
    /// Frames may leave through the port they came from.
    pub hairpin: Option<bool>,
    /// A spanning tree frame that comes in disables the port.
    pub bpdu_guard: Option<bool>,
    /// Frames to unknown unicast addresses go out here.
    pub unicast_flood: Option<bool>,
    /// Frames to multicast groups that nobody joined go out here.
    pub multicast_flood: Option<bool>,
    /// Broadcasts go out here.
    pub broadcast_flood: Option<bool>,
    /// The bridge answers ARP and neighbour solicitations in the neighbour's place.
    pub neighbour_suppression: Option<bool>,
}

impl PortOptions {
    /// The attributes of the options.
    const KINDS: [u16; 9] = [
        IFLA_BRPORT_LEARNING,
        IFLA_BRPORT_LOCKED,
        IFLA_BRPORT_ISOLATED,
        IFLA_BRPORT_MODE,
        IFLA_BRPORT_GUARD,
        IFLA_BRPORT_UNICAST_FLOOD,
        IFLA_BRPORT_MCAST_FLOOD,
        IFLA_BRPORT_BCAST_FLOOD,
        IFLA_BRPORT_NEIGH_SUPPRESS,
    ];

    /// The option of this attribute, in one place for writing and reading.
    fn field(&mut self, kind: u16) -> Option<&mut Option<bool>> {
        Some(match kind {
            IFLA_BRPORT_LEARNING => &mut self.learning,
            IFLA_BRPORT_LOCKED => &mut self.locked,
            IFLA_BRPORT_ISOLATED => &mut self.isolated,
            IFLA_BRPORT_MODE => &mut self.hairpin,
            IFLA_BRPORT_GUARD => &mut self.bpdu_guard,
            IFLA_BRPORT_UNICAST_FLOOD => &mut self.unicast_flood,
            IFLA_BRPORT_MCAST_FLOOD => &mut self.multicast_flood,
            IFLA_BRPORT_BCAST_FLOOD => &mut self.broadcast_flood,
            IFLA_BRPORT_NEIGH_SUPPRESS => &mut self.neighbour_suppression,
            _ => return None,
        })
    }

    pub(super) fn write(&self, message: &mut Message) {
        let mut options = self.clone();
        message.nested(IFLA_PROTINFO, |port| {
            for kind in Self::KINDS {
                if let Some(on) = options.field(kind).and_then(|value| *value) {
                    port.u8(kind, on.into());
                }
            }
        });
    }

    pub(super) fn parse(data: &[u8]) -> Self {
        let mut options = Self::default();
        // A port has four times as many attributes, and a list has thousands of ports.
        for (kind, payload) in Attributes::new(data) {
            if let Some(value) = options.field(kind) {
                *value = bool_of(payload);
            }
        }
        options
    }
}

fn bool_of(payload: &[u8]) -> Option<bool> {
    payload.first().map(|&byte| byte != 0)
}
