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

impl Vif {
    /// True for the vif of dom0 itself, through which it uses a bridge like a guest (`layout=classic`).
    #[must_use]
    pub const fn is_the_hosts_own(self) -> bool {
        self.domid == 0
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

impl Port {
    /// The port whose permanent name this is; none if it is no such name.
    #[must_use]
    pub fn named(text: &str) -> Option<Self> {
        let kinds = [("vif", PortKind::Vif), ("tap", PortKind::Tap)];
        let (numbers, kind) =
            kinds.into_iter().find_map(|(word, kind)| Some((text.strip_prefix(word)?, kind)))?;
        let (domid, devid) = numbers.split_once('.')?;
        let number =
            |text: &str| text.parse().ok().filter(|_| text.bytes().all(|byte| byte.is_ascii_digit()));
        Some(Self { vif: Vif { domid: number(domid)?, devid: number(devid)? }, kind })
    }

    /// The port that a device is of: by the text that it was given when it was renamed, or by the name that it was made
    /// with. None for devices that are no vif's.
    #[must_use]
    pub fn of_device(name: &str, alias: Option<&str>) -> Option<Self> {
        if let Some(port) = alias.and_then(Self::named) {
            return Some(port);
        }
        match name.strip_suffix("-emu") {
            None => Self::named(name),
            Some(base) => Self::named(base).map(|port| Self { kind: PortKind::Tap, ..port }),
        }
    }
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

#[cfg(test)]
mod tests {
    use super::*;

    fn port(domid: u32, devid: u32, kind: PortKind) -> Port {
        Port { vif: Vif { domid, devid }, kind }
    }

    #[test]
    fn devices_of_vifs_are_known_under_any_name() {
        for (name, alias, is_of) in [
            ("vif1.0", None, Some(port(1, 0, PortKind::Vif))),
            ("vif1.0-emu", None, Some(port(1, 0, PortKind::Tap))),
            ("tap12.3", None, Some(port(12, 3, PortKind::Tap))),
            ("web", Some("vif1.0"), Some(port(1, 0, PortKind::Vif))),
            ("web-emu", Some("tap1.0"), Some(port(1, 0, PortKind::Tap))),
            // A name that was another's before.
            ("vif2.0", Some("vif1.0"), Some(port(1, 0, PortKind::Vif))),
            ("web", None, None),
            ("virbr0", Some("vif"), None),
            ("vif1.+0", None, None),
            ("vif1", None, None),
        ] {
            assert_eq!(Port::of_device(name, alias), is_of, "{name} {alias:?}");
        }
    }

    #[test]
    fn a_permanent_name_is_read_back() {
        for kind in [PortKind::Vif, PortKind::Tap] {
            let port = port(7, 2, kind);
            assert_eq!(Port::named(&port.to_string()), Some(port));
        }
    }
}
