//! A socket that takes connections of one domain.

use std::fs;
use std::io;
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::fs::FileTypeExt;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};

use nix::sys::socket::{AddressFamily, Backlog, SockFlag, SockType, UnixAddr, bind, listen, socket};
use nix::sys::stat::{Mode, fchmod};

/// A listening socket; its file goes with it.
#[derive(Debug)]
pub(super) struct Listener {
    pub(super) socket: UnixListener,
    pub(super) domid: u32,
    pub(super) path: PathBuf,
}

impl Listener {
    /// Makes the socket, for its owner alone, as xenstored does.
    pub(super) fn bind(path: &Path, domid: u32) -> io::Result<Self> {
        remove_stale(path)?;
        let flags = SockFlag::SOCK_CLOEXEC | SockFlag::SOCK_NONBLOCK;
        let descriptor: OwnedFd = socket(AddressFamily::Unix, SockType::Stream, flags, None)?;
        // Before `bind`, which gives the file these permissions: there is no moment in which others could
        // connect.
        fchmod(&descriptor, Mode::S_IRUSR | Mode::S_IWUSR)?;
        bind(descriptor.as_raw_fd(), &UnixAddr::new(path)?)?;
        listen(&descriptor, Backlog::MAXCONN)?;
        Ok(Self { socket: descriptor.into(), domid, path: path.to_owned() })
    }

    /// The next connection that waits; `None` when there is none.
    pub(super) fn accept(&self) -> io::Result<Option<UnixStream>> {
        match self.socket.accept() {
            Ok((stream, _)) => {
                stream.set_nonblocking(true)?;
                Ok(Some(stream))
            }
            Err(error) => match error.kind() {
                io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted | io::ErrorKind::ConnectionAborted => {
                    Ok(None)
                }
                _ => Err(error),
            },
        }
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        // Somebody may have removed it already, and nothing depends on it.
        let _ = fs::remove_file(&self.path);
    }
}

/// Removes a socket that nobody listens on any more, as a killed server leaves it.
fn remove_stale(path: &Path) -> io::Result<()> {
    let is_socket = fs::symlink_metadata(path).is_ok_and(|metadata| metadata.file_type().is_socket());
    if !is_socket {
        return Ok(());
    }
    match UnixStream::connect(path) {
        Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => fs::remove_file(path),
        _ => Err(io::ErrorKind::AddrInUse.into()),
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn the_socket_is_for_its_owner_alone_and_goes_with_the_listener() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("socket");
        let listener = Listener::bind(&path, 0).unwrap();
        assert_eq!(path.metadata().unwrap().permissions().mode() & 0o777, 0o600);
        assert!(listener.accept().unwrap().is_none());
        drop(listener);
        assert!(!path.exists());
    }

    #[test]
    fn a_socket_in_use_is_left_alone_and_a_dead_one_is_replaced() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("socket");
        let other = UnixListener::bind(&path).unwrap();
        assert_eq!(Listener::bind(&path, 0).unwrap_err().kind(), io::ErrorKind::AddrInUse);
        drop(other);
        assert!(path.exists(), "its file is still there");
        Listener::bind(&path, 0).unwrap();
    }

    #[test]
    fn a_file_that_is_no_socket_is_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        fs::write(&path, "precious").unwrap();
        assert!(Listener::bind(&path, 0).is_err());
        assert_eq!(fs::read_to_string(&path).unwrap(), "precious");
    }
}
