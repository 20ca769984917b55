//! What can go wrong between us and the kernel.

use std::fmt;
use std::io;

/// A thing that was tried, and why it failed.
#[derive(Debug)]
pub struct Error {
    attempt: String,
    cause: Cause,
}

/// "Interrupted system call should be restarted", which C libraries hide: it is the kernel's own number.
const ERESTART: i32 = 85;

/// Why the kernel did not do what it was asked, or was not understood.
#[derive(Debug)]
#[non_exhaustive]
pub enum Cause {
    /// The kernel refused.
    Refused {
        /// The `errno`.
        code: i32,
        /// The kernel's own sentence (extended acknowledgement), when it gave one.
        message: Option<String>,
    },
    /// A system call failed before the kernel looked at the request.
    System(io::Error),
    /// The kernel's answer is not what its documentation says.
    Malformed(&'static str),
    /// The table changed under each of many attempts to read it.
    Unsteady,
}

impl Error {
    /// Says what was tried, as it goes behind "cannot": "add vif1.0 to bridge xenbr0".
    #[must_use]
    pub fn new(attempt: impl fmt::Display, cause: Cause) -> Self {
        Self { attempt: attempt.to_string(), cause }
    }

    /// What was tried, as it goes behind "cannot".
    #[must_use]
    pub fn attempt(&self) -> &str {
        &self.attempt
    }

    /// Why it failed.
    #[must_use]
    pub fn cause(&self) -> &Cause {
        &self.cause
    }

    /// The `errno` of the refusal or of the system call, when there is one.
    #[must_use]
    pub fn code(&self) -> Option<i32> {
        self.cause.code()
    }

    /// True when the kernel says that the object, or a part of the request, does not exist.
    #[must_use]
    pub fn is_not_found(&self) -> bool {
        matches!(
            self.code(),
            Some(libc::ENODEV | libc::ENOENT | libc::ESRCH | libc::EADDRNOTAVAIL | libc::ENXIO)
        )
    }

    /// True when the kernel says that no route leads to what the request names.
    #[must_use]
    pub fn is_unreachable(&self) -> bool {
        matches!(self.code(), Some(libc::ENETUNREACH | libc::EHOSTUNREACH))
    }

    /// True when the kernel says that what the request was made for has changed meanwhile; made anew, it may succeed.
    #[must_use]
    pub fn is_stale(&self) -> bool {
        self.code() == Some(ERESTART)
    }

    /// True when the kernel says that something else still needs it.
    #[must_use]
    pub fn is_busy(&self) -> bool {
        self.code() == Some(libc::EBUSY)
    }

    /// True when the kernel says that it exists already.
    #[must_use]
    pub fn is_exists(&self) -> bool {
        self.code() == Some(libc::EEXIST)
    }
}

impl Cause {
    pub(crate) fn code(&self) -> Option<i32> {
        match self {
            Self::Refused { code, .. } => Some(*code),
            Self::System(error) => error.raw_os_error(),
            Self::Malformed(_) | Self::Unsteady => None,
        }
    }
}

impl From<io::Error> for Cause {
    fn from(error: io::Error) -> Self {
        Self::System(error)
    }
}

/// Puts words to a failure: what was tried goes behind "cannot".
pub(crate) trait Context<T> {
    fn attempting(self, attempt: impl FnOnce() -> String) -> Result<T, Error>;
}

impl<T, E: Into<Cause>> Context<T> for Result<T, E> {
    fn attempting(self, attempt: impl FnOnce() -> String) -> Result<T, Error> {
        self.map_err(|cause| Error::new(attempt(), cause.into()))
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "cannot {}: {}", self.attempt, self.cause)
    }
}

impl std::error::Error for Error {}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Refused { code, message: None } => f.write_str(&describe(*code)),
            Self::Refused { code, message: Some(message) } => {
                write!(f, "{} ({})", describe(*code), message.trim_end_matches('.'))
            }
            Self::System(error) => match error.raw_os_error() {
                Some(code) => f.write_str(&describe(code)),
                None => error.fmt(f),
            },
            Self::Malformed(what) => write!(f, "the kernel's answer makes no sense: {what}"),
            Self::Unsteady => f.write_str("the table kept changing while it was read"),
        }
    }
}

/// The C library's words for an `errno`, without the number that `io::Error` adds.
fn describe(code: i32) -> String {
    let mut text = io::Error::from_raw_os_error(code).to_string();
    if let Some(end) = text.rfind(" (os error ") {
        text.truncate(end);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_says_what_was_tried_and_what_the_kernel_said() {
        let error = Error::new(
            "add vif1.0 to bridge xenbr0",
            Cause::Refused { code: libc::EBUSY, message: Some("Device is already a port.".into()) },
        );
        let text = error.to_string();
        assert!(text.starts_with("cannot add vif1.0 to bridge xenbr0: "), "{text}");
        assert!(text.ends_with("(Device is already a port)"), "{text}");
        assert!(!text.contains("os error"), "{text}");
    }
}
