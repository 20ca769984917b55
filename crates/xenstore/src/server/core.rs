//! The daemon without its sockets: bytes in, bytes out.

use std::collections::BTreeMap;

use super::connection::Connection;
use super::domains::{Domains, Special};
use crate::store::node::{Caller, Need};
use crate::store::{Change, Quotas, Store, View};
use crate::wire::{ErrorCode, Header};

/// Names a connection; never used twice.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct ConnectionId(u64);

/// The store, the domains and the connections.
///
/// It is driven from outside: bytes that came go in with [`space`](Self::space) and
/// [`received`](Self::received), [`process`](Self::process) carries out the requests, and what is to be sent
/// is in [`output`](Self::output) until [`sent`](Self::sent) says that it is gone.
#[derive(Debug)]
pub(super) struct Core {
    pub(super) store: Store,
    pub(super) domains: Domains,
    /// In the order in which they came, which is the order in which they are told of changes.
    pub(super) connections: BTreeMap<ConnectionId, Connection>,
    next_id: u64,
}

impl Core {
    pub(super) fn new(quotas: Quotas) -> Self {
        Self { store: Store::new(quotas), domains: Domains::new(), connections: BTreeMap::new(), next_id: 0 }
    }

    /// Takes a new connection of a domain; `None` when the domain has too many.
    pub(super) fn connect(&mut self, domid: u32) -> Option<ConnectionId> {
        if domid != 0 && self.connections_of(domid).count() >= self.store.quotas.connections {
            return None;
        }
        let id = ConnectionId(self.next_id);
        self.next_id += 1;
        self.connections.insert(id, Connection::new(domid));
        Some(id)
    }

    pub(super) fn connections_of(&self, domid: u32) -> impl Iterator<Item = &Connection> {
        self.connections.values().filter(move |connection| connection.domid == domid)
    }

    /// How many watches a domain has on all its connections.
    pub(super) fn watches_of(&self, domid: u32) -> usize {
        self.connections_of(domid).map(|connection| connection.watches.len()).sum()
    }

    /// How many transactions a domain has open on all its connections.
    pub(super) fn transactions_of(&self, domid: u32) -> usize {
        self.connections_of(domid).map(|connection| connection.transactions.len()).sum()
    }

    /// Forgets a connection with its watches and transactions.
    pub(super) fn disconnect(&mut self, id: ConnectionId) {
        self.connections.remove(&id);
    }

    /// Whether the connection is to be closed.
    pub(super) fn is_closed(&self, id: ConnectionId) -> bool {
        self.connections.get(&id).is_none_or(|connection| connection.closed)
    }

    /// Where bytes that come belong.
    pub(super) fn space(&mut self, id: ConnectionId) -> &mut [u8] {
        self.connections.get_mut(&id).map_or(&mut [], |connection| connection.decoder.spare())
    }

    /// Takes in the first `count` bytes of [`space`](Self::space).
    pub(super) fn received(&mut self, id: ConnectionId, count: usize) {
        if let Some(connection) = self.connections.get_mut(&id) {
            connection.decoder.advance(count);
        }
    }

    /// Whether requests are taken: not while too much waits to be sent.
    pub(super) fn takes_requests(&self, id: ConnectionId) -> bool {
        self.connections.get(&id).is_some_and(|connection| {
            let outbox = &connection.outbox;
            let within_quota = connection.domid == 0 || outbox.replies() < self.store.quotas.outstanding;
            !connection.closed && !outbox.is_full() && within_quota
        })
    }

    /// Whether [`process`](Self::process) has something to do.
    pub(super) fn has_work(&self, id: ConnectionId) -> bool {
        self.takes_requests(id)
            && self.connections.get(&id).is_some_and(|connection| connection.decoder.has_message())
    }

    /// Carries out the requests that have come in full.
    pub(super) fn process(&mut self, id: ConnectionId) {
        let Some(connection) = self.connections.get_mut(&id) else { return };
        // Taken out so that requests can be carried out while the payload stays where it is.
        let mut decoder = std::mem::take(&mut connection.decoder);
        while self.takes_requests(id) {
            match decoder.next_message() {
                Ok(Some(message)) => self.handle(id, message.header, message.payload),
                Ok(None) => break,
                Err(_) => {
                    self.close(id);
                    break;
                }
            }
        }
        if let Some(connection) = self.connections.get_mut(&id) {
            connection.decoder = decoder;
        }
    }

    fn handle(&mut self, id: ConnectionId, request: Header, payload: &[u8]) {
        let outcome = self.answer(id, request, payload);
        let Some(connection) = self.connections.get_mut(&id) else { return };
        match outcome {
            Ok(answer) => {
                connection.outbox.reply(request, Ok(answer.payload.as_bytes()));
                if let Some((path, token)) = answer.event_after {
                    connection.outbox.event(&path, &token);
                }
            }
            Err(code) => connection.outbox.reply(request, Err(code)),
        }
    }

    /// The next bytes to send.
    pub(super) fn output(&self, id: ConnectionId) -> &[u8] {
        self.connections.get(&id).map(|connection| connection.outbox.waiting()).unwrap_or_default()
    }

    /// Notes that `count` bytes have been sent.
    pub(super) fn sent(&mut self, id: ConnectionId, count: usize) {
        if let Some(connection) = self.connections.get_mut(&id) {
            connection.outbox.advance(count);
        }
    }

    /// Whether something waits to be sent.
    pub(super) fn has_output(&self, id: ConnectionId) -> bool {
        self.connections.get(&id).is_some_and(|connection| !connection.outbox.is_empty())
    }

    pub(super) fn caller(&self, id: ConnectionId) -> Caller {
        let domid = self.connections.get(&id).map_or(u32::MAX, |connection| connection.domid);
        self.domains.caller(domid)
    }

    /// Carries out an operation on nodes, in a transaction if there is one, and tells the watches.
    pub(super) fn with_view<T>(
        &mut self,
        id: ConnectionId,
        tx_id: u32,
        operation: impl FnOnce(&mut View<'_>) -> Result<T, ErrorCode>,
    ) -> Result<T, ErrorCode> {
        let caller = self.caller(id);
        let connection = self.connections.get_mut(&id);
        let transaction = connection.and_then(|connection| connection.transactions.get_mut(&tx_id));
        let mut view = self.store.view(caller, transaction);
        let result = operation(&mut view);
        let changes = view.into_changes();
        self.announce(&changes);
        result
    }

    /// Tells the watches of changes.
    pub(super) fn announce(&mut self, changes: &[Change]) {
        if changes.is_empty() {
            return;
        }
        for connection in self.connections.values_mut().filter(|connection| !connection.watches.is_empty()) {
            let caller = self.domains.caller(connection.domid);
            for change in changes.iter().filter(|change| change.visible_to(caller)) {
                connection.announce(change);
            }
        }
    }

    /// Tells the watches that a domain came or went.
    pub(super) fn announce_special(&mut self, special: Special) {
        let permissions = self.domains.special_permissions(special);
        for connection in self.connections.values_mut() {
            if permissions.allow(self.domains.caller(connection.domid), Need::Read) {
                connection.announce_special(special.name());
            }
        }
    }

    fn close(&mut self, id: ConnectionId) {
        if let Some(connection) = self.connections.get_mut(&id) {
            connection.closed = true;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::{Decoder, HEADER_LEN, push_message};

    fn requests(count: usize) -> Vec<u8> {
        let mut bytes = Vec::new();
        for _ in 0..count {
            push_message(&mut bytes, Header { message_type: 10, ..Header::default() }, &[b"1\0"]).unwrap();
        }
        bytes
    }

    fn give(core: &mut Core, id: ConnectionId, bytes: &[u8]) {
        let space = core.space(id);
        space[..bytes.len()].copy_from_slice(bytes);
        core.received(id, bytes.len());
        core.process(id);
    }

    fn replies(core: &Core, id: ConnectionId) -> usize {
        core.connections[&id].outbox.replies()
    }

    /// The types and the lengths of the messages that wait.
    fn messages(core: &Core, id: ConnectionId) -> Vec<(u32, usize)> {
        let mut decoder = Decoder::new();
        decoder.fill(core.output(id));
        let next = || {
            let header = decoder.next_message().unwrap()?.header;
            Some((header.message_type, HEADER_LEN + header.len as usize))
        };
        std::iter::from_fn(next).collect()
    }

    #[test]
    fn a_guest_is_not_answered_further_while_it_does_not_read() {
        let mut core = Core::new(Quotas::default());
        let (dom0, guest) = (core.connect(0).unwrap(), core.connect(5).unwrap());
        for id in [dom0, guest] {
            give(&mut core, id, &requests(30));
        }
        assert_eq!((replies(&core, dom0), replies(&core, guest)), (30, 20));
        assert!(core.takes_requests(dom0) && !core.takes_requests(guest) && !core.has_work(guest));
        let first = messages(&core, guest)[0].1;
        core.sent(guest, first);
        assert!(core.has_work(guest));
        core.process(guest);
        assert_eq!(replies(&core, guest), 20);
    }

    #[test]
    fn a_guest_has_only_so_many_connections() {
        let mut core = Core::new(Quotas { connections: 2, ..Quotas::default() });
        let first = core.connect(5).unwrap();
        assert!(core.connect(5).is_some() && core.connect(5).is_none());
        assert!(core.connect(6).is_some());
        core.disconnect(first);
        assert!(core.connect(5).is_some());
        assert!((0..10).all(|_| core.connect(0).is_some()), "dom0 has as many as it likes");
    }

    #[test]
    fn a_connection_that_has_gone_is_no_trouble() {
        let mut core = Core::new(Quotas::default());
        let id = core.connect(0).unwrap();
        core.disconnect(id);
        assert!(core.space(id).is_empty() && core.is_closed(id) && !core.has_output(id));
        core.received(id, 100);
        core.process(id);
        core.sent(id, 100);
    }

    #[test]
    fn changes_are_told_to_connections_in_the_order_in_which_they_came() {
        let mut core = Core::new(Quotas::default());
        let ids = [core.connect(0).unwrap(), core.connect(0).unwrap()];
        assert!(ids[0] < ids[1]);
        let mut watch = Vec::new();
        push_message(&mut watch, Header { message_type: 4, ..Header::default() }, &[b"/\0t\0"]).unwrap();
        for id in ids {
            give(&mut core, id, &watch);
        }
        let mut write = Vec::new();
        push_message(&mut write, Header { message_type: 11, ..Header::default() }, &[b"/a\0v"]).unwrap();
        give(&mut core, ids[1], &write);
        let kinds = |id| messages(&core, id).iter().map(|(kind, _)| *kind).collect::<Vec<_>>();
        assert_eq!(kinds(ids[0]), [4, 15, 15]);
        assert_eq!(kinds(ids[1]), [4, 15, 15, 11], "the event stands in front of the reply");
    }
}
