//! Which vif a name was given to last.
//!
//! Kernels that tie rules to names (6.16 and later) keep a guard when its device has gone, and it would hold for whoever is called so
//! next: for the same guest, started anew, whose MAC address may be another one. Where a toolstack was killed nobody has taken it
//! away. So each name that a vif is given is a link in a folder, whose target is the vif: one call to read, two to write, and
//! none for vifs that keep their names.

use std::fs;
use std::io;
use std::os::unix::fs::symlink;
use std::path::PathBuf;

use netkernel::link::LinkName;

use super::error::Error;
use crate::guard::Guard;
use crate::places::Places;
use crate::plan::Kernel;
use crate::vif::Port;

/// The names of this host's vifs.
#[derive(Debug)]
pub(super) struct Names {
    folder: PathBuf,
}

impl Names {
    pub(super) fn of(places: &Places) -> Self {
        Self { folder: places.runtime.join("names") }
    }

    /// Makes a name this port's, which no other device has by now. Returns the port that had it before, if its guard was
    /// still there, and is not any more.
    pub(super) fn take(
        &self,
        kernel: &mut Kernel,
        name: &LinkName,
        port: Port,
    ) -> Result<Option<Port>, Error> {
        let former = self.holder(name).filter(|former| *former != port);
        let former = match former {
            Some(former) if is_guarded_as(kernel, former, name)? => {
                Guard::of(former).remove(kernel.filter()?)?;
                Some(former)
            }
            _ => None,
        };
        let failed = |error| Error::Trace { verb: "write", path: self.path(name), error };
        self.write(name, port).map_err(failed)?;
        Ok(former)
    }

    /// Gives a name back, if it is this port's.
    pub(super) fn leave(&self, name: &LinkName, port: Port) {
        if self.holder(name) == Some(port) {
            // A name that stays does no harm: its guard is asked for by it, and is not there.
            let _ = fs::remove_file(self.path(name));
        }
    }

    fn holder(&self, name: &LinkName) -> Option<Port> {
        Port::named(fs::read_link(self.path(name)).ok()?.to_str()?)
    }

    fn write(&self, name: &LinkName, port: Port) -> io::Result<()> {
        fs::create_dir_all(&self.folder)?;
        let draft = self.folder.join(format!("{port}.new"));
        // One that was left by a plug that was killed.
        let _ = fs::remove_file(&draft);
        symlink(port.to_string(), &draft)?;
        fs::rename(draft, self.path(name))
    }

    fn path(&self, name: &LinkName) -> PathBuf {
        // No device's name has a slash, or is one of the two dots.
        self.folder.join(name.as_str())
    }
}

/// A guard that follows its device to another name is none of this one's.
fn is_guarded_as(kernel: &mut Kernel, port: Port, name: &LinkName) -> Result<bool, Error> {
    let state = Guard::of(port).state(kernel.filter()?)?;
    Ok(state.is_some_and(|state| state.devices.iter().any(|device| device == name.as_str())))
}
