//! A host in a namespace of its own, with a xenstore of its own, on which hotplug scripts are run as a toolstack runs
//! them.

use std::collections::HashMap;
use std::os::unix::fs::symlink;
use std::path::PathBuf;
use std::process::{Command, Output};

use dom0net::guard::{Guard, GuardState};
use dom0net::vif::{Port, PortKind, Vif};
use netkernel::Rtnetlink;
use netkernel::link::{BridgeOptions, Link, LinkChange, LinkKind, LinkName, index_of};
use netkernel::namespace::Namespace;
use netkernel::neighbour::ForwardingEntry;
use netkernel::nftables::{NfTables, TableFamily};
use tempfile::TempDir;
use xenstore::{Client, Requests, Server, ServerHandle};

pub(crate) struct Host {
    pub(crate) namespace: Namespace,
    folder: TempDir,
    server: Option<ServerHandle>,
}

/// What a script came to.
#[derive(Debug)]
pub(crate) struct Outcome {
    pub(crate) status: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

pub(crate) fn name(text: &str) -> LinkName {
    LinkName::new(text).unwrap()
}

impl Host {
    /// A host with nothing on it; none, after saying so, where no namespace can be made.
    pub(crate) fn new() -> Option<Self> {
        let namespace = testkit::namespace()?;
        let folder = tempfile::tempdir().unwrap();
        let server = Server::bind(folder.path().join("xenstored")).unwrap().spawn().unwrap();
        for script in ["vif-bridge", "network-bridge", "dom0net"] {
            symlink(env!("CARGO_BIN_EXE_dom0net"), folder.path().join(script)).unwrap();
        }
        Some(Self { namespace, folder, server: Some(server) })
    }

    /// A host with a bridge, up, and the device of domain 1's first vif, down.
    pub(crate) fn with_bridge_and_vif() -> Option<Self> {
        let host = Self::new()?;
        host.add_bridge("xenbr0");
        host.add_device("vif1.0");
        host.write("mac", "00:16:3e:27:95:c0");
        host.write("bridge", "xenbr0");
        Some(host)
    }

    pub(crate) fn add_bridge(&self, text: &str) {
        self.kernel(|kernel| {
            let kind = LinkKind::Bridge(BridgeOptions::default());
            kernel.create_link(&name(text), &kind, &LinkChange::default()).unwrap();
            let up = LinkChange { up: Some(true), ..LinkChange::default() };
            kernel.change_link(index_of(&name(text)).unwrap(), &up).unwrap();
        });
    }

    /// Makes a device such as the kernel's driver or QEMU makes.
    pub(crate) fn add_device(&self, text: &str) {
        let peer = format!("p{}", text.replace('.', "-"));
        self.kernel(|kernel| {
            let kind = LinkKind::Veth {
                peer: name(&peer),
                peer_index: None,
                peer_change: LinkChange::default(),
                peer_namespace: None,
            };
            kernel.create_link(&name(text), &kind, &LinkChange::default()).unwrap();
        });
    }

    /// Makes a device with this index.
    pub(crate) fn add_device_at(&self, text: &str, index: u32) {
        self.kernel(|kernel| {
            let kind = LinkKind::Bridge(BridgeOptions::default());
            kernel.create_link_at(Some(index), &name(text), &kind, &LinkChange::default()).unwrap();
        });
    }

    pub(crate) fn change(&self, text: &str, change: &LinkChange) {
        self.kernel(|kernel| kernel.change_link(index_of(&name(text)).unwrap(), change).unwrap());
    }

    pub(crate) fn remove_device(&self, text: &str) {
        self.kernel(|kernel| kernel.delete_link(index_of(&name(text)).unwrap()).unwrap());
    }

    pub(crate) fn link(&self, text: &str) -> Option<Link> {
        self.kernel(|kernel| kernel.link(&name(text)).unwrap())
    }

    /// The name of the device that this one is a port of.
    pub(crate) fn master_of(&self, text: &str) -> Option<String> {
        let index = self.link(text)?.master?;
        self.kernel(|kernel| kernel.link_at(index).unwrap()).map(|link| link.name)
    }

    pub(crate) fn forwarding_entries(&self, bridge: &str) -> Vec<ForwardingEntry> {
        self.kernel(|kernel| kernel.forwarding_entries(index_of(&name(bridge)).unwrap()).unwrap())
    }

    pub(crate) fn kernel<T: Send>(&self, work: impl FnOnce(&mut Rtnetlink) -> T + Send) -> T {
        self.namespace.run(|| work(&mut Rtnetlink::open().unwrap())).unwrap()
    }

    pub(crate) fn guard(&self, domid: u32, kind: PortKind) -> Option<GuardState> {
        let guard = Guard::of(Port { vif: Vif { domid, devid: 0 }, kind });
        self.namespace.run(|| guard.state(&mut NfTables::open().unwrap()).unwrap()).unwrap()
    }

    /// How many packet filter tables there are.
    pub(crate) fn tables(&self) -> usize {
        let count = || NfTables::open().unwrap().tables(TableFamily::Netdev).unwrap().len();
        self.namespace.run(count).unwrap()
    }

    /// Writes a node of the backend of domain 1's first vif.
    pub(crate) fn write(&self, node: &str, value: impl AsRef<[u8]>) {
        self.store().write(&format!("/local/domain/0/backend/vif/1/0/{node}"), value).unwrap();
    }

    /// Reads such a node.
    pub(crate) fn read(&self, node: &str) -> Option<String> {
        self.store().read_text(&format!("/local/domain/0/backend/vif/1/0/{node}")).unwrap()
    }

    pub(crate) fn store(&self) -> Client {
        Client::connect(self.folder.path().join("xenstored")).unwrap()
    }

    pub(crate) fn stop_store(&mut self) {
        self.server = None;
    }

    /// Calls `vif-bridge` for domain 1's first vif as libxl does.
    pub(crate) fn vif_bridge(&self, arguments: &[&str]) -> Outcome {
        self.run(
            "vif-bridge",
            arguments,
            &[("XENBUS_PATH", "backend/vif/1/0"), ("vif", "vif1.0"), ("INTERFACE", "vif1.0-emu")],
        )
    }

    /// Where a script is.
    pub(crate) fn script(&self, script: &str) -> PathBuf {
        self.folder.path().join(script)
    }

    /// What scripts find in their environment.
    pub(crate) fn environment(&self) -> HashMap<&'static str, PathBuf> {
        let folder = self.folder.path();
        [
            ("XENSTORED_PATH", folder.join("xenstored")),
            ("DOM0NET_RUNTIME_DIR", folder.join("run")),
            ("DOM0NET_GUARD_CONFIG", folder.join("guard.conf")),
            ("DOM0NET_LOG", "stderr".into()),
        ]
        .into()
    }

    /// Writes the file with what guests may do beyond the ordinary.
    pub(crate) fn write_guard_config(&self, text: &str) {
        std::fs::write(self.folder.path().join("guard.conf"), text).unwrap();
    }

    /// Writes the record of a network that was started.
    pub(crate) fn write_record(&self, bridge: &str, text: &str) {
        let folder = self.folder.path().join("run/networks");
        std::fs::create_dir_all(&folder).unwrap();
        std::fs::write(folder.join(format!("{bridge}.json")), text).unwrap();
    }

    /// The record of a network that was started.
    pub(crate) fn record(&self, bridge: &str) -> Option<String> {
        std::fs::read_to_string(self.folder.path().join(format!("run/networks/{bridge}.json"))).ok()
    }

    /// Calls a script with this environment and no other.
    pub(crate) fn run(&self, script: &str, arguments: &[&str], environment: &[(&str, &str)]) -> Outcome {
        let run = || {
            Command::new(self.script(script))
                .args(arguments)
                .env_clear()
                .envs(self.environment())
                .envs(environment.iter().copied())
                .output()
                .unwrap()
        };
        Outcome::of(self.namespace.run(run).unwrap())
    }
}

impl Outcome {
    fn of(output: Output) -> Self {
        Self {
            status: output.status.code().expect("it ended by itself"),
            stdout: String::from_utf8(output.stdout).unwrap(),
            stderr: String::from_utf8(output.stderr).unwrap(),
        }
    }
}
