//! The errors that a daemon answers with, by name.

use std::fmt;

/// Why a daemon refused a request.
///
/// The wire carries the name, not a number (`xsd_errors` in `xs_wire.h`), so that both ends may differ in
/// their numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum ErrorCode {
    /// `EINVAL`: the request is malformed or the path is not allowed.
    Invalid,
    /// `EACCES`: the node may not be read or written by this domain, or only dom0 may ask for this.
    NotPermitted,
    /// `EEXIST`: the watch is there already.
    Exists,
    /// `EISDIR`: listed by the protocol; xenstored 4.17 does not use it.
    IsDirectory,
    /// `ENOENT`: no such node, watch, transaction or domain.
    NotFound,
    /// `ENOMEM`: the daemon is out of memory, or the transaction has failed before.
    OutOfMemory,
    /// `ENOSPC`: a quota of the domain is used up.
    OverQuota,
    /// `EIO`: the daemon's database failed.
    Io,
    /// `ENOTEMPTY`: listed by the protocol; xenstored 4.17 does not use it.
    NotEmpty,
    /// `ENOSYS`: the daemon does not know this type of request.
    NotSupported,
    /// `EROFS`: listed by the protocol; xenstored 4.17 does not use it.
    ReadOnly,
    /// `EBUSY`: a transaction inside a transaction.
    Busy,
    /// `EAGAIN`: something that the transaction read has changed since; begin again.
    Again,
    /// `EISCONN`: listed by the protocol; xenstored 4.17 does not use it.
    Connected,
    /// `E2BIG`: the reply does not fit in a message, or the domain has too many watches.
    TooBig,
    /// `EPERM`: only dom0 may give a node to another owner.
    NotOwner,
}

impl ErrorCode {
    /// All codes with their names, in the order of `xs_wire.h`.
    pub const ALL: [(Self, &'static str); 16] = [
        (Self::Invalid, "EINVAL"),
        (Self::NotPermitted, "EACCES"),
        (Self::Exists, "EEXIST"),
        (Self::IsDirectory, "EISDIR"),
        (Self::NotFound, "ENOENT"),
        (Self::OutOfMemory, "ENOMEM"),
        (Self::OverQuota, "ENOSPC"),
        (Self::Io, "EIO"),
        (Self::NotEmpty, "ENOTEMPTY"),
        (Self::NotSupported, "ENOSYS"),
        (Self::ReadOnly, "EROFS"),
        (Self::Busy, "EBUSY"),
        (Self::Again, "EAGAIN"),
        (Self::Connected, "EISCONN"),
        (Self::TooBig, "E2BIG"),
        (Self::NotOwner, "EPERM"),
    ];

    /// The name on the wire, such as `ENOENT`.
    #[must_use]
    pub fn name(self) -> &'static str {
        Self::ALL.iter().find(|(code, _)| *code == self).map_or("EINVAL", |(_, name)| name)
    }

    /// The code with this name; `None` for a name that the protocol does not list.
    #[must_use]
    pub fn from_name(name: &[u8]) -> Option<Self> {
        Self::ALL.iter().find(|(_, known)| known.as_bytes() == name).map(|(code, _)| *code)
    }

    /// What the code means, in words.
    #[must_use]
    pub const fn meaning(self) -> &'static str {
        match self {
            Self::Invalid => "the request or the path is not valid",
            Self::NotPermitted => "this domain has no permission",
            Self::Exists => "it exists already",
            Self::IsDirectory => "it is a directory",
            Self::NotFound => "it does not exist",
            Self::OutOfMemory => "the daemon is out of memory or the transaction has failed",
            Self::OverQuota => "a quota of this domain is used up",
            Self::Io => "the daemon's database failed",
            Self::NotEmpty => "it is not empty",
            Self::NotSupported => "the daemon does not know this request",
            Self::ReadOnly => "it is read-only",
            Self::Busy => "a transaction is open already",
            Self::Again => "what the transaction read has changed meanwhile",
            Self::Connected => "it is connected already",
            Self::TooBig => "the reply is too long for one message, or there are too many watches",
            Self::NotOwner => "only dom0 may change the owner",
        }
    }
}

impl fmt::Display for ErrorCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", self.name(), self.meaning())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_codes_match_both_ways() {
        for (code, name) in ErrorCode::ALL {
            assert_eq!(ErrorCode::from_name(name.as_bytes()), Some(code));
            assert_eq!(code.name(), name);
        }
        assert_eq!(ErrorCode::from_name(b"EBADF"), None);
        assert_eq!(ErrorCode::from_name(b""), None);
    }
}
