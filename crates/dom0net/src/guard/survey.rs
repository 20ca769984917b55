//! All guards of the host at once: a list of chains from the kernel and two of elements for each table, however many guards there are.

use netkernel::netlink::Error;
use netkernel::nftables::{NfTables, Table, TableFamily};

use super::install::Guard;
use super::ledger::{self, Modes};
use super::state::GuardState;
use crate::vif::Port;

/// The guards that are in the kernel.
#[derive(Clone, Debug, Default)]
pub struct Survey {
    /// In the order of the ports.
    states: Vec<(Port, GuardState)>,
}

/// What the list of chains tells of a guard.
struct Listed {
    table: u32,
    port: Port,
    key: ledger::Key,
    devices: Vec<String>,
}

impl Survey {
    /// Looks at all of them.
    pub fn take(filter: &mut NfTables) -> Result<Self, Error> {
        let tables = Guard::tables();
        let mut guards = filter.chains_as(TableFamily::Netdev, |chain| {
            let port = Port::named(&chain.name)?;
            let table = Guard::table_number(port);
            // Where nobody looks for it, nothing is a guard.
            let is_ours = tables.get(table as usize).is_some_and(|name| *name == chain.table);
            let guard = is_ours.then(|| Listed {
                table,
                port,
                key: ledger::key_of(&chain.name),
                devices: chain.devices(),
            });
            // What an old kernel leaves when the device goes is no guard.
            guard.filter(|guard| !guard.devices.is_empty())
        })?;
        guards.sort_unstable_by_key(|guard| guard.table);
        let mut states = Vec::with_capacity(guards.len());
        let mut guards = guards.into_iter().peekable();
        while let Some(number) = guards.peek().map(|guard| guard.table) {
            let name = tables.get(number as usize).map_or("", String::as_str);
            let table = Table { family: TableFamily::Netdev, name };
            let (mut modes, dropped) = (Modes::of(filter, table)?, ledger::all_dropped(filter, table)?);
            while let Some(guard) = guards.next_if(|guard| guard.table == number) {
                states.push((guard.port, GuardState::new(guard.devices, modes.take(&guard.key), &dropped)));
            }
        }
        states.sort_unstable_by_key(|(port, _)| *port);
        Ok(Self { states })
    }

    /// The guard of a port; none when it is not there.
    #[must_use]
    pub fn state(&self, port: Port) -> Option<&GuardState> {
        let at = self.states.binary_search_by_key(&port, |(port, _)| *port).ok()?;
        self.states.get(at).map(|(_, state)| state)
    }
}
