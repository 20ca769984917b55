//! Reading netlink attributes.

use std::borrow::Cow;

use super::message::ATTRIBUTE_HEADER_LENGTH;

/// The two top bits of an attribute's type say "nested" and "network byte order"; they are no part of its number.
const NLA_TYPE_MASK: u16 = 0x3fff;

/// The attributes in a run of bytes: (type without its flag bits, payload).
///
/// Ends at the first attribute that does not fit, as the kernel's own walker does.
#[derive(Clone, Debug)]
pub struct Attributes<'a> {
    rest: &'a [u8],
}

impl<'a> Attributes<'a> {
    /// Walks the attributes in `bytes`.
    #[must_use]
    pub fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes }
    }

    /// The payload of the first attribute of this type.
    #[must_use]
    pub fn find(mut self, kind: u16) -> Option<&'a [u8]> {
        self.find_map(|(this, payload)| (this == kind).then_some(payload))
    }
}

impl<'a> Iterator for Attributes<'a> {
    type Item = (u16, &'a [u8]);

    // A list of thousands of devices has hundreds of thousands of attributes.
    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        let length = usize::from(u16_of(self.rest)?);
        let kind = u16_of(self.rest.get(2..)?)? & NLA_TYPE_MASK;
        let payload = self.rest.get(ATTRIBUTE_HEADER_LENGTH..length)?;
        // The last attribute may come without its padding.
        self.rest = self.rest.get(length.next_multiple_of(4)..).unwrap_or_default();
        Some((kind, payload))
    }
}

/// The payload as an integer in the machine's byte order; none when it is too short.
#[must_use]
pub fn u16_of(payload: &[u8]) -> Option<u16> {
    payload.first_chunk().copied().map(u16::from_ne_bytes)
}

/// The payload as an integer in the machine's byte order; none when it is too short.
#[must_use]
pub fn u32_of(payload: &[u8]) -> Option<u32> {
    payload.first_chunk().copied().map(u32::from_ne_bytes)
}

/// The payload as an integer in network byte order; none when it is too short.
#[must_use]
pub fn u32_be_of(payload: &[u8]) -> Option<u32> {
    payload.first_chunk().copied().map(u32::from_be_bytes)
}

/// The payload as an integer in the machine's byte order; none when it is too short.
#[must_use]
pub fn u64_of(payload: &[u8]) -> Option<u64> {
    payload.first_chunk().copied().map(u64::from_ne_bytes)
}

/// The payload as an integer in network byte order; none when it is too short.
#[must_use]
pub fn u64_be_of(payload: &[u8]) -> Option<u64> {
    payload.first_chunk().copied().map(u64::from_be_bytes)
}

/// The payload up to its first NUL, as text. Bytes that are no UTF-8, which device names may have, are replaced.
#[must_use]
pub fn string_of(payload: &[u8]) -> String {
    text_of(payload).into_owned()
}

/// The same, copied only where bytes are replaced.
#[must_use]
pub fn text_of(payload: &[u8]) -> Cow<'_, str> {
    let end = payload.iter().position(|&byte| byte == 0).unwrap_or(payload.len());
    let text = &payload[..end];
    // Nearly always it is text, and then there is no more to look at.
    str::from_utf8(text).map_or_else(|_| String::from_utf8_lossy(text), Cow::Borrowed)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_length_beyond_the_end_ends_the_walk() {
        let bytes = [8, 0, 1, 0, 1, 2, 3, 4, 9, 0, 2, 0, 5];
        assert_eq!(Attributes::new(&bytes).collect::<Vec<_>>(), [(1, &[1, 2, 3, 4][..])]);
    }

    #[test]
    fn a_length_below_the_header_ends_the_walk() {
        assert_eq!(Attributes::new(&[3, 0, 1, 0, 0, 0, 0, 0]).next(), None);
    }

    proptest! {
        #[test]
        fn any_bytes_are_walked_to_an_end(bytes: Vec<u8>) {
            prop_assert!(Attributes::new(&bytes).count() <= bytes.len() / 4);
        }
    }
}
