//! What a rule says, and how it is told to the kernel.

use std::borrow::Cow;

use super::numbers::{
    LIST_ELEMENT, REGISTER, REGISTER_VERDICT, REGISTER_WORD, bitwise, compare, data, dynamic, expression,
    extension, immediate, limit, log, lookup, meta, payload, range, routing, tracking, translation, verdict,
};
use super::sets::{Element, KeyKind};
use crate::family::Family;
use crate::link::LinkName;
use crate::netlink::Message;

/// The numbers of a rule's own sets in their batch.
type OwnSets<'a> = std::slice::Iter<'a, u32>;

/// The name that makes the kernel choose one.
pub(super) const ANONYMOUS_SET: &str = "__set%d";

/// A rule: if all its matches hold for a packet, its statements are carried out in order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rule {
    /// What must hold.
    pub matches: Vec<Match>,
    /// What happens then.
    pub statements: Vec<Statement>,
    /// A text that `nft list` shows, at most 127 bytes.
    pub comment: Option<Cow<'static, str>>,
}

/// A test of one field of the packet.
///
/// A field that the packet does not have makes the match fail, whatever the test.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Match {
    /// What is looked at.
    pub field: Field,
    /// Only these bits of it count.
    pub mask: Option<Vec<u8>>,
    /// What it is held against.
    pub test: Test,
}

/// A field: at most 16 bytes, or several.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Field {
    /// Bytes of the packet.
    Payload {
        /// Where counting starts.
        base: Base,
        /// The first byte.
        offset: u32,
        /// How many.
        length: u32,
    },
    /// The number of the transport protocol (one byte), behind IPv6 extension headers. A packet whose network
    /// header is not sound has none.
    TransportProtocol,
    /// The group of the device that it came in on (`IFLA_GROUP`): four bytes in the machine's order.
    InGroup,
    /// The group of the device that it goes out on.
    OutGroup,
    /// Its priority (`SO_PRIORITY`): four bytes in the machine's order.
    Priority,
    /// Its mark (`SO_MARK`): four bytes in the machine's order.
    Mark,
    /// Whether an IPv6 packet has an extension header with this number: one byte, 1 or 0.
    HasExtensionHeader(u8),
    /// The family of the packet (`NFPROTO_*`, one byte), in tables that see both.
    NetworkFamily,
    /// The name of the device that it came in on: 16 bytes, filled up with zeros ([`link_name`]).
    InputLink,
    /// The name of the device that it goes out on.
    OutputLink,
    /// What kind of route leads to its source (`RTN_*`, four bytes in the machine's order): 2 is the host itself.
    SourceRoute,
    /// What kind of route leads to its destination.
    DestinationRoute,
    /// The name of the device that the host would send it out on by its destination, as [`InputLink`](Self::InputLink) has
    /// names; zeros when it is for the host itself, or there is no way.
    DestinationLink,
    /// What connection tracking says of it: [`tracking_state`] (four bytes in the machine's order).
    TrackingState,
    /// What connection tracking did to its connection: [`tracking_status`] (four bytes in the machine's order).
    TrackingStatus,
    /// These behind each other, each filled up to whole words of four bytes: what sets of
    /// [joined keys](super::KeyKind::Joined) have. At most 64 bytes.
    Joined(&'static [Field]),
}

/// Bits of [`Field::TrackingState`].
pub mod tracking_state {
    /// It belongs to a connection that was answered.
    pub const ESTABLISHED: u32 = 2;
    /// It begins one that another made known, or is an error about one.
    pub const RELATED: u32 = 4;
}

/// Bits of [`Field::TrackingStatus`] (`IPS_*`).
pub mod tracking_status {
    /// Its destination was translated.
    pub const DESTINATION_TRANSLATED: u32 = 0x20;
}

/// The value of [`Field::InputLink`] and [`Field::OutputLink`] for the device called `name`.
#[must_use]
pub fn link_name(name: &LinkName) -> [u8; 16] {
    let mut value = [0; 16];
    // A device's name has at most 15 bytes.
    for (to, from) in value.iter_mut().zip(name.as_str().bytes()) {
        *to = from;
    }
    value
}

/// Where the offset of a payload field counts from (`NFT_PAYLOAD_*`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
pub enum Base {
    /// The Ethernet header. VLAN tags are in it, even where the kernel keeps them beside the packet.
    Link = 0,
    /// The IP or ARP header.
    Network = 1,
    /// The header behind IP and its options or extension headers. Fragments but the first have none; but beware: the
    /// kernel's short cut for 1, 2 and 4 bytes reads there all the same what is no header (6.18 does), so that a
    /// rule must have seen to it before that the packet is no such fragment.
    Transport = 2,
}

/// What a field is held against. All values are in network byte order and as long as the field.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Test {
    /// It is this.
    Is(Vec<u8>),
    /// It is anything but this.
    IsNot(Vec<u8>),
    /// It is at least the first and at most the second.
    Within(Vec<u8>, Vec<u8>),
    /// It is less than the first or more than the second.
    Outside(Vec<u8>, Vec<u8>),
    /// It is one of these values; the set is the rule's own, and goes with it.
    OneOf(KeyKind, Vec<Element>),
    /// It is none of these values; the set is the rule's own.
    NoneOf(KeyKind, Vec<Element>),
    /// It is in the named set of the rule's table.
    In(Cow<'static, str>),
    /// It is not in the named set of the rule's table.
    NotIn(Cow<'static, str>),
}

/// What a rule does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Statement {
    /// Count the packet and its bytes.
    Count,
    /// Count it in the element of this set that has these fields as its key, which is made with the first such packet. The
    /// set is of those that [count packets](super::Batch::add_counting_set). A field that the packet does not have ends the
    /// rule, and so does an element for which there is no memory.
    CountIn {
        /// The set, of the rule's table.
        set: Cow<'static, str>,
        /// The fields of its key, in order.
        key: Vec<Field>,
    },
    /// Keep it out of connection tracking.
    DoNotTrack,
    /// Give the packet's connection the source address of the device that it leaves by.
    Masquerade,
    /// Look a field up in a map; if it is there, the packet's connection goes to the address (and port) found, and the
    /// rule decides. If it is not there, the rule ends here.
    Redirect {
        /// What is looked up.
        field: Field,
        /// The map, of the rule's table.
        map: Cow<'static, str>,
        /// The family of the addresses in the map.
        family: Family,
        /// True when the map has addresses with ports.
        with_port: bool,
    },
    /// Give it this priority (`SO_PRIORITY`).
    SetPriority(u32),
    /// Give it this mark (`SO_MARK`).
    SetMark(u32),
    /// Go on only with so many packets; of the others the rule knows nothing.
    Limit {
        /// How many a second.
        per_second: u64,
        /// How many more at once.
        burst: u32,
    },
    /// Tell the kernel's log, with this in front, at most 127 bytes.
    Log(Cow<'static, str>),
    /// Decide.
    Verdict(Verdict),
}

/// What becomes of a packet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It goes on, and no further rule of the chain sees it.
    Accept,
    /// It is gone.
    Drop,
    /// The rules of this chain come next, then those behind here.
    Jump(Cow<'static, str>),
    /// The rules of this chain come next, and none behind here.
    Goto(Cow<'static, str>),
    /// Back to where the chain was called, or to the base chain's policy.
    Return,
}

impl Match {
    /// The field has this value.
    #[must_use]
    pub fn is(field: Field, value: impl Into<Vec<u8>>) -> Self {
        Self { field, mask: None, test: Test::Is(value.into()) }
    }

    /// The field has another value.
    #[must_use]
    pub fn is_not(field: Field, value: impl Into<Vec<u8>>) -> Self {
        Self { field, mask: None, test: Test::IsNot(value.into()) }
    }

    /// The field has one of these bits.
    #[must_use]
    pub fn has_any(field: Field, bits: impl Into<Vec<u8>>) -> Self {
        let bits = bits.into();
        Self { field, test: Test::IsNot(vec![0; bits.len()]), mask: Some(bits) }
    }

    /// The field is in this set.
    #[must_use]
    pub fn is_in(field: Field, set: impl Into<Cow<'static, str>>) -> Self {
        Self { field, mask: None, test: Test::In(set.into()) }
    }

    fn write(&self, list: &mut Message, own_sets: &mut OwnSets<'_>) {
        self.field.write(list, REGISTER);
        if let Some(mask) = &self.mask {
            write_expression(list, "bitwise", |bits| {
                bits.u32_be(bitwise::SOURCE, REGISTER);
                bits.u32_be(bitwise::DESTINATION, REGISTER);
                bits.u32_be(bitwise::LENGTH, u32::try_from(mask.len()).unwrap_or(u32::MAX));
                bits.nested(bitwise::MASK, |value| value.attribute(data::VALUE, mask));
                bits.nested(bitwise::XOR, |value| value.attribute(data::VALUE, &vec![0; mask.len()]));
            });
        }
        self.test.write(list, own_sets);
    }
}

impl Field {
    /// Bytes of the Ethernet header.
    #[must_use]
    pub const fn link(offset: u32, length: u32) -> Self {
        Self::Payload { base: Base::Link, offset, length }
    }

    /// Bytes of the IP or ARP header.
    #[must_use]
    pub const fn network(offset: u32, length: u32) -> Self {
        Self::Payload { base: Base::Network, offset, length }
    }

    /// Bytes of the transport header.
    #[must_use]
    pub const fn transport(offset: u32, length: u32) -> Self {
        Self::Payload { base: Base::Transport, offset, length }
    }

    /// Its length in bytes.
    fn length(self) -> u32 {
        match self {
            Self::Payload { length, .. } => length,
            Self::TransportProtocol | Self::NetworkFamily | Self::HasExtensionHeader(_) => 1,
            Self::InputLink | Self::OutputLink | Self::DestinationLink => 16,
            Self::InGroup
            | Self::OutGroup
            | Self::Priority
            | Self::Mark
            | Self::SourceRoute
            | Self::DestinationRoute
            | Self::TrackingState
            | Self::TrackingStatus => 4,
            Self::Joined(fields) => 4 * fields.iter().map(|field| field.words()).sum::<u32>(),
        }
    }

    /// How many words of the registers it fills.
    pub(super) fn words(self) -> u32 {
        self.length().div_ceil(4)
    }

    fn write(self, list: &mut Message, register: u32) {
        match self {
            Self::Payload { base, offset, length } => write_expression(list, "payload", |load| {
                load.u32_be(payload::DESTINATION, register);
                load.u32_be(payload::BASE, base as u32);
                load.u32_be(payload::OFFSET, offset);
                load.u32_be(payload::LENGTH, length);
            }),
            Self::HasExtensionHeader(number) => write_expression(list, "exthdr", |load| {
                load.u32_be(extension::DESTINATION, register);
                load.u8(extension::TYPE, number);
                load.u32_be(extension::OFFSET, 0);
                load.u32_be(extension::LENGTH, 1);
                load.u32_be(extension::FLAGS, extension::FLAG_PRESENT);
            }),
            Self::TransportProtocol => write_meta(list, libc::NFT_META_L4PROTO, register),
            Self::NetworkFamily => write_meta(list, libc::NFT_META_NFPROTO, register),
            Self::InputLink => write_meta(list, libc::NFT_META_IIFNAME, register),
            Self::OutputLink => write_meta(list, libc::NFT_META_OIFNAME, register),
            Self::SourceRoute => write_routing(list, routing::OF_SOURCE, routing::ADDRESS_KIND, register),
            Self::DestinationRoute => {
                write_routing(list, routing::OF_DESTINATION, routing::ADDRESS_KIND, register);
            }
            Self::DestinationLink => {
                write_routing(list, routing::OF_DESTINATION, routing::LINK_NAME, register);
            }
            Self::TrackingState => write_tracking(list, tracking::STATE, register),
            Self::TrackingStatus => write_tracking(list, tracking::STATUS, register),
            Self::InGroup => write_meta(list, libc::NFT_META_IIFGROUP, register),
            Self::OutGroup => write_meta(list, libc::NFT_META_OIFGROUP, register),
            Self::Priority => write_meta(list, libc::NFT_META_PRIORITY, register),
            Self::Mark => write_meta(list, libc::NFT_META_MARK, register),
            Self::Joined(fields) => write_joined(list, fields),
        }
    }
}

/// The fields stand behind each other, each from a whole word of the registers on. The first word is where `REGISTER` begins.
fn write_joined(list: &mut Message, fields: &[Field]) {
    let mut word = REGISTER_WORD;
    for field in fields {
        field.write(list, word);
        word += field.words();
    }
}

fn write_meta(list: &mut Message, key: i32, register: u32) {
    write_expression(list, "meta", |load| {
        load.u32_be(meta::KEY, key.cast_unsigned());
        load.u32_be(meta::DESTINATION, register);
    });
}

fn write_setting(list: &mut Message, key: i32, value: u32) {
    write_expression(list, "immediate", |load| {
        load.u32_be(immediate::DESTINATION, REGISTER);
        load.nested(immediate::DATA, |it| it.attribute(data::VALUE, &value.to_ne_bytes()));
    });
    write_expression(list, "meta", |store| {
        store.u32_be(meta::KEY, key.cast_unsigned());
        store.u32_be(meta::SOURCE, REGISTER);
    });
}

fn write_counting(list: &mut Message, set: &str, key: &[Field]) {
    write_joined(list, key);
    write_expression(list, "dynset", |it| {
        it.string(dynamic::SET, set);
        it.u32_be(dynamic::OPERATION, dynamic::UPDATE);
        it.u32_be(dynamic::KEY, REGISTER_WORD);
        it.nested(dynamic::EXPRESSION, |counter| {
            counter.string(expression::NAME, "counter");
            // The kernel wants the counter's attributes, even empty ones.
            counter.nested(expression::DATA, |_| ());
        });
    });
}

fn write_routing(list: &mut Message, of: u32, result: u32, register: u32) {
    write_expression(list, "fib", |load| {
        load.u32_be(routing::FLAGS, of);
        load.u32_be(routing::RESULT, result);
        load.u32_be(routing::DESTINATION, register);
    });
}

fn write_tracking(list: &mut Message, key: u32, register: u32) {
    write_expression(list, "ct", |load| {
        load.u32_be(tracking::KEY, key);
        load.u32_be(tracking::DESTINATION, register);
    });
}

/// The destination becomes what stands in the register: an address, and behind it perhaps a port.
fn write_redirection(list: &mut Message, family: Family, with_port: bool) {
    write_expression(list, "nat", |change| {
        change.u32_be(translation::TYPE, translation::OF_DESTINATION);
        change.u32_be(translation::FAMILY, u32::from(family as u8));
        change.u32_be(translation::ADDRESS, REGISTER);
        if with_port {
            let words = if family == Family::Inet6 { 4 } else { 1 };
            change.u32_be(translation::PORT, REGISTER_WORD + words);
        }
    });
}

impl Test {
    fn write(&self, list: &mut Message, own_sets: &mut OwnSets<'_>) {
        match self {
            Self::Is(value) => write_comparison(list, libc::NFT_CMP_EQ, value),
            Self::IsNot(value) => write_comparison(list, libc::NFT_CMP_NEQ, value),
            Self::Within(from, to) => write_range(list, libc::NFT_RANGE_EQ, from, to),
            Self::Outside(from, to) => write_range(list, libc::NFT_RANGE_NEQ, from, to),
            Self::OneOf(..) => write_lookup(list, ANONYMOUS_SET, 0, own_sets.next().copied()),
            Self::NoneOf(..) => {
                write_lookup(list, ANONYMOUS_SET, libc::NFT_LOOKUP_F_INV, own_sets.next().copied());
            }
            Self::In(set) => write_lookup(list, set, 0, None),
            Self::NotIn(set) => write_lookup(list, set, libc::NFT_LOOKUP_F_INV, None),
        }
    }
}

fn write_comparison(list: &mut Message, operation: i32, value: &[u8]) {
    write_expression(list, "cmp", |test| {
        test.u32_be(compare::SOURCE, REGISTER);
        test.u32_be(compare::OPERATION, operation.cast_unsigned());
        test.nested(compare::DATA, |constant| constant.attribute(data::VALUE, value));
    });
}

fn write_range(list: &mut Message, operation: i32, from: &[u8], to: &[u8]) {
    write_expression(list, "range", |test| {
        test.u32_be(range::SOURCE, REGISTER);
        test.u32_be(range::OPERATION, operation.cast_unsigned());
        test.nested(range::FROM, |constant| constant.attribute(data::VALUE, from));
        test.nested(range::TO, |constant| constant.attribute(data::VALUE, to));
    });
}

fn write_lookup(list: &mut Message, set: &str, flags: i32, id: Option<u32>) {
    write_expression(list, "lookup", |test| {
        test.string(lookup::SET, set);
        if let Some(id) = id {
            test.u32_be(lookup::SET_ID, id);
        }
        test.u32_be(lookup::SOURCE, REGISTER);
        if flags != 0 {
            test.u32_be(lookup::FLAGS, flags.cast_unsigned());
        }
    });
}

impl Statement {
    fn write(&self, list: &mut Message) {
        match self {
            // The kernel wants the counter's attributes, even empty ones.
            Self::Count => write_expression(list, "counter", |_| ()),
            Self::CountIn { set, key } => write_counting(list, set, key),
            Self::DoNotTrack => write_expression(list, "notrack", |_| ()),
            Self::Masquerade => write_expression(list, "masq", |_| ()),
            Self::Redirect { field, map, family, with_port } => {
                field.write(list, REGISTER);
                write_expression(list, "lookup", |found| {
                    found.string(lookup::SET, map);
                    found.u32_be(lookup::SOURCE, REGISTER);
                    found.u32_be(lookup::DESTINATION, REGISTER);
                });
                write_redirection(list, *family, *with_port);
            }
            Self::SetPriority(priority) => write_setting(list, libc::NFT_META_PRIORITY, *priority),
            Self::SetMark(mark) => write_setting(list, libc::NFT_META_MARK, *mark),
            Self::Limit { per_second, burst } => write_expression(list, "limit", |it| {
                it.u64_be(limit::RATE, *per_second);
                it.u64_be(limit::UNIT, 1);
                it.u32_be(limit::BURST, *burst);
            }),
            Self::Log(prefix) => write_expression(list, "log", |it| it.string(log::PREFIX, prefix)),
            Self::Verdict(verdict) => write_expression(list, "immediate", |decision| {
                decision.u32_be(immediate::DESTINATION, REGISTER_VERDICT);
                decision.nested(immediate::DATA, |value| {
                    value.nested(data::VERDICT, |it| verdict.write(it));
                });
            }),
        }
    }
}

impl Verdict {
    fn write(&self, message: &mut Message) {
        let (code, chain) = match self {
            Self::Drop => (libc::NF_DROP, None),
            Self::Accept => (libc::NF_ACCEPT, None),
            Self::Jump(chain) => (verdict::JUMP, Some(chain)),
            Self::Goto(chain) => (verdict::GOTO, Some(chain)),
            Self::Return => (verdict::RETURN, None),
        };
        message.u32_be(verdict::CODE, code.cast_unsigned());
        if let Some(chain) = chain {
            message.string(verdict::CHAIN, chain);
        }
    }
}

impl Rule {
    /// The sets that the rule brings with it, in order.
    pub(super) fn own_sets(&self) -> impl Iterator<Item = (KeyKind, &[Element])> {
        self.matches.iter().filter_map(|it| match &it.test {
            Test::OneOf(keys, elements) | Test::NoneOf(keys, elements) => Some((*keys, &elements[..])),
            _ => None,
        })
    }

    /// Writes the elements of `NFTA_RULE_EXPRESSIONS`; the numbers are those that [`own_sets`](Self::own_sets) got.
    pub(super) fn write(&self, list: &mut Message, own_set_ids: &[u32]) {
        let mut ids = own_set_ids.iter();
        for test in &self.matches {
            test.write(list, &mut ids);
        }
        for statement in &self.statements {
            statement.write(list);
        }
    }
}

fn write_expression(list: &mut Message, name: &str, write: impl FnOnce(&mut Message)) {
    list.nested(LIST_ELEMENT, |element| {
        element.string(expression::NAME, name);
        element.nested(expression::DATA, write);
    });
}
