//! Who is where, as xenstore knows it.

use std::collections::BTreeMap;

use xenstore::client::ReadResult;
use xenstore::{Client, Requests, TreeLimits};

use super::model::{Domain, Vif};
use crate::vif;

/// The vifs whose backend is in this domain, relative to its own folder.
const BACKENDS: &str = "backend/vif";

/// Domains and their vifs: the folders. What is in them is read by name, a request for each node that is shown.
const FOLDERS: usize = 2;

/// The nodes of a vif that are shown.
pub(super) const NODES: &[&str] = &["mac", "ip", "bridge", "state", STATUS];
/// That which tells whether a vif stays.
pub(super) const OUTLINE: &[&str] = &["state"];

const STATUS: &str = "hotplug-status";
/// Read where something is wrong: of most vifs there is none.
const ERROR: &str = "hotplug-error";

/// The domains and their vifs, as xenstore knows them, with what these nodes say.
pub(super) fn domains(nodes: &[&str]) -> Result<Vec<Domain>, xenstore::Error> {
    let mut store = Client::open()?;
    let depth = FOLDERS;
    let Some(tree) = store.tree(BACKENDS, TreeLimits { depth, ..TreeLimits::default() })? else {
        return Ok(Vec::new());
    };
    let vifs: Vec<vif::Vif> = tree
        .children(tree.top())
        .flat_map(|domain| tree.children(domain).filter_map(|device| vif_of(domain.name(), device.name())))
        .collect();
    let paths = vifs
        .iter()
        .map(|vif| folder_of(*vif))
        .flat_map(|folder| nodes.iter().map(move |node| [&folder, *node].concat()));
    let values = store.read_each(paths)?;
    let known = values.chunks(nodes.len()).map(|values| Known { nodes, values });
    let mut shown: Vec<(vif::Vif, Vif)> =
        vifs.iter().zip(known).map(|(id, known)| (*id, known.vif(*id))).collect();
    if nodes.contains(&STATUS) {
        read_errors(&mut store, &mut shown)?;
    }
    name(&mut store, by_domain(shown))
}

fn read_errors(store: &mut Client, vifs: &mut [(vif::Vif, Vif)]) -> Result<(), xenstore::Error> {
    let is_well = |vif: &Vif| vif.hotplug_status.as_deref() == Some("connected");
    let mut unwell: Vec<_> = vifs.iter_mut().filter(|(_, vif)| !is_well(vif)).collect();
    let paths = unwell.iter().map(|(id, _)| [&folder_of(*id), ERROR].concat());
    let errors = store.read_each(paths.collect::<Vec<_>>())?;
    for ((_, vif), error) in unwell.iter_mut().zip(&errors) {
        vif.hotplug_error = text(error);
    }
    Ok(())
}

/// In order of their numbers.
fn by_domain(vifs: Vec<(vif::Vif, Vif)>) -> Vec<Domain> {
    let mut by_domain: BTreeMap<u32, Vec<Vif>> = BTreeMap::new();
    for (id, vif) in vifs {
        by_domain.entry(id.domid).or_default().push(vif);
    }
    let domain = |(domid, mut vifs): (u32, Vec<Vif>)| {
        vifs.sort_by_key(|vif| vif.devid);
        Domain { domid, name: None, uuid: None, vifs }
    };
    by_domain.into_iter().map(domain).collect()
}

/// Puts in how the domains are called.
fn name(store: &mut Client, mut domains: Vec<Domain>) -> Result<Vec<Domain>, xenstore::Error> {
    let nodes = domains.iter().flat_map(|domain| ["name", "vm"].map(|node| (domain.domid, node)));
    let paths = nodes.map(|(domid, node)| format!("/local/domain/{domid}/{node}"));
    let values = store.read_each(paths.collect::<Vec<_>>())?;
    for (domain, values) in domains.iter_mut().zip(values.chunks(2)) {
        // A domain that is going may have lost its name.
        let mut values = values.iter().map(text);
        domain.name = values.next().flatten();
        domain.uuid = values.next().flatten().and_then(|path| Some(path.strip_prefix("/vm/")?.to_owned()));
    }
    Ok(domains)
}

fn vif_of(domid: &str, devid: &str) -> Option<vif::Vif> {
    Some(vif::Vif { domid: domid.parse().ok()?, devid: devid.parse().ok()? })
}

fn folder_of(vif::Vif { domid, devid }: vif::Vif) -> String {
    format!("{BACKENDS}/{domid}/{devid}/")
}

/// What was read of a vif.
struct Known<'a> {
    nodes: &'a [&'a str],
    values: &'a [ReadResult],
}

impl Known<'_> {
    fn value(&self, node: &str) -> Option<String> {
        let position = self.nodes.iter().position(|this| *this == node)?;
        text(self.values.get(position)?)
    }

    fn vif(&self, id: vif::Vif) -> Vif {
        let ip = self.value("ip").unwrap_or_default();
        Vif {
            devid: id.devid,
            mac: self.value("mac"),
            ip: ip.split([' ', ',']).filter(|word| !word.is_empty()).map(Into::into).collect(),
            wanted_bridge: self.value("bridge"),
            state: self.value("state").and_then(|state| state_word(&state)),
            hotplug_status: self.value(STATUS),
            ..Vif::default()
        }
    }
}

/// What a node says, if it says anything.
fn text(value: &ReadResult) -> Option<String> {
    value.as_ref().ok()?.as_ref().filter(|value| !value.is_empty()).map(|value| visible(value))
}

/// What a value says, as one line without control characters: it may come from a guest.
fn visible(value: &[u8]) -> String {
    let text = String::from_utf8_lossy(value);
    if text.contains(|c: char| c.is_control()) {
        return text.replace(|c: char| c.is_control(), "\u{fffd}");
    }
    text.into_owned()
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
