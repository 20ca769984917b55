//! Plans for a routed vif: the host has routes to the guest's addresses, and answers for them on its card.

use std::net::{IpAddr, Ipv6Addr};

use ipnet::IpNet;
use netkernel::Family;
use netkernel::address::{Address, address_flags};
use netkernel::link::{AddressGeneration, Link, LinkChange, LinkName};
use netkernel::neighbour::Neighbour;
use netkernel::netlink;
use netkernel::route::{Route, route_numbers};
use netkernel::sysctl::Sysctl;
use xenstore::Client;

use super::bridge::push_link;
use super::error::Error;
use super::former::{Former, Way, all_of, await_way, is_route_to};
use super::nodes::{Wanted, bad};
use super::uplinks::Uplinks;
use crate::guard::{Network, RoutedBy};
use crate::plan::{Change, Device, Kernel, Plan};
use crate::routed::forwarding::push_setting;
use crate::vif::{BACKEND_MAC, Port, PortKind, Vif};

/// The gateway of every guest: the same link-local address on each vif, so that a guest needs to know nothing of the
/// host. It is the host's on no other device, and no packet to it leaves the link.
pub(super) const GATEWAY_IPV6: Ipv6Addr = Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0, 1);

/// What the host has on a vif, and what leads there.
#[derive(Clone, Debug)]
pub(super) struct Routing {
    /// The host's own addresses on the vif; no network comes with them.
    pub(super) own: Vec<HostAddress>,
    /// The script that leads to the guest.
    pub(super) script: RoutedBy,
    /// The guest's addresses and networks.
    pub(super) guest: Vec<IpNet>,
    /// The address that the host speaks to the guest from, for IPv4 and for IPv6.
    pub(super) source: [Option<IpAddr>; 2],
    /// Where the host answers for the guest's IPv6 addresses; for IPv4 ones it does that by a setting of the device.
    pub(super) answer_on: Vec<Device>,
}

/// An address of the host's on a vif.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct HostAddress {
    pub(super) address: IpAddr,
    /// The length of the network's prefix, as programs see it; there is no route to that network.
    pub(super) prefix_length: u8,
}

impl Routing {
    /// Nothing yet, for a guest that this script leads to.
    pub(super) fn none(script: RoutedBy) -> Self {
        Self { own: Vec::new(), script, guest: Vec::new(), source: [None; 2], answer_on: Vec::new() }
    }

    /// The host lends the vif its own addresses: they lead to the host from everywhere, and bring no network with them.
    pub(super) fn of(wanted: &Wanted, uplinks: &Uplinks) -> Result<Self, Error> {
        if wanted.addresses.is_empty() {
            return Err(Error::NoAddress);
        }
        let source = [uplinks.main_address(true), uplinks.main_address(false)];
        let own = source
            .into_iter()
            .flatten()
            .map(|address| HostAddress { address, prefix_length: if address.is_ipv4() { 32 } else { 128 } });
        Ok(Self {
            own: own.collect(),
            script: RoutedBy::Route,
            guest: wanted.addresses.iter().map(IpNet::trunc).collect(),
            source,
            answer_on: uplinks.devices.clone(),
        })
    }
}

/// What is there before the plug.
#[derive(Clone, Debug)]
pub(super) struct Seen {
    pub(super) device: Link,
    pub(super) addresses: Vec<Address>,
    pub(super) master: Option<Device>,
}

/// How a device becomes the way to a guest.
///
/// Its name comes first, because on new kernels the guard is tied to the name; the guard is in force before the device
/// is up; routes can only be made once it is.
pub(super) fn plug(
    port: Port,
    wanted: &Wanted,
    name_now: &LinkName,
    seen: &Seen,
    routing: &Routing,
) -> Result<Plan, Error> {
    let mut plan = Plan::new();
    let link = &seen.device;
    let before = Device { index: link.index, name: name_now.clone() };
    let device = Device { index: link.index, name: wanted.name.clone() };
    if link.is_up() {
        // When this plug is undone, the device is left down: it has no guard then.
        let down = LinkChange { up: Some(false), ..LinkChange::default() };
        plan.push(Change::Link { device: before.clone(), to: down.clone(), from: down });
    }
    push_link(&mut plan, &before, properties(port, wanted, name_now, routing.script), link);
    if let Some(master) = &seen.master {
        plan.push(Change::Join { device: device.clone(), to: None, from: Some(master.clone()) });
    }
    for address in &seen.addresses {
        plan.push(Change::RemoveAddress(device.clone(), address.clone()));
    }
    plan.push(Change::Guard(port, wanted.name.clone(), wanted.policy.clone()));
    push_settings(&mut plan, name_now, &wanted.name)?;
    // A device without IPv6 takes no address of it.
    let has_ipv6 = link.address_generation.is_some();
    for address in own_addresses(link.index, routing, has_ipv6) {
        plan.push(Change::AddAddress(device.clone(), address));
    }
    plan.push(Change::Link {
        device: device.clone(),
        to: LinkChange { up: Some(true), ..LinkChange::default() },
        from: LinkChange { up: Some(false), ..LinkChange::default() },
    });
    if has_ipv6 {
        plan.push(Change::AwaitLocalRoutes(device));
    }
    for route in routes(port.kind, link.index, routing) {
        plan.push(Change::SetRoute { to: route, from: None });
    }
    for (uplink, proxy) in proxies(routing) {
        plan.push(Change::AddProxy(uplink, proxy));
    }
    Ok(plan)
}

/// How a vif stops being the way to a guest. Its device may have gone, with its addresses and routes; what the host
/// answers for elsewhere has not.
pub(super) fn unplug(found: Option<(&Device, &Link)>, addresses: &[Address], routing: &Routing) -> Plan {
    let mut plan = Plan::new();
    for (uplink, proxy) in proxies(routing) {
        plan.push(Change::RemoveProxy(uplink, proxy));
    }
    if let Some((device, link)) = found {
        // Its routes go with that.
        push_link(&mut plan, device, LinkChange { up: Some(false), ..LinkChange::default() }, link);
        for address in addresses {
            plan.push(Change::RemoveAddress(device.clone(), address.clone()));
        }
    }
    plan
}

/// What the device shall be apart from its state.
fn properties(port: Port, wanted: &Wanted, name_now: &LinkName, script: RoutedBy) -> LinkChange {
    let renamed = wanted.name != *name_now;
    LinkChange {
        name: renamed.then(|| wanted.name.clone()),
        alias: renamed.then(|| port.to_string()),
        mac: Some(BACKEND_MAC),
        mtu: wanted.mtu,
        // What holds for all guests of the script finds them by this.
        group: Some(Network::Routed(script).group(wanted.policy.isolated)),
        address_generation: Some(AddressGeneration::None),
        ..LinkChange::default()
    }
}

/// The host answers the guest's questions for everything that it has a route to, and at once; it learns nothing of how
/// to route from a guest.
fn push_settings(plan: &mut Plan, name_now: &LinkName, name: &LinkName) -> Result<(), Error> {
    let always = |_: &str| true;
    let mut wished = Plan::new();
    push_setting(&mut wished, Sysctl::of_link(Family::Inet, name_now, "proxy_arp"), "1", always)?;
    push_setting(&mut wished, Sysctl::of_neighbours(Family::Inet, name_now, "proxy_delay"), "0", always)?;
    push_setting(&mut wished, Sysctl::of_link(Family::Inet6, name_now, "accept_ra"), "0", always)?;
    // They are set under the name that the device has by then.
    for change in wished.changes {
        if let Change::Sysctl { setting, to, from } = change {
            plan.push(Change::Sysctl { setting: setting.moved(name_now, name), to, from });
        }
    }
    Ok(())
}

fn own_addresses(link: u32, routing: &Routing, has_ipv6: bool) -> Vec<Address> {
    let mut addresses: Vec<Address> = routing
        .own
        .iter()
        .filter(|own| own.address.is_ipv4() || has_ipv6)
        .map(|own| Address {
            // Of the link alone: nobody takes it for an address to reach the host by.
            scope: if own.address.is_ipv4() { route_numbers::SCOPE_LINK } else { 0 },
            flags: address_flags::NO_PREFIX_ROUTE
                | if own.address.is_ipv4() { 0 } else { address_flags::NODAD },
            ..Address::new(link, own.address, own.prefix_length)
        })
        .collect();
    if has_ipv6 {
        let flags = address_flags::NODAD;
        let scope = route_numbers::SCOPE_LINK;
        addresses.push(Address { scope, flags, ..Address::new(link, GATEWAY_IPV6.into(), 64) });
    }
    addresses
}

/// The routes to the guest. Of a guest's two devices, the emulated card comes first as long as it is there.
fn routes(kind: PortKind, link: u32, routing: &Routing) -> Vec<Route> {
    let metric = match kind {
        PortKind::Vif => 2,
        PortKind::Tap => 1,
    };
    let route = |network: &IpNet| {
        let route = Route::to(network.addr(), network.prefix_len()).through(link).with_metric(metric);
        match routing.source[usize::from(network.addr().is_ipv6())] {
            Some(source) => route.preferring(source),
            None => route,
        }
    };
    routing.guest.iter().map(route).collect()
}

/// What the host answers for on its cards: single IPv6 addresses. There is no answering for a network of them.
fn proxies(routing: &Routing) -> impl Iterator<Item = (Device, Neighbour)> {
    let single = |network: &&IpNet| network.addr().is_ipv6() && network.prefix_len() == 128;
    routing.answer_on.iter().flat_map(move |uplink| {
        let proxied = |network: &IpNet| (uplink.clone(), Neighbour::proxied(uplink.index, network.addr()));
        routing.guest.iter().filter(single).map(proxied).collect::<Vec<_>>()
    })
}

/// Finds fault with addresses that are the host's, or lead to somebody else already. Returns the devices of guests that have
/// gone, where they still do.
pub(super) fn check_free(
    kernel: &mut Kernel,
    store: &mut Client,
    port: Port,
    link: &Link,
    routing: &Routing,
) -> Result<Vec<Former>, Error> {
    let mut gone = Vec::new();
    for network in &routing.guest {
        let network_text = network.to_string();
        if let Some(own) = routing.own.iter().find(|own| network.contains(&own.address)) {
            let fault = format!("this host's own address {} is in it", own.address);
            return Err(bad("ip", &network_text, &fault).into());
        }
        if is_the_hosts(kernel, network)? {
            return Err(bad("ip", &network_text, "it is an address of this host's own").into());
        }
        match await_way(store, || taken_by(kernel, port, link, network))? {
            None => {}
            Some(Way::Former(former)) => gone.push(former.port.vif),
            Some(Way::Other(other)) => {
                let fault =
                    format!("{} leads there already; each address can be one guest's only", other.name);
                return Err(bad("ip", &network_text, &fault).into());
            }
        }
    }
    Ok(all_of(kernel, &gone)?)
}

fn is_the_hosts(kernel: &mut Kernel, network: &IpNet) -> Result<bool, netlink::Error> {
    let route = kernel.route.route_to(network.addr())?;
    Ok(route.is_some_and(|route| route.kind == route_numbers::KIND_LOCAL))
}

/// The device that leads to this network, if it is another's and up.
fn taken_by(
    kernel: &mut Kernel,
    port: Port,
    link: &Link,
    network: &IpNet,
) -> Result<Option<Link>, netlink::Error> {
    let Some(route) = kernel.route.route_to(network.addr())? else { return Ok(None) };
    let is_same = is_route_to(&route, network);
    let Some(other) = route.link().filter(|&other| is_same && other != link.index) else { return Ok(None) };
    let other = kernel.route.link_at(other)?;
    Ok(other.filter(|other| other.is_up() && !belongs_to(other, port.vif)))
}

/// True for the devices of this vif, whatever they are called.
fn belongs_to(link: &Link, vif: Vif) -> bool {
    Port::of_device(&link.name, link.alias.as_deref()).is_some_and(|port| port.vif == vif)
}
