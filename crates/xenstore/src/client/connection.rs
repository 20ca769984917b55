//! Bytes to the daemon and messages back: the only place of the client that reads and writes.

use std::fs::File;
use std::io::{self, IoSlice, Read, Write};
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};

use super::error::{Error, Violation};
use crate::wire::{Decoder, Message};

/// The longest payload that is taken from a daemon.
///
/// `oxenstored` sends long lists whole on its socket, however long the protocol allows them to be. This is enough for a hundred
/// thousand names.
const REPLY_MAX: usize = 1 << 20;

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
    address: PathBuf,
}

impl Connection {
    pub(super) fn new(stream: Stream, address: PathBuf) -> Self {
        Self { stream, decoder: Decoder::new().with_payload_max(REPLY_MAX), address }
    }

    pub(super) fn address(&self) -> &Path {
        &self.address
    }

    pub(super) const fn is_device(&self) -> bool {
        matches!(self.stream, Stream::Device(_))
    }

    pub(super) fn as_fd(&self) -> BorrowedFd<'_> {
        self.stream.as_fd()
    }

    /// Sends messages that end at `ends`, which count from the start of `bytes`.
    pub(super) fn send(&mut self, bytes: &[u8], ends: impl Iterator<Item = usize>) -> Result<(), Error> {
        let sent = match &mut self.stream {
            Stream::Socket(socket) => socket.write_all(bytes),
            Stream::Device(device) => write_messages(device, bytes, ends),
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
            Ok(0) => Err(Error::Closed { address: self.address.clone() }),
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
                Error::Closed { address: self.address.clone() }
            }
            _ => Error::Connection { address: self.address.clone(), source },
        }
    }
}

pub(super) fn protocol_error(address: &Path, violation: Violation) -> Error {
    Error::Protocol { address: address.to_owned(), violation }
}

/// Writes to the device, each message as a piece of its own.
///
/// The driver takes one message per `write(2)` and throws away what follows it in the same call. `writev(2)` calls it once
/// for each piece, so that one system call still carries many messages.
fn write_messages(
    device: &mut impl Write,
    bytes: &[u8],
    ends: impl Iterator<Item = usize>,
) -> io::Result<()> {
    let mut start = 0;
    let mut messages: Vec<IoSlice<'_>> = ends
        .filter_map(|end| {
            let message = bytes.get(start..end).map(IoSlice::new);
            start = end;
            message
        })
        .collect();
    let mut unsent = messages.as_mut_slice();
    while !unsent.is_empty() {
        match device.write_vectored(unsent) {
            Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
            Ok(count) => IoSlice::advance_slices(&mut unsent, count),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
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

    /// Takes bytes as the kernel's driver does: one message per piece, the rest of a piece is lost.
    #[derive(Default)]
    struct Driver {
        partial: Vec<u8>,
        messages: Vec<Vec<u8>>,
        /// Pieces taken by one `writev`.
        pieces_per_call: usize,
    }

    impl Write for Driver {
        fn write(&mut self, piece: &[u8]) -> io::Result<usize> {
            self.partial.extend_from_slice(piece);
            let header = self.partial.first_chunk::<16>().map(crate::wire::Header::decode);
            if let Some(header) = header {
                let len = 16 + header.len as usize;
                if self.partial.len() >= len {
                    self.partial.truncate(len);
                    self.messages.push(std::mem::take(&mut self.partial));
                }
            }
            Ok(piece.len())
        }

        fn write_vectored(&mut self, pieces: &[IoSlice<'_>]) -> io::Result<usize> {
            pieces.iter().take(self.pieces_per_call).map(|piece| self.write(piece)).sum()
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn the_device_gets_every_message_of_a_batch() {
        let mut bytes = Vec::new();
        let mut ends = Vec::new();
        for req_id in 0..5 {
            let header = crate::wire::Header { req_id, ..Default::default() };
            crate::wire::push_message(&mut bytes, header, &[&vec![0; req_id as usize]]).unwrap();
            ends.push(bytes.len());
        }
        for pieces_per_call in [1, 2, 100] {
            let mut driver = Driver { pieces_per_call, ..Driver::default() };
            write_messages(&mut driver, &bytes, ends.iter().copied()).unwrap();
            assert_eq!(driver.messages.concat(), bytes);
            assert_eq!(driver.messages.len(), 5);
        }
    }

    #[test]
    fn waiting_times_are_rounded_up_and_capped() {
        assert_eq!(poll_timeout(Duration::ZERO), PollTimeout::ZERO);
        assert_eq!(poll_timeout(Duration::from_nanos(1)), PollTimeout::from(1u8));
        assert_eq!(poll_timeout(Duration::from_millis(7)), PollTimeout::from(7u8));
        assert_eq!(poll_timeout(Duration::MAX), PollTimeout::MAX);
    }
}
