//! The emulated card's tap, which the device model makes for guests that boot with one.

use std::os::fd::AsFd;

use ethernet::MacAddress;
use netkernel::link::{LinkChange, LinkKind, LinkName};

use super::Toolstack;
use crate::xenbus::VifId;
use crate::{Error, Guest};

impl VifId {
    /// The name that the device model gives the emulated card's tap.
    #[must_use]
    pub fn tap(self) -> String {
        format!("{}-emu", self.device())
    }
}

impl Toolstack {
    /// Makes the tap, with the emulated card `emuN` in the guest as its other end.
    ///
    /// It is no tap to the kernel: nothing here reads packets from a file. Scripts see no difference.
    pub(super) fn make_tap(&self, vif: VifId, guest: &Guest, mac: MacAddress) -> Result<(), Error> {
        let host = self.host.station();
        let pair = LinkKind::Veth {
            peer: LinkName::new(format!("emu{}", vif.devid))?,
            peer_index: None,
            peer_change: LinkChange { mac: Some(mac), ..LinkChange::default() },
            peer_namespace: Some(guest.station().namespace().as_fd()),
        };
        host.kernel()?
            .create_link(&LinkName::new(vif.tap())?, &pair, &LinkChange::default())
            .map_err(host.kernel_error())
    }

    /// Removes the tap, whatever a script has called it: it is the other end of the guest's emulated card.
    pub(super) fn remove_tap(&self, vif: VifId) -> Result<(), Error> {
        let Some(guest) = self.domains.get(vif.domid) else { return Ok(()) };
        let Ok(card) = guest.station().link(&format!("emu{}", vif.devid)) else { return Ok(()) };
        match guest.station().kernel()?.delete_link(card.index) {
            Err(error) if !error.is_not_found() => Err(guest.station().kernel_error()(error)),
            _ => Ok(()),
        }
    }
}
