//! What all was measured on and with.

use std::fs;
use std::process::Command;

use serde::Serialize;

/// A machine, and the versions of what was measured on it.
#[derive(Debug, Serialize)]
pub(crate) struct Machine {
    cores: usize,
    processor: String,
    memory_mib: u64,
    kernel: String,
    versions: Vec<String>,
}

/// Each contender's program, and how it says its version.
const PROGRAMS: [(&str, &[&str]); 6] = [
    ("ip", &["-V"]),
    ("nft", &["--version"]),
    ("iptables", &["--version"]),
    ("ebtables", &["--version"]),
    ("/usr/lib/podman/netavark", &["--version"]),
    ("/usr/lib/cni/bridge", &[]),
];

impl Machine {
    /// This one.
    pub(crate) fn this() -> Self {
        let read = |path| fs::read_to_string(path).unwrap_or_default();
        let value = |text: &str, key: &str| {
            let line = text.lines().find(|line| line.starts_with(key));
            line.and_then(|line| Some(line.split_once(':')?.1.trim().to_owned())).unwrap_or_default()
        };
        let memory = value(&read("/proc/meminfo"), "MemTotal");
        let memory_kib: u64 = memory.split(' ').next().and_then(|size| size.parse().ok()).unwrap_or_default();
        let mut versions = vec![format!("dom0net {}", env!("CARGO_PKG_VERSION"))];
        versions.extend(PROGRAMS.iter().filter_map(|(program, words)| version(program, words)));
        versions.extend(crate::contender::stock_version());
        Self {
            cores: std::thread::available_parallelism().map_or(1, usize::from),
            processor: value(&read("/proc/cpuinfo"), "model name"),
            memory_mib: memory_kib / 1024,
            kernel: read("/proc/sys/kernel/osrelease").trim().to_owned(),
            versions,
        }
    }

    /// In one paragraph.
    pub(crate) fn text(&self) -> String {
        let Self { cores, processor, memory_mib, kernel, versions } = self;
        format!("{cores} cores ({processor}), {memory_mib} MiB, Linux {kernel}; {}.", versions.join(", "))
    }
}

/// The first line that a program says of itself; none when it is not there.
fn version(program: &str, words: &[&str]) -> Option<String> {
    let output = Command::new(program).args(words).output().ok()?;
    // Some say it where errors go.
    let said = [output.stdout, output.stderr].concat();
    let line = String::from_utf8_lossy(&said).lines().next()?.trim().to_owned();
    Some(line.replace(", ", " "))
}
