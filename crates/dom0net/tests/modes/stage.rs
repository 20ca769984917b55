//! A host in a lab whose scripts are all this program.

use std::net::IpAddr;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use dom0net::guard::{Guard, GuardState};
use dom0net::vif::{Port, PortKind, Vif};
use ipnet::IpNet;
use lab::{DomainConfig, Guest, Interface, Lab, LabConfig, Ping, Station, Timeouts, VifConfig};
use netkernel::nftables::NfTables;
use tempfile::TempDir;
use xenstore::Requests;

pub(crate) const SCRIPTS: [&str; 11] = [
    "dom0net",
    "network-bridge",
    "network-nat",
    "network-route",
    "qemu-ifdown",
    "qemu-ifup",
    "vif-bridge",
    "vif-nat",
    "vif-openvswitch",
    "vif-route",
    "vif-setup",
];

pub(crate) struct Stage {
    pub(crate) lab: Lab,
    folder: TempDir,
}

/// What a script came to.
#[derive(Debug)]
pub(crate) struct Outcome {
    pub(crate) status: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Stage {
    /// A host with a card on a wire and nothing else; none, after saying so, where no namespace can be made.
    pub(crate) fn new() -> Option<Self> {
        Self::with_scripts(None)
    }

    /// The same, whose toolstack calls the scripts in another folder.
    pub(crate) fn with_scripts(scripts: Option<&Path>) -> Option<Self> {
        testkit::namespace()?;
        let folder = tempfile::tempdir().unwrap();
        // Programs that give their rights up shall still see what is put there for them.
        std::fs::set_permissions(folder.path(), std::fs::Permissions::from_mode(0o755)).unwrap();
        for script in SCRIPTS {
            symlink(env!("CARGO_BIN_EXE_dom0net"), folder.path().join(script)).unwrap();
        }
        let mut config = LabConfig::default();
        // Long enough for a machine that does other things too, or is emulated.
        let patience = Duration::from_mins(1);
        config.toolstack.timeouts = Timeouts { backend: patience, script: patience, hotplug: patience };
        config.toolstack.scripts = scripts.unwrap_or(folder.path()).into();
        for (name, place) in [
            ("DOM0NET_RUNTIME_DIR", "run"),
            ("DOM0NET_STATE_DIR", "state"),
            ("DOM0NET_SCRIPTS_DIR", "scripts"),
            ("OVS_RUNDIR", "ovs"),
            ("DOM0NET_GUARD_CONFIG", "guard.conf"),
            ("DOM0NET_CONFIG", "dom0net.toml"),
        ] {
            config.toolstack.environment.push((name.to_owned(), folder.path().join(place).into()));
        }
        for (name, value) in [("DOM0NET_LOG", "stderr"), ("DOM0NET_HOOK_LIMIT", "2")] {
            config.toolstack.environment.push((name.to_owned(), value.into()));
        }
        Some(Self { lab: Lab::build(config).unwrap(), folder })
    }

    pub(crate) fn script(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Runs a script on the host by hand.
    pub(crate) fn run(&self, words: &str) -> Outcome {
        self.run_with(words, &[])
    }

    /// The same with more in its environment.
    pub(crate) fn run_with(&self, words: &str, environment: &[(&str, &str)]) -> Outcome {
        let mut words = words.split(' ');
        let mut command = Command::new(self.script(words.next().unwrap()));
        let output = self.lab.on_host(command.args(words).envs(environment.iter().copied())).unwrap();
        Outcome {
            status: output.status.code().expect("it ended by itself"),
            stdout: String::from_utf8(output.stdout).unwrap(),
            stderr: String::from_utf8(output.stderr).unwrap(),
        }
    }

    /// Runs a script that must succeed, and returns what it says.
    pub(crate) fn succeeds(&self, words: &str) -> String {
        let outcome = self.run(words);
        assert_eq!(outcome.status, 0, "{words}: {outcome:?}");
        outcome.stdout
    }

    /// Creates a domain with one interface, whose owner gave it these addresses and gateways.
    pub(crate) fn guest(&self, name: &str, vif: &str, addresses: &[&str], gateways: &[&str]) -> Arc<Guest> {
        self.lab.create(&domain(name, vif, addresses, gateways)).unwrap_or_else(|error| panic!("{error}"))
    }

    /// A domain that cannot be created: what the script says.
    pub(crate) fn refusal(&self, vif: &str) -> String {
        let error = self.lab.toolstack().create(&domain("refused", vif, &[], &[])).unwrap_err();
        error.hotplug_error().unwrap_or_else(|| panic!("{error}")).to_owned()
    }

    pub(crate) fn host(&self) -> &Station {
        self.lab.host().station()
    }

    pub(crate) fn gateway(&self) -> &Station {
        self.lab.wire().gateway()
    }

    /// What `ip` and the like say on the host.
    pub(crate) fn says(&self, program: &str, words: &str) -> String {
        let output = self.lab.on_host(Command::new(program).args(words.split(' '))).unwrap();
        assert!(output.status.success(), "{program} {words}: {output:?}");
        String::from_utf8(output.stdout).unwrap()
    }

    pub(crate) fn setting(&self, setting: &str) -> String {
        let path = format!("/proc/sys/net/{setting}");
        self.host().run(|| std::fs::read_to_string(&path).unwrap()).unwrap().trim().to_owned()
    }

    pub(crate) fn set(&self, setting: &str, value: &str) {
        let path = format!("/proc/sys/net/{setting}");
        self.host().run(|| std::fs::write(&path, value).unwrap()).unwrap();
    }

    pub(crate) fn node(&self, path: &str) -> Option<String> {
        self.lab.store().unwrap().read_text(path).unwrap()
    }

    pub(crate) fn guard(&self, domid: u32, kind: PortKind) -> Option<GuardState> {
        let guard = Guard::of(Port { vif: Vif { domid, devid: 0 }, kind });
        self.host().run(|| guard.state(&mut NfTables::open().unwrap()).unwrap()).unwrap()
    }
}

pub(crate) fn domain(name: &str, vif: &str, addresses: &[&str], gateways: &[&str]) -> DomainConfig {
    let vif: VifConfig = vif.parse().unwrap();
    let inside = Interface {
        mac: None,
        addresses: addresses.iter().map(|net| net.parse::<IpNet>().unwrap()).collect(),
        gateways: gateways.iter().map(|address| address.parse::<IpAddr>().unwrap()).collect(),
    };
    DomainConfig::new(name).with(vif.inside(inside))
}

fn ping(address: &str) -> Ping {
    Ping::to(address.parse::<IpAddr>().unwrap())
}

/// Each of these answers.
pub(crate) fn reaches(station: &Station, addresses: &[&str]) {
    for address in addresses {
        let answer = station.ping(&ping(address)).unwrap();
        assert!(answer.is_here(), "{} reaches not {address}: {answer}", station.name());
    }
}

/// None of these answers.
pub(crate) fn reaches_not(station: &Station, addresses: &[&str]) {
    for address in addresses {
        let answer = station.ping(&ping(address).attempts(2, Duration::from_millis(150))).unwrap();
        assert!(!answer.is_here(), "{} reaches {address}", station.name());
    }
}
