//! What each script has to do for a vif: found out, and made a plan.

use std::collections::BTreeMap;

use ethernet::MacAddress;
use ipnet::IpNet;
use netkernel::Family;
use netkernel::link::{Link, LinkName};
use netkernel::route::Route;
use netkernel::sysctl::Sysctl;
use xenstore::{Client, Requests};

use super::error::Error;
use super::former::{self, Former};
use super::mode::Mode;
use super::nodes::{Nodes, Wanted, addresses, bad, device_name, text};
use super::policy::policy_of;
use super::request::Request;
use super::route::{self, Routing};
use super::uplinks::Uplinks;
use super::{bridge, device, nat, switch};
use crate::guard::{self, Config, Network, NetworkPolicy, RoutedBy};
use crate::openvswitch::{Database, SwitchPort};
use crate::places::Places;
use crate::plan::{Device, Kernel, Plan};

/// A plug that can be carried out.
#[derive(Debug)]
pub(super) struct Prepared {
    /// What to do.
    pub(super) plan: Plan,
    /// The index of the device.
    pub(super) link: u32,
    /// The name that the device has then.
    pub(super) name: LinkName,
    /// Devices of guests that have gone, which are in the way.
    pub(super) formers: Vec<Former>,
    /// Whether xenstore knows the vif: somebody who calls the script by hand may have told it all.
    pub(super) is_in_store: bool,
    /// One sentence for the log, for when it is done.
    pub(super) message: String,
    /// One sentence for the log, if something is not as one would expect.
    pub(super) warning: Option<String>,
    /// The bridge that the vif becomes a port of.
    pub(super) bridge: Option<Device>,
    /// What it has in common with other guests; none on a switch.
    pub(super) network: Option<Network>,
    /// Whether it is kept from others of its network.
    pub(super) is_isolated: bool,
    /// The cards that it is reached by, where it is routed to.
    pub(super) cards: Vec<LinkName>,
    /// The MTU that the guest is told.
    pub(super) mtu: u32,
    /// The guest's MAC address.
    pub(super) mac: MacAddress,
    /// Its addresses and networks.
    pub(super) addresses: Vec<IpNet>,
}

/// Finds out what the vif should be and what is there, and how to get from one to the other.
pub(super) fn prepare_plug(
    mode: Mode,
    request: &Request,
    store: &mut Client,
    kernel: &mut Kernel,
) -> Result<Prepared, Error> {
    let mut nodes = Nodes::read(store, &request.backend, request.port.vif.domid)?;
    let is_in_store = nodes.mac.is_some();
    let prepared = prepare(mode, request, &mut nodes, store, kernel)?;
    Ok(Prepared { is_in_store, ..prepared })
}

fn prepare(
    mode: Mode,
    request: &Request,
    nodes: &mut Nodes,
    store: &mut Client,
    kernel: &mut Kernel,
) -> Result<Prepared, Error> {
    match mode {
        Mode::Bridge => {
            let wanted = Wanted::new(nodes, request)?;
            onto_bridge(request, nodes, wanted, store, kernel)
        }
        Mode::Route => {
            let wanted = Wanted::new(nodes, request)?;
            let uplinks = Uplinks::find(kernel, request)?;
            let routing = Routing::of(&wanted, &uplinks)?;
            by_routes(request, nodes, wanted, &routing, store, kernel)
        }
        Mode::Nat => {
            let mut wanted = Wanted::new(nodes, request)?;
            // IPv4 addresses are known to nobody outside, and need no answering for.
            let uplinks = uplinks_for_ipv6(kernel, request, &wanted.addresses)?;
            let routing = nat::addressing(&mut wanted, request, store, &uplinks)?;
            by_routes(request, nodes, wanted, &routing, store, kernel)
        }
        Mode::OpenVSwitch => {
            let spec = switch::take_bridge(nodes, request)?;
            let mut wanted = Wanted::new(nodes, &Request { variables: BTreeMap::new(), ..request.clone() })?;
            let port = switch::port(spec, &wanted, request, store)?;
            wanted.tagged.clone_from(&port.tags.trunks);
            let bridge = LinkName::new(port.bridge.as_str()).ok();
            wanted.policy = policy_of(nodes, &wanted, wanted.given(), request, bridge.as_ref(), None)?.1;
            onto_switch(request, &wanted, port, bridge.as_ref(), store, kernel)
        }
    }
}

fn onto_bridge(
    request: &Request,
    nodes: &Nodes,
    mut wanted: Wanted,
    store: &mut Client,
    kernel: &mut Kernel,
) -> Result<Prepared, Error> {
    let bridge = device::find_bridge(kernel, request.port, wanted.bridge.as_ref())?;
    wanted.policy = policy_of(nodes, &wanted, wanted.given(), request, Some(&bridge.device.name), None)?.1;
    let wanted = &wanted;
    check_vlans(wanted, &bridge)?;
    let (device, link) = device::find(kernel, request, &wanted.name)?;
    let formers = former::await_name(kernel, store, &device, &wanted.name)?.into_iter().collect();
    let seen = bridge::Seen {
        addresses: kernel.route.addresses(Some(device.index))?,
        master: device::master_of(kernel, &link)?,
        device: link,
        bridge,
    };
    let bridge = &seen.bridge.device;
    Ok(Prepared {
        link: device.index,
        name: wanted.name.clone(),
        formers,
        is_in_store: false,
        warning: None,
        plan: bridge::plug(request.port, wanted, &device.name, &seen),
        message: format!("{} plugged into {bridge}: {}", wanted.name, wanted.policy),
        mtu: bridge::mtu(wanted, &seen.bridge),
        mac: wanted.policy.mac,
        addresses: wanted.addresses.clone(),
        network: Some(bridge::network_of(bridge)),
        is_isolated: wanted.policy.isolated,
        cards: Vec::new(),
        bridge: Some(seen.bridge.device.clone()),
    })
}

fn onto_switch(
    request: &Request,
    wanted: &Wanted,
    port: SwitchPort,
    bridge: Option<&LinkName>,
    store: &mut Client,
    kernel: &mut Kernel,
) -> Result<Prepared, Error> {
    let (device, link) = device::find(kernel, request, &wanted.name)?;
    let formers = former::await_name(kernel, store, &device, &wanted.name)?.into_iter().collect();
    // A switch has no MTU of its own; the host's device on it has.
    let of_the_bridge = bridge.map(|name| kernel.route.link(name)).transpose()?.flatten();
    let mtu = wanted.mtu.or(of_the_bridge.as_ref().map(|bridge| bridge.mtu)).unwrap_or(link.mtu);
    let bridge_device =
        of_the_bridge.zip(bridge).map(|(link, name)| Device { index: link.index, name: name.clone() });
    let seen =
        route::Seen { addresses: kernel.route.addresses(Some(device.index))?, master: None, device: link };
    let bridge = port.bridge.clone();
    if wanted.policy.isolated || is_asked_for_on(&bridge)? {
        return Err(Error::NotOnASwitch { bridge });
    }
    let warning = if port.is_past_the_kernel(&mut Database::open()?)? {
        // A guard that cannot hold is none; whoever wants that says so.
        if wanted.policy.mode != guard::Mode::Disabled {
            return Err(Error::PastTheGuard { bridge });
        }
        Some(format!("{bridge} passes frames in user space: {} is not guarded", wanted.name))
    } else {
        None
    };
    Ok(Prepared {
        link: device.index,
        warning,
        name: wanted.name.clone(),
        formers,
        is_in_store: false,
        plan: switch::plug(request, wanted, &device.name, &seen, port, mtu),
        message: format!("{} plugged into {bridge}: {}", wanted.name, wanted.policy),
        mtu,
        mac: wanted.policy.mac,
        addresses: wanted.addresses.clone(),
        bridge: bridge_device,
        network: None,
        is_isolated: wanted.policy.isolated,
        cards: Vec::new(),
    })
}

/// Whether anything shall hold for all guests of a switch.
fn is_asked_for_on(bridge: &str) -> Result<bool, Error> {
    let config = Config::of(&Places::from_environment())?;
    Ok(config.network(bridge)?.policy() != NetworkPolicy::default())
}

/// A guest that is put into a VLAN must not end up in another because nobody looks at tags.
fn check_vlans(wanted: &Wanted, bridge: &bridge::Bridge) -> Result<(), Error> {
    let Some(vlans) = wanted.vlans.as_ref().filter(|_| bridge.vlan_filtering != Some(true)) else {
        return Ok(());
    };
    let name = &bridge.device;
    let fault = match bridge.vlan_filtering {
        None => format!("{name} cannot filter VLANs with this kernel (CONFIG_BRIDGE_VLAN_FILTERING)"),
        Some(_) => format!(
            "{name} does not filter VLANs; have it do so, with: ip link set {name} type bridge vlan_filtering 1"
        ),
    };
    Err(bad("vlan", &vlans.to_string(), &fault).into())
}

fn by_routes(
    request: &Request,
    nodes: &Nodes,
    mut wanted: Wanted,
    routing: &Routing,
    store: &mut Client,
    kernel: &mut Kernel,
) -> Result<Prepared, Error> {
    wanted.policy =
        policy_of(nodes, &wanted, Some(routing.guest.clone()), request, None, Some(routing.script))?.1;
    let wanted = &wanted;
    if wanted.vlans.is_some() {
        return Err(bad("vlan", "", "only a bridge has VLANs; leave it away with this script").into());
    }
    let (device, link) = device::find(kernel, request, &wanted.name)?;
    let mut formers: Vec<Former> =
        former::await_name(kernel, store, &device, &wanted.name)?.into_iter().collect();
    formers.extend(route::check_free(kernel, store, request.port, &link, routing)?);
    let seen = route::Seen {
        addresses: kernel.route.addresses(Some(device.index))?,
        master: device::master_of(kernel, &link)?,
        device: link,
    };
    let guest: Vec<String> = routing.guest.iter().map(ToString::to_string).collect();
    Ok(Prepared {
        link: device.index,
        name: wanted.name.clone(),
        formers,
        is_in_store: false,
        warning: missing_forwarding(&routing.guest)?,
        plan: route::plug(request.port, wanted, &device.name, &seen, routing)?,
        message: format!("{} leads to {}: {}", wanted.name, guest.join(" and "), wanted.policy),
        mtu: wanted.mtu.unwrap_or(seen.device.mtu),
        mac: wanted.policy.mac,
        addresses: routing.guest.clone(),
        bridge: None,
        network: Some(Network::Routed(routing.script)),
        is_isolated: wanted.policy.isolated,
        cards: routing.answer_on.iter().map(|card| card.name.clone()).collect(),
    })
}

/// A guest behind a host that passes nothing on reaches the host alone. That may be meant; it is seldom.
fn missing_forwarding(guest: &[IpNet]) -> Result<Option<String>, Error> {
    let families = [
        ("IPv4", Sysctl::of_host(Family::Inet, "ip_forward"), guest.iter().any(|it| it.addr().is_ipv4())),
        (
            "IPv6",
            Sysctl::of_host(Family::Inet6, "conf/all/forwarding"),
            guest.iter().any(|it| it.addr().is_ipv6()),
        ),
    ];
    for (word, setting, is_used) in families {
        if is_used && setting.read()?.as_deref() == Some("0") {
            let sentence = format!(
                "this host does not forward {word}, so that the guest reaches nobody else; \
                 have it do so, with: network-route start (or network-nat start)"
            );
            return Ok(Some(sentence));
        }
    }
    Ok(None)
}

/// How the vif is taken out, as far as it is there. `named`: the name that it was given, if xenstore still knows it.
pub(super) fn prepare_unplug(
    mode: Mode,
    request: &Request,
    named: Option<&LinkName>,
    store: Option<&mut Client>,
    kernel: &mut Kernel,
) -> Result<Plan, Error> {
    let found = device::find_existing(kernel, request.port, &request.device, named)?;
    let found = found.as_ref().map(|(device, link)| (device, link));
    match (mode, found) {
        (Mode::OpenVSwitch, found) => Ok(switch::unplug(request, found)),
        (Mode::Bridge, None) => Ok(Plan::new()),
        (Mode::Bridge, Some((device, link))) => {
            Ok(bridge::unplug(device, link, device::master_of(kernel, link)?))
        }
        (Mode::Route | Mode::Nat, _) => {
            let on_device = match found {
                Some((device, _)) => kernel.route.addresses(Some(device.index))?,
                None => Vec::new(),
            };
            let guest = addresses_left(request, store, found.map(|(_, link)| link), kernel)?;
            // That a device which is named there has gone is no reason to leave the rest.
            let answer_on =
                uplinks_for_ipv6(kernel, request, &guest).map(|it| it.devices).unwrap_or_default();
            let script = mode.routed().unwrap_or(RoutedBy::Route);
            let routing = Routing { guest, answer_on, ..Routing::none(script) };
            Ok(route::unplug(found, &on_device, &routing))
        }
    }
}

/// Where the host answers for these addresses; nowhere when none is of IPv6.
fn uplinks_for_ipv6(kernel: &mut Kernel, request: &Request, guest: &[IpNet]) -> Result<Uplinks, Error> {
    if guest.iter().any(|network| network.addr().is_ipv6()) {
        return Uplinks::find(kernel, request);
    }
    Ok(Uplinks::default())
}

/// The name that the device was given, as far as xenstore still knows it.
pub(super) fn name_in_store(request: &Request, store: &mut Client) -> Option<LinkName> {
    let value = store.read(&format!("{}/vifname", request.backend)).ok()??;
    device_name(text("vifname", Some(&value)).ok()?, request).ok()
}

/// The guest's addresses, without those that lead to somebody else: this guest was refused for their sake, or the other
/// of its devices is still there.
fn addresses_left(
    request: &Request,
    store: Option<&mut Client>,
    link: Option<&Link>,
    kernel: &mut Kernel,
) -> Result<Vec<IpNet>, Error> {
    let mut left = Vec::new();
    for network in store.map(|store| addresses_in_store(request, store)).unwrap_or_default() {
        let route = kernel.route.route_to(network.addr())?;
        let is_its_own = |route: &Route| former::is_route_to(route, &network);
        let elsewhere = route.filter(is_its_own).and_then(|route| route.link());
        if elsewhere.is_none_or(|other| link.is_some_and(|link| link.index == other)) {
            left.push(network);
        }
    }
    Ok(left)
}

/// The guest's addresses, as far as xenstore still knows them.
pub(super) fn addresses_in_store(request: &Request, store: &mut Client) -> Vec<IpNet> {
    let value = store.read(&format!("{}/ip", request.backend)).ok().flatten().unwrap_or_default();
    let list = text("ip", Some(&value)).ok().flatten().unwrap_or_default();
    addresses(list).unwrap_or_default()
}
