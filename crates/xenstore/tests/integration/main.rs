//! The client, the server and the real xenstored against each other.
//!
//! What needs Debian's packages (`xen-utils-4.17`, `xenstore-utils`, `libxen-dev`), `gcc` or `strace` is
//! skipped out loud where they are absent. The packages may be installed, or unpacked below the folder that
//! `XEN_PACKAGES` names.
#![expect(clippy::unwrap_used, reason = "a panic is a test's way of failing, in its helpers too")]

mod client;
mod differential;
mod hostile_daemon;
mod packages;
mod raw;
mod real;
mod ring;
mod server;
mod system_calls;
mod tools;
