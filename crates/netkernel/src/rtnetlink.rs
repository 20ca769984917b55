//! The handle on which links, addresses, routes and neighbours are read and changed (`rtnetlink(7)`).

use crate::netlink::{Context, Error, Protocol, Socket};

/// A connection to the kernel's routing and link tables, in the network namespace of the thread that opened it.
///
/// Its methods stand with their subjects: links in [`link`](crate::link), addresses in
/// [`address`](crate::address), and so on. All of them wait for the kernel's answer.
#[derive(Debug)]
pub struct Rtnetlink {
    pub(crate) socket: Socket,
}

impl Rtnetlink {
    /// Opens a connection.
    pub fn open() -> Result<Self, Error> {
        let socket = Socket::open(Protocol::Route).attempting(|| "open a netlink socket".into())?;
        Ok(Self { socket })
    }
}
