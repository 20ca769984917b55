//! The xenstore protocol.
#![forbid(unsafe_code)]

pub mod client;
pub mod path;
pub mod permissions;
pub mod wire;

pub use client::{
    Address, Batch, Client, Error, Event, OpenError, Replies, Requests, Ticket, Transaction, Tree, TreeLimits,
};
pub use path::{Path, PathError};
pub use permissions::{Access, Permission, Permissions, PermissionsError};
pub use wire::ErrorCode;
