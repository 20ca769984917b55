//! Plans for a port of Open vSwitch.

use netkernel::link::{AddressGeneration, LinkChange, LinkName};
use xenstore::{Client, Requests};

use super::bridge::push_link;
use super::error::Error;
use super::nodes::{Nodes, Wanted, bad, text};
use super::request::Request;
use super::route::Seen;
use crate::openvswitch::{BridgeSpec, SwitchPort, Tags};
use crate::plan::{Change, Device, Plan};
use crate::vif::BACKEND_MAC;

/// Takes what `bridge=` says out of the nodes: it has VLANs behind the name, which no other bridge has.
pub(super) fn take_bridge(nodes: &mut Nodes, request: &Request) -> Result<BridgeSpec, Error> {
    let node = nodes.bridge.take();
    let named =
        text("bridge", node.as_deref())?.or_else(|| request.variables.get("bridge").map(String::as_str));
    let Some(named) = named else {
        return Err(bad("bridge", "", "with vif-openvswitch it must be said, as in bridge=ovsbr0").into());
    };
    Ok(named
        .parse()
        .map_err(|error: crate::openvswitch::BadBridge| bad("bridge", named, &error.to_string()))?)
}

/// The port that the vif shall have.
pub(super) fn port(
    spec: BridgeSpec,
    wanted: &Wanted,
    request: &Request,
    store: &mut Client,
) -> Result<SwitchPort, Error> {
    let tags = match &wanted.vlans {
        None => spec.tags,
        Some(_) if spec.tags != Tags::default() => {
            return Err(bad("vlan", "", "bridge= has VLANs already; say them in one of the two").into());
        }
        Some(vlans) => Tags::of(vlans).ok_or_else(|| {
            let fault = "with Open vSwitch one VLAN alone can be without a tag";
            bad("vlan", &vlans.to_string(), fault)
        })?,
    };
    Ok(SwitchPort {
        owner: request.port.to_string(),
        bridge: spec.bridge,
        device: wanted.name.to_string(),
        tags,
        external_ids: external_ids(wanted, request, store),
    })
}

/// What Xen's script tells the database, and what network controllers look for.
fn external_ids(wanted: &Wanted, request: &Request, store: &mut Client) -> Vec<(String, String)> {
    let vif = request.port.vif;
    let mut read = |path: String| store.read_text(&path).ok().flatten().filter(|value| !value.is_empty());
    let uuid = read(format!("/local/domain/{}/vm", vif.domid));
    let uuid = uuid.and_then(|path| Some(path.strip_prefix("/vm/")?.to_owned()));
    let name = read(format!("/local/domain/{}/name", vif.domid));
    // A controller's name for the port, which only whoever configures it can know, or else one that stays.
    let port = read(format!("{}/iface-id", request.backend));
    let port = port.or_else(|| Some(format!("{}-{}", uuid.as_deref()?, vif.devid)));
    let ids = [
        ("attached-mac", Some(wanted.policy.mac.to_string())),
        ("iface-id", port),
        ("iface-status", Some("active".to_owned())),
        ("vm-id", uuid.clone()),
        ("xen-vm-name", name),
        ("xen-vm-uuid", uuid),
    ];
    ids.into_iter().filter_map(|(key, value)| Some((key.to_owned(), value?))).collect()
}

/// How a device becomes a port of a switch. The guard is in force before the switch sees a frame.
pub(super) fn plug(
    request: &Request,
    wanted: &Wanted,
    name_now: &LinkName,
    seen: &Seen,
    port: SwitchPort,
    mtu: u32,
) -> Plan {
    let mut plan = Plan::new();
    let link = &seen.device;
    let before = Device { index: link.index, name: name_now.clone() };
    let device = Device { index: link.index, name: wanted.name.clone() };
    if link.is_up() {
        let down = LinkChange { up: Some(false), ..LinkChange::default() };
        plan.push(Change::Link { device: before.clone(), to: down.clone(), from: down });
    }
    let renamed = wanted.name != *name_now;
    let properties = LinkChange {
        name: renamed.then(|| wanted.name.clone()),
        alias: renamed.then(|| request.port.to_string()),
        mac: Some(BACKEND_MAC),
        mtu: Some(mtu),
        address_generation: Some(AddressGeneration::None),
        ..LinkChange::default()
    };
    push_link(&mut plan, &before, properties, link);
    for address in &seen.addresses {
        plan.push(Change::RemoveAddress(device.clone(), address.clone()));
    }
    plan.push(Change::Guard(request.port, wanted.name.clone(), wanted.policy.clone()));
    plan.push(Change::AddSwitchPort(port));
    plan.push(Change::Link {
        device,
        to: LinkChange { up: Some(true), ..LinkChange::default() },
        from: LinkChange { up: Some(false), ..LinkChange::default() },
    });
    plan
}

/// How a port goes, whether its device is there or not.
pub(super) fn unplug(request: &Request, found: Option<(&Device, &netkernel::link::Link)>) -> Plan {
    let mut plan = Plan::new();
    if let Some((device, link)) = found {
        push_link(&mut plan, device, LinkChange { up: Some(false), ..LinkChange::default() }, link);
    }
    plan.push(Change::RemoveSwitchPort(SwitchPort {
        owner: request.port.to_string(),
        bridge: String::new(),
        device: request.device.to_string(),
        tags: Tags::default(),
        external_ids: Vec::new(),
    }));
    plan
}
