//! The header in front of every message (`struct xsd_sockmsg`) and the numbers of the message types.

use std::fmt;

use super::HEADER_LEN;

/// What stands before the payload of every message.
///
/// `message_type` is kept as the number that came, because a daemon must answer numbers that it does not
/// know.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Header {
    /// The number of a [`MessageType`], or one that we do not know.
    pub message_type: u32,
    /// Chosen by who asks and repeated in the reply. 0 in watch events of a socket.
    pub req_id: u32,
    /// The transaction that the request belongs to; 0 is none.
    pub tx_id: u32,
    /// Bytes of payload that follow.
    pub len: u32,
}

impl Header {
    /// Reads a header; every pattern of bits is one.
    #[must_use]
    pub fn decode(bytes: &[u8; HEADER_LEN]) -> Self {
        let number = |at: usize| u32::from_le_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]]);
        Self { message_type: number(0), req_id: number(4), tx_id: number(8), len: number(12) }
    }

    /// The header as it goes on the wire.
    #[must_use]
    pub fn encode(&self) -> [u8; HEADER_LEN] {
        let mut bytes = [0; HEADER_LEN];
        let fields = [self.message_type, self.req_id, self.tx_id, self.len];
        for (place, number) in bytes.as_chunks_mut::<4>().0.iter_mut().zip(fields) {
            *place = number.to_le_bytes();
        }
        bytes
    }
}

/// What a message asks for or answers (`enum xsd_sockmsg_type`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[repr(u32)]
pub enum MessageType {
    /// Commands to the daemon itself.
    Control = 0,
    /// The names of a node's children.
    Directory = 1,
    /// A node's value.
    Read = 2,
    /// A node's permissions.
    GetPerms = 3,
    /// Asks for events on a path.
    Watch = 4,
    /// Takes a watch back.
    Unwatch = 5,
    /// Starts a transaction.
    TransactionStart = 6,
    /// Commits or discards a transaction.
    TransactionEnd = 7,
    /// Tells the daemon of a new domain.
    Introduce = 8,
    /// Tells the daemon that a domain is gone.
    Release = 9,
    /// The path that a domain's relative paths start from.
    GetDomainPath = 10,
    /// Sets a node's value.
    Write = 11,
    /// Makes a node if there is none.
    Mkdir = 12,
    /// Removes a node and all below it.
    Rm = 13,
    /// Replaces a node's permissions.
    SetPerms = 14,
    /// Only from the daemon: something changed under a watch.
    WatchEvent = 15,
    /// Only from the daemon: the request was refused.
    Error = 16,
    /// Whether the daemon has been told of a domain.
    IsDomainIntroduced = 17,
    /// Tells the daemon that a domain runs again.
    Resume = 18,
    /// Gives one domain the rights of another.
    SetTarget = 19,
    /// Takes all watches and transactions of the connection back.
    ResetWatches = 21,
    /// A part of a list of children that is too long for one message.
    DirectoryPart = 22,
}

/// `RESTRICT`, which has gone long since.
const GAP: u32 = 20;

impl MessageType {
    /// All types, in the order of their numbers.
    pub const ALL: [Self; 22] = [
        Self::Control,
        Self::Directory,
        Self::Read,
        Self::GetPerms,
        Self::Watch,
        Self::Unwatch,
        Self::TransactionStart,
        Self::TransactionEnd,
        Self::Introduce,
        Self::Release,
        Self::GetDomainPath,
        Self::Write,
        Self::Mkdir,
        Self::Rm,
        Self::SetPerms,
        Self::WatchEvent,
        Self::Error,
        Self::IsDomainIntroduced,
        Self::Resume,
        Self::SetTarget,
        Self::ResetWatches,
        Self::DirectoryPart,
    ];

    /// The number on the wire.
    #[must_use]
    pub const fn number(self) -> u32 {
        self as u32
    }

    /// The type with this number; `None` for the gap (20) and for what newer daemons may have.
    #[must_use]
    pub fn from_number(number: u32) -> Option<Self> {
        // Each stands at its number, but for the gap.
        let place = number - u32::from(number > GAP);
        let found = Self::ALL.get(usize::try_from(place).ok()?).copied();
        found.filter(|message_type| message_type.number() == number)
    }

    /// The name that Xen's documentation uses.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Control => "CONTROL",
            Self::Directory => "DIRECTORY",
            Self::Read => "READ",
            Self::GetPerms => "GET_PERMS",
            Self::Watch => "WATCH",
            Self::Unwatch => "UNWATCH",
            Self::TransactionStart => "TRANSACTION_START",
            Self::TransactionEnd => "TRANSACTION_END",
            Self::Introduce => "INTRODUCE",
            Self::Release => "RELEASE",
            Self::GetDomainPath => "GET_DOMAIN_PATH",
            Self::Write => "WRITE",
            Self::Mkdir => "MKDIR",
            Self::Rm => "RM",
            Self::SetPerms => "SET_PERMS",
            Self::WatchEvent => "WATCH_EVENT",
            Self::Error => "ERROR",
            Self::IsDomainIntroduced => "IS_DOMAIN_INTRODUCED",
            Self::Resume => "RESUME",
            Self::SetTarget => "SET_TARGET",
            Self::ResetWatches => "RESET_WATCHES",
            Self::DirectoryPart => "DIRECTORY_PART",
        }
    }
}

impl fmt::Display for MessageType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_header_is_four_little_endian_numbers() {
        let header = Header { message_type: 2, req_id: 0x0102_0304, tx_id: 7, len: 4096 };
        let bytes = [2, 0, 0, 0, 4, 3, 2, 1, 7, 0, 0, 0, 0, 16, 0, 0];
        assert_eq!(header.encode(), bytes);
        assert_eq!(Header::decode(&bytes), header);
    }

    #[test]
    fn every_type_has_the_number_of_xs_wire_h() {
        assert_eq!(MessageType::from_number(0), Some(MessageType::Control));
        assert_eq!(MessageType::from_number(16), Some(MessageType::Error));
        assert_eq!(MessageType::from_number(19), Some(MessageType::SetTarget));
        assert_eq!(MessageType::from_number(20), None, "RESTRICT was removed");
        assert_eq!(MessageType::from_number(21), Some(MessageType::ResetWatches));
        assert_eq!(MessageType::from_number(22), Some(MessageType::DirectoryPart));
        assert_eq!(MessageType::from_number(65535), None);
        for message_type in MessageType::ALL {
            assert_eq!(MessageType::from_number(message_type.number()), Some(message_type));
        }
    }
}
