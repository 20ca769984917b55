//! Where things are.

use std::env;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// The folders of a run.
#[derive(Clone, Debug)]
pub(crate) struct Places {
    /// The repository.
    pub(crate) root: PathBuf,
    /// What cargo builds, and all that a run leaves behind.
    pub(crate) target: PathBuf,
    /// What programs have written, for a look afterwards.
    pub(crate) logs: PathBuf,
}

impl Places {
    /// The folders of this repository. That of the logs is made anew.
    pub(crate) fn find() -> io::Result<Self> {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..").canonicalize()?;
        let target =
            env::var_os("CARGO_TARGET_DIR").map_or_else(|| root.join("target"), |target| root.join(target));
        let logs = target.join("xtask");
        match fs::remove_dir_all(&logs) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => fs::create_dir_all(&logs)?,
        }
        Ok(Self { root, target, logs })
    }

    /// The images of real Xen: `XENLAB`, or else with what cargo builds.
    pub(crate) fn xen_images(&self) -> PathBuf {
        env::var_os("XENLAB").map_or_else(|| self.target.join("xenlab"), |folder| self.root.join(folder))
    }

    /// Debian's Xen packages, when they are unpacked here.
    pub(crate) fn xen_packages(&self) -> PathBuf {
        self.target.join("xen-packages")
    }

    /// Debian's packages of Open vSwitch, when they are unpacked here.
    pub(crate) fn switch_packages(&self) -> PathBuf {
        self.target.join("ovs-packages")
    }

    /// Debian's packages of firewalld, when they are unpacked here.
    pub(crate) fn firewall_packages(&self) -> PathBuf {
        self.target.join("firewall-packages")
    }

    /// Debian's packages of libvirt, when they are unpacked here.
    pub(crate) fn libvirt_packages(&self) -> PathBuf {
        self.target.join("libvirt-packages")
    }
}
