//! What the daemon knows of domains.

use std::collections::{BTreeMap, BTreeSet};

use crate::permissions::{Access, Permissions};
use crate::store::node::{Caller, NodePermissions};

/// The events that are not about nodes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Special {
    Introduce,
    Release,
}

impl Special {
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Introduce => "@introduceDomain",
            Self::Release => "@releaseDomain",
        }
    }

    pub(super) fn from_name(name: &str) -> Option<Self> {
        [Self::Introduce, Self::Release].into_iter().find(|special| special.name() == name)
    }
}

/// Domains that have been introduced, and who may watch them come and go.
///
/// There is no hypervisor to ask: a domain exists when it has been introduced, and any domain may be named in
/// permissions.
#[derive(Debug)]
pub(super) struct Domains {
    introduced: BTreeSet<u32>,
    targets: BTreeMap<u32, u32>,
    introduce_permissions: NodePermissions,
    release_permissions: NodePermissions,
}

impl Domains {
    pub(super) fn new() -> Self {
        let dom0_only = || NodePermissions::new(Permissions::owned_by(0, Access::None));
        Self {
            introduced: BTreeSet::from([0]),
            targets: BTreeMap::new(),
            introduce_permissions: dom0_only(),
            release_permissions: dom0_only(),
        }
    }

    pub(super) fn caller(&self, domid: u32) -> Caller {
        Caller { domid, target: self.targets.get(&domid).copied() }
    }

    pub(super) fn is_introduced(&self, domid: u32) -> bool {
        self.introduced.contains(&domid)
    }

    /// Notes a domain; `false` when it was there already.
    pub(super) fn introduce(&mut self, domid: u32) -> bool {
        self.introduced.insert(domid)
    }

    /// Forgets a domain and the rights that others had because of it.
    pub(super) fn release(&mut self, domid: u32) {
        self.introduced.remove(&domid);
        self.targets.remove(&domid);
        self.targets.retain(|_, target| *target != domid);
        for permissions in [&mut self.introduce_permissions, &mut self.release_permissions] {
            permissions.forget(domid);
            if permissions.owner() == domid {
                permissions.set_owner(0);
            }
        }
    }

    pub(super) fn set_target(&mut self, domid: u32, target: u32) {
        self.targets.insert(domid, target);
    }

    pub(super) const fn special_permissions(&self, special: Special) -> &NodePermissions {
        match special {
            Special::Introduce => &self.introduce_permissions,
            Special::Release => &self.release_permissions,
        }
    }

    pub(super) fn set_special_permissions(&mut self, special: Special, permissions: Permissions) {
        let place = match special {
            Special::Introduce => &mut self.introduce_permissions,
            Special::Release => &mut self.release_permissions,
        };
        *place = NodePermissions::new(permissions);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::node::Need;

    #[test]
    fn a_device_model_loses_the_rights_of_a_target_that_has_gone() {
        let mut domains = Domains::new();
        domains.introduce(5);
        domains.set_target(6, 5);
        assert_eq!(domains.caller(6).target, Some(5));
        domains.release(5);
        assert_eq!(domains.caller(6).target, None, "the next domain 5 is another one");
    }

    #[test]
    fn special_events_of_a_domain_that_has_gone_belong_to_dom0_again() {
        let mut domains = Domains::new();
        domains.set_special_permissions(Special::Release, "n5,r6".parse().unwrap());
        domains.release(5);
        domains.release(6);
        let permissions = domains.special_permissions(Special::Release);
        assert_eq!(permissions.owner(), 0);
        assert!(!permissions.allow(domains.caller(6), Need::Read));
    }
}
