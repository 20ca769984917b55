//! The guard of a vif in the kernel: put in force, taken away, read.
//!
//! Each vif has its own base chain at the ingress of its device, so that what one vif costs does not depend on how many
//! others there are. The chains are spread over 64 tables: with all in one, each new rule would make the kernel look
//! through all the others; with a table each, each message would look through all the tables.

use std::collections::BTreeMap;
use std::fmt;

use netkernel::link::LinkName;
use netkernel::netlink::Error;
use netkernel::nftables::{Batch, ChainInfo, Hook, NfTables, Policy as ChainPolicy, Table, TableFamily};

use super::compile::{Chain, Layout, MARKED, compile};
use super::policy::{Policy, Reason};
use crate::vif::Port;

/// How many tables the guards are spread over.
const TABLES: u32 = 64;
/// Before anything else that hooks the device.
const PRIORITY: i32 = -500;
/// `NF_NETDEV_INGRESS`.
const INGRESS: u32 = 0;
/// How often a change that raced with others is tried again.
const ATTEMPTS: usize = 8;

/// The name of the tables, up to the number.
const TABLE_PREFIX: &str = "dom0net-";

/// The guard of one port: where it is in the packet filter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Guard {
    table: String,
    /// The name of its base chain, and what the names of its others begin with: the port's own, whatever the device
    /// is called.
    name: String,
}

/// A guard as it is in the kernel.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct GuardState {
    /// The devices that it is hooked to, by the names that it was given.
    pub devices: Vec<String>,
    /// How many frames each reason has dropped.
    pub dropped: BTreeMap<Reason, u64>,
}

impl Guard {
    /// The guard of this port.
    #[must_use]
    pub fn of(port: Port) -> Self {
        // Domain ids are given out in order; so the tables fill evenly.
        let number = port.vif.domid.wrapping_add(port.vif.devid.wrapping_mul(17)) % TABLES;
        Self { table: format!("{TABLE_PREFIX}{number:02}"), name: port.to_string() }
    }

    fn table(&self) -> Table<'_> {
        Table { family: TableFamily::Netdev, name: &self.table }
    }

    /// Puts `policy` in force for what comes in on the device called `device`, in place of any that this port had: in
    /// one step, so that there is no moment without.
    pub fn install(&self, filter: &mut NfTables, device: &LinkName, policy: &Policy) -> Result<(), Error> {
        let chains = compile(policy, &self.name);
        let comment = Layout::of(policy).comment;
        let mut batch = Batch::new();
        batch.add_table(self.table());
        self.add_chains(&mut batch, device, &chains, comment);
        match filter.commit(&batch) {
            // An earlier plug of this port was never undone, or this is a second one.
            Err(error) if error.is_exists() => {
                let present = self.present_chains(filter)?;
                let mut batch = Batch::new();
                self.delete_chains(&mut batch, &present);
                self.add_chains(&mut batch, device, &chains, comment);
                filter.commit(&batch)
            }
            result => result,
        }
    }

    fn add_chains(&self, batch: &mut Batch, device: &LinkName, chains: &[Chain], comment: &str) {
        let devices = [device.clone()];
        let hook = Hook {
            kind: "filter",
            number: INGRESS,
            priority: PRIORITY,
            policy: ChainPolicy::Drop,
            devices: &devices,
        };
        let marked = self.named(MARKED);
        for chain in chains {
            if chain.name == self.name {
                batch.add_base_chain(self.table(), &chain.name, &hook);
            } else {
                let comment = (chain.name == marked).then_some(comment);
                batch.add_chain(self.table(), &chain.name, comment);
            }
        }
        for chain in chains {
            for rule in &chain.rules {
                batch.add_rule(self.table(), &chain.name, rule);
            }
        }
    }

    fn delete_chains(&self, batch: &mut Batch, present: &[String]) {
        // Without their rules they do not need each other any more.
        for chain in present {
            batch.flush_chain(self.table(), chain);
        }
        for chain in present {
            batch.delete_chain(self.table(), chain);
        }
    }

    /// The chains of this guard that are there.
    fn present_chains(&self, filter: &mut NfTables) -> Result<Vec<String>, Error> {
        let base = filter.chain(self.table(), &self.name)?;
        let marked = filter.chain(self.table(), &self.named(MARKED))?;
        let layout = marked.as_ref().map(|chain| chain.comment.as_deref().and_then(Layout::named));
        let Some(layout) = layout else {
            // Nothing at all, or a base chain that is not ours to understand.
            return if base.is_none() { Ok(Vec::new()) } else { self.all_chains(filter) };
        };
        let Some(layout) = layout else { return self.all_chains(filter) };
        // Old kernels take the base chain away with its device.
        let gone = usize::from(base.is_none());
        Ok(layout.suffixes[gone..].iter().map(|suffix| self.named(suffix)).collect())
    }

    /// The chains of this guard, whoever made them: found by looking at all chains of all guards.
    fn all_chains(&self, filter: &mut NfTables) -> Result<Vec<String>, Error> {
        let chains = filter.chains(TableFamily::Netdev)?;
        Ok(chains.into_iter().filter(|chain| self.owns(chain)).map(|chain| chain.name).collect())
    }

    fn owns(&self, chain: &ChainInfo) -> bool {
        let suffix = chain.name.strip_prefix(&self.name);
        chain.table == self.table && suffix.is_some_and(|rest| rest.is_empty() || rest.starts_with('-'))
    }

    fn named(&self, suffix: &str) -> String {
        format!("{}{suffix}", self.name)
    }

    /// Takes the guard away, and its table when nothing else is in it. No error when there is none.
    pub fn remove(&self, filter: &mut NfTables) -> Result<(), Error> {
        // A guard that is alone in its table goes with it, in one step.
        let present = self.present_chains(filter)?;
        if self.remove_table_of(filter, present.len())? {
            return Ok(());
        }
        let mut batch = Batch::new();
        self.delete_chains(&mut batch, &present);
        filter.commit(&batch)?;
        self.remove_table_of(filter, 0).map(drop)
    }

    /// Deletes the whole table if it holds this many things and no more, and says whether it is gone.
    ///
    /// Kernels differ in whether they count the sets of rules; where they do, the count is too large for a guard with
    /// chains, and right for an empty table.
    fn remove_table_of(&self, filter: &mut NfTables, things: usize) -> Result<bool, Error> {
        for _ in 0..ATTEMPTS {
            // Anything that changes from here on makes the batch stale.
            let generation = filter.generation()?;
            let Some(table) = filter.table(self.table())? else { return Ok(true) };
            if table.uses as usize != things {
                return Ok(false);
            }
            let mut batch = Batch::expecting(Some(generation));
            batch.delete_table(self.table());
            match filter.commit(&batch) {
                Err(error) if error.is_stale() => {}
                result => return result.map(|()| true),
            }
        }
        // Others are changing the rule set all the time; an empty table may stay for a while.
        Ok(false)
    }

    /// The guard as it is in the kernel; none when it is not there.
    pub fn state(&self, filter: &mut NfTables) -> Result<Option<GuardState>, Error> {
        let Some(chain) = filter.chain(self.table(), &self.name)? else { return Ok(None) };
        let mut state = GuardState { devices: chain.devices, dropped: BTreeMap::new() };
        for chain in self.present_chains(filter)? {
            for rule in filter.rules(self.table(), Some(&chain))? {
                let reason = rule.comment.as_deref().and_then(Reason::from_word);
                if let (Some(reason), Some((frames, _))) = (reason, rule.counted) {
                    *state.dropped.entry(reason).or_default() += frames;
                }
            }
        }
        Ok(Some(state))
    }
}

/// Where the guard is: `dom0net-07/vif1.0`.
impl fmt::Display for Guard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.table, self.name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::vif::{PortKind, Vif};

    fn guard(domid: u32, devid: u32, kind: PortKind) -> Guard {
        Guard::of(Port { vif: Vif { domid, devid }, kind })
    }

    #[test]
    fn a_vif_and_its_tap_have_guards_of_their_own() {
        let (vif, tap) = (guard(1, 0, PortKind::Vif), guard(1, 0, PortKind::Tap));
        let chain = |name: &str| ChainInfo {
            table: vif.table.clone(),
            name: name.into(),
            devices: Vec::new(),
            comment: None,
        };
        assert!(vif.owns(&chain("vif1.0")) && vif.owns(&chain("vif1.0-nd")));
        assert!(!vif.owns(&chain("tap1.0")) && !vif.owns(&chain("vif1.01")));
        assert!(tap.owns(&chain("tap1.0-nd")));
    }

    #[test]
    fn the_guards_of_domains_in_a_row_are_spread_evenly() {
        let mut count = BTreeMap::<String, usize>::new();
        for domid in 1..=4000 {
            *count.entry(guard(domid, 0, PortKind::Vif).table).or_default() += 1;
        }
        assert!(count.values().all(|&guards| (62..=63).contains(&guards)), "{count:?}");
    }

    #[test]
    fn the_chains_to_delete_are_those_that_are_made() {
        let mac = "00:16:3e:00:00:01".parse().unwrap();
        for policy in [Policy::locked(mac, []), Policy::mac_only(mac)] {
            let layout = Layout::of(&policy);
            let made: Vec<String> = compile(&policy, "vif1.0").into_iter().map(|chain| chain.name).collect();
            let known: Vec<String> = layout.suffixes.iter().map(|suffix| format!("vif1.0{suffix}")).collect();
            assert_eq!(made, known);
            assert!(layout.suffixes.contains(&MARKED));
            assert_eq!(Layout::named(layout.comment), Some(layout));
        }
    }
}
