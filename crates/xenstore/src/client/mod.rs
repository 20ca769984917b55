//! A synchronous client: no threads, and as few system calls as the bytes need.
//!
//! - [`Client`]: the connection, found as libxenstore finds it ([`Address`]).
//! - [`Requests`]: what can be asked, by a client or inside a [`Transaction`].
//! - [`Batch`] and [`Replies`]: many requests in one round trip.
//! - [`Event`]: what watches bring; they are kept while replies are awaited.
//! - [`Tree`]: a node with all below it.

pub mod address;
pub mod answer;
mod batch;
mod connection;
mod error;
mod listing;
mod replies;
mod requests;
mod transaction;
mod tree;
mod watch;

use std::fs::File;
use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

pub use address::{Address, OpenError};
pub use batch::{Batch, Ticket};
use connection::{Connection, Stream, protocol_error};
pub use error::{Error, Violation};
pub use replies::Replies;
pub use requests::{ReadResult, Requests};
pub use transaction::{TRANSACTION_ATTEMPTS, Transaction};
pub use tree::{Node, Tree, TreeLimits};
use watch::EventQueue;
pub use watch::{EVENT_QUEUE_MAX, Event};

use crate::wire::MessageType;

/// A connection to a xenstore daemon.
///
/// What is asked of nodes is in the trait [`Requests`]; what concerns domains and watches is here.
///
/// ```no_run
/// use xenstore::{Client, Requests};
///
/// let mut client = Client::open()?;
/// for domid in client.directory("/local/domain")?.unwrap_or_default() {
///     let name = client.read_text(&format!("/local/domain/{domid}/name"))?;
///     println!("{domid} {}", name.unwrap_or_default());
/// }
/// # Ok::<(), xenstore::Error>(())
/// ```
#[derive(Debug)]
pub struct Client {
    connection: Connection,
    events: EventQueue,
    next_id: u32,
    reply_limit: Option<Duration>,
    broken: bool,
}

impl Client {
    /// Connects to the daemon of this host: the first of [`Address::candidates`] that answers.
    pub fn open() -> Result<Self, Error> {
        Self::open_first(&Address::candidates())
    }

    /// Connects to the first of the addresses that answers. The error names them all.
    pub fn open_first(addresses: &[Address]) -> Result<Self, Error> {
        let mut tried = Vec::new();
        for address in addresses {
            match address.open() {
                Ok(stream) => return Ok(Self::new(stream, address.path())),
                Err(error) => tried.push((address.path().to_owned(), error)),
            }
        }
        Err(OpenError { tried }.into())
    }

    /// Connects to a socket or device.
    pub fn connect(path: impl Into<PathBuf>) -> Result<Self, Error> {
        Self::open_first(&[Address::Either(path.into())])
    }

    /// A client on a socket that is connected already.
    pub fn from_socket(socket: UnixStream) -> io::Result<Self> {
        socket.set_nonblocking(false)?;
        let address = socket.peer_addr()?;
        let address = address.as_pathname().unwrap_or(Path::new("(unnamed socket)")).to_owned();
        Ok(Self::new(Stream::Socket(socket), &address))
    }

    /// A client on a device that is open already, for reading and writing.
    #[must_use]
    pub fn from_device(device: File) -> Self {
        Self::new(Stream::Device(device), Path::new("(open device)"))
    }

    fn new(stream: Stream, address: &Path) -> Self {
        let connection = Connection::new(stream, address.into());
        Self { connection, events: EventQueue::default(), next_id: 1, reply_limit: None, broken: false }
    }

    /// The socket or device that it is connected to.
    #[must_use]
    pub fn address(&self) -> &Path {
        self.connection.address()
    }

    /// Limits the time that the daemon has for its replies, per round trip; `None`, as at the start, is no
    /// limit.
    ///
    /// With a limit, every read is preceded by one more system call. Connecting is not limited.
    pub const fn set_reply_limit(&mut self, limit: Option<Duration>) {
        self.reply_limit = limit;
    }

    /// The path that the relative paths of a domain start from.
    pub fn domain_path(&mut self, domid: u32) -> Result<String, Error> {
        let mut batch = Batch::new();
        let ticket = batch.domain_path(domid)?;
        Ok(self.run(batch)?.get(ticket)?.to_owned())
    }

    /// Whether the daemon has been told of a domain (and not yet that it is gone). Only dom0 may ask.
    pub fn is_introduced(&mut self, domid: u32) -> Result<bool, Error> {
        let mut batch = Batch::new();
        let ticket = batch.is_introduced(domid)?;
        self.run(batch)?.get(ticket)
    }

    /// Tells the daemon of a new domain: the frame of its ring page and its event channel. Only dom0 may do
    /// that.
    pub fn introduce(&mut self, domid: u32, frame: u64, event_channel: u32) -> Result<(), Error> {
        self.about_domain(MessageType::Introduce, &[domid.into(), frame, event_channel.into()])
    }

    /// Tells the daemon that a domain is gone; the nodes that it owned go with it. Only dom0 may do that.
    pub fn release(&mut self, domid: u32) -> Result<(), Error> {
        self.about_domain(MessageType::Release, &[domid.into()])
    }

    /// Tells the daemon that a domain runs again after a suspend. Only dom0 may do that.
    pub fn resume(&mut self, domid: u32) -> Result<(), Error> {
        self.about_domain(MessageType::Resume, &[domid.into()])
    }

    /// Gives `domid` (a device model) all rights of `target`. Only dom0 may do that.
    pub fn set_target(&mut self, domid: u32, target: u32) -> Result<(), Error> {
        self.about_domain(MessageType::SetTarget, &[domid.into(), target.into()])
    }

    /// Takes back all watches and transactions of this connection.
    pub fn reset_watches(&mut self) -> Result<(), Error> {
        let mut batch = Batch::new();
        batch.push::<answer::Done>(MessageType::ResetWatches, &[b"\0"])?;
        self.run(batch)?.check()
    }

    /// Gives the daemon a command, such as `["quota", "set", "nodes", "2000"]`, and returns what it prints.
    ///
    /// Which commands there are depends on the daemon; all have `["help"]`. Only dom0 may do that.
    pub fn control(&mut self, command: &[&str]) -> Result<String, Error> {
        let payload = crate::wire::join_strings(command.iter().map(|word| word.as_bytes()));
        let mut batch = Batch::new();
        let ticket = batch.push::<answer::Line>(MessageType::Control, &[&payload])?;
        Ok(self.run(batch)?.get(ticket)?.to_owned())
    }

    fn about_domain(&mut self, operation: MessageType, arguments: &[u64]) -> Result<(), Error> {
        let mut batch = Batch::new();
        batch.about_domain::<answer::Done>(operation, arguments)?;
        self.run(batch)?.check()
    }

    fn exchange(&mut self, mut batch: Batch, tx_id: u32) -> Result<Replies, Error> {
        let limits = self.connection.limits();
        if let Some((operation, len)) = batch.longer_than(limits.payload) {
            return Err(Error::TooLong { operation, len, max: limits.payload });
        }
        let first_id = self.next_id;
        // Ids only have to differ among the requests of a batch; batches do not overlap.
        self.next_id = first_id.wrapping_add(u32::try_from(batch.len()).unwrap_or(u32::MAX));
        batch.number(first_id, tx_id);
        let mut replies = Replies::new(batch, first_id, Arc::clone(self.connection.address()));
        self.guarded(|client| {
            let (mut sent, mut under_way) = (0, 0);
            while sent < replies.len() {
                // While the daemon answers one half, the other is read here and the next one written.
                let (count, bytes) = replies.batch().chunk(sent, limits.round / 2);
                client.connection.send(bytes)?;
                sent += count;
                let awaited = if limits.round == 0 { count } else { under_way };
                client.await_replies(&mut replies, awaited, sent)?;
                under_way = under_way + count - awaited;
            }
            client.await_replies(&mut replies, under_way, sent)
        })?;
        Ok(replies)
    }

    /// Takes in `count` replies to requests below number `sent`, and the events that come between them.
    fn await_replies(&mut self, replies: &mut Replies, count: usize, sent: usize) -> Result<(), Error> {
        let deadline = self.reply_limit.and_then(|limit| Instant::now().checked_add(limit));
        let mut missing = count;
        while missing > 0 {
            if let Some(message) = self.connection.next_message()? {
                match self.events.offer(message) {
                    Ok(true) => {}
                    Ok(false) => {
                        replies.accept(message, sent)?;
                        missing -= 1;
                    }
                    Err(violation) => return Err(protocol_error(self.address(), violation)),
                }
            } else if !self.connection.receive(deadline)? {
                let limit = self.reply_limit.unwrap_or_default();
                return Err(Error::Timeout { address: self.address().to_owned(), limit });
            }
        }
        Ok(())
    }

    /// Talks to the daemon unless that has failed before: after a failure replies could be taken for those of
    /// other requests.
    fn guarded<T>(&mut self, talk: impl FnOnce(&mut Self) -> Result<T, Error>) -> Result<T, Error> {
        if self.broken {
            return Err(Error::Broken { address: self.address().to_owned() });
        }
        let result = talk(self);
        self.broken = result.is_err();
        result
    }
}

impl Requests for Client {
    fn run(&mut self, batch: Batch) -> Result<Replies, Error> {
        self.exchange(batch, 0)
    }
}

impl AsFd for Client {
    /// Readable when replies or events have come; see [`Client::next_event`].
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.connection.as_fd()
    }
}
