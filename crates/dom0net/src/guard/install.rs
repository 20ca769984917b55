//! The guard of a vif in the kernel: put in force, and taken away.
//!
//! Each vif has its own base chain at the ingress of its device, so that what one vif costs does not depend on how many
//! others there are. The chains are spread over 64 tables: with all in one, each batch would make the kernel look
//! through all the others' rules; with a table each, each message would look through all the tables.

use std::fmt;

use netkernel::link::LinkName;
use netkernel::netlink::Error;
use netkernel::nftables::{Batch, Hook, NfTables, Policy as ChainPolicy, Table, TableFamily};

use super::compile::{Chain, compile};
use super::layout::Layout;
use super::ledger;
use super::nft;
use super::owned::{self, Owned};
use super::policy::Policy;
use super::sound::{self, Sound};
use super::state::Present;
use super::turn::Turn;
use crate::vif::Port;

/// How many tables the guards are spread over.
const TABLES: u32 = 64;
/// How many domains in a row have their guards in the same table.
const NEIGHBOURS: u32 = 64;
/// Before anything else that hooks the device.
const PRIORITY: i32 = -500;
/// `NF_NETDEV_INGRESS`.
const INGRESS: u32 = 0;
/// How often a change that raced with others is tried again.
pub(super) const ATTEMPTS: usize = 32;
/// How often it is given up when anything else has changed meanwhile.
const PATIENT: usize = 16;

/// The name of the tables, up to the number.
pub(super) const TABLE_PREFIX: &str = "dom0net-";

/// The guard of one port: where it is in the packet filter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Guard {
    table: String,
    /// The name of its base chain, and what the names of its others begin with: the port's own, whatever the device
    /// is called.
    pub(super) name: String,
}

/// What a guard is made of.
struct Parts<'a> {
    /// Its own, the base chain first.
    chains: Vec<Chain>,
    layout: Layout,
    /// The shared chains that it needs.
    sound: Sound,
    /// What those look up.
    owned: Owned,
    device: &'a LinkName,
}

impl Guard {
    /// The guard of this port.
    #[must_use]
    pub fn of(port: Port) -> Self {
        Self { table: Self::table_of(port), name: port.to_string() }
    }

    /// The name of the table that it is in.
    pub(super) fn table_of(port: Port) -> String {
        Self::table_numbered(Self::table_number(port))
    }

    /// The number of the table that it is in.
    pub(super) const fn table_number(port: Port) -> u32 {
        // Domain ids are given out in order; so no table gets full before the others are in use, and few guests have one table, in which
        // all but the first find what guards share already there. That is eighty rules; another guard in the table costs each plug less
        // than a rule.
        port.vif.domid / NEIGHBOURS % TABLES
    }

    fn table_numbered(number: u32) -> String {
        format!("{TABLE_PREFIX}{number:02}")
    }

    /// The names of all tables that guards are in, by their numbers.
    pub(super) fn tables() -> Vec<String> {
        (0..TABLES).map(Self::table_numbered).collect()
    }

    /// Where it is, as it is shown: table and chain.
    #[must_use]
    pub fn place(&self) -> String {
        [&self.table, "/", &self.name].concat()
    }

    /// The same of the guard of this port: of thousands it is asked for.
    #[must_use]
    pub fn place_of(port: Port) -> String {
        format!("{TABLE_PREFIX}{:02}/{port}", Self::table_number(port))
    }

    pub(super) fn table(&self) -> Table<'_> {
        Table { family: TableFamily::Netdev, name: &self.table }
    }

    /// Puts `policy` in force for what comes in on the device called `device`, in place of any that this port had: in
    /// one step, so that there is no moment without. A policy that is disabled takes the guard away.
    pub fn install(&self, filter: &mut NfTables, device: &LinkName, policy: &Policy) -> Result<(), Error> {
        let chains = compile(policy, &self.name);
        if chains.is_empty() {
            return self.remove(filter);
        }
        let parts = Parts {
            layout: Layout::of(policy, &chains, device.as_str()),
            sound: Sound::of(policy),
            owned: Owned::of(policy),
            device,
            chains,
        };
        let mut result = self.add(filter, &parts);
        for attempt in 0..ATTEMPTS {
            match result {
                // An earlier plug of this port was never undone, this is a second one, the policy changes, or somebody else
                // is doing the same.
                Err(error) if error.is_exists() || error.is_not_found() || error.is_stale() => {
                    // Where others change the rule set all the time, one cannot wait until nobody does.
                    let generation = if attempt < PATIENT { Some(filter.generation()?) } else { None };
                    let batch = Batch::expecting(generation);
                    result = self.replace(filter, batch, &parts);
                }
                result => return result,
            }
        }
        result
    }

    /// Adds a guard where there is none.
    fn add(&self, filter: &mut NfTables, parts: &Parts<'_>) -> Result<(), Error> {
        let sound = &parts.sound;
        let mut batch = Batch::new();
        batch.add_table(self.table());
        let mut turn = None;
        if !self.has_shared(filter, sound)? {
            turn = Turn::wait(&self.table, || self.has_shared(filter, sound))?;
            // Another may have been about to do it before this one's turn.
            if !self.has_shared(filter, sound)? {
                self.add_shared(&mut batch, &sound.compile());
            }
        }
        if parts.device.as_str() != self.name {
            // What nobody took away of a guest that had a device of this name would be this one's, too.
            owned::forget(filter, &mut batch, self.table(), |name| name == parts.device.as_str())?;
        }
        self.add_base_chain(&mut batch, parts.device);
        self.add_parts(&mut batch, parts);
        let result = filter.commit(&batch);
        drop(turn);
        result
    }

    /// `batch`: an empty one. The base chain stays if it is on the right device: its rules change from one packet to the
    /// next, where a new chain would be there for a moment without rules, and drop all.
    fn replace(&self, filter: &mut NfTables, mut batch: Batch, parts: &Parts<'_>) -> Result<(), Error> {
        let Parts { device, sound, .. } = parts;
        let present = self.present(filter)?;
        let stays = present.devices == [device.as_str()];
        batch.add_table(self.table());
        self.repair_shared(filter, &mut batch, sound)?;
        self.forget(filter, &mut batch, &present, Some(device))?;
        for chain in &present.chains {
            // Without their rules they do not need each other any more.
            batch.flush_chain(self.table(), chain);
        }
        for chain in present.chains.iter().filter(|chain| !stays || **chain != self.name) {
            batch.delete_chain(self.table(), chain);
        }
        if !stays {
            self.add_base_chain(&mut batch, device);
        }
        self.add_parts(&mut batch, parts);
        filter.commit(&batch)?;
        let shared = present.sound.into_iter().filter(|word| *word != sound.word());
        self.release_shared(filter, &shared.collect::<Vec<_>>()).map(drop)
    }

    /// Takes out of the table's sets what they have of the guard. What was counted for `stays`, the device that it has from now on, goes on.
    fn forget(
        &self,
        filter: &mut NfTables,
        batch: &mut Batch,
        present: &Present,
        stays: Option<&LinkName>,
    ) -> Result<(), Error> {
        if present.is_noted {
            ledger::forget(batch, self.table(), &self.name);
        }
        let stays = stays.map(LinkName::as_str);
        let mut names = present.names.clone();
        names.retain(|name| Some(name.as_str()) != stays);
        if names.iter().any(|name| *name != self.name) {
            // By now another may have a device of that name.
            let others = ledger::devices_of_others(filter, self.table(), &self.name)?;
            names.retain(|name| !others.contains(name));
        }
        let was_on = |name: &str| names.iter().any(|one| one == name);
        owned::forget(filter, batch, self.table(), |name| was_on(name) || Some(name) == stays)?;
        ledger::forget_dropped(filter, batch, self.table(), was_on)
    }

    fn add_base_chain(&self, batch: &mut Batch, device: &LinkName) {
        let devices = [device.clone()];
        let hook = Hook {
            kind: "filter",
            number: INGRESS,
            priority: PRIORITY,
            policy: ChainPolicy::Drop,
            devices: &devices,
        };
        batch.add_base_chain(self.table(), &self.name, &hook);
    }

    /// Adds the chains but the base chain, the rules of all, what they look up, and notes the guard.
    fn add_parts(&self, batch: &mut Batch, parts: &Parts<'_>) {
        for chain in parts.chains.iter().filter(|chain| chain.name != self.name) {
            batch.add_chain(self.table(), &chain.name, None);
        }
        for chain in &parts.chains {
            for rule in &chain.rules {
                batch.add_rule(self.table(), &chain.name, rule);
            }
        }
        parts.owned.keep(batch, self.table(), parts.device);
        ledger::note(batch, self.table(), &self.name, &parts.layout);
    }

    pub(super) fn delete_chains(&self, batch: &mut Batch, present: &[String]) {
        // Without their rules they do not need each other any more.
        for chain in present {
            batch.flush_chain(self.table(), chain);
        }
        for chain in present {
            batch.delete_chain(self.table(), chain);
        }
    }

    /// Takes the guard away, and its table when nothing else is in it. No error when there is none.
    pub fn remove(&self, filter: &mut NfTables) -> Result<(), Error> {
        let mut result = self.remove_once(filter);
        for _ in 0..ATTEMPTS {
            // Somebody else has taken some of it away after we looked.
            let has_lost = result.as_ref().is_err_and(Error::is_not_found);
            if !has_lost {
                break;
            }
            result = self.remove_once(filter);
        }
        result
    }

    fn remove_once(&self, filter: &mut NfTables) -> Result<(), Error> {
        let present = self.present(filter)?;
        // A guard that is alone in its table goes with it, in one step. The number of things tells that, if all of its own are there:
        // then those that it shares are, too, which come and go together. Where others jump to these, it need not be counted.
        if let ([base, ..], [word]) = (&present.chains[..], &present.sound[..])
            && *base == self.name
            && self.jumps_to(filter, word)?.is_some_and(|jumps| jumps <= present.chains.len())
        {
            let things = present.chains.len() + sound::names(word).len() + ledger::SETS;
            if self.remove_table_of(filter, things)? {
                return Ok(());
            }
        }
        let mut batch = Batch::new();
        self.delete_chains(&mut batch, &present.chains);
        self.forget(filter, &mut batch, &present, None)?;
        filter.commit(&batch)?;
        if !self.release_shared(filter, &present.sound)? {
            // The table has other guards.
            return Ok(());
        }
        // What other versions of the program made has fewer sets, or none.
        let sets = if present.is_noted { &ledger::SETS_OF_NOTED[..] } else { &ledger::SETS_OF_OTHERS };
        for sets in sets {
            if self.remove_table_of(filter, *sets)? {
                break;
            }
        }
        Ok(())
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

    /// The rules of a policy for the device called `device`, as `nft` writes them; empty when the policy is disabled.
    #[must_use]
    pub fn text(&self, device: &LinkName, policy: &Policy) -> String {
        match &compile(policy, &self.name)[..] {
            [] => String::new(),
            chains => {
                let chains = [chains, &Sound::of(policy).compile()].concat();
                nft::text(&self.table, &chains, &Owned::of(policy), device.as_str(), PRIORITY)
            }
        }
    }
}

/// Where the guard is: `dom0net-07/vif1.0`.
impl fmt::Display for Guard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.place())
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::vif::{PortKind, Vif};

    fn guard(domid: u32, devid: u32, kind: PortKind) -> Guard {
        Guard::of(Port { vif: Vif { domid, devid }, kind })
    }

    #[test]
    fn the_guards_of_domains_in_a_row_are_spread_evenly() {
        let mut count = BTreeMap::<String, usize>::new();
        for domid in 1..=4000 {
            *count.entry(guard(domid, 0, PortKind::Vif).table).or_default() += 1;
        }
        assert!(count.values().all(|&guards| guards <= 64), "{count:?}");
    }
}
