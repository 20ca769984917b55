//! Finding out who is where: from xenstore and the kernel.

use std::collections::HashMap;
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
    let by_index: HashMap<u32, &str> = links.iter().map(|link| (link.index, &link.name[..])).collect();
    let of_ports =
        links.iter().filter_map(|link| Some((Port::of_device(&link.name, link.alias.as_deref())?, link)));
    let by_port: HashMap<Port, &Link> = of_ports.collect();
    for domain in &mut inventory.domains {
        for vif in &mut domain.vifs {
            let port = |kind| Port { vif: vif::Vif { domid: domain.domid, devid: vif.devid }, kind };
            if let Some(link) = by_port.get(&port(PortKind::Vif)) {
                vif.device = Some(link.name.clone());
                vif.bridge = link.master.and_then(|master| by_index.get(&master)).map(|&name| name.into());
                vif.traffic = Some(traffic(link));
            }
            vif.guard = guard_of(survey, port(PortKind::Vif), vif.device.as_deref());
            vif.tap = by_port.get(&port(PortKind::Tap)).map(|link| Tap {
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
    let place = guard::Guard::of(port).place();
    let Some(state) = survey.state(port) else { return Guard { place, ..Guard::default() } };
    let dropped = state.dropped.iter().filter(|(_, frames)| **frames > 0);
    Guard {
        in_force: device.is_some_and(|device| state.devices.iter().any(|hooked| hooked == device)),
        mode: state.mode.clone(),
        place,
        dropped: dropped.map(|(reason, frames)| (reason.word(), *frames)).collect(),
    }
}
