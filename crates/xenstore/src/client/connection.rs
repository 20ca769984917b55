//! Bytes to the daemon and messages back: the only place of the client that reads and writes.

use std::fs::File;
use std::io::{self, Read, Write};
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};

use super::error::{Error, Violation};
use crate::wire::{Decoder, HEADER_LEN, Message, PAYLOAD_MAX};

/// The longest payload that is taken from a daemon.
///
/// `oxenstored` sends long lists whole on its socket, however long the protocol allows them to be. This is
/// enough for a hundred thousand names.
const REPLY_MAX: usize = 1 << 20;

/// Bytes of requests that are sent to a socket before their replies are awaited.
///
/// They fit in the empty buffer of a socket, so that the write does not block even if the daemon reads
/// nothing before its own replies are read.
const ROUND_MAX: usize = 32 << 10;

/// The most bytes of payload that the device takes: its buffer holds the header too.
///
/// The buffer is also why a device gets one request at a time. The driver
/// (`drivers/xen/xenbus/xenbus_dev_frontend.c`, since Linux 4.11) passes a request on by reference and then
/// takes the next one into the same place: a second request sent before the reply to the first would change
/// the first on its way.
const DEVICE_PAYLOAD_MAX: usize = PAYLOAD_MAX - HEADER_LEN;

/// What a stream can carry.
#[derive(Debug, Clone, Copy)]
pub(super) struct Limits {
    pub(super) payload: usize,
    pub(super) round: usize,
}

/// What carries the bytes.
#[derive(Debug)]
pub(super) enum Stream {
    Socket(UnixStream),
    Device(File),
}

impl AsFd for Stream {
    fn as_fd(&self) -> BorrowedFd<'_> {
        match self {
            Self::Socket(socket) => socket.as_fd(),
            Self::Device(device) => device.as_fd(),
        }
    }
}

/// A stream with the messages that come out of it.
#[derive(Debug)]
pub(super) struct Connection {
    stream: Stream,
    decoder: Decoder,
    address: Arc<Path>,
}

impl Connection {
    pub(super) fn new(stream: Stream, address: Arc<Path>) -> Self {
        Self { stream, decoder: Decoder::new().with_payload_max(REPLY_MAX), address }
    }

    pub(super) const fn address(&self) -> &Arc<Path> {
        &self.address
    }

    /// The most bytes of payload that a request may have, and the most bytes of requests that may be sent
    /// before their replies are awaited; one request may be sent in any case.
    pub(super) const fn limits(&self) -> Limits {
        match self.stream {
            Stream::Socket(_) => Limits { payload: PAYLOAD_MAX, round: ROUND_MAX },
            Stream::Device(_) => Limits { payload: DEVICE_PAYLOAD_MAX, round: 0 },
        }
    }

    pub(super) fn as_fd(&self) -> BorrowedFd<'_> {
        self.stream.as_fd()
    }

    /// Sends messages; to a device only one at a time.
    pub(super) fn send(&mut self, bytes: &[u8]) -> Result<(), Error> {
        let sent = match &mut self.stream {
            Stream::Socket(socket) => socket.write_all(bytes),
            Stream::Device(device) => device.write_all(bytes),
        };
        sent.map_err(|source| self.failed(source))
    }

    /// The next message that has come in full; does not wait.
    pub(super) fn next_message(&mut self) -> Result<Option<Message<'_>>, Error> {
        self.decoder.next_message().map_err(|error| protocol_error(&self.address, Violation::Stream(error)))
    }

    pub(super) fn has_message(&self) -> bool {
        self.decoder.has_message()
    }

    /// Waits for bytes, until `deadline` if there is one, and takes them in. `false`: the time is over.
    pub(super) fn receive(&mut self, deadline: Option<Instant>) -> Result<bool, Error> {
        if let Some(deadline) = deadline
            && !wait_readable(self.stream.as_fd(), deadline).map_err(|source| self.failed(source))?
        {
            return Ok(false);
        }
        let space = self.decoder.spare();
        let received = loop {
            let result = match &mut self.stream {
                Stream::Socket(socket) => socket.read(space),
                Stream::Device(device) => device.read(space),
            };
            match result {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                other => break other,
            }
        };
        match received {
            Ok(0) => Err(Error::Closed { address: self.address.to_path_buf() }),
            Ok(count) => {
                self.decoder.advance(count);
                Ok(true)
            }
            Err(source) => Err(self.failed(source)),
        }
    }

    fn failed(&self, source: io::Error) -> Error {
        match source.kind() {
            io::ErrorKind::BrokenPipe | io::ErrorKind::ConnectionReset => {
                Error::Closed { address: self.address.to_path_buf() }
            }
            _ => Error::Connection { address: self.address.to_path_buf(), source },
        }
    }
}

pub(super) fn protocol_error(address: &Path, violation: Violation) -> Error {
    Error::Protocol { address: address.to_owned(), violation }
}

fn wait_readable(fd: BorrowedFd<'_>, deadline: Instant) -> io::Result<bool> {
    loop {
        let left = deadline.saturating_duration_since(Instant::now());
        match poll(&mut [PollFd::new(fd, PollFlags::POLLIN)], poll_timeout(left)) {
            Ok(0) if left.is_zero() => return Ok(false),
            Ok(0) | Err(Errno::EINTR) => {}
            Ok(_) => return Ok(true),
            Err(error) => return Err(error.into()),
        }
    }
}

/// Whole milliseconds, rounded up so that the last one is not spent in a busy loop.
fn poll_timeout(left: Duration) -> PollTimeout {
    let milliseconds = left.as_nanos().div_ceil(1_000_000);
    i32::try_from(milliseconds)
        .ok()
        .and_then(|limit| PollTimeout::try_from(limit).ok())
        .unwrap_or(PollTimeout::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waiting_times_are_rounded_up_and_capped() {
        assert_eq!(poll_timeout(Duration::ZERO), PollTimeout::ZERO);
        assert_eq!(poll_timeout(Duration::from_nanos(1)), PollTimeout::from(1u8));
        assert_eq!(poll_timeout(Duration::from_millis(7)), PollTimeout::from(7u8));
        assert_eq!(poll_timeout(Duration::MAX), PollTimeout::MAX);
    }
}
