//! What moves from one device to another, bit by bit.

use ipnet::IpNet;
use netkernel::Family;
use netkernel::address::{Address, address_flags};
use netkernel::link::LinkName;
use netkernel::neighbour::{Neighbour, neighbour_state};
use netkernel::route::Route;
use netkernel::sysctl::Sysctl;

use crate::network::snapshot::{Setting, Snapshot};
use crate::plan::{Change, Device, Plan};

/// The name that addresses' labels and routing rules have for a device, and the one that they shall have. It is the
/// device's own before and after; in between it may be called otherwise.
#[derive(Clone, Copy, Debug)]
pub(super) struct Renaming<'a> {
    /// What it was called before.
    pub(super) from: &'a LinkName,
    /// What it is called when all is done.
    pub(super) to: &'a LinkName,
}

/// Gives `to` the addresses of `from` as well.
pub(super) fn copy_addresses(plan: &mut Plan, from: &Snapshot, to: &Device, renaming: Renaming<'_>) {
    for address in in_order_of_adding(from) {
        plan.push(Change::AddAddress(to.clone(), address_for(address, to, renaming)));
    }
}

/// Gives `to` what `from` knows of its neighbours: without that the first packet to each would have to ask, and a lost
/// question costs a second.
pub(super) fn copy_neighbours(plan: &mut Plan, from: &Snapshot, to: &Device) {
    // Entries that need no asking are the kernel's own, for groups.
    let learned = |neighbour: &&Neighbour| neighbour.is_valid() && neighbour.state != neighbour_state::NOARP;
    for neighbour in from.neighbours.iter().filter(learned) {
        let permanent = neighbour.state & neighbour_state::PERMANENT != 0;
        let state = if permanent { neighbour_state::PERMANENT } else { neighbour_state::STALE };
        let taught = Neighbour { link: to.index, state, flags: 0, ..neighbour.clone() };
        plan.push(Change::TeachNeighbour(to.clone(), taught));
    }
}

pub(super) fn copy_proxies(plan: &mut Plan, from: &Snapshot, to: &Device) {
    for neighbour in &from.proxied {
        plan.push(Change::AddProxy(to.clone(), neighbour.clone()));
    }
}

/// What the device answers for goes while it can still be told from what the kernel forgets: with the last address, and
/// with the carrier.
pub(super) fn remove_proxies(plan: &mut Plan, from: &Snapshot) {
    for neighbour in &from.proxied {
        plan.push(Change::RemoveProxy(from.device.clone(), neighbour.clone()));
    }
}

/// Even an address that is not checked for uniqueness is not delivered to at once: the kernel arranges that behind our
/// back.
pub(super) fn await_delivery(plan: &mut Plan, from: &Snapshot, to: &Device) {
    if movable(from).any(|address| address.family() == Family::Inet6) {
        plan.push(Change::AwaitLocalRoutes(to.clone()));
    }
}

/// The addresses in the order in which they must be added to be listed as they are: of IPv6 addresses, the last one
/// added is listed first.
fn in_order_of_adding(snapshot: &Snapshot) -> impl Iterator<Item = &Address> {
    let (six, four): (Vec<&Address>, Vec<&Address>) =
        movable(snapshot).partition(|address| address.family() == Family::Inet6);
    four.into_iter().chain(six.into_iter().rev())
}

/// Gives the device in front the kernel settings that the card has and new devices have not: whether it forwards, takes router
/// advertisements, has IPv6 at all…
pub(super) fn copy_settings(plan: &mut Plan, card: &Snapshot, front: &Device) {
    let strict = strict_filter(card);
    for Setting { family, key, value, default } in &card.settings {
        if strict.is_some() && key == "rp_filter" {
            continue;
        }
        plan.push(Change::Sysctl {
            setting: Sysctl::of_link(*family, &front.name, key),
            to: value.clone(),
            from: default.clone(),
        });
    }
    loosen(plan, front, strict);
}

/// `rp_filter`: a packet is taken if there is any way back to its sender, on whatever device.
pub(super) const LOOSE: &str = "2";

/// While routes lead through one device and packets come in on the other, a strict check of the way back would drop
/// them.
pub(super) fn loosen(plan: &mut Plan, device: &Device, strict: Option<&str>) {
    if let Some(value) = strict {
        plan.push(reverse_path_filter(device, LOOSE, value));
    }
}

pub(super) fn tighten(plan: &mut Plan, card: &Snapshot, bridge: &Device) {
    if let Some(value) = strict_filter(card) {
        plan.push(reverse_path_filter(bridge, value, LOOSE));
    }
}

/// The card's `rp_filter`, if that checks strictly.
pub(super) fn strict_filter(card: &Snapshot) -> Option<&str> {
    card.reverse_path_filter.as_deref().filter(|value| *value != LOOSE && *value != "0")
}

pub(super) fn reverse_path_filter(device: &Device, to: &str, from: &str) -> Change {
    let setting = Sysctl::of_link(Family::Inet, &device.name, "rp_filter");
    Change::Sysctl { setting, to: to.into(), from: from.into() }
}

pub(super) fn move_routes(plan: &mut Plan, from: &Snapshot, to: &Device, renaming: Renaming<'_>) {
    for object in &from.next_hops {
        plan.push(Change::SetNextHop { to: object.through(to.index), from: object.clone() });
    }
    // The kernel takes a gateway only if it is on the link by the routes that are there, and those that say so move too.
    // What leads through such a gateway moves behind them, and when this is undone it moves back behind them as well.
    let (behind, rest): (Vec<&Route>, Vec<&Route>) =
        from.routes.iter().partition(|route| from.routes.iter().any(|other| leads_to_gateway(other, route)));
    let moved = |route: &Route| route.moved(from.device.index, to.index);
    for route in &behind {
        plan.push(Change::SetRoute { to: (*route).clone(), from: Some((*route).clone()) });
    }
    for route in rest {
        plan.push(Change::SetRoute { to: moved(route), from: Some(route.clone()) });
    }
    for route in behind {
        plan.push(Change::SetRoute { to: moved(route), from: Some(moved(route)) });
    }
    let renamed = renaming.from != renaming.to;
    for rule in from.rules.iter().filter(|_| renamed) {
        let moved = rule.moved(renaming.from, renaming.to);
        plan.push(Change::ReplaceRule { to: moved, from: rule.clone() });
    }
}

/// True when `route` says that the gateway of the other one is on the link.
fn leads_to_gateway(route: &Route, other: &Route) -> bool {
    let network = route.destination().map(|address| IpNet::new(address, route.destination_length));
    let (Some(Ok(network)), Some(gateway)) = (network, other.gateway()) else { return false };
    route.gateway().is_none() && network.contains(&gateway)
}

/// Secondary addresses first: with its primary one the kernel would remove them all.
pub(super) fn remove_addresses(plan: &mut Plan, from: &Snapshot) {
    // In the opposite order of adding, so that undoing this adds them in the right one.
    let addresses: Vec<&Address> = in_order_of_adding(from).collect();
    for address in addresses.into_iter().rev() {
        plan.push(Change::RemoveAddress(from.device.clone(), address.clone()));
    }
}

/// An address that another host turned out to have is of no use on any device.
fn movable(snapshot: &Snapshot) -> impl Iterator<Item = &Address> {
    snapshot.addresses.iter().filter(|address| address.flags & address_flags::DADFAILED == 0)
}

/// The address as `to` shall have it.
fn address_for(address: &Address, to: &Device, renaming: Renaming<'_>) -> Address {
    Address {
        link: to.index,
        label: address.label.as_ref().map(|label| label_for(label, renaming)),
        ..address.clone()
    }
}

/// The addresses whose labels must be looked after when `device` gets its name: the kernel gives all but the first of
/// several new ones.
pub(super) fn labelled(addresses: &[Address], device: &Device, renaming: Renaming<'_>) -> Vec<Address> {
    let four = addresses.iter().filter(|address| address.family() == Family::Inet);
    let four: Vec<Address> = four.map(|address| address_for(address, device, renaming)).collect();
    if four.len() > 1 { four } else { Vec::new() }
}

/// Tools know an address's device by its label, which begins with the device's name. A label that would become too
/// long, or that is not of this form, stays as it is, so that it can come back.
pub(super) fn label_for(label: &str, renaming: Renaming<'_>) -> String {
    let translated = label.strip_prefix(renaming.from.as_str()).map(|rest| format!("{}{rest}", renaming.to));
    translated.filter(|label| label.len() <= LinkName::LONGEST).unwrap_or_else(|| label.to_owned())
}
