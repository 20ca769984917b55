//! What vifs have left whose end nobody told of, all of it: looked for when a network starts and when all is put right, because
//! finding it takes lists that no plug reads.

use xenstore::Client;

use super::error::Error;
use super::former::gone;
use super::traces::Traces;
use crate::guard::{Guard, guarded_ports};
use crate::places::Places;
use crate::plan::Kernel;
use crate::vif::Port;

/// Takes it away, and returns whose it was.
pub fn sweep_all(kernel: &mut Kernel, places: &Places) -> Result<Vec<Port>, Error> {
    // What cannot be swept of one kind keeps nothing of another.
    let traces = Traces::of(places).sweep_all(kernel);
    let guards = abandoned_guards(kernel)?;
    for port in &guards {
        Guard::of(*port).remove(kernel.filter()?)?;
    }
    Ok(each_once(guards, traces?))
}

/// Whose it is, without taking it away.
pub fn abandoned(kernel: &mut Kernel, places: &Places) -> Result<Vec<Port>, Error> {
    Ok(each_once(abandoned_guards(kernel)?, Traces::of(places).abandoned(kernel)?))
}

fn each_once(mut ports: Vec<Port>, others: Vec<Port>) -> Vec<Port> {
    ports.extend(others);
    ports.sort_unstable();
    ports.dedup();
    ports
}

/// The guards that kernels which tie them to names have kept: those whose device has gone, and whose domain xenstore knows nothing of.
/// One of a domain that is there may be about to get its device.
fn abandoned_guards(kernel: &mut Kernel) -> Result<Vec<Port>, Error> {
    // In this order: who is plugged meanwhile has no guard yet, or a device.
    let mut ports = guarded_ports(kernel.filter()?)?;
    if ports.is_empty() {
        return Ok(ports);
    }
    let links = kernel.route.links()?;
    let mut there: Vec<Port> =
        links.iter().filter_map(|link| Port::of_device(&link.name, link.alias.as_deref())).collect();
    there.sort_unstable();
    ports.retain(|port| there.binary_search(port).is_err());
    if ports.is_empty() {
        return Ok(ports);
    }
    // Without xenstore nobody can tell.
    let Ok(mut store) = Client::open() else { return Ok(Vec::new()) };
    let mut domids: Vec<u32> = ports.iter().map(|port| port.vif.domid).collect();
    domids.dedup();
    let gone = gone(&mut store, &domids);
    ports.retain(|port| gone.contains(&port.vif.domid));
    Ok(ports)
}
