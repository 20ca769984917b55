//! All guards of the host at once: a list of chains from the kernel and two of elements for each table, however many guards there are.

use std::collections::{BTreeMap, HashMap};

use netkernel::netlink::Error;
use netkernel::nftables::{ChainInfo, NfTables, Table, TableFamily};

use super::install::{Guard, TABLE_PREFIX};
use super::ledger;
use super::state::GuardState;
use crate::vif::Port;

/// The guards that are in the kernel.
#[derive(Clone, Debug, Default)]
pub struct Survey {
    states: HashMap<Port, GuardState>,
}

impl Survey {
    /// Looks at all of them.
    pub fn take(filter: &mut NfTables) -> Result<Self, Error> {
        let is_guard = |chain: &ChainInfo| {
            // What an old kernel leaves when the device goes is no guard.
            chain.table.starts_with(TABLE_PREFIX) && !chain.name.contains('-') && !chain.devices.is_empty()
        };
        let mut tables = BTreeMap::<String, Vec<ChainInfo>>::new();
        for chain in filter.chains(TableFamily::Netdev)?.into_iter().filter(is_guard) {
            tables.entry(chain.table.clone()).or_default().push(chain);
        }
        let mut states = HashMap::new();
        for (name, guards) in tables {
            let table = Table { family: TableFamily::Netdev, name: &name };
            let (layouts, dropped) = (ledger::all_noted(filter, table)?, ledger::all_dropped(filter, table)?);
            states.extend(guards.into_iter().filter_map(|guard| {
                // Where nobody looks for it, nothing is a guard.
                let port = Port::named(&guard.name).filter(|port| Guard::of(*port).table() == table)?;
                let layout = layouts.get(&*ledger::noted_as(&guard.name));
                Some((port, GuardState::new(guard.devices, layout, &dropped)))
            }));
        }
        Ok(Self { states })
    }

    /// The guard of a port; none when it is not there.
    #[must_use]
    pub fn state(&self, port: Port) -> Option<&GuardState> {
        self.states.get(&port)
    }
}
