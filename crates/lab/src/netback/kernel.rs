//! Making and removing the devices of vifs.

use std::os::fd::AsFd;

use ethernet::MacAddress;
use netkernel::Rtnetlink;
use netkernel::link::{LinkChange, LinkKind, LinkName};

use crate::Station;
use crate::xenbus::VifId;

/// The MAC address of the host's end of each vif (`drivers/net/xen-netback/interface.c`): the highest there is,
/// so that no bridge takes it for its own.
const BACKEND_MAC: MacAddress = MacAddress::new([0xfe, 0xff, 0xff, 0xff, 0xff, 0xff]);

/// The host's devices. Problems are sentences: they go into the store, as the kernel's do.
#[derive(Debug)]
pub(super) struct Kernel {
    host: Rtnetlink,
}

impl Kernel {
    pub(super) const fn new(host: Rtnetlink) -> Self {
        Self { host }
    }

    /// Makes the host's device and, in the guest, its other end; returns the index of the first.
    pub(super) fn create(&mut self, id: VifId, mac: &[u8], guest: &Station) -> Result<u32, String> {
        let text = std::str::from_utf8(mac).unwrap_or_default();
        let mac: MacAddress = text.parse().map_err(|error| format!("mac: {error}"))?;
        let name = LinkName::new(id.device()).map_err(|error| error.to_string())?;
        let pair = LinkKind::Veth {
            peer: LinkName::new(format!("eth{}", id.devid)).map_err(|error| error.to_string())?,
            peer_index: None,
            peer_change: LinkChange { mac: Some(mac), ..LinkChange::default() },
            peer_namespace: Some(guest.namespace().as_fd()),
        };
        let change = LinkChange { mac: Some(BACKEND_MAC), ..LinkChange::default() };
        self.host.create_link(&name, &pair, &change).map_err(|error| error.to_string())?;
        let link = self.host.link(&name).map_err(|error| error.to_string())?;
        link.map(|link| link.index).ok_or_else(|| format!("{name} has gone as soon as it was made"))
    }

    /// Removes a device, whatever it is called by now, and its other end.
    pub(super) fn remove(&mut self, device: u32) -> Result<(), String> {
        match self.host.delete_link(device) {
            Err(error) if !error.is_not_found() => Err(error.to_string()),
            _ => Ok(()),
        }
    }
}
