//! The host's networks said in one file, without any script: the native configuration, and how it comes out of
//! `xend-config.sxp` and of the wrapper scripts that people wrote to have several bridges.
//!
//! ```
//! use xenconf::diagnostic::Diagnostics;
//! use xenconf::native::{Mode, Networks};
//! use xenconf::source::Source;
//! use xenconf::xend;
//!
//! let old = Source::new("xend-config.sxp", b"(network-script 'network-bridge netdev=eth1 bridge=xenbr1')\n");
//! let mut diagnostics = Diagnostics::new();
//! let config = xend::read(&old, &mut diagnostics);
//! let networks = Networks::from_xend(&config, None, &mut diagnostics);
//! assert_eq!(networks.network[0].mode, Mode::Bridge);
//! assert_eq!(networks.network[0].uplink.as_deref(), Some("eth1"));
//! assert!(networks.to_toml().contains("uplink = \"eth1\"\n"));
//! ```

mod check;
mod from_xend;
mod read;
mod shell;
mod wrapper;
mod write;

use serde::{Deserialize, Serialize};

pub use check::place;
pub use read::{BadConfiguration, Fault};
pub use wrapper::{Call, calls};

/// The JSON schema of the file, for editors and for checking it.
pub const SCHEMA: &str = include_str!("../../schema/dom0net.schema.json");

/// `uplink` for the device that the default route leads through, whichever that is.
pub const DEFAULT_ROUTE: &str = "default-route";

/// All networks of a host. The field names are those of the file.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Networks {
    /// The script for interfaces that name none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub vif_script: Option<String>,
    /// What guests of all networks, and of none of these, may send, in the words of the guard.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub guard: Option<String>,
    /// The networks, in the order in which they are started.
    #[serde(default)]
    pub network: Vec<Network>,
}

/// How the guests of a network reach the world.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Mode {
    /// On a bridge, with the uplink as one of its ports if there is one.
    Bridge,
    /// By routes through the host.
    Route,
    /// By routes through the host, behind its address.
    Nat,
}

impl Mode {
    /// The word for it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Bridge => "bridge",
            Self::Route => "route",
            Self::Nat => "nat",
        }
    }
}

/// One network of the host.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Network {
    /// Its name, different from all others.
    pub name: String,
    /// How its guests reach the world.
    pub mode: Mode,
    /// The bridge's device name. `None` takes `xenbr` and the number of the uplink.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bridge: Option<String>,
    /// The device that leads out; [`DEFAULT_ROUTE`] for the one of the default route. `None` is a network of guests
    /// alone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub uplink: Option<String>,
    /// Whether guests with `ip=` can send with their own addresses only. `None` leaves it to the program, which says
    /// yes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub antispoof: Option<bool>,
    /// What its guests may send, in the words of the guard, and what they reach on the host.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub guard: Option<String>,
    /// Whether the bridge speaks the spanning tree protocol.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stp: Option<bool>,
    /// Who is called what when the uplink is on the bridge: `today`, `bridge-is-eth0` or `classic`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub layout: Option<String>,
    /// The prefix that guests behind the host's address get theirs from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subnet: Option<String>,
    /// The same for IPv6; `no` for none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subnet6: Option<String>,
    /// Whether guests get their addresses from the host by DHCP.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dhcp: Option<bool>,
    /// Whether the host tells guests names.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dns: Option<bool>,
    /// Whether nothing passes between the network and the outside.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub isolated: Option<bool>,
    /// Ports of the host that lead to guests: `PROTOCOL:PORT:ADDRESS[:PORT]`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub forward: Vec<String>,
}

impl Network {
    /// A network of which no more is said.
    #[must_use]
    pub fn new(name: String, mode: Mode) -> Self {
        Self {
            name,
            mode,
            bridge: None,
            uplink: None,
            antispoof: None,
            guard: None,
            stp: None,
            layout: None,
            subnet: None,
            subnet6: None,
            dhcp: None,
            dns: None,
            isolated: None,
            forward: Vec::new(),
        }
    }
}
