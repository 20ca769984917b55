//! `dom0net mac check`: addresses that two guests have.

mod uses;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use clap::Args;
use ethernet::MacAddress;
use serde_json::json;

use self::uses::{Owner, Uses};
use crate::cli::configuration::findings::visible;
use crate::cli::configuration::rules::Rules;
use crate::cli::output::{announce, json as print_json, out};

/// Where configurations are.
const CONFIGURATIONS: &str = "/etc/xen";

#[derive(Args)]
#[command(after_help = "\
Without files, those in /etc/xen are read. A guest that is running and its configuration are one guest.

Exit status: 0 every address is used once, 1 an address is used twice (with --mac: it is in
use), 2 a file cannot be read.

Examples:
  dom0net mac check
  dom0net mac check /etc/xen /srv/xen
  dom0net mac check --mac 00:16:3e:27:95:c0")]
pub(crate) struct Check {
    /// Configuration files, folders of them, or - for standard input.
    #[arg(value_name = "FILE")]
    files: Vec<PathBuf>,
    /// Ask only whether this address is in use. May be repeated.
    #[arg(long = "mac", value_name = "ADDRESS")]
    addresses: Vec<MacAddress>,
    #[command(flatten)]
    rules: Rules,
    /// Print it as JSON: each address with all that use it.
    #[arg(long)]
    json: bool,
}

impl Check {
    /// Runs the command and returns the exit status.
    pub(super) fn run(&self) -> u8 {
        let mut uses = Uses::default();
        let mut files = self.files.clone();
        if files.is_empty() && Path::new(CONFIGURATIONS).exists() {
            files.push(CONFIGURATIONS.into());
        }
        uses.of_configurations(&files, &self.rules.options());
        uses.of_this_host();
        for problem in &uses.problems {
            eprintln!("dom0net: {problem}");
        }
        let clashes: BTreeMap<MacAddress, Vec<Owner>> = uses
            .by_address
            .into_iter()
            .filter(|(address, owners)| match self.addresses.as_slice() {
                [] => owners.iter().any(|owner| !owner.is_same(&owners[0])),
                asked => asked.contains(address),
            })
            .collect();
        if self.json {
            print_json(&clashes.iter().map(object).collect::<Vec<_>>());
        } else {
            for (address, owners) in &clashes {
                out(&line(*address, owners));
            }
            if clashes.is_empty() && self.addresses.is_empty() {
                announce("No address is used twice.");
            } else if clashes.is_empty() {
                announce("Not in use.");
            }
        }
        match (uses.unreadable, clashes.is_empty()) {
            (true, _) => 2,
            (false, false) => 1,
            (false, true) => 0,
        }
    }
}

fn object((address, owners): (&MacAddress, &Vec<Owner>)) -> serde_json::Value {
    let owners: Vec<_> =
        owners.iter().map(|owner| json!({ "name": owner.name, "where": owner.place })).collect();
    json!({ "mac": address.to_string(), "used_by": owners })
}

fn line(address: MacAddress, owners: &[Owner]) -> String {
    let owners: Vec<String> =
        owners.iter().map(|owner| format!("{} ({})", owner.name, owner.place)).collect();
    format!("{address} is used by {}\n", visible(&owners.join(" and ")))
}
