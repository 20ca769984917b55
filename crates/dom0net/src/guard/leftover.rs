//! Whose guards there are: asked for when nobody knows any more whose there should be.

use netkernel::netlink::Error;
use netkernel::nftables::{NfTables, Table, TableFamily};

use super::install::TABLE_PREFIX;
use super::ledger;
use crate::vif::Port;

/// The ports that have a guard in the kernel, or what is left of one: old kernels take its chain away with the device, and leave what is
/// noted of it. In order, each once.
pub fn guarded_ports(filter: &mut NfTables) -> Result<Vec<Port>, Error> {
    let mut ports = filter.chains_as(TableFamily::Netdev, |chain| {
        // Chains that guards share are named after no port.
        let port = || chain.name.split('-').next().and_then(Port::named);
        chain.table.starts_with(TABLE_PREFIX).then(port).flatten()
    })?;
    for table in filter.tables(TableFamily::Netdev)? {
        if table.name.starts_with(TABLE_PREFIX) {
            let table = Table { family: TableFamily::Netdev, name: &table.name };
            ports.extend(ledger::ports(filter, table)?);
        }
    }
    ports.sort_unstable();
    ports.dedup();
    Ok(ports)
}
