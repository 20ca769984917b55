//! How a card becomes the uplink of a bridge.

use netkernel::link::{BridgeOptions, LinkChange};

use super::moving::{
    Renaming, await_delivery, copy_addresses, copy_neighbours, copy_proxies, copy_settings, labelled,
    move_routes, remove_addresses, remove_proxies, tighten,
};
use super::{NOBODY, Wish, change, generating, quiet, up};
use crate::network::layout::Shape;
use crate::network::snapshot::Snapshot;
use crate::plan::{Change, Device, NewBridge, NewPair, Plan};

/// The kernel's default, 15 seconds, in hundredths.
const DEFAULT_FORWARD_DELAY: u32 = 1500;

/// How `card` becomes the uplink of a new bridge; the device in front gets its addresses and routes.
#[must_use]
pub fn onto_bridge(card: &Snapshot, wish: &Wish) -> Plan {
    let mut plan = Plan::new();
    let front = wish.shape.front(&wish.bridge);
    let renaming = Renaming { from: &card.device.name, to: &front.name };
    let named = make_room(&mut plan, card, wish);
    let (card, bridge) = (&named, &wish.bridge);
    make_bridge(&mut plan, card, wish);
    if let Shape::Classic { front, back, .. } = &wish.shape {
        make_pair(&mut plan, card, bridge, front, back);
    }
    copy_settings(&mut plan, card, front);
    plan.push(change(front, up(true), up(false)));
    copy_addresses(&mut plan, card, front, renaming);
    copy_neighbours(&mut plan, card, front);
    await_delivery(&mut plan, card, front);
    // From here on frames come in on the bridge; what goes out still takes the card's routes, and both ways work.
    plan.push(Change::Join { device: card.device.clone(), to: Some(bridge.clone()), from: None });
    if !card.link.is_up() {
        plan.push(change(&card.device, up(true), up(false)));
    }
    if card.link.carrier && !wish.stp {
        // Until then the device has no queue, and drops what is sent.
        plan.push(Change::AwaitRunning(front.clone()));
    }
    // Some time after a bridge without ports is up, the kernel finds that it has no carrier, and forgets whom it knows:
    // only now is it certain that this is over.
    copy_neighbours(&mut plan, card, front);
    copy_proxies(&mut plan, card, front);
    move_routes(&mut plan, card, front, renaming);
    tighten(&mut plan, card, front);
    plan.push(change(&card.device, quiet(), generating(card.link.address_generation)));
    remove_proxies(&mut plan, card);
    remove_addresses(&mut plan, card);
    if let Shape::Classic { .. } = wish.shape {
        hide_card(&mut plan, card);
    }
    if wish.shape.card_name().is_some() {
        for rule in &card.rules {
            plan.push(Change::RemoveRule(rule.moved(renaming.from, &card.device.name)));
        }
    }
    plan
}

/// Frees the card's name, where another device gets it, and returns the card under its new one.
///
/// Routing rules go by name. Ones with the new name are there before, so that none is without effect at any time.
fn make_room(plan: &mut Plan, card: &Snapshot, wish: &Wish) -> Snapshot {
    let Some(name) = wish.shape.card_name() else { return card.clone() };
    keep_labels(plan, card);
    for rule in &card.rules {
        plan.push(Change::AddRule(rule.moved(&card.device.name, name)));
    }
    plan.push(Change::Rename(card.device.clone(), name.clone()));
    Snapshot { device: Device { index: card.device.index, name: name.clone() }, ..card.clone() }
}

/// When this is undone, the card gets its addresses while it has another name; the kernel changes their labels with the
/// name.
fn keep_labels(plan: &mut Plan, card: &Snapshot) {
    let unchanged = Renaming { from: &card.device.name, to: &card.device.name };
    let from = labelled(&card.addresses, &card.device, unchanged);
    plan.push(Change::Relabel { device: card.device.clone(), to: Vec::new(), from });
}

/// Makes the bridge; up, where it is not the device in front.
fn make_bridge(plan: &mut Plan, card: &Snapshot, wish: &Wish) {
    let in_front = !matches!(wish.shape, Shape::Classic { .. });
    plan.push(Change::CreateBridge(NewBridge {
        device: wish.bridge.clone(),
        // Without STP, its ports pass traffic at once.
        options: BridgeOptions {
            stp: Some(wish.stp),
            forward_delay: Some(if wish.stp { DEFAULT_FORWARD_DELAY } else { 0 }),
            ..BridgeOptions::default()
        },
        link: LinkChange {
            // In front, it bears the card's MAC address, so that neighbours and DHCP servers see no other host.
            mac: if in_front { card.link.mac } else { Some(NOBODY) },
            mtu: Some(card.link.mtu),
            // Not in front, it is nobody that could be asked for.
            arp: (!in_front).then_some(false),
            ..LinkChange::default()
        },
    }));
    // All addresses come from the card, the link-local one too: one of its own making would have to be checked for
    // uniqueness first, for a second or more.
    plan.push(change(&wish.bridge, quiet(), LinkChange::default()));
    if !in_front {
        plan.push(change(&wish.bridge, up(true), up(false)));
    }
}

/// Makes the pair through which the host uses the bridge like a guest.
fn make_pair(plan: &mut Plan, card: &Snapshot, bridge: &Device, front: &Device, back: &Device) {
    let mtu = Some(card.link.mtu);
    plan.push(Change::CreatePair(NewPair {
        front: (front.clone(), LinkChange { mac: card.link.mac, mtu, ..LinkChange::default() }),
        back: (
            back.clone(),
            LinkChange { mac: Some(NOBODY), mtu, arp: Some(false), ..LinkChange::default() },
        ),
    }));
    plan.push(change(front, quiet(), LinkChange::default()));
    plan.push(change(back, quiet(), LinkChange::default()));
    plan.push(Change::Join { device: back.clone(), to: Some(bridge.clone()), from: None });
    plan.push(change(back, up(true), up(false)));
}

/// Gives the card's MAC address away: what is sent to it shall go through the bridge to the pair. Until then it is the
/// bridge that gets it, as one of its own, and what it gets is the host's too. The card forgets its neighbours by this,
/// so nothing may go out through it any more.
fn hide_card(plan: &mut Plan, card: &Snapshot) {
    let hidden = LinkChange { mac: Some(NOBODY), arp: Some(false), ..LinkChange::default() };
    let shown = LinkChange { mac: card.link.mac, arp: Some(true), ..LinkChange::default() };
    plan.push(change(&card.device, hidden, shown));
}
