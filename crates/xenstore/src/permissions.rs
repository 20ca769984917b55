//! Who may read and write a node.

use std::fmt;
use std::str::FromStr;

use crate::wire;

/// What a domain may do with a node.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Access {
    /// Nothing: `n`.
    None,
    /// Read it: `r`.
    Read,
    /// Write it: `w`.
    Write,
    /// Both: `b`.
    ReadWrite,
}

impl Access {
    const LETTERS: [(Self, u8); 4] =
        [(Self::None, b'n'), (Self::Read, b'r'), (Self::Write, b'w'), (Self::ReadWrite, b'b')];

    /// The letter on the wire.
    #[must_use]
    pub fn letter(self) -> char {
        Self::LETTERS
            .iter()
            .find(|(access, _)| *access == self)
            .map_or('n', |(_, letter)| char::from(*letter))
    }

    /// What the letter stands for.
    #[must_use]
    pub fn from_letter(letter: u8) -> Option<Self> {
        Self::LETTERS.iter().find(|(_, known)| *known == letter).map(|(access, _)| *access)
    }

    /// Whether reading is allowed.
    #[must_use]
    pub const fn can_read(self) -> bool {
        matches!(self, Self::Read | Self::ReadWrite)
    }

    /// Whether writing is allowed.
    #[must_use]
    pub const fn can_write(self) -> bool {
        matches!(self, Self::Write | Self::ReadWrite)
    }
}

/// One entry of a node's permissions, such as `r5`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Permission {
    /// The domain. Real ones are below `0x7FF0`, but a daemon keeps whatever 32-bit number a guest wrote.
    pub domid: u32,
    /// What it may do. In the first entry: what all domains without an entry of their own may do.
    pub access: Access,
}

impl Permission {
    /// An entry.
    #[must_use]
    pub const fn new(domid: u32, access: Access) -> Self {
        Self { domid, access }
    }

    /// Reads an entry as a daemon prints it: a letter and a decimal number, which may be negative.
    #[must_use]
    pub fn decode(entry: &[u8]) -> Option<Self> {
        let (letter, number) = entry.split_first()?;
        let number = str::from_utf8(number).ok()?.parse::<i64>().ok()?;
        // Daemons print the 32-bit number with a sign.
        let domid = u32::try_from(number).or_else(|_| i32::try_from(number).map(i32::cast_unsigned)).ok()?;
        Some(Self { domid, access: Access::from_letter(*letter)? })
    }
}

impl fmt::Display for Permission {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", self.access.letter(), self.domid.cast_signed())
    }
}

/// The permissions of a node: an owner, what others may do, and exceptions for single domains.
///
/// The owner may always do everything, and so may dom0. The first entry that names a domain counts for it.
///
/// ```
/// use xenstore::{Access, Permissions};
///
/// // A backend's node: dom0 owns it, domain 5 may read it, all others nothing.
/// let permissions = Permissions::owned_by(0, Access::None).with(5, Access::Read);
/// assert_eq!(permissions.to_string(), "n0,r5");
/// assert_eq!(permissions, "n0,r5".parse()?);
/// # Ok::<(), xenstore::PermissionsError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Permissions {
    first: Permission,
    others: Vec<Permission>,
}

impl Permissions {
    /// A node of `owner`, on which all others may do `default`.
    #[must_use]
    pub const fn owned_by(owner: u32, default: Access) -> Self {
        Self { first: Permission::new(owner, default), others: Vec::new() }
    }

    /// The same with an exception for one more domain.
    #[must_use]
    pub fn with(mut self, domid: u32, access: Access) -> Self {
        self.others.push(Permission::new(domid, access));
        self
    }

    /// The domain that the node belongs to.
    #[must_use]
    pub const fn owner(&self) -> u32 {
        self.first.domid
    }

    /// What domains without an entry of their own may do.
    #[must_use]
    pub const fn default_access(&self) -> Access {
        self.first.access
    }

    /// All entries, the owner's first.
    pub fn entries(&self) -> impl Iterator<Item = Permission> {
        std::iter::once(self.first).chain(self.exceptions())
    }

    /// The entries behind the owner's.
    pub(crate) fn exceptions(&self) -> impl Iterator<Item = Permission> {
        self.others.iter().copied()
    }

    pub(crate) const fn set_owner(&mut self, domid: u32) {
        self.first.domid = domid;
    }

    /// What `domid` may do.
    #[must_use]
    pub fn access_of(&self, domid: u32) -> Access {
        if domid == 0 || domid == self.first.domid {
            return Access::ReadWrite;
        }
        self.others.iter().find(|entry| entry.domid == domid).map_or(self.first.access, |entry| entry.access)
    }

    /// Reads the payload of a `GET_PERMS` reply.
    pub fn decode(payload: &[u8]) -> Result<Self, PermissionsError> {
        Self::from_entries(wire::strings(payload))
    }

    /// The payload: each entry followed by a NUL.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let entries: Vec<String> = self.entries().map(|entry| entry.to_string()).collect();
        wire::join_strings(entries.iter().map(String::as_bytes))
    }

    fn from_entries<'a>(entries: impl Iterator<Item = &'a [u8]>) -> Result<Self, PermissionsError> {
        let mut entries = entries.map(|entry| {
            Permission::decode(entry)
                .ok_or_else(|| PermissionsError { entry: String::from_utf8_lossy(entry).into_owned() })
        });
        let first = entries.next().unwrap_or_else(|| Err(PermissionsError { entry: String::new() }))?;
        Ok(Self { first, others: entries.collect::<Result<_, _>>()? })
    }
}

impl fmt::Display for Permissions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.first)?;
        self.others.iter().try_for_each(|entry| write!(f, ",{entry}"))
    }
}

impl FromStr for Permissions {
    type Err = PermissionsError;

    /// Entries with commas between them, as `xenstore-ls -p` prints them.
    fn from_str(text: &str) -> Result<Self, PermissionsError> {
        Self::from_entries(text.split(',').map(str::as_bytes))
    }
}

/// An entry that is not a letter of `nrwb` with a domain id behind it; empty when there was no entry at all.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PermissionsError {
    /// The entry.
    pub entry: String,
}

impl fmt::Display for PermissionsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?} is not a permission: one of n, r, w, b and a domain id is needed", self.entry)
    }
}

impl std::error::Error for PermissionsError {}

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_first_entry_is_the_owner_and_what_all_others_may_do() {
        let permissions = Permissions::owned_by(3, Access::Read).with(5, Access::None).with(6, Access::Write);
        assert_eq!(permissions.access_of(0), Access::ReadWrite, "dom0 may do everything");
        assert_eq!(permissions.access_of(3), Access::ReadWrite, "so may the owner");
        assert_eq!(permissions.access_of(5), Access::None);
        assert_eq!(permissions.access_of(6), Access::Write);
        assert_eq!(permissions.access_of(7), Access::Read);
    }

    #[test]
    fn payloads_are_read_and_written() {
        let permissions = Permissions::decode(b"n0\0b5\0").unwrap();
        assert_eq!(permissions, Permissions::owned_by(0, Access::None).with(5, Access::ReadWrite));
        assert_eq!(permissions.encode(), b"n0\0b5\0");
    }

    #[test]
    fn odd_numbers_that_a_guest_can_store_are_kept() {
        let permissions = Permissions::decode(b"n0\0r-1\0w99999\0").unwrap();
        assert_eq!(permissions.access_of(u32::MAX), Access::Read);
        assert_eq!(permissions.to_string(), "n0,r-1,w99999");
    }

    proptest! {
        #[test]
        fn every_list_survives_the_wire(owner: u32, entries in vec((any::<u32>(), 0_usize..4), 0..8)) {
            let access = |number: usize| Access::LETTERS[number].0;
            let permissions = entries
                .into_iter()
                .fold(Permissions::owned_by(owner, Access::Read), |list, (domid, number)| {
                    list.with(domid, access(number))
                });
            prop_assert_eq!(Permissions::decode(&permissions.encode()), Ok(permissions.clone()));
            prop_assert_eq!(permissions.to_string().parse(), Ok(permissions));
        }
    }

    #[test]
    fn anything_else_is_an_error_that_names_the_entry() {
        for (payload, entry) in [
            (&b""[..], ""),
            (b"x0\0", "x0"),
            (b"r\0", "r"),
            (b"n0\0r5000000000\0", "r5000000000"),
            (b"\0", ""),
        ] {
            assert_eq!(Permissions::decode(payload).unwrap_err().entry, entry);
        }
    }
}
