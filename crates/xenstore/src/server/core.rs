//! The daemon without its sockets: bytes in, bytes out.

use std::collections::BTreeMap;
use std::io::IoSlice;

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
/// It is driven from outside: bytes that came go in with [`space`](Self::space) and [`received`](Self::received), [`process`](Self::process) carries out
/// the requests, and what is to be sent is in [`pieces`](Self::pieces) until [`sent`](Self::sent) says that it is gone.
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

    /// Takes a new connection of a domain.
    pub(super) fn connect(&mut self, domid: u32) -> ConnectionId {
        let id = ConnectionId(self.next_id);
        self.next_id += 1;
        self.connections.insert(id, Connection::new(domid));
        id
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
                connection.outbox.reply(request, Ok(&answer.payload));
                if let Some((path, token)) = answer.event_after {
                    connection.outbox.event(&path, &token);
                }
            }
            Err(code) => connection.outbox.reply(request, Err(code)),
        }
    }

    /// The next bytes to send.
    pub(super) fn pieces(&self, id: ConnectionId) -> Vec<IoSlice<'_>> {
        self.connections.get(&id).map(|connection| connection.outbox.pieces()).unwrap_or_default()
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
