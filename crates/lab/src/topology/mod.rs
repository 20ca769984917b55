//! Who is where: stations, and the wire between them.

mod host;
mod mounts;
mod station;
mod wire;

pub use host::Host;
pub use station::{Interface, Station};
pub(crate) use wire::net;
pub use wire::{Wire, WireConfig};
