//! Where the daemon is: the same places, in the same order, as libxenstore looks at.

use std::ffi::OsString;
use std::fmt;
use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::FileTypeExt;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};

use super::connection::Stream;

/// The environment variable that names the socket or device; nothing else is tried then.
pub const PATH_VARIABLE: &str = "XENSTORED_PATH";

/// The environment variable that names the folder of the socket.
pub const FOLDER_VARIABLE: &str = "XENSTORED_RUNDIR";

/// Where sockets of a daemon in this domain are.
const SOCKETS: [&str; 2] = ["/run/xenstored/socket", "/var/run/xenstored/socket"];

/// The kernel's way to a daemon in another domain.
const DEVICES: [&str; 2] = ["/dev/xen/xenbus", "/proc/xen/xenbus"];

/// A place where a daemon may be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Address {
    /// A unix socket.
    Socket(PathBuf),
    /// The kernel's device.
    Device(PathBuf),
    /// One or the other.
    Either(PathBuf),
}

impl Address {
    /// The places that this process should try, in order: `$XENSTORED_PATH` alone if it is set; else the
    /// socket in `$XENSTORED_RUNDIR` or in the usual folders, then the devices.
    #[must_use]
    pub fn candidates() -> Vec<Self> {
        Self::candidates_from(|variable| std::env::var_os(variable))
    }

    fn candidates_from(variable: impl Fn(&str) -> Option<OsString>) -> Vec<Self> {
        if let Some(path) = variable(PATH_VARIABLE) {
            return vec![Self::Either(path.into())];
        }
        let sockets = match variable(FOLDER_VARIABLE) {
            Some(folder) => vec![Self::Socket(Path::new(&folder).join("socket"))],
            None => SOCKETS.into_iter().map(|path| Self::Socket(path.into())).collect(),
        };
        sockets.into_iter().chain(DEVICES.into_iter().map(|path| Self::Device(path.into()))).collect()
    }

    /// The path of the socket or device.
    #[must_use]
    pub fn path(&self) -> &Path {
        match self {
            Self::Socket(path) | Self::Device(path) | Self::Either(path) => path,
        }
    }

    pub(super) fn open(&self) -> io::Result<Stream> {
        match self {
            Self::Socket(path) => UnixStream::connect(path).map(Stream::Socket),
            Self::Device(path) => open_device(path),
            // Connecting first: a socket is the common case, and costs no look at the file then.
            Self::Either(path) => UnixStream::connect(path)
                .map(Stream::Socket)
                .or_else(|error| if is_device(path) { open_device(path) } else { Err(error) }),
        }
    }
}

fn is_device(path: &Path) -> bool {
    path.metadata().is_ok_and(|metadata| metadata.file_type().is_char_device())
}

fn open_device(path: &Path) -> io::Result<Stream> {
    OpenOptions::new().read(true).write(true).open(path).map(|device: File| Stream::Device(device))
}

/// No daemon answered at any of the places.
#[derive(Debug)]
pub struct OpenError {
    /// Each place with what the system said.
    pub tried: Vec<(PathBuf, io::Error)>,
}

impl fmt::Display for OpenError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("no xenstore daemon can be reached (")?;
        for (index, (path, error)) in self.tried.iter().enumerate() {
            let separator = if index == 0 { "" } else { "; " };
            write!(f, "{separator}{}: {error}", path.display())?;
        }
        write!(f, "); is it running? {PATH_VARIABLE} names another place")
    }
}

impl std::error::Error for OpenError {}

#[cfg(test)]
mod tests {
    use super::*;

    fn candidates(set: &[(&str, &str)]) -> Vec<Address> {
        Address::candidates_from(|wanted| {
            set.iter().find(|(name, _)| *name == wanted).map(|(_, value)| value.into())
        })
    }

    #[test]
    fn sockets_come_before_devices() {
        let paths: Vec<String> =
            candidates(&[]).iter().map(|address| address.path().display().to_string()).collect();
        let expected =
            ["/run/xenstored/socket", "/var/run/xenstored/socket", "/dev/xen/xenbus", "/proc/xen/xenbus"];
        assert_eq!(paths, expected);
    }

    #[test]
    fn the_variable_with_the_path_rules_out_all_else() {
        let addresses = candidates(&[("XENSTORED_PATH", "/x"), ("XENSTORED_RUNDIR", "/y")]);
        assert_eq!(addresses, [Address::Either("/x".into())]);
    }

    #[test]
    fn the_variable_with_the_folder_moves_the_socket() {
        let addresses = candidates(&[("XENSTORED_RUNDIR", "/y")]);
        assert_eq!(addresses[0], Address::Socket("/y/socket".into()));
        assert_eq!(addresses.len(), 3);
    }

    #[test]
    fn a_failure_names_all_that_was_tried() {
        let error = OpenError {
            tried: vec![
                ("/a".into(), io::Error::from(io::ErrorKind::NotFound)),
                ("/b".into(), io::Error::from(io::ErrorKind::PermissionDenied)),
            ],
        };
        let text = error.to_string();
        assert!(text.contains("/a: entity not found; /b: permission denied"), "{text}");
    }
}
