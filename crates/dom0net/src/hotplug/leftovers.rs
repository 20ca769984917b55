//! What vifs have left whose end nobody told of, all of it: looked for when a network starts and when all is put right, because
//! finding it takes lists that no plug reads.

use std::collections::BTreeSet;

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
    let mut swept: BTreeSet<Port> = abandoned_guards(kernel)?;
    for port in &swept {
        Guard::of(*port).remove(kernel.filter()?)?;
    }
    swept.extend(traces?);
    Ok(swept.into_iter().collect())
}

/// Whose it is, without taking it away.
pub fn abandoned(kernel: &mut Kernel, places: &Places) -> Result<Vec<Port>, Error> {
    let mut ports = abandoned_guards(kernel)?;
    ports.extend(Traces::of(places).abandoned(kernel)?);
    Ok(ports.into_iter().collect())
}

/// The guards that kernels which tie them to names have kept: those whose device has gone, and whose domain xenstore knows nothing of.
/// One of a domain that is there may be about to get its device.
fn abandoned_guards(kernel: &mut Kernel) -> Result<BTreeSet<Port>, Error> {
    // In this order: who is plugged meanwhile has no guard yet, or a device.
    let mut ports = guarded_ports(kernel.filter()?)?;
    if ports.is_empty() {
        return Ok(ports);
    }
    for link in kernel.route.links()? {
        if let Some(port) = Port::of_device(&link.name, link.alias.as_deref()) {
            ports.remove(&port);
        }
    }
    if ports.is_empty() {
        return Ok(ports);
    }
    // Without xenstore nobody can tell.
    let Ok(mut store) = Client::open() else { return Ok(BTreeSet::new()) };
    let domids: BTreeSet<u32> = ports.iter().map(|port| port.vif.domid).collect();
    let gone = gone(&mut store, &Vec::from_iter(domids));
    ports.retain(|port| gone.contains(&port.vif.domid));
    Ok(ports)
}
