//! A host with many vifs: devices that stand for them, their nodes in a store, and scripts called as a toolstack does.
//!
//! [`lab`] has guests that live: each with a namespace and a driver. Of four thousand there is no need; here most of
//! them share one namespace.

use std::error::Error;
use std::fs;
use std::net::{Ipv4Addr, Ipv6Addr};
use std::os::fd::AsFd;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use ethernet::MacAddress;
use lab::{Host, Station};
use netkernel::Rtnetlink;
use netkernel::link::{BridgeOptions, LinkChange, LinkKind, LinkName};
use tempfile::TempDir;
use xenstore::{Batch, Client, Requests, Server, ServerHandle};

/// A bridge of Linux has 1,023 ports.
const PORTS: u32 = 1000;

/// How far the host's address on a vif is from the guest's, with `vif-nat`.
const ROUTER_DISTANCE: u8 = 127;

/// How many guests have a namespace of their own, so that they can talk to each other.
const SEPARATE: u32 = 2;

/// What guests may do beyond the ordinary: nothing, unless [`Crowd::configure_guard`] has said it.
const GUARD_CONFIG: &str = "guard.conf";

/// One of them: the only interface of the domain with this number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Vif(pub(crate) u32);

/// A host with vifs.
pub(crate) struct Crowd {
    host: Host,
    guests: Vec<Station>,
    kernel: Rtnetlink,
    dom0: Client,
    count: u32,
    bridges: u32,
    uplink: Option<&'static str>,
    store: ServerHandle,
    folder: TempDir,
}

impl Vif {
    /// The host's device.
    pub(crate) fn device(self) -> String {
        format!("vif{}.0", self.0)
    }

    /// The guest's device.
    pub(crate) fn peer(self) -> String {
        format!("eth{}", self.0)
    }

    /// The guest's MAC address.
    pub(crate) fn mac(self) -> MacAddress {
        let [_, high, middle, low] = self.0.to_be_bytes();
        MacAddress::new([0x00, 0x16, 0x3e, high, middle, low])
    }

    /// The guest's IPv4 address. Its last octet is from 1 to 127, as `vif-nat` wants it.
    pub(crate) fn ipv4(self) -> Ipv4Addr {
        let number = self.0.saturating_sub(1);
        let (block, last) = (number / u32::from(ROUTER_DISTANCE), number % u32::from(ROUTER_DISTANCE) + 1);
        Ipv4Addr::from(u32::from(Ipv4Addr::new(10, 64, 0, 0)) + (block << 8) + last)
    }

    /// The host's address on it with `vif-nat`.
    pub(crate) fn router(self) -> Ipv4Addr {
        Ipv4Addr::from(u32::from(self.ipv4()) + u32::from(ROUTER_DISTANCE))
    }

    /// The guest's IPv6 address.
    pub(crate) fn ipv6(self) -> Ipv6Addr {
        Ipv6Addr::from(u128::from(Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 0)) + u128::from(self.0))
    }

    /// The bridge that it belongs on: no bridge holds all of them.
    pub(crate) fn bridge(self) -> String {
        format!("xenbr{}", self.0.saturating_sub(1) / PORTS)
    }

    /// Its nodes' folder, as libxl gives it.
    fn backend(self) -> String {
        format!("backend/vif/{}/0", self.0)
    }
}

impl Crowd {
    /// A host without vifs.
    pub(crate) fn new() -> Result<Self, Box<dyn Error>> {
        let folder = tempfile::Builder::new().prefix("bench-").tempdir()?;
        let host = Host::new("host", folder.path(), false)?;
        let guests = (0..=SEPARATE).map(|number| Station::new(format!("guest{number}")));
        let guests = guests.collect::<Result<Vec<_>, _>>()?;
        let kernel = host.station().kernel()?;
        let store = Server::bind(folder.path().join("store"))?.spawn()?;
        let mut dom0 = Client::connect(store.path())?;
        dom0.write_each([("/local/domain/0/name", "Domain-0"), ("/local/domain/0/domid", "0")])?;
        Ok(Self { host, guests, kernel, dom0, count: 0, bridges: 0, uplink: None, store, folder })
    }

    /// The host.
    pub(crate) const fn host(&self) -> &Host {
        &self.host
    }

    /// Where the other end of a vif is: the first two have a namespace each, the others share one.
    pub(crate) fn guest(&self, vif: Vif) -> &Station {
        &self.guests[if (1..=SEPARATE).contains(&vif.0) { vif.0 as usize } else { 0 }]
    }

    /// The vifs that there are, plugged or not.
    pub(crate) fn vifs(&self) -> impl DoubleEndedIterator<Item = Vif> + use<> {
        (1..=self.count).map(Vif)
    }

    /// Makes vifs until there are so many, and returns the new ones: devices and nodes, which nobody has plugged yet.
    pub(crate) fn grow(&mut self, count: u32) -> Result<Vec<Vif>, Box<dyn Error>> {
        let new: Vec<Vif> = (self.count + 1..=count).map(Vif).collect();
        for vif in &new {
            self.make_device(*vif)?;
        }
        for some in new.chunks(100) {
            let mut batch = Batch::new();
            some.iter().try_for_each(|vif| write_nodes(&mut batch, *vif))?;
            self.dom0.run(batch)?.check()?;
        }
        self.count = self.count.max(count);
        Ok(new)
    }

    fn make_device(&mut self, vif: Vif) -> Result<(), Box<dyn Error>> {
        while self.bridges * PORTS < vif.0 {
            let options =
                BridgeOptions { stp: Some(false), forward_delay: Some(0), ..BridgeOptions::default() };
            let name = LinkName::new(Vif(vif.0).bridge())?;
            let up = LinkChange { up: Some(true), ..LinkChange::default() };
            self.kernel.create_link(&name, &LinkKind::Bridge(options), &up)?;
            self.bridges += 1;
        }
        let pair = LinkKind::Veth {
            peer: LinkName::new(vif.peer())?,
            peer_index: None,
            peer_change: LinkChange { mac: Some(vif.mac()), ..LinkChange::default() },
            peer_namespace: Some(self.guest(vif).namespace().as_fd()),
        };
        let mac = Some(MacAddress::new([0xfe, 0xff, 0xff, 0xff, 0xff, 0xff]));
        let change = LinkChange { mac, ..LinkChange::default() };
        let mut kernel = self.host.station().kernel()?;
        Ok(kernel.create_link(&LinkName::new(vif.device())?, &pair, &change)?)
    }

    /// Says which card guests' packets leave the host by, as `gatewaydev=` of a guest does. It is told to each script.
    pub(crate) const fn set_uplink(&mut self, card: &'static str) {
        self.uplink = Some(card);
    }

    /// Says what the guests that come may do beyond the ordinary.
    pub(crate) fn configure_guard(&self, lines: &str) -> Result<(), Box<dyn Error>> {
        Ok(fs::write(self.folder.path().join(GUARD_CONFIG), lines)?)
    }

    /// A program's call on this host, with what all of them have in their environment.
    pub(crate) fn program(&self, program: &Path) -> Command {
        let place = |name: &str| -> PathBuf { self.folder.path().join(name) };
        let mut command = Command::new(program);
        command.env("XENSTORED_PATH", self.store.path());
        command.env("DOM0NET_RUNTIME_DIR", place("run")).env("DOM0NET_STATE_DIR", place("state"));
        command.env("DOM0NET_GUARD_CONFIG", place(GUARD_CONFIG));
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        command
    }

    /// The call of a script about a vif.
    pub(crate) fn script(&self, script: &Path, operation: &str, vif: Vif) -> Command {
        let mut command = self.program(script);
        command.args([operation, "type_if=vif"]);
        command.env("script", script).env("XENBUS_TYPE", "vif").env("XENBUS_BASE_PATH", "backend");
        command.env("XENBUS_PATH", vif.backend()).env("vif", vif.device()).env("bridge", vif.bridge());
        command.envs(self.uplink.map(|card| ("netdev", card)));
        command
    }

    /// Runs a call to its end, and says how long it took from the moment that it was started.
    pub(crate) fn time(&self, mut command: Command) -> Result<Duration, Box<dyn Error>> {
        let (status, took) = self.host.run(|| {
            let begin = Instant::now();
            (command.status(), begin.elapsed())
        })?;
        match status? {
            status if status.success() => Ok(took),
            status => Err(format!("{command:?}: {status}").into()),
        }
    }

    /// Calls a script for each of these vifs, one after the other.
    pub(crate) fn each(&self, script: &Path, operation: &str, vifs: &[Vif]) -> Result<(), Box<dyn Error>> {
        self.host.run(|| {
            for vif in vifs {
                let mut command = self.script(script, operation, *vif);
                let status = command.status().map_err(|error| error.to_string())?;
                if !status.success() {
                    return Err(format!("{operation} of {} by {}: {status}", vif.device(), script.display()));
                }
            }
            Ok(())
        })??;
        Ok(())
    }

    /// How many of these vifs the store says are plugged.
    pub(crate) fn connected(&mut self, vifs: &[Vif]) -> Result<usize, Box<dyn Error>> {
        let paths = vifs.iter().map(|vif| format!("{}/hotplug-status", vif.backend()));
        let read = self.dom0.read_each(paths)?;
        Ok(read
            .into_iter()
            .filter(|status| matches!(status, Ok(Some(status)) if status == b"connected"))
            .count())
    }

    /// Why a vif could not be plugged, in the script's words.
    pub(crate) fn problem(&mut self, vif: Vif) -> Result<Option<String>, Box<dyn Error>> {
        Ok(self.dom0.read_text(&format!("{}/hotplug-error", vif.backend()))?)
    }
}

/// What libxl writes for an interface, as far as anyone reads it.
fn write_nodes(batch: &mut Batch, vif: Vif) -> Result<(), xenstore::Error> {
    let domain = format!("/local/domain/{}", vif.0);
    let nodes = [
        ("frontend", format!("{domain}/device/vif/0")),
        ("frontend-id", vif.0.to_string()),
        ("online", "1".to_owned()),
        ("state", "2".to_owned()),
        ("script", "/etc/xen/scripts/vif-bridge".to_owned()),
        ("mac", vif.mac().to_string()),
        ("bridge", vif.bridge()),
        ("handle", "0".to_owned()),
        ("type", "vif".to_owned()),
        ("ip", format!("{} {}", vif.ipv4(), vif.ipv6())),
    ];
    batch.write(&format!("{domain}/name"), format!("guest{}", vif.0))?;
    for (name, value) in nodes {
        batch.write(&format!("{}/{name}", vif.backend()), value)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_two_have_an_address_and_all_have_one_for_vif_nat() {
        let addresses: Vec<Ipv4Addr> =
            (1..=4000).map(Vif).flat_map(|vif| [vif.ipv4(), vif.router()]).collect();
        let mut different = addresses.clone();
        different.sort_unstable();
        different.dedup();
        assert_eq!(different.len(), addresses.len());
        assert!((1..=4000).all(|number| (1..=127).contains(&Vif(number).ipv4().octets()[3])));
        assert_eq!((Vif(1).ipv4(), Vif(1).router()), ([10, 64, 0, 1].into(), [10, 64, 0, 128].into()));
        assert_eq!((Vif(128).ipv4(), Vif(127).router()), ([10, 64, 1, 1].into(), [10, 64, 0, 254].into()));
    }
}
