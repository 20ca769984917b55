//! A host with two guests on a bridge to the wire: mallory, who attacks, and a victim.

use std::net::Ipv6Addr;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use ethernet::MacAddress;
use lab::frame::Frame;
use lab::{Beliefs, ChangedBelief, DomainConfig, Guest, Lab, LabConfig, Lookout, Ping, Station};
use netkernel::Family;
use netkernel::sysctl::Sysctl;
use tempfile::TempDir;

use super::forgeries::Forgery;
use super::table::Cell;

pub(crate) const OWN: MacAddress = MacAddress::new([0, 0x16, 0x3e, 0, 0, 2]);
pub(crate) const OWN4: [u8; 4] = [10, 0, 0, 2];
pub(crate) const VICTIM: MacAddress = MacAddress::new([0, 0x16, 0x3e, 0, 0, 3]);
const VICTIM4: [u8; 4] = [10, 0, 0, 3];
const GATEWAY4: [u8; 4] = [10, 0, 0, 254];

pub(crate) fn v6(text: &str) -> Ipv6Addr {
    text.parse().unwrap()
}

pub(crate) fn own6() -> Ipv6Addr {
    v6("2001:db8::2")
}

/// Whom an attack is on, and whom the attacker claims to be to that.
#[derive(Clone, Debug)]
pub(crate) struct Target {
    /// As the lookout calls it.
    pub(crate) station: &'static str,
    pub(crate) mac: MacAddress,
    pub(crate) ip4: [u8; 4],
    pub(crate) ip6: Ipv6Addr,
    pub(crate) pose: MacAddress,
    pub(crate) pose4: [u8; 4],
    pub(crate) pose6: Ipv6Addr,
}

pub(crate) struct Scene {
    lab: Lab,
    mallory: Arc<Guest>,
    victim: Arc<Guest>,
    lookout: Lookout,
    targets: [Target; 3],
    _folder: Option<TempDir>,
}

/// Xen's own scripts: installed, or unpacked in `$XEN_PACKAGES`. None, after saying so, where they are not.
pub(crate) fn stock_scripts() -> Option<PathBuf> {
    for program in ["bash", "ip", "xenstore-read", "xenstore-write"] {
        testkit::program(program)?;
    }
    let unpacked = std::env::var_os("XEN_PACKAGES").map(PathBuf::from);
    let roots = unpacked.into_iter().chain(["/".into()]);
    let found =
        roots.map(|root: PathBuf| root.join("etc/xen/scripts")).find(|it| it.join("vif-bridge").is_file());
    if found.is_none() {
        testkit::skip!("needs Xen's scripts (package xen-utils-common), or XEN_PACKAGES with them");
    }
    found
}

impl Scene {
    /// With this program as the scripts.
    pub(crate) fn ours() -> Option<Self> {
        Self::with("")
    }

    /// The same, with a configuration that switches the guard off.
    pub(crate) fn unguarded() -> Option<Self> {
        Self::with("* mode=disabled\n")
    }

    fn with(guard: &str) -> Option<Self> {
        let folder = tempfile::tempdir().unwrap();
        symlink(env!("CARGO_BIN_EXE_dom0net"), folder.path().join("vif-bridge")).unwrap();
        std::fs::write(folder.path().join("guard.conf"), guard).unwrap();
        let path = folder.path().to_owned();
        Self::new(&path, Some(folder))
    }

    /// With the scripts of this folder. None, after saying so, where no namespaces can be made.
    pub(crate) fn new(scripts: &Path, folder: Option<TempDir>) -> Option<Self> {
        testkit::namespace()?;
        let mut config = LabConfig::default();
        scripts.clone_into(&mut config.toolstack.scripts);
        let guard = scripts.join("guard.conf").into_os_string();
        config.toolstack.environment.push(("DOM0NET_GUARD_CONFIG".to_owned(), guard));
        let lab = Lab::build(config).unwrap();
        if folder.is_none()
            && let Err(reason) = lab.host().log_folder()
        {
            testkit::skip!("Xen's scripts need a /sys of their own: {reason}");
            return None;
        }
        lab.add_bridge("xenbr0", &["eth0"]).unwrap();
        let guest = |name: &str, number: u8| {
            let spec = format!(
                "mac=00:16:3e:00:00:{number:02x},ip=10.0.0.{number} 2001:db8::{number:x},bridge=xenbr0"
            );
            lab.create(&DomainConfig::xl(name, &[&spec]).unwrap()).unwrap()
        };
        let (mallory, victim) = (guest("mallory", 2), guest("victim", 3));
        let (host, gateway) = (lab.host().station(), lab.wire().gateway());
        for (station, link) in [(victim.station(), "eth0"), (host, "xenbr0"), (gateway, "eth0")] {
            // An answer is believed at once, however new the last one is.
            let locktime = Sysctl::of_host(Family::Inet, &format!("neigh/{link}/locktime"));
            station.set(&locktime, "0").unwrap();
        }
        let target = |station, mac, ip4, ip6| Target {
            station,
            mac,
            ip4,
            ip6,
            pose: gateway.mac("eth0").unwrap(),
            pose4: GATEWAY4,
            pose6: v6("2001:db8::fe"),
        };
        let targets = [
            target("victim", VICTIM, VICTIM4, v6("2001:db8::3")),
            target("host", host.mac("xenbr0").unwrap(), [10, 0, 0, 250], v6("2001:db8::250")),
            Target {
                pose: VICTIM,
                pose4: VICTIM4,
                pose6: v6("2001:db8::3"),
                ..target("wire", gateway.mac("eth0").unwrap(), GATEWAY4, v6("2001:db8::fe"))
            },
        ];
        let lookout = Lookout::around(&lab, &mallory).unwrap();
        let scene = Self { lab, mallory, victim, lookout, targets, _folder: folder };
        scene.get_acquainted();
        Some(scene)
    }

    pub(crate) fn targets(&self) -> [Target; 3] {
        self.targets.clone()
    }

    /// Where the target is.
    pub(crate) fn station(&self, target: &Target) -> &Station {
        match target.station {
            "victim" => self.victim.station(),
            "host" => self.lab.host().station(),
            _ => self.lab.wire().gateway(),
        }
    }

    /// Everybody learns where everybody is.
    fn get_acquainted(&self) {
        let addresses = ["10.0.0.250", "10.0.0.254", "2001:db8::250", "2001:db8::fe"];
        for guest in [&self.victim, &self.mallory] {
            for address in addresses {
                let ping = Ping::to(address.parse::<std::net::IpAddr>().unwrap());
                assert!(guest.station().ping(&ping).unwrap().is_here(), "{address} answers {}", guest.name());
            }
        }
        for address in ["10.0.0.3", "2001:db8::3"] {
            let ping = Ping::to(address.parse::<std::net::IpAddr>().unwrap());
            assert!(self.mallory.station().ping(&ping).unwrap().is_here());
            assert!(self.lab.wire().gateway().ping(&ping).unwrap().is_here());
        }
    }

    fn beliefs(&self) -> [Beliefs; 3] {
        let stations: [&Station; 3] =
            [self.victim.station(), self.lab.host().station(), self.lab.wire().gateway()];
        stations.map(|station| station.beliefs().unwrap())
    }

    /// Carries an attack out, and says what came of it.
    pub(crate) fn attack(&mut self, target: &Target, forgery: &Forgery) -> Cell {
        let frames = (forgery.frames)(target);
        let before = self.beliefs();
        let mut arrived = 0;
        for frame in &frames {
            arrived += usize::from(self.arrives(target, frame));
        }
        let has_arrived = if forgery.is_whole { arrived == frames.len() } else { arrived > 0 };
        let cell = if has_arrived { Cell::Arrived } else { Cell::Nothing };
        let after = self.beliefs();
        let changes = after.iter().zip(&before).flat_map(|(after, before)| after.changes_since(before));
        let lies: Vec<ChangedBelief> = changes.filter(is_lie).collect();
        if lies.is_empty() {
            return cell;
        }
        self.forget();
        self.get_acquainted();
        Cell::Believed
    }

    /// Whom lies are believed of is asked for anew.
    fn forget(&self) {
        for station in [self.victim.station(), self.lab.host().station(), self.lab.wire().gateway()] {
            let mut kernel = station.kernel().unwrap();
            for link in kernel.links().unwrap() {
                for neighbour in kernel.neighbours(link.index).unwrap() {
                    // It may have gone by itself.
                    let _ = kernel.remove_neighbour(&neighbour);
                }
            }
        }
    }

    /// Whether a frame of mallory's arrives at the target.
    pub(crate) fn arrives(&mut self, target: &Target, frame: &Frame) -> bool {
        self.lookout.send(self.mallory.station(), "eth0", frame).unwrap().is_at(target.station)
    }
}

/// Whether what somebody believes now is the attacker's doing. Stations get to know each other all the time.
fn is_lie(change: &ChangedBelief) -> bool {
    let attackers = ["10.0.0.2 on", "2001:db8::2 on", "fe80::216:3eff:fe00:2 on", "00:16:3e:00:00:02 behind"];
    if attackers.iter().any(|own| change.subject.starts_with(own)) {
        // Its own are nobody else's.
        return change.before.is_some();
    }
    let is_given_out = ["10.0.0.", "2001:db8::"].iter().any(|front| change.subject.starts_with(front));
    let is_at_attacker =
        [OWN.to_string().as_str(), "vif1.0"].contains(&change.after.as_deref().unwrap_or_default());
    is_at_attacker || (is_given_out && change.before.is_some())
}
