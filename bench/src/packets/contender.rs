//! Who is measured, and on which way of packets.

use super::path::Kind;
use crate::contender;
use crate::progress::say;

/// How packets get from one end to the other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mode {
    /// Both are guests on one bridge.
    Bridge,
    /// Both are guests, and the host routes.
    Route,
    /// From a guest to the outside, under the host's address.
    Nat,
}

/// Whose rules are in force.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Contender {
    /// Nobody's.
    Nobody,
    /// Ours.
    Dom0net,
    /// Those of Xen's script.
    Stock,
    /// What recipes for ebtables say.
    Ebtables,
    /// Sets in the bridge family.
    NftBridge,
}

impl Mode {
    pub(super) const ALL: [Self; 3] = [Self::Bridge, Self::Route, Self::Nat];

    pub(super) const fn title(self) -> &'static str {
        match self {
            Self::Bridge => "bridged",
            Self::Route => "routed",
            Self::Nat => "translated",
        }
    }

    /// What gets from one end to the other.
    pub(super) fn kinds(self) -> Vec<Kind> {
        // ARP ends at the next router.
        Kind::ALL.into_iter().filter(|kind| self == Self::Bridge || *kind != Kind::Arp).collect()
    }
}

impl Contender {
    /// All that can be measured here, the unguarded host first.
    pub(super) fn all(mode: Mode) -> Vec<Self> {
        let mut others = vec![(Self::Stock, "iptables-restore")];
        // They see nothing but bridges.
        if mode == Mode::Bridge {
            others.extend([(Self::Ebtables, "ebtables-restore"), (Self::NftBridge, "nft")]);
        }
        let mut all = vec![Self::Nobody, Self::Dom0net];
        for (contender, program) in others {
            if contender::is_there(program) {
                all.push(contender);
            } else {
                say(format_args!("not measured: {}, which needs {program}", contender.title()));
            }
        }
        all
    }

    pub(super) const fn title(self) -> &'static str {
        match self {
            Self::Nobody => "no guard",
            Self::Dom0net => "dom0net",
            Self::Stock => "the rules of Xen's script, IPv4 only",
            Self::Ebtables => "ebtables, four rules for each vif",
            Self::NftBridge => "nft, sets in the bridge family",
        }
    }

    /// Whether it lets such packets through as the mode says. Xen's scripts translate no IPv6.
    pub(super) fn carries(self, mode: Mode, kind: Kind) -> bool {
        (self, mode) != (Self::Stock, Mode::Nat) || kind == Kind::Ipv4
    }

    /// Whether it stops a guest that bears another's address. Xen's rules let everything through that goes to another guest of
    /// a bridge, and on a host that routes they match nothing.
    pub(super) const fn stops_forgers(self) -> bool {
        match self {
            Self::Nobody | Self::Stock => false,
            Self::Dom0net | Self::Ebtables | Self::NftBridge => true,
        }
    }
}
