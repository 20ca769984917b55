//! The least that a guarded plug can be: what the kernel and the store must be told so that a vif is a locked port of its bridge, and
//! guarded as dom0net guards it. No configuration is read, nothing is asked that the kernel need not be asked, and nothing would be
//! undone. What dom0net takes longer is what it does besides.
//!
//! `guarded-floor online|offline`, with `vif`, `bridge` and `XENBUS_PATH` in the environment.

use std::error::Error;
use std::path::PathBuf;

use dom0net::guard::{Guard, Policy};
use dom0net::vif::{Port, PortKind, Vif};
use ethernet::MacAddress;
use netkernel::Rtnetlink;
use netkernel::link::{LinkChange, LinkName, Master, PortOptions};
use netkernel::nftables::NfTables;
use xenstore::Requests;
use xenstore::client::Client;

/// Whose frames are not looked at: any will do.
const MAC: MacAddress = MacAddress::new([0, 0x16, 0x3e, 0, 0, 2]);

fn main() -> Result<(), Box<dyn Error>> {
    let variable = |name: &str| std::env::var(name).map_err(|error| format!("{name}: {error}"));
    let device = LinkName::new(variable("vif")?)?;
    let guard =
        Guard::of(Port { vif: numbers(device.as_str()).ok_or("no name of a vif")?, kind: PortKind::Vif });
    let (mut kernel, mut filter) = (Rtnetlink::open()?, NfTables::open()?);
    let index = kernel.link(&device)?.ok_or("no such vif")?.index;
    let mut change = |to: LinkChange| kernel.change_link(index, &to);
    if std::env::args().nth(1).as_deref() == Some("offline") {
        change(LinkChange { up: Some(false), ..LinkChange::default() })?;
        change(LinkChange { master: Some(Master::Nobody), ..LinkChange::default() })?;
        guard.remove(&mut filter)?;
        filter.close_later();
        return Ok(());
    }
    guard.install(&mut filter, &device, &Policy::locked(MAC, ["10.0.0.2/32".parse()?]))?;
    let bridge = kernel.link(&LinkName::new(variable("bridge")?)?)?.ok_or("no such bridge")?.index;
    let mut change = |to: LinkChange| kernel.change_link(index, &to);
    change(LinkChange { master: Some(Master::Link(bridge)), ..LinkChange::default() })?;
    let locked = PortOptions { learning: Some(false), locked: Some(true), ..PortOptions::default() };
    kernel.change_port(index, &locked)?;
    kernel.add_forwarding_entry(index, MAC, None)?;
    kernel.change_link(index, &LinkChange { up: Some(true), ..LinkChange::default() })?;
    let mut store = Client::connect(PathBuf::from(variable("XENSTORED_PATH")?))?;
    store.write(&format!("{}/hotplug-status", variable("XENBUS_PATH")?), "connected")?;
    Ok(())
}

/// The numbers in `vif7.0`.
fn numbers(device: &str) -> Option<Vif> {
    let (domid, devid) = device.strip_prefix("vif")?.split_once('.')?;
    Some(Vif { domid: domid.parse().ok()?, devid: devid.parse().ok()? })
}
