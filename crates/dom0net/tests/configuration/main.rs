//! The commands for configuration files, as somebody calls them.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "panicking is how a test fails")]

mod check;
mod convert;
mod explain;
mod folders;
mod hostile;
mod kernel_ip;
mod mac;
mod program;
mod vif_spec;
