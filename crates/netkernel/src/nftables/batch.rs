//! Changes of the rule set that take effect together or not at all.

use std::net::IpAddr;

use super::numbers::{
    LIST_ELEMENT, SUBSYSTEM, batch, chain, data, element, elements, hook, message, rule, set, table,
};
use super::rule::{ANONYMOUS_SET, Rule};
use crate::family::octets;
use crate::link::LinkName;
use crate::netlink::{Attributes, Message, flags, string_of};

/// How many elements of a map one message holds. The longest, with an IPv6 address and a port, take less than 80 bytes each.
const ELEMENTS_IN_A_MESSAGE: usize = 512;

/// The families of tables (`NFPROTO_*`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum TableFamily {
    /// IPv4 and IPv6.
    Inet = 1,
    /// IPv4.
    Ip = 2,
    /// Frames as they enter or leave a device.
    Netdev = 5,
    /// Frames that pass a bridge.
    Bridge = 7,
    /// IPv6.
    Ip6 = 10,
}

impl TableFamily {
    /// The word that `nft` has for it.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Inet => "inet",
            Self::Ip => "ip",
            Self::Netdev => "netdev",
            Self::Bridge => "bridge",
            Self::Ip6 => "ip6",
        }
    }
}

/// A table: its family and its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Table<'a> {
    /// The family.
    pub family: TableFamily,
    /// The name.
    pub name: &'a str,
}

/// Where a base chain hooks in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hook<'a> {
    /// `filter`, `nat` or `route`.
    pub kind: &'static str,
    /// `NF_*_*`: which of the family's hooks; 0 is the ingress of a device.
    pub number: u32,
    /// Chains with lower numbers come first.
    pub priority: i32,
    /// What becomes of packets on which no rule decides.
    pub policy: Policy,
    /// The devices, in the netdev family.
    pub devices: &'a [LinkName],
}

/// What becomes of packets on which no rule of a base chain decides.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
pub enum Policy {
    /// They are dropped.
    Drop = 0,
    /// They go on.
    Accept = 1,
}

/// What the elements of a set are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyKind {
    /// IPv4 addresses.
    Ipv4,
    /// IPv6 addresses.
    Ipv6,
    /// MAC addresses.
    Mac,
    /// Ethertypes, in network byte order.
    Ethertype,
    /// Numbers of transport protocols, of one byte.
    Protocol,
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
            Self::Mac => (9, 6),
            Self::Ethertype => (10, 2),
            Self::Protocol => (12, 1),
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

/// Changes of the rule set, in order. Nothing happens before
/// [`NfTables::commit`](super::NfTables::commit).
#[derive(Clone, Debug)]
pub struct Batch {
    messages: Message,
    /// How many changes there are; their sequence numbers are 1, 2, 3… behind that of the batch's beginning.
    count: u32,
    /// Whether something is deleted.
    deletes: bool,
}

impl Batch {
    /// A batch without changes.
    #[must_use]
    pub fn new() -> Self {
        Self::expecting(None)
    }

    /// A batch that is refused as stale (`ERESTART`) if the rule set is of another generation by then.
    #[must_use]
    pub fn expecting(generation: Option<u32>) -> Self {
        let mut messages = Message::empty();
        messages.begin(message::BATCH_BEGIN, flags::REQUEST, 0);
        messages.header(&batch_header());
        if let Some(generation) = generation {
            messages.u32_be(batch::GENERATION, generation);
        }
        Self { messages, count: 0, deletes: false }
    }

    /// True when nothing would change.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// Makes a table, unless it is there.
    pub fn add_table(&mut self, table: Table<'_>) {
        self.change(message::NEWTABLE, flags::CREATE, table.family);
        self.messages.string(table::NAME, table.name);
    }

    /// Deletes a table with all that is in it.
    pub fn delete_table(&mut self, table: Table<'_>) {
        self.change(message::DELTABLE, 0, table.family);
        self.messages.string(table::NAME, table.name);
    }

    /// Makes a chain that no packet reaches but by a jump. `comment`: a text that `nft list` shows, at most 127 bytes.
    pub fn add_chain(&mut self, table: Table<'_>, name: &str, comment: Option<&str>) {
        self.change(message::NEWCHAIN, flags::CREATE | flags::EXCLUSIVE, table.family);
        self.chain_names(table, name);
        if let Some(comment) = comment {
            self.messages.attribute(chain::USERDATA, &comment_userdata(comment));
        }
    }

    /// Makes a chain that packets pass at a hook.
    pub fn add_base_chain(&mut self, table: Table<'_>, name: &str, hook: &Hook<'_>) {
        self.change(message::NEWCHAIN, flags::CREATE | flags::EXCLUSIVE, table.family);
        self.chain_names(table, name);
        self.messages.nested(chain::HOOK, |it| {
            it.u32_be(hook::NUMBER, hook.number);
            it.u32_be(hook::PRIORITY, hook.priority.cast_unsigned());
            match hook.devices {
                [] => {}
                [device] => it.string(hook::DEVICE, device.as_str()),
                devices => it.nested(hook::DEVICES, |list| {
                    for device in devices {
                        list.string(hook::DEVICE_NAME, device.as_str());
                    }
                }),
            }
        });
        self.messages.u32_be(chain::POLICY, hook.policy as u32);
        self.messages.string(chain::TYPE, hook.kind);
    }

    /// Deletes a chain with its rules. No rule may jump to it by then.
    pub fn delete_chain(&mut self, table: Table<'_>, name: &str) {
        self.change(message::DELCHAIN, 0, table.family);
        self.chain_names(table, name);
    }

    /// Removes all rules of a chain.
    pub fn flush_chain(&mut self, table: Table<'_>, name: &str) {
        self.change(message::DELRULE, 0, table.family);
        self.messages.string(rule::TABLE, table.name);
        self.messages.string(rule::CHAIN, name);
    }

    /// Adds a rule behind those that the chain has, with the sets that are its own.
    pub fn add_rule(&mut self, table: Table<'_>, chain: &str, rule: &Rule) {
        let own_sets: Vec<u32> =
            rule.own_sets().map(|(keys, list)| self.add_own_set(table, keys, list)).collect();
        self.change(message::NEWRULE, flags::CREATE | flags::APPEND, table.family);
        self.messages.string(rule::TABLE, table.name);
        self.messages.string(rule::CHAIN, chain);
        self.messages.nested(rule::EXPRESSIONS, |list| rule.write(list, &own_sets));
        if let Some(comment) = &rule.comment {
            self.messages.attribute(rule::USERDATA, &comment_userdata(comment));
        }
    }

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

    /// Makes a map from keys to targets. `intervals`: its keys are ranges.
    pub fn add_map(&mut self, table: Table<'_>, name: &str, keys: KeyKind, intervals: bool, target: Target) {
        let flags = if intervals { set::FLAG_INTERVAL } else { 0 };
        self.write_set(table, name, keys, flags | set::FLAG_MAP, Some(target));
    }

    /// Adds elements to a map, each with its target ([`Target::value`]): ranges to one of ranges, values to another.
    pub fn add_map_elements(&mut self, table: Table<'_>, name: &str, list: &[(Element, Vec<u8>)]) {
        // A list in a message has 64 KiB at most.
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
    fn add_own_set(&mut self, table: Table<'_>, keys: KeyKind, list: &[Element]) -> u32 {
        let intervals = list.iter().any(|element| element.last.is_some());
        let flags = set::FLAG_ANONYMOUS | set::FLAG_CONSTANT | if intervals { set::FLAG_INTERVAL } else { 0 };
        let id = self.write_set(table, ANONYMOUS_SET, keys, flags, None);
        self.change(message::NEWSETELEM, flags::CREATE, table.family);
        if intervals {
            self.write_elements(table, ANONYMOUS_SET, Some(id), &joined(list));
        } else {
            self.write_elements(table, ANONYMOUS_SET, Some(id), list);
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

    /// What all new sets say of themselves. Returns the set's number in this batch.
    fn describe_set(&mut self, table: Table<'_>, name: &str, keys: KeyKind, flags: u32) -> u32 {
        let id = self.count;
        let (kind, length) = keys.type_and_length();
        self.messages.string(set::TABLE, table.name);
        self.messages.string(set::NAME, name);
        self.messages.u32_be(set::FLAGS, flags);
        self.messages.u32_be(set::KEY_TYPE, kind);
        self.messages.u32_be(set::KEY_LENGTH, length);
        self.messages.u32_be(set::ID, id);
        if keys == KeyKind::LinkName {
            self.messages.attribute(set::USERDATA, &set::KEYS_IN_MACHINE_ORDER);
        }
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
        self.change(message::NEWSETELEM, flags::CREATE, table.family);
        self.write_elements(table, name, None, list);
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
        self.change(message::DELSETELEM, 0, table.family);
        self.write_elements(table, name, None, list);
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

    fn chain_names(&mut self, table: Table<'_>, name: &str) {
        self.messages.string(chain::TABLE, table.name);
        self.messages.string(chain::NAME, name);
    }

    fn change(&mut self, kind: u16, more_flags: u16, family: TableFamily) {
        self.count += 1;
        self.deletes |= matches!(
            kind,
            message::DELTABLE | message::DELCHAIN | message::DELRULE | message::DELSET | message::DELSETELEM
        );
        self.messages.begin(SUBSYSTEM << 8 | kind, flags::REQUEST | more_flags, self.count);
        self.messages.header(&[family as u8, 0, 0, 0]);
    }

    /// True when the kernel has work left after the commit.
    pub(super) fn deletes(&self) -> bool {
        self.deletes
    }

    /// The batch as it is sent, and the number of its last change, whose acknowledgement is the batch's.
    pub(super) fn finish(&self) -> (Message, u32) {
        let mut messages = self.messages.clone();
        messages.add_flags(flags::ACK);
        messages.begin(message::BATCH_END, flags::REQUEST, self.count + 1);
        messages.header(&batch_header());
        (messages, self.count)
    }

    /// The change with this number, in words that go behind "cannot".
    pub(super) fn describe(&self, number: u32) -> String {
        let mut rest = self.messages.bytes();
        while let Some((header, body)) = rest.split_first_chunk::<16>() {
            let length = u32::from_ne_bytes([header[0], header[1], header[2], header[3]]) as usize;
            if header[8..12] == number.to_ne_bytes() && number != 0 {
                let kind = u16::from_ne_bytes([header[4], header[5]]) & 0xff;
                return describe_change(kind, body.get(4..length - 16).unwrap_or_default());
            }
            rest = rest.get(length..).unwrap_or_default();
        }
        "change the packet filter".into()
    }
}

impl Default for Batch {
    fn default() -> Self {
        Self::new()
    }
}

/// `struct nfgenmsg` of a batch's beginning and end, which name the subsystem.
fn batch_header() -> [u8; 4] {
    let subsystem = SUBSYSTEM.to_be_bytes();
    [0, 0, subsystem[0], subsystem[1]]
}

fn describe_change(kind: u16, attributes: &[u8]) -> String {
    let name = |kind| Attributes::new(attributes).find(kind).map(string_of).unwrap_or_default();
    match kind {
        message::NEWTABLE => format!("make packet filter table {}", name(table::NAME)),
        message::DELTABLE => format!("delete packet filter table {}", name(table::NAME)),
        message::NEWCHAIN => {
            format!("make chain {} in packet filter table {}", name(chain::NAME), name(chain::TABLE))
        }
        message::DELCHAIN => {
            format!("delete chain {} from packet filter table {}", name(chain::NAME), name(chain::TABLE))
        }
        message::NEWRULE => {
            format!("add a rule to chain {} of packet filter table {}", name(rule::CHAIN), name(rule::TABLE))
        }
        message::DELRULE => {
            format!(
                "remove the rules of chain {} of packet filter table {}",
                name(rule::CHAIN),
                name(rule::TABLE)
            )
        }
        _ => format!("change set {} of packet filter table {}", name(set::NAME), name(set::TABLE)),
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
            _ => joined.push(next),
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

/// How `nft` keeps a comment: type 0, length with the closing NUL, text.
fn comment_userdata(comment: &str) -> Vec<u8> {
    let text = &comment.as_bytes()[..comment.floor_char_boundary(127)];
    let mut userdata = vec![0, u8::try_from(text.len() + 1).unwrap_or(u8::MAX)];
    userdata.extend_from_slice(text);
    userdata.push(0);
    userdata
}

/// The comment in the userdata of a rule or chain.
pub(super) fn comment_in(userdata: &[u8]) -> Option<String> {
    let mut rest = userdata;
    while let [kind, length, tail @ ..] = rest {
        let value = tail.get(..usize::from(*length))?;
        if *kind == 0 {
            return Some(string_of(value));
        }
        rest = &tail[usize::from(*length)..];
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
    }

    #[test]
    fn comments_survive_and_are_cut_between_characters() {
        assert_eq!(comment_in(&comment_userdata("mac")).as_deref(), Some("mac"));
        let long = comment_in(&comment_userdata(&"é".repeat(100))).unwrap();
        assert_eq!(long, "é".repeat(63));
        assert_eq!(comment_in(&[0, 200, 1]), None);
    }

    #[test]
    fn a_change_is_described_by_what_it_names() {
        let table = Table { family: TableFamily::Netdev, name: "dom0net-07" };
        let mut batch = Batch::new();
        batch.add_table(table);
        batch.add_chain(table, "vif1.0", None);
        batch.add_rule(table, "vif1.0", &Rule::default());
        assert_eq!(batch.describe(2), "make chain vif1.0 in packet filter table dom0net-07");
        assert_eq!(batch.describe(3), "add a rule to chain vif1.0 of packet filter table dom0net-07");
        assert_eq!(batch.describe(9), "change the packet filter");
    }
}
