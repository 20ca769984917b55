//! `dom0net addresses`: what was made up for guests, and is theirs from then on.

use clap::Args;
use dom0net::places::Places;
use dom0net::remember::Addresses;

use super::fail;
use super::output::{announce, json, out};

#[derive(Args)]
pub(crate) struct Remembered {
    /// Forget the addresses of the domain with this UUID.
    #[arg(long, value_name = "UUID")]
    forget: Option<String>,
    /// Print them as JSON.
    #[arg(long, conflicts_with = "forget")]
    json: bool,
}

impl Remembered {
    /// Runs the command and returns the exit status.
    pub(crate) fn run(&self) -> u8 {
        let places = Places::from_environment();
        if let Some(uuid) = &self.forget {
            return match Addresses::forget(&places, uuid, None) {
                Ok(0) => fail(&format!("no address is remembered for {uuid}")),
                Ok(count) => {
                    announce(&format!("{count} forgotten"));
                    0
                }
                Err(error) => fail(&error),
            };
        }
        match Addresses::all(&places) {
            Ok(known) if self.json => json(&known.into_iter().collect::<std::collections::BTreeMap<_, _>>()),
            Ok(known) if known.is_empty() => out("No address was made up for a guest.\n"),
            Ok(known) => {
                for (owner, remembered) in known {
                    // The name is a guest's: nothing in it may move the cursor.
                    let name = remembered.domain.escape_debug();
                    out(&format!("{owner}  {}  {name}\n", remembered.address));
                }
            }
            Err(error) => return fail(&error),
        }
        0
    }
}
