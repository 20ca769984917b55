//! Which vif script was called.

use std::fmt;

use crate::guard::RoutedBy;

/// What becomes of a guest's interface: what the name of the script says that the toolstack calls.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// `vif-bridge`: a port of a bridge.
    Bridge,
    /// `vif-route`: the host routes to its addresses.
    Route,
    /// `vif-nat`: the host routes to its addresses, which nobody else knows.
    Nat,
    /// `vif-openvswitch`: a port of a switch of Open vSwitch.
    OpenVSwitch,
}

impl Mode {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Bridge, Self::Route, Self::Nat, Self::OpenVSwitch];

    /// The name of its script.
    #[must_use]
    pub fn script(self) -> &'static str {
        match self {
            Self::Bridge => "vif-bridge",
            Self::Route => "vif-route",
            Self::Nat => "vif-nat",
            Self::OpenVSwitch => "vif-openvswitch",
        }
    }

    /// Which it is of those that lead to guests on no bridge.
    #[must_use]
    pub fn routed(self) -> Option<RoutedBy> {
        match self {
            Self::Route => Some(RoutedBy::Route),
            Self::Nat => Some(RoutedBy::Nat),
            Self::Bridge | Self::OpenVSwitch => None,
        }
    }

    /// The mode whose script has this name.
    #[must_use]
    pub fn of_script(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|mode| mode.script() == name)
    }
}

/// The name of its script.
impl fmt::Display for Mode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.script())
    }
}
