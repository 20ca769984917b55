//! Between a network behind the host and the outside: who may pass, whose address they bear then, and what comes in.
//!
//! [`Translation`] says what holds for one network; one place (`compile`) turns it into packet filter rules, which are put
//! in force, replaced and taken away as a whole. Each network has a table of its own; nothing else is touched.

mod compile;
mod forward;

use std::fmt;

use ipnet::{Ipv4Net, Ipv6Net};
use netkernel::link::LinkName;
use netkernel::netlink::Error;
use netkernel::nftables::{Batch, NfTables, Table, TableFamily};
use serde::{Deserialize, Serialize};

pub use forward::{BadForward, Forward, Protocol, overlap};

/// What the names of the tables begin with.
const TABLE_PREFIX: &str = "dom0net-nat-";

/// What happens to packets that enter or leave one network.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Translation {
    /// The network's name, which its table is called after.
    pub name: LinkName,
    /// What the network is.
    pub inside: Inside,
    /// The device that its packets leave by; none: whichever leads to where they go.
    pub outside: Option<LinkName>,
    /// Whether IPv4 packets that leave bear the host's address.
    pub masquerade_ipv4: bool,
    /// Whether IPv6 packets that leave bear the host's address.
    pub masquerade_ipv6: bool,
    /// Who may pass.
    pub passage: Passage,
    /// What comes in.
    pub forwards: Vec<Forward>,
}

/// What a network is, seen from the host.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Inside {
    /// All that the host passes on and is not its own: guests with `vif-nat`, each behind a device.
    Guests,
    /// A bridge with subnets of its own.
    Bridge {
        /// Its name.
        bridge: LinkName,
        /// Its IPv4 subnet.
        ipv4: Option<Ipv4Net>,
        /// Its IPv6 subnet.
        ipv6: Option<Ipv6Net>,
    },
}

/// Who may pass between a network and the outside.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Passage {
    /// Everybody.
    Free,
    /// Those inside, and what answers them or is forwarded to them.
    Outwards,
    /// Nobody.
    None,
}

impl Translation {
    /// True when the host's address stands for all that leaves by the card, whoever sent it.
    #[must_use]
    pub fn translates_everybody(&self) -> bool {
        self.inside == Inside::Guests && (self.masquerade_ipv4 || self.masquerade_ipv6)
    }

    fn table_name(&self) -> String {
        format!("{TABLE_PREFIX}{}", self.name)
    }

    /// Puts it in force, in place of what was in force for this network, in one step.
    pub fn install(&self, filter: &mut NfTables) -> Result<(), Error> {
        let name = self.table_name();
        let table = Table { family: TableFamily::Inet, name: &name };
        let mut batch = Batch::new();
        // Made, so that it can be deleted in any case.
        batch.add_table(table);
        batch.delete_table(table);
        batch.add_table(table);
        compile::compile(self, table, &mut batch);
        filter.commit(&batch)
    }

    /// Takes it away. No error when it is not there.
    pub fn remove(&self, filter: &mut NfTables) -> Result<(), Error> {
        let name = self.table_name();
        let table = Table { family: TableFamily::Inet, name: &name };
        let mut batch = Batch::new();
        batch.add_table(table);
        batch.delete_table(table);
        filter.commit(&batch)
    }

    /// True when its table is there.
    pub fn is_in_force(&self, filter: &mut NfTables) -> Result<bool, Error> {
        let name = self.table_name();
        Ok(filter.table(Table { family: TableFamily::Inet, name: &name })?.is_some())
    }
}

/// One line for people, in the imperative: "let xenbr1 out as this host, and nobody in".
impl fmt::Display for Translation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.inside {
            Inside::Guests => f.write_str("let guests out")?,
            Inside::Bridge { bridge, .. } if self.passage == Passage::None => {
                return write!(f, "let nothing pass between {bridge} and the outside");
            }
            Inside::Bridge { bridge, .. } => write!(f, "let {bridge} out")?,
        }
        if let Some(outside) = &self.outside {
            write!(f, " by {outside}")?;
        }
        match (self.masquerade_ipv4, self.masquerade_ipv6) {
            (true, true) => f.write_str(" as this host")?,
            (true, false) => f.write_str(" as this host (IPv4)")?,
            (false, true) => f.write_str(" as this host (IPv6)")?,
            (false, false) => {}
        }
        if self.passage == Passage::Outwards {
            f.write_str(", and nobody in that was not asked")?;
        }
        self.forwards.iter().try_for_each(|forward| write!(f, ", forward {forward}"))
    }
}
