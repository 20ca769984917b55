//! `dom0net show`: who is where.

use std::mem;

use clap::Args;
use dom0net::inventory;
use dom0net::network::Records;
use dom0net::places::Places;
use dom0net::plan::Kernel;

use super::fail;
use super::output::{json, out};

#[derive(Args)]
#[command(after_help = "\
Examples:
  dom0net show
  dom0net show --drawing
  dom0net show --json | jq '.domains[].vifs[].guard'")]
pub(crate) struct Show {
    /// Draw it.
    #[arg(long)]
    drawing: bool,
    /// Print it as JSON.
    #[arg(long, conflicts_with = "drawing")]
    json: bool,
}

impl Show {
    /// Runs the command and returns the exit status.
    pub(crate) fn run(&self) -> u8 {
        let records = Records::of(&Places::from_environment());
        let collect = if self.json { inventory::collect } else { inventory::collect_shown };
        let collected = Kernel::open().and_then(|mut kernel| collect(&mut kernel, &records));
        let inventory = match collected {
            Ok(inventory) => inventory,
            Err(error) => return fail(&error),
        };
        if self.json {
            json(&inventory);
        } else if self.drawing {
            out(&inventory::drawing(&inventory));
        } else {
            out(&inventory::listing(&inventory));
        }
        // The program ends: of thousands of guests, giving back piece by piece what the kernel takes back at once takes its time.
        mem::forget(inventory);
        0
    }
}
