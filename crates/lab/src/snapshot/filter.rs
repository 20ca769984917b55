//! The packet filter in a snapshot.

use netkernel::netlink::Error;
use netkernel::nftables::{NfTables, Table, TableFamily};

use super::Snapshot;

const FAMILIES: [TableFamily; 5] =
    [TableFamily::Inet, TableFamily::Ip, TableFamily::Ip6, TableFamily::Bridge, TableFamily::Netdev];

/// Adds the tables, chains, sets, and how many rules there are in each chain. Must be called at the station.
pub(super) fn add(snapshot: &mut Snapshot) -> Result<(), Error> {
    let mut filter = NfTables::open()?;
    for family in FAMILIES {
        let word = family.word();
        for table in filter.tables(family)? {
            snapshot.add(format!("table {word} {}", table.name), String::new());
            let place = Table { family, name: &table.name };
            for set in filter.sets(place)? {
                // A set of a rule's own is named after its number.
                let name = if set.starts_with("__set") { "(of a rule)" } else { &set };
                snapshot.add(format!("set {word} {} {name}", table.name), String::new());
            }
        }
        for chain in filter.chains(family)? {
            let place = Table { family, name: &chain.table };
            let rules = filter.rules(place, Some(&chain.name))?;
            let mut state = vec![format!("{} rules", rules.len())];
            if !chain.devices.is_empty() {
                state.push(format!("on {}", chain.devices.join(" ")));
            }
            state.extend(rules.into_iter().filter_map(|rule| rule.comment));
            snapshot.add(format!("chain {word} {} {}", chain.table, chain.name), state.join(", "));
        }
    }
    Ok(())
}
