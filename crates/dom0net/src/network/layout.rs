//! The layouts that set-ups rely on: who is called what when a card has become a bridge's uplink.

use std::fmt;
use std::str::FromStr;

use netkernel::link::LinkName;
use serde::{Deserialize, Serialize};

use crate::plan::Device;

/// A layout, as the administrator names it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Layout {
    /// The bridge has the addresses, the card keeps its name: what is usual today.
    #[default]
    Today,
    /// As xend had it from Xen 3.2 on: the bridge is called `eth0` and has the addresses, the card is called `peth0`.
    BridgeIsCard,
    /// As xend had it until Xen 3.1: the card is called `peth0`, the bridge has no address, and the host uses it like a
    /// guest, through a pair of devices `eth0` and `vif0.0`.
    Classic,
}

impl Layout {
    /// All layouts.
    pub const ALL: [Self; 3] = [Self::Today, Self::BridgeIsCard, Self::Classic];

    /// Its name, as in `layout=classic`.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Today => "today",
            Self::BridgeIsCard => "bridge-is-eth0",
            Self::Classic => "classic",
        }
    }
}

impl fmt::Display for Layout {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}

/// The word names no layout.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UnknownLayout;

impl FromStr for Layout {
    type Err = UnknownLayout;

    fn from_str(word: &str) -> Result<Self, UnknownLayout> {
        Self::ALL.into_iter().find(|layout| layout.word() == word).ok_or(UnknownLayout)
    }
}

/// A layout with the names and devices that it needs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Shape {
    /// See [`Layout::Today`].
    Today,
    /// See [`Layout::BridgeIsCard`].
    BridgeIsCard {
        /// What the card is called meanwhile.
        card: LinkName,
    },
    /// See [`Layout::Classic`].
    Classic {
        /// What the card is called meanwhile.
        card: LinkName,
        /// The end of the pair that the host uses.
        front: Device,
        /// The end of the pair that is a port of the bridge.
        back: Device,
    },
}

impl Shape {
    /// What the card is called meanwhile, if not as before.
    #[must_use]
    pub fn card_name(&self) -> Option<&LinkName> {
        match self {
            Self::Today => None,
            Self::BridgeIsCard { card } | Self::Classic { card, .. } => Some(card),
        }
    }

    /// The device that has the host's addresses, with this bridge.
    #[must_use]
    pub fn front<'a>(&'a self, bridge: &'a Device) -> &'a Device {
        match self {
            Self::Today | Self::BridgeIsCard { .. } => bridge,
            Self::Classic { front, .. } => front,
        }
    }

    /// The other end of the pair in front, if it is one.
    #[must_use]
    pub fn back(&self) -> Option<&Device> {
        match self {
            Self::Today | Self::BridgeIsCard { .. } => None,
            Self::Classic { back, .. } => Some(back),
        }
    }

    /// The layout.
    #[must_use]
    pub const fn layout(&self) -> Layout {
        match self {
            Self::Today => Layout::Today,
            Self::BridgeIsCard { .. } => Layout::BridgeIsCard,
            Self::Classic { .. } => Layout::Classic,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_layout_reads_as_it_is_written() {
        for layout in Layout::ALL {
            assert_eq!(layout.to_string().parse(), Ok(layout));
        }
        assert_eq!("clasic".parse::<Layout>(), Err(UnknownLayout));
    }
}
