//! Creating and destroying domains (`libxl_create.c`, `libxl_domain.c`).

use std::sync::Arc;
use std::thread;

use xenstore::{Client, Requests};

use super::attach::{Attached, random};
use super::detach::find;
use super::script::ScriptRun;
use super::{DomainConfig, MachineKind, Toolstack, ToolstackError, nodes};
use crate::{Error, Guest};

/// A domain that has been created.
#[derive(Clone, Debug)]
pub struct Created {
    /// The domain.
    pub guest: Arc<Guest>,
    /// Its interfaces, in the order of the configuration.
    pub vifs: Vec<Attached>,
}

/// A domain that has been destroyed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Destroyed {
    /// The calls of scripts.
    pub runs: Vec<ScriptRun>,
}

impl Toolstack {
    /// Creates a domain and lets it run, as `xl create` does: its interfaces are attached, all at once, before
    /// its first instruction.
    ///
    /// When anything fails the domain is destroyed again.
    pub fn create(&self, config: &DomainConfig) -> Result<Created, ToolstackError> {
        if let Some(other) = self.domains.all().iter().find(|guest| guest.name() == config.name) {
            return Err(ToolstackError::NameTaken { name: config.name.clone(), domid: other.domid() });
        }
        let mut store = self.client()?;
        let guest = self.domains.create(&config.name, config.behaviour)?;
        let result = self.build(&mut store, &guest, config);
        if result.is_err() {
            // What was wrong in the first place is what is told.
            let _ = self.destroy(guest.domid());
        }
        result.map(|vifs| Created { guest, vifs })
    }

    fn build(
        &self,
        store: &mut Client,
        guest: &Arc<Guest>,
        config: &DomainConfig,
    ) -> Result<Vec<Attached>, ToolstackError> {
        let domid = guest.domid();
        let uuid = config.uuid.clone().unwrap_or_else(random_uuid);
        let writes = nodes::of_domain(domid, &config.name, &uuid, config.kind);
        store.transaction(|transaction| nodes::write(transaction, &writes))?;
        // The frame and the event channel of its connection to the store mean nothing here.
        store.introduce(domid, 1, 1)?;
        let vifs = self.attach_all(store, domid, config)?;
        guest.boot(self.store.connect(domid)?)?;
        Ok(vifs)
    }

    /// Writes the nodes of all interfaces, and then waits and calls scripts for all at once.
    fn attach_all(
        &self,
        store: &mut Client,
        domid: u32,
        config: &DomainConfig,
    ) -> Result<Vec<Attached>, ToolstackError> {
        let kind: MachineKind = config.kind;
        let noted = (0..)
            .zip(&config.vifs)
            .map(|(index, vif)| self.note(store, domid, vif, Some((kind, index))))
            .collect::<Result<Vec<_>, _>>()?;
        thread::scope(|scope| {
            let workers: Vec<_> =
                noted.iter().map(|noted| scope.spawn(|| self.bring_up(&mut self.client()?, noted))).collect();
            let results: Vec<_> = workers
                .into_iter()
                .map(|worker| worker.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)))
                .collect();
            results.into_iter().collect()
        })
    }

    /// Destroys a domain, as `xl destroy` does: it stops at once, and all its interfaces are taken away, whatever
    /// they do.
    pub fn destroy(&self, domid: u32) -> Result<Destroyed, ToolstackError> {
        let guest = self.guest(domid)?;
        guest.stop();
        let mut store = self.client()?;
        let devids = self.vifs(domid)?;
        let vifs =
            devids.into_iter().map(|devid| find(&mut store, domid, devid)).collect::<Result<Vec<_>, _>>()?;
        let runs = thread::scope(|scope| {
            let workers: Vec<_> =
                vifs.iter().map(|vif| scope.spawn(|| self.take_away(&mut self.client()?, *vif))).collect();
            let results: Vec<_> = workers
                .into_iter()
                .map(|worker| worker.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)))
                .collect();
            results.into_iter().collect::<Result<Vec<_>, _>>()
        });
        self.remove_domain(&mut store, domid)?;
        guest.wait_for_end();
        Ok(Destroyed { runs: runs?.concat() })
    }

    fn remove_domain(&self, store: &mut Client, domid: u32) -> Result<(), ToolstackError> {
        let machine = store.read_text(&format!("/local/domain/{domid}/vm"))?;
        self.domains.remove(domid);
        store.transaction(|transaction| {
            for path in machine.iter().filter(|path| path.starts_with("/vm/")) {
                transaction.remove(path)?;
            }
            transaction.remove(&format!("/local/domain/{domid}"))?;
            transaction.remove(&format!("/libxl/{domid}"))?;
            Ok::<_, ToolstackError>(())
        })?;
        // A domain that was never introduced cannot be released; then nobody knows it.
        match store.release(domid) {
            Err(error) if error.code().is_none() => Err(Error::from(error).into()),
            _ => Ok(()),
        }
    }

    /// Destroys a domain and creates it anew, under another number: what `xl` does when a guest reboots.
    pub fn reboot(&self, domid: u32, config: &DomainConfig) -> Result<Created, ToolstackError> {
        self.destroy(domid)?;
        self.create(config)
    }
}

/// A random UUID (RFC 9562, version 4).
fn random_uuid() -> String {
    let (high, low) = (random(), random());
    format!(
        "{:08x}-{:04x}-4{:03x}-{:04x}-{:012x}",
        high >> 32,
        high >> 16 & 0xffff,
        high & 0xfff,
        low >> 48 & 0x3fff | 0x8000,
        low & 0xffff_ffff_ffff
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn uuids_are_random_and_of_version_four() {
        let (one, other) = (random_uuid(), random_uuid());
        assert_ne!(one, other);
        assert_eq!(one.len(), 36);
        assert_eq!(&one[14..15], "4", "{one}");
        assert!("89ab".contains(&one[19..20]), "{one}");
    }
}
