//! Why a lab could not be started, entered or ended.

use std::fmt;
use std::io;
use std::path::PathBuf;

/// A lab of its own could not be started, entered or ended.
#[derive(Debug)]
#[non_exhaustive]
pub enum KeeperError {
    /// This user may not make namespaces.
    Forbidden {
        /// Why, and what can be done about it.
        reason: String,
    },
    /// A lab is running already.
    Running {
        /// Its first process; none: it is just being started.
        pid: Option<u32>,
    },
    /// No lab is running.
    NotRunning,
    /// The running lab has no such station.
    NoStation {
        /// What was asked for.
        name: String,
        /// What there is.
        present: Vec<String>,
    },
    /// The folder that says which lab is running cannot be trusted.
    Folder {
        /// The folder.
        path: PathBuf,
        /// What is wrong with it.
        fault: &'static str,
    },
    /// The system refused something.
    System {
        /// What was tried, as it goes behind "cannot".
        attempt: String,
        /// What the system said.
        source: io::Error,
    },
}

impl KeeperError {
    /// Says what was tried, as it goes behind "cannot".
    pub(super) fn system(attempt: impl Into<String>) -> impl FnOnce(io::Error) -> Self {
        let attempt = attempt.into();
        move |source| Self::System { attempt, source }
    }
}

impl fmt::Display for KeeperError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Forbidden { reason } => write!(f, "this user may not make namespaces: {reason}"),
            Self::Running { pid: Some(pid) } => {
                write!(f, "a lab is running already (process {pid}); end it with: lab down")
            }
            Self::Running { pid: None } => f.write_str("a lab is just being started"),
            Self::NotRunning => f.write_str("no lab is running; start one with: lab up"),
            Self::NoStation { name, present } => {
                write!(f, "the lab has no {name:?}; there is {}", present.join(", "))
            }
            Self::Folder { path, fault } => {
                write!(f, "{} {fault}; remove it, or name another with XDG_RUNTIME_DIR", path.display())
            }
            Self::System { attempt, source } => write!(f, "cannot {attempt}: {source}"),
        }
    }
}

impl std::error::Error for KeeperError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::System { source, .. } => Some(source),
            _ => None,
        }
    }
}
