//! Which interface of which domain.

use std::fmt;

use ethernet::MacAddress;
use serde::{Deserialize, Serialize};

/// A virtual interface: device number `devid` of domain `domid` (`xen/include/public/io/netif.h`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Vif {
    /// The domain's number: at most 32,751 for a guest.
    pub domid: u32,
    /// The device's number in the domain.
    pub devid: u32,
}

/// As the kernel names its device: `vif1.0`.
impl fmt::Display for Vif {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "vif{}.{}", self.domid, self.devid)
    }
}

/// The host's end of every vif has this address: a bridge never takes the highest for its own.
pub(crate) const BACKEND_MAC: MacAddress = MacAddress::new([0xfe, 0xff, 0xff, 0xff, 0xff, 0xff]);

/// One of the devices in the host that a vif can have.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Port {
    /// The vif.
    pub vif: Vif,
    /// Which of its devices.
    pub kind: PortKind,
}

/// The two kinds of device that a vif can have: a guest with an emulated card has both, and uses one at a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum PortKind {
    /// Of the kernel's netback driver, for the guest's Xen driver.
    Vif,
    /// Of QEMU, for the emulated card.
    Tap,
}

/// The port's permanent name: `vif1.0` or `tap1.0`, whatever its device is called.
impl fmt::Display for Port {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let word = match self.kind {
            PortKind::Vif => "vif",
            PortKind::Tap => "tap",
        };
        write!(f, "{word}{}.{}", self.vif.domid, self.vif.devid)
    }
}
