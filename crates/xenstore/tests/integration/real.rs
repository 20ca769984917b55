//! The real xenstored, without Xen below it.

use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use tempfile::TempDir;

use crate::packages;
use crate::ring::Ring;

/// A running xenstored; killed when dropped.
pub(crate) struct RealDaemon {
    folder: TempDir,
    process: Child,
}

impl RealDaemon {
    /// Starts the daemon; when something for it is missing, skips the test and gives `None`.
    pub(crate) fn start_or_skip() -> Option<Self> {
        match Self::start() {
            Ok(daemon) => Some(daemon),
            Err(reason) => {
                testkit::skip!("{reason}");
                None
            }
        }
    }

    fn start() -> Result<Self, String> {
        let program = packages::xen_program("xenstored").ok_or("no xenstored: xen-utils-4.17 is missing")?;
        let shim = shim()?;
        // A short path: those of sockets are limited.
        let folder = tempfile::Builder::new().prefix("xs").tempdir_in("/tmp").unwrap();
        let process = packages::command(&program)
            .arg("-N")
            .current_dir(folder.path())
            .env("LD_PRELOAD", shim)
            .env("XENSTORE_SHIM_FOLDER", folder.path())
            .env("XENSTORED_RUNDIR", folder.path())
            .env_remove("XENSTORED_PATH")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let daemon = Self { folder, process };
        daemon.wait_until_it_answers();
        Ok(daemon)
    }

    fn wait_until_it_answers(&self) {
        let start = Instant::now();
        while UnixStream::connect(self.socket()).is_err() {
            assert!(start.elapsed() < Duration::from_secs(10), "xenstored does not come up");
            std::thread::sleep(Duration::from_millis(2));
        }
    }

    /// The socket for dom0.
    pub(crate) fn socket(&self) -> PathBuf {
        self.folder.path().join("socket")
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
