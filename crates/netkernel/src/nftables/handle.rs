//! The connection on which the rule set is read and changed.

use std::borrow::Cow;
use std::os::fd::{AsFd, AsRawFd};
use std::time::Duration;

use super::batch::{Batch, Table, TableFamily, comment_in};
use super::numbers::{
    LIST_ELEMENT, SUBSYSTEM, chain, counter, data, element, elements, expression, generation, hook, message,
    rule, set, table,
};
use crate::netlink::{
    Attributes, Cause, Context, Error, Message, Protocol, Socket, flags, outcome, string_of, text_of,
    u32_be_of, u64_be_of,
};
use crate::sys;

/// How long the child of [`NfTables::close_later`] keeps the socket: a few RCU grace periods.
const CLOSE_DELAY: Duration = Duration::from_millis(100);
/// And how often it waits once more because the rule set changes, whether or not that ever ends.
const CLOSE_DELAYS: u32 = 50;

/// A connection to nf_tables, in the network namespace of the thread that opened it.
///
/// Closing it after something was deleted waits for the kernel to finish the deletion, 5 to 20 milliseconds; a
/// program that is about to end can avoid that with [`close_later`](Self::close_later).
#[derive(Debug)]
pub struct NfTables {
    socket: Socket,
    /// Something was deleted, so that closing would wait.
    has_deleted: bool,
}

/// A table as the kernel tells of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TableInfo {
    /// Its name.
    pub name: String,
    /// How many chains, sets and objects it has.
    pub uses: u32,
}

/// A chain in the kernel's answer: of thousands not all is wanted.
#[derive(Clone, Debug, Default)]
pub struct ChainView<'a> {
    /// The name of its table.
    pub table: Cow<'a, str>,
    /// Its name.
    pub name: Cow<'a, str>,
    hook: &'a [u8],
    userdata: &'a [u8],
    uses: u32,
}

/// A chain as the kernel tells of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChainInfo {
    /// The name of its table.
    pub table: String,
    /// Its name.
    pub name: String,
    /// The devices that it hooks, in the netdev family.
    pub devices: Vec<String>,
    /// Its comment.
    pub comment: Option<String>,
    /// How many rules it has and how many lead to it, together.
    pub uses: u32,
}

/// A rule as the kernel tells of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RuleInfo {
    /// The name of its table.
    pub table: String,
    /// The name of its chain.
    pub chain: String,
    /// Its comment.
    pub comment: Option<String>,
    /// What its counter says: packets and bytes.
    pub counted: Option<(u64, u64)>,
}

/// An element of a set in the kernel's answer.
#[derive(Clone, Debug)]
pub struct ElementView<'a> {
    /// Its value.
    pub key: &'a [u8],
    /// Its comment.
    pub comment: Option<Cow<'a, str>>,
    /// What its counter says: packets and bytes.
    pub counted: Option<(u64, u64)>,
}

/// An element of a set as the kernel tells of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ElementInfo {
    /// Its value.
    pub key: Vec<u8>,
    /// Its comment.
    pub comment: Option<String>,
    /// What its counter says: packets and bytes.
    pub counted: Option<(u64, u64)>,
}

impl NfTables {
    /// Opens a connection.
    pub fn open() -> Result<Self, Error> {
        let socket =
            Socket::open(Protocol::Netfilter).attempting(|| "open a connection to nf_tables".into())?;
        Ok(Self { socket, has_deleted: false })
    }

    /// Carries out all changes of `batch`, or none of them.
    ///
    /// A batch that fails costs several milliseconds (the kernel waits before it gives up the half-made rules), so
    /// failing is no way of asking.
    pub fn commit(&mut self, batch: &Batch) -> Result<(), Error> {
        if batch.is_empty() {
            return Ok(());
        }
        self.has_deleted |= batch.deletes();
        let (messages, last) = batch.finish();
        let whole_batch = |cause| Error::new(batch.describe(0), cause);
        self.socket.send_raw(&messages).map_err(whole_batch)?;
        let answer = self.socket.read_until(|reply| {
            let result = outcome(&reply)?;
            // Errors come for each change that fails, in order; the acknowledgement is that of the last.
            Some(result.map_err(|cause| Error::new(batch.describe(reply.sequence), cause)))
                .filter(|result| result.is_err() || reply.sequence == last)
        });
        let result = answer.map_err(whole_batch)?;
        if result.is_err() {
            self.socket.discard_pending().map_err(whole_batch)?;
        }
        result
    }

    /// The number of the rule set's generation: it grows with each change that anyone makes.
    pub fn generation(&mut self) -> Result<u32, Error> {
        let mut request = Message::new(SUBSYSTEM << 8 | message::GETGEN, 0);
        request.header(&[0; 4]);
        self.socket
            .get(&request, |reply| {
                Attributes::new(body(reply.payload)).find(generation::ID).and_then(u32_be_of)
            })
            .and_then(|id| id.ok_or(Cause::Malformed("a generation without its number")))
            .attempting(|| "ask for the generation of the packet filter".into())
    }

    /// The tables of `family`.
    pub fn tables(&mut self, family: TableFamily) -> Result<Vec<TableInfo>, Error> {
        let request = request(message::GETTABLE, family);
        self.socket
            .dump(&request, Vec::new, |tables, reply| tables.push(TableInfo::parse(reply.payload)))
            .attempting(|| format!("list the packet filter tables of family {}", family.word()))
    }

    /// One table; none when it does not exist.
    pub fn table(&mut self, table: Table<'_>) -> Result<Option<TableInfo>, Error> {
        let mut request = request(message::GETTABLE, table.family);
        request.string(table::NAME, table.name);
        absent_is_none(self.socket.get(&request, |reply| TableInfo::parse(reply.payload)))
            .attempting(|| format!("look up packet filter table {}", table.name))
    }

    /// The chains of all tables of `family`.
    pub fn chains(&mut self, family: TableFamily) -> Result<Vec<ChainInfo>, Error> {
        self.chains_as(family, |chain| Some(chain.to_owned()))
    }

    /// What `read` makes of the chains of all tables of `family`, but for those of which it makes nothing.
    pub fn chains_as<T>(
        &mut self,
        family: TableFamily,
        mut read: impl FnMut(ChainView<'_>) -> Option<T>,
    ) -> Result<Vec<T>, Error> {
        let request = request(message::GETCHAIN, family);
        self.socket
            .dump(&request, Vec::new, |chains, reply| chains.extend(read(ChainView::parse(reply.payload))))
            .attempting(|| format!("list the packet filter chains of family {}", family.word()))
    }

    /// One chain; none when it does not exist.
    pub fn chain(&mut self, table: Table<'_>, name: &str) -> Result<Option<ChainInfo>, Error> {
        let mut request = request(message::GETCHAIN, table.family);
        request.string(chain::TABLE, table.name);
        request.string(chain::NAME, name);
        absent_is_none(self.socket.get(&request, |reply| ChainView::parse(reply.payload).to_owned()))
            .attempting(|| format!("look up chain {name} in packet filter table {}", table.name))
    }

    /// The names of a table's sets, those of rules' own sets among them; empty when there is no such table.
    pub fn sets(&mut self, table: Table<'_>) -> Result<Vec<String>, Error> {
        let mut request = request(message::GETSET, table.family);
        request.string(set::TABLE, table.name);
        let listed = self.socket.dump(&request, Vec::new, |names, reply| {
            names.extend(Attributes::new(body(reply.payload)).find(set::NAME).map(string_of));
        });
        absent_is_none(listed)
            .map(Option::unwrap_or_default)
            .attempting(|| format!("list the sets of packet filter table {}", table.name))
    }

    /// The rules of a table, or of one of its chains, in order; empty when it does not exist.
    pub fn rules(&mut self, table: Table<'_>, chain: Option<&str>) -> Result<Vec<RuleInfo>, Error> {
        let mut request = request(message::GETRULE, table.family);
        request.string(rule::TABLE, table.name);
        if let Some(chain) = chain {
            request.string(rule::CHAIN, chain);
        }
        self.socket
            .dump(&request, Vec::new, |rules, reply| rules.push(RuleInfo::parse(reply.payload)))
            .attempting(|| format!("list the rules of packet filter table {}", table.name))
    }

    /// The elements of a set, in no order; empty when there is no such set.
    pub fn elements(&mut self, table: Table<'_>, set: &str) -> Result<Vec<ElementInfo>, Error> {
        self.elements_as(table, set, |element| Some(element.to_owned()))
    }

    /// What `read` makes of the elements of a set, in no order, but for those of which it makes nothing; empty when there is
    /// no such set.
    pub fn elements_as<T>(
        &mut self,
        table: Table<'_>,
        set: &str,
        mut read: impl FnMut(ElementView<'_>) -> Option<T>,
    ) -> Result<Vec<T>, Error> {
        let request = request_elements(table, set);
        let listed = self.socket.dump(&request, Vec::new, |list: &mut Vec<T>, reply| {
            list.extend(parse_elements(reply.payload).filter_map(&mut read));
        });
        absent_is_none(listed)
            .map(Option::unwrap_or_default)
            .attempting(|| format!("list the elements of set {set} of packet filter table {}", table.name))
    }

    /// One element of a set; none when it does not exist.
    pub fn element(&mut self, table: Table<'_>, set: &str, key: &[u8]) -> Result<Option<ElementInfo>, Error> {
        let mut request = request_elements(table, set);
        request.nested(elements::ELEMENTS, |list| {
            list.nested(LIST_ELEMENT, |one| {
                one.nested(element::KEY, |value| value.attribute(data::VALUE, key));
            });
        });
        let found = self
            .socket
            .get(&request, |reply| parse_elements(reply.payload).next().map(|element| element.to_owned()));
        absent_is_none(found)
            .map(Option::flatten)
            .attempting(|| format!("look up an element of set {set} of packet filter table {}", table.name))
    }

    /// Closes the connection. If something was deleted, a child process does that a tenth of a second later, or when the rule set
    /// has not changed for so long, so that this program need not wait for the kernel to finish the deletion.
    ///
    /// Only for programs with one thread that are about to end: nobody waits for the child.
    pub fn close_later(mut self) {
        if !self.has_deleted {
            return;
        }
        let descriptor = self.socket.as_fd().as_raw_fd();
        let (mut before, mut delays) = (None, 0);
        sys::close_in_child(descriptor, CLOSE_DELAY, || {
            // Who closes while others' deletions are under way waits for these, and keeps all others waiting meanwhile.
            let now = self.generation().ok();
            let is_over = now.is_none() || now == before || delays == CLOSE_DELAYS;
            (before, delays) = (now, delays + 1);
            is_over
        });
    }
}

/// A request about a family, with the flags of none.
fn request(kind: u16, family: TableFamily) -> Message {
    let mut request = Message::new(SUBSYSTEM << 8 | kind, flags::REQUEST);
    request.header(&[family as u8, 0, 0, 0]);
    request
}

fn request_elements(table: Table<'_>, set: &str) -> Message {
    let mut request = request(message::GETSETELEM, table.family);
    request.string(elements::TABLE, table.name);
    request.string(elements::SET, set);
    request
}

fn parse_elements(payload: &[u8]) -> impl Iterator<Item = ElementView<'_>> {
    let list = Attributes::new(body(payload)).find(elements::ELEMENTS).map(Attributes::new);
    list.into_iter()
        .flatten()
        .filter(|(kind, _)| *kind == LIST_ELEMENT)
        .map(|(_, one)| ElementView::parse(one))
}

/// What a counter says among its expression's attributes; none for another expression.
fn counter_in(expression: &[u8]) -> Option<(u64, u64)> {
    let part = |kind| Attributes::new(expression).find(kind);
    if part(expression::NAME).map(string_of).as_deref() != Some("counter") {
        return None;
    }
    let values = part(expression::DATA)?;
    let value = |kind| Attributes::new(values).find(kind).and_then(u64_be_of);
    Some((value(counter::PACKETS)?, value(counter::BYTES)?))
}

/// What stands behind the `struct nfgenmsg`.
fn body(payload: &[u8]) -> &[u8] {
    payload.get(4..).unwrap_or_default()
}

fn absent_is_none<T>(result: Result<T, Cause>) -> Result<Option<T>, Cause> {
    match result {
        Ok(found) => Ok(Some(found)),
        Err(cause) if cause.code() == Some(libc::ENOENT) => Ok(None),
        Err(cause) => Err(cause),
    }
}

impl TableInfo {
    fn parse(payload: &[u8]) -> Self {
        let attribute = |kind| Attributes::new(body(payload)).find(kind);
        Self {
            name: attribute(table::NAME).map(string_of).unwrap_or_default(),
            uses: attribute(table::USE).and_then(u32_be_of).unwrap_or_default(),
        }
    }
}

impl<'a> ChainView<'a> {
    fn parse(payload: &'a [u8]) -> Self {
        let mut chain = Self::default();
        for (kind, payload) in Attributes::new(body(payload)) {
            match kind {
                chain::TABLE => chain.table = text_of(payload),
                chain::NAME => chain.name = text_of(payload),
                chain::USERDATA => chain.userdata = payload,
                chain::USE => chain.uses = u32_be_of(payload).unwrap_or_default(),
                chain::HOOK => chain.hook = payload,
                _ => {}
            }
        }
        chain
    }

    /// The devices that it hooks, in the netdev family.
    #[must_use]
    pub fn devices(&self) -> Vec<String> {
        devices_in(self.hook)
    }

    fn to_owned(&self) -> ChainInfo {
        ChainInfo {
            table: self.table.clone().into_owned(),
            name: self.name.clone().into_owned(),
            devices: self.devices(),
            comment: comment_in(self.userdata).map(Cow::into_owned),
            uses: self.uses,
        }
    }
}

/// The devices that a hook is on.
fn devices_in(hook: &[u8]) -> Vec<String> {
    let mut devices = Vec::<String>::new();
    // A chain on one device tells its name twice.
    let mut add = |name: &[u8]| {
        let name = text_of(name);
        if devices.last().is_none_or(|last| *last != name) {
            devices.push(name.into_owned());
        }
    };
    for (kind, payload) in Attributes::new(hook) {
        match kind {
            hook::DEVICE => add(payload),
            hook::DEVICES => Attributes::new(payload).for_each(|(_, name)| add(name)),
            _ => {}
        }
    }
    devices
}

impl RuleInfo {
    fn parse(payload: &[u8]) -> Self {
        let attribute = |kind| Attributes::new(body(payload)).find(kind);
        let expressions = attribute(rule::EXPRESSIONS).map(Attributes::new).into_iter().flatten();
        let counted = expressions
            .filter(|(kind, _)| *kind == LIST_ELEMENT)
            .find_map(|(_, expression)| counter_in(expression));
        Self {
            table: attribute(rule::TABLE).map(string_of).unwrap_or_default(),
            chain: attribute(rule::CHAIN).map(string_of).unwrap_or_default(),
            comment: attribute(rule::USERDATA).and_then(comment_in).map(Cow::into_owned),
            counted,
        }
    }
}

impl<'a> ElementView<'a> {
    fn parse(one: &'a [u8]) -> Self {
        let attribute = |kind| Attributes::new(one).find(kind);
        let value = attribute(element::KEY).and_then(|key| Attributes::new(key).find(data::VALUE));
        Self {
            key: value.unwrap_or_default(),
            comment: attribute(element::USERDATA).and_then(comment_in),
            counted: attribute(element::EXPRESSION).and_then(counter_in),
        }
    }

    fn to_owned(&self) -> ElementInfo {
        ElementInfo {
            key: self.key.to_vec(),
            comment: self.comment.clone().map(Cow::into_owned),
            counted: self.counted,
        }
    }
}
