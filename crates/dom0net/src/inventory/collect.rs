//! Finding out who is where: from xenstore and the kernel.

use std::collections::{BTreeMap, HashMap};

use netkernel::link::Link;
use netkernel::netlink;
use xenstore::{Client, Requests, TreeLimits};

use super::bridges::bridges;
use super::model::{Domain, Guard, Inventory, Network, Tap, Traffic, Vif};
use crate::guard::{self, Survey};
use crate::hotplug::{self, GuardedNetwork};
use crate::network::Records;
use crate::plan::Kernel;
use crate::vif::{self, Port, PortKind};

/// The vifs whose backend is in this domain, relative to its own folder.
const BACKENDS: &str = "backend/vif";

/// Domains and their vifs: the folders. What is in them is read by name, a request for each node that is shown.
const FOLDERS: usize = 2;

/// The nodes of a vif that are shown.
const NODES: [&str; 7] = ["vifname", "mac", "ip", "bridge", "state", "hotplug-status", "hotplug-error"];
/// Those that are needed to find a vif's device, and to know whether it stays.
const OUTLINE: [&str; 2] = ["vifname", "state"];

/// Finds out who is where. Without xenstore, or without the rights to read packet filters, the rest is still told, and
/// the problem with it.
pub fn collect(kernel: &mut Kernel, records: &Records) -> Result<Inventory, netlink::Error> {
    let survey = kernel.filter().and_then(Survey::take);
    let links = kernel.route.links()?;
    let none = Survey::default();
    let mut inventory = assemble(kernel, records, &links, &NODES, survey.as_ref().unwrap_or(&none))?;
    match survey {
        Err(error) => inventory.problems.push(error.to_string()),
        Ok(_) => match networks(kernel, &links) {
            Ok(networks) => inventory.networks = networks,
            Err(error) => inventory.problems.push(error.to_string()),
        },
    }
    Ok(inventory)
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
    assemble(kernel, records, &links, &OUTLINE, &Survey::default())
}

fn assemble(
    kernel: &mut Kernel,
    records: &Records,
    links: &[Link],
    nodes: &[&'static str],
    survey: &Survey,
) -> Result<Inventory, netlink::Error> {
    let mut inventory = Inventory::default();
    match domains_in_store(nodes) {
        Ok(domains) => inventory.domains = domains,
        Err(error) => inventory.problems.push(error.to_string()),
    }
    let by_index: HashMap<u32, &str> = links.iter().map(|link| (link.index, &link.name[..])).collect();
    let by_name: HashMap<&str, &Link> = links.iter().map(|link| (&link.name[..], link)).collect();
    for domain in &mut inventory.domains {
        for vif in &mut domain.vifs {
            let port = |kind| Port { vif: vif::Vif { domid: domain.domid, devid: vif.devid }, kind };
            let named = vif.device.take();
            if let Some(link) = link_of(&by_name, port(PortKind::Vif), named.as_deref()) {
                vif.device = Some(link.name.clone());
                vif.bridge = link.master.and_then(|master| by_index.get(&master)).map(|&name| name.into());
                vif.traffic = Some(traffic(link));
            }
            vif.guard = guard_of(survey, port(PortKind::Vif), vif.device.as_deref());
            let emulated = named.map(|named| format!("{named}-emu"));
            vif.tap = link_of(&by_name, port(PortKind::Tap), emulated.as_deref()).map(|link| Tap {
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

/// The domains and their vifs, as xenstore knows them. The `device` of each is the name that it should have.
fn domains_in_store(nodes: &[&'static str]) -> Result<Vec<Domain>, xenstore::Error> {
    let mut store = Client::open()?;
    let depth = FOLDERS;
    let Some(tree) = store.tree(BACKENDS, TreeLimits { depth, ..TreeLimits::default() })? else {
        return Ok(Vec::new());
    };
    let vifs: Vec<vif::Vif> = tree
        .children(tree.top())
        .flat_map(|domain| tree.children(domain).filter_map(|device| vif_of(domain.name(), device.name())))
        .collect();
    let paths = vifs.iter().flat_map(|vif| nodes.iter().map(move |node| node_of(*vif, node)));
    let values = store.read_each(paths)?;
    let mut by_domain: BTreeMap<u32, Vec<Vif>> = BTreeMap::new();
    for (vif, values) in vifs.iter().zip(values.chunks(nodes.len())) {
        let known = nodes.iter().zip(values).filter_map(|(node, value)| {
            let value = value.as_ref().ok()?.as_ref().filter(|value| !value.is_empty())?;
            Some((*node, visible(value)))
        });
        by_domain.entry(vif.domid).or_default().push(vif_in_store(*vif, known.collect()));
    }
    let mut domains: Vec<Domain> = by_domain
        .into_iter()
        .map(|(domid, mut vifs)| {
            vifs.sort_by_key(|vif| vif.devid);
            Domain { domid, name: None, uuid: None, vifs }
        })
        .collect();
    let nodes = domains.iter().flat_map(|domain| ["name", "vm"].map(|node| (domain.domid, node)));
    let values = store
        .read_each(nodes.map(|(domid, node)| format!("/local/domain/{domid}/{node}")).collect::<Vec<_>>())?;
    let mut values = values.into_iter().map(|value| value.ok().flatten().map(|value| visible(&value)));
    for domain in &mut domains {
        // A domain that is going may have lost its name.
        domain.name = values.next().flatten();
        domain.uuid = values.next().flatten().and_then(|path| Some(path.strip_prefix("/vm/")?.to_owned()));
    }
    Ok(domains)
}

fn vif_of(domid: &str, devid: &str) -> Option<vif::Vif> {
    Some(vif::Vif { domid: domid.parse().ok()?, devid: devid.parse().ok()? })
}

fn node_of(vif::Vif { domid, devid }: vif::Vif, node: &str) -> String {
    format!("{BACKENDS}/{domid}/{devid}/{node}")
}

fn vif_in_store(id: vif::Vif, mut nodes: BTreeMap<&str, String>) -> Vif {
    let mut take = |name: &str| nodes.remove(name);
    let ip = take("ip").unwrap_or_default();
    Vif {
        devid: id.devid,
        device: take("vifname").or_else(|| Some(id.to_string())),
        mac: take("mac"),
        ip: ip.split([' ', ',']).filter(|word| !word.is_empty()).map(Into::into).collect(),
        bridge: None,
        wanted_bridge: take("bridge"),
        state: take("state").and_then(|state| state_word(&state)),
        hotplug_status: take("hotplug-status"),
        hotplug_error: take("hotplug-error"),
        ..Vif::default()
    }
}

/// What a value says, as one line without control characters: it may come from a guest.
fn visible(value: &[u8]) -> String {
    String::from_utf8_lossy(value).replace(|c: char| c.is_control(), "\u{fffd}")
}

/// `enum xenbus_state`.
fn state_word(number: &str) -> Option<&'static str> {
    Some(match number {
        "1" => "initialising",
        "2" => "waiting",
        "3" => "initialised",
        "4" => "connected",
        "5" => "closing",
        "6" => "closed",
        "7" => "reconfiguring",
        "8" => "reconfigured",
        _ => return None,
    })
}

/// The device of a port: by the name that it is made with, or by the name that it was given if it says whose it is.
fn link_of<'a>(links: &HashMap<&str, &'a Link>, port: Port, named: Option<&str>) -> Option<&'a Link> {
    let made_as = match port.kind {
        PortKind::Vif => port.vif.to_string(),
        PortKind::Tap => format!("{}-emu", port.vif),
    };
    links.get(&made_as[..]).copied().or_else(|| {
        let own_alias = port.to_string();
        links.get(named?).copied().filter(|link| link.alias.as_deref() == Some(&own_alias[..]))
    })
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
    let state = survey.state(port).cloned().unwrap_or_default();
    Guard {
        in_force: device.is_some_and(|device| state.devices.iter().any(|hooked| hooked == device)),
        mode: state.mode,
        place: guard::Guard::of(port).to_string(),
        dropped: state
            .dropped
            .into_iter()
            .filter(|(_, frames)| *frames > 0)
            .map(|(reason, frames)| (reason.word(), frames))
            .collect(),
    }
}
