//! What guests that have gone still hold of what another shall have: a name, an address.
//!
//! The kernel takes a while to let a device go, and a toolstack that was killed tells nobody of a guest's end. So a device that is
//! in the way is waited for, and one whose domain xenstore knows nothing of is put aside. A living guest's is never touched: who
//! cannot tell takes it for alive.

use ipnet::IpNet;
use netkernel::link::{Link, LinkChange, LinkName};
use netkernel::netlink;
use netkernel::route::Route;
use xenstore::{Client, Requests};

use super::device::await_while;
use super::error::Error;
use crate::guard::Guard;
use crate::plan::{Device, Kernel};
use crate::vif::{Port, PortKind, Vif};

/// The nodes of which each domain has some: toolstacks write them before they make devices.
const NODES: [&str; 3] = ["name", "domid", "vm"];

/// Of these domains, those that xenstore says are not there.
pub(super) fn gone(store: &mut Client, domids: &[u32]) -> Vec<u32> {
    let paths = domids.iter().flat_map(|domid| NODES.map(|node| format!("/local/domain/{domid}/{node}")));
    let Ok(values) = store.read_each(paths.collect::<Vec<_>>()) else { return Vec::new() };
    // A node that may not be read is no node that is not there.
    let is_gone = |values: &[_]| values.iter().all(|value| matches!(value, Ok(None)));
    let answers = domids.iter().zip(values.chunks(NODES.len()));
    answers.filter(|(_, values)| is_gone(values)).map(|(domid, _)| *domid).collect()
}

/// Takes away what was written for a vif that had gone by then: writing a node makes all those above it.
pub(super) fn take_back(store: &mut Client, backend: &str, domid: u32) {
    // What cannot be taken away is in nobody's way.
    let _ = store.remove(backend);
    let above = backend.rsplit_once('/').map(|(above, _)| above);
    if let Some(above) = above.filter(|above| is_empty(store, above)) {
        let _ = store.remove(above);
    }
    if !gone(store, &[domid]).is_empty() {
        let _ = store.remove(&format!("/local/domain/{domid}"));
    }
}

fn is_empty(store: &mut Client, folder: &str) -> bool {
    store.directory(folder).is_ok_and(|names| names.is_some_and(|names| names.is_empty()))
}

/// A device whose domain has gone, and which is in the way.
#[derive(Clone, Debug)]
pub(super) struct Former {
    /// Whose it was.
    pub(super) port: Port,
    /// The device.
    pub(super) link: Link,
}

impl Former {
    /// What the device is of, if xenstore knows nothing of that domain.
    fn of(store: &mut Client, link: Link) -> Option<Self> {
        let port = port_of(&link)?;
        gone(store, &[port.vif.domid]).first()?;
        Some(Self { port, link })
    }

    /// Takes the device down, so that nothing leads there; gives it the name back that it was made with, if it has `name`; and takes
    /// a guard away that would hold for whoever is called so next.
    pub(super) fn put_aside(&self, kernel: &mut Kernel, name: &LinkName) -> Result<(), Error> {
        let own = match self.port.kind {
            PortKind::Vif => self.port.vif.to_string(),
            PortKind::Tap => format!("{}-emu", self.port.vif),
        };
        let has_name = self.link.name == name.as_str() && own != name.as_str();
        // It must be down to be renamed.
        let mut changes = vec![LinkChange { up: Some(false), ..LinkChange::default() }];
        if has_name {
            let own = LinkName::new(own).map_err(|_| Error::NoDevice { name: name.clone() })?;
            changes.push(LinkChange { name: Some(own), ..LinkChange::default() });
        }
        for change in changes {
            match kernel.route.change_link(self.link.index, &change) {
                // It has gone by itself.
                Err(error) if error.is_not_found() => break,
                result => result?,
            }
        }
        if has_name {
            Guard::of(self.port).remove(kernel.filter()?)?;
        }
        Ok(())
    }
}

fn port_of(link: &Link) -> Option<Port> {
    Port::of_device(&link.name, link.alias.as_deref())
}

/// Waits for the name, while a vif that goes still has it; one whose domain has gone is returned, to be put aside. The
/// kernel says if the name is anybody else's.
pub(super) fn await_name(
    kernel: &mut Kernel,
    store: &mut Client,
    device: &Device,
    wanted: &LinkName,
) -> Result<Option<Former>, netlink::Error> {
    if *wanted == device.name {
        return Ok(None);
    }
    let mut former = None;
    await_while(|| {
        former = None;
        let Some(other) = kernel.route.link(wanted)?.filter(|other| other.index != device.index) else {
            return Ok(false);
        };
        let is_of_a_vif = port_of(&other).is_some();
        former = Former::of(store, other);
        Ok(is_of_a_vif && former.is_none())
    })?;
    Ok(former)
}

/// Waits while a vif that goes still leads to a destination, and returns who does so for good. `leads_there`: the device that does.
pub(super) fn await_way(
    store: &mut Client,
    mut leads_there: impl FnMut() -> Result<Option<Link>, netlink::Error>,
) -> Result<Option<Way>, netlink::Error> {
    let mut way = None;
    // The same guest, started anew, may be faster than what is left of it.
    await_while(|| {
        way = None;
        let Some(other) = leads_there()? else { return Ok(false) };
        let is_of_a_vif = port_of(&other).is_some();
        way = Some(match Former::of(store, other.clone()) {
            Some(former) => Way::Former(former),
            None => Way::Other(other),
        });
        Ok(is_of_a_vif && matches!(way, Some(Way::Other(_))))
    })?;
    Ok(way)
}

/// Whose device leads to a destination.
pub(super) enum Way {
    /// Somebody's who has gone.
    Former(Former),
    /// Somebody's.
    Other(Link),
}

/// All devices of these vifs: an emulated card leads there beside the other.
pub(super) fn all_of(kernel: &mut Kernel, vifs: &[Vif]) -> Result<Vec<Former>, netlink::Error> {
    if vifs.is_empty() {
        return Ok(Vec::new());
    }
    let links = kernel.route.links()?.into_iter();
    let formers = links.filter_map(|link| Some(Former { port: port_of(&link)?, link }));
    Ok(formers.filter(|former| vifs.contains(&former.port.vif)).collect())
}

/// True for a route to exactly this destination.
pub(super) fn is_route_to(route: &Route, network: &IpNet) -> bool {
    route.destination() == Some(network.addr()) && route.destination_length == network.prefix_len()
}
