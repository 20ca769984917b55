//! `xtask supervise SECONDS shared|private PROGRAM ARGUMENT...`: runs a program that cannot outstay its time.
//!
//! This is a process of its own, whose standard input is a pipe held by the one that started it: at its end the other is gone,
//! however it went, and the program goes too, with all that it has started. `private` gives the program a network namespace,
//! so that no test can touch the machine's own network; for an ordinary user that takes a user namespace around it, in which
//! he is root. Where that is not allowed, the program runs without, and its tests say what they cannot do.

use std::ffi::OsString;
use std::fs;
use std::io::{self, Read};
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;
use std::time::Duration;

use nix::sched::{CloneFlags, unshare};
use nix::sys::signal::{Signal, killpg};
use nix::unistd::{Gid, Pid, Uid};

/// The word by which this program calls itself.
pub(crate) const COMMAND: &str = "supervise";

/// The word for the machine's network.
pub(crate) const SHARED: &str = "shared";

/// The word for a network of its own.
pub(crate) const PRIVATE: &str = "private";

/// The exit status when the time was up, as `timeout(1)` has it.
const TIME_IS_UP: u8 = 124;

/// The exit status when the program could not be started.
const NOT_STARTED: u8 = 125;

/// What a program gets to clean up after it was told to end.
const GRACE: Duration = Duration::from_secs(5);

/// Why nothing more is waited for.
enum End {
    Program(io::Result<u8>),
    Parent,
}

/// Runs the program, and returns its exit status.
pub(crate) fn run(words: &[OsString]) -> u8 {
    let [seconds, network, program, arguments @ ..] = words else {
        return complain("called without SECONDS, NETWORK and PROGRAM");
    };
    let Some(seconds) = seconds.to_str().and_then(|text| text.parse().ok()) else {
        return complain("SECONDS is not a number");
    };
    if network == PRIVATE {
        // Before there is a second thread: the kernel moves no process with several into a user namespace.
        let _ = private_network();
    }
    let child = Command::new(program).args(arguments).stdin(Stdio::null()).process_group(0).spawn();
    match child {
        Ok(child) => watch(child, Duration::from_secs(seconds)),
        Err(error) => complain(&format!("{}: {error}", program.display())),
    }
}

fn complain(problem: &str) -> u8 {
    eprintln!("xtask {COMMAND}: {problem}");
    NOT_STARTED
}

fn watch(child: Child, limit: Duration) -> u8 {
    let group = Pid::from_raw(i32::try_from(child.id()).unwrap_or(i32::MAX));
    let (sender, ends) = channel();
    let parent = sender.clone();
    thread::spawn(move || {
        // Nothing is ever sent; what counts is the end.
        let _ = io::stdin().read_to_end(&mut Vec::new());
        let _ = parent.send(End::Parent);
    });
    thread::spawn(move || wait(child, &sender));
    let status = match ends.recv_timeout(limit) {
        Ok(End::Program(status)) => status.unwrap_or(NOT_STARTED),
        Ok(End::Parent) => stop(group, &ends),
        Err(_) => {
            eprintln!("xtask: ended after {} s", limit.as_secs());
            stop(group, &ends)
        }
    };
    // What it has left behind. An error says that there is nothing.
    let _ = killpg(group, Signal::SIGKILL);
    status
}

fn wait(mut child: Child, ended: &Sender<End>) {
    let status = child.wait().map(|status| {
        let code = status.code().or_else(|| status.signal().map(|signal| 128 + signal));
        code.and_then(|code| u8::try_from(code).ok()).unwrap_or(u8::MAX)
    });
    let _ = ended.send(End::Program(status));
}

/// Tells all processes of the group to end, and leaves them some time for it.
fn stop(group: Pid, ends: &Receiver<End>) -> u8 {
    let _ = killpg(group, Signal::SIGTERM);
    while let Ok(end) = ends.recv_timeout(GRACE) {
        if matches!(end, End::Program(_)) {
            break;
        }
    }
    TIME_IS_UP
}

/// Moves this process into a network namespace of its own.
fn private_network() -> io::Result<()> {
    if unshare(CloneFlags::CLONE_NEWNET).is_ok() {
        return Ok(());
    }
    let (user, group) = (Uid::effective(), Gid::effective());
    unshare(CloneFlags::CLONE_NEWUSER | CloneFlags::CLONE_NEWNET)?;
    // Who may not set groups may map his own: user_namespaces(7).
    fs::write("/proc/self/setgroups", "deny")?;
    fs::write("/proc/self/gid_map", format!("0 {group} 1"))?;
    fs::write("/proc/self/uid_map", format!("0 {user} 1"))
}
