//! Finding out who is where: from xenstore and the kernel.

use std::cmp::Reverse;
use std::panic::resume_unwind;
use std::thread::{self, ScopedJoinHandle};

use netkernel::link::Link;
use netkernel::netlink;

use super::bridges::bridges;
use super::model::{Domain, Guard, Inventory, Network, Tap, Traffic};
use super::store::{self, ALL, Nodes, OUTLINE, SHOWN};
use crate::guard::{self, Survey};
use crate::hotplug::{self, GuardedNetwork};
use crate::network::Records;
use crate::plan::Kernel;
use crate::vif::{self, Port, PortKind};

/// Finds out who is where. Without xenstore, or without the rights to read packet filters, the rest is still told, and
/// the problem with it.
pub fn collect(kernel: &mut Kernel, records: &Records) -> Result<Inventory, netlink::Error> {
    collect_with(kernel, records, ALL)
}

/// The same without what no [`listing`](super::listing) and no [`drawing`](super::drawing) has: the UUIDs of domains, the bridges
/// that were asked for, the states of backends. With thousands of guests these are a third of what is asked of xenstore.
pub fn collect_shown(kernel: &mut Kernel, records: &Records) -> Result<Inventory, netlink::Error> {
    collect_with(kernel, records, SHOWN)
}

fn collect_with(kernel: &mut Kernel, records: &Records, nodes: Nodes) -> Result<Inventory, netlink::Error> {
    let (route, filter) = kernel.both();
    let (domains, survey, links) = thread::scope(|scope| {
        // With thousands of guests each takes its time.
        let domains = scope.spawn(|| store::domains(nodes));
        let survey = scope.spawn(|| filter.and_then(Survey::take));
        let links = route.links();
        (result_of(domains), result_of(survey), links)
    });
    let (links, none) = (links?, Survey::default());
    let mut inventory = assemble(kernel, records, &links, domains, survey.as_ref().unwrap_or(&none))?;
    match survey {
        Err(error) => inventory.problems.push(error.to_string()),
        Ok(_) => match networks(kernel, &links) {
            Ok(networks) => inventory.networks = networks,
            Err(error) => inventory.problems.push(error.to_string()),
        },
    }
    Ok(inventory)
}

fn result_of<T>(thread: ScopedJoinHandle<'_, T>) -> T {
    thread.join().unwrap_or_else(|panic| resume_unwind(panic))
}

/// What holds for networks as a whole, as far as the configuration says anything of them.
fn networks(kernel: &mut Kernel, links: &[Link]) -> Result<Vec<Network>, hotplug::Error> {
    let mut networks = Vec::new();
    for network in GuardedNetwork::among(links)? {
        let condition = network.condition(kernel)?;
        let dropped = network.dropped(kernel)?.into_iter();
        networks.push(Network {
            name: network.network.to_string(),
            policy: network.policy.to_string(),
            in_force: condition.is_right(),
            dropped: dropped.map(|(reason, packets)| (reason.word(), packets)).collect(),
        });
    }
    Ok(networks)
}

/// Which guests there are, what their devices are called and which state they are in. All else is left out: the guards above
/// all, which are most of the work where there are thousands.
pub fn outline(kernel: &mut Kernel, records: &Records) -> Result<Inventory, netlink::Error> {
    let links = kernel.route.links()?;
    assemble(kernel, records, &links, store::domains(OUTLINE), &Survey::default())
}

fn assemble(
    kernel: &mut Kernel,
    records: &Records,
    links: &[Link],
    domains: Result<Vec<Domain>, xenstore::Error>,
    survey: &Survey,
) -> Result<Inventory, netlink::Error> {
    let mut inventory = Inventory::default();
    match domains {
        Ok(domains) => inventory.domains = domains,
        Err(error) => inventory.problems.push(error.to_string()),
    }
    let devices = Devices::among(links);
    for domain in &mut inventory.domains {
        for vif in &mut domain.vifs {
            let port = |kind| Port { vif: vif::Vif { domid: domain.domid, devid: vif.devid }, kind };
            if let Some(link) = devices.of(port(PortKind::Vif)) {
                vif.device = Some(link.name.clone());
                vif.bridge = link.master.and_then(|master| devices.named(master)).map(Into::into);
                vif.traffic = Some(traffic(link));
            }
            vif.guard = guard_of(survey, port(PortKind::Vif), vif.device.as_deref());
            vif.tap = devices.of(port(PortKind::Tap)).map(|link| Tap {
                device: link.name.clone(),
                guard: guard_of(survey, port(PortKind::Tap), Some(&link.name)),
                traffic: traffic(link),
            });
        }
    }
    let records = records.all().unwrap_or_else(|error| {
        inventory.problems.push(error.to_string());
        Vec::new()
    });
    inventory.bridges = bridges(kernel, &records, links)?;
    inventory.problems.dedup();
    Ok(inventory)
}

/// Devices, found by what they are; of thousands each is asked for, so they are sorted and not hashed.
struct Devices<'a> {
    /// Those of guests, by port.
    ports: Vec<(Port, &'a Link)>,
    /// The names of the others, by index: guests' devices are nobody's master.
    others: Vec<(u32, &'a str)>,
}

impl<'a> Devices<'a> {
    fn among(links: &'a [Link]) -> Self {
        let mut devices = Self { ports: Vec::with_capacity(links.len()), others: Vec::new() };
        for link in links {
            match Port::of_device(&link.name, link.alias.as_deref()) {
                Some(port) => devices.ports.push((port, link)),
                None => devices.others.push((link.index, &link.name)),
            }
        }
        // Of two devices that say that they are the same port's, the later one counts: the kernel lists in the order of its numbers.
        devices.ports.sort_by_key(|(port, link)| (*port, Reverse(link.index)));
        devices.ports.dedup_by_key(|(port, _)| *port);
        devices.others.sort_unstable();
        devices
    }

    fn of(&self, port: Port) -> Option<&'a Link> {
        let at = self.ports.binary_search_by_key(&port, |(port, _)| *port).ok()?;
        self.ports.get(at).map(|(_, link)| *link)
    }

    fn named(&self, index: u32) -> Option<&'a str> {
        let at = self.others.binary_search_by_key(&index, |(index, _)| *index).ok()?;
        self.others.get(at).map(|(_, name)| *name)
    }
}

/// What passed through a guest's device, as the guest sees it.
fn traffic(link: &Link) -> Traffic {
    Traffic {
        sent_bytes: link.statistics.received_bytes,
        sent_packets: link.statistics.received_packets,
        received_bytes: link.statistics.sent_bytes,
        received_packets: link.statistics.sent_packets,
    }
}

fn guard_of(survey: &Survey, port: Port, device: Option<&str>) -> Guard {
    let place = guard::Guard::place_of(port);
    let Some(state) = survey.state(port) else { return Guard { place, ..Guard::default() } };
    Guard {
        in_force: device.is_some_and(|device| state.devices.iter().any(|hooked| hooked == device)),
        mode: state.mode.clone(),
        place,
        dropped: state.dropped.iter().map(|(reason, frames)| (reason.word(), *frames)).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_two_devices_of_a_port_the_later_one_counts() {
        let link = |index, name: &str, alias: Option<&str>| Link {
            index,
            name: name.into(),
            alias: alias.map(Into::into),
            ..Link::default()
        };
        let links = [
            link(9, "web", Some("vif1.0")),
            link(7, "vif1.0", None),
            link(3, "xenbr0", None),
            link(2, "eth0", None),
            link(8, "vif1.0-emu", None),
        ];
        let devices = Devices::among(&links);
        let port = |kind| Port { vif: vif::Vif { domid: 1, devid: 0 }, kind };
        let found =
            [PortKind::Vif, PortKind::Tap].map(|kind| devices.of(port(kind)).map(|link| &link.name[..]));
        assert_eq!(found, [Some("web"), Some("vif1.0-emu")]);
        assert_eq!([2, 3, 7].map(|index| devices.named(index)), [Some("eth0"), Some("xenbr0"), None]);
    }
}
