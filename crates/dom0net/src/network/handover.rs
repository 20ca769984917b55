//! Moving a host's addresses and routes from one device to another while traffic goes on.
//!
//! Each step stands where it does for a reason that was measured; in this order four flows of 2,000 packets a second
//! lose nothing, where the order that comes to mind first loses a second of IPv4 whenever one ARP request is lost, and
//! seconds of IPv6 always.

use netkernel::Family;
use netkernel::address::{Address, address_flags};
use netkernel::link::{AddressGeneration, BridgeOptions, LinkChange, LinkName};
use netkernel::neighbour::{Neighbour, neighbour_state};
use netkernel::sysctl::Sysctl;
use serde::{Deserialize, Serialize};

use super::snapshot::{Setting, Snapshot};
use crate::plan::{Change, Device, NewBridge, Plan};

/// What a bridge shall be.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Wish {
    /// The bridge: its name, and an index that no device has.
    pub bridge: Device,
    /// Whether it speaks the spanning tree protocol.
    pub stp: bool,
}

/// How `card` becomes the uplink of a new bridge, which gets its addresses and routes.
#[must_use]
pub fn onto_bridge(card: &Snapshot, wish: &Wish) -> Plan {
    let mut plan = Plan::new();
    let bridge = &wish.bridge;
    // It bears the card's MAC address, so that neighbours and DHCP servers see no other host; without STP, its ports
    // pass traffic at once.
    plan.push(Change::CreateBridge(NewBridge {
        device: bridge.clone(),
        options: BridgeOptions {
            stp: Some(wish.stp),
            forward_delay: Some(if wish.stp { DEFAULT_FORWARD_DELAY } else { 0 }),
            ..BridgeOptions::default()
        },
        link: LinkChange { mac: card.link.mac, mtu: Some(card.link.mtu), ..LinkChange::default() },
    }));
    // All its addresses come from the card, the link-local one too: one of its own making would have to be checked
    // for uniqueness first, for a second or more.
    let quiet = LinkChange { address_generation: Some(AddressGeneration::None), ..LinkChange::default() };
    plan.push(change(bridge, quiet.clone(), LinkChange::default()));
    copy_settings(&mut plan, card, bridge);
    plan.push(change(bridge, up(true), up(false)));
    copy_addresses(&mut plan, card, bridge);
    // From here on frames come in on the bridge; what goes out still takes the card's routes, and both ways work.
    plan.push(Change::Join { device: card.device.clone(), to: Some(bridge.clone()), from: None });
    if !card.link.is_up() {
        plan.push(change(&card.device, up(true), up(false)));
    }
    if card.link.carrier && !wish.stp {
        // Until then the bridge has no queue, and drops what is sent.
        plan.push(Change::AwaitRunning(bridge.clone()));
    }
    move_routes(&mut plan, card, bridge);
    tighten(&mut plan, card, bridge);
    plan.push(change(
        &card.device,
        quiet,
        LinkChange { address_generation: card.link.address_generation, ..LinkChange::default() },
    ));
    remove_addresses(&mut plan, card);
    plan
}

/// How a bridge gives its addresses and routes back to its uplink, and goes.
///
/// `bridge` is as it is now: what was added to it while it stood is moved too. `before` is the card as it was before the
/// bridge came.
#[must_use]
pub fn off_bridge(bridge: &Snapshot, card: &Device, before: &CardBefore) -> Plan {
    let mut plan = Plan::new();
    loosen(&mut plan, card, before.reverse_path_filter.as_deref());
    copy_addresses(&mut plan, bridge, card);
    move_routes(&mut plan, bridge, card);
    plan.push(Change::Join { device: card.clone(), to: None, from: Some(bridge.device.clone()) });
    remove_addresses(&mut plan, bridge);
    if let Some(value) = &before.reverse_path_filter {
        plan.push(reverse_path_filter(card, value, LOOSE));
    }
    plan.push(change(
        card,
        LinkChange { address_generation: before.address_generation, ..LinkChange::default() },
        LinkChange { address_generation: Some(AddressGeneration::None), ..LinkChange::default() },
    ));
    if !before.up {
        plan.push(change(card, up(false), up(true)));
    }
    plan.push(change(&bridge.device, up(false), up(true)));
    plan.push(Change::DeleteBridge(NewBridge {
        device: bridge.device.clone(),
        options: bridge.link.bridge.clone().unwrap_or_default(),
        link: LinkChange { mac: bridge.link.mac, mtu: Some(bridge.link.mtu), ..LinkChange::default() },
    }));
    plan
}

/// What a bridge's going must give back to the card, apart from what moves.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CardBefore {
    /// Whether it was up.
    pub up: bool,
    /// How its link-local address was made.
    pub address_generation: Option<AddressGeneration>,
    /// Its setting `rp_filter`, where this is strict.
    pub reverse_path_filter: Option<String>,
}

impl CardBefore {
    /// What this card must be given back.
    #[must_use]
    pub fn of(card: &Snapshot) -> Self {
        Self {
            up: card.link.is_up(),
            address_generation: card.link.address_generation,
            reverse_path_filter: strict_filter(card).map(ToOwned::to_owned),
        }
    }
}

/// The kernel's default, 15 seconds, in hundredths.
const DEFAULT_FORWARD_DELAY: u32 = 1500;

fn up(up: bool) -> LinkChange {
    LinkChange { up: Some(up), ..LinkChange::default() }
}

fn change(device: &Device, to: LinkChange, from: LinkChange) -> Change {
    Change::Link { device: device.clone(), to, from }
}

/// Gives `to` the addresses of `from` as well, and what it knows of its neighbours: without that the first packet to
/// each would have to ask, and a lost question costs a second.
fn copy_addresses(plan: &mut Plan, from: &Snapshot, to: &Device) {
    for address in in_order_of_adding(from) {
        plan.push(Change::AddAddress(to.clone(), address_for(address, from, to)));
    }
    // Entries that need no asking are the kernel's own, for groups.
    let learned = |neighbour: &&Neighbour| neighbour.is_valid() && neighbour.state != neighbour_state::NOARP;
    for neighbour in from.neighbours.iter().filter(learned) {
        let permanent = neighbour.state & neighbour_state::PERMANENT != 0;
        let state = if permanent { neighbour_state::PERMANENT } else { neighbour_state::STALE };
        let taught = Neighbour { link: to.index, state, flags: 0, ..neighbour.clone() };
        plan.push(Change::TeachNeighbour(to.clone(), taught));
    }
    for neighbour in &from.proxied {
        plan.push(Change::AddProxy(to.clone(), neighbour.clone()));
    }
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

/// Gives the bridge the kernel settings that the card has and new devices have not: whether it forwards, takes router
/// advertisements, has IPv6 at all…
fn copy_settings(plan: &mut Plan, card: &Snapshot, bridge: &Device) {
    let strict = strict_filter(card);
    for Setting { family, key, value, default } in &card.settings {
        if strict.is_some() && key == "rp_filter" {
            continue;
        }
        plan.push(Change::Sysctl {
            setting: Sysctl::of_link(*family, &bridge.name, key),
            to: value.clone(),
            from: default.clone(),
        });
    }
    loosen(plan, bridge, strict);
}

/// `rp_filter`: a packet is taken if there is any way back to its sender, on whatever device.
const LOOSE: &str = "2";

/// While routes lead through one device and packets come in on the other, a strict check of the way back would drop
/// them.
fn loosen(plan: &mut Plan, device: &Device, strict: Option<&str>) {
    if let Some(value) = strict {
        plan.push(reverse_path_filter(device, LOOSE, value));
    }
}

fn tighten(plan: &mut Plan, card: &Snapshot, bridge: &Device) {
    if let Some(value) = strict_filter(card) {
        plan.push(reverse_path_filter(bridge, value, LOOSE));
    }
}

/// The card's `rp_filter`, if that checks strictly.
fn strict_filter(card: &Snapshot) -> Option<&str> {
    card.reverse_path_filter.as_deref().filter(|value| *value != LOOSE && *value != "0")
}

fn reverse_path_filter(device: &Device, to: &str, from: &str) -> Change {
    let setting = Sysctl::of_link(Family::Inet, &device.name, "rp_filter");
    Change::Sysctl { setting, to: to.into(), from: from.into() }
}

fn move_routes(plan: &mut Plan, from: &Snapshot, to: &Device) {
    for object in &from.next_hops {
        plan.push(Change::SetNextHop { to: object.through(to.index), from: object.clone() });
    }
    for route in &from.routes {
        let moved = route.moved(from.device.index, to.index);
        plan.push(Change::SetRoute { to: moved, from: Some(route.clone()) });
    }
    for rule in &from.rules {
        let moved = rule.moved(&from.device.name, &to.name);
        plan.push(Change::ReplaceRule { to: moved, from: rule.clone() });
    }
}

/// What the device answered for goes first. Of its addresses the secondary ones go first: with its primary one the kernel would remove them all.
fn remove_addresses(plan: &mut Plan, from: &Snapshot) {
    for neighbour in &from.proxied {
        plan.push(Change::RemoveProxy(from.device.clone(), neighbour.clone()));
    }
    // In the opposite order of adding, so that undoing this adds them in the right one.
    let addresses: Vec<&Address> = in_order_of_adding(from).collect();
    for address in addresses.into_iter().rev() {
        plan.push(Change::RemoveAddress(from.device.clone(), address.clone()));
    }
    for route in &from.expiring {
        plan.push(Change::RemoveRoute(route.clone()));
    }
}

/// An address that another host turned out to have is of no use on any device.
fn movable(snapshot: &Snapshot) -> impl Iterator<Item = &Address> {
    snapshot.addresses.iter().filter(|address| address.flags & address_flags::DADFAILED == 0)
}

/// The address as `to` shall have it.
fn address_for(address: &Address, from: &Snapshot, to: &Device) -> Address {
    Address {
        link: to.index,
        label: address.label.as_ref().map(|label| label_for(label, from, to)),
        ..address.clone()
    }
}

/// Tools know an address's device by its label, which begins with the device's name. A label that would become too
/// long, or that is not of this form, stays as it is, so that it can come back.
fn label_for(label: &str, from: &Snapshot, to: &Device) -> String {
    let translated = label.strip_prefix(from.device.name.as_str()).map(|rest| format!("{}{rest}", to.name));
    translated.filter(|label| label.len() <= LinkName::LONGEST).unwrap_or_else(|| label.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use netkernel::link::Link;
    use netkernel::route::Route;

    fn device(index: u32, name: &str) -> Device {
        Device { index, name: LinkName::new(name).unwrap() }
    }

    fn card() -> Snapshot {
        let address = |text: &str, label: Option<&str>| Address {
            label: label.map(Into::into),
            ..Address::new(2, text.parse().unwrap(), 24)
        };
        Snapshot {
            device: device(2, "eth0"),
            link: Link {
                index: 2,
                mtu: 1500,
                flags: 1,
                carrier: true,
                address_generation: Some(AddressGeneration::Eui64),
                ..Link::default()
            },
            addresses: vec![
                address("10.0.0.1", Some("eth0")),
                address("10.0.0.2", Some("eth0:1")),
                address("2001:db8::1", None),
            ],
            routes: vec![
                Route::to("0.0.0.0".parse().unwrap(), 0).via("10.0.0.254".parse().unwrap()).through(2),
            ],
            neighbours: vec![Neighbour {
                link: 2,
                address: "10.0.0.254".parse().unwrap(),
                mac: Some("00:16:3e:00:00:fe".parse().unwrap()),
                state: neighbour_state::REACHABLE,
                flags: 0,
            }],
            expiring: Vec::new(),
            next_hops: Vec::new(),
            rules: Vec::new(),
            proxied: Vec::new(),
            settings: vec![Setting {
                family: Family::Inet,
                key: "proxy_arp".into(),
                value: "1".into(),
                default: "0".into(),
            }],
            reverse_path_filter: Some("1".into()),
        }
    }

    fn wish() -> Wish {
        Wish { bridge: device(7, "xenbr0"), stp: false }
    }

    fn positions(plan: &Plan, is: impl Fn(&Change) -> bool) -> Vec<usize> {
        plan.changes.iter().enumerate().filter(|(_, change)| is(change)).map(|(at, _)| at).collect()
    }

    fn first(plan: &Plan, is: impl Fn(&Change) -> bool) -> usize {
        positions(plan, is)[0]
    }

    #[test]
    fn nothing_is_taken_from_the_card_before_the_bridge_can_do_all() {
        let plan = onto_bridge(&card(), &wish());
        let added = positions(&plan, |it| matches!(it, Change::AddAddress(..)));
        let taught = first(&plan, |it| matches!(it, Change::TeachNeighbour(..)));
        let delivered = first(&plan, |it| matches!(it, Change::AwaitLocalRoutes(_)));
        let enslaved =
            first(&plan, |it| matches!(it, Change::Join { to: Some(bridge), .. } if bridge.index == 7));
        let running = first(&plan, |it| matches!(it, Change::AwaitRunning(_)));
        let routed = first(&plan, |it| matches!(it, Change::SetRoute { .. }));
        let removed = positions(&plan, |it| matches!(it, Change::RemoveAddress(..)));
        assert_eq!((added.len(), removed.len()), (3, 3));
        assert!(added[2] < taught && taught < delivered && delivered < enslaved, "{plan}");
        assert!(enslaved < running && running < routed && routed < removed[0], "{plan}");
    }

    #[test]
    fn secondary_addresses_are_removed_before_their_primary() {
        let plan = onto_bridge(&card(), &wish());
        let removed: Vec<String> = plan
            .changes
            .iter()
            .filter_map(|change| match change {
                Change::RemoveAddress(_, address) => Some(address.local.to_string()),
                _ => None,
            })
            .collect();
        assert_eq!(removed, ["2001:db8::1", "10.0.0.2", "10.0.0.1"]);
    }

    #[test]
    fn labels_follow_the_name_of_the_device() {
        let from = card();
        let label = |label: &str, name: &str| label_for(label, &from, &device(7, name));
        assert_eq!(label("eth0", "xenbr0"), "xenbr0");
        assert_eq!(label("eth0:1", "xenbr0"), "xenbr0:1");
        assert_eq!(label("eth0:1", "a-rather-long-0"), "eth0:1");
        assert_eq!(label("service", "xenbr0"), "service");
    }

    #[test]
    fn the_way_back_is_checked_loosely_while_there_are_two_ways() {
        let filter = |plan: &Plan| -> Vec<(usize, String)> {
            let values = plan.changes.iter().enumerate().filter_map(|(at, change)| match change {
                Change::Sysctl { setting, to, .. } if setting.to_string().ends_with("rp_filter") => {
                    Some((at, to.clone()))
                }
                _ => None,
            });
            values.collect()
        };
        let plan = onto_bridge(&card(), &wish());
        let set = filter(&plan);
        assert_eq!(set.iter().map(|(_, value)| value.as_str()).collect::<Vec<_>>(), ["2", "1"]);
        let enslaved = first(&plan, |it| matches!(it, Change::Join { .. }));
        let routed = positions(&plan, |it| matches!(it, Change::SetRoute { .. }));
        assert!(set[0].0 < enslaved && routed[0] < set[1].0, "{plan}");
    }

    #[test]
    fn the_bridge_gets_the_settings_of_the_card() {
        let plan = onto_bridge(&card(), &wish());
        let text = plan.to_string();
        assert!(text.contains("set net/ipv4/conf/xenbr0/proxy_arp to 1"), "{text}");
    }

    #[test]
    fn going_back_leaves_nothing_on_the_bridge_and_then_no_bridge() {
        let from = card();
        let mut bridge = card();
        bridge.device = device(7, "xenbr0");
        let plan = off_bridge(&bridge, &from.device, &CardBefore::of(&from));
        let added = positions(&plan, |it| matches!(it, Change::AddAddress(..)));
        let freed = first(&plan, |it| matches!(it, Change::Join { to: None, .. }));
        let removed = positions(&plan, |it| matches!(it, Change::RemoveAddress(..)));
        assert!(added[2] < freed && freed < removed[0], "{plan}");
        assert!(matches!(plan.changes.last(), Some(Change::DeleteBridge(_))));
        let given_back = |it: &Change| matches!(it, Change::Link { to, .. } if to.address_generation == Some(AddressGeneration::Eui64));
        assert_eq!(positions(&plan, given_back).len(), 1);
    }

    #[test]
    fn a_card_that_was_down_is_down_again() {
        let mut from = card();
        from.link.flags = 0;
        let plan = off_bridge(&card(), &from.device, &CardBefore::of(&from));
        let down = |it: &Change| matches!(it, Change::Link { device, to, .. } if device.index == 2 && to.up == Some(false));
        assert!(!positions(&plan, down).is_empty(), "{plan}");
    }
}
