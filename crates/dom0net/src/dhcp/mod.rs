//! A card that has its address from a DHCP server: the client that keeps the lease moves with the address.
//!
//! No client can be told to go on on another device. The one that runs is ended without a word to the server, so that the
//! lease and the address stay, and the same program is started again, called as it was but for the device's name, with
//! its own memory of the lease: it asks the server for the same address. Between it and the script that it tells what to do
//! stands a script of ours, because a client that starts takes for granted that its device has no address yet.

mod client;
mod process;
mod script;

pub use client::{Client, NotTaken, Program};
pub use process::{DhcpError, is_running, start, stop, wait};
pub(crate) use process::{program_of, words_of};
pub use script::{SCRIPT, run_script};
