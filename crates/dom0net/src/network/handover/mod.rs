//! Moving a host's addresses and routes from one device to another while traffic goes on.
//!
//! Each step stands where it does for a reason that was measured; in this order four flows of 2,000 packets a second
//! lose nothing, where the order that comes to mind first loses a second of IPv4 whenever one ARP request is lost, and
//! seconds of IPv6 always.

mod moving;
mod off;
mod onto;
#[cfg(test)]
mod tests;

use ethernet::MacAddress;
use netkernel::link::{AddressGeneration, LinkChange, LinkName};
use serde::{Deserialize, Serialize};

use super::layout::Shape;
use super::snapshot::Snapshot;
use crate::plan::{Change, Device};

pub use off::{Standing, off_bridge};
pub use onto::onto_bridge;

/// What shall be made of a card.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wish {
    /// The bridge: its name, and an index that no device has.
    pub bridge: Device,
    /// Whether it speaks the spanning tree protocol.
    pub stp: bool,
    /// Who is called what.
    pub shape: Shape,
}

/// What a bridge's going must give back to the card, apart from what moves.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CardBefore {
    /// Its name.
    pub name: LinkName,
    /// Whether it was up.
    pub up: bool,
    /// Its MAC address.
    pub mac: Option<MacAddress>,
    /// How its link-local address was made.
    pub address_generation: Option<AddressGeneration>,
    /// Its setting `rp_filter`, where this is strict.
    pub reverse_path_filter: Option<String>,
}

impl CardBefore {
    /// What this card must be given back.
    #[must_use]
    pub fn of(card: &Snapshot) -> Self {
        Self {
            name: card.device.name.clone(),
            up: card.link.is_up(),
            mac: card.link.mac,
            address_generation: card.link.address_generation,
            reverse_path_filter: moving::strict_filter(card).map(ToOwned::to_owned),
        }
    }
}

/// What nothing else may have: a bridge never takes the highest address for its own, and nobody sends to it.
const NOBODY: MacAddress = MacAddress::new([0xfe, 0xff, 0xff, 0xff, 0xff, 0xff]);

fn up(up: bool) -> LinkChange {
    LinkChange { up: Some(up), ..LinkChange::default() }
}

/// Whether the device makes itself a link-local address.
fn generating(mode: Option<AddressGeneration>) -> LinkChange {
    LinkChange { address_generation: mode, ..LinkChange::default() }
}

/// The device makes itself none.
fn quiet() -> LinkChange {
    generating(Some(AddressGeneration::None))
}

fn change(device: &Device, to: LinkChange, from: LinkChange) -> Change {
    Change::Link { device: device.clone(), to, from }
}
