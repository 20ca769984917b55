//! The virtual network of a Xen host.
#![forbid(unsafe_code)]

pub mod dhcp;
pub mod export;
pub mod guard;
pub mod hotplug;
pub mod inventory;
pub mod log;
pub mod metrics;
pub mod network;
pub mod openvswitch;
pub mod places;
pub mod plan;
pub mod remember;
pub mod routed;
pub mod scripts;
pub mod translation;
pub mod vif;
