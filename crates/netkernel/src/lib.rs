//! Linux networking over netlink: typed, synchronous, without other programs and without Xen.
//!
//! | to | look at |
//! |---|---|
//! | read, make and change network devices, bridges and their ports | [`link`] |
//! | read and change addresses, routes and what belongs to them | [`address`], [`route`], [`rule`], [`next_hop`] |
//! | read and change neighbours, and bridges' forwarding tables | [`neighbour`] |
//! | read and change kernel settings | [`sysctl`] |
//! | filter packets | [`nftables`] |
//! | work in another network namespace | [`namespace`] |
//! | send and receive whole frames | [`packet`] |
//! | not be ended half-way, and not be kept waiting | [`process`] |
//! | speak netlink about anything else | [`netlink`] |
//!
//! Links, addresses, routes and neighbours all go through one handle, [`Rtnetlink`], whose methods stand in the module
//! of their subject. Each waits for the kernel's answer; an [`Error`](netlink::Error) says what was tried and what the
//! kernel said, in its own words where it has some.
//!
//! ```no_run
//! use netkernel::{Rtnetlink, link::*};
//!
//! let mut kernel = Rtnetlink::open()?;
//! let name = LinkName::new("xenbr0")?;
//! kernel.create_link(&name, &LinkKind::Bridge(BridgeOptions::default()), &LinkChange::default())?;
//! let bridge = kernel.link(&name)?.ok_or("it has just been made")?;
//! kernel.change_link(bridge.index, &LinkChange { up: Some(true), ..LinkChange::default() })?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
#![deny(unsafe_code)]

pub mod address;
mod family;
pub mod link;
pub mod namespace;
pub mod neighbour;
pub mod netlink;
pub mod next_hop;
pub mod nftables;
#[cfg(test)]
mod oracle;
pub mod packet;
pub mod process;
pub mod route;
mod rtnetlink;
pub mod rule;
mod sys;
pub mod sysctl;

pub use family::Family;
pub use rtnetlink::Rtnetlink;
