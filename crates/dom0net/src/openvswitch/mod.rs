//! Ports of Open vSwitch, by its own database protocol (OVSDB, RFC 7047): no program is run, and no text is parsed.

mod client;
mod port;

pub use client::{Database, Error};
pub use port::{BadBridge, BridgeSpec, SwitchPort, Tags};
