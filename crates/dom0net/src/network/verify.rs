//! Whether the world can still be reached: the gateways that answered through the card must answer through the bridge.
//!
//! The kernel does the asking, with ARP or neighbour solicitations, and its neighbour table tells who has answered.

use std::net::IpAddr;
use std::thread;
use std::time::{Duration, Instant};

use netkernel::neighbour::{Neighbour, neighbour_state};
use netkernel::netlink;

use super::error::Error;
use super::snapshot::Snapshot;
use crate::plan::{Device, Kernel};

/// How long a gateway may take to answer before anything is changed. One that takes longer is not expected to answer
/// afterwards.
const PATIENCE_BEFORE: Duration = Duration::from_secs(1);
/// How long a gateway that answered before may take to answer afterwards. The kernel asks three times, a second apart.
const PATIENCE_AFTER: Duration = Duration::from_secs(5);
const PAUSE: Duration = Duration::from_millis(2);

/// `NTF_USE`: ask as if there were a packet to send.
const USE: u8 = 1;

/// The gateways that answer through the card.
pub(super) fn answering_gateways(kernel: &mut Kernel, card: &Snapshot) -> Result<Vec<IpAddr>, Error> {
    let mut gateways: Vec<IpAddr> = card.gateways().collect();
    gateways.sort_unstable();
    gateways.dedup();
    let silent = ask(kernel, &card.device, &gateways, PATIENCE_BEFORE)?;
    gateways.retain(|gateway| !silent.contains(gateway));
    Ok(gateways)
}

/// Waits until all of these gateways have answered through the bridge.
pub(super) fn verify(kernel: &mut Kernel, bridge: &Device, gateways: &[IpAddr]) -> Result<(), Error> {
    match ask(kernel, bridge, gateways, PATIENCE_AFTER)?.first() {
        None => Ok(()),
        Some(gateway) => Err(Error::GatewayLost { bridge: bridge.name.clone(), gateway: *gateway }),
    }
}

/// Asks who has each of these addresses, and returns those that nobody says to have within `patience`.
fn ask(
    kernel: &mut Kernel,
    device: &Device,
    addresses: &[IpAddr],
    patience: Duration,
) -> Result<Vec<IpAddr>, netlink::Error> {
    let mut silent = addresses.to_vec();
    let end = Instant::now() + patience;
    loop {
        let known = kernel.route.neighbours(device.index)?;
        let entry = |address: &IpAddr| known.iter().find(|entry| entry.address == *address);
        silent.retain(|address| !entry(address).is_some_and(has_answered));
        if silent.is_empty() || Instant::now() > end {
            return Ok(silent);
        }
        for &address in &silent {
            if let Some(question) = question(device, address, entry(&address)) {
                kernel.route.set_neighbour(&question)?;
            }
        }
        thread::sleep(PAUSE);
    }
}

/// Someone has said to have the address; or nobody needs to.
fn has_answered(entry: &Neighbour) -> bool {
    let states = neighbour_state::REACHABLE | neighbour_state::PERMANENT | neighbour_state::NOARP;
    entry.state & states != 0
}

/// How to make the kernel ask; none while it does.
///
/// A question under way ends without an answer when the other side asks first: then it has to be asked again.
fn question(device: &Device, address: IpAddr, entry: Option<&Neighbour>) -> Option<Neighbour> {
    match entry {
        Some(entry) if entry.state & (neighbour_state::PROBE | neighbour_state::INCOMPLETE) != 0 => None,
        Some(entry) if entry.mac.is_some() => {
            Some(Neighbour { state: neighbour_state::PROBE, flags: 0, ..entry.clone() })
        }
        _ => Some(Neighbour { link: device.index, address, mac: None, state: 0, flags: USE }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use netkernel::link::LinkName;

    fn asked(state: u16, mac: bool) -> Option<Neighbour> {
        let device = Device { index: 2, name: LinkName::new("eth0").unwrap() };
        let address = "10.0.0.254".parse().unwrap();
        let mac = mac.then(|| "00:16:3e:00:00:fe".parse().unwrap());
        let entry = Neighbour { link: 2, address, mac, state, flags: 0 };
        question(&device, address, Some(&entry))
    }

    #[test]
    fn a_question_that_was_overtaken_is_asked_again() {
        assert_eq!(asked(neighbour_state::PROBE, true), None);
        assert_eq!(asked(neighbour_state::INCOMPLETE, false), None);
        assert_eq!(asked(neighbour_state::STALE, true).unwrap().state, neighbour_state::PROBE);
        assert_eq!(asked(neighbour_state::FAILED, false).unwrap().flags, USE);
    }
}
