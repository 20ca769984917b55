//! What vifs have left whose end nobody told of, all of it: looked for when a network starts and when all is put right, because
//! finding it takes lists that no plug reads.

use std::panic::resume_unwind;
use std::thread;

use netkernel::link::Link;
use netkernel::netlink;
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
    let guards = GuardedPorts::list(kernel)?;
    let abandoned = if guards.0.is_empty() { Vec::new() } else { guards.abandoned(&kernel.route.links()?) };
    for port in &abandoned {
        Guard::of(*port).remove(kernel.filter()?)?;
    }
    Ok(each_once(abandoned, traces?))
}

/// The ports that had a guard at one moment.
#[derive(Debug, Default)]
pub struct GuardedPorts(Vec<Port>);

impl GuardedPorts {
    /// Lists them.
    fn list(kernel: &mut Kernel) -> Result<Self, Error> {
        Ok(Self(guarded_ports(kernel.filter()?)?))
    }

    /// Lists them and, at the same time, all devices: with thousands both take their time.
    pub fn list_beside_links(
        kernel: &mut Kernel,
    ) -> (Result<Self, Error>, Result<Vec<Link>, netlink::Error>) {
        let (route, filter) = kernel.both();
        thread::scope(|scope| {
            let guarded = scope.spawn(|| filter.and_then(guarded_ports));
            let links = route.links();
            let guarded = guarded.join().unwrap_or_else(|panic| resume_unwind(panic));
            (guarded.map(Self).map_err(Error::from), links)
        })
    }

    /// Those whose device is not among these.
    fn without(mut self, links: &[Link]) -> Self {
        let mut there: Vec<Port> =
            links.iter().filter_map(|link| Port::of_device(&link.name, link.alias.as_deref())).collect();
        there.sort_unstable();
        self.0.retain(|port| there.binary_search(port).is_err());
        self
    }

    /// Those of which a guard is left that nobody needs: kernels which tie guards to names have kept it. Its device is not among
    /// `links`, and xenstore knows nothing of its domain. One of a domain that is there may be about to get its device.
    ///
    /// The devices are to be listed after the guards: who is plugged meanwhile has no guard yet, or a device.
    fn abandoned(self, links: &[Link]) -> Vec<Port> {
        let Self(mut ports) = self.without(links);
        if ports.is_empty() {
            return ports;
        }
        // Without xenstore nobody can tell.
        let Ok(mut store) = Client::open() else { return Vec::new() };
        let mut domids: Vec<u32> = ports.iter().map(|port| port.vif.domid).collect();
        domids.dedup();
        let gone = gone(&mut store, &domids);
        ports.retain(|port| gone.contains(&port.vif.domid));
        ports
    }
}

/// Whose it is, without taking it away. `links`: all devices, as they were about the time when the guards were listed.
pub fn abandoned(
    kernel: &mut Kernel,
    places: &Places,
    guarded: GuardedPorts,
    links: &[Link],
) -> Result<Vec<Port>, Error> {
    let suspects = guarded.without(links);
    // There is none as a rule. Where there is, the devices must be listed after the guards.
    let guards = if suspects.0.is_empty() { Vec::new() } else { suspects.abandoned(&kernel.route.links()?) };
    Ok(each_once(guards, Traces::of(places).abandoned(kernel)?))
}

fn each_once(mut ports: Vec<Port>, others: Vec<Port>) -> Vec<Port> {
    ports.extend(others);
    ports.sort_unstable();
    ports.dedup();
    ports
}
