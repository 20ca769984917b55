//! A Xen host out of network namespaces.
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
