//! Writing netlink messages: a header, a family's own header, and attributes that may nest (`netlink(7)`).

/// Bytes of a `struct nlmsghdr`.
pub(super) const HEADER_LENGTH: usize = 16;
/// Bytes of a `struct nlattr`.
pub(super) const ATTRIBUTE_HEADER_LENGTH: usize = 4;

/// The attribute holds attributes.
const NLA_F_NESTED: u16 = 1 << 15;

/// The flags of a request (`NLM_F_*`).
pub mod flags {
    /// This is a request.
    pub const REQUEST: u16 = 0x1;
    /// Answer even when there is nothing to say but "done".
    pub const ACK: u16 = 0x4;
    /// Tell all entries that match.
    pub const DUMP: u16 = 0x300;
    /// Replace what exists.
    pub const REPLACE: u16 = 0x100;
    /// Fail if it exists.
    pub const EXCLUSIVE: u16 = 0x200;
    /// Make it if it does not exist.
    pub const CREATE: u16 = 0x400;
    /// Put it behind what exists.
    pub const APPEND: u16 = 0x800;
    /// In a deletion: all that match, not one.
    pub const NONRECURSIVE: u16 = 0x100;
}

/// Netlink messages, one after the other, as they go into one `send`.
///
/// Integers are in the machine's byte order, as rtnetlink has them; nf_tables wants big-endian, for which there are
/// [`u32_be`](Self::u32_be) and [`u64_be`](Self::u64_be).
///
/// ```
/// use netkernel::netlink::{Message, flags};
///
/// let mut message = Message::new(16, flags::REQUEST | flags::ACK);
/// message.header(&[0; 16]);
/// message.string(3, "vif1.0");
/// assert_eq!(message.bytes().len(), 16 + 16 + 4 + 8);
/// ```
#[derive(Clone, Debug, Default)]
pub struct Message {
    bytes: Vec<u8>,
    /// Where the message that is being written starts; none before the first.
    start: Option<usize>,
    /// How many attributes are open that hold what is being written.
    depth: u32,
}

impl Message {
    /// A buffer that holds one message of this type (`RTM_*`, or subsystem and `NFT_MSG_*`) with nothing behind
    /// its header yet.
    #[must_use]
    pub fn new(kind: u16, flags: u16) -> Self {
        let mut messages = Self { bytes: Vec::with_capacity(256), start: None, depth: 0 };
        messages.begin(kind, flags, 0);
        messages
    }

    /// A buffer without messages: for several that are begun one by one, or for attributes alone.
    #[must_use]
    pub fn empty() -> Self {
        Self::default()
    }

    /// Begins the next message in the buffer; what is written from here on belongs to it.
    pub fn begin(&mut self, kind: u16, flags: u16, sequence: u32) {
        self.start = Some(self.bytes.len());
        let mut header = [0; HEADER_LENGTH];
        header[4..6].copy_from_slice(&kind.to_ne_bytes());
        header[6..8].copy_from_slice(&flags.to_ne_bytes());
        header[8..12].copy_from_slice(&sequence.to_ne_bytes());
        self.bytes.extend_from_slice(&header);
        self.finish_part();
    }

    /// Gives the message that is being written this sequence number.
    pub fn set_sequence(&mut self, sequence: u32) {
        if let Some(start) = self.start {
            self.patch(start + 8, sequence.to_ne_bytes());
        }
    }

    /// Sets more flags in the message that is being written.
    pub fn add_flags(&mut self, more: u16) {
        if let Some(at) = self.start.map(|start| start + 6) {
            let flags = u16::from_ne_bytes([self.bytes[at], self.bytes[at + 1]]) | more;
            self.patch(at, flags.to_ne_bytes());
        }
    }

    /// Writes the family's own header (`struct ifinfomsg`, `struct nfgenmsg`…).
    pub fn header(&mut self, bytes: &[u8]) {
        self.bytes.extend_from_slice(bytes);
        self.finish_part();
    }

    /// Writes attributes that are encoded already.
    pub fn raw(&mut self, attributes: &[u8]) {
        self.header(attributes);
    }

    /// Writes an attribute.
    ///
    /// # Panics
    /// If the payload is longer than an attribute can be (65,531 bytes). Everything this crate writes is bounded
    /// far below, by types or by the caller's own check.
    pub fn attribute(&mut self, kind: u16, payload: &[u8]) {
        self.attribute_header(kind, payload.len());
        self.bytes.extend_from_slice(payload);
        self.finish_part();
    }

    fn attribute_header(&mut self, kind: u16, payload: usize) {
        let length = u16::try_from(ATTRIBUTE_HEADER_LENGTH + payload)
            .expect("an attribute's payload is shorter than 64 KiB");
        let mut header = [0; ATTRIBUTE_HEADER_LENGTH];
        header[..2].copy_from_slice(&length.to_ne_bytes());
        header[2..].copy_from_slice(&kind.to_ne_bytes());
        self.bytes.extend_from_slice(&header);
    }

    /// An attribute of four bytes, which needs no padding: most are.
    fn word(&mut self, kind: u16, value: [u8; 4]) {
        let mut attribute = [0; ATTRIBUTE_HEADER_LENGTH + 4];
        attribute[..2].copy_from_slice(&8_u16.to_ne_bytes());
        attribute[2..4].copy_from_slice(&kind.to_ne_bytes());
        attribute[4..].copy_from_slice(&value);
        self.bytes.extend_from_slice(&attribute);
        self.count();
    }

    /// Writes an attribute of one byte.
    pub fn u8(&mut self, kind: u16, value: u8) {
        self.attribute(kind, &[value]);
    }

    /// Writes a 16-bit attribute in the machine's byte order.
    pub fn u16(&mut self, kind: u16, value: u16) {
        self.attribute(kind, &value.to_ne_bytes());
    }

    /// Writes a 32-bit attribute in the machine's byte order.
    pub fn u32(&mut self, kind: u16, value: u32) {
        self.word(kind, value.to_ne_bytes());
    }

    /// Writes a 32-bit attribute in network byte order.
    pub fn u32_be(&mut self, kind: u16, value: u32) {
        self.word(kind, value.to_be_bytes());
    }

    /// Writes a 64-bit attribute in network byte order.
    pub fn u64_be(&mut self, kind: u16, value: u64) {
        self.attribute(kind, &value.to_be_bytes());
    }

    /// Writes a string attribute with its closing NUL.
    pub fn string(&mut self, kind: u16, value: &str) {
        self.attribute_header(kind, value.len() + 1);
        self.bytes.extend_from_slice(value.as_bytes());
        self.bytes.push(0);
        self.finish_part();
    }

    /// Writes an attribute whose payload is the attributes that `content` writes.
    ///
    /// # Panics
    /// As [`attribute`](Self::attribute).
    pub fn nested(&mut self, kind: u16, content: impl FnOnce(&mut Self)) {
        let at = self.bytes.len();
        self.attribute_header(kind | NLA_F_NESTED, 0);
        self.depth += 1;
        content(self);
        self.depth -= 1;
        let length = u16::try_from(self.bytes.len() - at).expect("nested attributes are shorter than 64 KiB");
        self.patch(at, length.to_ne_bytes());
        self.count();
    }

    /// All messages written so far, ready to be sent.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Pads to four bytes, and makes the header count what has been written.
    fn finish_part(&mut self) {
        let padding = self.bytes.len().wrapping_neg() % 4;
        self.bytes.extend_from_slice(&[0; 3][..padding]);
        self.count();
    }

    /// Makes the header count what has been written.
    fn count(&mut self) {
        // What is within an attribute is counted when that ends.
        if let Some(start) = self.start.filter(|_| self.depth == 0) {
            let length = u32::try_from(self.bytes.len() - start).expect("a message is shorter than 4 GiB");
            self.patch(start, length.to_ne_bytes());
        }
    }

    fn patch<const N: usize>(&mut self, at: usize, bytes: [u8; N]) {
        if let Some(place) = self.bytes.get_mut(at..).and_then(|rest| rest.first_chunk_mut()) {
            *place = bytes;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::netlink::Attributes;

    #[test]
    fn nested_attributes_read_back_as_written() {
        let mut message = Message::new(1, 0);
        message.header(&[7; 5]);
        message.nested(2, |inner| {
            inner.u8(3, 4);
            inner.nested(5, |inmost| inmost.string(6, "x"));
        });
        message.u32_be(7, 1);

        let bytes = message.bytes();
        assert_eq!(bytes.len() % 4, 0);
        assert_eq!(u32::from_ne_bytes(bytes[..4].try_into().unwrap()) as usize, bytes.len());
        let outer: Vec<_> = Attributes::new(&bytes[16 + 8..]).collect();
        assert_eq!(outer[1], (7, &[0, 0, 0, 1][..]));
        assert_eq!(outer[0].0, 2);
        let inner: Vec<_> = Attributes::new(outer[0].1).collect();
        assert_eq!(inner[0], (3, &[4][..]));
        assert_eq!(Attributes::new(inner[1].1).collect::<Vec<_>>(), [(6, &b"x\0"[..])]);
    }

    #[test]
    fn each_message_of_a_buffer_counts_only_itself() {
        let mut messages = Message::empty();
        messages.begin(1, 0, 10);
        messages.u32(1, 1);
        messages.begin(2, 0, 11);
        messages.set_sequence(12);
        messages.add_flags(flags::ACK);
        let bytes = messages.bytes();
        assert_eq!(bytes[..4], 24_u32.to_ne_bytes());
        assert_eq!(bytes[24..28], 16_u32.to_ne_bytes());
        assert_eq!(bytes[24 + 6..24 + 8], flags::ACK.to_ne_bytes());
        assert_eq!(bytes[24 + 8..24 + 12], 12_u32.to_ne_bytes());
    }
}
