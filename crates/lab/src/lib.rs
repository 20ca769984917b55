//! A Xen host out of network namespaces: for trying things, and for tests that send real packets.
//!
//! ```text
//!            gateway ── 192.0.2.1, 2001:db8:ffff::1
//!               │ eth0
//!    ───────────┴──────────── the wire: a switch
//!               │ eth0
//!   ┌─ host ────┴─────────────────────────────┐     store     the nodes of all vifs
//!   │        xenbr0   (made by your scripts)  │     toolstack  writes, waits and calls scripts as libxl does
//!   │   vif1.0        vif2.0                  │     netback   makes the devices, and says when they are ready
//!   └─────┼──────────────┼────────────────────┘
//!    eth0 │         eth0 │
//!       guest          guest
//! ```
//!
//! The lab knows nothing of any network script in particular: it calls what it is given by path, with the
//! arguments, the environment and the patience of libxl. What a script does here it does on a Xen host.
//!
//! - [`Lab`] is all of it, in this process: made in a twentieth of a second, gone when it is dropped. Many can be
//!   there at once. It needs the right to make namespaces: root's, or that of a user namespace.
//! - [`Station`]s are the machines: the [`Host`], the [`Guest`]s, what is on the [`Wire`]. They ping, they ask
//!   who has an address, they run programs, they tell how they are configured ([`Snapshot`]) and whom they
//!   believe to be where ([`Beliefs`]).
//! - [`Toolstack`] creates and destroys domains, attaches and detaches interfaces.
//! - [`frame`] builds what attackers send, and a [`Lookout`] sees where it arrives.
//! - [`keeper`] keeps a lab alive in processes of its own, for people to look around in.
//!
//! ```no_run
//! use lab::{DomainConfig, Lab, Ping};
//!
//! let lab = Lab::with_scripts("/etc/xen/scripts")?;
//! lab.add_bridge("xenbr0", &["eth0"])?;
//! let web = lab.create(&DomainConfig::xl("web", &["ip=10.0.0.2,bridge=xenbr0"])?)?;
//! let db = lab.create(&DomainConfig::xl("db", &["ip=10.0.0.3,bridge=xenbr0"])?)?;
//! assert!(web.station().ping(&Ping::to([10, 0, 0, 3]))?.is_here());
//! lab.toolstack().destroy(db.domid())?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
#![forbid(unsafe_code)]

mod bridge;
mod domains;
mod error;
pub mod frame;
mod guest;
pub mod keeper;
mod lab;
mod netback;
mod probe;
mod snapshot;
mod toolstack;
mod topology;
mod xenbus;

pub use error::Error;
pub use guest::{Guest, GuestBehaviour};
pub use lab::{Lab, LabConfig};
pub use probe::{Answer, Arrival, Arrivals, Beliefs, ChangedBelief, Lookout, Ping, Place};
pub use snapshot::{Difference, Snapshot};
pub use toolstack::{
    Attached, ConfigError, Created, Destroyed, Detached, DomainConfig, MachineKind, Manner, ScriptAction,
    ScriptCall, ScriptEnd, ScriptRun, Timeouts, Toolstack, ToolstackError, ToolstackOptions, VifConfig,
};
pub use topology::{Host, Interface, Station, Wire, WireConfig};
pub use xenbus::{VifId, XenbusState};

/// The examples of the README run as tests.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
