//! Changes of the host's network, as values that know their way back.

use std::fmt;

use ethernet::MacAddress;
use netkernel::address::Address;
use netkernel::link::{BridgeOptions, LinkChange, LinkName, PortOptions, PortVlan};
use netkernel::neighbour::Neighbour;
use netkernel::next_hop::NextHopObject;
use netkernel::route::Route;
use netkernel::rule::Rule;
use netkernel::sysctl::Sysctl;
use serde::{Deserialize, Serialize};

use crate::dhcp::Client;
use crate::guard::Policy;
use crate::openvswitch::SwitchPort;
use crate::translation::Translation;
use crate::vif::Port;

/// A network device: its index, which does not change, and the name that it has when the change is made.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Device {
    /// Its index.
    pub index: u32,
    /// Its name.
    pub name: LinkName,
}

impl fmt::Display for Device {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.name.fmt(f)
    }
}

/// One change of the host's network.
///
/// What was there before is part of the value, so that [`inverse`](Self::inverse) needs to ask nobody.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Change {
    /// Makes a bridge, down.
    CreateBridge(NewBridge),
    /// Deletes a bridge that was made so.
    DeleteBridge(NewBridge),
    /// Changes a device.
    Link {
        /// Which.
        device: Device,
        /// What it shall be.
        to: LinkChange,
        /// What it was, in the same respects.
        from: LinkChange,
    },
    /// Makes a pair of devices, down: what goes into one comes out of the other.
    CreatePair(NewPair),
    /// Deletes a pair that was made so.
    DeletePair(NewPair),
    /// Gives a device another name while it is in use. What the kernel ties to it stays.
    Rename(Device, LinkName),
    /// Makes a device a port of a bridge, or takes it out.
    Join {
        /// Which.
        device: Device,
        /// The bridge that it shall be a port of; none: of none.
        to: Option<Device>,
        /// The bridge that it was a port of.
        from: Option<Device>,
    },
    /// Changes how a bridge treats a port.
    PortOptions {
        /// Which port.
        device: Device,
        /// What it shall be.
        to: PortOptions,
        /// What it was, in the same respects.
        from: PortOptions,
    },
    /// Puts a port of a bridge that filters VLANs into others.
    PortVlans {
        /// Which port.
        device: Device,
        /// Those that it shall be in.
        to: Vec<PortVlan>,
        /// Those that it was in.
        from: Vec<PortVlan>,
    },
    /// Adds an address to the device. An IPv6 address that was found to be unique is not checked for that again.
    AddAddress(Device, Address),
    /// Removes an address from the device.
    RemoveAddress(Device, Address),
    /// Gives a device's IPv4 addresses these labels, which a change of its name has changed.
    Relabel {
        /// Which device.
        device: Device,
        /// All its IPv4 addresses, as they shall be; none: they are right as they are.
        to: Vec<Address>,
        /// The same for the way back.
        from: Vec<Address>,
    },
    /// Tells a device who has an address, so that it need not ask. What it learned goes with the device.
    TeachNeighbour(Device, Neighbour),
    /// Sets a route in place of another to the same destination with the same metric.
    SetRoute {
        /// What it shall be.
        to: Route,
        /// What it was; none: there was no such route.
        from: Option<Route>,
    },
    /// Removes a route.
    RemoveRoute(Route),
    /// Sets a next hop object in place of the one with its number.
    SetNextHop {
        /// What it shall be.
        to: NextHopObject,
        /// What it was.
        from: NextHopObject,
    },
    /// Puts a routing rule in place of another.
    ReplaceRule {
        /// What it shall be.
        to: Rule,
        /// What it was.
        from: Rule,
    },
    /// Adds a routing rule.
    AddRule(Rule),
    /// Removes it.
    RemoveRule(Rule),
    /// Answers for an address on a device.
    AddProxy(Device, Neighbour),
    /// Stops answering for it.
    RemoveProxy(Device, Neighbour),
    /// Says that a MAC address is behind a bridge port, for good.
    TieMac(Device, MacAddress),
    /// Takes that back.
    UntieMac(Device, MacAddress),
    /// Sets a kernel setting.
    Sysctl {
        /// Which.
        setting: Sysctl,
        /// What it shall be.
        to: String,
        /// What it was.
        from: String,
    },
    /// Puts the guard of a port in force on this device, in place of one that it may have.
    Guard(Port, LinkName, Policy),
    /// Takes the guard of a port away.
    Unguard(Port, LinkName, Policy),
    /// Puts the rules between a network and the outside in force, in place of those that it may have.
    Translate(Translation),
    /// Takes them away.
    Untranslate(Translation),
    /// Makes a port of Open vSwitch.
    AddSwitchPort(SwitchPort),
    /// Removes it.
    RemoveSwitchPort(SwitchPort),
    /// Ends a DHCP client on a device, without a word to its server.
    StopClient(ClientMove),
    /// Starts it on a device, with what it remembers of another.
    StartClient(ClientMove),
    /// Waits until a DHCP client on this device has got its lease.
    AwaitLease(Box<Client>, Device),
    /// Waits until the kernel delivers packets for the device's IPv6 addresses: it arranges that behind our back.
    AwaitLocalRoutes(Device),
    /// Waits until the device can pass traffic.
    AwaitRunning(Device),
}

/// A bridge to be made.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NewBridge {
    /// Its name, and an index that no device has.
    pub device: Device,
    /// Its options.
    pub options: BridgeOptions,
    /// What else it shall be.
    pub link: LinkChange,
}

/// A DHCP client on the move.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClientMove {
    /// The client.
    pub client: Box<Client>,
    /// The device on which it is ended or started.
    pub on: Device,
    /// The other one.
    pub other: Device,
}

/// A pair of devices to be made: their names, indices that no device has, and what else they shall be.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NewPair {
    /// One end.
    pub front: (Device, LinkChange),
    /// The other.
    pub back: (Device, LinkChange),
}

impl Change {
    /// The devices that this change makes.
    pub fn created(&self) -> impl Iterator<Item = &Device> {
        let created = match self {
            Self::CreateBridge(bridge) => [Some(&bridge.device), None],
            Self::CreatePair(pair) => [Some(&pair.front.0), Some(&pair.back.0)],
            _ => [None, None],
        };
        created.into_iter().flatten()
    }

    /// True when it is made to this device.
    #[must_use]
    pub fn concerns(&self, device: &Device) -> bool {
        match self {
            Self::CreateBridge(bridge) | Self::DeleteBridge(bridge) => bridge.device.index == device.index,
            Self::CreatePair(pair) | Self::DeletePair(pair) => {
                [pair.front.0.index, pair.back.0.index].contains(&device.index)
            }
            Self::Link { device: this, .. }
            | Self::Join { device: this, .. }
            | Self::Rename(this, _)
            | Self::PortOptions { device: this, .. }
            | Self::PortVlans { device: this, .. }
            | Self::Relabel { device: this, .. }
            | Self::AddAddress(this, _)
            | Self::RemoveAddress(this, _)
            | Self::TeachNeighbour(this, _)
            | Self::AddProxy(this, _)
            | Self::RemoveProxy(this, _)
            | Self::TieMac(this, _)
            | Self::UntieMac(this, _)
            | Self::AwaitLocalRoutes(this)
            | Self::AwaitLease(_, this)
            | Self::AwaitRunning(this)
            | Self::StartClient(ClientMove { on: this, .. }) => this.index == device.index,
            Self::SetRoute { to: route, .. } | Self::RemoveRoute(route) => route.uses(device.index),
            Self::SetNextHop { to, .. } => to.link() == Some(device.index),
            Self::ReplaceRule { to: rule, .. } | Self::AddRule(rule) | Self::RemoveRule(rule) => {
                rule.names(&device.name)
            }
            Self::Sysctl { setting, .. } => setting.is_of_link(&device.name),
            Self::Guard(_, name, _) | Self::Unguard(_, name, _) => *name == device.name,
            Self::AddSwitchPort(port) | Self::RemoveSwitchPort(port) => port.device == device.name.as_str(),
            // It is about names, or about a process, and needs no device.
            Self::Translate(_) | Self::Untranslate(_) | Self::StopClient(_) => false,
        }
    }

    /// The change that undoes this one; none when there is nothing to undo.
    #[must_use]
    pub fn inverse(&self) -> Option<Self> {
        Some(match self.clone() {
            Self::CreateBridge(bridge) => Self::DeleteBridge(bridge),
            Self::DeleteBridge(bridge) => Self::CreateBridge(bridge),
            Self::CreatePair(pair) => Self::DeletePair(pair),
            Self::DeletePair(pair) => Self::CreatePair(pair),
            Self::Rename(device, to) => {
                let from = device.name;
                Self::Rename(Device { name: to, ..device }, from)
            }
            Self::Link { device, to, from } => {
                let device = Device { name: to.name.clone().unwrap_or(device.name), ..device };
                Self::Link { device, to: from, from: to }
            }
            Self::Join { device, to, from } => Self::Join { device, to: from, from: to },
            Self::PortOptions { device, to, from } => Self::PortOptions { device, to: from, from: to },
            Self::PortVlans { device, to, from } => Self::PortVlans { device, to: from, from: to },
            Self::AddAddress(device, address) => Self::RemoveAddress(device, address),
            Self::RemoveAddress(device, address) => Self::AddAddress(device, address),
            Self::Relabel { device, to, from } => Self::Relabel { device, to: from, from: to },
            Self::SetRoute { to, from: Some(from) } => Self::SetRoute { to: from, from: Some(to) },
            Self::SetRoute { to, from: None } => Self::RemoveRoute(to),
            Self::RemoveRoute(route) => Self::SetRoute { to: route, from: None },
            Self::SetNextHop { to, from } => Self::SetNextHop { to: from, from: to },
            Self::ReplaceRule { to, from } => Self::ReplaceRule { to: from, from: to },
            Self::AddRule(rule) => Self::RemoveRule(rule),
            Self::RemoveRule(rule) => Self::AddRule(rule),
            Self::AddProxy(device, neighbour) => Self::RemoveProxy(device, neighbour),
            Self::RemoveProxy(device, neighbour) => Self::AddProxy(device, neighbour),
            Self::TieMac(device, mac) => Self::UntieMac(device, mac),
            Self::UntieMac(device, mac) => Self::TieMac(device, mac),
            Self::Sysctl { setting, to, from } => Self::Sysctl { setting, to: from, from: to },
            Self::Guard(port, device, policy) => Self::Unguard(port, device, policy),
            Self::Unguard(port, device, policy) => Self::Guard(port, device, policy),
            Self::AddSwitchPort(port) => Self::RemoveSwitchPort(port),
            Self::RemoveSwitchPort(port) => Self::AddSwitchPort(port),
            Self::Translate(translation) => Self::Untranslate(translation),
            Self::Untranslate(translation) => Self::Translate(translation),
            Self::StopClient(client) => Self::StartClient(client),
            Self::StartClient(client) => Self::StopClient(client),
            Self::TeachNeighbour(..)
            | Self::AwaitLocalRoutes(_)
            | Self::AwaitRunning(_)
            | Self::AwaitLease(..) => return None,
        })
    }
}

/// One line for people, in the imperative: "add 10.0.0.1/24 to xenbr0".
impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::CreateBridge(bridge) => write!(f, "create bridge {}", bridge.device),
            Self::DeleteBridge(bridge) => write!(f, "delete bridge {}", bridge.device),
            Self::CreatePair(pair) => write!(f, "create the pair of {} and {}", pair.front.0, pair.back.0),
            Self::DeletePair(pair) => write!(f, "delete the pair of {} and {}", pair.front.0, pair.back.0),
            Self::Link { device, to, .. } => write!(f, "{device}: {to}"),
            Self::Rename(device, to) => write!(f, "rename {device} to {to}"),
            Self::Join { device, to: Some(bridge), .. } => write!(f, "make {device} a port of {bridge}"),
            Self::Join { device, to: None, from } => match from {
                Some(bridge) => write!(f, "take {device} out of {bridge}"),
                None => write!(f, "make {device} nobody's port"),
            },
            Self::PortOptions { device, to, .. } => write!(f, "{device}: {}", port_words(to)),
            Self::PortVlans { device, to, .. } => {
                let ids: Vec<String> = to.iter().map(|vlan| vlan.id.to_string()).collect();
                write!(f, "put {device} into VLAN {}", ids.join(", "))
            }
            Self::AddAddress(device, address) => write!(f, "add {address} to {device}"),
            Self::RemoveAddress(device, address) => write!(f, "remove {address} from {device}"),
            Self::TeachNeighbour(device, neighbour) => {
                write!(f, "tell {device} who has {}", neighbour.address)
            }
            Self::Relabel { device, .. } => write!(f, "keep the labels of the addresses of {device}"),
            Self::SetRoute { to, .. } => write!(f, "set route {to}"),
            Self::RemoveRoute(route) => write!(f, "remove route {route}"),
            Self::SetNextHop { to, .. } => write!(f, "set next hop {to}"),
            Self::ReplaceRule { to, .. } => write!(f, "set rule {to}"),
            Self::AddRule(rule) => write!(f, "add rule {rule}"),
            Self::RemoveRule(rule) => write!(f, "remove rule {rule}"),
            Self::AddProxy(device, neighbour) => {
                write!(f, "answer for {} on {device}", neighbour.address)
            }
            Self::RemoveProxy(device, neighbour) => {
                write!(f, "stop answering for {} on {device}", neighbour.address)
            }
            Self::TieMac(device, mac) => write!(f, "tie {mac} to {device}"),
            Self::UntieMac(device, mac) => write!(f, "untie {mac} from {device}"),
            Self::Sysctl { setting, to, .. } => write!(f, "set {setting} to {to}"),
            Self::Guard(_, device, policy) => write!(f, "guard {device}: {policy}"),
            Self::Unguard(_, device, _) => write!(f, "take the guard of {device} away"),
            Self::AddSwitchPort(port) => port.fmt(f),
            Self::RemoveSwitchPort(port) => {
                write!(f, "take the port of {} away from Open vSwitch", port.owner)
            }
            Self::Translate(translation) => write!(f, "{translation}"),
            Self::Untranslate(translation) => write!(f, "take the rules of {} away", translation.name),
            Self::StopClient(ClientMove { client, on, .. }) => {
                write!(f, "end {} on {on}, and keep its lease", client.program.name())
            }
            Self::StartClient(ClientMove { client, on, .. }) => {
                write!(f, "start {} on {on}, for the same lease", client.program.name())
            }
            Self::AwaitLease(client, device) => {
                write!(f, "wait until {} has the lease on {device}", client.program.name())
            }
            Self::AwaitLocalRoutes(device) => write!(f, "wait until {device} takes IPv6 packets"),
            Self::AwaitRunning(device) => write!(f, "wait until {device} passes traffic"),
        }
    }
}

fn port_words(options: &PortOptions) -> String {
    let words = [
        ("learning", options.learning),
        ("locked", options.locked),
        ("isolated", options.isolated),
        ("hairpin", options.hairpin),
        ("BPDU guard", options.bpdu_guard),
        ("unicast flood", options.unicast_flood),
        ("multicast flood", options.multicast_flood),
        ("broadcast flood", options.broadcast_flood),
        ("neighbour suppression", options.neighbour_suppression),
    ];
    let words: Vec<String> = words
        .into_iter()
        .filter_map(|(word, value)| Some(format!("{word} {}", if value? { "on" } else { "off" })))
        .collect();
    words.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::vif::{PortKind, Vif};

    fn device(name: &str) -> Device {
        Device { index: 3, name: LinkName::new(name).unwrap() }
    }

    fn samples() -> Vec<Change> {
        let address = Address::new(3, "10.0.0.1".parse().unwrap(), 24);
        let route = Route::to("10.1.0.0".parse().unwrap(), 16).through(3);
        let port = Port { vif: Vif { domid: 1, devid: 0 }, kind: PortKind::Vif };
        let mac = "00:16:3e:27:95:c0".parse().unwrap();
        let named =
            |name: &str| LinkChange { name: Some(LinkName::new(name).unwrap()), ..LinkChange::default() };
        vec![
            Change::CreateBridge(NewBridge {
                device: device("xenbr0"),
                options: BridgeOptions::default(),
                link: LinkChange::default(),
            }),
            Change::Link { device: device("vif1.0"), to: named("http"), from: named("vif1.0") },
            Change::Rename(device("eth0"), LinkName::new("peth0").unwrap()),
            Change::CreatePair(NewPair {
                front: (device("eth0"), LinkChange::default()),
                back: (device("vif0.0"), LinkChange::default()),
            }),
            Change::Join { device: device("http"), to: Some(device("xenbr0")), from: None },
            Change::AddAddress(device("xenbr0"), address),
            Change::SetRoute { to: route.moved(3, 4), from: Some(route.clone()) },
            Change::SetRoute { to: route, from: None },
            Change::TieMac(device("vif1.0"), mac),
            Change::Guard(port, LinkName::new("vif1.0").unwrap(), Policy::mac_only(mac)),
        ]
    }

    #[test]
    fn the_inverse_of_the_inverse_is_the_change() {
        for change in samples() {
            assert_eq!(change.inverse().and_then(|back| back.inverse()), Some(change));
        }
    }

    #[test]
    fn a_rename_is_undone_under_the_new_name() {
        let Some(Change::Link { device, .. }) = samples()[1].inverse() else { panic!() };
        assert_eq!(device.name.as_str(), "http");
        let Some(Change::Rename(device, to)) = samples()[2].inverse() else { panic!() };
        assert_eq!((device.name.as_str(), to.as_str()), ("peth0", "eth0"));
    }

    #[test]
    fn changes_survive_the_journal() {
        for change in samples() {
            let text = serde_json::to_string(&change).unwrap();
            assert_eq!(serde_json::from_str::<Change>(&text).unwrap(), change, "{text}");
        }
    }
}
