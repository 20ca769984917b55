//! The real xenstored and oxenstored, without Xen below them.

use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use tempfile::TempDir;

use crate::packages;
use crate::ring::Ring;

/// A running daemon; killed when dropped.
pub(crate) struct RealDaemon {
    folder: TempDir,
    process: Child,
    socket: PathBuf,
}

impl RealDaemon {
    /// Starts xenstored; when something for it is missing, skips the test and gives `None`.
    pub(crate) fn start_or_skip() -> Option<Self> {
        or_skip(Self::start())
    }

    /// Starts oxenstored, which Debian's dom0 uses, or skips the test.
    pub(crate) fn start_oxenstored_or_skip() -> Option<Self> {
        or_skip(Self::start_oxenstored())
    }

    fn start() -> Result<Self, String> {
        let program = program("xenstored")?;
        let folder = folder();
        let socket = folder.path().join("socket");
        let mut command = packages::command(&program);
        command.arg("-N").env("XENSTORED_RUNDIR", folder.path());
        let process = spawn(command, &folder)?;
        Ok(Self { folder, process, socket }.when_it_answers())
    }

    /// Its folders are compiled in, so it gets some of its own, in a mount namespace.
    fn start_oxenstored() -> Result<Self, String> {
        const SCRIPT: &str = r#"
            mount -t tmpfs tmpfs /run && mount -t tmpfs tmpfs /var/log &&
            mkdir -p /run/xenstored /run/xen /var/log/xen && exec "$@"
        "#;
        let program = program("oxenstored")?;
        let namespace = ["-m", "-rm"]
            .into_iter()
            .find(|flags| {
                let tried =
                    Command::new("unshare").args([flags, "mount", "-t", "tmpfs", "tmpfs", "/run"]).output();
                tried.is_ok_and(|output| output.status.success())
            })
            .ok_or("no mount namespace can be made for oxenstored")?;
        let folder = folder();
        let mut command = Command::new("unshare");
        command.arg(namespace).args(["sh", "-c", SCRIPT, "sh"]);
        let daemon = packages::command(&program);
        command.envs(daemon.get_envs().filter_map(|(name, value)| Some((name, value?))));
        command.arg(daemon.get_program()).args(["--no-fork", "--no-domain-init", "--no-access-log"]);
        let process = spawn(command, &folder)?;
        let socket = format!("/proc/{}/root/run/xenstored/socket", process.id()).into();
        Ok(Self { folder, process, socket }.when_it_answers())
    }

    fn when_it_answers(self) -> Self {
        let start = Instant::now();
        while UnixStream::connect(&self.socket).is_err() {
            assert!(start.elapsed() < Duration::from_secs(10), "the daemon does not come up");
            std::thread::sleep(Duration::from_millis(2));
        }
        self
    }

    /// The socket for dom0.
    pub(crate) fn socket(&self) -> PathBuf {
        self.socket.clone()
    }

    /// The guest's end of the ring of a domain that has been introduced.
    pub(crate) fn ring(&self, domid: u32) -> Ring {
        Ring::open(self.folder.path(), domid)
    }
}

impl Drop for RealDaemon {
    fn drop(&mut self) {
        // Failing means that it is dead already.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn or_skip(daemon: Result<RealDaemon, String>) -> Option<RealDaemon> {
    match daemon {
        Ok(daemon) => Some(daemon),
        Err(reason) => {
            testkit::skip!("{reason}");
            None
        }
    }
}

fn program(name: &str) -> Result<PathBuf, String> {
    packages::xen_program(name).ok_or(format!("no {name}: xen-utils-4.17 is missing"))
}

/// With a short path: those of sockets are limited.
fn folder() -> TempDir {
    tempfile::Builder::new().prefix("xs").tempdir_in("/tmp").unwrap()
}

fn spawn(mut command: Command, folder: &TempDir) -> Result<Child, String> {
    command
        .current_dir(folder.path())
        .env("LD_PRELOAD", shim()?)
        .env("XENSTORE_SHIM_FOLDER", folder.path())
        .env_remove("XENSTORED_PATH")
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .map_err(|error| format!("the daemon cannot be started: {error}"))
}

/// The library that stands for the hypervisor, compiled once per run.
fn shim() -> Result<&'static Path, String> {
    static SHIM: OnceLock<Result<(TempDir, PathBuf), String>> = OnceLock::new();
    match SHIM.get_or_init(compile_shim) {
        Ok((_, library)) => Ok(library),
        Err(reason) => Err(reason.clone()),
    }
}

fn compile_shim() -> Result<(TempDir, PathBuf), String> {
    if Path::new("/proc/xen/xsd_port").exists() {
        return Err("this host runs Xen, whose xenstored must not be stood in for".into());
    }
    packages::file("usr/include/xenctrl.h").ok_or("no xenctrl.h: libxen-dev is missing")?;
    let folder = tempfile::tempdir().unwrap();
    let library = folder.path().join("shim.so");
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/real/shim.c");
    let compiled = Command::new("gcc")
        .args(["-O1", "-shared", "-fPIC", "-I"])
        .arg(packages::root().join("usr/include"))
        .arg("-o")
        .args([library.as_path(), &source])
        .arg("-ldl")
        .output()
        .map_err(|error| format!("gcc cannot be run: {error}"))?;
    assert!(compiled.status.success(), "{}", String::from_utf8_lossy(&compiled.stderr));
    Ok((folder, library))
}
