//! Which lab is running.

use std::ffi::OsString;
use std::fs::{self, DirBuilder, File};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::{Pid, geteuid};
use serde::{Deserialize, Serialize};

use super::KeeperError;

/// The file with what is known of the running lab.
const STATE: &str = "state.json";
/// The file that the running lab holds locked.
const LOCK: &str = "lock";
/// How long the kernel has to end a lab.
const END_LIMIT: Duration = Duration::from_secs(10);

/// The folder that says which lab is running: for one user, and for that user alone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Places {
    folder: PathBuf,
}

impl Places {
    /// This user's folder: `$DOM0NET_LAB_DIR`; else `dom0net-lab` in `/run` for root and in `$XDG_RUNTIME_DIR`
    /// for others; else `/tmp/dom0net-lab-UID`.
    #[must_use]
    pub fn from_environment() -> Self {
        Self::of(geteuid().as_raw(), |name| std::env::var_os(name).filter(|value| !value.is_empty()))
    }

    fn of(uid: u32, variable: impl Fn(&str) -> Option<OsString>) -> Self {
        let folder = match (variable("DOM0NET_LAB_DIR"), variable("XDG_RUNTIME_DIR")) {
            (Some(folder), _) => folder.into(),
            (None, _) if uid == 0 => "/run/dom0net-lab".into(),
            (None, Some(folder)) if Path::new(&folder).is_absolute() => {
                Path::new(&folder).join("dom0net-lab")
            }
            _ => format!("/tmp/dom0net-lab-{uid}").into(),
        };
        Self { folder }
    }

    /// The folder at this path.
    #[must_use]
    pub fn at(folder: impl Into<PathBuf>) -> Self {
        Self { folder: folder.into() }
    }

    /// The folder's path.
    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Makes the folder if it is not there, and checks that it is this user's own.
    pub(super) fn prepare(&self) -> Result<(), KeeperError> {
        let path = &self.folder;
        let failed = || KeeperError::system(format!("make the folder {}", path.display()));
        match DirBuilder::new().mode(0o700).create(path) {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(failed()(error)),
            _ => {}
        }
        // Not followed if it is a link: others can make one in /tmp.
        let metadata = fs::symlink_metadata(path).map_err(failed())?;
        let fault = if !metadata.is_dir() {
            "is not a folder"
        } else if metadata.uid() != geteuid().as_raw() {
            "belongs to somebody else"
        } else if metadata.permissions().mode() & 0o077 != 0 {
            "can be used by others"
        } else {
            return Ok(());
        };
        Err(KeeperError::Folder { path: path.clone(), fault })
    }

    /// Locks the folder for a lab. The lock goes with the file that is returned, and with all copies of it.
    pub(super) fn lock(&self) -> Result<File, KeeperError> {
        let path = self.folder.join(LOCK);
        let failed = || KeeperError::system(format!("lock {}", path.display()));
        let file = File::options().create(true).append(true).open(&path).map_err(failed())?;
        match file.try_lock() {
            Ok(()) => Ok(file),
            Err(fs::TryLockError::WouldBlock) => {
                let pid = self.read().filter(Running::is_alive).map(|running| running.pid);
                Err(KeeperError::Running { pid })
            }
            Err(fs::TryLockError::Error(error)) => Err(failed()(error)),
        }
    }

    /// What the state file says, whether or not it is still true.
    fn read(&self) -> Option<Running> {
        serde_json::from_slice(&fs::read(self.folder.join(STATE)).ok()?).ok()
    }

    /// Writes the state file.
    pub(super) fn write(&self, running: &Running) -> io::Result<()> {
        let part = self.folder.join(format!("{STATE}.new"));
        let mut file = File::create(&part)?;
        file.write_all(&serde_json::to_vec_pretty(running)?)?;
        fs::rename(part, self.folder.join(STATE))
    }

    /// Removes the state file.
    pub(super) fn forget(&self) -> Result<(), KeeperError> {
        let path = self.folder.join(STATE);
        match fs::remove_file(&path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                Err(KeeperError::system(format!("remove {}", path.display()))(error))
            }
            _ => Ok(()),
        }
    }
}

/// A running lab.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Running {
    /// Its first process. All others go with it.
    pub pid: u32,
    /// When that was started, in the kernel's ticks since boot: tells it from a later process of that number.
    pub started: u64,
    /// Its stations, by name.
    pub stations: Vec<String>,
    /// What programs on its host have in their environment.
    pub environment: Vec<(String, String)>,
}

impl Running {
    fn is_alive(&self) -> bool {
        start_of(self.pid) == Some(self.started)
    }
}

/// The lab that is running.
pub fn running(places: &Places) -> Result<Running, KeeperError> {
    places.prepare()?;
    places.read().filter(Running::is_alive).ok_or(KeeperError::NotRunning)
}

/// Ends the running lab, with everything in it.
pub fn end(places: &Places) -> Result<(), KeeperError> {
    let running = running(places)?;
    let failed = || KeeperError::system(format!("end process {}", running.pid));
    let pid = i32::try_from(running.pid).map_err(|_| failed()(io::ErrorKind::InvalidData.into()))?;
    // The first process of a lab takes no notice of gentler ones.
    kill(Pid::from_raw(pid), Signal::SIGKILL).map_err(|errno| failed()(errno.into()))?;
    let begin = Instant::now();
    while running.is_alive() {
        if begin.elapsed() > END_LIMIT {
            return Err(failed()(io::ErrorKind::TimedOut.into()));
        }
        thread::sleep(Duration::from_millis(1));
    }
    places.forget()
}

/// When a process was started, in ticks since boot (`/proc/PID/stat`, the 22nd field); none when there is none,
/// or it has ended and only waits to be noticed.
pub(super) fn start_of(pid: u32) -> Option<u64> {
    let text = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The second field is a name in parentheses that may contain anything.
    let mut fields = text.rsplit_once(')')?.1.split_ascii_whitespace();
    let state = fields.next()?;
    if matches!(state, "Z" | "X") {
        return None;
    }
    fields.nth(18)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    fn folder_of(uid: u32, set: &[(&str, &str)]) -> String {
        let places = Places::of(uid, |wanted| {
            set.iter().find(|(name, _)| *name == wanted).map(|(_, value)| value.into())
        });
        places.folder.display().to_string()
    }

    #[test]
    fn each_user_has_a_folder() {
        assert_eq!(folder_of(0, &[("XDG_RUNTIME_DIR", "/run/user/0")]), "/run/dom0net-lab");
        assert_eq!(folder_of(7, &[("XDG_RUNTIME_DIR", "/run/user/7")]), "/run/user/7/dom0net-lab");
        assert_eq!(folder_of(7, &[("XDG_RUNTIME_DIR", "relative")]), "/tmp/dom0net-lab-7");
        assert_eq!(folder_of(7, &[]), "/tmp/dom0net-lab-7");
        assert_eq!(folder_of(0, &[("DOM0NET_LAB_DIR", "/x")]), "/x");
    }

    #[test]
    fn a_folder_that_others_can_use_is_refused() {
        let parent = tempfile::tempdir().unwrap();
        let places = Places::at(parent.path().join("lab"));
        places.prepare().unwrap();
        places.prepare().unwrap();
        fs::set_permissions(places.folder(), fs::Permissions::from_mode(0o755)).unwrap();
        assert!(matches!(places.prepare(), Err(KeeperError::Folder { .. })));
        let link = Places::at(parent.path().join("link"));
        symlink(parent.path(), link.folder()).unwrap();
        assert!(matches!(link.prepare(), Err(KeeperError::Folder { fault: "is not a folder", .. })));
    }

    #[test]
    fn a_state_is_believed_only_while_its_process_lives() {
        let parent = tempfile::tempdir().unwrap();
        let places = Places::at(parent.path().join("lab"));
        assert!(matches!(running(&places), Err(KeeperError::NotRunning)));
        let pid = std::process::id();
        let started = start_of(pid).unwrap();
        let state = |pid, started| Running { pid, started, stations: vec![], environment: vec![] };
        places.write(&state(pid, started)).unwrap();
        assert_eq!(running(&places).unwrap().pid, pid);
        places.write(&state(pid, started + 1)).unwrap();
        assert!(matches!(running(&places), Err(KeeperError::NotRunning)));
        fs::write(places.folder.join(STATE), "{").unwrap();
        assert!(matches!(end(&places), Err(KeeperError::NotRunning)));
    }

    #[test]
    fn a_folder_is_locked_once() {
        let parent = tempfile::tempdir().unwrap();
        let places = Places::at(parent.path());
        let lock = places.lock().unwrap();
        assert!(matches!(places.lock(), Err(KeeperError::Running { .. })));
        drop(lock);
        places.lock().unwrap();
    }
}
