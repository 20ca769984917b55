//! Changes of the rule set that take effect together or not at all: tables, chains and rules. Sets are in [`sets`](super::sets).

use std::borrow::Cow;

use super::numbers::{SUBSYSTEM, batch, chain, hook, message, rule, set, table};
use super::rule::Rule;
use crate::link::LinkName;
use crate::netlink::{Attributes, Message, flags, string_of, text_of};

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

/// Changes of the rule set, in order. Nothing happens before
/// [`NfTables::commit`](super::NfTables::commit).
#[derive(Clone, Debug)]
pub struct Batch {
    pub(super) messages: Message,
    /// How many changes there are; their sequence numbers are 1, 2, 3… behind that of the batch's beginning.
    pub(super) count: u32,
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

    /// Makes a chain that no packet reaches but by a jump, unless it is there; without rules, in any case.
    ///
    /// Where it was there with rules, closing the connection waits for the kernel, as after a deletion.
    pub fn ensure_empty_chain(&mut self, table: Table<'_>, name: &str) {
        self.change(message::NEWCHAIN, flags::CREATE, table.family);
        self.chain_names(table, name);
        let deletes = self.deletes;
        self.flush_chain(table, name);
        self.deletes = deletes;
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

    fn chain_names(&mut self, table: Table<'_>, name: &str) {
        self.messages.string(chain::TABLE, table.name);
        self.messages.string(chain::NAME, name);
    }

    pub(super) fn change(&mut self, kind: u16, more_flags: u16, family: TableFamily) {
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

/// How `nft` keeps a comment: type 0, length with the closing NUL, text.
pub(super) fn comment_userdata(comment: &str) -> Vec<u8> {
    let text = &comment.as_bytes()[..comment.floor_char_boundary(127)];
    let mut userdata = vec![0, u8::try_from(text.len() + 1).unwrap_or(u8::MAX)];
    userdata.extend_from_slice(text);
    userdata.push(0);
    userdata
}

/// The comment in the userdata of a rule or chain.
pub(super) fn comment_in(userdata: &[u8]) -> Option<Cow<'_, str>> {
    let mut rest = userdata;
    while let [kind, length, tail @ ..] = rest {
        let value = tail.get(..usize::from(*length))?;
        if *kind == 0 {
            return Some(text_of(value));
        }
        rest = &tail[usize::from(*length)..];
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comments_survive_and_are_cut_between_characters() {
        assert_eq!(comment_in(&comment_userdata("mac")).as_deref(), Some("mac"));
        let userdata = comment_userdata(&"é".repeat(100));
        assert_eq!(comment_in(&userdata).unwrap(), "é".repeat(63));
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
