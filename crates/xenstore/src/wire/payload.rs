//! How payloads are put together and taken apart: strings that end in NUL, at times with raw bytes behind
//! them.

use std::fmt;

use super::{Header, PAYLOAD_MAX};

/// A payload that would be longer than [`PAYLOAD_MAX`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TooLong {
    /// Bytes that the payload would have.
    pub len: usize,
}

impl fmt::Display for TooLong {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "a payload of {} bytes is longer than the {PAYLOAD_MAX} bytes of a message", self.len)
    }
}

impl std::error::Error for TooLong {}

/// Appends one message to `out`; its payload is the `parts`, one after the other. `header.len` is filled in.
///
/// Nothing is appended when the payload is too long.
pub fn push_message(out: &mut Vec<u8>, header: Header, parts: &[&[u8]]) -> Result<(), TooLong> {
    let len = parts.iter().map(|part| part.len()).sum::<usize>();
    let header = match u32::try_from(len) {
        Ok(short) if len <= PAYLOAD_MAX => Header { len: short, ..header },
        _ => return Err(TooLong { len }),
    };
    out.extend_from_slice(&header.encode());
    for part in parts {
        out.extend_from_slice(part);
    }
    Ok(())
}

/// The strings of a payload that end in NUL. Bytes behind the last NUL are not a string and are left out.
///
/// ```
/// let strings: Vec<&[u8]> = xenstore::wire::strings(b"a\0bc\0rest").collect();
/// assert_eq!(strings, [&b"a"[..], b"bc"]);
/// ```
pub fn strings(payload: &[u8]) -> impl Iterator<Item = &[u8]> {
    payload.split_inclusive(|byte| *byte == 0).filter_map(|string| string.strip_suffix(b"\0"))
}

/// The one string of a payload that must be a single string with its only NUL at the end.
#[must_use]
pub fn single_string(payload: &[u8]) -> Option<&[u8]> {
    payload.strip_suffix(b"\0").filter(|string| !string.contains(&0))
}

/// A payload of strings, each followed by a NUL.
pub fn join_strings<'a>(strings: impl IntoIterator<Item = &'a [u8]>) -> Vec<u8> {
    let mut payload = Vec::new();
    for string in strings {
        payload.extend_from_slice(string);
        payload.push(0);
    }
    payload
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_of_exactly_the_limit_passes_and_one_byte_more_leaves_no_trace() {
        let mut out = Vec::new();
        push_message(&mut out, Header::default(), &[&[0; PAYLOAD_MAX - 1], b"x"]).unwrap();
        assert_eq!(out.len(), super::super::MESSAGE_MAX);
        let refused = push_message(&mut out, Header::default(), &[&[0; PAYLOAD_MAX], b"x"]);
        assert_eq!(refused, Err(TooLong { len: PAYLOAD_MAX + 1 }));
        assert_eq!(out.len(), super::super::MESSAGE_MAX);
    }

    #[test]
    fn a_single_string_has_its_only_nul_at_the_end() {
        assert_eq!(single_string(b"a\0"), Some(&b"a"[..]));
        assert_eq!(single_string(b"\0"), Some(&b""[..]));
        assert_eq!(single_string(b""), None);
        assert_eq!(single_string(b"a"), None);
        assert_eq!(single_string(b"a\0b\0"), None);
        assert_eq!(single_string(b"a\0b"), None);
    }

    #[test]
    fn joined_strings_come_apart_again() {
        let payload = join_strings([&b"a"[..], b"", b"c"]);
        assert_eq!(payload, b"a\0\0c\0");
        assert_eq!(strings(&payload).collect::<Vec<_>>(), [&b"a"[..], b"", b"c"]);
    }
}
