//! What can go wrong when a lab is built.

use std::fmt;
use std::io;

use netkernel::link::InvalidLinkName;
use netkernel::netlink;
use netkernel::sysctl::SysctlError;
use xenstore::ServerError;

/// A part of the lab could not be made or asked.
#[derive(Debug)]
#[non_exhaustive]
pub enum Error {
    /// The kernel refused something in one of the namespaces.
    Kernel {
        /// The station's name.
        station: String,
        /// What was tried and what the kernel said.
        source: netlink::Error,
    },
    /// The system refused something else.
    System {
        /// What was tried, as it goes behind "cannot".
        attempt: String,
        /// What the system said.
        source: io::Error,
    },
    /// A kernel setting could not be read or set.
    Setting {
        /// The station's name.
        station: String,
        /// Which, and what the system said.
        source: SysctlError,
    },
    /// A name that no network device can have.
    Name(InvalidLinkName),
    /// The store could not be asked.
    Store(xenstore::Error),
    /// The store's server could not be started.
    Server(ServerError),
    /// Something that should be there is not.
    Missing {
        /// Where: a station's name.
        station: String,
        /// What, such as "network device eth0".
        what: String,
    },
    /// Something that should happen did not, in the time that it was given.
    Late {
        /// Where: a station's name.
        station: String,
        /// What, such as "eth0 to get a carrier".
        what: String,
        /// How long it was waited for.
        waited: std::time::Duration,
    },
}

impl Error {
    /// Says what was tried, as it goes behind "cannot".
    pub(crate) fn system(attempt: impl Into<String>) -> impl FnOnce(io::Error) -> Self {
        let attempt = attempt.into();
        move |source| Self::System { attempt, source }
    }

    /// True when the system said that this user may not do that.
    #[must_use]
    pub fn is_forbidden(&self) -> bool {
        match self {
            Self::System { source, .. } => source.kind() == io::ErrorKind::PermissionDenied,
            Self::Kernel { source, .. } => source.code().is_some_and(|code| {
                io::Error::from_raw_os_error(code).kind() == io::ErrorKind::PermissionDenied
            }),
            _ => false,
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Kernel { station, source } => write!(f, "{station}: {source}"),
            Self::System { attempt, source } => write!(f, "cannot {attempt}: {source}"),
            Self::Setting { station, source } => write!(f, "{station}: {source}"),
            Self::Name(error) => error.fmt(f),
            Self::Store(error) => error.fmt(f),
            Self::Server(error) => error.fmt(f),
            Self::Missing { station, what } => write!(f, "{station} has no {what}"),
            Self::Late { station, what, waited } => {
                write!(f, "{station}: waited {waited:?} in vain for {what}")
            }
        }
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Kernel { source, .. } => Some(source),
            Self::System { source, .. } => Some(source),
            Self::Setting { source, .. } => Some(source),
            Self::Name(source) => Some(source),
            Self::Store(source) => Some(source),
            Self::Server(source) => Some(source),
            Self::Missing { .. } | Self::Late { .. } => None,
        }
    }
}

impl From<InvalidLinkName> for Error {
    fn from(error: InvalidLinkName) -> Self {
        Self::Name(error)
    }
}

impl From<xenstore::Error> for Error {
    fn from(error: xenstore::Error) -> Self {
        Self::Store(error)
    }
}

impl From<ServerError> for Error {
    fn from(error: ServerError) -> Self {
        Self::Server(error)
    }
}
