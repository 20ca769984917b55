//! Sets and maps: what they are of, and how a batch makes, fills and empties them.

use std::net::IpAddr;

use super::batch::{Batch, Table, comment_userdata};
use super::noted;
use super::numbers::{LIST_ELEMENT, data, element, elements, message, set};
use super::rule::{ANONYMOUS_SET, Field};
use crate::family::octets;
use crate::netlink::{Message, flags};

/// How many elements one message holds at most. A list in it has less than 64 KiB; the longest ranges, with keys of 64 bytes, take 160 each.
const ELEMENTS_IN_A_MESSAGE: usize = 256;

/// What the elements of a set are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyKind {
    /// IPv4 addresses.
    Ipv4,
    /// IPv6 addresses.
    Ipv6,
    /// Ports of TCP and UDP, in network byte order.
    Port,
    /// Names of devices ([`link_name`](super::link_name)).
    LinkName,
    /// Marks of packets, in the machine's byte order.
    Mark,
    /// Several in a row, each filled up to whole words of four bytes.
    Joined(&'static [KeyKind]),
    /// Other numbers, of this many bytes, in network byte order.
    Number(u32),
}

/// What the elements of a map lead to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Target {
    /// Addresses of this kind: [`KeyKind::Ipv4`] or [`KeyKind::Ipv6`].
    pub address: KeyKind,
    /// With a port behind each.
    pub with_port: bool,
}

impl Target {
    /// The number of `nft`'s data type, of which one with parts has six bits for each, and the length.
    fn type_and_length(self) -> (u32, u32) {
        let (kind, length) = self.address.type_and_length();
        let (port, _) = KeyKind::Port.type_and_length();
        // Each part fills whole words.
        if self.with_port { (kind << 6 | port, length + 4) } else { (kind, length) }
    }

    /// A target as it stands in an element.
    #[must_use]
    pub fn value(address: IpAddr, port: Option<u16>) -> Vec<u8> {
        let mut value = octets(address);
        if let Some(port) = port {
            value.extend(port.to_be_bytes());
            value.extend([0; 2]);
        }
        value
    }
}

impl KeyKind {
    /// The number of `nft`'s data type, so that `nft list` shows the elements as what they are, and the length.
    fn type_and_length(self) -> (u32, u32) {
        match self {
            Self::Ipv4 => (7, 4),
            Self::Ipv6 => (8, 16),
            Self::Port => (13, 2),
            Self::LinkName => (41, 16),
            Self::Mark => (19, 4),
            Self::Joined(parts) => parts
                .iter()
                .map(|part| part.type_and_length())
                .fold((0, 0), |(kinds, all), (kind, length)| {
                    (kinds << 6 | kind, all + length.next_multiple_of(4))
                }),
            Self::Number(length) => (4, length),
        }
    }
}

/// A set's element: one value, or all from one to another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Element {
    /// The first value.
    pub first: Vec<u8>,
    /// The last value that belongs to it; only in sets of intervals.
    pub last: Option<Vec<u8>>,
}

impl Element {
    /// All addresses from `first` to `last`.
    #[must_use]
    pub fn addresses(first: IpAddr, last: IpAddr) -> Self {
        Self { first: octets(first), last: Some(octets(last)) }
    }

    /// The last value.
    fn end(&self) -> &[u8] {
        self.last.as_deref().unwrap_or(&self.first)
    }

    /// One value.
    #[must_use]
    pub fn one(value: impl Into<Vec<u8>>) -> Self {
        Self { first: value.into(), last: None }
    }
}

impl Batch {
    /// Makes a set. `intervals`: its elements may be ranges.
    pub fn add_set(&mut self, table: Table<'_>, name: &str, keys: KeyKind, intervals: bool) {
        let flags = if intervals { set::FLAG_INTERVAL } else { 0 };
        self.write_set(table, name, keys, flags, None);
    }

    /// Makes a set in which rules [count packets](super::Statement::CountIn), unless it is there. It has no size: the kernel would make
    /// room at once for as many elements as that, and look through all of it now and then.
    pub fn add_counting_set(&mut self, table: Table<'_>, name: &str, keys: KeyKind) {
        self.change(message::NEWSET, flags::CREATE, table.family);
        self.describe_set(table, name, keys, set::FLAG_DYNAMIC);
    }

    /// Makes a set of single values, unless it is there.
    pub fn ensure_set(&mut self, table: Table<'_>, name: &str, keys: KeyKind) {
        self.change(message::NEWSET, flags::CREATE, table.family);
        self.describe_set(table, name, keys, 0);
    }

    /// Makes a set of what these fields hold, one behind the other, unless it is there. `nft list` shows it as
    /// `typeof iifname . @nh,64,48`, which can be loaded again.
    ///
    /// Of fields there may be [`Field::InputLink`] and bytes of the packet ([`Field::Payload`]).
    pub fn ensure_set_of(&mut self, table: Table<'_>, name: &str, fields: &[Field]) {
        self.change(message::NEWSET, flags::CREATE, table.family);
        let words = fields.iter().map(|field| field.words()).sum::<u32>();
        self.begin_set(table, name, (noted::type_of(fields), 4 * words), 0);
        if let Some(note) = noted::fields(fields) {
            self.messages.attribute(set::USERDATA, &note);
        }
    }

    /// Makes a map from keys to targets. `intervals`: its keys are ranges.
    pub fn add_map(&mut self, table: Table<'_>, name: &str, keys: KeyKind, intervals: bool, target: Target) {
        let flags = if intervals { set::FLAG_INTERVAL } else { 0 };
        self.write_set(table, name, keys, flags | set::FLAG_MAP, Some(target));
    }

    /// Adds elements to a map, each with its target ([`Target::value`]): ranges to one of ranges, values to another.
    pub fn add_map_elements(&mut self, table: Table<'_>, name: &str, list: &[(Element, Vec<u8>)]) {
        for part in list.chunks(ELEMENTS_IN_A_MESSAGE) {
            self.change(message::NEWSETELEM, flags::CREATE, table.family);
            self.messages.string(elements::TABLE, table.name);
            self.messages.string(elements::SET, name);
            self.messages.nested(elements::ELEMENTS, |all| {
                for (one, target) in part {
                    write_element(all, &one.first, Some(&target[..]), 0);
                    if let Some(end) = one.last.as_deref().and_then(successor) {
                        write_element(all, &end, None, element::FLAG_INTERVAL_END);
                    }
                }
            });
        }
    }

    /// Makes a set without a name, for the rule that follows, and returns its number in this batch.
    pub(super) fn add_own_set(&mut self, table: Table<'_>, keys: KeyKind, list: &[Element]) -> u32 {
        let intervals = list.iter().any(|element| element.last.is_some());
        let flags = set::FLAG_ANONYMOUS | set::FLAG_CONSTANT | if intervals { set::FLAG_INTERVAL } else { 0 };
        let id = self.write_set(table, ANONYMOUS_SET, keys, flags, None);
        let joined = if intervals { &joined(list)[..] } else { list };
        for part in joined.chunks(ELEMENTS_IN_A_MESSAGE) {
            self.change(message::NEWSETELEM, flags::CREATE, table.family);
            self.write_elements(table, ANONYMOUS_SET, Some(id), part);
        }
        id
    }

    fn write_set(
        &mut self,
        table: Table<'_>,
        name: &str,
        keys: KeyKind,
        flags: u32,
        target: Option<Target>,
    ) -> u32 {
        self.change(message::NEWSET, flags::CREATE | flags::EXCLUSIVE, table.family);
        let id = self.describe_set(table, name, keys, flags);
        if let Some((kind, length)) = target.map(Target::type_and_length) {
            self.messages.u32_be(set::DATA_TYPE, kind);
            self.messages.u32_be(set::DATA_LENGTH, length);
        }
        id
    }

    /// What sets of one kind of keys say of themselves. Returns the set's number in this batch.
    fn describe_set(&mut self, table: Table<'_>, name: &str, keys: KeyKind, flags: u32) -> u32 {
        let id = self.begin_set(table, name, keys.type_and_length(), flags);
        if keys == KeyKind::LinkName {
            self.messages.attribute(set::USERDATA, &set::KEYS_IN_MACHINE_ORDER);
        }
        id
    }

    /// What all new sets say of themselves. Returns the set's number in this batch.
    fn begin_set(&mut self, table: Table<'_>, name: &str, (kind, length): (u32, u32), flags: u32) -> u32 {
        let id = self.count;
        self.messages.string(set::TABLE, table.name);
        self.messages.string(set::NAME, name);
        self.messages.u32_be(set::FLAGS, flags);
        self.messages.u32_be(set::KEY_TYPE, kind);
        self.messages.u32_be(set::KEY_LENGTH, length);
        self.messages.u32_be(set::ID, id);
        id
    }

    /// Deletes a set. No rule may look into it by then.
    pub fn delete_set(&mut self, table: Table<'_>, name: &str) {
        self.change(message::DELSET, 0, table.family);
        self.messages.string(set::TABLE, table.name);
        self.messages.string(set::NAME, name);
    }

    /// Adds elements to a set; those that are there already stay.
    pub fn add_elements(&mut self, table: Table<'_>, name: &str, list: &[Element]) {
        self.write_new_elements(table, name, list, flags::CREATE);
    }

    /// Adds elements to a set that has none of them.
    pub fn add_new_elements(&mut self, table: Table<'_>, name: &str, list: &[Element]) {
        self.write_new_elements(table, name, list, flags::CREATE | flags::EXCLUSIVE);
    }

    fn write_new_elements(&mut self, table: Table<'_>, name: &str, list: &[Element], flags: u16) {
        for part in list.chunks(ELEMENTS_IN_A_MESSAGE) {
            self.change(message::NEWSETELEM, flags, table.family);
            self.write_elements(table, name, None, part);
        }
    }

    /// Adds an element with a comment, a text that `nft list` shows, at most 127 bytes, to a set that does not have it.
    pub fn add_commented_element(&mut self, table: Table<'_>, name: &str, key: &[u8], comment: &str) {
        self.change(message::NEWSETELEM, flags::CREATE | flags::EXCLUSIVE, table.family);
        self.messages.string(elements::TABLE, table.name);
        self.messages.string(elements::SET, name);
        self.messages.nested(elements::ELEMENTS, |all| {
            all.nested(LIST_ELEMENT, |one| {
                one.nested(element::KEY, |value| value.attribute(data::VALUE, key));
                one.attribute(element::USERDATA, &comment_userdata(comment));
            });
        });
    }

    /// Takes elements out of a set.
    pub fn delete_elements(&mut self, table: Table<'_>, name: &str, list: &[Element]) {
        for part in list.chunks(ELEMENTS_IN_A_MESSAGE) {
            self.change(message::DELSETELEM, 0, table.family);
            self.write_elements(table, name, None, part);
        }
    }

    fn write_elements(&mut self, table: Table<'_>, name: &str, id: Option<u32>, list: &[Element]) {
        self.messages.string(elements::TABLE, table.name);
        self.messages.string(elements::SET, name);
        if let Some(id) = id {
            self.messages.u32_be(elements::SET_ID, id);
        }
        self.messages.nested(elements::ELEMENTS, |all| {
            for one in list {
                write_element(all, &one.first, None, 0);
                // An interval's end is the first value that is not in it; the last of all values has none.
                if let Some(end) = one.last.as_deref().and_then(successor) {
                    write_element(all, &end, None, element::FLAG_INTERVAL_END);
                }
            }
        });
    }
}

fn write_element(list: &mut Message, key: &[u8], target: Option<&[u8]>, flags: u32) {
    list.nested(LIST_ELEMENT, |element| {
        element.nested(element::KEY, |value| value.attribute(data::VALUE, key));
        if let Some(target) = target {
            element.nested(element::DATA, |value| value.attribute(data::VALUE, target));
        }
        if flags != 0 {
            element.u32_be(element::FLAGS, flags);
        }
    });
}

/// The same values in as few intervals as possible. In sets without a name some kernels (6.1) find nothing that begins where
/// another interval has ended: `nft` never makes such.
fn joined(list: &[Element]) -> Vec<Element> {
    let mut sorted = list.to_vec();
    sorted.sort_by(|one, other| one.first.cmp(&other.first));
    let mut joined: Vec<Element> = Vec::new();
    for next in sorted {
        match joined.last_mut() {
            Some(before) if successor(before.end()).is_some_and(|behind| behind >= next.first) => {
                if next.end() > before.end() {
                    before.last = Some(next.end().to_vec());
                }
            }
            // Without its end it would go on to the next.
            _ => joined.push(Element { last: Some(next.end().to_vec()), first: next.first }),
        }
    }
    joined
}

/// The value behind this one; none behind the last.
fn successor(value: &[u8]) -> Option<Vec<u8>> {
    let mut next = value.to_vec();
    for byte in next.iter_mut().rev() {
        let (sum, overflow) = byte.overflowing_add(1);
        *byte = sum;
        if !overflow {
            return Some(next);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_end_of_an_interval_is_the_value_behind_it() {
        assert_eq!(successor(&[10, 0, 0, 255]), Some(vec![10, 0, 1, 0]));
        assert_eq!(successor(&[255; 4]), None);
    }

    #[test]
    fn intervals_that_touch_are_one() {
        let range = |first: u8, last: u8| Element { first: vec![first], last: Some(vec![last]) };
        assert_eq!(joined(&[range(7, 8), range(1, 3), range(4, 4)]), [range(1, 4), range(7, 8)]);
        assert_eq!(
            joined(&[range(250, 255), Element::one([249]), range(0, 0)]),
            [range(0, 0), range(249, 255)]
        );
        assert_eq!(joined(&[range(1, 9), range(2, 3)]), [range(1, 9)]);
        assert_eq!(joined(&[Element::one([5]), range(7, 9)]), [range(5, 5), range(7, 9)]);
    }
}
