//! Where our files are.

use std::env;
use std::path::{Path, PathBuf};

const NATIVE: &str = "/etc/xen/dom0net.toml";
const XEND: &str = "/etc/xen/xend-config.sxp";

/// The folders of the program. Each can be moved by a variable in the environment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Places {
    /// The host's configuration: `DOM0NET_CONFIG`, else `/etc/xen/dom0net.toml` where there is one, else
    /// `/etc/xen/xend-config.sxp`.
    pub config: PathBuf,
    /// What guests may do beyond the ordinary: `DOM0NET_GUARD_CONFIG`, else `/etc/xen/dom0net-guard.conf`.
    pub guard: PathBuf,
    /// What is lost with a reboot, and must be: `DOM0NET_RUNTIME_DIR`, else `/run/dom0net`.
    pub runtime: PathBuf,
    /// What outlives a reboot: `DOM0NET_STATE_DIR`, else `/var/lib/dom0net`.
    pub state: PathBuf,
    /// Xen's scripts and what belongs to them: `DOM0NET_SCRIPTS_DIR`, else `/etc/xen/scripts`.
    pub scripts: PathBuf,
}

impl Places {
    /// The places that the environment says.
    #[must_use]
    pub fn from_environment() -> Self {
        let place = |variable: &str, usual: &str| {
            env::var_os(variable)
                .filter(|value| !value.is_empty())
                .map_or_else(|| usual.into(), PathBuf::from)
        };
        Self {
            config: place("DOM0NET_CONFIG", if Path::new(NATIVE).exists() { NATIVE } else { XEND }),
            guard: place("DOM0NET_GUARD_CONFIG", "/etc/xen/dom0net-guard.conf"),
            runtime: place("DOM0NET_RUNTIME_DIR", "/run/dom0net"),
            state: place("DOM0NET_STATE_DIR", "/var/lib/dom0net"),
            scripts: place("DOM0NET_SCRIPTS_DIR", "/etc/xen/scripts"),
        }
    }

    /// The folder with a record for each network that was started.
    #[must_use]
    pub fn networks(&self) -> PathBuf {
        self.runtime.join("networks")
    }

    /// The folder with what belongs to DHCP clients that were started.
    #[must_use]
    pub fn clients(&self) -> PathBuf {
        self.runtime.join("dhcp")
    }
}
