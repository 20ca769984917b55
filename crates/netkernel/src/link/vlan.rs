//! The VLANs of ports of a bridge that filters them (`linux/if_bridge.h`: `IFLA_BRIDGE_VLAN_INFO`).

use super::link_header;
use crate::family::Family;
use crate::netlink::{Context, Error, Message};
use crate::rtnetlink::Rtnetlink;

const IFLA_BRIDGE_VLAN_INFO: u16 = 2;
const INFO_PVID: u16 = 2;
const INFO_UNTAGGED: u16 = 4;

/// A VLAN of a bridge port.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct PortVlan {
    /// From 1 to 4094.
    pub id: u16,
    /// Frames that come in without a tag belong to it.
    pub pvid: bool,
    /// Its frames go out without a tag.
    pub untagged: bool,
}

impl PortVlan {
    /// `struct bridge_vlan_info`: flags, number.
    fn info(self) -> [u8; 4] {
        let flags = if self.pvid { INFO_PVID } else { 0 } | if self.untagged { INFO_UNTAGGED } else { 0 };
        let [flags, id] = [flags, self.id].map(u16::to_ne_bytes);
        [flags[0], flags[1], id[0], id[1]]
    }
}

impl Rtnetlink {
    /// Makes the port with this index a member of these VLANs; those that it has stay.
    pub fn add_port_vlans(&mut self, port: u32, vlans: &[PortVlan]) -> Result<(), Error> {
        self.change_port_vlans(libc::RTM_SETLINK, port, vlans)
            .attempting(|| format!("give bridge port number {port} its VLANs"))
    }

    /// Takes the port with this index out of these VLANs.
    pub fn remove_port_vlans(&mut self, port: u32, vlans: &[PortVlan]) -> Result<(), Error> {
        self.change_port_vlans(libc::RTM_DELLINK, port, vlans)
            .attempting(|| format!("take bridge port number {port} out of VLANs"))
    }

    fn change_port_vlans(
        &mut self,
        kind: u16,
        port: u32,
        vlans: &[PortVlan],
    ) -> Result<(), crate::netlink::Cause> {
        if vlans.is_empty() {
            return Ok(());
        }
        let mut message = Message::new(kind, 0);
        message.header(&link_header(Family::Bridge as u8, port, 0, 0));
        message.nested(libc::IFLA_AF_SPEC, |list| {
            for vlan in vlans {
                list.attribute(IFLA_BRIDGE_VLAN_INFO, &vlan.info());
            }
        });
        self.socket.request(message)
    }
}
