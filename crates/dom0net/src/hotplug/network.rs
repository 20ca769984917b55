//! What holds for all guests of a network, as the configuration of the guard says.

use netkernel::link::{Link, LinkName};
use netkernel::nftables::{Table, TableFamily};

use super::bridge::network_of;
use super::error::Error;
use super::uplinks;
use crate::guard::{Condition, Config, Network, NetworkGuard, NetworkPolicy, NetworkReason, RoutedBy};
use crate::places::Places;
use crate::plan::{Device, Kernel};
use crate::routed::{Kind, Record, Records};

/// How often what is known of a network is found out anew, because somebody changed the rules meanwhile.
const ATTEMPTS: usize = 32;

/// A network, and what should hold for it.
#[derive(Clone, Debug)]
pub struct GuardedNetwork {
    /// Which.
    pub network: Network,
    /// What should hold.
    pub policy: NetworkPolicy,
}

/// Sees to it that what should hold for a network does, before a guest is plugged into it. Costs nothing where nothing is
/// said of it.
pub(super) fn ensure(
    kernel: &mut Kernel,
    network: &Network,
    is_isolated: bool,
    places: &Places,
) -> Result<(), Error> {
    let mut policy = configured(network, places)?;
    if is_isolated {
        policy.isolates = true;
    }
    if policy == NetworkPolicy::default() {
        return Ok(());
    }
    let mut guarded = GuardedNetwork { network: network.clone(), policy };
    if guarded.condition(kernel)?.is_right() {
        return Ok(());
    }
    if !guarded.policy.isolates {
        // Others of the network may be isolated, whose rules hold for this guest as well.
        guarded.policy.isolates = true;
        if guarded.condition(kernel)?.is_right() {
            return Ok(());
        }
        guarded.policy.isolates = has_isolated(&kernel.route.links()?, network);
    }
    guarded.restore(kernel)
}

/// Makes a guest that is plugged known to the rules of its network, where these must know it.
pub(super) fn join(
    kernel: &mut Kernel,
    network: &Network,
    name: &LinkName,
    cards: &[LinkName],
    places: &Places,
) -> Result<(), Error> {
    if matches!(network, Network::Routed(_)) && configured(network, places)?.untracked {
        NetworkGuard::of(network.clone()).join(kernel.filter()?, name, cards)?;
    }
    Ok(())
}

/// Takes a guest out of the rules of its network.
pub(super) fn leave(kernel: &mut Kernel, script: RoutedBy, name: &LinkName) -> Result<(), Error> {
    let network = Network::Routed(script);
    // What cannot be understood now may have been understood when the guest came.
    if configured(&network, &Places::from_environment()).is_ok_and(|policy| !policy.untracked) {
        return Ok(());
    }
    Ok(NetworkGuard::of(network).leave(kernel.filter()?, name)?)
}

/// What the configuration says, if it can be carried out.
fn configured(network: &Network, places: &Places) -> Result<NetworkPolicy, Error> {
    let config = Config::of(places)?;
    let policy = match network {
        Network::Bridge { name, .. } => config.network(name.as_str())?,
        Network::Routed(script) => config.routed(*script)?,
    }
    .policy();
    if policy.untracked && matches!(network, Network::Routed(_)) {
        // Without a bridge, all that leaves by the card is translated, whoever sent it.
        let translated = Records::of(places).all(Kind::Nat).unwrap_or_default();
        if let Some(record) = translated.into_iter().find(Record::translates_everybody) {
            return Err(Error::Untrackable { card: record.name });
        }
    }
    Ok(policy)
}

fn has_isolated(links: &[Link], network: &Network) -> bool {
    links.iter().any(|link| link.group == network.group(true))
}

impl GuardedNetwork {
    /// The networks that something holds for, or should, as far as they are there.
    pub fn all(kernel: &mut Kernel) -> Result<Vec<Self>, Error> {
        Self::among(&kernel.route.links()?)
    }

    /// The same, of a host with these devices.
    pub fn among(links: &[Link]) -> Result<Vec<Self>, Error> {
        let places = Places::from_environment();
        let bridges = links.iter().filter(|link| link.is_bridge()).filter_map(|link| {
            let name = LinkName::new(&link.name[..]).ok()?;
            Some(network_of(&Device { index: link.index, name }))
        });
        let routed = RoutedBy::ALL
            .map(Network::Routed)
            .into_iter()
            .filter(|network| links.iter().any(|link| network.has(link.group)));
        let mut all = Vec::new();
        for network in bridges.chain(routed) {
            let mut policy = configured(&network, &places)?;
            policy.isolates = has_isolated(links, &network);
            if policy != NetworkPolicy::default() {
                all.push(Self { network, policy });
            }
        }
        Ok(all)
    }

    /// What must be known of the network.
    fn guard(&self, kernel: &mut Kernel, with_guests: bool) -> Result<NetworkGuard, Error> {
        let mut guard = NetworkGuard::of(self.network.clone());
        match &self.network {
            Network::Bridge { name, index } => {
                let table = format!("dom0net-nat-{name}");
                let table = Table { family: TableFamily::Inet, name: &table };
                guard.is_translated = self.policy.isolates && kernel.filter()?.table(table)?.is_some();
                // Only who passes traffic on untracked must know who else is on the bridge.
                if self.policy.untracked {
                    let others = kernel.route.links()?.into_iter().filter(|link| {
                        link.index == *index || (link.master == Some(*index) && !self.network.has(link.group))
                    });
                    for link in others {
                        guard.macs.extend(link.mac);
                        if link.index != *index {
                            guard.uplinks.extend(LinkName::new(&link.name[..]).ok());
                        }
                    }
                }
            }
            Network::Routed(_) if self.policy.untracked && with_guests => {
                guard.uplinks = uplinks::of_the_host(kernel)?;
                let guests = kernel.route.links()?.into_iter().filter(|link| self.network.has(link.group));
                guard.guests = guests.filter_map(|link| LinkName::new(&link.name[..]).ok()).collect();
            }
            Network::Routed(_) => {}
        }
        Ok(guard)
    }

    /// How the guard of the network stands to what it should be.
    pub fn condition(&self, kernel: &mut Kernel) -> Result<Condition, Error> {
        let guard = self.guard(kernel, false)?;
        Ok(guard.condition(kernel.filter()?, &self.policy)?)
    }

    /// How many packets it has dropped, by reason.
    pub fn dropped(&self, kernel: &mut Kernel) -> Result<Vec<(NetworkReason, u64)>, Error> {
        Ok(NetworkGuard::of(self.network.clone()).dropped(kernel.filter()?, &self.policy)?)
    }

    /// Puts it in force, in place of what is there.
    pub fn restore(&self, kernel: &mut Kernel) -> Result<(), Error> {
        let mut attempt = 0;
        loop {
            // A guest that is plugged meanwhile changes the rules, and must not be forgotten.
            let generation = kernel.filter()?.generation()?;
            let guard = self.guard(kernel, true)?;
            match guard.install(kernel.filter()?, &self.policy, Some(generation)) {
                Err(error) if error.is_stale() && attempt < ATTEMPTS => attempt += 1,
                result => return Ok(result?),
            }
        }
    }
}
