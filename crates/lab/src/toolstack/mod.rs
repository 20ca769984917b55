//! What `xl` does with domains and their interfaces: nodes in the store, waiting, scripts.
//!
//! Follows libxl of Xen 4.17 and later, in what it writes, in which order, for how long it waits, how it calls
//! scripts and what it leaves behind when something fails. What needs no network (memory, disks, consoles) is
//! left out.

mod attach;
mod config;
mod detach;
mod domain;
mod error;
mod nodes;
mod script;
mod tap;
mod wait;

use std::ffi::OsString;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use ipnet::IpNet;
use xenconf::script::Script;
use xenconf::vif::Defaults;
use xenstore::{Client, Requests};

pub use attach::Attached;
pub use config::{ConfigError, DomainConfig, MachineKind, VifConfig};
pub use detach::Detached;
pub use domain::{Created, Destroyed};
pub use error::ToolstackError;
pub use script::{ScriptAction, ScriptCall, ScriptEnd, ScriptRun};

use self::script::path_in;
use crate::domains::Domains;
use crate::lab::Store;
use crate::{Error, Guest, Host};

/// How long the toolstack waits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timeouts {
    /// For a backend to appear or to go.
    pub backend: Duration,
    /// For a script.
    pub script: Duration,
    /// For xend's manner: until somebody writes `hotplug-status`, or removes it.
    pub hotplug: Duration,
}

impl Default for Timeouts {
    /// As Xen has them: 10 and 40 seconds (`LIBXL_INIT_TIMEOUT`, `LIBXL_HOTPLUG_TIMEOUT`), and xend's 100.
    fn default() -> Self {
        Self {
            backend: Duration::from_secs(10),
            script: Duration::from_secs(40),
            hotplug: Duration::from_secs(100),
        }
    }
}

/// Whose manners the toolstack has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Manner {
    /// libxl's: it calls the script itself, and only its exit status counts.
    #[default]
    Libxl,
    /// xend's: an event of the kernel leads to the call of the script, with the arguments that stand behind its
    /// name and an absolute path; only what it writes to `hotplug-status` counts.
    Xend,
}

impl Manner {
    /// Whose defaults it fills in, and whose nodes it writes.
    pub(crate) const fn dialect(self) -> xenconf::vif::Toolstack {
        match self {
            Self::Libxl => xenconf::vif::Toolstack::Xl,
            Self::Xend => xenconf::vif::Toolstack::Xm,
        }
    }
}

/// How the toolstack is set up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ToolstackOptions {
    /// The folder of scripts that are given by name.
    pub scripts: PathBuf,
    /// What `xl.conf` or `xend-config.sxp` says for interfaces that do not say it themselves.
    pub defaults: Defaults,
    /// Whose manners it has.
    pub manner: Manner,
    /// How long it waits.
    pub timeouts: Timeouts,
    /// What is added to the environment of scripts.
    pub environment: Vec<(String, OsString)>,
}

impl Default for ToolstackOptions {
    /// Scripts in `/etc/xen/scripts`, and all else as Xen has it.
    fn default() -> Self {
        Self {
            scripts: "/etc/xen/scripts".into(),
            defaults: Defaults::default(),
            manner: Manner::default(),
            timeouts: Timeouts::default(),
            environment: Vec::new(),
        }
    }
}

/// The toolstack of a host. Several operations can be under way at once, as with several `xl`.
#[derive(Clone, Debug)]
pub struct Toolstack {
    host: Arc<Host>,
    store: Arc<Store>,
    domains: Arc<Domains>,
    gateways: Vec<IpNet>,
    options: ToolstackOptions,
}

impl Toolstack {
    pub(crate) const fn new(
        host: Arc<Host>,
        store: Arc<Store>,
        domains: Arc<Domains>,
        gateways: Vec<IpNet>,
        options: ToolstackOptions,
    ) -> Self {
        Self { host, store, domains, gateways, options }
    }

    /// The same toolstack, set up otherwise: it works on the same host and the same domains.
    #[must_use]
    pub fn with(&self, options: ToolstackOptions) -> Self {
        Self { options, ..self.clone() }
    }

    /// How it is set up.
    #[must_use]
    pub const fn options(&self) -> &ToolstackOptions {
        &self.options
    }

    /// Calls a network script on the host, as xend did: `operation` is `start`, `stop` or `status`.
    ///
    /// ```no_run
    /// # use xenconf::script::Script;
    /// # fn example(lab: &lab::Lab) -> Result<(), lab::Error> {
    /// let script = Script::parse("network-bridge netdev=eth0 bridge=xenbr0");
    /// let run = lab.toolstack().network_script(&script.unwrap(), "start")?;
    /// assert!(run.is_success(), "{run}");
    /// # Ok(())
    /// # }
    /// ```
    pub fn network_script(&self, script: &Script, operation: &str) -> Result<ScriptRun, Error> {
        let path = path_in(&self.options.scripts, &script.name);
        self.call(ScriptCall::network(path, operation, &script.arguments))
    }

    /// What scripts have in their environment besides that of the toolstack and what is said of the vif: where
    /// the store is, and what the options add.
    pub(crate) fn environment(&self) -> Vec<(String, OsString)> {
        let mut environment = vec![("XENSTORED_PATH".to_owned(), self.store.path().into())];
        environment.extend(self.options.environment.iter().cloned());
        environment
    }

    /// A running domain.
    pub fn guest(&self, domid: u32) -> Result<Arc<Guest>, ToolstackError> {
        self.domains.get(domid).ok_or(ToolstackError::NoDomain { domid })
    }

    /// All running domains, by number.
    #[must_use]
    pub fn guests(&self) -> Vec<Arc<Guest>> {
        self.domains.all()
    }

    /// The numbers of a domain's interfaces, as the toolstack has noted them.
    pub fn vifs(&self, domid: u32) -> Result<Vec<u32>, ToolstackError> {
        let names = self.client()?.directory(&self.notes(domid))?;
        let mut devids: Vec<u32> =
            names.unwrap_or_default().iter().filter_map(|name| name.parse().ok()).collect();
        devids.sort_unstable();
        Ok(devids)
    }

    /// The folder with what the toolstack has noted of a domain's interfaces.
    fn notes(&self, domid: u32) -> String {
        match self.options.manner {
            Manner::Libxl => format!("/libxl/{domid}/device/vif"),
            Manner::Xend => format!("/local/domain/{domid}/device/vif"),
        }
    }

    fn client(&self) -> Result<Client, Error> {
        Ok(Client::connect(self.store.path())?)
    }
}
