//! Hooks: the administrator's own additions to each plug and unplug.
//!
//! Files in `/etc/xen/scripts/vif-post.d`, in the order of their names. `*.hook` are those of Xen's own scripts: read by
//! bash, with the variables and functions that they had there. `*.run` are programs of any kind, which get the same variables in
//! their environment, and all of it as JSON on standard input. Both must be executable.

use std::fmt;
use std::fs::{self, File};
use std::io::{self, Read, Seek, Write};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use ipnet::IpNet;
use nix::sys::memfd::{MFdFlags, memfd_create};
use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;
use serde::Serialize;

use super::mode::Mode;
use super::request::{Action, Request};
use crate::places::Places;
use crate::vif::PortKind;

/// How long a hook may take, where `DOM0NET_HOOK_LIMIT` (seconds) says nothing: less than a toolstack waits for a script.
const LIMIT: Duration = Duration::from_secs(10);
const PAUSE: Duration = Duration::from_millis(2);
/// How much of what a hook says is repeated.
const SAID: usize = 300;

/// What hooks have always had besides variables: functions of Xen's scripts, as far as they make sense alone.
const FUNCTIONS: &str = "\
log() { local level=\"$1\"; shift; echo \"$*\" >&2; }
fatal() { echo \"$*\" >&2; exit 1; }
do_or_die() { \"$@\" || fatal \"$* failed\"; }
do_without_error() { \"$@\" 2>/dev/null || true; }
xenstore_read() { xenstore-read \"$@\"; }
xenstore_read_default() { xenstore-read \"$1\" 2>/dev/null || echo \"$2\"; }
xenstore_write() { xenstore-write \"$@\"; }
. \"$1\"
";

/// What a hook is told.
#[derive(Debug, Serialize)]
pub(super) struct Occasion<'a> {
    /// `online`, `offline`, `add` or `remove`.
    command: &'static str,
    /// The script that was called.
    script: &'static str,
    /// The domain's number.
    domid: u32,
    /// The interface's number.
    devid: u32,
    /// `vif` or `tap`.
    kind: &'static str,
    /// The name of the device in the host.
    device: String,
    /// What the kernel or QEMU called it.
    made_as: &'a str,
    /// The vif's folder in xenstore.
    backend: &'a str,
    /// The bridge that it is a port of.
    bridge: Option<&'a str>,
    /// The guest's MAC address.
    mac: Option<String>,
    /// Its addresses and networks.
    addresses: Vec<String>,
}

/// What is known when a hook is run.
#[derive(Debug, Default)]
pub(super) struct Known<'a> {
    pub(super) device: Option<String>,
    pub(super) bridge: Option<&'a str>,
    pub(super) mac: Option<String>,
    pub(super) addresses: &'a [IpNet],
}

/// A hook failed.
#[derive(Debug)]
pub struct HookError {
    path: PathBuf,
    fault: Fault,
}

#[derive(Debug)]
enum Fault {
    Run(io::Error),
    Ended(ExitStatus, String),
    TooLong(Duration),
}

/// The hooks of this host, in order.
#[derive(Debug)]
pub(super) struct Hooks(Vec<PathBuf>);

impl Hooks {
    /// Most hosts have none, and one look is all that it costs them.
    pub(super) fn find() -> Result<Self, HookError> {
        let folder = Places::from_environment().scripts.join("vif-post.d");
        let entries = match fs::read_dir(&folder) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Self(Vec::new())),
            entries => entries.map_err(|error| HookError { path: folder, fault: Fault::Run(error) })?,
        };
        let paths = entries.filter_map(|entry| Some(entry.ok()?.path()));
        let mut hooks: Vec<PathBuf> = paths.filter(|path| is_hook(path)).collect();
        hooks.sort();
        Ok(Self(hooks))
    }

    pub(super) fn are_none(&self) -> bool {
        self.0.is_empty()
    }

    /// Runs all hooks. The first that fails is the last.
    pub(super) fn run(&self, mode: Mode, request: &Request, known: &Known<'_>) -> Result<(), HookError> {
        if self.are_none() {
            return Ok(());
        }
        let occasion = Occasion::new(mode, request, known);
        self.0.iter().try_for_each(|hook| {
            run(hook, &occasion).map_err(|fault| HookError { path: hook.clone(), fault })
        })
    }
}

fn is_hook(path: &Path) -> bool {
    let kind = path.extension().and_then(|extension| extension.to_str());
    let is_executable =
        || fs::metadata(path).is_ok_and(|file| file.is_file() && file.permissions().mode() & 0o111 != 0);
    matches!(kind, Some("hook" | "run")) && is_executable()
}

impl<'a> Occasion<'a> {
    fn new(mode: Mode, request: &'a Request, known: &Known<'a>) -> Self {
        let kind = request.port.kind;
        Self {
            command: match (request.action, kind) {
                (Action::Appeared, PortKind::Vif) => "online",
                (Action::Gone, PortKind::Vif) => "offline",
                (Action::Appeared, PortKind::Tap) => "add",
                (Action::Gone, PortKind::Tap) => "remove",
            },
            script: mode.script(),
            domid: request.port.vif.domid,
            devid: request.port.vif.devid,
            kind: if kind == PortKind::Tap { "tap" } else { "vif" },
            device: known.device.clone().unwrap_or_else(|| request.device.to_string()),
            made_as: request.device.as_str(),
            backend: &request.backend,
            bridge: known.bridge,
            mac: known.mac.clone(),
            addresses: known.addresses.iter().map(plain).collect(),
        }
    }

    /// The variables of Xen's scripts.
    fn variables(&self) -> Vec<(&'static str, String)> {
        let mut variables = vec![
            ("command", self.command.to_owned()),
            ("type_if", self.kind.to_owned()),
            ("dev", self.device.clone()),
            ("vif", format!("vif{}.{}", self.domid, self.devid)),
            ("vifname", if self.device == self.made_as { String::new() } else { self.device.clone() }),
            ("ip", self.addresses.join(" ")),
            ("mac", self.mac.clone().unwrap_or_default()),
            ("bridge", self.bridge.unwrap_or_default().to_owned()),
            ("XENBUS_PATH", self.backend.to_owned()),
            ("domid", self.domid.to_string()),
            ("devid", self.devid.to_string()),
        ];
        if self.kind == "tap" {
            variables.push(("INTERFACE", self.made_as.to_owned()));
        }
        variables
    }
}

fn run(hook: &Path, occasion: &Occasion<'_>) -> Result<(), Fault> {
    let mut command = if hook.extension().is_some_and(|extension| extension == "hook") {
        let mut bash = Command::new("bash");
        bash.args(["-c", FUNCTIONS, "hook"]).arg(hook);
        bash
    } else {
        Command::new(hook)
    };
    // Files, not pipes: a process that a hook leaves behind would keep those open.
    let file =
        |name: &str| memfd_create(name, MFdFlags::MFD_CLOEXEC).map(File::from).map_err(io::Error::from);
    let (mut input, mut output) = (file("input").map_err(Fault::Run)?, file("output").map_err(Fault::Run)?);
    // Our own values have nothing that JSON could not say.
    let text = serde_json::to_vec(occasion).unwrap_or_default();
    let prepared = input.write_all(&text).and_then(|()| input.rewind());
    let child = prepared.and_then(|()| {
        command
            .envs(occasion.variables())
            .stdin(Stdio::from(input))
            .stdout(output.try_clone()?)
            .stderr(output.try_clone()?)
            .process_group(0)
            .spawn()
    });
    let status = wait(child.map_err(Fault::Run)?)?;
    if status.success() { Ok(()) } else { Err(Fault::Ended(status, said(&mut output))) }
}

/// Waits for the end of a hook, and makes one when the time is over.
fn wait(mut child: Child) -> Result<ExitStatus, Fault> {
    let limit = limit();
    let end = Instant::now() + limit;
    loop {
        if let Some(status) = child.try_wait().map_err(Fault::Run)? {
            return Ok(status);
        }
        if Instant::now() > end {
            // It leads its group; where there is none any more, it has ended by now.
            if let Ok(group) = i32::try_from(child.id()) {
                let _ = killpg(Pid::from_raw(group), Signal::SIGKILL);
            }
            let _ = child.wait();
            return Err(Fault::TooLong(limit));
        }
        thread::sleep(PAUSE);
    }
}

fn limit() -> Duration {
    let said = std::env::var("DOM0NET_HOOK_LIMIT").ok().and_then(|value| value.parse().ok());
    said.map_or(LIMIT, Duration::from_secs)
}

/// The last line that a hook has said.
fn said(output: &mut File) -> String {
    let mut text = Vec::new();
    let _ = output.rewind().and_then(|()| output.take(64 * 1024).read_to_end(&mut text));
    let text = String::from_utf8_lossy(&text);
    let line = text.trim_end().lines().next_back().unwrap_or_default();
    line.chars().filter(|c| !c.is_control()).take(SAID).collect()
}

/// An address alone when it is one.
fn plain(network: &IpNet) -> String {
    if network.prefix_len() == network.max_prefix_len() {
        network.addr().to_string()
    } else {
        network.to_string()
    }
}

impl fmt::Display for HookError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let path = self.path.display();
        match &self.fault {
            Fault::Run(error) => write!(f, "the hook {path} could not be run: {error}"),
            Fault::Ended(status, said) if said.is_empty() => write!(f, "the hook {path} failed ({status})"),
            Fault::Ended(status, said) => write!(f, "the hook {path} failed ({status}): {said}"),
            Fault::TooLong(limit) => {
                write!(f, "the hook {path} took longer than {} seconds, and was ended", limit.as_secs())
            }
        }
    }
}

impl std::error::Error for HookError {}
