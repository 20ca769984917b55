//! A node of the store and what a caller may do with it.

use crate::permissions::Permissions;

/// Who asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Caller {
    pub(crate) domid: u32,
    /// The domain whose rights it has besides its own (`SET_TARGET`).
    pub(crate) target: Option<u32>,
}

impl Caller {
    /// The control domain.
    pub(crate) const DOM0: Self = Self { domid: 0, target: None };

    /// Whether permissions and quotas do not bind it.
    pub(crate) const fn is_privileged(self) -> bool {
        self.domid == 0
    }

    fn is(self, domid: u32) -> bool {
        self.domid == domid || self.target == Some(domid)
    }
}

/// What a request needs to be allowed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Need {
    Read,
    Write,
    /// To change permissions.
    Own,
}

/// The permissions of a node, as they count now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct NodePermissions {
    pub(crate) listed: Permissions,
    /// Domains that have gone since the list was set: a new domain with the same id must not inherit their
    /// entries.
    stale: Vec<u32>,
}

impl NodePermissions {
    pub(crate) const fn new(listed: Permissions) -> Self {
        Self { listed, stale: Vec::new() }
    }

    pub(crate) const fn owner(&self) -> u32 {
        self.listed.owner()
    }

    pub(crate) fn allow(&self, caller: Caller, need: Need) -> bool {
        if caller.is_privileged() || caller.is(self.owner()) {
            return true;
        }
        let own_entry = self
            .listed
            .exceptions()
            .find(|entry| caller.is(entry.domid) && !self.stale.contains(&entry.domid))
            .map(|entry| entry.access);
        let access = own_entry.unwrap_or(self.listed.default_access());
        match need {
            Need::Read => access.can_read(),
            Need::Write => access.can_write(),
            Need::Own => false,
        }
    }

    /// Whether a caller who may do this above a missing node may be told that it is missing.
    pub(crate) fn reveal(&self, caller: Caller, need: Need) -> bool {
        self.allow(caller, if need == Need::Own { Need::Write } else { need })
    }

    pub(crate) fn mentions(&self, domid: u32) -> bool {
        self.listed.exceptions().any(|entry| entry.domid == domid)
    }

    pub(crate) fn forget(&mut self, domid: u32) {
        if self.mentions(domid) && !self.stale.contains(&domid) {
            self.stale.push(domid);
        }
    }

    /// Bytes that the entries take in the record of a node.
    pub(crate) fn record_len(&self) -> usize {
        const ENTRY: usize = 8;
        ENTRY * self.listed.entries().count()
    }

    pub(crate) fn set_owner(&mut self, domid: u32) {
        self.listed.set_owner(domid);
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Node {
    /// The number of the change that made it what it is.
    pub(crate) generation: u64,
    pub(crate) permissions: NodePermissions,
    pub(crate) value: Vec<u8>,
    /// The names of its children in the order in which they were made.
    pub(crate) children: Vec<Box<str>>,
}

impl Node {
    pub(crate) const fn new(permissions: NodePermissions) -> Self {
        Self { generation: 0, permissions, value: Vec::new(), children: Vec::new() }
    }

    /// The payload of `DIRECTORY`.
    pub(crate) fn list(&self) -> Vec<u8> {
        crate::wire::join_strings(self.children.iter().map(|name| name.as_bytes()))
    }

    /// Bytes of the record that a daemon keeps of the node; its size is what the quota limits.
    pub(crate) fn record_len(&self) -> usize {
        const HEADER: usize = 24;
        let names: usize = self.children.iter().map(|name| name.len() + 1).sum();
        HEADER + self.permissions.record_len() + self.value.len() + names
    }

    pub(crate) fn remove_child(&mut self, name: &str) {
        if let Some(position) = self.children.iter().position(|child| **child == *name) {
            self.children.remove(position);
        }
    }
}

/// The path above; the root is above itself.
pub(crate) fn parent_of(path: &str) -> &str {
    match path.rsplit_once('/') {
        None | Some(("", _)) => "/",
        Some((parent, _)) => parent,
    }
}

/// The last part of a path.
pub(crate) fn name_of(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or_default()
}

/// The path of a child.
pub(crate) fn child_of(path: &str, name: &str) -> String {
    let folder = if path == "/" { "" } else { path };
    format!("{folder}/{name}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn caller(domid: u32) -> Caller {
        Caller { domid, target: None }
    }

    #[test]
    fn a_device_model_has_the_rights_of_its_target() {
        let model = Caller { domid: 9, target: Some(5) };
        let owned_by_target = NodePermissions::new("n5".parse().unwrap());
        assert!(owned_by_target.allow(model, Need::Own));
        let granted_to_target = NodePermissions::new("n0,r5".parse().unwrap());
        assert!(granted_to_target.allow(model, Need::Read));
        assert!(!granted_to_target.allow(caller(9), Need::Read));
    }

    #[test]
    fn entries_of_a_domain_that_has_gone_count_no_more() {
        let mut permissions = NodePermissions::new("n0,b5,r6".parse().unwrap());
        permissions.forget(5);
        assert!(!permissions.allow(caller(5), Need::Read));
        assert!(permissions.allow(caller(6), Need::Read));
        assert_eq!(permissions.listed.to_string(), "n0,b5,r6", "they are still listed");
    }

    #[test]
    fn only_the_owner_and_dom0_own() {
        let permissions = NodePermissions::new("b3,b5".parse().unwrap());
        assert!(permissions.allow(caller(3), Need::Own) && permissions.allow(Caller::DOM0, Need::Own));
        assert!(!permissions.allow(caller(5), Need::Own) && permissions.allow(caller(5), Need::Write));
    }

    #[test]
    fn paths_are_taken_apart_and_put_together() {
        assert_eq!((parent_of("/a/b"), name_of("/a/b")), ("/a", "b"));
        assert_eq!((parent_of("/a"), name_of("/a")), ("/", "a"));
        assert_eq!(parent_of("/"), "/");
        assert_eq!((child_of("/", "a"), child_of("/a", "b")), ("/a".to_owned(), "/a/b".to_owned()));
    }
}
