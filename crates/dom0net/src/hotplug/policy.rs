//! What a vif is to be guarded by: what its nodes say, what its network was started with, and what the configuration of
//! the guard says of it.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;

use ipnet::IpNet;
use netkernel::link::{LinkChange, LinkName, PortOptions};
use xenstore::{Client, Requests};

use super::bridge::{network_of, port_options};
use super::error::Error;
use super::nodes::{Nodes, Wanted, bad, device_name, text};
use super::request::{Action, Request};
use super::{device, nat, network, switch};
use crate::guard::{BadWord, Condition, Config, Draft, Guard, Network, Policy, RoutedBy, Vlans, Who};
use crate::network::Records;
use crate::places::Places;
use crate::plan::{Change, Device, Kernel};
use crate::vif::{Port, PortKind};

/// The policy of a vif, and the words that lead to it.
///
/// In this order, each on top of the one before: `addresses` (those of `ip=`), the `antispoof=` of its network, the configuration of the
/// guard (that of `dom0net.toml`, and its own), and the vif's own node `guard`, which holds what was changed while it runs.
pub(super) fn policy_of(
    nodes: &Nodes,
    wanted: &Wanted,
    addresses: Option<Vec<IpNet>>,
    request: &Request,
    bridge: Option<&LinkName>,
    routed: Option<RoutedBy>,
) -> Result<(Draft, Policy), Error> {
    let places = &Places::from_environment();
    let mut draft = Draft::for_vif(addresses);
    // A record that cannot be read takes nothing of the guard away.
    let record = bridge.and_then(|bridge| Records::of(places).read(bridge).ok().flatten());
    if record.is_some_and(|record| record.antispoof == Some(false)) {
        draft.set_lax();
    }
    let who = Who {
        domain: text("name", nodes.domain.as_deref())?,
        devid: request.port.vif.devid,
        mac: wanted.policy.mac,
        bridge: bridge.map(LinkName::as_str),
        routed,
    };
    Config::of(places)?.apply(&mut draft, &who)?;
    let words = text("guard", nodes.guard.as_deref())?.unwrap_or_default();
    let bad_words = |error: BadWord| bad("guard", words, &error.to_string());
    draft.apply(words).map_err(bad_words)?;
    let mut policy = draft.policy(wanted.policy.mac).map_err(bad_words)?;
    policy.logged_as = who.domain.filter(|_| policy.log).map(Policy::log_name);
    // A guest that is given VLANs may use them, unless the guard was told something else.
    if policy.vlans == Vlans::Only(Vec::new()) {
        policy.vlans = Vlans::Only(ranges(&wanted.tagged));
    }
    Ok((draft, policy))
}

/// Numbers of VLANs as ranges that do not touch, in order.
fn ranges(ids: &[u16]) -> Vec<RangeInclusive<u16>> {
    let mut ids: Vec<u16> = ids.iter().copied().filter(|id| (1..=4094).contains(id)).collect();
    ids.sort_unstable();
    ids.dedup();
    let runs = ids.chunk_by(|one, next| next - one == 1);
    runs.filter_map(|run| Some(*run.first()?..=*run.last()?)).collect()
}

/// A vif that is plugged, and what it should be guarded by.
#[derive(Clone, Debug)]
pub struct Guarded {
    /// Which.
    pub port: Port,
    /// Its device.
    pub device: Device,
    /// The bridge that it is on.
    pub bridge: Option<Device>,
    /// What its guest may send, by configuration.
    pub policy: Policy,
    has_two_devices: bool,
    draft: Draft,
    backend: String,
    /// How the bridge treats its port now.
    port_options: Option<PortOptions>,
    /// What it has in common with other guests.
    network: Option<Network>,
    /// The interface group of its device now.
    group: u32,
}

impl Guarded {
    /// Finds a vif; none when it has no device.
    pub fn find(store: &mut Client, kernel: &mut Kernel, port: Port) -> Result<Option<Self>, Error> {
        let made_as = match port.kind {
            PortKind::Vif => port.vif.to_string(),
            PortKind::Tap => format!("{}-emu", port.vif),
        };
        let backend = format!("backend/vif/{}/{}", port.vif.domid, port.vif.devid);
        let Ok(device) = LinkName::new(made_as) else { return Ok(None) };
        let (action, variables) = (Action::Appeared, BTreeMap::new());
        let request = Request { action, port, backend, device, gateway_device: None, variables };
        let mut nodes = Nodes::read(store, &request.backend, port.vif.domid)?;
        let script = store.read_text(&format!("{}/script", request.backend))?.unwrap_or_default();
        let switch = if script.ends_with("/vif-openvswitch") {
            Some(switch::take_bridge(&mut nodes, &request)?)
        } else {
            None
        };
        let switch_is_none = switch.is_none();
        let name = device_name(text("vifname", nodes.vifname.as_deref())?, &request)?;
        let Some((device, link)) = device::find_existing(kernel, port, &request.device, Some(&name))? else {
            return Ok(None);
        };
        let mut wanted = Wanted::new(&nodes, &request)?;
        let on_switch = switch.as_ref().and_then(|spec| LinkName::new(&spec.bridge[..]).ok());
        if let Some(spec) = switch.filter(|_| wanted.vlans.is_none()) {
            wanted.tagged = spec.tags.trunks;
        }
        let bridge = device::master_of(kernel, &link)?;
        // A switch of the kernel's is a port of one device, whichever of its bridges it is on.
        let bridge_name = on_switch.as_ref().or(bridge.as_ref().map(|bridge| &bridge.name));
        let routed = script.rsplit('/').next().and_then(RoutedBy::of_script);
        let addresses = if routed == Some(RoutedBy::Nat) {
            Some(nat::guest_addresses(&wanted, &request, store)?)
        } else {
            wanted.given()
        };
        let (draft, policy) = policy_of(&nodes, &wanted, addresses, &request, bridge_name, routed)?;
        let has_two_devices = wanted.has_two_devices;
        let (backend, port_options, group) = (request.backend, link.port, link.group);
        // A switch has no groups.
        let network = routed.map(Network::Routed).or_else(|| Some(network_of(bridge.as_ref()?)));
        Ok(Some(Self {
            port,
            device,
            bridge,
            policy,
            has_two_devices,
            draft,
            backend,
            port_options,
            network: network.filter(|_| switch_is_none),
            group,
        }))
    }

    /// How its guard stands to what it should be.
    pub fn condition(&self, kernel: &mut Kernel) -> Result<Condition, Error> {
        let condition = Guard::of(self.port).condition(kernel.filter()?, &self.device.name, &self.policy)?;
        let is_fenced = self.port_options.as_ref().is_none_or(|is| {
            let shall = port_options(self.is_fenced(&self.policy), self.policy.isolated).0;
            // Old kernels cannot lock a port, and do not speak of it.
            is.isolated == shall.isolated && is.locked.is_none_or(|locked| Some(locked) == shall.locked)
        }) && self.group_wanted().is_none_or(|group| group == self.group);
        Ok(if condition.is_right() && !is_fenced { Condition::Unfenced } else { condition })
    }

    /// Puts the guard in force, in place of what is there.
    pub fn restore(&self, kernel: &mut Kernel) -> Result<(), Error> {
        // Whatever was tied to the port may be tied no more.
        self.put_in_force(kernel, &Policy::open(self.policy.mac))
    }

    /// Changes the policy of the running vif: in the store, so that whoever looks finds it, and in the kernel. If the
    /// kernel refuses, the store says what it said before.
    pub fn change(&mut self, store: &mut Client, kernel: &mut Kernel, words: &str) -> Result<(), Error> {
        let bad_words = |error: BadWord| bad("guard", words, &error.to_string());
        let mut draft = self.draft.clone();
        draft.apply(words).map_err(bad_words)?;
        let mut policy = draft.policy(self.policy.mac).map_err(bad_words)?;
        let name = store.read(&format!("/local/domain/{}/name", self.port.vif.domid))?;
        // The same text as when it is plugged or restored.
        policy.logged_as = text("name", name.as_deref())?.filter(|_| policy.log).map(Policy::log_name);
        let node = format!("{}/guard", self.backend);
        let before = store.read(&node)?;
        store.write(&node, draft.to_string())?;
        let changed = Self { policy, draft, ..self.clone() };
        if let Err(error) = changed.put_in_force(kernel, &self.policy) {
            // The first error is the one to tell; what the store then says is said by `guard check`.
            let _ = match before {
                Some(before) => store.write(&node, before),
                None => store.remove(&node),
            };
            let _ = self.put_in_force(kernel, &changed.policy);
            return Err(error);
        }
        *self = changed;
        Ok(())
    }

    fn is_fenced(&self, policy: &Policy) -> bool {
        policy.can_be_fenced() && !self.has_two_devices
    }

    fn group_wanted(&self) -> Option<u32> {
        Some(self.network.as_ref()?.group(self.policy.isolated))
    }

    /// What holds for its network finds it by its group.
    fn put_into_group(&self, kernel: &mut Kernel) -> Result<(), Error> {
        let (Some(network), Some(group)) = (&self.network, self.group_wanted()) else { return Ok(()) };
        network::ensure(kernel, network, self.policy.isolated, &Places::from_environment())?;
        let to = LinkChange { group: Some(group), ..LinkChange::default() };
        let from = LinkChange { group: Some(self.group), ..LinkChange::default() };
        apply(kernel, &Change::Link { device: self.device.clone(), to, from })
    }

    /// The stricter of the two fences is there at each moment: the rules, or the bridge's own.
    fn put_in_force(&self, kernel: &mut Kernel, before: &Policy) -> Result<(), Error> {
        Guard::of(self.port).install(kernel.filter()?, &self.device.name, &self.policy)?;
        self.put_into_group(kernel)?;
        // Only a bridge of the kernel's has fences.
        if self.port_options.is_none() {
            return Ok(());
        }
        let (fenced, was_fenced) = (self.is_fenced(&self.policy), self.is_fenced(before));
        let macs = |policy: &Policy| if self.is_fenced(policy) { policy.macs() } else { Vec::new() };
        for mac in macs(&self.policy).into_iter().filter(|mac| !was_fenced || !before.macs().contains(mac)) {
            apply(kernel, &Change::TieMac(self.device.clone(), mac))?;
        }
        let (to, from) = port_options(fenced, self.policy.isolated);
        apply(kernel, &Change::PortOptions { device: self.device.clone(), to, from })?;
        for mac in macs(before).into_iter().filter(|mac| !fenced || !self.policy.macs().contains(mac)) {
            apply(kernel, &Change::UntieMac(self.device.clone(), mac))?;
        }
        Ok(())
    }
}

fn apply(kernel: &mut Kernel, change: &Change) -> Result<(), Error> {
    kernel.apply(change).map_err(|error| Error::Plan(crate::plan::Failure { error, left: Vec::new() }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn vlans_become_ranges_that_do_not_touch() {
        assert_eq!(ranges(&[30, 10, 11, 12, 10, 0, 4095, 40]), [10..=12, 30..=30, 40..=40]);
    }
}
