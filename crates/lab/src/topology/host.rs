//! The Xen host: dom0, or a driver domain.

use std::path::Path;

use super::mounts::Mounts;
use super::station::Station;
use crate::Error;

/// The machine that guests run on: a station, and a view of the file system for its programs.
#[derive(Debug)]
pub struct Host {
    station: Station,
    mounts: Result<Mounts, String>,
}

impl Host {
    /// Makes a host whose programs leave their traces below `folder`, and in a `/run` of their own unless this
    /// process has one already.
    pub fn new(name: &str, folder: &Path, run_is_private: bool) -> Result<Self, Error> {
        let station = Station::new(name)?;
        let mounts = Mounts::new(station.namespace(), folder, run_is_private);
        let mounts = mounts.map_err(|error| error.to_string());
        Ok(Self { station, mounts })
    }

    /// Its network.
    #[must_use]
    pub const fn station(&self) -> &Station {
        &self.station
    }

    /// The folder that its programs see as `/var/log/xen`; or why they see the machine's own `/sys`, `/run` and
    /// `/var/log/xen`: some containers do not let anybody mount. Xen's own scripts do not work then.
    pub fn log_folder(&self) -> Result<&Path, &str> {
        self.mounts.as_ref().map(Mounts::log).map_err(String::as_str)
    }

    /// Calls `work` in a thread that is on the host in every respect: programs that it starts see the host's
    /// devices in `/sys`, and have `/run` and `/var/log/xen` of their own.
    pub fn run<T: Send>(&self, work: impl FnOnce() -> T + Send) -> Result<T, Error> {
        self.station
            .run(|| {
                if let Ok(mounts) = &self.mounts {
                    mounts.enter()?;
                }
                Ok(work())
            })?
            .map_err(Error::system(format!("enter the mount namespace of {}", self.station.name())))
    }
}
