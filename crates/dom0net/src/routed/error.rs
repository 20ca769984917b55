//! Why a network behind the host could not be started or stopped, in sentences that say what to do.

use std::fmt;
use std::io;
use std::path::PathBuf;

use netkernel::link::LinkName;
use netkernel::netlink;
use netkernel::sysctl::SysctlError;

use crate::guard::ConfigError;
use crate::network;
use crate::plan::{self, Failure};

/// A network could not be started or stopped.
#[derive(Debug)]
#[non_exhaustive]
pub enum Error {
    /// The names of devices could not be found out.
    Names(network::Error),
    /// The device that guests' packets shall leave by does not exist.
    NoGateway {
        /// Its name.
        name: LinkName,
        /// Those that do.
        present: Vec<String>,
    },
    /// There is a device with the name of the bridge, which was not made by this program.
    BridgeTaken {
        /// Its name.
        name: LinkName,
        /// Whether it is a bridge.
        is_bridge: bool,
    },
    /// The network stands, with other addresses.
    OtherNetwork(LinkName),
    /// Guests are still on the network.
    InUse {
        /// Its bridge.
        name: LinkName,
        /// Their devices.
        guests: Vec<String>,
    },
    /// What leaves by the card would be translated, and guests' traffic shall not be tracked.
    Untrackable {
        /// The card.
        card: LinkName,
    },
    /// The configuration of the guard cannot be read.
    Guard(ConfigError),
    /// All subnets that one would be chosen from are in use.
    NoFreeSubnet,
    /// DHCP or DNS was asked for, and there is no dnsmasq.
    NoDnsmasq,
    /// dnsmasq could not be run.
    Dnsmasq(io::Error),
    /// dnsmasq did not start.
    DnsmasqRefused(String),
    /// The kernel could not be asked.
    Kernel(netlink::Error),
    /// A kernel setting could not be read.
    Sysctl(SysctlError),
    /// The kernel refused a change, and what had been done was undone.
    Plan(Failure),
    /// The network was stopped, but something could not be put back.
    Left(Vec<plan::Error>),
    /// One of our files could not be read or written.
    File {
        /// What was tried.
        verb: &'static str,
        /// The file.
        path: PathBuf,
        /// What the system said.
        error: io::Error,
    },
    /// One of our files does not hold what it should.
    Content {
        /// The file.
        path: PathBuf,
        /// Why not.
        error: serde_json::Error,
    },
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Names(error) => error.fmt(f),
            Self::NoGateway { name, present } if present.is_empty() => {
                write!(f, "there is no network device {name}, and this host has no other")
            }
            Self::NoGateway { name, present } => write!(
                f,
                "there is no network device {name}; name one that exists with netdev= ({})",
                present.join(", ")
            ),
            Self::BridgeTaken { name, is_bridge: true } => write!(
                f,
                "there is a bridge {name} that was not made by this program, and it is left alone; \
                 name the network otherwise with bridge="
            ),
            Self::BridgeTaken { name, .. } => {
                write!(f, "{name} is a device that is no bridge; name the network otherwise with bridge=")
            }
            Self::OtherNetwork(name) => write!(
                f,
                "{name} stands with other addresses; stop it first, with: network-nat stop bridge={name}"
            ),
            Self::InUse { name, guests } => write!(
                f,
                "guests are still on {name} ({}); shut them down first, or stop with --force",
                guests.join(", ")
            ),
            Self::Untrackable { card } => write!(
                f,
                "all that leaves by {card} would be translated, which needs tracking, but script:vif-route track=no in \
                 /etc/xen/dom0net-guard.conf keeps guests' traffic out of it; take that away, or name a bridge with bridge="
            ),
            Self::Guard(error) => error.fmt(f),
            Self::NoFreeSubnet => f.write_str(
                "all subnets that one would be chosen from are in use; name one with subnet=, \
                 as in subnet=10.1.0.0/24",
            ),
            Self::NoDnsmasq => f.write_str(
                "dhcp=yes and dns=yes need the program dnsmasq (Debian package dnsmasq-base), which is not installed",
            ),
            Self::Dnsmasq(error) => write!(f, "cannot run dnsmasq: {error}"),
            Self::DnsmasqRefused(text) => write!(f, "dnsmasq did not do it: {text}"),
            Self::Kernel(error) => error.fmt(f),
            Self::Sysctl(error) => error.fmt(f),
            Self::Plan(error) => error.fmt(f),
            Self::Left(errors) => {
                let words: Vec<String> = errors.iter().map(plan::Error::to_string).collect();
                write!(f, "the network is stopped, but not all could be put back: {}", words.join("; "))
            }
            Self::File { verb, path, error } => write!(f, "cannot {verb} {}: {error}", path.display()),
            Self::Content { path, error } => write!(
                f,
                "{} is not a file of this program ({error}); look at it, then remove it",
                path.display()
            ),
        }
    }
}

impl std::error::Error for Error {}

impl From<ConfigError> for Error {
    fn from(error: ConfigError) -> Self {
        Self::Guard(error)
    }
}

impl From<network::Error> for Error {
    fn from(error: network::Error) -> Self {
        Self::Names(error)
    }
}

impl From<netlink::Error> for Error {
    fn from(error: netlink::Error) -> Self {
        Self::Kernel(error)
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
