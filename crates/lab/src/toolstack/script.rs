//! Calling a script, as libxl does: fork, exec, a limit.

use std::ffi::OsString;
use std::fmt;
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use nix::sys::memfd::{MFdFlags, memfd_create};
use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;

use crate::xenbus::VifId;
use crate::{Error, Host};

/// How much of what a script says is kept.
const OUTPUT_MAX: usize = 64 << 10;
/// The longest pause between two looks at a script that runs.
const PAUSE_MAX: Duration = Duration::from_millis(5);

/// What a script is called for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ScriptAction {
    /// The vif has come.
    Online,
    /// The vif has gone.
    Offline,
    /// The emulated card's tap has come.
    Add,
    /// The emulated card's tap has gone.
    Remove,
}

impl ScriptAction {
    /// The words on the command line.
    #[must_use]
    pub const fn arguments(self) -> [&'static str; 2] {
        match self {
            Self::Online => ["online", "type_if=vif"],
            Self::Offline => ["offline", "type_if=vif"],
            Self::Add => ["add", "type_if=tap"],
            Self::Remove => ["remove", "type_if=tap"],
        }
    }

    /// Whether it is about the emulated card's tap.
    #[must_use]
    pub const fn is_tap(self) -> bool {
        matches!(self, Self::Add | Self::Remove)
    }
}

/// A call of a script.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ScriptCall {
    /// The program.
    pub path: PathBuf,
    /// Its arguments.
    pub arguments: Vec<String>,
    /// What its environment has besides the toolstack's own.
    pub environment: Vec<(String, OsString)>,
}

/// How a script ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ScriptEnd {
    /// By itself, with this status.
    Exited(i32),
    /// By a signal.
    Killed(i32),
    /// It was killed, with all that it had started, because it took longer than this.
    TimedOut(Duration),
    /// It could not be started: the system's words.
    NotStarted(String),
}

/// A call of a script and what came of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ScriptRun {
    /// The call.
    pub call: ScriptCall,
    /// How it ended.
    pub end: ScriptEnd,
    /// What it said, on stdout and stderr, which are one.
    pub output: String,
    /// How long it took.
    pub took: Duration,
}

impl ScriptRun {
    /// Whether it ended with status 0: nothing else counts for libxl.
    #[must_use]
    pub const fn is_success(&self) -> bool {
        matches!(self.end, ScriptEnd::Exited(0))
    }
}

impl ScriptCall {
    /// The call that libxl makes about a vif (`libxl__get_hotplug_script_info` on Linux).
    pub(super) fn about(id: VifId, script: &str, gatewaydev: Option<&str>, action: ScriptAction) -> Self {
        let mut environment = vec![
            ("script".to_owned(), script.into()),
            ("XENBUS_TYPE".to_owned(), "vif".into()),
            // Relative: the store knows whose it is by who asks.
            ("XENBUS_PATH".to_owned(), id.relative_backend_path().into()),
            ("XENBUS_BASE_PATH".to_owned(), "backend".into()),
            ("netdev".to_owned(), gatewaydev.unwrap_or_default().into()),
            ("vif".to_owned(), id.device().into()),
        ];
        if action.is_tap() {
            environment.push(("INTERFACE".to_owned(), format!("{}-emu", id.device()).into()));
        }
        Self { path: script.into(), arguments: action.arguments().map(str::to_owned).to_vec(), environment }
    }

    /// The call that the kernel's event led to in xend's days: the node's words are the command, and the path is
    /// that of the event (`xen-backend.rules`).
    pub(super) fn about_event(id: VifId, script: &str, action: ScriptAction) -> Self {
        let mut words = script.split_ascii_whitespace().map(str::to_owned);
        let path = words.next().unwrap_or_default();
        let arguments = words.chain([action.arguments()[0].to_owned()]).collect();
        let environment = vec![
            ("script".to_owned(), script.into()),
            ("XENBUS_TYPE".to_owned(), "vif".into()),
            ("XENBUS_PATH".to_owned(), id.backend_path().into()),
            ("XENBUS_BASE_PATH".to_owned(), "backend".into()),
            ("vif".to_owned(), id.device().into()),
            ("UEVENT_CALL".to_owned(), "1".into()),
        ];
        Self { path: path.into(), arguments, environment }
    }

    /// The call that xend made at its start (and, by the name of it, at its end) to prepare the host: the
    /// operation comes before the script's own arguments (`Vifctl.py`).
    pub(super) fn network(path: String, operation: &str, arguments: &[String]) -> Self {
        let arguments = std::iter::once(operation.to_owned()).chain(arguments.iter().cloned()).collect();
        Self { path: path.into(), arguments, environment: Vec::new() }
    }

    /// Adds to the environment.
    pub(super) fn with(mut self, environment: Vec<(String, OsString)>) -> Self {
        self.environment.extend(environment);
        self
    }

    /// Makes the call on `host`.
    pub(super) fn run(self, host: &Host, limit: Duration) -> Result<ScriptRun, Error> {
        let begin = Instant::now();
        let (end, output) = host
            .run(|| self.run_here(limit))?
            .map_err(Error::system(format!("call {}", self.path.display())))?;
        Ok(ScriptRun { call: self, end, output, took: begin.elapsed() })
    }

    fn run_here(&self, limit: Duration) -> io::Result<(ScriptEnd, String)> {
        // Not a pipe: a process that the script leaves behind would keep it open.
        let output = File::from(memfd_create("script", MFdFlags::MFD_CLOEXEC)?);
        let spawned = Command::new(&self.path)
            .args(&self.arguments)
            .env_remove("XENSTORED_RUNDIR")
            .envs(self.environment.iter().map(|(name, value)| (name, value)))
            .stdin(Stdio::null())
            .stdout(output.try_clone()?)
            .stderr(output.try_clone()?)
            .process_group(0)
            .spawn();
        let end = match spawned {
            Ok(child) => wait(child, limit)?,
            Err(error) => ScriptEnd::NotStarted(error.to_string()),
        };
        Ok((end, read(&output)?))
    }
}

/// Waits for the end of the script, and kills it when the time is over.
fn wait(mut child: Child, limit: Duration) -> io::Result<ScriptEnd> {
    let begin = Instant::now();
    loop {
        if let Some(status) = child.try_wait()? {
            return Ok(end_of(status));
        }
        let waited = begin.elapsed();
        if waited > limit {
            // The script leads its group. Where there is no such group any more, it has ended by now.
            if let Ok(group) = i32::try_from(child.id()) {
                let _ = killpg(Pid::from_raw(group), Signal::SIGKILL);
            }
            child.wait()?;
            return Ok(ScriptEnd::TimedOut(limit));
        }
        // An eighth late at most.
        thread::sleep((waited / 8).clamp(Duration::from_micros(50), PAUSE_MAX));
    }
}

fn end_of(status: ExitStatus) -> ScriptEnd {
    match (status.code(), status.signal()) {
        (Some(code), _) => ScriptEnd::Exited(code),
        (None, signal) => ScriptEnd::Killed(signal.unwrap_or_default()),
    }
}

fn read(output: &File) -> io::Result<String> {
    let mut bytes = vec![0; OUTPUT_MAX];
    let mut length = 0;
    while let Some(rest) = bytes.get_mut(length..).filter(|rest| !rest.is_empty()) {
        match output.read_at(rest, length as u64)? {
            0 => break,
            count => length += count,
        }
    }
    bytes.truncate(length);
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

impl fmt::Display for ScriptCall {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.path.display())?;
        self.arguments.iter().try_for_each(|argument| write!(f, " {argument}"))
    }
}

impl fmt::Display for ScriptEnd {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Exited(0) => f.write_str("succeeded"),
            Self::Exited(code) => write!(f, "failed with status {code}"),
            Self::Killed(signal) => write!(f, "was killed by signal {signal}"),
            Self::TimedOut(limit) => write!(f, "was killed because it took longer than {limit:?}"),
            Self::NotStarted(error) => write!(f, "could not be started: {error}"),
        }
    }
}

/// The script, how it ended, and the last line that it said.
impl fmt::Display for ScriptRun {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.call, self.end)?;
        match self.output.trim_end().lines().next_back() {
            Some(line) if !self.is_success() => write!(f, " ({line})"),
            _ => Ok(()),
        }
    }
}

/// The path of a script that is given by name or path.
pub(super) fn path_in(folder: &Path, script: &str) -> String {
    // xend's value may have arguments behind the name; joining leaves them where they are.
    if script.starts_with('/') { script.to_owned() } else { folder.join(script).display().to_string() }
}
