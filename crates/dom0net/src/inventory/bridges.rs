//! The bridges of this host, as the kernel knows them.

use std::collections::BTreeMap;

use netkernel::link::Link;
use netkernel::netlink;

use super::model::Bridge;
use crate::network::Record;
use crate::plan::Kernel;
use crate::vif::{Port, PortKind, Vif};

/// All bridges among these devices; those of `records` are ours. Nothing is asked of xenstore: a guest's device says whose it is.
pub fn bridges(
    kernel: &mut Kernel,
    records: &[Record],
    links: &[Link],
) -> Result<Vec<Bridge>, netlink::Error> {
    let mut bridges = Vec::new();
    for link in links.iter().filter(|link| link.is_bridge()) {
        // Not those of all devices at once: each vif may have one.
        let addresses = match kernel.route.addresses(Some(link.index)) {
            // It has just gone.
            Err(error) if error.is_not_found() => continue,
            addresses => addresses?,
        };
        let ports = Ports::of(link, links);
        bridges.push(Bridge {
            name: link.name.clone(),
            ours: records.iter().any(|record| record.bridge.index == link.index),
            up: link.is_up(),
            mac: link.mac,
            mtu: link.mtu,
            addresses: addresses
                .iter()
                .filter(|address| !address.is_link_local())
                .map(ToString::to_string)
                .collect(),
            uplinks: ports.uplinks,
            vifs: ports.guests.into_values().collect(),
        });
    }
    bridges.sort_by(|one, other| one.name.cmp(&other.name));
    Ok(bridges)
}

/// The ports of a bridge.
#[derive(Default)]
struct Ports {
    uplinks: Vec<String>,
    /// One device for each vif: that of the emulated card only where there is no other.
    guests: BTreeMap<Vif, String>,
}

impl Ports {
    fn of(bridge: &Link, links: &[Link]) -> Self {
        let mut ports = Self::default();
        for link in links.iter().filter(|link| link.master == Some(bridge.index)) {
            let name = link.name.clone();
            match Port::of_device(&link.name, link.alias.as_deref()) {
                Some(Port { vif, kind: PortKind::Tap }) => {
                    ports.guests.entry(vif).or_insert(name);
                }
                Some(Port { vif, .. }) if !vif.is_the_hosts_own() => {
                    ports.guests.insert(vif, name);
                }
                _ => ports.uplinks.push(name),
            }
        }
        ports
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_guest_is_one_port_and_the_hosts_own_vif_none() {
        let port = |name: &str, alias: Option<&str>| Link {
            name: name.into(),
            alias: alias.map(Into::into),
            master: Some(7),
            ..Link::default()
        };
        let links = [
            port("vif2.0-emu", None),
            port("vif2.0", None),
            port("vif0.0", None),
            port("peth0", None),
            port("web", Some("vif1.0")),
            port("tap3.0", None),
            Link { master: Some(8), ..port("vif9.0", None) },
        ];
        let ports = Ports::of(&Link { index: 7, ..Link::default() }, &links);
        assert_eq!(ports.uplinks, ["vif0.0", "peth0"]);
        assert_eq!(ports.guests.into_values().collect::<Vec<_>>(), ["web", "vif2.0", "tap3.0"]);
    }
}
