//! The state of networks.

use dom0net::inventory;
use dom0net::network::{self, Arguments, Records};
use dom0net::places::Places;
use dom0net::plan::Kernel;

use super::output::{json, out};

/// Shows the bridge that was named, or all of the host's.
pub(crate) fn networks(
    kernel: &mut Kernel,
    arguments: &Arguments,
    as_json: bool,
) -> Result<(), network::Error> {
    let records = Records::of(&Places::from_environment());
    let mut inventory = inventory::collect(kernel, &records)?;
    if let Some(wanted) = &arguments.bridge {
        inventory.bridges.retain(|bridge| bridge.name == wanted.as_str());
        if inventory.bridges.is_empty() {
            return Err(network::Error::NoBridge(wanted.clone()));
        }
    }
    if as_json {
        json(&inventory.bridges);
    } else if inventory.bridges.is_empty() {
        out("This host has no bridge.\n");
    } else {
        out(&inventory::bridges(&inventory.bridges));
    }
    Ok(())
}
