//! A xenstore inside the program: in memory, without Xen.
//!
//! It answers as xenstored 4.17 does, so that tools, scripts and clients cannot tell the difference; it keeps
//! nothing on disk. Use it for tests, and where there is no hypervisor. An embedding program talks to it as
//! everyone does, with a [`Client`](crate::Client).
//!
//! Who connects is a matter of the socket: the one given to [`Server::bind`] makes its clients dom0; others
//! can be made for guests ([`ServerHandle::listen`]), who are then bound by permissions and [`Quotas`].
//!
//! From the outside in: the event loop owns the sockets and a single thread; the core knows connections,
//! watches and domains, and turns bytes into bytes; the store below it is the tree with its permissions and
//! transactions.

mod connection;
mod control;
mod core;
mod domains;
mod event_loop;
mod listener;
mod numbers;
mod outbox;
mod requests;

use std::fmt;
use std::io::{self, Write};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Sender, channel};
use std::thread::{Builder, JoinHandle};

use self::core::Core;
use event_loop::{Command, Commands, EventLoop};
use listener::Listener;

pub use crate::store::Quotas;

/// A server that is set up but does not answer yet.
///
/// ```
/// use xenstore::{Client, Requests, Server};
///
/// let folder = tempfile::tempdir()?;
/// let server = Server::bind(folder.path().join("socket"))?.spawn()?;
/// let mut dom0 = Client::connect(server.path())?;
/// dom0.write("/local/domain/1/name", "guest")?;
/// assert_eq!(dom0.read_text("/local/domain/1/name")?.as_deref(), Some("guest"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct Server {
    event_loop: EventLoop,
    path: PathBuf,
}

impl Server {
    /// Makes a server with a socket for dom0. A socket that a killed server left behind is replaced.
    pub fn bind(path: impl Into<PathBuf>) -> Result<Self, ServerError> {
        Self::bind_with(path, Quotas::default())
    }

    /// The same with other quotas for guests.
    pub fn bind_with(path: impl Into<PathBuf>, quotas: Quotas) -> Result<Self, ServerError> {
        let path = path.into();
        let mut event_loop = EventLoop::new(Core::new(quotas));
        event_loop.listen(bind(&path, 0)?);
        Ok(Self { event_loop, path })
    }

    /// Makes one more socket, whose clients are the domain `domid`.
    pub fn listen(&mut self, domid: u32, path: impl AsRef<Path>) -> Result<(), ServerError> {
        self.event_loop.listen(bind(path.as_ref(), domid)?);
        Ok(())
    }

    /// Answers in this thread; returns only when that fails.
    pub fn run(self) -> io::Result<()> {
        self.event_loop.run(None)
    }

    /// Answers in a thread of its own until the handle is dropped.
    pub fn spawn(self) -> Result<ServerHandle, ServerError> {
        let failed = |source| ServerError { doing: "start the thread of", path: self.path.clone(), source };
        let (bell, other_end) = UnixStream::pair().map_err(failed)?;
        other_end.set_nonblocking(true).map_err(failed)?;
        let (commands, queue) = channel();
        let event_loop = self.event_loop;
        let thread = Builder::new()
            .name("xenstore".to_owned())
            .spawn(move || event_loop.run(Some(Commands { queue, bell: other_end })))
            .map_err(failed)?;
        Ok(ServerHandle { path: self.path, commands, bell: Some(bell), thread: Some(thread) })
    }
}

/// A running server. Dropped, it stops: its connections are closed and its sockets removed.
#[derive(Debug)]
pub struct ServerHandle {
    path: PathBuf,
    commands: Sender<Command>,
    /// Rung with each command; closing it is the last one.
    bell: Option<UnixStream>,
    thread: Option<JoinHandle<io::Result<()>>>,
}

impl ServerHandle {
    /// The socket for dom0.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Makes one more socket, whose clients are the domain `domid`.
    pub fn listen(&self, domid: u32, path: impl AsRef<Path>) -> Result<(), ServerError> {
        let path = path.as_ref();
        let listener = bind(path, domid)?;
        self.command(Command::Listen(listener), "listen at", path)
    }

    /// Takes a socket back. Connections that came over it stay; releasing the domain closes them.
    pub fn stop_listening(&self, path: impl AsRef<Path>) -> Result<(), ServerError> {
        let path = path.as_ref();
        self.command(Command::StopListening(path.to_owned()), "stop listening at", path)
    }

    /// A new connection as the domain `domid`, without a socket in the file system.
    pub fn connect(&self, domid: u32) -> Result<UnixStream, ServerError> {
        let failed = |source| ServerError { doing: "connect to", path: self.path.clone(), source };
        let (near, far) = UnixStream::pair().map_err(failed)?;
        far.set_nonblocking(true).map_err(failed)?;
        self.command(Command::Adopt(far, domid), "connect to", &self.path)?;
        Ok(near)
    }

    /// Stops the server and says how its thread ended.
    pub fn shutdown(mut self) -> io::Result<()> {
        self.stop()
    }

    fn command(&self, command: Command, doing: &'static str, path: &Path) -> Result<(), ServerError> {
        let gone = || io::Error::from(io::ErrorKind::BrokenPipe);
        self.commands
            .send(command)
            .map_err(|_| gone())
            .and_then(|()| self.bell.as_ref().ok_or_else(gone)?.write_all(&[1]))
            .map_err(|source| ServerError { doing, path: path.to_owned(), source })
    }

    fn stop(&mut self) -> io::Result<()> {
        self.bell = None;
        let Some(thread) = self.thread.take() else { return Ok(()) };
        thread.join().unwrap_or_else(|_| Err(io::Error::other("the thread of the xenstore panicked")))
    }
}

impl Drop for ServerHandle {
    fn drop(&mut self) {
        // Who wants to know how it ended calls `shutdown`.
        let _ = self.stop();
    }
}

fn bind(path: &Path, domid: u32) -> Result<Listener, ServerError> {
    Listener::bind(path, domid).map_err(|source| ServerError {
        doing: "listen at",
        path: path.to_owned(),
        source,
    })
}

/// The server could not do something with a socket.
#[derive(Debug)]
pub struct ServerError {
    doing: &'static str,
    path: PathBuf,
    source: io::Error,
}

impl fmt::Display for ServerError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "cannot {} {}: {}", self.doing, self.path.display(), self.source)
    }
}

impl std::error::Error for ServerError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        Some(&self.source)
    }
}
