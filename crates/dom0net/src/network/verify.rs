//! Whether the world can still be reached.

use std::net::IpAddr;
use std::thread;
use std::time::{Duration, Instant};

use netkernel::neighbour::{Neighbour, neighbour_state};

use super::error::Error;
use super::snapshot::Snapshot;
use crate::plan::{Device, Kernel};

/// How long a gateway that answered before may take to answer afterwards. The kernel asks three times, a second apart.
const PATIENCE: Duration = Duration::from_secs(5);
const PAUSE: Duration = Duration::from_millis(2);

/// The gateways that are known to answer through the card.
pub(super) fn answering_gateways(card: &Snapshot) -> Vec<IpAddr> {
    let answers = |gateway: &IpAddr| {
        let known = card.neighbours.iter().find(|neighbour| neighbour.address == *gateway);
        known.is_some_and(Neighbour::is_valid)
    };
    card.gateways().filter(answers).collect()
}

/// Makes the kernel ask for each of the gateways through the bridge, and waits until they have answered.
pub(super) fn verify(kernel: &mut Kernel, bridge: &Device, gateways: &[IpAddr]) -> Result<(), Error> {
    let mut waiting: Vec<IpAddr> = gateways.to_vec();
    for &gateway in gateways {
        let known = kernel.route.neighbours(bridge.index)?;
        let Some(entry) = known.into_iter().find(|entry| entry.address == gateway) else { continue };
        let asked = Neighbour { state: neighbour_state::PROBE, flags: 0, ..entry };
        kernel.route.set_neighbour(&asked)?;
    }
    let end = Instant::now() + PATIENCE;
    loop {
        let known = kernel.route.neighbours(bridge.index)?;
        let fixed = neighbour_state::REACHABLE | neighbour_state::PERMANENT | neighbour_state::NOARP;
        waiting.retain(|gateway| {
            !known.iter().any(|entry| entry.address == *gateway && entry.state & fixed != 0)
        });
        match waiting.first() {
            None => return Ok(()),
            Some(gateway) if Instant::now() > end => {
                return Err(Error::GatewayLost { bridge: bridge.name.clone(), gateway: *gateway });
            }
            Some(_) => thread::sleep(PAUSE),
        }
    }
}
