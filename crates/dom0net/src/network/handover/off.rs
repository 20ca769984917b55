//! How a card gets everything back.

use netkernel::link::{Link, LinkChange};

use super::moving::{
    LOOSE, Renaming, await_delivery, copy_addresses, copy_neighbours, copy_proxies, labelled, loosen,
    move_routes, remove_addresses, remove_proxies, reverse_path_filter,
};
use super::{CardBefore, NOBODY, change, generating, quiet, up};
use crate::network::layout::Shape;
use crate::network::snapshot::Snapshot;
use crate::plan::{Change, Device, NewBridge, NewPair, Plan};

/// A network as it stands.
#[derive(Clone, Copy, Debug)]
pub struct Standing<'a> {
    /// The device that has the host's addresses, as it is now: what was added while it stood is moved too.
    pub front: &'a Snapshot,
    /// The bridge; none: someone has removed it.
    pub bridge: Option<(&'a Device, &'a Link)>,
    /// The card, with the name that it has now.
    pub card: &'a Device,
    /// Who is called what.
    pub shape: &'a Shape,
}

/// How a bridge gives its addresses and routes back to its uplink, and goes. `before` is the card as it was before the
/// bridge came.
#[must_use]
pub fn off_bridge(standing: Standing<'_>, before: &CardBefore) -> Plan {
    let Standing { front, bridge, card, shape } = standing;
    let mut plan = Plan::new();
    let renaming = Renaming { from: &front.device.name, to: &before.name };
    if shape.card_name().is_some() {
        for rule in &front.rules {
            plan.push(Change::AddRule(rule.moved(renaming.from, &card.name)));
        }
    }
    loosen(&mut plan, card, before.reverse_path_filter.as_deref());
    if let Shape::Classic { .. } = shape {
        show_card(&mut plan, card, before);
    }
    copy_addresses(&mut plan, front, card, renaming);
    copy_neighbours(&mut plan, front, card);
    copy_proxies(&mut plan, front, card);
    await_delivery(&mut plan, front, card);
    move_routes(&mut plan, front, card, renaming);
    remove_proxies(&mut plan, front);
    plan.push(Change::Join {
        device: card.clone(),
        to: None,
        from: bridge.map(|(device, _)| device.clone()),
    });
    remove_addresses(&mut plan, front);
    if let Some(value) = &before.reverse_path_filter {
        plan.push(reverse_path_filter(card, value, LOOSE));
    }
    plan.push(change(card, generating(before.address_generation), quiet()));
    if !before.up {
        plan.push(change(card, up(false), up(true)));
    }
    if let Shape::Classic { front: end, back, .. } = shape {
        remove_pair(&mut plan, front, end, back);
    }
    if let Some((device, link)) = bridge {
        remove_bridge(&mut plan, device, link);
    }
    if shape.card_name().is_some() {
        plan.push(Change::Rename(card.clone(), before.name.clone()));
        let device = Device { name: before.name.clone(), ..card.clone() };
        let to = labelled(&front.addresses, &device, renaming);
        plan.push(Change::Relabel { device, to, from: Vec::new() });
        for rule in &front.rules {
            plan.push(Change::RemoveRule(rule.moved(renaming.from, &card.name)));
        }
    }
    plan
}

/// Gives the card its MAC address back. What is sent to it goes to the bridge from now on, and what that gets is the
/// host's too.
fn show_card(plan: &mut Plan, card: &Device, before: &CardBefore) {
    let shown = LinkChange { mac: before.mac, arp: Some(true), ..LinkChange::default() };
    let hidden = LinkChange { mac: Some(NOBODY), arp: Some(false), ..LinkChange::default() };
    plan.push(change(card, shown, hidden));
}

fn remove_pair(plan: &mut Plan, snapshot: &Snapshot, front: &Device, back: &Device) {
    let mtu = Some(snapshot.link.mtu);
    plan.push(change(front, up(false), up(true)));
    plan.push(Change::DeletePair(NewPair {
        front: (front.clone(), LinkChange { mac: snapshot.link.mac, mtu, ..LinkChange::default() }),
        back: (
            back.clone(),
            LinkChange { mac: Some(NOBODY), mtu, arp: Some(false), ..LinkChange::default() },
        ),
    }));
}

fn remove_bridge(plan: &mut Plan, bridge: &Device, link: &Link) {
    plan.push(change(bridge, up(false), up(true)));
    plan.push(Change::DeleteBridge(NewBridge {
        device: bridge.clone(),
        options: link.bridge.clone().unwrap_or_default(),
        link: LinkChange { mac: link.mac, mtu: Some(link.mtu), ..LinkChange::default() },
    }));
}
