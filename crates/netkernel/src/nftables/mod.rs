//! Packet filtering: reading and changing nf_tables (`linux/netfilter/nf_tables.h`).
//!
//! ```no_run
//! use netkernel::link::LinkName;
//! use netkernel::nftables::*;
//!
//! // Drop what comes into vif1.0 from another MAC address.
//! let table = Table { family: TableFamily::Netdev, name: "example" };
//! let mut batch = Batch::new();
//! batch.add_table(table);
//! let devices = [LinkName::new("vif1.0")?];
//! let hook = Hook { kind: "filter", number: 0, priority: -500, policy: Policy::Accept, devices: &devices };
//! batch.add_base_chain(table, "ingress", &hook);
//! batch.add_rule(table, "ingress", &Rule {
//!     matches: vec![Match::is_not(Field::link(6, 6), [0, 0x16, 0x3e, 0, 0, 1])],
//!     statements: vec![Statement::Count, Statement::Verdict(Verdict::Drop)],
//!     comment: Some("not its MAC address".into()),
//! });
//! NfTables::open()?.commit(&batch)?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod batch;
mod handle;
mod noted;
mod numbers;
mod rule;
mod sets;

pub use batch::{Batch, Hook, Policy, Table, TableFamily};
pub use handle::{ChainInfo, ChainView, ElementInfo, ElementView, NfTables, RuleInfo, TableInfo};
pub use rule::{
    Base, Field, Match, Rule, Statement, Test, Verdict, link_name, tracking_state, tracking_status,
};
pub use sets::{Element, KeyKind, Target};
