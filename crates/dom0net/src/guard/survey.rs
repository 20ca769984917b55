//! All guards of the host at once: a list of chains from the kernel and one of rules for each table, however many guards there are.

use std::collections::{BTreeSet, HashMap};

use netkernel::netlink::Error;
use netkernel::nftables::{NfTables, Table, TableFamily};

use super::install::{Guard, GuardState, TABLE_PREFIX};
use super::layout::{Layout, MARKED};
use super::reason::Reason;
use crate::vif::Port;

/// The guards that are in the kernel.
#[derive(Clone, Debug, Default)]
pub struct Survey {
    /// By table and the name of the base chain.
    states: HashMap<(String, String), GuardState>,
}

impl Survey {
    /// Looks at all of them.
    pub fn take(filter: &mut NfTables) -> Result<Self, Error> {
        let mut states: HashMap<(String, String), GuardState> = HashMap::new();
        let is_ours = |table: &str| table.starts_with(TABLE_PREFIX);
        for chain in filter.chains(TableFamily::Netdev)?.into_iter().filter(|chain| is_ours(&chain.table)) {
            if let Some(port) = chain.name.strip_suffix(MARKED) {
                let layout = chain.comment.as_deref().and_then(Layout::read);
                let key = (chain.table, port.to_owned());
                states.entry(key).or_default().mode = layout.map(|layout| layout.mode);
            } else if !chain.name.contains('-') {
                states.entry((chain.table, chain.name)).or_default().devices = chain.devices;
            }
        }
        // By table: the kernel sends a list in pieces, and counts from its beginning for each. In one list of 4,000 guards that
        // takes seconds.
        let tables: BTreeSet<String> = states.keys().map(|(table, _)| table.clone()).collect();
        for name in &tables {
            for rule in filter.rules(Table { family: TableFamily::Netdev, name }, None)? {
                let reason = rule.comment.as_deref().and_then(Reason::from_word);
                let (Some(reason), Some((frames, _))) = (reason, rule.counted) else { continue };
                let port = rule.chain.split('-').next().unwrap_or_default().to_owned();
                if let Some(state) = states.get_mut(&(rule.table, port)) {
                    *state.dropped.entry(reason).or_default() += frames;
                }
            }
        }
        // What an old kernel leaves when the device goes is no guard.
        states.retain(|_, state| !state.devices.is_empty());
        Ok(Self { states })
    }

    /// The guard of a port; none when it is not there.
    #[must_use]
    pub fn state(&self, port: Port) -> Option<&GuardState> {
        self.states.get(&Guard::of(port).place())
    }
}
