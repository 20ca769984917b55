//! Policy routing rules: which packets go by which table (`RTM_*RULE`).

use std::fmt;

use crate::family::Family;
use crate::link::LinkName;
use crate::netlink::{Context, Error, Message, OwnedAttributes, flags, string_of, u32_of};
use crate::rtnetlink::Rtnetlink;

const FRA_IIFNAME: u16 = 3;
const FRA_PRIORITY: u16 = 6;
const FRA_TABLE: u16 = 15;
const FRA_OIFNAME: u16 = 17;
/// `FIB_RULE_INVERT`, the only flag that is configuration: the rule is for all packets that do not match.
const INVERT: u32 = 2;

/// A rule, kept as the kernel told it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Rule {
    /// The family.
    pub family: Family,
    /// The length of the destination's prefix.
    pub destination_length: u8,
    /// The length of the source's prefix.
    pub source_length: u8,
    /// The type of service that it is for; 0: any.
    pub tos: u8,
    /// `FR_ACT_*`.
    pub action: u8,
    /// `FIB_RULE_*`.
    pub flags: u32,
    /// `FRA_*`.
    pub attributes: OwnedAttributes,
}

impl Rule {
    /// Rules are looked at in this order.
    #[must_use]
    pub fn priority(&self) -> u32 {
        self.attributes.u32(FRA_PRIORITY).unwrap_or(0)
    }

    /// True when it is for packets that come in or go out through the device called `link`.
    #[must_use]
    pub fn names(&self, link: &LinkName) -> bool {
        [FRA_IIFNAME, FRA_OIFNAME]
            .into_iter()
            .filter_map(|kind| self.attributes.get(kind))
            .any(|name| string_of(name) == link.as_str())
    }

    /// The same rule for device `to` where it was for device `from`.
    #[must_use]
    pub fn moved(&self, from: &LinkName, to: &LinkName) -> Self {
        let mut rule = self.clone();
        for kind in [FRA_IIFNAME, FRA_OIFNAME] {
            if let Some(name) = rule.attributes.get_mut(kind)
                && string_of(name) == from.as_str()
            {
                *name = [to.as_str().as_bytes(), b"\0"].concat();
            }
        }
        rule
    }

    fn parse(payload: &[u8]) -> Option<Self> {
        let header = payload.first_chunk::<12>()?;
        Some(Self {
            family: Family::from_number(header[0])?,
            destination_length: header[1],
            source_length: header[2],
            tos: header[3],
            action: header[7],
            flags: u32_of(&header[8..])?,
            attributes: OwnedAttributes::parse(&payload[12..]),
        })
    }

    fn write(&self, message: &mut Message) {
        let mut header = [0; 12];
        header[0] = self.family as u8;
        header[1] = self.destination_length;
        header[2] = self.source_length;
        header[3] = self.tos;
        header[4] = self.attributes.u32(FRA_TABLE).and_then(|table| u8::try_from(table).ok()).unwrap_or(0);
        header[7] = self.action;
        header[8..].copy_from_slice(&(self.flags & INVERT).to_ne_bytes());
        message.header(&header);
        self.attributes.write(message);
    }
}

/// Roughly as `ip` writes it: `100: iif eth0 lookup 7`.
impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:", self.priority())?;
        for (kind, word) in [(FRA_IIFNAME, "iif"), (FRA_OIFNAME, "oif")] {
            if let Some(name) = self.attributes.get(kind) {
                write!(f, " {word} {}", string_of(name))?;
            }
        }
        match self.attributes.u32(FRA_TABLE) {
            Some(table) if table != 0 => write!(f, " lookup {table}"),
            _ => Ok(()),
        }
    }
}

impl Rtnetlink {
    /// The rules of both families, in the order in which they are looked at.
    pub fn rules(&mut self) -> Result<Vec<Rule>, Error> {
        let mut rules = Vec::new();
        for family in [Family::Inet, Family::Inet6] {
            let mut message = Message::new(libc::RTM_GETRULE, 0);
            message.header(&[family as u8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
            let found: Vec<Rule> = self
                .socket
                .dump(&message, Vec::new, |list, reply| list.extend(Rule::parse(reply.payload)))
                .attempting(|| "list the routing rules".into())?;
            rules.extend(found.into_iter().filter(|rule| rule.family == family));
        }
        Ok(rules)
    }

    /// Adds a rule. No error when it is there already.
    pub fn add_rule(&mut self, rule: &Rule) -> Result<(), Error> {
        let mut message = Message::new(libc::RTM_NEWRULE, flags::CREATE | flags::EXCLUSIVE);
        rule.write(&mut message);
        match self.socket.request(message) {
            Err(cause) if cause.code() == Some(libc::EEXIST) => Ok(()),
            result => result.attempting(|| format!("add routing rule {rule}")),
        }
    }

    /// Removes a rule.
    pub fn remove_rule(&mut self, rule: &Rule) -> Result<(), Error> {
        let mut message = Message::new(libc::RTM_DELRULE, 0);
        rule.write(&mut message);
        self.socket.request(message).attempting(|| format!("remove routing rule {rule}"))
    }
}
