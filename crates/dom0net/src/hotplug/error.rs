//! Why a vif could not be plugged, in sentences that say what to do.

use std::fmt;

use netkernel::link::LinkName;
use netkernel::netlink;

use super::nodes::BadNode;
use super::request::BadCall;
use crate::guard::ConfigError;
use crate::network::RecordError;
use crate::plan::{self, Failure};
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
    /// The kernel could not be asked.
    Kernel(netlink::Error),
    /// The vif was plugged, but the toolstack could not be told, and so it was taken out again.
    Announce {
        /// Why not.
        error: xenstore::Error,
        /// What could not be undone.
        left: Vec<plan::Error>,
    },
    /// The kernel refused a change, and what had been done was undone.
    Plan(Failure),
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
            Self::Kernel(error) => error.fmt(f),
            Self::Announce { error, left } => {
                write!(f, "the toolstack could not be told that the vif is ready: {error}")?;
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

impl From<Failure> for Error {
    fn from(error: Failure) -> Self {
        Self::Plan(error)
    }
}
