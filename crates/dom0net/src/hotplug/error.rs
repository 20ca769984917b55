//! Why a vif could not be plugged, in sentences that say what to do.

use std::fmt;
use std::io;
use std::path::PathBuf;

use netkernel::link::LinkName;
use netkernel::netlink;
use netkernel::sysctl::SysctlError;

use super::hooks::HookError;
use super::nodes::BadNode;
use super::request::BadCall;
use crate::guard::ConfigError;
use crate::network::RecordError;
use crate::openvswitch;
use crate::plan::{self, Failure};
use crate::remember::MemoryError;
use crate::vif::Port;

/// A hotplug script could not do what it was called for.
#[derive(Debug)]
#[non_exhaustive]
pub enum Error {
    /// The call makes no sense.
    Call(BadCall),
    /// xenstore could not be asked or told.
    Store(xenstore::Error),
    /// xenstore says something that cannot be.
    Node(BadNode),
    /// The file with what guests may do beyond the ordinary cannot be read.
    Guard(ConfigError),
    /// The record of the vif's network cannot be read.
    Record(RecordError),
    /// The device is not there.
    NoDevice {
        /// What it should be called.
        name: LinkName,
    },
    /// The bridge is not there.
    NoBridge {
        /// Whose.
        port: Port,
        /// Its name; none was given.
        wanted: Option<LinkName>,
        /// The bridges that there are.
        present: Vec<String>,
    },
    /// What was named as bridge is none.
    NotABridge {
        /// Its name.
        name: LinkName,
        /// The kernel's word for what it is; none: a card.
        kind: Option<String>,
    },
    /// The switch passes frames where the guard does not see them.
    PastTheGuard {
        /// The switch's bridge.
        bridge: String,
    },
    /// Something shall hold for all guests of a switch that only bridges and routed guests have.
    NotOnASwitch {
        /// The switch's bridge.
        bridge: String,
    },
    /// A guest that is routed to has no address.
    NoAddress,
    /// The device that a guest's packets shall leave the host by does not exist.
    NoGatewayDevice {
        /// Its name.
        name: LinkName,
    },
    /// Passing traffic shall not be tracked, but its addresses are translated, which needs the tracking.
    Untrackable {
        /// The card that it is translated at.
        card: LinkName,
    },
    /// What was made up for a guest could not be remembered.
    Memory(MemoryError),
    /// The guest's address could not be made known to its network's DHCP server.
    Reservation(io::Error),
    /// What a vif has outside of its device could not be noted, or looked up.
    Trace {
        /// What was tried.
        verb: &'static str,
        /// The file or folder.
        path: PathBuf,
        /// What the system said.
        error: io::Error,
    },
    /// Open vSwitch could not be asked.
    Switch(openvswitch::Error),
    /// One of the administrator's hooks failed.
    Hook(HookError),
    /// The kernel could not be asked.
    Kernel(netlink::Error),
    /// A kernel setting could not be read.
    Sysctl(SysctlError),
    /// xenstore knew the vif, and does not any more.
    Vanished {
        /// Whose it was.
        port: Port,
    },
    /// The vif was plugged, but what comes after that failed, and so it was taken out again.
    Announce {
        /// Why not.
        error: Box<Error>,
        /// What could not be undone.
        left: Vec<plan::Error>,
    },
    /// The kernel refused a change, and what had been done was undone.
    Plan(Failure),
}

impl Error {
    /// True where nobody is left whom it could be told.
    pub(super) fn is_of_nobody(&self) -> bool {
        match self {
            Self::Vanished { .. } => true,
            Self::Announce { error, .. } => error.is_of_nobody(),
            _ => false,
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Call(error) => error.fmt(f),
            Self::Store(error) => error.fmt(f),
            Self::Node(error) => error.fmt(f),
            Self::Guard(error) => error.fmt(f),
            Self::Record(error) => error.fmt(f),
            Self::NoDevice { name } => {
                write!(f, "the kernel has no network device {name}; is the driver xen-netback loaded?")
            }
            Self::NoBridge { port, wanted: Some(name), present } if present.is_empty() => write!(
                f,
                "there is no bridge {name} for {port}, and no other; \
                 make it with: network-bridge start bridge={name}"
            ),
            Self::NoBridge { port, wanted: Some(name), present } => write!(
                f,
                "there is no bridge {name} for {port}; name one that exists with bridge= ({}), \
                 or make it with: network-bridge start bridge={name}",
                present.join(", ")
            ),
            Self::NoBridge { port, wanted: None, .. } => write!(
                f,
                "{port} names no bridge, and this host has none; make one with: network-bridge start"
            ),
            Self::NotABridge { name, kind: Some(kind) } if kind == "openvswitch" => write!(
                f,
                "{name} is a bridge of Open vSwitch, which has a script of its own; \
                 give the vif script=vif-openvswitch"
            ),
            Self::NotABridge { name, kind } => write!(
                f,
                "{name} is no bridge but a device of kind {}; name a bridge with bridge=",
                kind.as_deref().unwrap_or("network card")
            ),
            Self::PastTheGuard { bridge } => write!(
                f,
                "{bridge} passes frames in user space (datapath_type=netdev), where the guard does not see them; use a \
                 bridge of the kernel's datapath, or write \"bridge:{bridge} mode=disabled\" into \
                 /etc/xen/dom0net-guard.conf"
            ),
            Self::NotOnASwitch { bridge } => write!(
                f,
                "host=, track= and isolated= cannot be held on {bridge}, which is a bridge of Open vSwitch: its flows decide \
                 about that; take these words out of /etc/xen/dom0net-guard.conf, or use a bridge of the kernel's"
            ),
            Self::NoAddress => f.write_str(
                "a routed vif needs ip=: the addresses of the guest, as in ip=10.0.0.2 (2001:db8::2 behind a blank)",
            ),
            Self::NoGatewayDevice { name } => {
                write!(f, "gatewaydev={name} cannot be: there is no such network device")
            }
            Self::Untrackable { card } => write!(
                f,
                "script:vif-route track=no cannot be carried out: network-nat translates all that leaves by {card}, which needs \
                 the tracking; take track=no out of /etc/xen/dom0net-guard.conf, or stop that network with: network-nat \
                 stop netdev={card}"
            ),
            Self::Memory(error) => error.fmt(f),
            Self::Trace { verb, path, error } => write!(f, "cannot {verb} {}: {error}", path.display()),
            Self::Reservation(error) => {
                write!(f, "cannot make the guest's address known to the DHCP server of its network: {error}")
            }
            Self::Switch(error) => error.fmt(f),
            Self::Hook(error) => error.fmt(f),
            Self::Vanished { port } => {
                write!(f, "xenstore knows nothing of {port} any more: the guest was taken away meanwhile")
            }
            Self::Kernel(error) => error.fmt(f),
            Self::Sysctl(error) => error.fmt(f),
            Self::Announce { error, left } => {
                write!(f, "{error}; so the vif, which was ready, was taken out again")?;
                left.iter().try_for_each(|error| write!(f, "; {error}"))
            }
            Self::Plan(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for Error {}

impl From<BadCall> for Error {
    fn from(error: BadCall) -> Self {
        Self::Call(error)
    }
}

impl From<xenstore::Error> for Error {
    fn from(error: xenstore::Error) -> Self {
        Self::Store(error)
    }
}

impl From<BadNode> for Error {
    fn from(error: BadNode) -> Self {
        Self::Node(error)
    }
}

impl From<ConfigError> for Error {
    fn from(error: ConfigError) -> Self {
        Self::Guard(error)
    }
}

impl From<RecordError> for Error {
    fn from(error: RecordError) -> Self {
        Self::Record(error)
    }
}

impl From<netlink::Error> for Error {
    fn from(error: netlink::Error) -> Self {
        Self::Kernel(error)
    }
}

impl From<MemoryError> for Error {
    fn from(error: MemoryError) -> Self {
        Self::Memory(error)
    }
}

impl From<openvswitch::Error> for Error {
    fn from(error: openvswitch::Error) -> Self {
        Self::Switch(error)
    }
}

impl From<HookError> for Error {
    fn from(error: HookError) -> Self {
        Self::Hook(error)
    }
}

impl From<SysctlError> for Error {
    fn from(error: SysctlError) -> Self {
        Self::Sysctl(error)
    }
}

impl From<Failure> for Error {
    fn from(error: Failure) -> Self {
        Self::Plan(error)
    }
}
