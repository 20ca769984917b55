//! What holds for a network as a whole, in the kernel: put in force, taken away, looked at.

use netkernel::link::LinkName;
use netkernel::netlink::Error;
use netkernel::nftables::{Batch, Element, NfTables, Table, TableFamily, link_name};

use ethernet::MacAddress;

use super::groups::Network;
use super::layout::hash;
use super::network::{NetworkPolicy, NetworkReason};
use super::network_rules::{CARDS, GUESTS, MARKED, Rules};
use super::state::Condition;

/// How often a change that raced with others is tried again.
const ATTEMPTS: usize = 32;

/// A network, as far as its guard needs to know it.
#[derive(Clone, Debug)]
pub struct NetworkGuard {
    /// Which.
    pub network: Network,
    /// The MAC addresses of the bridge and of its ports that are no guests': frames for them are for the host.
    pub macs: Vec<MacAddress>,
    /// The ports of the bridge that are no guests'; the cards that routed guests' packets leave by.
    pub uplinks: Vec<LinkName>,
    /// The devices of the guests that are routed to, as far as they are there.
    pub guests: Vec<LinkName>,
    /// Whether the host translates addresses between the bridge and the outside.
    pub is_translated: bool,
}

impl NetworkGuard {
    /// The guard of a network that nothing is known of but its name.
    #[must_use]
    pub fn of(network: Network) -> Self {
        Self { network, macs: Vec::new(), uplinks: Vec::new(), guests: Vec::new(), is_translated: false }
    }

    fn table_name(&self) -> String {
        match &self.network {
            Network::Bridge { name, .. } => format!("dom0net-{name}"),
            // Longer than the name of any bridge.
            Network::Routed(script) => format!("dom0net-routed-by-{}", script.script()),
        }
    }

    /// The families in which it has tables, and in which of them the comment is.
    fn families(&self) -> (&'static [TableFamily], TableFamily) {
        match self.network {
            Network::Bridge { .. } => (&[TableFamily::Bridge, TableFamily::Inet], TableFamily::Bridge),
            Network::Routed(_) => (&[TableFamily::Inet], TableFamily::Inet),
        }
    }

    /// How the network's guard stands to what it should be.
    pub fn condition(&self, filter: &mut NfTables, policy: &NetworkPolicy) -> Result<Condition, Error> {
        let name = self.table_name();
        let marked = filter.chain(Table { family: self.families().1, name: &name }, MARKED)?;
        let Some(marked) = marked else {
            return Ok(if *policy == NetworkPolicy::default() {
                Condition::Disabled
            } else {
                Condition::Missing
            });
        };
        if marked.comment != Some(self.comment(policy)) {
            return Ok(Condition::Another);
        }
        for chain in Rules::of(self, policy).base_chains() {
            if filter.chain(Table { family: chain.family, name: &name }, chain.name)?.is_none() {
                return Ok(Condition::Missing);
            }
        }
        Ok(Condition::InForce)
    }

    /// Puts `policy` in force, in place of any that the network had.
    ///
    /// `generation`: what is known of the network is of this generation of the rule set; if it is another one by then, the
    /// answer is an error that [is stale](Error::is_stale).
    pub fn install(
        &self,
        filter: &mut NfTables,
        policy: &NetworkPolicy,
        generation: Option<u32>,
    ) -> Result<(), Error> {
        let mut attempt = 0;
        loop {
            match self.replace(filter, policy, generation) {
                // When a host starts, guests are plugged side by side, and each sees to its network.
                Err(error) if (error.is_exists() || error.is_not_found()) && attempt < ATTEMPTS => {
                    attempt += 1;
                }
                result => return result,
            }
        }
    }

    fn replace(
        &self,
        filter: &mut NfTables,
        policy: &NetworkPolicy,
        generation: Option<u32>,
    ) -> Result<(), Error> {
        let name = self.table_name();
        let mut batch = Batch::expecting(generation);
        for &family in self.families().0 {
            let table = Table { family, name: &name };
            if filter.table(table)?.is_some() {
                batch.delete_table(table);
            }
        }
        if *policy != NetworkPolicy::default() {
            let marked = Table { family: self.families().1, name: &name };
            batch.add_table(marked);
            batch.add_chain(marked, MARKED, Some(&self.comment(policy)));
            Rules::of(self, policy).add(&mut batch, &name);
        }
        filter.commit(&batch)
    }

    /// How many packets were dropped for each reason that this policy has, each once; none of a policy that is not in force.
    pub fn dropped(
        &self,
        filter: &mut NfTables,
        policy: &NetworkPolicy,
    ) -> Result<Vec<(NetworkReason, u64)>, Error> {
        let name = self.table_name();
        let mut dropped = Vec::new();
        for (family, chain) in Rules::of(self, policy).counting() {
            let rules = match filter.rules(Table { family, name: &name }, Some(chain)) {
                Err(error) if error.is_not_found() => continue,
                rules => rules?,
            };
            for rule in rules {
                let reason = rule.comment.as_deref().and_then(NetworkReason::from_word);
                if let (Some(reason), Some((packets, _))) = (reason, rule.counted) {
                    dropped.push((reason, packets));
                }
            }
        }
        Ok(dropped)
    }

    /// Makes a guest's device, and the cards that it is reached by, known to the rules that keep passing traffic out of
    /// connection tracking. No error when there are no such rules.
    pub fn join(&self, filter: &mut NfTables, guest: &LinkName, cards: &[LinkName]) -> Result<(), Error> {
        let name = self.table_name();
        let table = Table { family: TableFamily::Inet, name: &name };
        let mut batch = Batch::new();
        batch.add_elements(table, GUESTS, &elements([guest]));
        if !cards.is_empty() {
            batch.add_elements(table, CARDS, &elements(cards));
        }
        unless_absent(filter.commit(&batch))
    }

    /// Takes a guest's device out of those rules. No error when it is not in them.
    pub fn leave(&self, filter: &mut NfTables, guest: &LinkName) -> Result<(), Error> {
        let name = self.table_name();
        let mut batch = Batch::new();
        let table = Table { family: TableFamily::Inet, name: &name };
        batch.delete_elements(table, GUESTS, &elements([guest]));
        unless_absent(filter.commit(&batch))
    }

    /// What tells one guard from another. Who comes and goes is not in it.
    fn comment(&self, policy: &NetworkPolicy) -> String {
        let knows = match self.network {
            Network::Bridge { .. } => format!("{:?} {:?} {}", self.macs, self.uplinks, self.is_translated),
            Network::Routed(_) => String::new(),
        };
        format!("2 {}", hash(&format!("{policy:?} {:?} {knows}", self.network)))
    }
}

pub(super) fn elements<'a>(names: impl IntoIterator<Item = &'a LinkName>) -> Vec<Element> {
    names.into_iter().map(|name| Element::one(link_name(name))).collect()
}

fn unless_absent(result: Result<(), Error>) -> Result<(), Error> {
    match result {
        Err(error) if error.is_not_found() => Ok(()),
        result => result,
    }
}
