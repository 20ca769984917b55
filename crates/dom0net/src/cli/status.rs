//! The state of networks.

use dom0net::inventory::{self, Bridge};
use dom0net::network::{self, Arguments, Records};
use dom0net::places::Places;
use dom0net::plan::Kernel;
use serde::Serialize;

use super::output::{json, out};

/// What there is, and how it differs from what there should be.
#[derive(Serialize)]
struct Status {
    bridges: Vec<Bridge>,
    differences: Vec<Different>,
}

#[derive(Serialize)]
struct Different {
    bridge: String,
    /// A sentence.
    what: String,
}

/// Shows the bridge that was named, or all of the host's. Returns false when a network is not as it was started.
pub(crate) fn networks(
    kernel: &mut Kernel,
    arguments: &Arguments,
    as_json: bool,
) -> Result<bool, network::Error> {
    let records = Records::of(&Places::from_environment());
    let mut bridges = inventory::outline(kernel, &records)?.bridges;
    let differences = differences(kernel, &records, arguments)?;
    if let Some(wanted) = &arguments.bridge {
        bridges.retain(|bridge| bridge.name == wanted.as_str());
        if bridges.is_empty() && differences.is_empty() {
            return Err(network::Error::NoBridge(wanted.clone()));
        }
    }
    let all_well = differences.is_empty();
    let status = Status { bridges, differences };
    if as_json {
        json(&status);
        return Ok(all_well);
    }
    if status.bridges.is_empty() {
        out("This host has no bridge.\n");
    } else {
        out(&inventory::bridges(&status.bridges));
    }
    for Different { bridge, what } in &status.differences {
        out(&format!("{bridge}: {what}\n"));
    }
    Ok(all_well)
}

fn differences(
    kernel: &mut Kernel,
    records: &Records,
    arguments: &Arguments,
) -> Result<Vec<Different>, network::Error> {
    let is_meant =
        |name: &netkernel::link::LinkName| arguments.bridge.as_ref().is_none_or(|wanted| wanted == name);
    let mut all = Vec::new();
    for record in records.all()?.iter().filter(|record| is_meant(&record.bridge.name)) {
        let found = network::differences(kernel, record)?;
        all.extend(found.iter().map(|difference| Different {
            bridge: record.bridge.name.to_string(),
            what: difference.to_string(),
        }));
    }
    Ok(all)
}
