//! The order of steps.

use netkernel::Family;
use netkernel::address::Address;
use netkernel::link::Link;
use netkernel::neighbour::{Neighbour, neighbour_state};
use netkernel::route::Route;

use super::moving::{Renaming, label_for};
use super::*;
use crate::network::snapshot::Setting;
use crate::plan::Plan;

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
        routes: vec![Route::to("0.0.0.0".parse().unwrap(), 0).via("10.0.0.254".parse().unwrap()).through(2)],
        neighbours: vec![Neighbour {
            link: 2,
            address: "10.0.0.254".parse().unwrap(),
            mac: Some("00:16:3e:00:00:fe".parse().unwrap()),
            state: neighbour_state::REACHABLE,
            flags: 0,
        }],
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
    Wish { bridge: device(7, "xenbr0"), stp: false, shape: Shape::Today }
}

fn classic() -> Wish {
    let card = LinkName::new("peth0").unwrap();
    let shape = Shape::Classic { card, front: device(8, "eth0"), back: device(9, "vif0.0") };
    Wish { shape, ..wish() }
}

fn off(bridge: &Snapshot, card: &Snapshot) -> Plan {
    let standing = Standing {
        front: bridge,
        bridge: Some((&bridge.device, &bridge.link)),
        card: &card.device,
        shape: &Shape::Today,
    };
    off_bridge(standing, &CardBefore::of(card))
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
    let name = |text: &str| LinkName::new(text).unwrap();
    let label = |label: &str, to: &str| label_for(label, Renaming { from: &name("eth0"), to: &name(to) });
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
    let plan = off(&bridge, &from);
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
    let plan = off(&card(), &from);
    let down = |it: &Change| matches!(it, Change::Link { device, to, .. } if device.index == 2 && to.up == Some(false));
    assert!(!positions(&plan, down).is_empty(), "{plan}");
}

#[test]
fn a_card_that_gives_its_name_away_does_so_before_another_device_gets_it() {
    let plan = onto_bridge(&card(), &classic());
    let renamed = first(&plan, |it| matches!(it, Change::Rename(..)));
    let paired = first(&plan, |it| matches!(it, Change::CreatePair(_)));
    assert!(renamed < paired, "{plan}");
    let back = plan.inverse();
    let unpaired = first(&back, |it| matches!(it, Change::DeletePair(_)));
    let named = first(&back, |it| matches!(it, Change::Rename(_, to) if to.as_str() == "eth0"));
    assert!(unpaired < named, "{back}");
}

#[test]
fn the_classic_pair_gets_what_the_card_had_and_the_bridge_nothing() {
    let plan = onto_bridge(&card(), &classic());
    let on = |index: u32| {
        positions(&plan, |it| matches!(it, Change::AddAddress(to, _) if to.index == index)).len()
    };
    assert_eq!((on(7), on(8)), (0, 3));
    let labels: Vec<&str> = plan
        .changes
        .iter()
        .filter_map(|change| match change {
            Change::AddAddress(_, address) => address.label.as_deref(),
            _ => None,
        })
        .collect();
    assert_eq!(labels, ["eth0", "eth0:1"]);
    // The card keeps its MAC address until it is a port: before, it would not get what is sent to it.
    let enslaved = first(&plan, |it| matches!(it, Change::Join { device, .. } if device.index == 2));
    let hidden = first(
        &plan,
        |it| matches!(it, Change::Link { device, to, .. } if device.index == 2 && to.mac == Some(NOBODY)),
    );
    assert!(enslaved < hidden, "{plan}");
}
