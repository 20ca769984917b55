//! Plans for a port of a bridge: plugging it in, and taking it out.

use netkernel::address::Address;
use netkernel::link::{AddressGeneration, Link, LinkChange, LinkName, PortOptions, PortVlan};
use xenconf::vlan::{Vlan, Vlans};

use super::nodes::Wanted;
use crate::guard::Network;
use crate::plan::{Change, Device, Plan};
use crate::vif::{BACKEND_MAC, Port};

/// What is there before the plug.
#[derive(Clone, Debug)]
pub(super) struct Seen {
    /// The vif's device.
    pub(super) device: Link,
    /// The device's addresses.
    pub(super) addresses: Vec<Address>,
    /// What it is a port of already.
    pub(super) master: Option<Device>,
    /// The bridge.
    pub(super) bridge: Bridge,
}

/// The bridge that a vif shall be a port of.
#[derive(Clone, Debug)]
pub(super) struct Bridge {
    /// Which.
    pub(super) device: Device,
    /// Its MTU, in bytes.
    pub(super) mtu: u32,
    /// Whether it filters VLANs; none: this kernel's bridges cannot.
    pub(super) vlan_filtering: Option<bool>,
    /// The VLAN that a new port is in; 0: none.
    pub(super) default_pvid: u16,
}

/// The MTU that the vif gets: what was asked for, or what the bridge has.
#[must_use]
pub(super) fn mtu(wanted: &Wanted, bridge: &Bridge) -> u32 {
    wanted.mtu.unwrap_or(bridge.mtu)
}

/// How a device becomes what `wanted` says, as a port of the bridge.
///
/// The order is the point. Its name comes first, because on new kernels the guard is tied to the name. The guard is in
/// force before the device is up or anyone's port, and nothing comes in before the last step.
#[must_use]
pub(super) fn plug(port: Port, wanted: &Wanted, name_now: &LinkName, seen: &Seen) -> Plan {
    let mut plan = Plan::new();
    let link = &seen.device;
    let before = Device { index: link.index, name: name_now.clone() };
    let device = Device { index: link.index, name: wanted.name.clone() };
    if link.is_up() {
        // When this plug is undone, the device is left down: it has no guard then.
        let down = LinkChange { up: Some(false), ..LinkChange::default() };
        plan.push(Change::Link { device: before.clone(), to: down.clone(), from: down });
    }
    push_link(&mut plan, &before, properties(port, wanted, name_now, &seen.bridge), link);
    for address in &seen.addresses {
        plan.push(Change::RemoveAddress(device.clone(), address.clone()));
    }
    plan.push(Change::Guard(port, wanted.name.clone(), wanted.policy.clone()));
    if link.master != Some(seen.bridge.device.index) {
        let to = Some(seen.bridge.device.clone());
        plan.push(Change::Join { device: device.clone(), to, from: seen.master.clone() });
    }
    if let Some(vlans) = &wanted.vlans {
        plan.push(port_vlans(device.clone(), vlans, &seen.bridge));
    }
    let is_fenced = wanted.is_fenced();
    if is_fenced || wanted.policy.isolated {
        let (to, from) = port_options(is_fenced, wanted.policy.isolated);
        plan.push(Change::PortOptions { device: device.clone(), to, from });
    }
    if is_fenced {
        for mac in wanted.policy.macs() {
            plan.push(Change::TieMac(device.clone(), mac));
        }
    }
    plan.push(Change::Link {
        device,
        to: LinkChange { up: Some(true), ..LinkChange::default() },
        from: LinkChange { up: Some(false), ..LinkChange::default() },
    });
    plan
}

/// How the bridge treats the port of a guest, and how it treats a new port.
///
/// A second fence, which nobody's flush of the packet filter takes away: where it can, the bridge itself takes frames from
/// the guest's own MAC addresses alone, and learns none. On one that filters VLANs this holds for those that the port is in.
pub(crate) fn port_options(is_fenced: bool, is_isolated: bool) -> (PortOptions, PortOptions) {
    let options = |is_fenced: bool, is_isolated: bool| PortOptions {
        learning: Some(!is_fenced),
        locked: Some(is_fenced),
        isolated: Some(is_isolated),
        ..PortOptions::default()
    };
    (options(is_fenced, is_isolated), options(false, false))
}

/// The bridge has put the port into its default VLAN; it shall be in those that are wanted, and in no other.
fn port_vlans(device: Device, vlans: &Vlans, bridge: &Bridge) -> Change {
    let vlan = |vlan: &Vlan| PortVlan { id: vlan.id, pvid: vlan.pvid, untagged: vlan.untagged };
    let default = PortVlan { id: bridge.default_pvid, pvid: true, untagged: true };
    let from = Some(default).filter(|default| default.id != 0).into_iter().collect();
    Change::PortVlans { device, to: vlans.iter().map(vlan).collect(), from }
}

/// How a device that is still there leaves its bridge. Its guard stays until it is out.
#[must_use]
pub(super) fn unplug(device: &Device, link: &Link, master: Option<Device>) -> Plan {
    let mut plan = Plan::new();
    push_link(&mut plan, device, LinkChange { up: Some(false), ..LinkChange::default() }, link);
    if let Some(master) = master {
        plan.push(Change::Join { device: device.clone(), to: None, from: Some(master) });
    }
    plan
}

/// What the device shall be apart from its state and its master.
fn properties(port: Port, wanted: &Wanted, name_now: &LinkName, bridge: &Bridge) -> LinkChange {
    let renamed = wanted.name != *name_now;
    LinkChange {
        name: renamed.then(|| wanted.name.clone()),
        // Whose device this is can be read off it under any name.
        alias: renamed.then(|| port.to_string()),
        mac: Some(BACKEND_MAC),
        mtu: Some(mtu(wanted, bridge)),
        // What holds for all guests of the bridge finds them by this.
        group: Some(network_of(&bridge.device).group(wanted.policy.isolated)),
        // A port of a bridge has no business with addresses of its own.
        address_generation: Some(AddressGeneration::None),
        ..LinkChange::default()
    }
}

/// The network that a bridge's guests are.
pub(super) fn network_of(bridge: &Device) -> Network {
    Network::Bridge { name: bridge.name.clone(), index: bridge.index }
}

/// Adds the change of a device, without what is so already; nothing if all is.
pub(super) fn push_link(plan: &mut Plan, device: &Device, mut to: LinkChange, link: &Link) {
    to.mac = to.mac.filter(|_| link.mac != to.mac);
    to.mtu = to.mtu.filter(|&mtu| link.mtu != mtu);
    to.group = to.group.filter(|&group| link.group != group);
    to.up = to.up.filter(|&up| link.is_up() != up);
    to.address_generation =
        to.address_generation.filter(|_| link.address_generation != to.address_generation);
    if to.is_empty() {
        return;
    }
    let from = LinkChange {
        name: to.name.as_ref().map(|_| device.name.clone()),
        mac: to.mac.and(link.mac),
        mtu: to.mtu.and(Some(link.mtu)),
        group: to.group.and(Some(link.group)),
        up: to.up.map(|up| !up),
        address_generation: to.address_generation.and(link.address_generation),
        alias: to.alias.as_ref().map(|_| link.alias.clone().unwrap_or_default()),
        ..LinkChange::default()
    };
    plan.push(Change::Link { device: device.clone(), to, from });
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::guard::Policy;
    use crate::vif::{PortKind, Vif};

    const PORT: Port = Port { vif: Vif { domid: 1, devid: 0 }, kind: PortKind::Vif };

    fn name(text: &str) -> LinkName {
        LinkName::new(text).unwrap()
    }

    fn wanted(text: &str) -> Wanted {
        let policy = Policy::locked("00:16:3e:00:00:01".parse().unwrap(), ["10.0.0.1/32".parse().unwrap()]);
        Wanted {
            name: name(text),
            policy,
            bridge: None,
            mtu: None,
            addresses: Vec::new(),
            vlans: None,
            tagged: Vec::new(),
            has_two_devices: false,
        }
    }

    fn seen() -> Seen {
        Seen {
            device: Link { index: 9, mtu: 1500, ..Link::default() },
            addresses: Vec::new(),
            master: None,
            bridge: Bridge {
                device: Device { index: 4, name: name("xenbr0") },
                mtu: 9000,
                vlan_filtering: None,
                default_pvid: 1,
            },
        }
    }

    fn position(plan: &Plan, is: impl Fn(&Change) -> bool) -> usize {
        plan.changes.iter().position(is).unwrap_or_else(|| panic!("not in\n{plan}"))
    }

    fn link_change(change: &Change) -> Option<&LinkChange> {
        match change {
            Change::Link { to, .. } => Some(to),
            _ => None,
        }
    }

    #[test]
    fn the_guard_is_in_force_before_anything_can_come_in() {
        let plan = plug(PORT, &wanted("http"), &name("vif1.0"), &seen());
        let renamed = position(&plan, |it| link_change(it).is_some_and(|to| to.name.is_some()));
        let guarded =
            position(&plan, |it| matches!(it, Change::Guard(_, device, _) if device.as_str() == "http"));
        let enslaved = position(&plan, |it| matches!(it, Change::Join { .. }));
        let fenced = position(&plan, |it| matches!(it, Change::PortOptions { .. }));
        let up = position(&plan, |it| link_change(it).is_some_and(|to| to.up == Some(true)));
        assert!(renamed < guarded && guarded < enslaved && enslaved < fenced && fenced < up, "{plan}");
        assert_eq!(up, plan.changes.len() - 1);
    }

    #[test]
    fn the_vif_gets_the_mtu_of_its_bridge_unless_another_is_wanted() {
        let mtu_of = |wanted: &Wanted| {
            let plan = plug(PORT, wanted, &name("vif1.0"), &seen());
            plan.changes.iter().filter_map(link_change).find_map(|to| to.mtu)
        };
        assert_eq!(mtu_of(&wanted("vif1.0")), Some(9000));
        assert_eq!(mtu_of(&Wanted { mtu: Some(1400), ..wanted("vif1.0") }), Some(1400));
        // Nothing is said where nothing changes.
        assert_eq!(mtu_of(&Wanted { mtu: Some(1500), ..wanted("vif1.0") }), None);
    }

    #[test]
    fn a_device_that_is_up_goes_down_first_and_stays_down_when_the_plug_is_undone() {
        let mut seen = seen();
        seen.device.flags = 1;
        let plan = plug(PORT, &wanted("vif1.0"), &name("vif1.0"), &seen);
        assert_eq!(link_change(&plan.changes[0]).unwrap().up, Some(false));
        let back = plan.inverse();
        assert!(back.changes.iter().filter_map(link_change).all(|to| to.up != Some(true)), "{back}");
    }

    #[test]
    fn a_guest_with_two_devices_is_tied_to_neither() {
        let plan =
            plug(PORT, &Wanted { has_two_devices: true, ..wanted("vif1.0") }, &name("vif1.0"), &seen());
        let is_fence = |change: &Change| matches!(change, Change::PortOptions { .. } | Change::TieMac(..));
        assert!(!plan.changes.iter().any(is_fence), "{plan}");
        assert!(plan.changes.iter().any(|change| matches!(change, Change::Guard(..))), "{plan}");
    }

    #[test]
    fn a_port_is_in_its_vlans_before_its_mac_is_tied_to_it() {
        let vlans = Some(xenconf::vlan::parse("10p/100-101").unwrap());
        let plan = plug(PORT, &Wanted { vlans, ..wanted("vif1.0") }, &name("vif1.0"), &seen());
        let enslaved = position(&plan, |it| matches!(it, Change::Join { .. }));
        let put = position(&plan, |it| matches!(it, Change::PortVlans { .. }));
        let tied = position(&plan, |it| matches!(it, Change::TieMac(..)));
        assert!(enslaved < put && put < tied, "{plan}");
        let Change::PortVlans { to, from, .. } = &plan.changes[put] else { panic!() };
        let own = |id| PortVlan { id, pvid: true, untagged: true };
        let tagged = |id| PortVlan { id, pvid: false, untagged: false };
        assert_eq!((&to[..], &from[..]), (&[own(10), tagged(100), tagged(101)][..], &[own(1)][..]));
        assert!(plan.to_string().contains("put vif1.0 into VLAN 10, 100, 101\n"), "{plan}");
    }

    #[test]
    fn undoing_a_plug_ends_where_it_began() {
        let plan = plug(PORT, &wanted("http"), &name("vif1.0"), &seen());
        let back = plan.inverse();
        let first = link_change(&back.changes[0]).unwrap();
        assert_eq!(first.up, Some(false));
        let last = link_change(back.changes.last().unwrap()).unwrap();
        assert_eq!(last.name, Some(name("vif1.0")));
    }
}
