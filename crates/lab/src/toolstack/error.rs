//! Why the toolstack could not do what it was asked.

use std::fmt;
use std::time::Duration;

use super::script::ScriptRun;
use crate::Error;
use crate::xenbus::{VifId, XenbusState};

/// An operation of the toolstack failed.
#[derive(Debug)]
#[non_exhaustive]
pub enum ToolstackError {
    /// There is no such domain.
    NoDomain {
        /// Its number.
        domid: u32,
    },
    /// There is a domain of that name already.
    NameTaken {
        /// The name.
        name: String,
        /// The domain that has it.
        domid: u32,
    },
    /// There is no such interface.
    NoVif {
        /// The interface.
        vif: VifId,
    },
    /// There is an interface with that number already.
    VifExists {
        /// The interface.
        vif: VifId,
    },
    /// The domain that shall serve an interface does not exist.
    NoBackend {
        /// How it was called.
        name: String,
    },
    /// The backend did not get where it should.
    Backend {
        /// The interface.
        vif: VifId,
        /// Where it should get.
        wanted: XenbusState,
        /// Where it is; none: its nodes are gone.
        found: Option<XenbusState>,
        /// How long it was waited for.
        waited: Duration,
        /// What the backend's kernel says about it.
        said: Option<String>,
    },
    /// The script failed.
    Script {
        /// The interface.
        vif: VifId,
        /// What happened.
        run: Box<ScriptRun>,
        /// What the script wrote to `hotplug-error`.
        hotplug_error: Option<String>,
    },
    /// The script did not say how it ended (xend's manner only).
    NoStatus {
        /// The interface.
        vif: VifId,
        /// How long it was waited for.
        waited: Duration,
    },
    /// Part of the lab failed.
    Lab(Error),
}

impl ToolstackError {
    /// The run of the script, when that is what failed.
    #[must_use]
    pub fn script(&self) -> Option<&ScriptRun> {
        match self {
            Self::Script { run, .. } => Some(run),
            _ => None,
        }
    }

    /// What the script wrote to `hotplug-error`.
    #[must_use]
    pub fn hotplug_error(&self) -> Option<&str> {
        match self {
            Self::Script { hotplug_error, .. } => hotplug_error.as_deref(),
            _ => None,
        }
    }
}

impl fmt::Display for ToolstackError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoDomain { domid } => write!(f, "there is no domain {domid}"),
            Self::NameTaken { name, domid } => write!(f, "domain {domid} is called {name:?} already"),
            Self::NoVif { vif } => write!(f, "there is no {vif}"),
            Self::VifExists { vif } => write!(f, "there is a {vif} already"),
            Self::NoBackend { name } => write!(f, "there is no domain {name:?} to serve the interface"),
            Self::Backend { vif, wanted, found, waited, said } => {
                write!(f, "the backend of {vif} did not get to state {wanted} in {waited:?}: ")?;
                match found {
                    Some(found) => write!(f, "it is in state {found}")?,
                    None => f.write_str("its nodes are gone")?,
                }
                said.as_ref().map_or(Ok(()), |said| write!(f, " ({said})"))
            }
            Self::Script { vif, run, hotplug_error } => {
                write!(f, "{vif}: {run}")?;
                hotplug_error.as_ref().map_or(Ok(()), |error| write!(f, ": {error}"))
            }
            Self::NoStatus { vif, waited } => {
                write!(f, "no script has said within {waited:?} whether {vif} is connected")
            }
            Self::Lab(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for ToolstackError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Lab(error) => Some(error),
            _ => None,
        }
    }
}

impl From<Error> for ToolstackError {
    fn from(error: Error) -> Self {
        Self::Lab(error)
    }
}

impl From<xenstore::Error> for ToolstackError {
    fn from(error: xenstore::Error) -> Self {
        Self::Lab(error.into())
    }
}
