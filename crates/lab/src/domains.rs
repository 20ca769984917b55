//! The hypervisor's part: which domains there are.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use crate::Error;
use crate::guest::{Guest, GuestBehaviour, lock};

/// The guests that exist. Numbers are given out once, as Xen does.
#[derive(Debug, Default)]
pub(crate) struct Domains {
    inner: Mutex<Inner>,
}

#[derive(Debug, Default)]
struct Inner {
    last_domid: u32,
    guests: BTreeMap<u32, Arc<Guest>>,
}

impl Domains {
    /// Makes a domain that does not run yet.
    pub(crate) fn create(&self, name: &str, behaviour: GuestBehaviour) -> Result<Arc<Guest>, Error> {
        let domid = {
            let mut inner = lock(&self.inner);
            inner.last_domid += 1;
            inner.last_domid
        };
        let guest = Arc::new(Guest::new(domid, name, behaviour)?);
        lock(&self.inner).guests.insert(domid, Arc::clone(&guest));
        Ok(guest)
    }

    pub(crate) fn get(&self, domid: u32) -> Option<Arc<Guest>> {
        lock(&self.inner).guests.get(&domid).cloned()
    }

    /// All guests, by number.
    pub(crate) fn all(&self) -> Vec<Arc<Guest>> {
        lock(&self.inner).guests.values().cloned().collect()
    }

    /// Takes a domain away. Its network goes with the last one who holds it.
    pub(crate) fn remove(&self, domid: u32) -> Option<Arc<Guest>> {
        lock(&self.inner).guests.remove(&domid)
    }
}
