//! The state of networks.

use dom0net::hotplug;
use dom0net::inventory::{self, Bridge};
use dom0net::network::{self, Arguments, Record, Records};
use dom0net::places::Places;
use dom0net::plan::Kernel;
use netkernel::link::Link;
use serde::Serialize;

use super::output::{json, out};

/// What there is, and how it differs from what there should be.
#[derive(Serialize)]
struct Status {
    bridges: Vec<Bridge>,
    differences: Vec<Different>,
    /// The vifs that have gone without a word, and of which something is left.
    leftovers: Vec<String>,
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
    let records = Records::of(&Places::from_environment()).all()?;
    // Of which network leftovers were is not known any more.
    let (guarded, links) = if arguments.bridge.is_some() {
        (None, kernel.route.links()?)
    } else {
        let (guarded, links) = hotplug::GuardedPorts::list_beside_links(kernel);
        (Some(guarded), links?)
    };
    let mut bridges = inventory::bridges(kernel, &records, &links)?;
    let differences = differences(kernel, &records, arguments)?;
    if let Some(wanted) = &arguments.bridge {
        bridges.retain(|bridge| bridge.name == wanted.as_str());
        if bridges.is_empty() && differences.is_empty() {
            return Err(network::Error::NoBridge(wanted.clone()));
        }
    }
    let all_well = differences.is_empty();
    let leftovers = guarded.map(|guarded| leftovers(kernel, guarded, &links)).unwrap_or_default();
    let status = Status { bridges, differences, leftovers };
    if as_json {
        json(&status);
        return Ok(all_well);
    }
    if status.bridges.is_empty() {
        out("This host has no bridge.\n");
    } else {
        out(&inventory::bridge_lines(&status.bridges));
    }
    for Different { bridge, what } in &status.differences {
        out(&format!("{bridge}: {what}\n"));
    }
    out(&left(&status.leftovers));
    Ok(all_well)
}

/// The vifs of which something is left that nobody took away. That it cannot be found out is no fault of the network.
fn leftovers(
    kernel: &mut Kernel,
    guarded: Result<hotplug::GuardedPorts, hotplug::Error>,
    links: &[Link],
) -> Vec<String> {
    let places = Places::from_environment();
    let ports = guarded.and_then(|guarded| hotplug::abandoned(kernel, &places, guarded, links));
    ports.unwrap_or_default().iter().map(ToString::to_string).collect()
}

/// A line for each of them, with what to do.
fn left(ports: &[String]) -> String {
    let line = |port: &String| {
        format!("{port} has gone without a word; dom0net recover takes away what is left of it\n")
    };
    ports.iter().map(line).collect()
}

/// Tells of what vifs have left, where networks are shown one by one.
pub(crate) fn tell_of_leftovers() {
    let Ok(mut kernel) = Kernel::open() else { return };
    let (guarded, Ok(links)) = hotplug::GuardedPorts::list_beside_links(&mut kernel) else { return };
    out(&left(&leftovers(&mut kernel, guarded, &links)));
}

fn differences(
    kernel: &mut Kernel,
    records: &[Record],
    arguments: &Arguments,
) -> Result<Vec<Different>, network::Error> {
    let is_meant =
        |name: &netkernel::link::LinkName| arguments.bridge.as_ref().is_none_or(|wanted| wanted == name);
    let mut all = Vec::new();
    for record in records.iter().filter(|record| is_meant(&record.bridge.name)) {
        let found = network::differences(kernel, record)?;
        all.extend(found.iter().map(|difference| Different {
            bridge: record.bridge.name.to_string(),
            what: difference.to_string(),
        }));
    }
    Ok(all)
}
