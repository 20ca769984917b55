//! How a network that was started differs from what it should be.

use std::fmt;

use netkernel::link::Link;

use super::error::Error;
use super::record::{Record, State};
use super::snapshot::Snapshot;
use crate::dhcp;
use crate::plan::Kernel;

/// Something that is not as `start` has left it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Difference {
    /// The network is between two states: a start or stop was killed, or is under way.
    HalfDone,
    /// A device is gone.
    Gone(String),
    /// A device has another name.
    Renamed {
        /// What it should be called.
        wanted: String,
        /// What it is called.
        is: String,
    },
    /// A device is down.
    Down(String),
    /// There is no link partner.
    NoCarrier(String),
    /// The card is not a port of the bridge.
    NotAPort {
        /// The card.
        card: String,
        /// The bridge.
        bridge: String,
    },
    /// The card has addresses, which belong on the device in front.
    Addresses {
        /// The card.
        card: String,
        /// The addresses.
        addresses: Vec<String>,
    },
    /// Routes lead through the card, which should lead through the device in front.
    Routes {
        /// The card.
        card: String,
        /// The routes.
        routes: Vec<String>,
    },
    /// A DHCP client that went with the addresses does not run.
    NoClient {
        /// Its program.
        program: &'static str,
        /// The device on which it should run.
        device: String,
    },
    /// Whether the bridge speaks the spanning tree protocol is not as it was wanted.
    SpanningTree {
        /// The bridge.
        bridge: String,
        /// Whether it should.
        wanted: bool,
    },
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::HalfDone => {
                f.write_str("its start or stop is under way, or was cut short; then say: dom0net recover")
            }
            Self::Gone(name) => write!(f, "{name} is gone"),
            Self::Renamed { wanted, is } => write!(f, "{wanted} is called {is} now"),
            Self::Down(name) => write!(f, "{name} is down"),
            Self::NoCarrier(name) => write!(f, "{name} has no carrier"),
            Self::NotAPort { card, bridge } => write!(f, "{card} is not a port of {bridge}"),
            Self::Addresses { card, addresses } => {
                write!(f, "{card} has addresses, which a bridge port should not: {}", addresses.join(", "))
            }
            Self::Routes { card, routes } => {
                write!(
                    f,
                    "routes lead through {card}, which a bridge port should not have: {}",
                    routes.join(", ")
                )
            }
            Self::NoClient { program, device } => {
                write!(f, "{program} does not run on {device}, and nobody keeps its lease alive")
            }
            Self::SpanningTree { bridge, wanted: true } => {
                write!(f, "{bridge} does not speak the spanning tree protocol, and should")
            }
            Self::SpanningTree { bridge, wanted: false } => {
                write!(f, "{bridge} speaks the spanning tree protocol, and should not")
            }
        }
    }
}

/// How a network differs from what its record says.
pub fn differences(kernel: &mut Kernel, record: &Record) -> Result<Vec<Difference>, Error> {
    let mut found = Vec::new();
    if record.state != State::Started {
        found.push(Difference::HalfDone);
    }
    let mut devices = vec![&record.bridge, &record.uplink];
    devices.extend((record.front() != &record.bridge).then(|| record.front()));
    devices.extend(record.shape.back());
    let mut links = Vec::new();
    for device in devices {
        let link = kernel.route.link_at(device.index)?;
        found.extend(wrong_with(device.name.as_str(), link.as_ref()));
        if *device == record.uplink && link.as_ref().is_some_and(|card| card.is_up() && !card.carrier) {
            found.push(Difference::NoCarrier(device.name.to_string()));
        }
        links.push(link);
    }
    let [Some(bridge), Some(card), ..] = &links[..] else { return Ok(found) };
    if card.master != Some(bridge.index) {
        found.push(Difference::NotAPort { card: card.name.clone(), bridge: bridge.name.clone() });
    }
    let stp = bridge.bridge.as_ref().and_then(|options| options.stp);
    if stp.is_some_and(|stp| stp != record.stp) {
        found.push(Difference::SpanningTree { bridge: bridge.name.clone(), wanted: record.stp });
    }
    found.extend(record.clients.iter().filter(|client| !dhcp::is_running(client, &record.front().name)).map(
        |client| Difference::NoClient {
            program: client.program.name(),
            device: record.front().name.to_string(),
        },
    ));
    found.extend(left_on_card(kernel, record)?);
    Ok(found)
}

fn wrong_with(wanted: &str, link: Option<&Link>) -> Vec<Difference> {
    let Some(link) = link else { return vec![Difference::Gone(wanted.to_owned())] };
    let mut found = Vec::new();
    if link.name != wanted {
        found.push(Difference::Renamed { wanted: wanted.to_owned(), is: link.name.clone() });
    }
    if !link.is_up() {
        found.push(Difference::Down(link.name.clone()));
    }
    found
}

fn left_on_card(kernel: &mut Kernel, record: &Record) -> Result<Vec<Difference>, Error> {
    let Some(card) = Snapshot::take(kernel, &record.uplink.name)? else { return Ok(Vec::new()) };
    let name = card.device.name.to_string();
    let addresses: Vec<String> = card.addresses.iter().map(ToString::to_string).collect();
    let routes: Vec<String> = card.routes.iter().map(ToString::to_string).collect();
    let mut found = Vec::new();
    if !addresses.is_empty() {
        found.push(Difference::Addresses { card: name.clone(), addresses });
    }
    if !routes.is_empty() {
        found.push(Difference::Routes { card: name, routes });
    }
    Ok(found)
}
