//! Many requests in one go.

use std::marker::PhantomData;
use std::sync::atomic::{AtomicU64, Ordering};

use super::answer::{Answer, Done, Entries, Line, Names, Number, Part, Removed, Text, Truth, Value};
use super::error::Error;
use crate::path;
use crate::permissions::Permissions;
use crate::wire::{HEADER_LEN, Header, MessageType, PAYLOAD_MAX, TooLong, join_strings, push_message};

/// Requests that are sent together, in one write, and answered together.
///
/// Each request gives a [`Ticket`], with which its answer is taken from the [`Replies`](super::Replies)
/// afterwards. The daemon carries them out in order, but not as one: others' requests may come between them,
/// and one that is refused does not stop those behind it. Use a [transaction](super::Transaction) where that
/// matters.
///
/// ```no_run
/// use xenstore::{Batch, Client, Requests};
///
/// let mut client = Client::open()?;
/// let mut batch = Batch::new();
/// let mac = batch.read("backend/vif/1/0/mac")?;
/// let vifs = batch.directory("backend/vif/1")?;
/// batch.write("backend/vif/1/0/hotplug-status", "connected")?;
///
/// let replies = client.run(batch)?;
/// replies.check()?;
/// println!("{:?} {:?}", replies.get(mac)?, replies.get(vifs)?);
/// # Ok::<(), xenstore::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct Batch {
    /// Tells its tickets from those of other batches.
    id: u64,
    /// The messages as they go on the wire, but for their ids.
    bytes: Vec<u8>,
    /// Where each message ends in `bytes`.
    ends: Vec<usize>,
}

/// Stands for the answer to one request of a [`Batch`].
#[derive(Debug)]
pub struct Ticket<A> {
    batch: u64,
    index: usize,
    answer: PhantomData<fn() -> A>,
}

// Derived, these would ask the same of `A`.
impl<A> Clone for Ticket<A> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<A> Copy for Ticket<A> {}

impl Default for Batch {
    fn default() -> Self {
        Self::new()
    }
}

impl Batch {
    /// An empty batch.
    #[must_use]
    pub fn new() -> Self {
        static NEXT_ID: AtomicU64 = AtomicU64::new(0);
        Self { id: NEXT_ID.fetch_add(1, Ordering::Relaxed), bytes: Vec::new(), ends: Vec::new() }
    }

    /// How many requests it holds.
    #[must_use]
    pub fn len(&self) -> usize {
        self.ends.len()
    }

    /// Whether it holds no request.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }

    /// Reads a node's value; the answer is `None` when there is no such node.
    pub fn read(&mut self, path: &str) -> Result<Ticket<Value>, Error> {
        self.about_node(MessageType::Read, path, b"")
    }

    /// Reads a node's value as text.
    pub fn read_text(&mut self, path: &str) -> Result<Ticket<Text>, Error> {
        self.about_node(MessageType::Read, path, b"")
    }

    /// Sets a node's value; makes the node, and what is missing above it.
    pub fn write(&mut self, path: &str, value: impl AsRef<[u8]>) -> Result<Ticket<Done>, Error> {
        self.about_node(MessageType::Write, path, value.as_ref())
    }

    /// Makes a node, and what is missing above it, if there is none.
    pub fn mkdir(&mut self, path: &str) -> Result<Ticket<Done>, Error> {
        self.about_node(MessageType::Mkdir, path, b"")
    }

    /// Removes a node and all below it, if there is one.
    pub fn remove(&mut self, path: &str) -> Result<Ticket<Removed>, Error> {
        self.about_node(MessageType::Rm, path, b"")
    }

    /// Lists the names of a node's children.
    ///
    /// The daemon refuses with `E2BIG` when they do not fit in one message;
    /// [`Requests::directory`](super::Requests::directory) deals with that.
    pub fn directory(&mut self, path: &str) -> Result<Ticket<Names>, Error> {
        self.about_node(MessageType::Directory, path, b"")
    }

    /// Reads a node's permissions.
    pub fn permissions(&mut self, path: &str) -> Result<Ticket<Entries>, Error> {
        self.about_node(MessageType::GetPerms, path, b"")
    }

    /// Replaces a node's permissions. The path may be a special one too.
    pub fn set_permissions(&mut self, path: &str, permissions: &Permissions) -> Result<Ticket<Done>, Error> {
        self.about_node(MessageType::SetPerms, path, &permissions.encode())
    }

    pub(super) fn directory_part(&mut self, path: &str, offset: usize) -> Result<Ticket<Part>, Error> {
        self.about_node(MessageType::DirectoryPart, path, format!("{offset}\0").as_bytes())
    }

    pub(super) fn watch(
        &mut self,
        operation: MessageType,
        path: &str,
        token: &str,
    ) -> Result<Ticket<Done>, Error> {
        if token.contains('\0') {
            return Err(Error::Token(token.to_owned()));
        }
        path::check(path)?;
        self.push(operation, &[path.as_bytes(), b"\0", token.as_bytes(), b"\0"])
    }

    pub(super) fn transaction_start(&mut self) -> Result<Ticket<Number>, Error> {
        self.push(MessageType::TransactionStart, &[b"\0"])
    }

    pub(super) fn transaction_end(&mut self, commit: bool) -> Result<Ticket<Done>, Error> {
        self.push(MessageType::TransactionEnd, &[if commit { b"T\0" } else { b"F\0" }])
    }

    /// A request whose arguments are numbers: those about domains.
    pub(super) fn about_domain<A: Answer>(
        &mut self,
        operation: MessageType,
        arguments: &[u64],
    ) -> Result<Ticket<A>, Error> {
        let arguments: Vec<String> = arguments.iter().map(u64::to_string).collect();
        self.push(operation, &[&join_strings(arguments.iter().map(String::as_bytes))])
    }

    pub(super) fn domain_path(&mut self, domid: u32) -> Result<Ticket<Line>, Error> {
        self.about_domain(MessageType::GetDomainPath, &[domid.into()])
    }

    pub(super) fn is_introduced(&mut self, domid: u32) -> Result<Ticket<Truth>, Error> {
        self.about_domain(MessageType::IsDomainIntroduced, &[domid.into()])
    }

    fn about_node<A>(&mut self, operation: MessageType, path: &str, rest: &[u8]) -> Result<Ticket<A>, Error> {
        path::check(path)?;
        self.push(operation, &[path.as_bytes(), b"\0", rest])
    }

    pub(super) fn push<A>(&mut self, operation: MessageType, parts: &[&[u8]]) -> Result<Ticket<A>, Error> {
        let header = Header { message_type: operation.number(), ..Header::default() };
        push_message(&mut self.bytes, header, parts).map_err(|TooLong { len }| Error::TooLong {
            operation,
            len,
            max: PAYLOAD_MAX,
        })?;
        let ticket = Ticket { batch: self.id, index: self.ends.len(), answer: PhantomData };
        self.ends.push(self.bytes.len());
        Ok(ticket)
    }

    /// The number of the request that a ticket stands for, if it is one of this batch.
    pub(super) fn index_of<A>(&self, ticket: Ticket<A>) -> Option<usize> {
        (ticket.batch == self.id).then_some(ticket.index)
    }

    /// Gives the requests the ids that they are sent with: `first_id` and the numbers that follow.
    pub(super) fn number(&mut self, first_id: u32, tx_id: u32) {
        let mut start = 0;
        let mut req_id = first_id;
        for &end in &self.ends {
            if let Some(place) = self.bytes.get_mut(start..).and_then(<[u8]>::first_chunk_mut::<HEADER_LEN>) {
                *place = Header { req_id, tx_id, ..Header::decode(place) }.encode();
            }
            req_id = req_id.wrapping_add(1);
            start = end;
        }
    }

    /// The requests from number `first` on that fit in `max` bytes, but at least one: how many, and their
    /// bytes.
    pub(super) fn chunk(&self, first: usize, max: usize) -> (usize, &[u8]) {
        let start = self.start_of(first);
        let rest = self.ends.get(first..).unwrap_or_default();
        let count = rest.partition_point(|end| end - start <= max).max(1).min(rest.len());
        let end = self.start_of(first + count);
        (count, self.bytes.get(start..end).unwrap_or_default())
    }

    /// What request `index` asks, and its payload.
    pub(super) fn request(&self, index: usize) -> Option<(MessageType, &[u8])> {
        let message = self.bytes.get(self.start_of(index)..*self.ends.get(index)?)?;
        let (header, payload) = message.split_first_chunk::<HEADER_LEN>()?;
        Some((MessageType::from_number(Header::decode(header).message_type)?, payload))
    }

    /// The request whose payload is longer than `max` bytes, if there is one.
    pub(super) fn longer_than(&self, max: usize) -> Option<(MessageType, usize)> {
        (0..self.len())
            .filter_map(|index| self.request(index))
            .map(|(operation, payload)| (operation, payload.len()))
            .find(|(_, len)| *len > max)
    }

    /// The number of the type of request `index`.
    pub(super) fn type_of(&self, index: usize) -> Option<u32> {
        let header = self.bytes.get(self.start_of(index)..)?.first_chunk()?;
        Some(Header::decode(header).message_type)
    }

    fn start_of(&self, index: usize) -> usize {
        index.checked_sub(1).and_then(|before| self.ends.get(before)).copied().unwrap_or(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_look_on_the_wire_as_the_protocol_says() {
        let mut batch = Batch::new();
        batch.read("/a").unwrap();
        batch.write("/a", b"v\0w").unwrap();
        batch.number(7, 3);
        let expected = [
            &[2, 0, 0, 0, 7, 0, 0, 0, 3, 0, 0, 0, 3, 0, 0, 0][..],
            b"/a\0",
            &[11, 0, 0, 0, 8, 0, 0, 0, 3, 0, 0, 0, 6, 0, 0, 0],
            b"/a\0v\0w",
        ];
        assert_eq!(batch.bytes, expected.concat());
    }

    #[test]
    fn chunks_hold_what_fits_and_never_nothing() {
        let mut batch = Batch::new();
        for _ in 0..5 {
            batch.read("/a").unwrap();
        }
        let len = batch.ends[0];
        assert_eq!(batch.chunk(0, 2 * len).0, 2);
        assert_eq!(batch.chunk(2, 2 * len + 1).0, 2);
        assert_eq!(batch.chunk(4, 2 * len), (1, &batch.bytes[4 * len..]));
        assert_eq!(batch.chunk(0, 1).0, 1);
        assert_eq!(batch.chunk(0, 1000), (5, &batch.bytes[..]));
    }

    #[test]
    fn what_breaks_the_rules_is_refused_before_it_is_sent() {
        let mut batch = Batch::new();
        assert!(matches!(batch.read("/a\0/b"), Err(Error::Path(_))));
        assert!(matches!(batch.watch(MessageType::Watch, "/a", "t\0"), Err(Error::Token(_))));
        let refused = batch.write("/a", [0; 4094]);
        assert!(matches!(refused, Err(Error::TooLong { len: 4097, max: 4096, .. })));
        assert!(batch.is_empty() && batch.bytes.is_empty());
        batch.write("/a", [0; 4093]).unwrap();
        assert_eq!(batch.longer_than(4080), Some((MessageType::Write, 4096)));
        assert_eq!(batch.longer_than(4096), None);
    }
}
