//! A host with two guests on a bridge to the wire.

use std::net::IpAddr;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;

use lab::{DomainConfig, Guest, Lab, LabConfig, Ping, Station};
use tempfile::TempDir;

/// The guests web (10.0.0.2, `2001:db8::2`) and db (.3) on xenbr0, plugged by this program.
pub(crate) struct Scene {
    pub(crate) lab: Lab,
    pub(crate) web: Arc<Guest>,
    pub(crate) db: Arc<Guest>,
    folder: TempDir,
}

impl Scene {
    /// With this configuration of the guard; none, after saying so, where no namespaces can be made.
    pub(crate) fn new(config: &str) -> Option<Self> {
        testkit::namespace()?;
        let folder = tempfile::tempdir().unwrap();
        for script in ["vif-bridge", "dom0net"] {
            symlink(env!("CARGO_BIN_EXE_dom0net"), folder.path().join(script)).unwrap();
        }
        let guard = folder.path().join("guard.conf");
        std::fs::write(&guard, config).unwrap();
        let mut options = LabConfig::default();
        folder.path().clone_into(&mut options.toolstack.scripts);
        options.toolstack.environment.push(("DOM0NET_GUARD_CONFIG".to_owned(), guard.into_os_string()));
        let lab = Lab::build(options).unwrap();
        lab.add_bridge("xenbr0", &["eth0"]).unwrap();
        let guest = |name: &str, number: u8| {
            let spec = format!(
                "mac=00:16:3e:00:00:{number:02x},ip=10.0.0.{number} 2001:db8::{number:x},bridge=xenbr0"
            );
            lab.create(&DomainConfig::xl(name, &[&spec]).unwrap()).unwrap()
        };
        let (web, db) = (guest("web", 2), guest("db", 3));
        Some(Self { lab, web, db, folder })
    }

    pub(crate) fn host(&self) -> &Station {
        self.lab.host().station()
    }

    /// A folder that goes with the scene.
    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// `dom0net guard`: whether it succeeds, and what it says.
    pub(crate) fn guard(&self, words: &[&str]) -> (bool, String) {
        let program = self.lab.toolstack().options().scripts.join("dom0net");
        let output = self.lab.on_host(Command::new(program).arg("guard").args(words)).unwrap();
        (output.status.success(), String::from_utf8(output.stdout).unwrap())
    }
}

/// Whether it is answered from there.
pub(crate) fn reaches(station: &Station, address: &str) -> bool {
    station.ping(&Ping::to(address.parse::<IpAddr>().unwrap())).unwrap().is_here()
}
