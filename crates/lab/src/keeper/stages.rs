//! The processes of a lab, one after the other.

use std::ffi::OsString;
use std::fs::{self, File};
use std::io::{self, BufRead, BufReader, Read, Write};
use std::os::fd::{AsFd, AsRawFd};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Command, Stdio, exit};
use std::thread;
use std::time::Duration;

use nix::errno::Errno;
use nix::mount::{MsFlags, mount};
use nix::sched::{CloneFlags, unshare};
use nix::sys::wait::{WaitStatus, wait};
use nix::unistd::{dup2_stderr, dup2_stdout, sethostname, setsid};

use super::KeeperError;
use super::namespaces::unshare_all;
use super::state::{Places, Running, start_of};
use crate::{Lab, LabConfig, Station};

/// Where all files of a lab are, in a file system that goes with it.
pub(super) const FOLDER: &str = "/run/xen-lab";
/// Where its stations are named, for programs that know `ip netns` too.
pub(super) const STATIONS: &str = "/run/netns";
/// Where the folder with the state is seen from inside.
const STATE_FOLDER: &str = "/run/xen-lab/state";
/// What the command tells the first process when the lab may stay without it.
const STAY: u8 = b's';
/// How often the command looks whether the lab wants to stay.
const PAUSE: Duration = Duration::from_millis(5);
/// What the processes of a lab call themselves.
const NAME: &str = "xen-lab";
/// The first argument of a stage.
const INIT: &str = "init";
const LAB: &str = "lab";

/// What comes after the work for which a lab was started.
#[derive(Debug)]
pub enum Next {
    /// The end, with this status.
    End(u8),
    /// The lab stays, for others to enter.
    Stay(Box<Lab>),
}

/// What the work finds around it.
#[derive(Debug)]
pub struct Context {
    /// What [`start`] was given for it.
    pub arguments: Vec<OsString>,
    pid: u32,
    started: u64,
}

impl Context {
    /// A folder that goes with the lab.
    #[must_use]
    pub fn folder(&self) -> &'static Path {
        Path::new(FOLDER)
    }

    /// A lab whose files are in that folder.
    #[must_use]
    pub fn config(&self) -> LabConfig {
        LabConfig { folder: Some(FOLDER.into()), run_is_private: true, ..LabConfig::default() }
    }
}

/// Starts a lab, and returns when it has ended or wants to stay: the exit status.
///
/// `hidden` are the words with which this program calls [`main`]; `arguments` are for the work there. This
/// process must not have any other thread.
pub fn start(places: &Places, hidden: &[&str], arguments: &[OsString]) -> Result<u8, KeeperError> {
    places.prepare()?;
    // The first process takes it over, for as long as that lives.
    let lock = places.lock()?;
    places.forget()?;
    unshare_all()?;
    let failed = || KeeperError::system("start the first process of the lab");
    let mut first = Command::new("/proc/self/exe")
        .arg0(NAME)
        .args(hidden)
        .arg(INIT)
        .arg(places.folder())
        .args(arguments)
        .stdin(Stdio::piped())
        .spawn()
        .map_err(failed())?;
    let mut lifeline = first.stdin.take().ok_or_else(|| failed()(io::ErrorKind::BrokenPipe.into()))?;
    let pid = first.id();
    let started = start_of(pid).unwrap_or_default();
    drop(lock);
    // If it has ended already, its status tells more than this.
    let _ = writeln!(lifeline, "{pid} {started}");
    loop {
        if let Some(status) = first.try_wait().map_err(failed())? {
            places.forget()?;
            return Ok(status.code().and_then(|code| u8::try_from(code).ok()).unwrap_or(1));
        }
        if super::running(places).is_ok_and(|running| running.pid == pid) {
            lifeline.write_all(&[STAY]).map_err(failed())?;
            return Ok(0);
        }
        thread::sleep(PAUSE);
    }
}

/// The stages of a lab: what the program does when it is called with the hidden words; returns the exit status.
/// `work` is what the lab was started for.
#[must_use]
pub fn main(
    hidden: &[&str],
    arguments: impl IntoIterator<Item = OsString>,
    work: impl FnOnce(&Context) -> Next,
) -> u8 {
    let mut arguments = arguments.into_iter();
    let stage = arguments.next().unwrap_or_default();
    let result = match stage.to_str() {
        Some(INIT) => init(hidden, arguments.collect()),
        Some(LAB) => lab(arguments.collect(), work),
        _ => Err(KeeperError::System {
            attempt: "be called by hand".to_owned(),
            source: io::ErrorKind::InvalidInput.into(),
        }),
    };
    match result {
        Ok(status) => status,
        Err(error) => {
            eprintln!("{error}");
            1
        }
    }
}

/// The first process: sees to it that all ends when it must, and collects what others leave.
fn init(hidden: &[&str], arguments: Vec<OsString>) -> Result<u8, KeeperError> {
    let mut arguments = arguments.into_iter();
    let places = Places::at(arguments.next().unwrap_or_default());
    let failed = |attempt: &str| KeeperError::system(attempt.to_owned());
    // What the terminal sends is for the command; when that goes, so do we.
    setsid().map_err(|errno| failed("start a session")(errno.into()))?;
    let mut lifeline = BufReader::new(io::stdin());
    let mut identity = String::new();
    lifeline.read_line(&mut identity).map_err(failed("read the lifeline"))?;
    // By now the command has let go of it.
    let lock = places.lock()?;
    set_up_mounts(&places).map_err(failed("set up the lab's file systems"))?;
    let _ = sethostname("xen-lab");
    let child = Command::new("/proc/self/exe")
        .arg0(NAME)
        .args(hidden)
        .arg(LAB)
        .args(identity.split_ascii_whitespace())
        .args(arguments)
        .stdin(Stdio::null())
        .spawn()
        .map_err(failed("start the lab"))?;
    thread::spawn(move || watch(lifeline));
    let status = collect(child.id())?;
    drop(lock);
    Ok(status)
}

/// Waits for the lab, and for all that has lost its parent, as a first process must.
fn collect(lab: u32) -> Result<u8, KeeperError> {
    loop {
        match wait() {
            Ok(WaitStatus::Exited(pid, code)) if pid.as_raw().cast_unsigned() == lab => {
                return Ok(u8::try_from(code).unwrap_or(1));
            }
            Ok(WaitStatus::Signaled(pid, signal, _)) if pid.as_raw().cast_unsigned() == lab => {
                eprintln!("the lab was killed by {signal}");
                return Ok(1);
            }
            Ok(_) | Err(Errno::EINTR) => {}
            Err(errno) => return Err(KeeperError::system("wait for the lab")(errno.into())),
        }
    }
}

/// Ends everything when the command ends that started the lab, unless it says that the lab may stay.
fn watch(mut lifeline: impl Read) {
    let mut word = [0];
    match lifeline.read(&mut word) {
        Ok(1) if word == [STAY] => {
            // The terminal is no longer ours.
            let _ = silence(Path::new("/dev/null"));
        }
        _ => exit(1),
    }
}

fn silence(target: &Path) -> io::Result<()> {
    let target = File::options().append(true).create(true).open(target)?;
    dup2_stdout(target.as_fd())?;
    dup2_stderr(target.as_fd())?;
    Ok(())
}

/// The lab sees the machine's files but for `/proc`, `/run` and `/sys`, which are its own.
fn set_up_mounts(places: &Places) -> io::Result<()> {
    let none: Option<&str> = None;
    unshare(CloneFlags::CLONE_NEWNS)?;
    mount(none, "/", none, MsFlags::MS_REC | MsFlags::MS_PRIVATE, none)?;
    // Before /run is covered, in which it may be.
    let state = File::open(places.folder())?;
    // Containers that hide parts of these allow no others; nothing depends on them but what a person sees inside.
    let _ = mount(Some("proc"), "/proc", Some("proc"), MsFlags::empty(), none);
    let _ = mount(Some("sysfs"), "/sys", Some("sysfs"), MsFlags::empty(), none);
    mount(Some("tmpfs"), "/run", Some("tmpfs"), MsFlags::empty(), Some("mode=0755"))?;
    fs::create_dir_all(STATIONS)?;
    fs::create_dir_all(STATE_FOLDER)?;
    let source = format!("/proc/self/fd/{}", state.as_raw_fd());
    mount(Some(source.as_str()), STATE_FOLDER, none, MsFlags::MS_BIND, none)?;
    Ok(())
}

/// The process that the lab lives in.
fn lab(arguments: Vec<OsString>, work: impl FnOnce(&Context) -> Next) -> Result<u8, KeeperError> {
    let mut arguments = arguments.into_iter();
    let mut number = || arguments.next()?.to_str()?.parse::<u64>().ok();
    let (pid, started) = (number(), number());
    let context = Context {
        pid: pid.and_then(|pid| u32::try_from(pid).ok()).unwrap_or_default(),
        started: started.unwrap_or_default(),
        arguments: arguments.collect(),
    };
    let lab = match work(&context) {
        Next::End(status) => return Ok(status),
        Next::Stay(lab) => lab,
    };
    let failed = |attempt: &str| KeeperError::system(attempt.to_owned());
    let stations = publish(&lab).map_err(failed("give the stations names"))?;
    let environment = lab
        .environment()
        .into_iter()
        .map(|(name, value)| (name, value.to_string_lossy().into_owned()))
        .collect();
    silence(&Path::new(FOLDER).join("log")).map_err(failed("let go of the terminal"))?;
    let running = Running { pid: context.pid, started: context.started, stations, environment };
    Places::at(STATE_FOLDER).write(&running).map_err(failed("say that the lab is running"))?;
    loop {
        // All that happens now happens in other threads.
        thread::park();
    }
}

/// Names the namespaces of all stations, as `ip netns add` would.
fn publish(lab: &Lab) -> io::Result<Vec<String>> {
    let mut result = Ok(Vec::new());
    lab.each_station(|station| {
        let Ok(names) = &mut result else { return };
        match name(station) {
            Ok(true) => names.push(station.name().to_owned()),
            Ok(false) => {}
            Err(error) => result = Err(error),
        }
    });
    result
}

/// Names the namespace of a station. False: its name cannot be that of a file.
fn name(station: &Station) -> io::Result<bool> {
    let name = station.name();
    let is_plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    if name.starts_with('.') || name.is_empty() || !name.chars().all(is_plain) {
        return Ok(false);
    }
    let path = Path::new(STATIONS).join(name);
    File::create(&path)?;
    let source = format!("/proc/self/fd/{}", station.namespace().as_fd().as_raw_fd());
    let none: Option<&str> = None;
    mount(Some(source.as_str()), &path, none, MsFlags::MS_BIND, none)?;
    Ok(true)
}
