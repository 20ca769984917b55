//! Which network a guest's device is of: its interface group says that, so that what holds for all guests of a network
//! finds them by one comparison, however many there are.

use std::fmt;

use netkernel::link::LinkName;
use netkernel::nftables::{Field, Match, Test};

use super::network::RoutedBy;

/// The groups of bridges' guests: this, and the lower half of their bridge's index.
const OF_BRIDGES: u32 = 0x646e_0000;
/// The groups of guests that are routed to: this, and one or two for the script.
const OF_SCRIPTS: u32 = 0x6470_0000;
/// Isolated guests are in the group behind that half.
const ISOLATED: u32 = 0x0001_0000;

/// Guests that have something in common.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Network {
    /// They are on this bridge.
    Bridge {
        /// Its name.
        name: LinkName,
        /// Its index.
        index: u32,
    },
    /// This script leads to them.
    Routed(RoutedBy),
}

impl Network {
    /// The interface group of its guests' devices.
    #[must_use]
    pub const fn group(&self, is_isolated: bool) -> u32 {
        let group = match self {
            Self::Bridge { index, .. } => OF_BRIDGES | *index & 0xffff,
            Self::Routed(RoutedBy::Route) => OF_SCRIPTS | 1,
            Self::Routed(RoutedBy::Nat) => OF_SCRIPTS | 2,
        };
        if is_isolated { group | ISOLATED } else { group }
    }

    /// True for the group of one of its guests.
    #[must_use]
    pub const fn has(&self, group: u32) -> bool {
        group & !ISOLATED == self.group(false)
    }

    /// `field`, which is a group, is that of one of its guests.
    pub(super) fn is_of(&self, field: Field) -> Match {
        masked(field, !ISOLATED, self.group(false))
    }

    /// `field`, which is a group, is that of a guest that is kept from those with whom it has the way in common: the others
    /// of its bridge, or all that the host routes to.
    pub(super) fn is_isolated_in(&self, field: Field) -> Match {
        match self {
            Self::Bridge { .. } => Match::is(field, self.group(true).to_ne_bytes()),
            Self::Routed(_) => masked(field, 0xffff_0000, OF_SCRIPTS | ISOLATED),
        }
    }
}

fn masked(field: Field, mask: u32, value: u32) -> Match {
    Match {
        field,
        mask: Some(mask.to_ne_bytes().to_vec()),
        test: Test::Is((value & mask).to_ne_bytes().to_vec()),
    }
}

/// `xenbr0`, `vif-route`.
impl fmt::Display for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Bridge { name, .. } => name.fmt(f),
            Self::Routed(script) => f.write_str(script.script()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_network_has_groups_of_its_own() {
        let bridge = |index| Network::Bridge { name: LinkName::new("xenbr0").unwrap(), index };
        let networks =
            [bridge(1), bridge(2), Network::Routed(RoutedBy::Route), Network::Routed(RoutedBy::Nat)];
        for one in &networks {
            for is_isolated in [true, false] {
                let owners = networks.iter().filter(|other| other.has(one.group(is_isolated)));
                assert_eq!(owners.collect::<Vec<_>>(), [one]);
            }
            assert!(!one.has(0) && one.group(true) != one.group(false));
        }
    }
}
