//! Cuts a stream of bytes into messages.

use std::fmt;

use super::{HEADER_LEN, Header, MESSAGE_MAX, PAYLOAD_MAX};

/// One message of the stream; the payload stays in the decoder's buffer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Message<'a> {
    /// The header as it came.
    pub header: Header,
    /// `header.len` bytes.
    pub payload: &'a [u8],
}

/// The stream announced a payload that is too long: it cannot be followed any further.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DecodeError {
    /// The header that announced it.
    pub header: Header,
    /// The most bytes of payload that are taken.
    pub max: usize,
}

impl fmt::Display for DecodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Header { len, message_type, req_id, .. } = self.header;
        let max = self.max;
        write!(
            f,
            "the stream announced {len} bytes of payload (type {message_type}, request {req_id}), \
             {max} are taken"
        )
    }
}

impl std::error::Error for DecodeError {}

/// Cuts a stream of bytes into messages, however the bytes arrive.
///
/// The buffer is allocated with the first use. It grows only with bytes that have come, never with what the
/// stream claims, and never beyond the longest message that is taken.
///
/// ```
/// use xenstore::wire::{Decoder, Header, push_message};
///
/// let mut stream = Vec::new();
/// push_message(&mut stream, Header { message_type: 2, req_id: 1, ..Header::default() }, &[b"/tool\0"])?;
///
/// let mut decoder = Decoder::new();
/// for byte in &stream {
///     assert_eq!(decoder.next_message()?, None);
///     assert_eq!(decoder.fill(&[*byte]), 1);
/// }
/// assert_eq!(decoder.next_message()?.map(|message| message.payload), Some(&b"/tool\0"[..]));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct Decoder {
    buffer: Vec<u8>,
    capacity: usize,
    payload_max: usize,
    /// The bytes that have come and are not yet handed out: `start..end`.
    start: usize,
    end: usize,
}

impl Default for Decoder {
    fn default() -> Self {
        Self::new()
    }
}

impl Decoder {
    /// A decoder with room for four of the longest messages of the protocol.
    #[must_use]
    pub const fn new() -> Self {
        Self::with_capacity(4 * MESSAGE_MAX)
    }

    /// A decoder with a buffer of `capacity` bytes, at least [`MESSAGE_MAX`].
    #[must_use]
    pub const fn with_capacity(capacity: usize) -> Self {
        let capacity = if capacity < MESSAGE_MAX { MESSAGE_MAX } else { capacity };
        Self { buffer: Vec::new(), capacity, payload_max: PAYLOAD_MAX, start: 0, end: 0 }
    }

    /// The same decoder, but it takes payloads of up to `payload_max` bytes, at least [`PAYLOAD_MAX`].
    ///
    /// Daemons exist that do not keep to the protocol's limit in their replies.
    #[must_use]
    pub const fn with_payload_max(mut self, payload_max: usize) -> Self {
        self.payload_max = if payload_max < PAYLOAD_MAX { PAYLOAD_MAX } else { payload_max };
        self
    }

    /// Where the next bytes of the stream belong; [`advance`](Self::advance) says how many were put there.
    ///
    /// It is empty only while [`next_message`](Self::next_message) has something to say.
    pub fn spare(&mut self) -> &mut [u8] {
        if self.buffer.is_empty() {
            self.buffer = vec![0; self.capacity];
        }
        if self.start == self.end {
            (self.start, self.end) = (0, 0);
        } else if self.buffer.len() - self.end < MESSAGE_MAX && self.start > 0 {
            self.buffer.copy_within(self.start..self.end, 0);
            (self.start, self.end) = (0, self.end - self.start);
        }
        if self.end == self.buffer.len() && !self.has_message() {
            // A message longer than the buffer. Doubled, so that what is not sent is not paid for.
            let longest = HEADER_LEN + self.payload_max;
            self.buffer.resize(longest.min(2 * self.buffer.len()), 0);
        }
        self.buffer.get_mut(self.end..).unwrap_or_default()
    }

    /// Takes in the first `count` bytes of [`spare`](Self::spare). More than there is room for counts as all
    /// of it.
    pub fn advance(&mut self, count: usize) {
        self.end = self.end.saturating_add(count).min(self.buffer.len());
    }

    /// Copies as much of `bytes` as there is room for and says how much that was.
    pub fn fill(&mut self, bytes: &[u8]) -> usize {
        let spare = self.spare();
        let count = bytes.len().min(spare.len());
        for (place, byte) in spare.iter_mut().zip(bytes) {
            *place = *byte;
        }
        self.advance(count);
        count
    }

    /// The next whole message; `None` when more bytes are needed.
    ///
    /// After an error every further call gives the same error.
    pub fn next_message(&mut self) -> Result<Option<Message<'_>>, DecodeError> {
        let Some(header) = self.pending_header() else {
            return Ok(None);
        };
        let len = header.len as usize;
        if len > self.payload_max {
            return Err(DecodeError { header, max: self.payload_max });
        }
        let from = self.start + HEADER_LEN;
        let to = from + len;
        if to > self.end {
            return Ok(None);
        }
        self.start = to;
        Ok(self.buffer.get(from..to).map(|payload| Message { header, payload }))
    }

    /// Whether [`next_message`](Self::next_message) has something to say without further bytes.
    #[must_use]
    pub fn has_message(&self) -> bool {
        self.pending_header().is_some_and(|header| {
            let len = header.len as usize;
            len > self.payload_max || self.end - self.start >= HEADER_LEN + len
        })
    }

    fn pending_header(&self) -> Option<Header> {
        let waiting = self.buffer.get(self.start..self.end)?;
        waiting.first_chunk::<HEADER_LEN>().map(Header::decode)
    }
}

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::prelude::*;

    use super::super::push_message;
    use super::*;

    fn message(req_id: u32, payload: &[u8]) -> Vec<u8> {
        let mut bytes = Vec::new();
        push_message(&mut bytes, Header { message_type: 2, req_id, ..Header::default() }, &[payload])
            .unwrap();
        bytes
    }

    #[test]
    fn an_announced_length_over_the_limit_ends_the_stream_for_good() {
        let header = Header { len: 4097, ..Header::default() };
        let mut decoder = Decoder::new();
        decoder.fill(&header.encode());
        assert!(decoder.has_message());
        assert_eq!(decoder.next_message(), Err(DecodeError { header, max: PAYLOAD_MAX }));
        decoder.fill(&[0; 5000]);
        assert_eq!(decoder.next_message(), Err(DecodeError { header, max: PAYLOAD_MAX }));
    }

    #[test]
    fn the_buffer_never_grows_beyond_its_capacity() {
        let mut decoder = Decoder::with_capacity(0);
        let long = message(1, &[7; PAYLOAD_MAX]);
        assert_eq!(decoder.fill(&[&long[..], &long].concat()), MESSAGE_MAX);
        assert_eq!(decoder.fill(b"x"), 0, "a whole message waits");
        assert_eq!(decoder.next_message().unwrap().unwrap().payload, [7; PAYLOAD_MAX]);
        assert_eq!(decoder.fill(&long), MESSAGE_MAX);
        assert_eq!(decoder.buffer.len(), MESSAGE_MAX);
    }

    #[test]
    fn a_longer_payload_is_taken_where_it_is_allowed_and_paid_for_as_it_comes() {
        let header = Header { len: 100_000, ..Header::default() };
        let payload = vec![7; 100_000];
        let stream = [&header.encode()[..], &payload].concat();
        let mut decoder = Decoder::with_capacity(0).with_payload_max(100_000);
        let mut rest = &stream[..];
        while !rest.is_empty() {
            assert_eq!(decoder.next_message(), Ok(None));
            assert!(decoder.buffer.len() <= (2 * (stream.len() - rest.len())).max(MESSAGE_MAX));
            let taken = decoder.fill(rest);
            assert_ne!(taken, 0);
            rest = &rest[taken..];
        }
        assert_eq!(decoder.next_message().unwrap().unwrap().payload, payload);
        decoder.fill(&Header { len: 100_001, ..header }.encode());
        assert!(decoder.next_message().is_err());
    }

    #[test]
    fn room_is_made_while_a_part_of_a_message_waits() {
        let mut decoder = Decoder::with_capacity(MESSAGE_MAX);
        let stream = [message(1, &[1; 3000]), message(2, &[2; 3000])].concat();
        let taken = decoder.fill(&stream);
        assert_eq!(decoder.next_message().unwrap().unwrap().header.req_id, 1);
        assert_eq!(decoder.next_message().unwrap(), None);
        assert_eq!(decoder.fill(&stream[taken..]), stream.len() - taken);
        assert_eq!(decoder.next_message().unwrap().unwrap().payload, [2; 3000]);
    }

    proptest! {
        #[test]
        fn messages_come_out_as_they_went_in_however_the_stream_is_cut(
            payloads in vec(vec(any::<u8>(), 0..PAYLOAD_MAX), 0..6),
            cuts in vec(1_usize..5000, 1..50),
        ) {
            let messages = payloads.iter().zip(0..).map(|(payload, req_id)| message(req_id, payload));
            let stream = messages.collect::<Vec<_>>().concat();
            let mut decoder = Decoder::new();
            let mut received = Vec::new();
            let mut rest = &stream[..];
            let mut cuts = cuts.iter().cycle();
            while !rest.is_empty() {
                let cut = rest.len().min(*cuts.next().unwrap());
                let taken = decoder.fill(&rest[..cut]);
                rest = &rest[taken..];
                while let Some(message) = decoder.next_message().unwrap() {
                    prop_assert_eq!(message.header.req_id as usize, received.len());
                    received.push(message.payload.to_vec());
                }
            }
            prop_assert_eq!(received, payloads);
        }

        #[test]
        fn any_bytes_are_messages_or_an_error(garbage in vec(any::<u8>(), 0..20_000)) {
            let mut decoder = Decoder::with_capacity(0);
            let mut rest = &garbage[..];
            loop {
                let taken = decoder.fill(rest);
                rest = &rest[taken..];
                prop_assert!(decoder.buffer.len() <= MESSAGE_MAX);
                let promised = decoder.has_message();
                match decoder.next_message() {
                    Ok(Some(message)) => {
                        prop_assert!(promised);
                        prop_assert_eq!(message.payload.len(), message.header.len as usize);
                    }
                    Ok(None) if rest.is_empty() => break,
                    Ok(None) => prop_assert!(!promised && taken > 0, "no progress"),
                    Err(error) => {
                        prop_assert!(promised && error.header.len as usize > PAYLOAD_MAX);
                        break;
                    }
                }
            }
        }

        #[test]
        fn headers_survive_the_wire(message_type: u32, req_id: u32, tx_id: u32, len: u32) {
            let header = Header { message_type, req_id, tx_id, len };
            prop_assert_eq!(Header::decode(&header.encode()), header);
        }
    }

    #[test]
    fn a_message_without_payload_is_whole_with_its_header() {
        let mut decoder = Decoder::new();
        decoder.fill(&message(9, b""));
        assert!(decoder.has_message());
        assert_eq!(decoder.next_message().unwrap().unwrap().payload, b"");
        assert!(!decoder.has_message());
    }
}
