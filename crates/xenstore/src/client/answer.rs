//! The forms that answers have.

use super::error::{Error, Violation};
use crate::permissions::Permissions;
use crate::wire::{self, ErrorCode, MessageType};

/// What the daemon said to one request.
pub type Reply<'a> = Result<&'a [u8], ErrorCode>;

/// Why a reply gives no answer.
#[derive(Debug)]
pub enum Refusal {
    /// The daemon refused.
    Code(ErrorCode),
    /// The payload is not of the form that it should have.
    Malformed,
    /// The value is not text.
    NotText {
        /// Bytes before the first one that is not UTF-8.
        valid_up_to: usize,
    },
}

impl From<ErrorCode> for Refusal {
    fn from(code: ErrorCode) -> Self {
        Self::Code(code)
    }
}

impl Refusal {
    pub(super) fn into_error(self, operation: MessageType, path: &str, address: &std::path::Path) -> Error {
        match self {
            Self::Code(code) => Error::Refused { operation, path: path.into(), code },
            Self::NotText { valid_up_to } => Error::NotText { path: path.into(), valid_up_to },
            Self::Malformed => super::connection::protocol_error(address, Violation::Payload { operation }),
        }
    }
}

/// A form that an answer has; the marker of a [`Ticket`](super::Ticket).
pub trait Answer {
    /// What the caller gets.
    type Output<'a>;

    /// Reads the answer from the reply.
    fn read(reply: Reply<'_>) -> Result<Self::Output<'_>, Refusal>;
}

/// Whether there is such a node, apart from all other refusals.
fn present(reply: Reply<'_>) -> Result<Option<&[u8]>, Refusal> {
    match reply {
        Ok(payload) => Ok(Some(payload)),
        Err(ErrorCode::NotFound) => Ok(None),
        Err(code) => Err(code.into()),
    }
}

fn text(bytes: &[u8]) -> Result<&str, Refusal> {
    str::from_utf8(bytes).map_err(|error| Refusal::NotText { valid_up_to: error.valid_up_to() })
}

/// The one string of a reply that is made of a single string.
fn single(reply: Reply<'_>) -> Result<&str, Refusal> {
    text(wire::single_string(reply?).ok_or(Refusal::Malformed)?)
}

/// The request was carried out.
#[derive(Debug)]
pub enum Done {}

impl Answer for Done {
    type Output<'a> = ();

    fn read(reply: Reply<'_>) -> Result<(), Refusal> {
        reply.map(|_| ()).map_err(Refusal::Code)
    }
}

/// The node is gone, whether or not it was there before.
#[derive(Debug)]
pub enum Removed {}

impl Answer for Removed {
    type Output<'a> = ();

    fn read(reply: Reply<'_>) -> Result<(), Refusal> {
        present(reply).map(|_| ())
    }
}

/// A node's value; `None` when there is no such node.
#[derive(Debug)]
pub enum Value {}

impl Answer for Value {
    type Output<'a> = Option<&'a [u8]>;

    fn read(reply: Reply<'_>) -> Result<Option<&[u8]>, Refusal> {
        present(reply)
    }
}

/// A node's value as text; `None` when there is no such node.
#[derive(Debug)]
pub enum Text {}

impl Answer for Text {
    type Output<'a> = Option<&'a str>;

    fn read(reply: Reply<'_>) -> Result<Option<&str>, Refusal> {
        present(reply)?.map(text).transpose()
    }
}

/// The names of a node's children; `None` when there is no such node.
#[derive(Debug)]
pub enum Names {}

impl Answer for Names {
    type Output<'a> = Option<Vec<&'a str>>;

    fn read(reply: Reply<'_>) -> Result<Option<Vec<&str>>, Refusal> {
        present(reply)?.map(names).transpose()
    }
}

fn names(payload: &[u8]) -> Result<Vec<&str>, Refusal> {
    if payload.last().is_some_and(|last| *last != 0) {
        return Err(Refusal::Malformed);
    }
    wire::strings(payload).map(text).collect()
}

/// A node's permissions; `None` when there is no such node.
#[derive(Debug)]
pub enum Entries {}

impl Answer for Entries {
    type Output<'a> = Option<Permissions>;

    fn read(reply: Reply<'_>) -> Result<Option<Permissions>, Refusal> {
        let Some(payload) = present(reply)? else {
            return Ok(None);
        };
        Permissions::decode(payload).map(Some).map_err(|_| Refusal::Malformed)
    }
}

/// A part of a list of children.
#[derive(Debug)]
pub enum Part {}

/// A part of a list of children, and whether it is the last.
#[derive(Debug)]
pub struct DirectoryPart<'a> {
    /// Changes with every change of the list.
    pub generation: &'a [u8],
    /// The names of this part.
    pub names: Vec<&'a str>,
    /// Bytes of the list that this part covers.
    pub len: usize,
    /// Whether the list ends with this part.
    pub last: bool,
}

impl Answer for Part {
    type Output<'a> = Option<DirectoryPart<'a>>;

    fn read(reply: Reply<'_>) -> Result<Option<DirectoryPart<'_>>, Refusal> {
        let Some(payload) = present(reply)? else {
            return Ok(None);
        };
        let end = payload.iter().position(|byte| *byte == 0).ok_or(Refusal::Malformed)?;
        let (generation, rest) = payload.split_at(end);
        let list = rest.strip_prefix(b"\0").unwrap_or_default();
        // An empty string marks the end of the list; a name is never empty.
        let last = list == b"\0" || list.ends_with(b"\0\0");
        let list = if last { list.strip_suffix(b"\0").unwrap_or_default() } else { list };
        if !last && list.is_empty() {
            return Err(Refusal::Malformed);
        }
        Ok(Some(DirectoryPart { generation, names: names(list)?, len: list.len(), last }))
    }
}

/// A decimal number: the id of a transaction.
#[derive(Debug)]
pub enum Number {}

impl Answer for Number {
    type Output<'a> = u32;

    fn read(reply: Reply<'_>) -> Result<u32, Refusal> {
        single(reply)?.parse().map_err(|_| Refusal::Malformed)
    }
}

/// A single string, without its NUL: the path of a domain.
#[derive(Debug)]
pub enum Line {}

impl Answer for Line {
    type Output<'a> = &'a str;

    fn read(reply: Reply<'_>) -> Result<&str, Refusal> {
        single(reply)
    }
}

/// `T` or `F`.
#[derive(Debug)]
pub enum Truth {}

impl Answer for Truth {
    type Output<'a> = bool;

    fn read(reply: Reply<'_>) -> Result<bool, Refusal> {
        match single(reply)? {
            "T" => Ok(true),
            "F" => Ok(false),
            _ => Err(Refusal::Malformed),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MISSING: Reply<'_> = Err(ErrorCode::NotFound);

    #[test]
    fn a_missing_node_is_an_answer_and_not_a_failure() {
        assert!(matches!(Value::read(MISSING), Ok(None)));
        assert!(matches!(Names::read(MISSING), Ok(None)));
        assert!(matches!(Entries::read(MISSING), Ok(None)));
        assert!(matches!(Removed::read(MISSING), Ok(())));
        assert!(matches!(Done::read(MISSING), Err(Refusal::Code(ErrorCode::NotFound))));
    }

    #[test]
    fn parts_of_lists_tell_whether_they_are_the_last() {
        let part = Part::read(Ok(b"12\0a\0b\0")).unwrap().unwrap();
        assert_eq!((part.generation, part.len, part.last), (&b"12"[..], 4, false));
        assert_eq!(part.names, ["a", "b"]);
        let part = Part::read(Ok(b"12\0a\0\0")).unwrap().unwrap();
        assert_eq!((part.names, part.len, part.last), (vec!["a"], 2, true));
        let part = Part::read(Ok(b"12\0\0")).unwrap().unwrap();
        assert_eq!((part.names.len(), part.len, part.last), (0, 0, true));
    }

    #[test]
    fn a_part_that_would_never_end_the_list_is_refused() {
        assert!(matches!(Part::read(Ok(b"12\0")), Err(Refusal::Malformed)));
        assert!(matches!(Part::read(Ok(b"12")), Err(Refusal::Malformed)));
        assert!(matches!(Part::read(Ok(b"")), Err(Refusal::Malformed)));
    }

    #[test]
    fn a_list_of_names_ends_with_a_nul() {
        assert!(matches!(Names::read(Ok(b"")), Ok(Some(names)) if names.is_empty()));
        assert!(matches!(Names::read(Ok(b"a\0b\0")), Ok(Some(names)) if names == ["a", "b"]));
        assert!(matches!(Names::read(Ok(b"a\0b")), Err(Refusal::Malformed)));
    }

    #[test]
    fn numbers_and_truths_are_single_strings() {
        assert!(matches!(Number::read(Ok(b"17\0")), Ok(17)));
        assert!(matches!(Truth::read(Ok(b"F\0")), Ok(false)));
        for payload in [&b"17"[..], b"", b"T\0T\0", b"\xff\0", b"-1\0"] {
            assert!(Number::read(Ok(payload)).is_err());
            assert!(Truth::read(Ok(payload)).is_err());
        }
    }
}
