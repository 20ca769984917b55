//! All of it together.

use std::ffi::OsString;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::{Arc, Mutex};

use ethernet::MacAddress;
use tempfile::TempDir;
use xenstore::{Client, Requests, Server, ServerHandle};

use crate::domains::Domains;
use crate::guest::lock;
use crate::netback::Netback;
use crate::toolstack::{Toolstack, ToolstackOptions};
use crate::topology::net;
use crate::{Error, Guest, Host, Interface, Station, Wire, WireConfig};

/// The store's server, which all parts share, and which is shut down before they are.
#[derive(Debug)]
pub(crate) struct Store {
    path: PathBuf,
    server: Mutex<Option<ServerHandle>>,
}

impl Store {
    fn start(path: PathBuf) -> Result<Self, Error> {
        let server = Server::bind(&path)?.spawn()?;
        Ok(Self { path, server: Mutex::new(Some(server)) })
    }

    /// The socket for dom0.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// A connection as a guest.
    pub(crate) fn connect(&self, domid: u32) -> Result<UnixStream, Error> {
        match &*lock(&self.server) {
            Some(server) => Ok(server.connect(domid)?),
            None => Err(Error::system("connect to the store")(std::io::ErrorKind::NotConnected.into())),
        }
    }

    /// Ends all connections.
    fn stop(&self) {
        drop(lock(&self.server).take());
    }
}

/// What a lab is made of.
#[derive(Clone, Debug)]
pub struct LabConfig {
    /// What is at the other end of the host's cable.
    pub wire: WireConfig,
    /// How the host's `eth0` is set up.
    pub host: Interface,
    /// How the toolstack is set up.
    pub toolstack: ToolstackOptions,
    /// The folder below which the lab makes one of its own; none: that for temporary files. The path of a socket
    /// is made of it, which may not have more than 107 bytes.
    pub folder: Option<PathBuf>,
    /// Says that `/run` belongs to the lab alone already. Else programs on the host get another one.
    pub run_is_private: bool,
}

impl Default for LabConfig {
    /// A host `10.0.0.250/24` and `2001:db8::250/64`, a gateway `10.0.0.254` and `2001:db8::fe`, an internet
    /// behind it with `192.0.2.1` and `2001:db8:ffff::1`, and scripts in `/etc/xen/scripts`.
    fn default() -> Self {
        let wire = WireConfig::default();
        let gateways = wire.gateway.iter().map(ipnet::IpNet::addr).collect();
        let addresses = vec![net([10, 0, 0, 250], 24), net([0x2001, 0xdb8, 0, 0, 0, 0, 0, 0x250], 64)];
        let mac = Some(MacAddress::new([0x52, 0x54, 0, 0, 0, 0xfa]));
        let host = Interface { mac, addresses, gateways };
        Self { wire, host, toolstack: ToolstackOptions::default(), folder: None, run_is_private: false }
    }
}

/// A Xen host on a wire, with a store, a toolstack and a netback. It lives in this process, and goes with this value.
///
/// ```no_run
/// use lab::{DomainConfig, Lab, Ping};
///
/// let lab = Lab::with_scripts("/etc/xen/scripts")?;
/// lab.add_bridge("xenbr0", &["eth0"])?;
/// let web = lab.create(&DomainConfig::xl("web", &["ip=10.0.0.2,bridge=xenbr0"])?)?;
/// assert!(web.station().ping(&Ping::to([10, 0, 0, 254]))?.is_here());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct Lab {
    wire: Wire,
    host: Arc<Host>,
    store: Arc<Store>,
    domains: Arc<Domains>,
    netback: Netback,
    toolstack: Toolstack,
    folder: TempDir,
}

impl Lab {
    /// A lab as [`LabConfig::default`] says.
    pub fn new() -> Result<Self, Error> {
        Self::build(LabConfig::default())
    }

    /// The same with scripts from this folder.
    pub fn with_scripts(folder: impl Into<PathBuf>) -> Result<Self, Error> {
        let mut config = LabConfig::default();
        config.toolstack.scripts = folder.into();
        Self::build(config)
    }

    /// A lab.
    pub fn build(config: LabConfig) -> Result<Self, Error> {
        let mut builder = tempfile::Builder::new();
        builder.prefix("xen-lab-");
        let folder = match &config.folder {
            Some(parent) => builder.tempdir_in(parent),
            None => builder.tempdir(),
        }
        .map_err(Error::system("make a folder for the lab"))?;
        let wire = Wire::new(config.wire)?;
        let host = Arc::new(Host::new("host", folder.path(), config.run_is_private)?);
        wire.connect(host.station(), "eth0", &config.host)?;
        let store = Arc::new(Store::start(folder.path().join("xenstored"))?);
        let mut dom0 = Client::connect(store.path())?;
        dom0.write_each([("/local/domain/0/name", "Domain-0"), ("/local/domain/0/domid", "0")])?;
        let domains = Arc::new(Domains::default());
        let netback = Netback::start(0, host.station(), dom0, Arc::clone(&domains))?;
        let options = with_places(config.toolstack, folder.path());
        let toolstack = Toolstack::new(
            Arc::clone(&host),
            Arc::clone(&store),
            Arc::clone(&domains),
            wire.config().gateway.clone(),
            options,
        );
        Ok(Self { wire, host, store, domains, netback, toolstack, folder })
    }

    /// The host.
    #[must_use]
    pub fn host(&self) -> &Host {
        &self.host
    }

    /// What the host's `eth0` is plugged into.
    #[must_use]
    pub const fn wire(&self) -> &Wire {
        &self.wire
    }

    /// The toolstack.
    #[must_use]
    pub const fn toolstack(&self) -> &Toolstack {
        &self.toolstack
    }

    /// A folder that goes with the lab.
    #[must_use]
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// The store's socket for dom0: what `XENSTORED_PATH` is for the lab's programs.
    #[must_use]
    pub fn store_path(&self) -> &Path {
        self.store.path()
    }

    /// A connection to the store as dom0.
    pub fn store(&self) -> Result<Client, Error> {
        Ok(Client::connect(self.store.path())?)
    }

    /// A connection to the store as a guest: for what a guest's kernel would not do by itself.
    pub fn store_as(&self, domid: u32) -> Result<Client, Error> {
        Client::from_socket(self.store.connect(domid)?)
            .map_err(Error::system(format!("connect to the store as domain {domid}")))
    }

    /// What programs on the host have in their environment: where the store is, and where to keep files.
    #[must_use]
    pub fn environment(&self) -> Vec<(String, OsString)> {
        self.toolstack.environment()
    }

    /// Runs a program on the host, in the same surroundings as scripts, and returns what it said.
    pub fn on_host(&self, command: &mut Command) -> Result<Output, Error> {
        let program = command.get_program().to_string_lossy().into_owned();
        command.env_remove("XENSTORED_RUNDIR").envs(self.environment()).stdin(Stdio::null());
        self.host.run(|| command.output())?.map_err(Error::system(format!("run {program} on the host")))
    }

    /// Shows all stations: the host, the gateway, the switch, the guests.
    pub fn each_station(&self, mut visit: impl FnMut(&Station)) {
        visit(self.host.station());
        visit(self.wire.gateway());
        visit(self.wire.switch());
        for guest in self.domains.all() {
            visit(guest.station());
        }
    }

    /// Why netback ended, if it did.
    #[must_use]
    pub fn netback_failure(&self) -> Option<String> {
        self.netback.failure()
    }
}

/// Tells dom0net's programs to keep their files in the lab. What the caller says otherwise counts.
fn with_places(mut options: ToolstackOptions, folder: &Path) -> ToolstackOptions {
    for (name, place) in [("DOM0NET_RUNTIME_DIR", "run"), ("DOM0NET_STATE_DIR", "state")] {
        if !options.environment.iter().any(|(this, _)| this == name) {
            options.environment.push((name.to_owned(), folder.join(place).into()));
        }
    }
    options
}

impl Drop for Lab {
    fn drop(&mut self) {
        // Without the store all threads come to an end by themselves.
        self.store.stop();
        self.netback.wait_for_end();
        for guest in self.domains.all() {
            self.domains.remove(guest.domid());
            guest.wait_for_end();
        }
    }
}

/// What tests do all the time.
impl Lab {
    /// Makes a bridge on the host, with these devices as ports; the first one's addresses and default routes move
    /// to it.
    pub fn add_bridge(&self, name: &str, ports: &[&str]) -> Result<(), Error> {
        crate::bridge::add(self.host.station(), name, ports)
    }

    /// Creates a domain and waits until all its interfaces are connected.
    pub fn create(&self, config: &crate::DomainConfig) -> Result<Arc<Guest>, crate::ToolstackError> {
        let created = self.toolstack.create(config)?;
        for attached in &created.vifs {
            created.guest.wait_connected(attached.vif.devid, CONNECT_LIMIT)?;
        }
        Ok(created.guest)
    }
}

/// How long guests have to connect. It takes them milliseconds.
const CONNECT_LIMIT: std::time::Duration = std::time::Duration::from_secs(10);
