//! Hotplug: what happens when a vif comes, and when it goes.
//!
//! A call ([`Request`]) and the vif's nodes in xenstore say what the vif should be; a plan leads there; the outcome goes
//! back to xenstore, always. This path is short because it is walked for each vif of each guest: no list of all
//! links or rules is read on it, so that its cost does not depend on how many there are.

pub(crate) mod bridge;
mod device;
mod error;
mod former;
mod hooks;
mod indirect;
mod leftovers;
mod mode;
mod names;
mod nat;
mod network;
mod nodes;
mod policy;
mod prepare;
mod request;
mod reserve;
mod route;
mod run;
mod switch;
mod traces;
mod uplinks;

pub use error::Error;
pub use hooks::HookError;
pub use indirect::{qemu_script, vif_setup};
pub use leftovers::{GuardedPorts, abandoned, sweep_all};
pub use mode::Mode;
pub use network::GuardedNetwork;
pub use nodes::{BadNode, Nodes, Wanted};
pub use policy::Guarded;
pub use request::{Action, BadCall, Call, Request};
pub use run::run;
