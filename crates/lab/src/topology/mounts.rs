//! What the host's programs see of the file system.
//!
//! Xen's scripts look into `/sys/class/net`, lock files under `/run/xen-hotplug` and log into `/var/log/xen`. A mount
//! namespace gives them these for the lab alone.

use std::fs::{self, File};
use std::io;
use std::os::fd::{AsRawFd, OwnedFd};
use std::path::{Path, PathBuf};

use netkernel::namespace::Namespace;
use nix::mount::{MsFlags, mount};
use nix::sched::{CloneFlags, setns, unshare};

/// Where scripts log.
const LOG: &str = "/var/log/xen";

/// A mount namespace for the host's programs.
#[derive(Debug)]
pub(super) struct Mounts {
    descriptor: OwnedFd,
    log: PathBuf,
}

impl Mounts {
    /// Makes one for programs in `network`. What they log ends up below `folder`, which they see where it is.
    ///
    /// Unless `run_is_private`, they get a `/run` of their own.
    pub(super) fn new(network: &Namespace, folder: &Path, run_is_private: bool) -> io::Result<Self> {
        let log = folder.join("log");
        fs::create_dir_all(&log)?;
        let descriptor = network.run(|| {
            unshare(CloneFlags::CLONE_NEWNS)?;
            flag("/", MsFlags::MS_REC | MsFlags::MS_PRIVATE)?;
            // Before /run is covered, in which the folder may be, and after unshare: mounts of other namespaces
            // cannot be bound.
            let folder_handle = File::open(folder)?;
            let log_handle = File::open(&log)?;
            // Shows the devices of the namespace that it is mounted in.
            filesystem("/sys", "sysfs")?;
            if !run_is_private {
                filesystem("/run", "tmpfs")?;
                if folder.starts_with("/run") {
                    fs::create_dir_all(folder)?;
                    bind(&folder_handle, folder)?;
                }
            }
            if !Path::new(LOG).is_dir() {
                filesystem("/var/log", "tmpfs")?;
                fs::create_dir_all(LOG)?;
            }
            bind(&log_handle, Path::new(LOG))?;
            Ok::<_, io::Error>(File::open("/proc/thread-self/ns/mnt")?.into())
        })??;
        Ok(Self { descriptor, log })
    }

    /// Moves the calling thread into it, for good.
    pub(super) fn enter(&self) -> io::Result<()> {
        // A thread shares its root and working directory with the others until it says otherwise.
        unshare(CloneFlags::CLONE_FS)?;
        setns(&self.descriptor, CloneFlags::CLONE_NEWNS)?;
        Ok(())
    }

    /// The folder that programs in it see as `/var/log/xen`.
    pub(super) fn log(&self) -> &Path {
        &self.log
    }
}

fn filesystem(target: &str, kind: &str) -> io::Result<()> {
    let none: Option<&str> = None;
    mount(Some(kind), target, Some(kind), MsFlags::empty(), none)
        .map_err(|error| explain(error, &format!("mount {kind} on {target}")))
}

fn flag(target: &str, flags: MsFlags) -> io::Result<()> {
    let none: Option<&str> = None;
    mount(none, target, none, flags, none)
        .map_err(|error| explain(error, &format!("change the mount on {target}")))
}

fn bind(source: &File, target: &Path) -> io::Result<()> {
    let none: Option<&str> = None;
    let source = format!("/proc/self/fd/{}", source.as_raw_fd());
    mount(Some(source.as_str()), target, none, MsFlags::MS_BIND, none)
        .map_err(|error| explain(error, &format!("mount a folder of the lab on {}", target.display())))
}

fn explain(error: nix::Error, attempt: &str) -> io::Error {
    let error = io::Error::from(error);
    io::Error::new(error.kind(), format!("cannot {attempt}: {error}"))
}
