//! All guards of the host at once: two lists from the kernel, however many there are.

use std::collections::HashMap;

use netkernel::netlink::Error;
use netkernel::nftables::{NfTables, TableFamily};

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
        for rule in filter.rules_of_family(TableFamily::Netdev)? {
            let reason = rule.comment.as_deref().and_then(Reason::from_word);
            let (Some(reason), Some((frames, _))) = (reason, rule.counted) else { continue };
            let port = rule.chain.split('-').next().unwrap_or_default().to_owned();
            if let Some(state) = states.get_mut(&(rule.table, port)) {
                *state.dropped.entry(reason).or_default() += frames;
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
