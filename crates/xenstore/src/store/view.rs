//! The operations on nodes, as a caller has them.

use std::sync::Arc;

use super::node::{Caller, Need, Node, NodePermissions, child_of, name_of, parent_of};
use super::{Change, Scope, Store, Transaction};
use crate::path;
use crate::permissions::Permissions;
use crate::wire::ErrorCode;

/// The store as a caller sees it, directly or inside a transaction.
///
/// Paths are absolute. Inside a transaction all that is read or written is noted there, what is read on the
/// way to an error too: it must not have changed at the commit.
#[derive(Debug)]
pub(crate) struct View<'a> {
    store: &'a mut Store,
    caller: Caller,
    transaction: Option<&'a mut Transaction>,
    changes: Vec<Change>,
}

impl<'a> View<'a> {
    pub(super) const fn new(
        store: &'a mut Store,
        caller: Caller,
        transaction: Option<&'a mut Transaction>,
    ) -> Self {
        Self { store, caller, transaction, changes: Vec::new() }
    }

    /// What was changed; empty inside a transaction, whose changes come with its commit.
    pub(crate) fn into_changes(self) -> Vec<Change> {
        self.changes
    }

    /// A node for reading.
    pub(crate) fn read(&mut self, path: &str) -> Result<Arc<Node>, ErrorCode> {
        self.get(path, Need::Read)
    }

    /// Sets a node's value; makes it, and what is missing above it.
    pub(crate) fn write(&mut self, path: &str, value: &[u8]) -> Result<(), ErrorCode> {
        match self.get(path, Need::Write) {
            Ok(node) => {
                self.check_size(node.record_len() - node.value.len() + value.len())?;
                drop(node);
                self.update(path, |node| node.value = value.to_vec());
            }
            Err(ErrorCode::NotFound) => self.create(path, value)?,
            Err(code) => return Err(code),
        }
        self.changed(path, Scope::Subtree, None);
        Ok(())
    }

    /// Makes a node, and what is missing above it, if there is none.
    pub(crate) fn mkdir(&mut self, path: &str) -> Result<(), ErrorCode> {
        match self.get(path, Need::Write) {
            Ok(_) => Ok(()),
            Err(ErrorCode::NotFound) => {
                self.create(path, b"")?;
                self.changed(path, Scope::Subtree, None);
                Ok(())
            }
            Err(code) => Err(code),
        }
    }

    /// Replaces a node's permissions.
    pub(crate) fn set_permissions(&mut self, path: &str, permissions: Permissions) -> Result<(), ErrorCode> {
        let node = self.get(path, Need::Own)?;
        let old = node.permissions.clone();
        if !self.caller.is_privileged() && permissions.owner() != old.owner() {
            return Err(ErrorCode::NotOwner);
        }
        let new = NodePermissions::new(permissions);
        self.check_size(node.record_len() - old.record_len() + new.record_len())?;
        drop(node);
        self.account(old.owner(), -1);
        self.account(new.owner(), 1);
        self.update(path, |node| node.permissions = new);
        self.changed(path, Scope::Subtree, Some(old));
        Ok(())
    }

    /// Removes a node and all below it. A missing node is fine if its parent is there.
    pub(crate) fn remove(&mut self, path: &str) -> Result<(), ErrorCode> {
        let node = match self.get(path, Need::Write) {
            Ok(node) => node,
            Err(ErrorCode::NotFound) => {
                return self.lookup(parent_of(path))?.map(|_| ()).ok_or(ErrorCode::NotFound);
            }
            Err(code) => return Err(code),
        };
        if path == "/" {
            return Err(ErrorCode::Invalid);
        }
        self.lookup(parent_of(path))?.ok_or(ErrorCode::Invalid)?;
        self.remove_tree(path, node)?;
        self.update(parent_of(path), |parent| parent.remove_child(name_of(path)));
        Ok(())
    }

    /// Removes nodes from the leaves up, so that each is announced while its parent's permissions can still
    /// be seen.
    fn remove_tree(&mut self, top: &str, node: Arc<Node>) -> Result<(), ErrorCode> {
        let mut open = vec![(top.to_owned(), node, 0)];
        while let Some((path, node, next)) = open.last_mut() {
            if let Some(name) = node.children.get(*next) {
                *next += 1;
                let child = child_of(path, name);
                // Only the quota of a transaction can stand against it, which has failed then; xenstored says
                // EIO.
                if let Some(node) = self.lookup(&child).map_err(|_| ErrorCode::Io)? {
                    open.push((child, node, 0));
                }
            } else if let Some((path, node, _)) = open.pop() {
                let scope = if open.is_empty() { Scope::Subtree } else { Scope::Exact };
                self.changed(&path, scope, None);
                self.delete(&path);
                self.account(node.permissions.owner(), -1);
            }
        }
        Ok(())
    }

    /// Makes a node that is missing.
    ///
    /// New nodes have the permissions of the nearest node above; what a guest makes belongs to it.
    fn create(&mut self, path: &str, value: &[u8]) -> Result<(), ErrorCode> {
        let mut missing = vec![path];
        let mut above = parent_of(path);
        let ancestor = loop {
            if let Some(node) = self.lookup(above)? {
                break node;
            }
            if above == "/" {
                return Err(ErrorCode::NotFound);
            }
            missing.push(above);
            above = parent_of(above);
        };
        if let Some(transaction) = self.transaction.as_deref_mut() {
            transaction.created_node = true;
        }
        let mut permissions = ancestor.permissions.clone();
        if !self.caller.is_privileged() {
            permissions.set_owner(self.caller.domid);
        }
        let new = new_nodes(&missing, &permissions, value);
        self.check_new(&new)?;
        let ancestor_len = ancestor.record_len();
        drop(ancestor);
        let name = missing.last().map_or("", |path| name_of(path));
        self.check_size(ancestor_len + name.len() + 1)?;
        for (path, node) in new {
            self.account(node.permissions.owner(), 1);
            self.put(path, node);
        }
        self.update(above, |ancestor| ancestor.children.push(name.into()));
        Ok(())
    }

    /// Checks the quotas for nodes that are about to be made.
    fn check_new(&mut self, new: &[(&str, Node)]) -> Result<(), ErrorCode> {
        if self.caller.is_privileged() {
            return Ok(());
        }
        let owned = self.store.owned_by(self.caller.domid);
        for (number, (_, node)) in new.iter().enumerate() {
            // What a transaction adds is counted at its commit.
            let before = if self.transaction.is_some() { owned } else { owned + number };
            if before >= self.store.quotas.nodes {
                return Err(ErrorCode::OverQuota);
            }
            self.check_size(node.record_len())?;
        }
        Ok(())
    }

    fn check_size(&mut self, record_len: usize) -> Result<(), ErrorCode> {
        if self.caller.is_privileged() || record_len < self.store.quotas.node_size {
            return Ok(());
        }
        self.fail_transaction();
        Err(ErrorCode::OverQuota)
    }

    /// A node, if the caller may do with it what it needs.
    ///
    /// A caller who may not do the same above a missing node is not told that it is missing.
    fn get(&mut self, path: &str, need: Need) -> Result<Arc<Node>, ErrorCode> {
        if !is_node_path(path, self.store.quotas.path_max) {
            return Err(ErrorCode::Invalid);
        }
        let found = self.lookup(path)?;
        if let Some(node) = &found
            && node.permissions.allow(self.caller, need)
        {
            return Ok(Arc::clone(node));
        }
        let mut above = path;
        let reveal = loop {
            above = parent_of(above);
            if let Some(node) = self.lookup(above)? {
                break node.permissions.reveal(self.caller, need);
            }
            if above == "/" {
                break false;
            }
        };
        Err(if found.is_none() && reveal { ErrorCode::NotFound } else { ErrorCode::NotPermitted })
    }

    fn lookup(&mut self, path: &str) -> Result<Option<Arc<Node>>, ErrorCode> {
        let Some(transaction) = self.transaction.as_deref_mut() else {
            return Ok(self.store.nodes.get(path).cloned());
        };
        if let Some(touched) = transaction.get(path) {
            return Ok(touched.node.clone());
        }
        if transaction.len() >= self.store.quotas.transaction_nodes && !self.caller.is_privileged() {
            transaction.failed = true;
            return Err(ErrorCode::OverQuota);
        }
        let node = self.store.nodes.get(path).cloned();
        transaction.touch(path, node.clone());
        Ok(node)
    }

    fn put(&mut self, path: &str, node: Node) {
        let Some(transaction) = self.transaction.as_deref_mut() else {
            return self.store.put(path, node);
        };
        if let Some(touched) = transaction.get_mut(path) {
            touched.node = Some(Arc::new(node));
            touched.modified = true;
        }
    }

    /// Changes a node that has been looked up. It is copied only if somebody else holds it.
    fn update(&mut self, path: &str, change: impl FnOnce(&mut Node)) {
        self.store.generation += 1;
        let node = match self.transaction.as_deref_mut() {
            None => self.store.nodes.get_mut(path),
            Some(transaction) => transaction.get_mut(path).and_then(|touched| {
                touched.modified = true;
                touched.node.as_mut()
            }),
        };
        if let Some(node) = node.map(Arc::make_mut) {
            node.generation = self.store.generation;
            change(node);
        }
    }

    fn delete(&mut self, path: &str) {
        self.store.generation += 1;
        match self.transaction.as_deref_mut() {
            None => {
                self.store.nodes.remove(path);
            }
            Some(transaction) => {
                if let Some(touched) = transaction.get_mut(path) {
                    touched.node = None;
                    touched.modified = true;
                }
            }
        }
    }

    /// Notes a change for the watches: now, or with the commit of the transaction.
    fn changed(&mut self, path: &str, scope: Scope, old_permissions: Option<NodePermissions>) {
        match self.transaction.as_deref_mut() {
            None => self.changes.push(self.store.change(path.into(), scope, old_permissions)),
            Some(transaction) => {
                if let Some(touched) = transaction.get_mut(path)
                    && touched.event != Some(Scope::Subtree)
                {
                    touched.event = Some(scope);
                }
            }
        }
    }

    fn account(&mut self, domid: u32, more: isize) {
        match self.transaction.as_deref_mut() {
            None => self.store.account(domid, more),
            Some(transaction) => *transaction.owned.entry(domid).or_default() += more,
        }
    }

    fn fail_transaction(&mut self) {
        if let Some(transaction) = self.transaction.as_deref_mut() {
            transaction.failed = true;
        }
    }
}

/// The nodes for `missing`, which holds a path and its missing parents, the nearest first.
fn new_nodes<'a>(missing: &[&'a str], permissions: &NodePermissions, value: &[u8]) -> Vec<(&'a str, Node)> {
    let mut below: Option<&str> = None;
    missing
        .iter()
        .map(|path| {
            let mut node = Node::new(permissions.clone());
            match below.replace(path) {
                Some(child) => node.children.push(name_of(child).into()),
                None => node.value = value.to_vec(),
            }
            (*path, node)
        })
        .collect()
}

/// Whether a daemon takes this for the absolute path of a node.
pub(crate) fn is_node_path(path: &str, path_max: usize) -> bool {
    path.starts_with('/')
        && (path == "/" || !path.ends_with('/'))
        && !path.contains("//")
        && path.bytes().all(path::allowed)
        && path.len() - domain_prefix_len(path) <= path_max
}

/// Bytes of a leading `/local/domain/<domid>/`, whose length does not count.
fn domain_prefix_len(path: &str) -> usize {
    const FOLDER: &str = "/local/domain/";
    const DIGITS_MAX: usize = 5;
    let Some((domid, _)) = path.strip_prefix(FOLDER).and_then(|rest| rest.split_once('/')) else { return 0 };
    let is_domid = (1..=DIGITS_MAX).contains(&domid.len()) && domid.bytes().all(|byte| byte.is_ascii_digit());
    if is_domid { FOLDER.len() + domid.len() + 1 } else { 0 }
}
