//! What can go wrong when asking a daemon.

use std::fmt;
use std::io;
use std::path::PathBuf;
use std::time::Duration;

use super::address::OpenError;
use crate::path::PathError;
use crate::wire::{DecodeError, ErrorCode, MessageType};

/// Why a request, or the talk with the daemon, failed.
///
/// [`code`](Self::code) tells refusals by the daemon from the rest. After any error that is not about a
/// single request the connection is of no use any more ([`Error::Broken`]).
#[derive(Debug)]
#[non_exhaustive]
pub enum Error {
    /// No daemon could be reached.
    Open(OpenError),
    /// The daemon refused a request.
    Refused {
        /// The request.
        operation: MessageType,
        /// The path that it was about; for requests about a domain its id; else empty.
        path: Box<str>,
        /// The daemon's answer.
        code: ErrorCode,
    },
    /// A path breaks the rules; nothing was sent.
    Path(PathError),
    /// A request does not fit in a message; nothing was sent.
    TooLong {
        /// The request.
        operation: MessageType,
        /// Bytes of its payload.
        len: usize,
        /// Bytes allowed: 4096 on a socket, 16 less on a device.
        max: usize,
    },
    /// A token of a watch holds a NUL; nothing was sent.
    Token(String),
    /// Reading or writing the connection failed.
    Connection {
        /// The socket or device.
        address: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The daemon closed the connection.
    Closed {
        /// The socket or device.
        address: PathBuf,
    },
    /// The daemon did not answer in time.
    Timeout {
        /// The socket or device.
        address: PathBuf,
        /// The time that it was given.
        limit: Duration,
    },
    /// The daemon did not keep to the protocol.
    Protocol {
        /// The socket or device.
        address: PathBuf,
        /// What it did.
        violation: Violation,
    },
    /// The connection failed before; open a new one.
    Broken {
        /// The socket or device.
        address: PathBuf,
    },
    /// A value, or a name from the daemon, is not text.
    NotText {
        /// The node.
        path: Box<str>,
        /// Bytes before the first one that is not UTF-8.
        valid_up_to: usize,
    },
    /// Others changed what the transaction read, each time it was tried.
    Conflict {
        /// How often it was tried.
        attempts: u32,
    },
    /// The list of children changed each time while it was read in parts.
    Unstable {
        /// The node.
        path: Box<str>,
    },
    /// A tree has more nodes than the caller allowed.
    TooManyNodes {
        /// The top of the tree.
        path: Box<str>,
        /// Nodes allowed.
        limit: usize,
    },
    /// More events came than were fetched; some are lost, so anything under the watches may have changed.
    EventsLost,
    /// A ticket was shown to the replies of another batch.
    WrongTicket,
}

/// What a daemon did against the protocol.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Violation {
    /// It announced a payload that is too long.
    Stream(DecodeError),
    /// It answered a request that was not asked, or twice.
    UnexpectedReply {
        /// The id in the reply.
        req_id: u32,
    },
    /// It answered with another type than was asked for.
    WrongType {
        /// The request.
        operation: MessageType,
        /// The number of the type that came.
        message_type: u32,
    },
    /// It refused with an error that the protocol does not list.
    UnknownError {
        /// The request.
        operation: MessageType,
        /// What it said.
        name: String,
    },
    /// The payload of a reply or event is not of the form that it should have.
    Payload {
        /// The request, or [`MessageType::WatchEvent`].
        operation: MessageType,
    },
}

impl Error {
    /// The daemon's code if it refused the request.
    #[must_use]
    pub const fn code(&self) -> Option<ErrorCode> {
        match self {
            Self::Refused { code, .. } => Some(*code),
            _ => None,
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Open(error) => error.fmt(f),
            Self::Refused { operation, path, code } if path.is_empty() => {
                write!(f, "xenstore refused {operation}: {code}")
            }
            Self::Refused { operation, path, code } => {
                write!(f, "xenstore refused {operation} of {path:?}: {code}")
            }
            Self::Path(error) => error.fmt(f),
            Self::TooLong { operation, len, max } => {
                write!(f, "a {operation} with {len} bytes does not fit in a message, which holds {max}")
            }
            Self::Token(token) => write!(f, "the watch token {token:?} contains a NUL"),
            Self::Connection { address, source } => {
                write!(f, "the connection to xenstore at {} failed: {source}", address.display())
            }
            Self::Closed { address } => {
                write!(f, "xenstore closed the connection at {}", address.display())
            }
            Self::Timeout { address, limit } => {
                write!(f, "xenstore at {} did not answer within {limit:?}", address.display())
            }
            Self::Protocol { address, violation } => {
                write!(f, "xenstore at {} broke the protocol: {violation}", address.display())
            }
            Self::Broken { address } => {
                write!(f, "the connection to xenstore at {} failed before", address.display())
            }
            Self::NotText { path, valid_up_to } => {
                write!(f, "{path:?} in xenstore is not text (after {valid_up_to} bytes)")
            }
            Self::Conflict { attempts } => {
                write!(f, "the xenstore transaction met changes by others {attempts} times in a row")
            }
            Self::Unstable { path } => {
                write!(f, "the children of {path:?} in xenstore changed each time they were listed")
            }
            Self::TooManyNodes { path, limit } => {
                write!(f, "{path:?} in xenstore has more than {limit} nodes below it")
            }
            Self::EventsLost => f.write_str("xenstore sent more events than were fetched; some are lost"),
            Self::WrongTicket => f.write_str("the ticket belongs to another batch of requests"),
        }
    }
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Stream(error) => error.fmt(f),
            Self::UnexpectedReply { req_id } => {
                write!(f, "it answered request {req_id}, which nobody waits for")
            }
            Self::WrongType { operation, message_type } => {
                write!(f, "it answered {operation} with type {message_type}")
            }
            Self::UnknownError { operation, name } => {
                write!(f, "it refused {operation} with the unknown error {name:?}")
            }
            Self::Payload { operation } => write!(f, "the payload of its {operation} is malformed"),
        }
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Connection { source, .. } => Some(source),
            _ => None,
        }
    }
}

impl From<PathError> for Error {
    fn from(error: PathError) -> Self {
        Self::Path(error)
    }
}

impl From<OpenError> for Error {
    fn from(error: OpenError) -> Self {
        Self::Open(error)
    }
}
