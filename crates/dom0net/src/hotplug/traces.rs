//! What a vif has outside of its device, and who takes it away when nobody says that the vif has gone.
//!
//! Most of what a plug does goes with the device. Three things do not: that the host answers for an address on its card, what
//! is reserved with a DHCP server, and a port in the database of Open vSwitch. They are noted in a file for each vif, before
//! they are done. A toolstack that is killed never calls `offline`; so each plug looks after a few of the others, those that were
//! not looked after for the longest time, and takes away what belongs to a device that is there no more.
//!
//! The notes are in two folders: `next` for those that were looked at lately, `now` for the others. A plug takes the
//! first few of `now` and puts them into `next`; when `now` is empty, `next` takes its place. So a plug costs the same
//! however many there are, and each one's turn comes. A host where no vif has anything outside has no such
//! folders, and a plug finds that out with one call.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use netkernel::link::LinkName;
use netkernel::neighbour::Neighbour;
use serde::{Deserialize, Serialize};

use super::error::Error;
use crate::guard::Guard;
use crate::openvswitch::{SwitchPort, Tags};
use crate::places::Places;
use crate::plan::{Change, Device, Failure, Kernel, Plan};
use crate::routed::Reserved;
use crate::vif::Port;

/// How many devices that are there a plug looks after.
const LOOKED_AT: usize = 8;
/// How many that have gone it takes away at most; each is taken away once, so that on the whole they cost nothing.
const SWEPT: usize = 64;

/// What a port has outside of its device.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Trace {
    /// Whose it is.
    port: Port,
    /// The index of its device.
    link: u32,
    /// What the host answers for, and where.
    proxies: Vec<(Device, Neighbour)>,
    /// Whether it has a port of Open vSwitch.
    is_on_switch: bool,
    /// What is reserved for it.
    reserved: Vec<Reserved>,
}

impl Trace {
    /// What a plan will leave outside of the device with this index; none if that is nothing.
    pub(super) fn of(port: Port, link: u32, plan: &Plan, reserved: Vec<Reserved>) -> Option<Self> {
        let mut trace = Self { port, link, proxies: Vec::new(), is_on_switch: false, reserved };
        for change in &plan.changes {
            match change {
                Change::AddProxy(device, neighbour) => {
                    trace.proxies.push((device.clone(), neighbour.clone()));
                }
                Change::AddSwitchPort(_) => trace.is_on_switch = true,
                _ => {}
            }
        }
        let is_none = trace.proxies.is_empty() && !trace.is_on_switch && trace.reserved.is_empty();
        (!is_none).then_some(trace)
    }

    /// Takes it away; with its guard, which kernels that tie guards to names keep. What others have by now stays.
    fn sweep(&self, kernel: &mut Kernel, places: &Places) -> Result<(), Error> {
        self.sweep_outside(kernel, places)?;
        if self.is_on_switch {
            let port = SwitchPort {
                owner: self.port.to_string(),
                bridge: String::new(),
                device: String::new(),
                tags: Tags::default(),
                external_ids: Vec::new(),
            };
            apply(kernel, &Change::RemoveSwitchPort(port))?;
        }
        // A vif that has come with the same number has a guard of the same name, and a device.
        let guard = Guard::of(self.port);
        for device in guard.state(kernel.filter()?)?.unwrap_or_default().devices {
            let Ok(name) = LinkName::new(device) else { continue };
            if kernel.route.link(&name)?.is_some() {
                return Ok(());
            }
        }
        Ok(guard.remove(kernel.filter()?)?)
    }

    fn sweep_outside(&self, kernel: &mut Kernel, places: &Places) -> Result<(), Error> {
        for (device, neighbour) in &self.proxies {
            // The same address may be another guest's by now, or that of the same one's other device.
            let route = kernel.route.route_to(neighbour.address)?;
            let is_led_to = route.is_some_and(|route| {
                route.destination() == Some(neighbour.address)
                    && route.destination_length == 128
                    && route.link().is_some_and(|link| link != self.link && link != device.index)
            });
            if !is_led_to {
                apply(kernel, &Change::RemoveProxy(device.clone(), neighbour.clone()))?;
            }
        }
        self.reserved.iter().try_for_each(|it| it.withdraw(places)).map_err(Error::Reservation)
    }
}

fn apply(kernel: &mut Kernel, change: &Change) -> Result<(), Error> {
    kernel.apply(change).map_err(|error| Failure { error, left: Vec::new() }.into())
}

/// The notes of this host.
#[derive(Debug)]
pub(super) struct Traces {
    places: Places,
    folder: PathBuf,
}

/// Held while notes are changed: a vif must not be swept while one of the same number comes.
struct Held {
    _lock: File,
}

impl Traces {
    pub(super) fn of(places: &Places) -> Self {
        Self { folder: places.runtime.join("vifs"), places: places.clone() }
    }

    /// Notes what a port is about to have, in place of what was noted of one of the same number.
    pub(super) fn note(&self, trace: &Trace) -> Result<(), Error> {
        let name = trace.port.to_string();
        self.write(&name, trace).map_err(|error| self.failed("write", &name, error))
    }

    fn write(&self, name: &str, trace: &Trace) -> io::Result<()> {
        for folder in [self.now(), self.next()] {
            fs::create_dir_all(folder)?;
        }
        let _held = self.lock()?;
        // Renamed into place, so that it is never read by half.
        let draft = self.folder.join(format!("{name}.new"));
        fs::write(&draft, serde_json::to_vec(trace)?)?;
        remove(&self.now().join(name))?;
        // The folder may have taken the other's place meanwhile.
        fs::create_dir_all(self.next())?;
        fs::rename(&draft, self.next().join(name))
    }

    /// Takes away what is noted of a port that goes, and the note. Its guard and its port on a switch are the caller's affair.
    pub(super) fn end(&self, kernel: &mut Kernel, port: Port) -> Result<(), Error> {
        let name = port.to_string();
        let failed = |error| self.failed("remove", &name, error);
        let Some(_held) = self.lock_if_there().map_err(failed)? else { return Ok(()) };
        for path in [self.now().join(&name), self.next().join(&name)] {
            if let Some(trace) = read(&path).map_err(failed)? {
                trace.sweep_outside(kernel, &self.places)?;
                remove(&path).map_err(failed)?;
            }
        }
        Ok(())
    }

    /// Looks after a few, and returns those that were swept. What is noted of the port that `comes` is not its own, if its device
    /// has gone: it would be forgotten when it is noted anew, or be taken for what the new one has.
    pub(super) fn sweep_some(&self, kernel: &mut Kernel, comes: Port) -> Result<Vec<Port>, Error> {
        let failed = |error| self.failed("look through", "", error);
        let Some(_held) = self.lock_if_there().map_err(failed)? else { return Ok(Vec::new()) };
        let (mut seen, mut swept, mut trouble) = (BTreeSet::new(), Vec::new(), None);
        for folder in [self.now(), self.next()] {
            match self.look_at(kernel, &folder.join(comes.to_string())) {
                Ok(port) => swept.extend(port),
                Err(error) => trouble = Some(error),
            }
        }
        // Those whose turn it is; and then, if these were few, the others.
        for _ in 0..2 {
            while seen.len() < LOOKED_AT
                && swept.len() < SWEPT
                && let Some(name) = first_unseen(&self.now(), &seen).map_err(failed)?
            {
                let path = self.now().join(&name);
                match self.look_at(kernel, &path) {
                    Ok(Some(port)) => {
                        swept.push(port);
                        continue;
                    }
                    Ok(None) => {}
                    // One that cannot be swept keeps no other from it.
                    Err(error) => trouble = Some(error),
                }
                fs::create_dir_all(self.next()).map_err(failed)?;
                match fs::rename(&path, self.next().join(&name)) {
                    Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(failed(error)),
                    _ => drop(seen.insert(name)),
                }
            }
            // Only a folder that is empty gives its place up.
            if fs::rename(self.next(), self.now()).is_err() {
                break;
            }
        }
        trouble.map_or(Ok(swept), Err)
    }

    /// Looks after all, and returns those that were swept.
    pub(super) fn sweep_all(&self, kernel: &mut Kernel) -> Result<Vec<Port>, Error> {
        let failed = |error| self.failed("look through", "", error);
        let Some(_held) = self.lock_if_there().map_err(failed)? else { return Ok(Vec::new()) };
        let (mut swept, mut trouble) = (Vec::new(), None);
        for folder in [self.now(), self.next()] {
            for name in names(&folder).map_err(failed)? {
                match self.look_at(kernel, &folder.join(name)) {
                    Ok(port) => swept.extend(port),
                    Err(error) => trouble = Some(error),
                }
            }
        }
        trouble.map_or(Ok(swept), Err)
    }

    /// Those whose device has gone.
    pub(super) fn abandoned(&self, kernel: &mut Kernel) -> Result<Vec<Port>, Error> {
        let failed = |error| self.failed("look through", "", error);
        let mut ports = Vec::new();
        for folder in [self.now(), self.next()] {
            for name in names(&folder).map_err(failed)? {
                // One that cannot be read is found fault with when it is swept.
                if let Ok(Some(trace)) = read(&folder.join(name))
                    && kernel.route.link_at(trace.link)?.is_none()
                {
                    ports.push(trace.port);
                }
            }
        }
        Ok(ports)
    }

    /// Sweeps the port of a note, if its device has gone.
    fn look_at(&self, kernel: &mut Kernel, path: &Path) -> Result<Option<Port>, Error> {
        let trace = match read(path) {
            Ok(Some(trace)) => trace,
            Ok(None) => return Ok(None),
            Err(error) => {
                // It would be as unreadable the next time.
                let _ = remove(path);
                return Err(self.failed("read", &path.display().to_string(), error));
            }
        };
        if kernel.route.link_at(trace.link)?.is_some() {
            return Ok(None);
        }
        trace.sweep(kernel, &self.places)?;
        remove(path).map_err(|error| self.failed("remove", &path.display().to_string(), error))?;
        Ok(Some(trace.port))
    }

    fn now(&self) -> PathBuf {
        self.folder.join("now")
    }

    fn next(&self) -> PathBuf {
        self.folder.join("next")
    }

    fn lock(&self) -> io::Result<Held> {
        let path = self.folder.join("lock");
        let file = File::options().create(true).truncate(false).write(true).open(path)?;
        file.lock()?;
        Ok(Held { _lock: file })
    }

    /// The same; none where nothing was ever noted.
    fn lock_if_there(&self) -> io::Result<Option<Held>> {
        match self.lock() {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            held => held.map(Some),
        }
    }

    fn failed(&self, verb: &'static str, name: &str, error: io::Error) -> Error {
        Error::Trace { verb, path: self.folder.join(name), error }
    }
}

/// The first name in a folder that was not seen yet: whichever the file system names first.
fn first_unseen(folder: &Path, seen: &BTreeSet<String>) -> io::Result<Option<String>> {
    let entries = match fs::read_dir(folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        entries => entries?,
    };
    for entry in entries.take(seen.len() + 1) {
        // What is no text is none of ours.
        if let Ok(name) = entry?.file_name().into_string()
            && !seen.contains(&name)
        {
            return Ok(Some(name));
        }
    }
    Ok(None)
}

fn names(folder: &Path) -> io::Result<Vec<String>> {
    match fs::read_dir(folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
        entries => entries?
            .filter_map(|entry| entry.map(|entry| entry.file_name().into_string().ok()).transpose())
            .collect(),
    }
}

fn read(path: &Path) -> io::Result<Option<Trace>> {
    match fs::read(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        bytes => Ok(Some(serde_json::from_slice(&bytes?)?)),
    }
}

/// Removes a file, if it is there.
fn remove(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}
