//! Which interfaces a command is about.

use std::fmt;
use std::rc::Rc;

use dom0net::hotplug::Guarded;
use dom0net::inventory::{self, Inventory};
use dom0net::network::Records;
use dom0net::places::Places;
use dom0net::plan::Kernel;
use dom0net::vif::{Port, PortKind, Vif};
use xenstore::Client;

/// The connections that these commands need, and who is there if that had to be asked.
pub(super) struct Host {
    pub(super) kernel: Kernel,
    pub(super) store: Client,
    inventory: Option<Rc<Inventory>>,
}

/// An interface, or why it cannot be understood.
pub(super) type Found = (Port, Result<Guarded, Failed>);

/// Why a command about guards could not be carried out.
#[derive(Debug)]
pub(super) struct Failed(String);

impl fmt::Display for Failed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl<E: std::error::Error> From<E> for Failed {
    fn from(error: E) -> Self {
        Self(error.to_string())
    }
}

impl Host {
    pub(super) fn open() -> Result<Self, Failed> {
        Ok(Self { kernel: Kernel::open()?, store: Client::open()?, inventory: None })
    }

    /// Who is there. An interface that is called by the kernel's name for it is found without.
    fn inventory(&mut self) -> Result<Rc<Inventory>, Failed> {
        if let Some(inventory) = &self.inventory {
            return Ok(Rc::clone(inventory));
        }
        let records = Records::of(&Places::from_environment());
        let inventory = Rc::new(inventory::outline(&mut self.kernel, &records)?);
        self.inventory = Some(Rc::clone(&inventory));
        Ok(inventory)
    }

    /// The interface that a word names: `vif1.0`, `tap1.0`, a guest's name, its name and a number (`web/1`), or the name
    /// of a device.
    pub(super) fn find(&mut self, word: &str) -> Result<Guarded, Failed> {
        let port = match port_of(word) {
            Some(port) => Some(port),
            None => named(&*self.inventory()?, word),
        };
        let port = port.ok_or_else(|| {
            Failed(format!("{word} is no guest's interface; dom0net show lists those that there are"))
        })?;
        let guarded = Guarded::find(&mut self.store, &mut self.kernel, port)?;
        guarded.ok_or_else(|| {
            Failed(format!("{word} has no network device; dom0net show lists those that have"))
        })
    }

    /// All interfaces that have a device, those of emulated cards among them; and for each that cannot be understood,
    /// why not.
    pub(super) fn all(&mut self) -> Result<Vec<Found>, Failed> {
        let inventory = self.inventory()?;
        let mut found = Vec::new();
        for domain in &inventory.domains {
            // One that goes is taken out by its script, and its guard with it.
            let staying = |vif: &&inventory::Vif| !matches!(vif.state, Some("closing" | "closed"));
            for vif in domain.vifs.iter().filter(staying) {
                for kind in [PortKind::Vif, PortKind::Tap] {
                    let port = port(domain.domid, vif.devid, kind);
                    match Guarded::find(&mut self.store, &mut self.kernel, port) {
                        Ok(Some(guarded)) => found.push((port, Ok(guarded))),
                        Err(error) => found.push((port, Err(error.into()))),
                        // Somebody has renamed it, which may have taken its guard off.
                        Ok(None) if kind == PortKind::Vif && vif.state == Some("connected") => {
                            let fault = "it is connected, but there is no device with one of its names";
                            found.push((port, Err(Failed(fault.into()))));
                        }
                        Ok(None) => {}
                    }
                }
            }
        }
        Ok(found)
    }

    /// Those that the words name, or all if there are none.
    pub(super) fn each(&mut self, words: &[String]) -> Result<Vec<Found>, Failed> {
        if words.is_empty() {
            return self.all();
        }
        words.iter().map(|word| self.find(word).map(|guarded| (guarded.port, Ok(guarded)))).collect()
    }
}

/// The interface of a guest that is called so, or whose device is.
fn named(inventory: &Inventory, word: &str) -> Option<Port> {
    let (name, devid) = match word.rsplit_once('/') {
        Some((name, devid)) => (name, devid.parse().ok()?),
        None => (word, 0),
    };
    for domain in &inventory.domains {
        for vif in &domain.vifs {
            let by_device = vif.device.as_deref() == Some(word);
            if by_device || (domain.name.as_deref() == Some(name) && vif.devid == devid) {
                return Some(port(domain.domid, vif.devid, PortKind::Vif));
            }
        }
    }
    None
}

fn port(domid: u32, devid: u32, kind: PortKind) -> Port {
    Port { vif: Vif { domid, devid }, kind }
}

/// `vif1.0`, `tap1.0`, and `vif1.0-emu` as libxl calls the tap.
fn port_of(word: &str) -> Option<Port> {
    let (kind, numbers) = match (word.strip_prefix("vif"), word.strip_prefix("tap")) {
        (Some(numbers), _) => match numbers.strip_suffix("-emu") {
            Some(numbers) => (PortKind::Tap, numbers),
            None => (PortKind::Vif, numbers),
        },
        (_, Some(numbers)) => (PortKind::Tap, numbers),
        _ => return None,
    };
    let (domid, devid) = numbers.split_once('.')?;
    Some(port(domid.parse().ok()?, devid.parse().ok()?, kind))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_device_is_named_as_the_kernel_or_libxl_name_it() {
        assert_eq!(port_of("vif12.3"), Some(port(12, 3, PortKind::Vif)));
        assert_eq!(port_of("vif12.3-emu"), Some(port(12, 3, PortKind::Tap)));
        assert_eq!(port_of("tap1.0"), Some(port(1, 0, PortKind::Tap)));
        assert_eq!((port_of("vif1"), port_of("web"), port_of("vif1.x")), (None, None, None));
    }
}
