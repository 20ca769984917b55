//! The tree of nodes: pure, without connections.
//!
//! - [`node`]: a node, its permissions, and who may do what with it.
//! - [`View`]: the operations, as a caller has them directly or inside a [`Transaction`].
//! - [`Change`]: what an operation changed, for the watches.
//! - [`Quotas`]: what guests may use.
//!
//! The nodes lie side by side in one table, by their paths: nothing here recurses, however deep the tree is.

#[cfg(test)]
mod model_tests;
pub(crate) mod node;
mod quota;
mod transaction;
mod view;

use std::collections::HashMap;
use std::sync::Arc;

use node::{Caller, Need, Node, NodePermissions, child_of, parent_of};
pub use quota::Quotas;
pub(crate) use transaction::Transaction;
pub(crate) use view::{View, is_node_path};

use crate::permissions::{Access, Permissions};
use crate::wire::ErrorCode;

/// All nodes.
#[derive(Debug)]
pub(crate) struct Store {
    nodes: HashMap<Box<str>, Arc<Node>>,
    /// The number of the last change.
    generation: u64,
    /// How many nodes each domain owns.
    owned: HashMap<u32, usize>,
    pub(crate) quotas: Quotas,
}

/// Which watches a change concerns.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Scope {
    /// Those on the node itself.
    Exact,
    /// Those on the node and on any node above it.
    Subtree,
}

/// A changed node.
#[derive(Debug)]
pub(crate) struct Change {
    pub(crate) path: Box<str>,
    pub(crate) scope: Scope,
    old_permissions: Option<NodePermissions>,
    /// The node after the change, or before its removal; `None` when it was removed by a transaction.
    node: Option<Arc<Node>>,
    parent: Option<Arc<Node>>,
}

impl Change {
    /// Whether a caller may learn of it: who could read the node before, or can read it or its parent now.
    pub(crate) fn visible_to(&self, caller: Caller) -> bool {
        let may_read = |permissions: &NodePermissions| permissions.allow(caller, Need::Read);
        if self.old_permissions.as_ref().is_some_and(may_read) {
            return true;
        }
        let Some(node) = &self.node else { return false };
        may_read(&node.permissions)
            || self.parent.as_ref().is_some_and(|parent| may_read(&parent.permissions))
    }
}

impl Store {
    /// A store as a fresh xenstored has it: `/tool/xenstored` and nothing else.
    pub(crate) fn new(quotas: Quotas) -> Self {
        let mut store = Self { nodes: HashMap::new(), generation: 0, owned: HashMap::new(), quotas };
        let permissions = NodePermissions::new(Permissions::owned_by(0, Access::None));
        for (path, child) in [("/", Some("tool")), ("/tool", Some("xenstored")), ("/tool/xenstored", None)] {
            let mut node = Node::new(permissions.clone());
            node.children.extend(child.map(Into::into));
            store.put(path, node);
            store.account(0, 1);
        }
        store
    }

    /// The operations as `caller` has them, inside `transaction` if there is one.
    pub(crate) fn view<'a>(
        &'a mut self,
        caller: Caller,
        transaction: Option<&'a mut Transaction>,
    ) -> View<'a> {
        View::new(self, caller, transaction)
    }

    /// How many nodes a domain owns.
    pub(crate) fn owned_by(&self, domid: u32) -> usize {
        self.owned.get(&domid).copied().unwrap_or(0)
    }

    /// Makes all that a transaction did take effect and says what changed.
    pub(crate) fn commit(
        &mut self,
        caller: Caller,
        transaction: Transaction,
    ) -> Result<Vec<Change>, ErrorCode> {
        if transaction.failed {
            return Err(ErrorCode::OutOfMemory);
        }
        if transaction.created_node && !caller.is_privileged() && self.over_quota(&transaction) {
            return Err(ErrorCode::OverQuota);
        }
        let unchanged = |touched: &transaction::Touched| {
            self.nodes.get(&touched.path).map(|node| node.generation) == touched.generation
        };
        if !transaction.touched().iter().all(unchanged) {
            return Err(ErrorCode::Again);
        }
        for (domid, more) in &transaction.owned {
            self.account(*domid, *more);
        }
        let modified = transaction.into_touched().into_iter().filter(|touched| touched.modified);
        Ok(modified.filter_map(|touched| self.take_over(touched)).collect())
    }

    fn over_quota(&self, transaction: &Transaction) -> bool {
        transaction.owned.iter().any(|(domid, more)| {
            *domid != 0 && self.owned_by(*domid).saturating_add_signed(*more) >= self.quotas.nodes
        })
    }

    fn take_over(&mut self, touched: transaction::Touched) -> Option<Change> {
        match touched.node {
            Some(node) => self.put(&touched.path, Arc::unwrap_or_clone(node)),
            None => {
                self.nodes.remove(&touched.path);
            }
        }
        let scope = touched.event?;
        Some(self.change(touched.path, scope, touched.old_permissions))
    }

    /// A change with the node and its parent as they are now.
    fn change(&self, path: Box<str>, scope: Scope, old_permissions: Option<NodePermissions>) -> Change {
        let node = self.nodes.get(&path).cloned();
        let parent = self.nodes.get(parent_of(&path)).cloned();
        Change { path, scope, old_permissions, node, parent }
    }

    /// Removes all nodes of a domain that has gone, with what is below them, and makes permissions forget it.
    pub(crate) fn release_domain(&mut self, domid: u32) -> Vec<Change> {
        let mut changes = Vec::new();
        for path in self.topmost_owned_by(domid) {
            let mut view = self.view(Caller::DOM0, None);
            // As dom0 and outside a transaction nothing stands against it; a node that is gone already is no
            // loss.
            if view.remove(&path).is_ok() {
                changes.extend(view.into_changes());
            }
        }
        for node in self.nodes.values_mut().filter(|node| node.permissions.mentions(domid)) {
            Arc::make_mut(node).permissions.forget(domid);
        }
        changes
    }

    /// The nodes of a domain that are not below another one of it, each before those behind it in the order
    /// of the tree.
    ///
    /// The root is not removed, whoever owns it.
    fn topmost_owned_by(&self, domid: u32) -> Vec<String> {
        let mut found = Vec::new();
        let mut waiting = vec!["/".to_owned()];
        while let Some(path) = waiting.pop() {
            let Some(node) = self.nodes.get(path.as_str()) else { continue };
            if node.permissions.owner() == domid && path != "/" {
                found.push(path);
            } else {
                waiting.extend(node.children.iter().rev().map(|name| child_of(&path, name)));
            }
        }
        found
    }

    fn put(&mut self, path: &str, mut node: Node) {
        self.generation += 1;
        node.generation = self.generation;
        self.nodes.insert(path.into(), Arc::new(node));
    }

    fn account(&mut self, domid: u32, more: isize) {
        let count = self.owned.entry(domid).or_default();
        *count = count.saturating_add_signed(more);
        if *count == 0 {
            self.owned.remove(&domid);
        }
    }
}
