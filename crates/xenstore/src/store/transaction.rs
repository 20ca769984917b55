//! What a transaction has read and written.

use std::collections::HashMap;
use std::sync::Arc;

use super::node::{Node, NodePermissions};

/// A transaction's own picture of the nodes that it has touched.
///
/// A node is copied into the picture when it is first read or written, not when the transaction starts; its
/// generation at that moment must still be the store's at the commit (`xenstored_transaction.c`).
#[derive(Debug, Default)]
pub(crate) struct Transaction {
    /// In the order in which they were first touched: the order of the events at the commit.
    touched: Vec<Touched>,
    index: HashMap<Box<str>, usize>,
    /// How many more nodes each domain owns after the commit.
    pub(super) owned: HashMap<u32, isize>,
    /// A request failed halfway: it cannot be committed any more.
    pub(super) failed: bool,
    pub(super) created_node: bool,
}

#[derive(Debug)]
pub(super) struct Touched {
    pub(super) path: Box<str>,
    /// The store's generation of the node when it was first touched; `None`: there was none.
    pub(super) generation: Option<u64>,
    /// The permissions at that moment.
    pub(super) old_permissions: Option<NodePermissions>,
    /// The node as the transaction sees it.
    pub(super) node: Option<Arc<Node>>,
    pub(super) modified: bool,
    /// An event is due; `Exact` is replaced by `Subtree`, not the other way round.
    pub(super) event: Option<super::Scope>,
}

impl Transaction {
    pub(super) fn get(&self, path: &str) -> Option<&Touched> {
        self.touched.get(*self.index.get(path)?)
    }

    pub(super) fn get_mut(&mut self, path: &str) -> Option<&mut Touched> {
        self.touched.get_mut(*self.index.get(path)?)
    }

    pub(super) fn len(&self) -> usize {
        self.touched.len()
    }

    /// Copies a node, or its absence, into the picture.
    pub(super) fn touch(&mut self, path: &str, node: Option<Arc<Node>>) {
        self.index.insert(path.into(), self.touched.len());
        self.touched.push(Touched {
            path: path.into(),
            generation: node.as_ref().map(|node| node.generation),
            old_permissions: node.as_ref().map(|node| node.permissions.clone()),
            node,
            modified: false,
            event: None,
        });
    }

    pub(super) fn touched(&self) -> &[Touched] {
        &self.touched
    }

    pub(super) fn into_touched(self) -> Vec<Touched> {
        self.touched
    }

    /// A domain has gone: what permissions say about it counts no more.
    pub(crate) fn forget_domain(&mut self, domid: u32) {
        for touched in &mut self.touched {
            if let Some(node) = &mut touched.node
                && node.permissions.mentions(domid)
            {
                Arc::make_mut(node).permissions.forget(domid);
            }
        }
    }
}
