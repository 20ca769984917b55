//! Which vif script was called.

use std::fmt;

/// What becomes of a guest's interface: what the name of the script says that the toolstack calls.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// `vif-bridge`: a port of a bridge.
    Bridge,
    /// `vif-route`: the host routes to its addresses.
    Route,
    /// `vif-nat`: the host routes to its addresses, which nobody else knows.
    Nat,
}

impl Mode {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Bridge, Self::Route, Self::Nat];

    /// The name of its script.
    #[must_use]
    pub fn script(self) -> &'static str {
        match self {
            Self::Bridge => "vif-bridge",
            Self::Route => "vif-route",
            Self::Nat => "vif-nat",
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
