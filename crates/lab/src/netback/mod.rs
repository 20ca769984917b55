//! The host's half of network interfaces: what Linux's xen-netback does, as far as the store and the network can see
//! it.
//!
//! For each vif whose nodes appear it makes a pair of devices, `vifD.N` on the host and `ethN` in the guest, as
//! one the other's end. It tells the guest that all is ready only when the script has written that it is. When
//! the vif goes, the host's device is gone before the toolstack is told, so that the script never sees it.

mod device;
mod kernel;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::thread::{Builder, JoinHandle};

use xenstore::{Client, Error as StoreError, Requests};

use self::device::{Phase, Seen, Step, next};
use self::kernel::Kernel;
use crate::domains::Domains;
use crate::guest::lock;
use crate::xenbus::{VifId, XenbusState};
use crate::{Error, Station};

/// The token of the watch on all backends; those of frontends are `domid/devid`.
const BACKENDS: &str = "backends";

/// What Linux's netback can do, as it says (`xen/include/public/io/netif.h`).
const FEATURES: [(&str, &str); 11] = [
    ("feature-sg", "1"),
    ("feature-gso-tcpv4", "1"),
    ("feature-gso-tcpv6", "1"),
    ("feature-ipv6-csum-offload", "1"),
    ("feature-rx-copy", "1"),
    ("feature-rx-flip", "0"),
    ("feature-multicast-control", "1"),
    ("feature-dynamic-multicast-control", "1"),
    ("feature-split-event-channels", "1"),
    ("multi-queue-max-queues", "1"),
    ("feature-ctrl-ring", "1"),
];

/// The thread that plays netback. It ends with its connection to the store.
#[derive(Debug)]
pub(crate) struct Netback {
    thread: Option<JoinHandle<()>>,
    failure: Arc<Mutex<Option<String>>>,
}

impl Netback {
    /// Starts it for the vifs that domain `backend`, whose network is `host`, serves. `store` is a connection as
    /// that domain.
    pub(crate) fn start(
        backend: u32,
        host: &Station,
        mut store: Client,
        domains: Arc<Domains>,
    ) -> Result<Self, Error> {
        let kernel = Kernel::new(host.kernel()?);
        let failed = |attempt: &str| Error::system(format!("{attempt} of netback"));
        store.watch(&format!("/local/domain/{backend}/backend/vif"), BACKENDS)?;
        let failure = Arc::new(Mutex::new(None));
        let told = Arc::clone(&failure);
        let thread = Builder::new()
            .name("netback".to_owned())
            .spawn(move || {
                let mut server = Server { backend, store, kernel, domains, vifs: BTreeMap::new() };
                if let Err(error) = server.run() {
                    *lock(&told) = Some(error.to_string());
                }
            })
            .map_err(failed("start the thread"))?;
        Ok(Self { thread: Some(thread), failure })
    }

    /// Why it ended, if it did so on its own.
    pub(crate) fn failure(&self) -> Option<String> {
        lock(&self.failure).clone()
    }

    /// Waits for its end.
    pub(crate) fn wait_for_end(&mut self) {
        if let Some(thread) = self.thread.take() {
            // A panic in it has been reported where it happened.
            let _ = thread.join();
        }
    }
}

#[derive(Debug)]
struct Server {
    backend: u32,
    store: Client,
    kernel: Kernel,
    domains: Arc<Domains>,
    vifs: BTreeMap<VifId, Vif>,
}

#[derive(Debug)]
struct Vif {
    phase: Phase,
    /// The index of the host's device.
    device: u32,
    frontend: String,
}

impl Server {
    fn run(&mut self) -> Result<(), StoreError> {
        match self.serve() {
            // The store is shut down, and the host with it.
            Err(StoreError::Closed { .. } | StoreError::Connection { .. } | StoreError::Broken { .. }) => {
                Ok(())
            }
            result => result,
        }
    }

    fn serve(&mut self) -> Result<(), StoreError> {
        loop {
            let vif = match self.store.next_event(None) {
                Ok(Some(event)) => self.vif_of(&event.token, &event.path),
                Ok(None) => continue,
                // A guest that makes more events than anybody can read does not stop the others.
                Err(StoreError::EventsLost) => None,
                Err(error) => return Err(error),
            };
            match vif {
                Some(vif) => self.look_at(vif)?,
                None => self.look_at_all()?,
            }
        }
    }

    /// The vif that an event is about; none: any.
    fn vif_of(&self, token: &str, path: &str) -> Option<VifId> {
        let numbers = if token == BACKENDS {
            path.strip_prefix(&format!("/local/domain/{}/backend/vif/", self.backend))?
        } else {
            token
        };
        let mut parts = numbers.split('/');
        let domid = parts.next()?.parse().ok()?;
        let devid = parts.next()?.parse().ok()?;
        Some(VifId { domid, devid, backend: self.backend })
    }

    fn look_at_all(&mut self) -> Result<(), StoreError> {
        let folder = format!("/local/domain/{}/backend/vif", self.backend);
        let mut vifs: Vec<VifId> = self.vifs.keys().copied().collect();
        for domid in self.store.directory(&folder)?.unwrap_or_default() {
            for devid in self.store.directory(&format!("{folder}/{domid}"))?.unwrap_or_default() {
                vifs.extend(self.vif_of(&format!("{domid}/{devid}"), ""));
            }
        }
        vifs.sort_unstable();
        vifs.dedup();
        vifs.into_iter().try_for_each(|vif| self.look_at(vif))
    }

    /// Takes the vif as far as it can go now.
    fn look_at(&mut self, id: VifId) -> Result<(), StoreError> {
        loop {
            let seen = self.see(id)?;
            let phase = self.vifs.get(&id).map(|vif| vif.phase);
            let Some(step) = next(phase, seen) else { return Ok(()) };
            self.take(id, step)?;
        }
    }

    fn see(&mut self, id: VifId) -> Result<Seen, StoreError> {
        let backend = id.backend_path();
        let frontend = match self.vifs.get(&id) {
            Some(vif) => vif.frontend.clone(),
            None => self.frontend_of(id)?,
        };
        let [state, online, hotplug, front] = self.store.read_many([
            &format!("{backend}/state"),
            &format!("{backend}/online"),
            &format!("{backend}/hotplug-status"),
            &format!("{frontend}/state"),
        ])?;
        let state_of = |value: Option<Vec<u8>>| value.map(|value| XenbusState::read(&value));
        Ok(Seen {
            backend: state_of(state?),
            frontend: state_of(front?),
            is_online: online?.as_deref() == Some(b"1"),
            is_plugged: hotplug?.as_deref() == Some(b"connected"),
        })
    }

    /// Where the nodes of the other end are. The toolstack wrote that, so it is believed if it is a path at all.
    fn frontend_of(&mut self, id: VifId) -> Result<String, StoreError> {
        let path = self.store.read(&format!("{}/frontend", id.backend_path()))?.unwrap_or_default();
        let path = String::from_utf8(path).ok().filter(|path| xenstore::path::check(path).is_ok());
        Ok(path.unwrap_or_else(|| id.frontend_path()))
    }

    fn take(&mut self, id: VifId, step: Step) -> Result<(), StoreError> {
        match step {
            Step::Create => self.create(id),
            Step::Reopen => {
                self.set_phase(id, Phase::Waiting);
                self.write_state(id, XenbusState::InitWait)
            }
            Step::Connect => {
                self.set_phase(id, Phase::Connected);
                Ok(())
            }
            Step::Announce => {
                self.set_phase(id, Phase::Announced);
                self.write_state(id, XenbusState::Connected)
            }
            Step::Pause => {
                self.set_phase(id, Phase::Paused);
                self.write_state(id, XenbusState::Closed)
            }
            Step::Close => {
                self.forget(id)?;
                self.write_state(id, XenbusState::Closed)
            }
            Step::Forget => self.forget(id),
        }
    }

    fn create(&mut self, id: VifId) -> Result<(), StoreError> {
        let frontend = self.frontend_of(id)?;
        let mac = self.store.read(&format!("{frontend}/mac"))?.unwrap_or_default();
        let device = match self.domains.get(id.domid) {
            Some(guest) => self.kernel.create(id, &mac, guest.station()),
            None => Err(format!("there is no domain {}", id.domid)),
        };
        let device = match device {
            Ok(device) => device,
            Err(problem) => {
                self.store.write(&id.error_path(), problem)?;
                return self.write_state(id, XenbusState::Closing);
            }
        };
        self.vifs.insert(id, Vif { phase: Phase::Waiting, device, frontend: frontend.clone() });
        self.write(id, XenbusState::InitWait, &FEATURES)?;
        ignore_refusal(self.store.watch(&state_node(&frontend), &token(id)))
    }

    fn set_phase(&mut self, id: VifId, phase: Phase) {
        if let Some(vif) = self.vifs.get_mut(&id) {
            vif.phase = phase;
        }
    }

    /// Removes the device, with all that is known of it.
    fn forget(&mut self, id: VifId) -> Result<(), StoreError> {
        let Some(vif) = self.vifs.remove(&id) else { return Ok(()) };
        ignore_refusal(self.store.unwatch(&state_node(&vif.frontend), &token(id)))?;
        match self.kernel.remove(vif.device) {
            Ok(()) => Ok(()),
            Err(problem) => self.store.write(&id.error_path(), problem),
        }
    }

    fn write_state(&mut self, id: VifId, state: XenbusState) -> Result<(), StoreError> {
        self.write(id, state, &[])
    }

    /// Writes the backend's state and other nodes, unless they are gone: a write would make them anew.
    fn write(&mut self, id: VifId, state: XenbusState, others: &[(&str, &str)]) -> Result<(), StoreError> {
        let backend = id.backend_path();
        self.store.transaction(|transaction| {
            if transaction.exists(&state_node(&backend))? {
                let others = others.iter().map(|(node, value)| (format!("{backend}/{node}"), *value));
                transaction.write_each(others)?;
                transaction.write(&state_node(&backend), state.value())?;
            }
            Ok(())
        })
    }
}

fn state_node(folder: &str) -> String {
    format!("{folder}/state")
}

fn token(id: VifId) -> String {
    format!("{}/{}", id.domid, id.devid)
}

/// What the store refuses because the nodes have gone meanwhile is no failure of ours.
fn ignore_refusal(result: Result<(), StoreError>) -> Result<(), StoreError> {
    match result {
        Err(error) if error.code().is_some() => Ok(()),
        result => result,
    }
}
