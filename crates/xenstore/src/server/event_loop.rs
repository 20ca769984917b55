//! Sockets around the [`Core`]: one thread, one `poll`.

use std::collections::BTreeMap;
use std::io::{self, Read, Write};
use std::os::fd::AsFd;
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::sync::mpsc::{Receiver, TryRecvError};
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};

use super::core::{ConnectionId, Core};
use super::listener::Listener;

/// How often one connection is served before the others have their turn.
const ROUNDS: usize = 8;

/// How long no connections are taken after that has failed, for want of descriptors as a rule.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// What a [`ServerHandle`](super::ServerHandle) asks of the loop.
#[derive(Debug)]
pub(super) enum Command {
    Listen(Listener),
    StopListening(PathBuf),
    Adopt(UnixStream, u32),
}

#[derive(Debug)]
pub(super) struct EventLoop {
    core: Core,
    listeners: Vec<Listener>,
    peers: BTreeMap<ConnectionId, UnixStream>,
    accept_again: Option<Instant>,
}

/// Where commands come from. The loop ends when the other side is gone.
#[derive(Debug)]
pub(super) struct Commands {
    pub(super) queue: Receiver<Command>,
    /// Gets a byte with each command, and is closed at the end.
    pub(super) bell: UnixStream,
}

#[derive(Debug, Clone, Copy)]
enum Source {
    Bell,
    Listener(usize),
    Peer(ConnectionId),
}

impl EventLoop {
    pub(super) const fn new(core: Core) -> Self {
        Self { core, listeners: Vec::new(), peers: BTreeMap::new(), accept_again: None }
    }

    pub(super) fn listen(&mut self, listener: Listener) {
        self.listeners.push(listener);
    }

    /// Serves until the other side of the commands is gone; without commands, for ever.
    pub(super) fn run(mut self, mut commands: Option<Commands>) -> io::Result<()> {
        loop {
            for source in self.wait(commands.as_ref())? {
                match source {
                    Source::Bell => {
                        if let Some(commands) = &mut commands
                            && !self.obey(commands)
                        {
                            return Ok(());
                        }
                    }
                    Source::Listener(index) => self.accept(index),
                    Source::Peer(id) => self.serve(id),
                }
            }
            self.drop_closed();
        }
    }

    /// Waits until something can be done and says what.
    fn wait(&mut self, commands: Option<&Commands>) -> io::Result<Vec<Source>> {
        let now = Instant::now();
        self.accept_again = self.accept_again.filter(|again| *again > now);
        let mut sources = Vec::with_capacity(1 + self.listeners.len() + self.peers.len());
        let mut descriptors = Vec::with_capacity(sources.capacity());
        if let Some(commands) = commands {
            sources.push(Source::Bell);
            descriptors.push(PollFd::new(commands.bell.as_fd(), PollFlags::POLLIN));
        }
        if self.accept_again.is_none() {
            for (index, listener) in self.listeners.iter().enumerate() {
                sources.push(Source::Listener(index));
                descriptors.push(PollFd::new(listener.socket.as_fd(), PollFlags::POLLIN));
            }
        }
        let mut work_waits = false;
        for (id, stream) in &self.peers {
            work_waits |= self.core.has_work(*id);
            sources.push(Source::Peer(*id));
            descriptors.push(PollFd::new(stream.as_fd(), self.interest(*id)));
        }
        let timeout = match self.accept_again {
            _ if work_waits => PollTimeout::ZERO,
            Some(_) => PollTimeout::try_from(ACCEPT_PAUSE).unwrap_or(PollTimeout::ZERO),
            None => PollTimeout::NONE,
        };
        match poll(&mut descriptors, timeout) {
            Ok(_) | Err(Errno::EINTR) => {}
            Err(error) => return Err(error.into()),
        }
        let is_ready = |descriptor: &PollFd<'_>| descriptor.any().unwrap_or(true);
        let ready = sources.into_iter().zip(descriptors).filter(|(source, descriptor)| {
            is_ready(descriptor) || matches!(source, Source::Peer(id) if self.core.has_work(*id))
        });
        Ok(ready.map(|(source, _)| source).collect())
    }

    fn interest(&self, id: ConnectionId) -> PollFlags {
        let mut flags = PollFlags::empty();
        flags.set(PollFlags::POLLIN, self.core.takes_requests(id));
        flags.set(PollFlags::POLLOUT, self.core.has_output(id));
        flags
    }

    /// Carries out the commands that wait. `false`: nobody will send any more, the end has come.
    fn obey(&mut self, commands: &mut Commands) -> bool {
        let mut rung = [0; 64];
        match commands.bell.read(&mut rung) {
            Ok(0) => return false,
            Ok(_) => {}
            Err(error) if is_passing(&error) => {}
            Err(_) => return false,
        }
        loop {
            match commands.queue.try_recv() {
                Ok(Command::Listen(listener)) => self.listeners.push(listener),
                Ok(Command::StopListening(path)) => self.listeners.retain(|listener| listener.path != path),
                Ok(Command::Adopt(stream, domid)) => self.adopt(stream, domid),
                Err(TryRecvError::Empty) => return true,
                Err(TryRecvError::Disconnected) => return false,
            }
        }
    }

    fn accept(&mut self, index: usize) {
        // A command before this may have taken the listener away.
        let Some(listener) = self.listeners.get(index) else { return };
        let domid = listener.domid;
        match listener.accept() {
            Ok(Some(stream)) => self.adopt(stream, domid),
            Ok(None) => {}
            Err(_) => self.accept_again = Instant::now().checked_add(ACCEPT_PAUSE),
        }
    }

    fn adopt(&mut self, stream: UnixStream, domid: u32) {
        // Refused, it is closed by being dropped.
        if let Some(id) = self.core.connect(domid) {
            self.peers.insert(id, stream);
        }
    }

    /// Takes requests, carries them out and sends replies, as far as that goes without waiting.
    fn serve(&mut self, id: ConnectionId) {
        let Some(stream) = self.peers.get_mut(&id) else { return };
        for _ in 0..ROUNDS {
            self.core.process(id);
            if send(&mut self.core, id, stream).is_err() {
                return self.drop_peer(id);
            }
            if self.core.has_work(id) {
                continue;
            }
            if !self.core.takes_requests(id) {
                return;
            }
            // No whole message waits, so there is room, and reading nothing means the end.
            match stream.read(self.core.space(id)) {
                Ok(0) => return self.drop_peer(id),
                Ok(count) => self.core.received(id, count),
                Err(error) if is_passing(&error) => return,
                Err(_) => return self.drop_peer(id),
            }
        }
    }

    fn drop_peer(&mut self, id: ConnectionId) {
        self.peers.remove(&id);
        self.core.disconnect(id);
    }

    fn drop_closed(&mut self) {
        let closed: Vec<ConnectionId> =
            self.peers.keys().copied().filter(|id| self.core.is_closed(*id)).collect();
        for id in closed {
            self.drop_peer(id);
        }
    }
}

fn send(core: &mut Core, id: ConnectionId, stream: &mut UnixStream) -> io::Result<()> {
    while core.has_output(id) {
        let written = stream.write(core.output(id));
        match written {
            Ok(count) => core.sent(id, count),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

fn is_passing(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted)
}
