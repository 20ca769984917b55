//! A lab of its own processes, which stays until it is ended.
//!
//! ```text
//! the command ── unshare ──► init (process 1 of the lab) ──► the lab (stores, guests, what it was started for)
//!     └─────── a lifeline ───────┘
//! ```
//!
//! [`start`] gives the lab namespaces of all kinds, as root or, where that is allowed, as anybody. Its first
//! process does nothing but watch: when the command that started it ends, or the lab itself, it ends too, and the
//! kernel ends everything that was started inside, however. All files of the lab are in a file system that goes
//! with it. So nothing is left, also after `kill -9`.
//!
//! When the lab says that it wants to stay ([`Next::Stay`]), the command ends without it, and others can
//! [`enter`] and [`end`] it.

mod enter;
mod error;
mod namespaces;
mod stages;
mod state;

pub use enter::enter;
pub use error::KeeperError;
pub use stages::{Context, Next, main, start};
pub use state::{Places, Running, end, running};
