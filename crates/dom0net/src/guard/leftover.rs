//! Whose guards there are: asked for when nobody knows any more whose there should be.

use std::collections::BTreeSet;

use netkernel::netlink::Error;
use netkernel::nftables::{NfTables, TableFamily};

use super::install::TABLE_PREFIX;
use crate::vif::Port;

/// The ports that have a guard in the kernel, or any part of one: old kernels take its base chain away with the device, and leave
/// the others.
pub fn guarded_ports(filter: &mut NfTables) -> Result<BTreeSet<Port>, Error> {
    let chains = filter.chains(TableFamily::Netdev)?;
    let ours = chains.iter().filter(|chain| chain.table.starts_with(TABLE_PREFIX));
    // Chains that guards share are named after no port.
    Ok(ours.filter_map(|chain| Port::named(chain.name.split('-').next()?)).collect())
}
