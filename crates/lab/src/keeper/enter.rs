//! Working inside a running lab.

use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io;
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::Command;

use nix::mount::{MsFlags, mount};
use nix::sched::{CloneFlags, setns, unshare};

use super::KeeperError;
use super::stages::STATIONS;
use super::state::{Places, Running, running};

/// The station on which the toolstack is.
const HOST: &str = "host";

/// Runs a command at a station of the running lab, or a shell when there is none, and returns its exit status.
/// This process must not have any other thread, and is inside afterwards.
///
/// A shell's prompt says where it is. Programs see the station's devices in `/sys`, where the system permits
/// that; on the host they find the lab's store and files as its scripts do.
pub fn enter(places: &Places, station: &str, command: &[OsString]) -> Result<u8, KeeperError> {
    let running = running(places)?;
    if !running.stations.iter().any(|name| name == station) {
        let (name, present) = (station.to_owned(), running.stations);
        return Err(KeeperError::NoStation { name, present });
    }
    let failed = || KeeperError::system(format!("enter {station}"));
    move_to(&running, station).map_err(failed())?;
    let mut program = program(station, command);
    if station == HOST {
        program.envs(running.environment);
    }
    // What they name is outside.
    program.env_remove("XDG_RUNTIME_DIR").env_remove("XENSTORED_RUNDIR");
    let name = program.get_program().to_string_lossy().into_owned();
    let status = program.status().map_err(KeeperError::system(format!("run {name} on {station}")))?;
    let code = status.code().unwrap_or_else(|| 128 + status.signal().unwrap_or_default());
    Ok(u8::try_from(code).unwrap_or(1))
}

/// Moves this process, and the process namespace of its children, into the lab.
fn move_to(running: &Running, station: &str) -> io::Result<()> {
    let namespace = |kind: &str| File::open(format!("/proc/{}/ns/{kind}", running.pid));
    // All are opened before the first is entered: /proc is another one then.
    let user = namespace("user")?;
    let others = ["mnt", "ipc", "uts", "pid"].map(namespace);
    let network = File::open(format!("/proc/{}/root{STATIONS}/{station}", running.pid))?;
    if !is_own(&user)? {
        setns(&user, CloneFlags::CLONE_NEWUSER)?;
    }
    setns(&network, CloneFlags::CLONE_NEWNET)?;
    for other in others {
        setns(other?, CloneFlags::empty())?;
    }
    std::env::set_current_dir("/")?;
    show_devices();
    Ok(())
}

/// Whether this process is in the namespace already; entering it again would fail.
fn is_own(user: &File) -> io::Result<bool> {
    use std::os::unix::fs::MetadataExt;
    let own = std::fs::metadata("/proc/self/ns/user")?;
    let other = user.metadata()?;
    Ok((own.dev(), own.ino()) == (other.dev(), other.ino()))
}

/// Shows the station's devices in `/sys`. Some systems forbid that; only programs that look there are worse off.
fn show_devices() {
    let none: Option<&str> = None;
    let _ = unshare(CloneFlags::CLONE_NEWNS)
        .and_then(|()| mount(none, "/", none, MsFlags::MS_REC | MsFlags::MS_PRIVATE, none))
        .and_then(|()| mount(Some("sysfs"), "/sys", Some("sysfs"), MsFlags::empty(), none));
}

/// The command, or a shell that says where it is.
fn program(station: &str, command: &[OsString]) -> Command {
    if let Some((name, arguments)) = command.split_first() {
        let mut program = Command::new(name);
        program.args(arguments);
        return program;
    }
    let (shell, options) = shell(std::env::var_os("SHELL").as_deref(), |path| Path::new(path).exists());
    let mut program = Command::new(shell);
    program.args(options).env("PS1", format!("[lab {station}] \\w \\$ "));
    program
}

/// A shell whose prompt can be set from outside. The user's own start-up files would set it to theirs.
fn shell(
    favourite: Option<&OsStr>,
    exists: impl Fn(&str) -> bool,
) -> (&'static str, &'static [&'static str]) {
    let wants_plain = favourite.is_some_and(|shell| {
        let name = Path::new(shell).file_name();
        name == Some(OsStr::new("sh")) || name == Some(OsStr::new("dash"))
    });
    if !wants_plain && exists("/bin/bash") {
        ("/bin/bash", &["--norc", "--noprofile", "-i"])
    } else {
        ("/bin/sh", &["-i"])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_shell_is_one_whose_prompt_can_be_set() {
        assert_eq!(shell(Some("/usr/bin/zsh".as_ref()), |_| true).0, "/bin/bash");
        assert_eq!(shell(Some("/bin/sh".as_ref()), |_| true).0, "/bin/sh");
        assert_eq!(shell(None, |_| false).0, "/bin/sh");
    }
}
