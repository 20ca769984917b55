//! What a guest may use of the store.

/// Limits for every domain but dom0; the defaults are those of xenstored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Quotas {
    /// Nodes that a domain owns.
    pub nodes: usize,
    /// Watches of a domain; one more can be set, as in xenstored.
    pub watches: usize,
    /// Open transactions of a domain; one more can be started, as in xenstored.
    pub transactions: usize,
    /// Replies that a connection has not yet read; no more requests are taken meanwhile.
    pub outstanding: usize,
    /// Nodes that a transaction reads or writes.
    pub transaction_nodes: usize,
    /// Bytes of a node: its value, the names of its children, its permissions.
    pub node_size: usize,
    /// Bytes of a path, not counting a leading `/local/domain/<domid>/`. This one binds dom0 too.
    pub path_max: usize,
    /// Entries of a node's permissions.
    pub permissions: usize,
    /// Connections of a domain; further ones are closed at once. In xenstored a guest has exactly one, its ring.
    pub connections: usize,
}

impl Default for Quotas {
    fn default() -> Self {
        Self {
            nodes: 1000,
            watches: 128,
            transactions: 10,
            outstanding: 20,
            transaction_nodes: 1024,
            node_size: 2048,
            path_max: crate::path::RELATIVE_MAX,
            permissions: 5,
            // As many programs of a driver domain may ask at the same time.
            connections: 256,
        }
    }
}

/// A quota's name for `CONTROL quota`, what it is, and where it is kept.
type Entry = (&'static str, &'static str, fn(&mut Quotas) -> &mut usize);

/// In the order in which xenstored lists them.
const LISTED: [Entry; 8] = [
    ("nodes", "Nodes per domain", |quotas| &mut quotas.nodes),
    ("watches", "Watches per domain", |quotas| &mut quotas.watches),
    ("transactions", "Transactions per domain", |quotas| &mut quotas.transactions),
    ("outstanding", "Outstanding requests per domain", |quotas| &mut quotas.outstanding),
    ("transaction-nodes", "Max. number of accessed nodes per transaction", |quotas| {
        &mut quotas.transaction_nodes
    }),
    ("node-size", "Max. size of a node", |quotas| &mut quotas.node_size),
    ("path-max", "Max. length of a node path", |quotas| &mut quotas.path_max),
    ("permissions", "Max. number of permissions per node", |quotas| &mut quotas.permissions),
];

impl Quotas {
    /// Each quota's name, meaning and value.
    pub(crate) fn list(mut self) -> impl Iterator<Item = (&'static str, &'static str, usize)> {
        LISTED.into_iter().map(move |(name, meaning, place)| (name, meaning, *place(&mut self)))
    }

    /// Sets the quota with this name; `false` when there is none.
    pub(crate) fn set(&mut self, name: &str, value: usize) -> bool {
        let Some((_, _, place)) = LISTED.iter().find(|(listed, ..)| *listed == name) else { return false };
        *place(self) = value;
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quotas_are_set_by_their_names() {
        let mut quotas = Quotas::default();
        assert!(quotas.set("node-size", 7));
        assert!(!quotas.set("nonsense", 7));
        let changed: Vec<_> =
            quotas.list().filter(|(_, _, value)| *value == 7).map(|(name, ..)| name).collect();
        assert_eq!(changed, ["node-size"]);
    }
}
