//! Who is where, as xenstore knows it.

use std::collections::BTreeMap;

use xenstore::{Client, Requests, TreeLimits};

use super::model::{Domain, Vif};
use crate::vif;

/// The vifs whose backend is in this domain, relative to its own folder.
const BACKENDS: &str = "backend/vif";

/// Domains and their vifs: the folders. What is in them is read by name, a request for each node that is shown.
const FOLDERS: usize = 2;

/// The nodes of a vif that are shown.
pub(super) const NODES: [&str; 7] =
    ["vifname", "mac", "ip", "bridge", "state", "hotplug-status", "hotplug-error"];
/// Those that are needed to find a vif's device, and to know whether it stays.
pub(super) const OUTLINE: [&str; 2] = ["vifname", "state"];

/// The domains and their vifs, as xenstore knows them. The `device` of each is the name that it should have.
pub(super) fn domains(nodes: &[&'static str]) -> Result<Vec<Domain>, xenstore::Error> {
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
