//! Why a network could not be started or stopped, in sentences that say what to do.

use std::fmt;
use std::net::IpAddr;

use netkernel::link::LinkName;
use netkernel::netlink;
use netkernel::sysctl::SysctlError;

use super::manager::Manager;
use super::record::RecordError;
use super::root_storage::RootStorage;
use crate::dhcp::NotTaken;
use crate::plan::Failure;

/// A network could not be started or stopped. In each case the host is as it was before.
#[derive(Debug)]
#[non_exhaustive]
pub enum Error {
    /// No device was named, and there is no default route that would tell one.
    NoDefaultRoute,
    /// A name that was made up of the arguments cannot be.
    Name(String),
    /// There is no bridge of that name.
    NoBridge(LinkName),
    /// The device that was named does not exist.
    NoUplink {
        /// Its name.
        name: LinkName,
        /// Those that do.
        present: Vec<String>,
    },
    /// The device is a port of something already.
    UplinkTaken {
        /// Its name.
        name: LinkName,
        /// What it is a port of.
        master: String,
    },
    /// The device is none that a bridge can lead out through.
    NoCard(LinkName),
    /// Devices on top of it take what comes in, so that no bridge can.
    Shared {
        /// Its name.
        name: LinkName,
        /// Theirs.
        uppers: Vec<String>,
    },
    /// Tunnels on top of it send through it alone.
    Bound {
        /// Its name.
        name: LinkName,
        /// Theirs.
        uppers: Vec<String>,
    },
    /// VLANs on top of it would lose what they have while it is down to be renamed.
    Vlans {
        /// Its name.
        name: LinkName,
        /// Theirs.
        vlans: Vec<String>,
    },
    /// The device is wireless.
    Wireless(LinkName),
    /// Another program manages the device.
    Managed {
        /// Its name.
        name: LinkName,
        /// The program.
        manager: Manager,
    },
    /// A DHCP client has the device, and cannot be taken over.
    NotTaken {
        /// The device.
        name: LinkName,
        /// The client.
        manager: Manager,
        /// Why not.
        reason: NotTaken,
    },
    /// The root file system is on the network, over this device, which would be cut off for a moment.
    RootStorage {
        /// The device.
        name: LinkName,
        /// What the root file system is on.
        storage: RootStorage,
    },
    /// The program could not be kept in memory.
    Memory(std::io::Error),
    /// There is a bridge of that name, which was not made by this program.
    ForeignBridge(LinkName),
    /// The network stands, and is not what was asked for.
    StandsOtherwise {
        /// The bridge.
        bridge: LinkName,
        /// What it has, and what was asked for.
        differing: Vec<String>,
    },
    /// There is a device of that name, which is no bridge.
    NameTaken(LinkName),
    /// A device of ours has another name, and what belongs to it is found by its name.
    Renamed {
        /// What it should be called.
        wanted: LinkName,
        /// What it is called.
        is: String,
    },
    /// The card is another bridge's port now.
    CardTaken {
        /// Its name.
        name: LinkName,
        /// The other bridge.
        master: String,
    },
    /// The card was unplugged, and cannot get anything back.
    CardGone {
        /// Its name.
        name: LinkName,
        /// The bridge that has what it had.
        bridge: LinkName,
    },
    /// Guests are still on the bridge.
    InUse {
        /// The bridge.
        bridge: LinkName,
        /// Their devices.
        guests: Vec<String>,
    },
    /// A gateway that answered before does not any more.
    GatewayLost {
        /// The bridge.
        bridge: LinkName,
        /// The gateway.
        gateway: IpAddr,
    },
    /// The kernel could not be asked.
    Kernel(netlink::Error),
    /// A kernel setting could not be read.
    Sysctl(SysctlError),
    /// The kernel refused a change, and what had been done was undone.
    Plan(Failure),
    /// The record could not be read or written.
    Record(RecordError),
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoDefaultRoute => f.write_str(
                "there is no default route that would tell the device; name it with netdev=, as in netdev=eth0",
            ),
            Self::Name(error) => f.write_str(error),
            Self::NoBridge(name) => {
                write!(f, "there is no bridge {name}; make it with: network-bridge start bridge={name}")
            }
            Self::NoUplink { name, present } if present.is_empty() => {
                write!(f, "there is no network device {name}, and this host has no other")
            }
            Self::NoUplink { name, present } => write!(
                f,
                "there is no network device {name}; name one that exists with netdev= ({})",
                present.join(", ")
            ),
            Self::UplinkTaken { name, master } => {
                write!(f, "{name} is a port of {master} already; give guests bridge={master}, or name another device")
            }
            Self::NoCard(name) => write!(f, "{name} is no device that a bridge can lead out through"),
            Self::Shared { name, uppers } => write!(
                f,
                "{name} is shared with {}, and what comes in goes to these and not to a bridge; remove them first, \
                 or give them a bridge as their device",
                uppers.join(", ")
            ),
            Self::Bound { name, uppers } => write!(
                f,
                "{} was made to send through {name}, whatever the routes say, and would be cut off; \
                 make it without a device (no dev {name}), or on the bridge when that stands",
                uppers.join(", ")
            ),
            Self::Vlans { name, vlans } => write!(
                f,
                "this kernel cannot rename {name} without taking it down, and {} would lose routes and IPv6 \
                 addresses by that; use layout=today",
                vlans.join(", ")
            ),
            Self::Wireless(name) => write!(
                f,
                "{name} is wireless, and its access point would take nothing from guests; \
                 name another device, or route to the guests instead"
            ),
            Self::Managed { name, manager } => {
                let Manager { program, process, file } = manager;
                write!(f, "{name} is managed by {program} (process {process}")?;
                if let Some(file) = file {
                    write!(f, ", by {}", file.display())?;
                }
                write!(
                    f,
                    "), which would take its addresses back; let that make the bridge (dom0net export --to {}), \
                     or start until the next boot with {}",
                    program.configuration(),
                    if program.movable_client().is_some() {
                        "--take-over, and its lease stays alive"
                    } else {
                        "--force"
                    }
                )
            }
            Self::NotTaken { name, manager, reason } => write!(
                f,
                "{} (process {}) cannot go on without {name}: {reason}; let it make the bridge \
                 (dom0net export --to {}), or start it for {name} alone",
                manager.program,
                manager.process,
                manager.program.configuration()
            ),
            Self::RootStorage { name, storage } => write!(
                f,
                "the root file system is on {storage}, over {name}, which this kernel cannot rename without \
                 taking it down; use layout=today"
            ),
            Self::Memory(error) => write!(
                f,
                "the root file system is on the network, and this program cannot be kept in memory: {error}"
            ),
            Self::StandsOtherwise { bridge, differing } => write!(
                f,
                "{bridge} stands with {}; for another take it away first: network-bridge stop bridge={bridge}",
                differing.join(" and ")
            ),
            Self::ForeignBridge(name) => write!(
                f,
                "there is a bridge {name} that was not made by this program, and it is left alone; \
                 guests can use it as it is with bridge={name}"
            ),
            Self::NameTaken(name) => {
                write!(f, "{name} is a device that is no bridge; name the bridge otherwise with bridge=")
            }
            Self::Renamed { .. } | Self::CardTaken { .. } | Self::CardGone { .. } | Self::InUse { .. } | Self::GatewayLost { .. } => {
                self.fmt_of_standing(f)
            }
            Self::Kernel(error) => error.fmt(f),
            Self::Sysctl(error) => error.fmt(f),
            Self::Plan(error) => error.fmt(f),
            Self::Record(error) => error.fmt(f),
        }
    }
}

impl Error {
    /// What is wrong with a network that stands, or has just been made.
    fn fmt_of_standing(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Renamed { wanted, is } => write!(
                f,
                "{wanted} is called {is} now, and is not found by that; give it its name back first \
                 (ip link set {is} name {wanted})"
            ),
            Self::CardTaken { name, master } => write!(
                f,
                "{name} is a port of {master} now; take it out of {master} first (ip link set {name} nomaster), \
                 or let that be done: stop --force"
            ),
            Self::CardGone { name, bridge } => write!(
                f,
                "{name} is gone, and cannot get back what {bridge} has; plug it in again, \
                 or remove {bridge} with its addresses: stop --force"
            ),
            Self::InUse { bridge, guests } => write!(
                f,
                "guests are still on {bridge} ({}); shut them down first, or stop with --force",
                guests.join(", ")
            ),
            Self::GatewayLost { bridge, gateway } => write!(
                f,
                "the gateway {gateway} answered before, and does not through {bridge}; all is back as it was"
            ),
            _ => Ok(()),
        }
    }
}

impl std::error::Error for Error {}

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

impl From<RecordError> for Error {
    fn from(error: RecordError) -> Self {
        Self::Record(error)
    }
}
