//! All guards of the host at once: a list of chains from the kernel and two of elements for each table, however many guards there are.

use std::collections::{BTreeMap, HashMap};

use netkernel::netlink::Error;
use netkernel::nftables::{NfTables, Table, TableFamily};

use super::install::{Guard, TABLE_PREFIX};
use super::ledger::{self, Modes};
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
        let guards = filter.chains_as(TableFamily::Netdev, |chain| {
            if !chain.table.starts_with(TABLE_PREFIX) || chain.name.contains('-') {
                return None;
            }
            // Where nobody looks for it, nothing is a guard.
            let port = Port::named(&chain.name)?;
            let table = Some(Guard::table_of(port)).filter(|table| *table == chain.table)?;
            // What an old kernel leaves when the device goes is no guard.
            Some((table, (port, chain.devices()))).filter(|(_, (_, devices))| !devices.is_empty())
        })?;
        let mut tables = BTreeMap::<String, Vec<(Port, Vec<String>)>>::new();
        for (table, guard) in guards {
            tables.entry(table).or_default().push(guard);
        }
        let mut states = HashMap::new();
        for (name, guards) in tables {
            let table = Table { family: TableFamily::Netdev, name: &name };
            let (mut modes, dropped) = (Modes::of(filter, table)?, ledger::all_dropped(filter, table)?);
            states.extend(guards.into_iter().map(|(port, devices)| {
                (port, GuardState::new(devices, modes.take(&port.to_string()), &dropped))
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
