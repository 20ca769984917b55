//! The guard: nothing leaves a vif that claims another sender.
//!
//! [`Policy`] says what a guest may send; one place (`compile`) turns it into packet filter rules; [`Guard`] puts
//! these in force at the ingress of the guest's own device, before the bridge or the host sees a frame.

mod compile;
mod frame;
mod install;
mod policy;

pub use install::{Guard, GuardState};
pub use policy::{Policy, Reason, Sources};
