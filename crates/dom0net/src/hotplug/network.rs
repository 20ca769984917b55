//! What holds for all guests of a bridge, as the configuration of the guard says.

use netkernel::link::LinkName;
use netkernel::netlink;

use super::error::Error;
use crate::guard::{Condition, Config, NetworkGuard, NetworkPolicy};
use crate::places::Places;
use crate::plan::{Device, Kernel};

/// A bridge, and what should hold for it.
#[derive(Clone, Debug)]
pub struct GuardedNetwork {
    /// The bridge.
    pub bridge: Device,
    /// What should hold.
    pub policy: NetworkPolicy,
    guard: NetworkGuard,
}

/// Sees to it that what should hold for a bridge does, before a guest is plugged into it. Costs nothing where nothing is
/// said of it.
pub(super) fn ensure(kernel: &mut Kernel, bridge: &Device, places: &Places) -> Result<(), Error> {
    let policy = Config::read(&places.guard)?.network(bridge.name.as_str())?.policy();
    if policy == NetworkPolicy::default() {
        return Ok(());
    }
    let network = GuardedNetwork::new(kernel, bridge.clone(), policy)?;
    if network.condition(kernel)?.is_right() { Ok(()) } else { network.restore(kernel) }
}

impl GuardedNetwork {
    /// The bridges that something is said of, as far as they are there.
    pub fn all(kernel: &mut Kernel) -> Result<Vec<Self>, Error> {
        let config = Config::read(&Places::from_environment().guard)?;
        let mut all = Vec::new();
        for name in config.bridges() {
            let Ok(name) = LinkName::new(name) else { continue };
            if let Some(link) = kernel.route.link(&name)?.filter(netkernel::link::Link::is_bridge) {
                let policy = config.network(name.as_str())?.policy();
                all.push(Self::new(kernel, Device { index: link.index, name }, policy)?);
            }
        }
        Ok(all)
    }

    fn new(kernel: &mut Kernel, bridge: Device, policy: NetworkPolicy) -> Result<Self, netlink::Error> {
        let group = NetworkGuard::group(bridge.index);
        let mut guard =
            NetworkGuard { bridge: bridge.name.clone(), index: bridge.index, mac: None, uplinks: Vec::new() };
        // Only who passes traffic on untracked must know who else is on the bridge.
        if policy.untracked {
            let links = kernel.route.links()?;
            guard.mac = links.iter().find(|link| link.index == bridge.index).and_then(|link| link.mac);
            guard.uplinks = links
                .iter()
                .filter(|link| link.master == Some(bridge.index) && link.group != group)
                // Guests' devices that are being plugged are ports by now, and in the group before that.
                .filter_map(|link| LinkName::new(&link.name[..]).ok())
                .collect();
        }
        Ok(Self { bridge, policy, guard })
    }

    /// How the guard of the network stands to what it should be.
    pub fn condition(&self, kernel: &mut Kernel) -> Result<Condition, Error> {
        Ok(self.guard.condition(kernel.filter()?, &self.policy)?)
    }

    /// Puts it in force, in place of what is there.
    pub fn restore(&self, kernel: &mut Kernel) -> Result<(), Error> {
        Ok(self.guard.install(kernel.filter()?, &self.policy)?)
    }
}
