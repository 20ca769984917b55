//! Ending clients, and starting them again.

use std::fmt;
use std::fs;
use std::io;
use std::os::unix::fs::symlink;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use netkernel::link::LinkName;
use nix::errno::Errno;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use super::client::{Client, Program};

/// How long a client's script may go on when the client is to end: some wait for name servers.
const PATIENCE_SCRIPT: Duration = Duration::from_secs(20);
/// How long a client may take to end when it is killed.
const PATIENCE_END: Duration = Duration::from_secs(5);
/// How long a server may take to answer a client that starts. dhclient asks for its old address for ten seconds.
const PATIENCE_LEASE: Duration = Duration::from_secs(20);
/// How long a client may be seen nowhere before it has ended: one that has just been started has no words yet, and one that goes
/// into the background is another process.
const PATIENCE_UNSEEN: Duration = Duration::from_secs(2);
const PAUSE: Duration = Duration::from_millis(5);
const PAUSE_LEASE: Duration = Duration::from_millis(50);

/// A process that runs in our network namespace.
struct Process {
    number: u32,
    words: Vec<String>,
}

/// True when the client runs on this device.
#[must_use]
pub fn is_running(client: &Client, on: &LinkName) -> bool {
    !processes_of(client, on).is_empty()
}

/// Ends the client on this device, if it runs there: at once, so that it neither gives its lease back nor takes its
/// address away.
///
/// A client that has just got its lease goes into the background, which is another process: one may come while the other
/// is being ended. So none is left only when none is found.
pub fn stop(client: &Client, on: &LinkName) -> Result<(), DhcpError> {
    let failed = |error: Errno| DhcpError::new("end", client.program, on, error.into());
    let end = Instant::now() + PATIENCE_SCRIPT;
    loop {
        let running = processes_of(client, on);
        if running.is_empty() {
            return Ok(());
        }
        if Instant::now() > end + PATIENCE_END {
            return Err(DhcpError::new("end", client.program, on, io::ErrorKind::TimedOut.into()));
        }
        // First it may do nothing more, and what it has called comes to its end.
        for process in &running {
            signal(*process, Signal::SIGSTOP).map_err(failed)?;
        }
        let mut called = called_by(&running);
        called.retain(|process| !running.contains(process));
        if !called.is_empty() && Instant::now() < end {
            thread::sleep(PAUSE);
            continue;
        }
        // A script that hangs must not wake up when the addresses are elsewhere, and set them again.
        for process in called.into_iter().chain(running) {
            signal(process, Signal::SIGKILL).map_err(failed)?;
        }
        thread::sleep(PAUSE);
    }
}

/// Starts the client on this device, unless it runs there, with what it remembers of the other.
pub fn start(client: &Client, on: &LinkName, other: &LinkName) -> Result<(), DhcpError> {
    let running = processes_of(client, on);
    if !running.is_empty() {
        // It may have been about to be ended.
        for process in running {
            let _ = signal(process, Signal::SIGCONT);
        }
        return Ok(());
    }
    let failed = |error| DhcpError::new("start", client.program, on, error);
    prepare(client, on).and_then(|()| move_leases(client, on, other)).map_err(failed)?;
    let call = client.call(on);
    let (name, arguments) = call.split_first().ok_or_else(|| failed(io::ErrorKind::InvalidInput.into()))?;
    Command::new(&client.executable)
        .arg0(name)
        .args(arguments)
        .env_clear()
        .envs(client.environment.iter().map(|(name, value)| (name, value)))
        .envs(client.own_environment(on))
        .current_dir("/")
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        // What is said at our terminal is not meant for it.
        .process_group(0)
        .spawn()
        .map_err(failed)?;
    Ok(())
}

/// Waits until the client on this device has got its lease.
pub fn wait(client: &Client, on: &LinkName) -> Result<(), DhcpError> {
    let end = Instant::now() + PATIENCE_LEASE;
    let mark = client.bound_mark(on);
    let refused = |kind: io::ErrorKind| DhcpError::new("get a lease with", client.program, on, kind.into());
    let mut seen = Instant::now();
    while !mark.exists() {
        if Instant::now() > end {
            return Err(refused(io::ErrorKind::TimedOut));
        }
        if is_running(client, on) {
            seen = Instant::now();
        } else if seen.elapsed() > PATIENCE_UNSEEN && !mark.exists() {
            // It may have found no server, and be one that ends then.
            return Err(refused(io::ErrorKind::UnexpectedEof));
        }
        thread::sleep(PAUSE_LEASE);
    }
    Ok(())
}

/// Our script for the client, and no mark of an earlier lease.
fn prepare(client: &Client, on: &LinkName) -> io::Result<()> {
    fs::create_dir_all(&client.folder)?;
    let script = client.our_script();
    let program = std::env::current_exe()?;
    if fs::read_link(&script).ok().as_ref() != Some(&program) {
        gone(fs::remove_file(&script))?;
        symlink(program, &script)?;
    }
    gone(fs::remove_file(client.bound_mark(on)))
}

/// Gives the client on this device what it remembers of the other, if that is newer.
fn move_leases(client: &Client, on: &LinkName, other: &LinkName) -> io::Result<()> {
    let (Some(from), Some(to)) = (client.leases_on(other), client.leases_on(on)) else { return Ok(()) };
    if from == to || written(&from) <= written(&to) {
        return Ok(());
    }
    let memory = Client::translate_leases(&fs::read_to_string(&from)?, other, on);
    let draft = to.with_added_extension("new");
    fs::write(&draft, memory)?;
    fs::rename(&draft, &to)?;
    if *on == client.device { gone(fs::remove_file(&from)) } else { Ok(()) }
}

fn written(path: &Path) -> Option<std::time::SystemTime> {
    fs::metadata(path).and_then(|metadata| metadata.modified()).ok()
}

fn gone(result: io::Result<()>) -> io::Result<()> {
    match result {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        result => result,
    }
}

/// A process that has ended is as good as told.
fn signal(process: u32, signal: Signal) -> Result<(), Errno> {
    let number = i32::try_from(process).map_err(|_| Errno::ESRCH)?;
    match kill(Pid::from_raw(number), signal) {
        Err(Errno::ESRCH) => Ok(()),
        result => result,
    }
}

fn processes_of(client: &Client, on: &LinkName) -> Vec<u32> {
    let look = || -> Vec<u32> {
        let processes = processes(client.program).into_iter();
        let own = processes.filter(|process| client.is_called_by(&process.words, on));
        own.map(|process| process.number).collect()
    };
    let found = look();
    // One that becomes another, in the background, may have ended before it was looked at, and the other have begun when all
    // were counted.
    if found.is_empty() { look() } else { found }
}

/// The processes of a program in our network namespace.
fn processes(program: Program) -> Vec<Process> {
    let namespace = |process: &str| fs::read_link(format!("/proc/{process}/ns/net")).ok();
    let own = namespace("self");
    let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
    let processes = entries.filter_map(|entry| {
        let name = entry.file_name();
        let number: u32 = name.to_str()?.parse().ok()?;
        let comm = fs::read_to_string(entry.path().join("comm")).ok()?;
        if comm.trim_end() != program.name() || namespace(name.to_str()?) != own {
            return None;
        }
        let words = words_of(&entry.path().join("cmdline"))?;
        Some(Process { number, words })
    });
    processes.collect()
}

/// The words in a file in which each ends with a zero; none, where one is no text.
pub(crate) fn words_of(path: &Path) -> Option<Vec<String>> {
    let text = String::from_utf8(fs::read(path).ok()?).ok()?;
    let text = text.strip_suffix('\0').unwrap_or(&text);
    Some(text.split('\0').map(ToOwned::to_owned).collect())
}

/// What these processes have called and still runs, and what that has called.
fn called_by(processes: &[u32]) -> Vec<u32> {
    let mut called: Vec<u32> = processes.iter().flat_map(|process| children_of(*process)).collect();
    let mut next = 0;
    while let Some(process) = called.get(next).copied() {
        called.extend(children_of(process));
        next += 1;
    }
    called
}

/// What the process has called, and still runs.
fn children_of(process: u32) -> Vec<u32> {
    // The kernel has this file where it is built for checkpoints, as those of distributions are.
    let children = fs::read_to_string(format!("/proc/{process}/task/{process}/children"));
    let children = children.unwrap_or_default();
    let children = children.split_whitespace().filter_map(|number| number.parse().ok());
    // One that has ended has no words any more; its parent, which is stopped, cannot take note of that.
    let runs = |child: &u32| fs::read(format!("/proc/{child}/cmdline")).is_ok_and(|words| !words.is_empty());
    children.filter(runs).collect()
}

/// A client could not be ended or started.
#[derive(Debug)]
pub struct DhcpError {
    verb: &'static str,
    program: Program,
    device: LinkName,
    error: io::Error,
}

impl DhcpError {
    fn new(verb: &'static str, program: Program, device: &LinkName, error: io::Error) -> Self {
        Self { verb, program, device: device.clone(), error }
    }
}

impl fmt::Display for DhcpError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { verb, program, device, error } = self;
        let name = program.name();
        match error.kind() {
            io::ErrorKind::TimedOut => write!(f, "cannot {verb} {name} on {device}: it takes too long"),
            io::ErrorKind::UnexpectedEof => write!(f, "cannot {verb} {name} on {device}: it has ended"),
            _ => write!(f, "cannot {verb} {name} on {device}: {error}"),
        }
    }
}

impl std::error::Error for DhcpError {}

/// The folders with programs for administrators.
const FOLDERS: [&str; 4] = ["/sbin", "/usr/sbin", "/bin", "/usr/bin"];

/// The file of a process's program by the name that it was called by, and its environment.
///
/// A file such as busybox is many programs, and the kernel names the process by what was called.
pub(crate) fn program_of(process: &Path, name: &str) -> Option<(PathBuf, Vec<(String, String)>)> {
    let executable = fs::read_link(process.join("exe")).ok()?;
    let named = [PathBuf::from(name)].into_iter().chain(FOLDERS.map(|folder| Path::new(folder).join(name)));
    let is_it =
        |path: &PathBuf| path.is_absolute() && fs::canonicalize(path).is_ok_and(|it| it == executable);
    let executable = named.into_iter().find(is_it).unwrap_or(executable);
    let environment = words_of(&process.join("environ")).unwrap_or_default();
    let pairs = environment.iter().filter_map(|word| word.split_once('='));
    Some((executable, pairs.map(|(name, value)| (name.to_owned(), value.to_owned())).collect()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_script_calls_is_found_with_all_that_it_calls() {
        let text = "sh -c 'sleep 100 & wait' & wait";
        let mut script = Command::new("sh").args(["-c", text]).stdout(Stdio::null()).spawn().unwrap();
        let end = Instant::now() + PATIENCE_SCRIPT;
        let mut called = Vec::new();
        while called.len() < 2 && Instant::now() < end {
            thread::sleep(PAUSE);
            called = called_by(&[script.id()]);
        }
        for process in called.iter().copied().chain([script.id()]) {
            signal(process, Signal::SIGKILL).unwrap();
        }
        script.wait().unwrap();
        assert_eq!(called.len(), 2);
    }
}
