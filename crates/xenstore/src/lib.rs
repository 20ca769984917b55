//! The xenstore protocol: a codec, a synchronous client, and a server in memory.
//!
//! - [`wire`]: the bytes. Pure.
//! - [`Path`], [`Permissions`]: the words that both sides share. Pure.
//! - [`client`]: asks a daemon, over its socket or the kernel's device. Many requests fit in one round trip.
//! - [`server`]: a store in memory that answers like xenstored, for tests and where there is no Xen.
//!
//! ```
//! use xenstore::{Client, Requests, Server};
//!
//! let folder = tempfile::tempdir()?;
//! let server = Server::bind(folder.path().join("socket"))?.spawn()?;
//!
//! let mut client = Client::connect(server.path())?;
//! client.write_each([("backend/vif/1/0/bridge", "xenbr0"), ("backend/vif/1/0/mac", "00:16:3e:00:00:01")])?;
//!
//! // One round trip for all three.
//! let [bridge, mac, rate] =
//!     client.read_many(["backend/vif/1/0/bridge", "backend/vif/1/0/mac", "backend/vif/1/0/rate"])?;
//! assert_eq!(bridge?.as_deref(), Some(&b"xenbr0"[..]));
//! assert_eq!(mac?.as_deref(), Some(&b"00:16:3e:00:00:01"[..]));
//! assert_eq!(rate?, None);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! Values, names and events may come from guests: treat them as hostile. Nothing here panics on what comes
//! over the wire, and nothing grows without a bound because of it.
#![forbid(unsafe_code)]

pub mod client;
pub mod path;
pub mod permissions;
pub mod server;
mod store;
pub mod wire;

pub use client::{
    Address, Batch, Client, Error, Event, Node, OpenError, Replies, Requests, Ticket, Transaction, Tree,
    TreeLimits,
};
pub use path::{Path, PathError};
pub use permissions::{Access, Permission, Permissions, PermissionsError};
pub use server::{Quotas, Server, ServerError, ServerHandle};
pub use wire::ErrorCode;
