//! The guest's half of a network interface: what Linux's xen-netfront does, as far as the store can see it.

use std::collections::BTreeMap;
use std::io;
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::thread::{Builder, JoinHandle};

use xenstore::{Client, Error as StoreError, Requests};

use super::{Guest, GuestBehaviour};
use crate::Error;
use crate::xenbus::XenbusState;

/// The token of the watch on all interfaces; others are the interface's number.
const ALL: &str = "all";

/// What a frontend writes before it connects: one queue, two event channels. The numbers mean nothing here.
const RING: [(&str, &str); 8] = [
    ("tx-ring-ref", "8"),
    ("rx-ring-ref", "9"),
    ("event-channel-tx", "15"),
    ("event-channel-rx", "16"),
    ("request-rx-copy", "1"),
    ("feature-rx-notify", "1"),
    ("feature-sg", "1"),
    ("feature-gso-tcpv4", "1"),
];

/// What a frontend does next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Step {
    /// Share rings and say so.
    Connect,
    /// Switch the interface on, with its owner's configuration.
    SwitchOn,
    /// Let go.
    Close,
}

/// What is known of an interface.
#[derive(Debug)]
struct Device {
    backend: String,
    is_on: bool,
}

/// Decides what comes next, from both ends' states.
fn next(
    own: XenbusState,
    backend: Option<XenbusState>,
    is_on: bool,
    behaviour: GuestBehaviour,
) -> Option<Step> {
    use XenbusState::{Closed, Closing, Connected, InitWait, Initialising};
    match (own, backend) {
        (Initialising, Some(InitWait)) if behaviour.connects => Some(Step::Connect),
        (Connected, Some(Connected)) if !is_on => Some(Step::SwitchOn),
        (Connected, Some(InitWait)) if !is_on && behaviour.is_early => Some(Step::SwitchOn),
        // One that has just begun anew finds its backend closed, and waits for it.
        (Connected, None | Some(Closed)) | (Initialising | Connected, Some(Closing)) if behaviour.closes => {
            Some(Step::Close)
        }
        _ => None,
    }
}

/// Starts the thread. It ends with its connection.
pub(super) fn spawn(guest: Arc<Guest>, store: UnixStream) -> io::Result<JoinHandle<()>> {
    let store = Client::from_socket(store)?;
    Builder::new().name(guest.name().to_owned()).spawn(move || {
        let mut front = Frontend { guest, store, devices: BTreeMap::new() };
        if let Err(error) = front.run() {
            front.complain(&error);
        }
    })
}

#[derive(Debug)]
struct Frontend {
    guest: Arc<Guest>,
    store: Client,
    devices: BTreeMap<u32, Device>,
}

impl Frontend {
    fn run(&mut self) -> Result<(), Error> {
        match self.serve() {
            // The domain is gone.
            Err(Error::Store(StoreError::Closed { .. } | StoreError::Connection { .. })) => Ok(()),
            other => other,
        }
    }

    fn serve(&mut self) -> Result<(), Error> {
        self.store.watch("device/vif", ALL)?;
        loop {
            let Some(event) = self.store.next_event(None)? else { continue };
            if self.guest.is_stopped() {
                continue;
            }
            match devid_of(&event.token, &event.path) {
                Some(devid) => self.look_at(devid)?,
                None => {
                    for name in self.store.directory("device/vif")?.unwrap_or_default() {
                        if let Ok(devid) = name.parse() {
                            self.look_at(devid)?;
                        }
                    }
                }
            }
        }
    }

    /// Takes the interface as far as it can go now.
    fn look_at(&mut self, devid: u32) -> Result<(), Error> {
        loop {
            let folder = format!("device/vif/{devid}");
            let [state, backend] =
                self.store.read_many([&format!("{folder}/state"), &format!("{folder}/backend")])?;
            let (Some(state), Some(backend)) = (state?, backend?) else { return self.forget(devid) };
            let backend = String::from_utf8_lossy(&backend).into_owned();
            if !self.devices.contains_key(&devid) {
                // An error here would be the toolstack's; the guest can do nothing with such an interface.
                self.store.watch(&format!("{backend}/state"), &devid.to_string())?;
                let device = Device { backend: backend.clone(), is_on: false };
                self.devices.insert(devid, device);
            }
            let backend_state = self.read_state(&format!("{backend}/state"))?;
            let is_on = self.devices.get(&devid).is_some_and(|device| device.is_on);
            let step = next(XenbusState::read(&state), backend_state, is_on, self.guest.behaviour);
            let Some(step) = step else { return Ok(()) };
            if !self.take(devid, &folder, step)? {
                return Ok(());
            }
        }
    }

    /// None when it is gone. When the toolstack takes the guest's rights to the backend's nodes back, they are.
    fn read_state(&mut self, path: &str) -> Result<Option<XenbusState>, Error> {
        match self.store.read(path) {
            Ok(state) => Ok(state.map(|state| XenbusState::read(&state))),
            Err(error) if error.code() == Some(xenstore::ErrorCode::NotPermitted) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    /// False when it could not be taken: the interface is on its way out.
    fn take(&mut self, devid: u32, folder: &str, step: Step) -> Result<bool, Error> {
        match step {
            Step::Connect => {
                // If it was on, that was another interface with this number.
                self.set_on(devid, false);
                let nodes = RING.into_iter().map(|(node, value)| (format!("{folder}/{node}"), value));
                match self.store.write_each(nodes) {
                    Err(error) if error.code().is_some() => return Ok(false),
                    result => result?,
                }
                self.write_state(folder, XenbusState::Connected)
            }
            Step::SwitchOn => {
                self.set_on(devid, true);
                let interface = self.guest.interface(devid);
                match self.guest.station().configure(&format!("eth{devid}"), &interface) {
                    Ok(()) => self.guest.set_connected(devid, true),
                    // The device may go at any moment.
                    Err(error) => self.complain(&error),
                }
                Ok(true)
            }
            Step::Close => {
                self.guest.set_connected(devid, false);
                self.set_on(devid, false);
                self.write_state(folder, XenbusState::Closed)
            }
        }
    }

    fn set_on(&mut self, devid: u32, is_on: bool) {
        if let Some(device) = self.devices.get_mut(&devid) {
            device.is_on = is_on;
        }
    }

    /// False when the store refused: the node may go at any moment, that is the toolstack's right.
    fn write_state(&mut self, folder: &str, state: XenbusState) -> Result<bool, Error> {
        match self.store.write(&format!("{folder}/state"), state.value()) {
            Err(error) if error.code().is_some() => Ok(false),
            result => Ok(result.map(|()| true)?),
        }
    }

    fn forget(&mut self, devid: u32) -> Result<(), Error> {
        if let Some(device) = self.devices.remove(&devid) {
            self.guest.set_connected(devid, false);
            match self.store.unwatch(&format!("{}/state", device.backend), &devid.to_string()) {
                Err(error) if error.code().is_none() => return Err(error.into()),
                _ => {}
            }
        }
        Ok(())
    }

    /// Where a guest's kernel would log.
    fn complain(&mut self, error: &Error) {
        // The node is the guest's own; when it cannot be written, the domain is gone.
        let _ = self.store.write("error/netfront", error.to_string());
    }
}

/// The interface that an event is about; none: all of them.
fn devid_of(token: &str, path: &str) -> Option<u32> {
    if token != ALL {
        return token.parse().ok();
    }
    path.strip_prefix("device/vif/")?.split('/').next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::XenbusState::{Closed, Closing, Connected, InitWait, Initialising};
    use super::*;

    const LINUX: GuestBehaviour = GuestBehaviour { connects: true, closes: true, is_early: false };

    #[test]
    fn an_interface_is_switched_on_only_when_the_backend_is_connected() {
        assert_eq!(next(Initialising, Some(Initialising), false, LINUX), None);
        assert_eq!(next(Initialising, Some(InitWait), false, LINUX), Some(Step::Connect));
        assert_eq!(next(Connected, Some(InitWait), false, LINUX), None);
        assert_eq!(next(Connected, Some(Connected), false, LINUX), Some(Step::SwitchOn));
        assert_eq!(next(Connected, Some(Connected), true, LINUX), None);
        let early = GuestBehaviour { is_early: true, ..LINUX };
        assert_eq!(next(Connected, Some(InitWait), false, early), Some(Step::SwitchOn));
    }

    #[test]
    fn an_interface_closes_once_and_only_in_willing_guests() {
        for backend in [None, Some(Closing), Some(Closed)] {
            assert_eq!(next(Connected, backend, true, LINUX), Some(Step::Close));
            assert_eq!(next(Closed, backend, false, LINUX), None);
            let deaf = GuestBehaviour { closes: false, ..LINUX };
            assert_eq!(next(Connected, backend, true, deaf), None);
        }
        assert_eq!(next(Initialising, Some(Closing), false, LINUX), Some(Step::Close));
        assert_eq!(next(Initialising, Some(Closed), false, LINUX), None);
    }

    #[test]
    fn events_say_which_interface_they_are_about() {
        assert_eq!(devid_of(ALL, "device/vif"), None);
        assert_eq!(devid_of(ALL, "device/vif/3/state"), Some(3));
        assert_eq!(devid_of("7", "/local/domain/0/backend/vif/1/7/state"), Some(7));
        assert_eq!(devid_of(ALL, "device/vif/x"), None);
    }
}
