//! The state of one connection.

use std::borrow::Cow;
use std::collections::BTreeMap;

use super::outbox::Outbox;
use crate::store::{Change, Scope, Transaction};
use crate::wire::{Decoder, MESSAGE_MAX};

#[derive(Debug)]
pub(super) struct Connection {
    pub(super) domid: u32,
    /// What relative paths start from.
    pub(super) home: Box<str>,
    pub(super) decoder: Decoder,
    pub(super) outbox: Outbox,
    pub(super) watches: Vec<Watch>,
    pub(super) transactions: BTreeMap<u32, Transaction>,
    next_tx_id: u32,
    /// To be closed by the event loop.
    pub(super) closed: bool,
}

/// A watch of a connection.
#[derive(Debug)]
pub(super) struct Watch {
    /// Absolute or special.
    pub(super) path: Box<str>,
    pub(super) token: Box<[u8]>,
    /// Bytes of the path that the client left out, and that events leave out too.
    pub(super) implied: usize,
}

impl Watch {
    /// The path of an event as the client expects it.
    pub(super) fn shown<'a>(&self, path: &'a str) -> &'a str {
        path.get(self.implied..).unwrap_or_default()
    }

    fn concerns(&self, change: &Change) -> bool {
        match change.path.strip_prefix(&*self.path) {
            Some("") => true,
            Some(rest) => change.scope == Scope::Subtree && (&*self.path == "/" || rest.starts_with('/')),
            None => false,
        }
    }
}

impl Connection {
    pub(super) fn new(domid: u32) -> Self {
        Self {
            domid,
            home: format!("/local/domain/{domid}").into(),
            decoder: Decoder::with_capacity(2 * MESSAGE_MAX),
            outbox: Outbox::default(),
            watches: Vec::new(),
            transactions: BTreeMap::new(),
            next_tx_id: 1,
            closed: false,
        }
    }

    /// The absolute form of a path; special ones stay as they are.
    pub(super) fn absolute<'a>(&self, path: &'a str) -> Cow<'a, str> {
        if path.starts_with(['/', '@']) { path.into() } else { [&self.home, "/", path].concat().into() }
    }

    /// Starts a transaction under an id that is free.
    pub(super) fn start_transaction(&mut self) -> u32 {
        loop {
            let tx_id = self.next_tx_id;
            self.next_tx_id = tx_id.wrapping_add(1);
            if tx_id != 0 && !self.transactions.contains_key(&tx_id) {
                self.transactions.insert(tx_id, Transaction::default());
                return tx_id;
            }
        }
    }

    /// Queues the events that a change causes; whether it may be seen here has been checked.
    pub(super) fn announce(&mut self, change: &Change) {
        for watch in self.watches.iter().filter(|watch| watch.concerns(change)) {
            self.outbox.event(watch.shown(&change.path), &watch.token);
        }
        self.closed |= self.outbox.is_hopeless();
    }

    /// Queues the events of `@introduceDomain` or `@releaseDomain`.
    pub(super) fn announce_special(&mut self, name: &str) {
        for watch in self.watches.iter().filter(|watch| &*watch.path == name) {
            self.outbox.event(name, &watch.token);
        }
        self.closed |= self.outbox.is_hopeless();
    }

    /// Takes back all watches and transactions.
    pub(super) fn reset(&mut self) {
        self.watches.clear();
        self.transactions.clear();
    }
}
